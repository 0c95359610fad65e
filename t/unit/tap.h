
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a unit test prints: the Test Anything Protocol.  One file of tests
 * includes it and ends main() with "return tap_done();".
 */


#ifndef _TAP_H_INCLUDED_
#define _TAP_H_INCLUDED_


#include <stdio.h>
#include <string.h>

#include "slice.h"


static int  tap_tests;
static int  tap_failures;


static inline void ok(int pass, const char *text);
static inline int tap_done(void);
static inline slice_t text_slice(const char *text);


static inline void
ok(int pass, const char *text)
{
    tap_tests++;

    if (!pass) {
        tap_failures++;
    }

    printf("%sok %d - %s\n", pass ? "" : "not ", tap_tests, text);
}


/* prints the plan and returns the exit status */

static inline int
tap_done(void)
{
    printf("1..%d\n", tap_tests);

    return (tap_failures || tap_tests == 0) ? 1 : 0;
}


static inline slice_t
text_slice(const char *text)
{
    slice_t  s;

    s.data = (u_char *) text;
    s.len = strlen(text);

    return s;
}


#endif /* _TAP_H_INCLUDED_ */
