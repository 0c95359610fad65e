#!/bin/bash
#
# Copyright (C) The ngx_signaling authors
#
# Builds nginx and both modules with AddressSanitizer and UBSan into
# BUILD_DIR/asan/.  The modules have fault points, for t/chaos.
#
#     t/asan.sh BUILD_DIR
#     NGINX=BUILD_DIR/asan/nginx BUILD_DIR=BUILD_DIR/asan node --test ...

set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath -m "$1")/asan
source=$("$root/t/nginx_source.sh" "$1")
sources=$build.sources

# What nginx allocates once it leaves to the end of the process, and so do the
# test programs of its configure: a leak checker would report nothing else.
# Both modules have what access/ has, each hidden: that is no violation.

export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0

cd "$source"

# Each module's ngx_modules is bound to the array of the same name in nginx
# itself, of which the sanitizer would guard what it takes for the end: so it
# marks what it guards by symbols of its own.

sanitize="-fsanitize=address,undefined -fsanitize-address-use-odr-indicator"
fault="$root/t/chaos/fault.c"
list=$(ls "$root"/{access,ngx_*_module}/*.[ch])

if [ ! "$build/Makefile" -nt "$root/config" ] \
   || [ ! "$build/Makefile" -nt "$0" ] \
   || [ ! "$build/Makefile" -nt "$fault" ] \
   || [ "$list" != "$(cat "$sources" 2> /dev/null)" ]
then
    rm -rf "$build"
    mkdir -p "$build"

    clang -O1 -g -fPIC $sanitize -c -o "$build/fault.o" "$fault"

    ./configure --builddir="$build" --with-compat --with-debug \
        --with-threads --with-http_ssl_module --with-http_v2_module \
        --with-http_auth_request_module --with-http_realip_module \
        --with-http_stub_status_module --with-cc=clang \
        --with-cc-opt="-O1 -g -fno-omit-frame-pointer $sanitize \
                       -DSIG_FAULT=1" \
        --with-ld-opt="$sanitize $build/fault.o" \
        --add-dynamic-module="$root" > "$build/configure.log"

    echo "$list" > "$sources"
fi

make -s -j2 -f "$build/Makefile" binary modules
