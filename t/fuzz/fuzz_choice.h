
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Inputs that are sequences of choices: the next byte says which of so many
 * things, the next two bytes when there are more than 256 of them.  When the
 * input has ended, it is always the last one.
 */


#ifndef _FUZZ_CHOICE_H_INCLUDED_
#define _FUZZ_CHOICE_H_INCLUDED_


#include "fuzz.h"


static size_t          fuzz_left;
static const uint8_t  *fuzz_next;


static inline void fuzz_begin(const uint8_t *data, size_t size);
static inline unsigned fuzz_chance(unsigned n);


static inline void
fuzz_begin(const uint8_t *data, size_t size)
{
    fuzz_next = data;
    fuzz_left = size;
}


/* a number from 0 to n - 1 */

static inline unsigned
fuzz_chance(unsigned n)
{
    unsigned  c;

    if (n == 0) {
        return 0;
    }

    if (fuzz_left < (n > 256 ? 2 : 1)) {
        fuzz_left = 0;
        return n - 1;
    }

    c = *fuzz_next++;
    fuzz_left--;

    if (n > 256) {
        c = c << 8 | *fuzz_next++;
        fuzz_left--;
    }

    return c % n;
}


#endif /* _FUZZ_CHOICE_H_INCLUDED_ */
