
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_period.h"


#define SIG_DAY         86400
#define SIG_LAST_TIME   137438953471   /* in the year 6325 */


static int32_t sig_month_days(int32_t year, int32_t month);


/* the arithmetic of ngx_gmtime(): years begin with March, so leap days end */

void
sig_period_at(sig_period_t *period, int64_t now)
{
    int32_t  days, year, yday, mday, month;

    if (now < 0) {
        now = 0;
    }

    if (now > SIG_LAST_TIME) {
        now = SIG_LAST_TIME;
    }

    /* days since March 1, 1 BCE */

    days = (int32_t) (now / SIG_DAY) + 719468;

    year = (days + 2) * 400 / (365 * 400 + 100 - 4 + 1);
    yday = days - (365 * year + year / 4 - year / 100 + year / 400);

    if (yday < 0) {
        year--;
        yday = days - (365 * year + year / 4 - year / 100 + year / 400);
    }

    month = (yday + 31) * 10 / 306;
    mday = yday - (367 * month / 12 - 30);

    /* months count from 1, in a year that begins with January */

    if (yday >= 306) {
        year++;
        month -= 10;

    } else {
        month += 2;
    }

    period->start = (int64_t) (now / SIG_DAY - mday) * SIG_DAY;
    period->end = period->start
                  + (int64_t) sig_month_days(year, month) * SIG_DAY;
    period->number = (uint32_t) ((year - 1970) * 12 + month - 1);
}


static int32_t
sig_month_days(int32_t year, int32_t month)
{
    static const int32_t  days[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}
