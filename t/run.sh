#!/bin/bash
#
# Copyright (C) The ngx_signaling authors
#
# Runs the tests, after `make modules`: all stages, or those named.
#
#     t/run.sh [lint] [unit] [fuzz] [one] [four] [tls] [chaos] [static] [asan]
#              [memcheck]
#
# The output of a stage goes into build/test/STAGE.log; what failed is shown.

set -u

cd "$(dirname "$0")/.."

stages="lint unit fuzz one four tls chaos static asan memcheck"
build=build
out=$build/test

# what make called us with is not for those whom we call

unset MAKEFLAGS MAKELEVEL MFLAGS BUILD_DIR NGINX WORKERS TLS

lint() {
    make --no-print-directory -k -j2 -f t/lint.mk
}

unit() {
    make --no-print-directory -j2 -C t/unit
}

fuzz() {
    local status

    make --no-print-directory -j2 -C t/fuzz run FUZZ_SECONDS=3
    status=$?

    make --no-print-directory -j2 -f t/coverage.mk && return $status
}

# e2e VARIABLE=VALUE...: real nginx, real clients

e2e() {
    env "$@" timeout 1500 node --test --test-concurrency=2 \
        --test-reporter=spec $ends t/*.test.mjs
}

# A test that has failed may have left its nginx running, and one may wait for
# what never comes.  Not every Node that will do knows how to end all the same;
# the others are ended by the timeout.

ends=

for option in --test-force-exit --test-timeout=300000; do
    if node --test $option --version > /dev/null 2>&1; then
        ends="$ends $option"
    fi
done

one() {
    e2e WORKERS=1
}

four() {
    e2e WORKERS=4
}

tls() {
    e2e WORKERS=4 TLS=1
}

chaos() {
    make --no-print-directory -C t/chaos run
}

static() {
    t/static.sh $build && echo "1 passed, 0 failed"
}

asan() {
    local status

    t/asan.sh $build || return 1

    # leaks, and what both modules have: see t/asan.sh; no stacks of UBSan,
    # which nginx's own sources would have printed, by another process

    set -- NGINX="$PWD/$build/asan/nginx" BUILD_DIR="$PWD/$build/asan" \
        ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0

    e2e WORKERS=4 "$@"
    status=$?

    env "$@" make --no-print-directory -C t/chaos asan || status=1

    make --no-print-directory -C t/fuzz nginx \
        NGINX_ARGS='--seed 1 --sessions 2000' && return $status
}

memcheck() {
    node t/valgrind.mjs
}

# sum PATTERN LOG: of the numbers that the last group of the pattern takes

sum() {
    perl -ne "\$n += \$+ if /$1/; END { print \$n + 0 }" "$2"
}

# show LOG: what node reports at its end, or the end

show() {
    if grep -q 'failing tests:' "$1"; then
        sed '1,/failing tests:/d' "$1" | head -n 400
    else
        tail -n 100 "$1"
    fi
}

total_passed=0
total_failed=0

mkdir -p $out

for stage in ${*:-$stages}; do
    log=$out/$stage.log
    start=$SECONDS

    "$stage" > "$log" 2>&1 < /dev/null
    status=$?

    # our own closing lines, and those of node

    passed=$(sum '^([0-9]+) passed, .*' "$log")
    passed=$((passed + $(sum '^ℹ pass ([0-9]+)$' "$log")))
    failed=$(sum '^[0-9]+ passed, ([0-9]+) failed$' "$log")
    failed=$((failed + $(sum '^ℹ (fail|cancelled) ([0-9]+)$' "$log")))

    if [ $status -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
    fi

    if [ "$passed" -eq 0 ] && [ "$failed" -eq 0 ]; then
        echo "$stage has run nothing" >> "$log"
        failed=1
    fi

    printf '%-8s %6d passed %6d failed %6d s\n' \
           "$stage" "$passed" "$failed" $((SECONDS - start))

    if [ "$failed" -ne 0 ]; then
        show "$log"
        echo "all of it is in $log"
    fi

    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
done

echo "$total_passed passed, $total_failed failed"
[ $total_failed -eq 0 ]
