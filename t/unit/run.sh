#!/bin/sh
#
# Copyright (C) The ngx_signaling authors
#
# Runs tests that print TAP.
#
#     run.sh TEST...
#
# The output of a test goes into TEST.log, what is wrong with it is shown.

export UBSAN_OPTIONS=print_stacktrace=1

passed=0
failed=0

for test; do
    start=$(date +%s)

    timeout 900 "$test" > "$test.log" 2>&1
    status=$?

    good=$(grep -c '^ok ' "$test.log")
    bad=$(grep -c '^not ok ' "$test.log")
    seconds=$(($(date +%s) - start))

    # a test that ended early has no plan, or another one

    if [ $bad -eq 0 ] \
       && { [ $status -ne 0 ] || ! grep -q "^1\.\.$good\$" "$test.log"; }
    then
        bad=1
    fi

    passed=$((passed + good))
    failed=$((failed + bad))

    printf '%-32s %4d ok %4d not ok %4d s\n' \
           "${test##*/}" "$good" "$bad" "$seconds"

    if [ $bad -ne 0 ]; then
        echo "$test ended with status $status:"
        grep '^not ok ' "$test.log" || tail -n 40 "$test.log"
    fi
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
