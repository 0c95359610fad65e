
# Copyright (C) The ngx_signaling authors

# make -f t/coverage.mk     from the root: which lines of what is plain C are
#                           run by the unit tests and by the corpora of the
#                           fuzzers, t/coverage.mjs

# Not run here, as they come to the same lines by the thousand or are killed
# before they could tell: tests of deaths and of threads, and the random one of
# the model, of which the corpus of registry_fuzz makes the choices.

BUILD =     build
OUT =       $(abspath $(BUILD))/coverage

SLOW =      %_kill_test %_sigkill_test %_steps_test %_thread_test \
            registry_model_test

TESTS =     $(filter-out $(SLOW), \
                $(patsubst t/unit/%.c,%,$(wildcard t/unit/*_test.c)))

CFLAGS =    -O1 -g --coverage

RUN =       $(MAKE) --no-print-directory CC=gcc


all:
	@mkdir -p $(OUT)
	@find $(OUT) -name '*.gcda' -delete
	@+$(RUN) -C t/unit check OUT=$(OUT)/unit CFLAGS='$(CFLAGS)' \
	    TESTS='$(TESTS)' > $(OUT)/unit.log || { cat $(OUT)/unit.log; exit 1; }
	@+$(RUN) -C t/unit check OUT=$(OUT)/portable \
	    CFLAGS='$(CFLAGS) -DSIG_JSON_PORTABLE' \
	    TESTS='$(filter json_%,$(TESTS))' > $(OUT)/portable.log \
	    || { cat $(OUT)/portable.log; exit 1; }
	@+$(RUN) -C t/fuzz replay OUT=$(OUT)/fuzz CFLAGS='$(CFLAGS)' \
	    > $(OUT)/fuzz.log || { cat $(OUT)/fuzz.log; exit 1; }
	@node t/coverage.mjs $(OUT)

.PHONY: all
