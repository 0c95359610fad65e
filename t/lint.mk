
# Copyright (C) The ngx_signaling authors

# make -j2 -k -f t/lint.mk      from the root, after make modules

# gcc with its analyzer and clang for every C file, clang-tidy (.clang-tidy,
# with all of clang's analyzer) and cppcheck for the modules, node --check for
# JavaScript.  What passed is looked at again when it or a header has changed.

BUILD =     build
NGINX_SRC = /usr/share/nginx/src/src
OUT =       $(BUILD)/lint

FLAGS =     -std=gnu11 -O2 -W -Wall -Wextra -Wpointer-arith -Werror \
            -Wno-unused-parameter

ANALYZE =   -fanalyzer

INCS =      -Iaccess -Ingx_signaling_module -Ingx_turncred_module

# nginx's own headers are not looked at

NGX_INCS =  $(addprefix -isystem $(NGINX_SRC)/, core event event/modules \
                os/unix http http/modules http/v2) -isystem $(BUILD)

MODULES =   $(wildcard access/*.c ngx_*_module/*.c)
REST =      $(wildcard t/unit/*.c t/fuzz/*.c t/chaos/*.c bench/*.c)
SCRIPTS =   $(shell git ls-files '*.mjs' 'example/*.js')
HEADERS =   $(wildcard access/*.h ngx_*_module/*.h t/unit/*.h t/fuzz/*.h \
                       bench/*.h)


all:	$(MODULES:%=$(OUT)/%.warn) $(REST:%=$(OUT)/%.warn) \
	$(MODULES:%=$(OUT)/%.tidy) $(OUT)/cppcheck $(SCRIPTS:%=$(OUT)/%.check)
	@echo "$(words $^) passed, 0 failed"

# -Wconditional-uninitialized is what nginx itself builds with under clang

$(MODULES:%=$(OUT)/%.warn): $(OUT)/%.warn: % $(HEADERS) t/lint.mk
	@mkdir -p $(@D)
	@gcc $(FLAGS) $(ANALYZE) $(INCS) $(NGX_INCS) -c -o $@.o $<
	@clang $(FLAGS) -Wconditional-uninitialized $(INCS) $(NGX_INCS) \
	    -c -o $@.o $<
	@rm $@.o
	@touch $@

$(REST:%=$(OUT)/%.warn): $(OUT)/%.warn: % $(HEADERS) t/lint.mk
	@mkdir -p $(@D)
	@gcc $(FLAGS) $(ANALYZE) $(DEFS) $(INCS) -It/unit -c -o $@.o $<
	@clang $(FLAGS) $(DEFS) $(INCS) -It/unit -c -o $@.o $<
	@rm $@.o
	@touch $@

$(OUT)/bench/%.warn: DEFS = -D_GNU_SOURCE=

# gcc 12 loses a buffer that is returned by reference; it is freed with its
# connection, in floor_free_closed()

$(OUT)/bench/floor.c.warn: ANALYZE += -Wno-analyzer-malloc-leak

$(OUT)/%.tidy: % $(HEADERS) .clang-tidy t/lint.mk
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- -std=gnu11 $(INCS) $(NGX_INCS) \
	    > $@.log 2>&1 || { cat $@.log; exit 1; }
	@touch $@

$(OUT)/cppcheck: $(MODULES) $(HEADERS) t/lint.mk
	@mkdir -p $(OUT)/cppcheck.d
	@cppcheck --quiet -j2 --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,performance,portability \
	    --cppcheck-build-dir=$(OUT)/cppcheck.d \
	    --suppress='*:$(NGINX_SRC)/*' --suppress='*:$(BUILD)/*' \
	    $(INCS) $(subst -isystem ,-I,$(NGX_INCS)) $(MODULES)
	@touch $@

$(OUT)/%.check: %
	@mkdir -p $(@D)
	@node --check $<
	@touch $@

.PHONY: all
