# make          builds build/ngx_signaling_module.so, build/ngx_turncred_module.so
# make run      serves the call page on http://localhost:8080
# make test     runs all tests
# make bench    measures, beside a bare relay, nchan, Node ws and others
# make lint     warnings of gcc and clang, clang-tidy, cppcheck
# make chaos    every fault with every number of workers, t/chaos
# make soak     mixed traffic with faults at random for SOAK_SECONDS (3600)
# make fuzz     runs the fuzzers for FUZZ_SECONDS each (600)
# make coverage prints which lines of the plain C parts are run by tests
# make clean    removes build/

BUILD     = build
NGINX_SRC = /usr/share/nginx/src
CFLAGS    = -g -O2 -fPIC -fstack-protector-strong -Wformat -D_FORTIFY_SOURCE=2
WARN      = -W -Wall -Wextra -Wpointer-arith -Wno-unused-parameter -Werror
LDFLAGS   = -Wl,-z,relro -Wl,-z,now -fPIC

FUZZ_SECONDS = 600
SOAK_SECONDS = 3600

PACKAGES  = gcc nginx nginx-dev libjansson-dev libssl-dev libpcre2-dev \
            zlib1g-dev
RUN_PACKAGES  = coturn nodejs $(NPM)
TEST_PACKAGES = chromium openssl clang clang-tidy cppcheck dpkg-dev xz-utils \
                libclang-rt-14-dev libfaketime valgrind

# Debian has it in a package of its own, others give it with nodejs.

NPM = $(if $(shell command -v npm),,npm)

SOURCES = config $(wildcard access/*.[ch] ngx_signaling_module/*.[ch] \
          ngx_turncred_module/*.[ch])

export BUILD_DIR = $(abspath $(BUILD))


.PHONY: all modules run test bench lint chaos soak fuzz coverage clean \
        packages run-packages test-packages

all: modules

modules: $(BUILD)/ngx_signaling_module.so

run: modules run-packages
	SDK_DIR=t/node_modules/@metered-ca/realtime bash example/run.sh $(BUILD)

test: modules run-packages test-packages
	@bash t/run.sh

bench: modules run-packages
	$(MAKE) -C bench run

lint: modules test-packages
	@$(MAKE) --no-print-directory -k -j2 -f t/lint.mk BUILD=$(BUILD)

chaos: modules run-packages test-packages
	$(MAKE) -C t/chaos full

soak: modules run-packages test-packages
	$(MAKE) -C t/chaos soak SOAK_SECONDS=$(SOAK_SECONDS)

fuzz: packages run-packages test-packages
	$(MAKE) -C t/fuzz run nginx FUZZ_SECONDS=$(FUZZ_SECONDS)

coverage: packages run-packages test-packages
	@$(MAKE) --no-print-directory -f t/coverage.mk BUILD=$(BUILD)

clean:
	rm -rf $(BUILD)


$(BUILD)/ngx_signaling_module.so: $(BUILD)/Makefile $(SOURCES)
	$(MAKE) -f $(abspath $(BUILD)/Makefile) -C $(NGINX_SRC) modules
	touch $(BUILD)/ngx_signaling_module.so

# The distribution's own flags, so that the modules fit its nginx.  The
# folders count too: a file that comes or goes is a new list of sources.

$(BUILD)/Makefile: config Makefile access ngx_signaling_module \
                   ngx_turncred_module | packages
	mkdir -p $(BUILD)
	. $(NGINX_SRC)/conf_flags && cd $(NGINX_SRC) && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt='$(CFLAGS) $(WARN)' \
	    --with-ld-opt='$(LDFLAGS)' \
	    --builddir=$(abspath $(BUILD)) \
	    --add-dynamic-module=$(CURDIR) > $(abspath $(BUILD))/configure.log

$(BUILD)/Makefile: SHELL = /bin/bash


# What is missing is installed when we are root; nothing is done when all is
# there.

packages:
	$(call install,$(PACKAGES))

run-packages:
	$(call install,$(RUN_PACKAGES))
	@$(MAKE) --no-print-directory t/node_modules/.package-lock.json

test-packages:
	$(call install,$(TEST_PACKAGES))

t/node_modules/.package-lock.json: t/package-lock.json
	@echo "installing the npm packages of t/package-lock.json"
	cd t && npm ci --no-audit --no-fund
	@touch $@

define install
@missing=; \
for package in $(1); do \
    dpkg-query -W -f '$${Status}' $$package 2> /dev/null \
        | grep -q ' installed$$' || missing="$$missing $$package"; \
done; \
if [ -n "$$missing" ]; then \
    echo "installing$$missing"; \
    if [ `id -u` != 0 ]; then \
        echo "this needs root: apt-get install$$missing"; \
        exit 1; \
    fi; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q < /dev/null \
    && apt-get install -q -y --no-install-recommends $$missing < /dev/null; \
fi
endef
