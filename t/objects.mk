
# Copyright (C) The ngx_signaling authors

# How what t/plain.mk lists is compiled, for who has CC, CFLAGS and FLAGS: into
# OUT, and CODE into an archive there.

$(OUT)/code.a:	$(CODE:%.c=$(OUT)/%.o)
	@rm -f $@
	@ar rcs $@ $^

$(OUT)/%.o:	%.c Makefile
	@mkdir -p $(OUT)
	@$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# the registry with places where a test may kill it

$(OUT)/fault_%.o:	%.c Makefile
	@mkdir -p $(OUT)
	@$(CC) $(FLAGS) $(CFLAGS) -DSIG_FAULT=1 -c -o $@ $<

FAULTS =	$(patsubst %.c,$(OUT)/fault_%.o, \
                       $(notdir $(wildcard $(SIG)/sig_registry*.c)) \
                       sig_store.c)

-include $(wildcard $(OUT)/*.d)
