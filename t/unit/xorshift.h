
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Random numbers for a test, the same in every run.
 */


#ifndef _XORSHIFT_H_INCLUDED_
#define _XORSHIFT_H_INCLUDED_


#include <stdint.h>


static inline uint32_t random_below(uint32_t n);


/* from 0 to n - 1 */

static inline uint32_t
random_below(uint32_t n)
{
    static uint32_t  state = 0x9e3779b9;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;

    return state % n;
}


#endif /* _XORSHIFT_H_INCLUDED_ */
