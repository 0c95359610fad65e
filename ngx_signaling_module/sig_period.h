
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The period that usage is counted in: a calendar month in UTC, reckoned from
 * the time alone, whatever the time zone of the process.  Allocates nothing.
 */


#ifndef _SIG_PERIOD_H_INCLUDED_
#define _SIG_PERIOD_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


typedef struct {
    int64_t             start;         /* Unix seconds */
    int64_t             end;           /* the first second of the next one */
    uint32_t            number;        /* of months since January 1970 */
} sig_period_t;


/*
 * The month of that moment, Unix seconds.  Times before 1970, or so late that
 * the number would need more than 16 bits, are taken for the nearest one.
 */
void sig_period_at(sig_period_t *period, int64_t now);

/* 1 when the moment is in the period; one that is all zeroes has none */

static inline int
sig_period_has(const sig_period_t *period, int64_t now)
{
    return now < period->end && now >= period->start;
}


#pragma GCC visibility pop


#endif /* _SIG_PERIOD_H_INCLUDED_ */
