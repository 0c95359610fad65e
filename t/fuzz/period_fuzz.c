
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes months: the input is a time, eight bytes of it or less, and the
 * month is that of the C library.
 */


#define _DEFAULT_SOURCE

#include <time.h>

#include "fuzz.h"
#include "sig_period.h"


#define FUZZ_LAST  137438953471        /* what sig_period.h promises */


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    time_t        at;
    int64_t       now;
    struct tm     tm, first;
    sig_period_t  period;

    now = 0;
    memcpy(&now, data, size < sizeof(now) ? size : sizeof(now));

    sig_period_at(&period, now);

    fuzz_check(period.number <= UINT16_MAX);
    fuzz_check(sig_period_has(&period, period.start)
               && sig_period_has(&period, period.end - 1)
               && !sig_period_has(&period, period.end)
               && !sig_period_has(&period, period.start - 1));

    if (now < 0 || now > FUZZ_LAST) {
        now = now < 0 ? 0 : FUZZ_LAST;
    }

    fuzz_check(sig_period_has(&period, now));

    at = (time_t) now;
    fuzz_check(gmtime_r(&at, &tm) != NULL);

    memset(&first, 0, sizeof(first));
    first.tm_year = tm.tm_year;
    first.tm_mon = tm.tm_mon;
    first.tm_mday = 1;

    fuzz_check(timegm(&first) == (time_t) period.start);

    first.tm_mon++;

    fuzz_check(timegm(&first) == (time_t) period.end);
    fuzz_check((int) period.number == (tm.tm_year - 70) * 12 + tm.tm_mon);

    return 0;
}
