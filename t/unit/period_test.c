
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_period: every month beside the C library's calendar.
 */


#include "sig_period.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>


static void test_known(void);
static void test_every_month(void);
static void test_time_zone(void);
static void test_bounds(void);
static int64_t first_of(int year, int month);


/* as timegm() has it; months count from 0 and may be 12 */

static int64_t
first_of(int year, int month)
{
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));

    tm.tm_year = year - 1900;
    tm.tm_mon = month;
    tm.tm_mday = 1;

    return (int64_t) timegm(&tm);
}


static void
test_known(void)
{
    sig_period_t  period;

    sig_period_at(&period, 0);
    ok(period.start == 0 && period.end == 31 * 86400 && period.number == 0,
       "the first month");

    /* docs/protocol.md 12.8: June 2026 */

    sig_period_at(&period, 1780272000);
    ok(period.start == 1780272000 && period.end == 1782864000,
       "June 2026, its first second");

    sig_period_at(&period, 1782863999);
    ok(period.start == 1780272000 && period.end == 1782864000,
       "June 2026, its last second");

    /* December 31, 2026, 23:59:59, and a second later */

    sig_period_at(&period, 1798761599);
    ok(period.start == 1796083200 && period.end == 1798761600
       && period.number == 56 * 12 + 11,
       "December ends with the year");

    sig_period_at(&period, 1798761600);
    ok(period.start == 1798761600 && period.end == 1801440000
       && period.number == 57 * 12,
       "January is the next one");

    /* February 29, 2028 */

    sig_period_at(&period, 1835395200);
    ok(period.start == 1832976000 && period.end - period.start == 29 * 86400,
       "a February with 29 days");

    sig_period_at(&period, first_of(2100, 1));
    ok(period.end - period.start == 28 * 86400,
       "a February of a full century");

    sig_period_at(&period, first_of(2400, 1));
    ok(period.end - period.start == 29 * 86400,
       "a February of four full centuries");
}


/* the first and the last second of each, and one between */

static void
test_every_month(void)
{
    int           year, month, good, i;
    int64_t       start, end, at[3];
    sig_period_t  period;

    good = 1;

    for (year = 1970; year < 6325 && good; year++) {
        for (month = 0; month < 12 && good; month++) {
            start = first_of(year, month);
            end = first_of(year, month + 1);

            at[0] = start;
            at[1] = start + (year * 7919 + month * 104729) % (end - start);
            at[2] = end - 1;

            for (i = 0; i < 3; i++) {
                sig_period_at(&period, at[i]);

                good &= period.start == start && period.end == end
                        && period.number == (uint32_t) ((year - 1970) * 12
                                                        + month)
                        && sig_period_has(&period, at[i])
                        && !sig_period_has(&period, start - 1)
                        && !sig_period_has(&period, end);
            }

            if (!good) {
                printf("# %d-%d\n", year, month + 1);
            }
        }
    }

    ok(good, "every month up to the year 6324");
}


static void
test_time_zone(void)
{
    int           good;
    sig_period_t  here, there;

    sig_period_at(&here, 1798761600);

    good = setenv("TZ", "America/Los_Angeles", 1) == 0;
    tzset();

    sig_period_at(&there, 1798761600);

    ok(good && here.start == there.start && here.end == there.end,
       "the time zone does not matter");
}


static void
test_bounds(void)
{
    sig_period_t  period, last;

    sig_period_at(&period, -1);
    ok(period.start == 0 && period.number == 0, "before 1970");

    sig_period_at(&period, INT64_MIN);
    ok(period.start == 0 && period.number == 0, "long before 1970");

    sig_period_at(&last, 137438953471);
    sig_period_at(&period, INT64_MAX);
    ok(period.start == last.start && period.number == last.number
       && last.number <= 65535,
       "numbers have 16 bits at most");

    memset(&period, 0, sizeof(period));
    ok(!sig_period_has(&period, 0) && !sig_period_has(&period, 1798761600),
       "a period that is not known yet has no moment");
}


int
main(void)
{
    test_known();
    test_every_month();
    test_time_zone();
    test_bounds();

    return tap_done();
}
