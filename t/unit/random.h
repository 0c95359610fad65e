
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Random numbers for tests: a sequence that its first state decides, so that
 * what has failed once can be had again.
 */


#ifndef _RANDOM_H_INCLUDED_
#define _RANDOM_H_INCLUDED_


#include <stdint.h>


static inline uint32_t random_below(uint64_t *state, uint32_t n);


/* from 0 to n - 1; 0 when there is none */

static inline uint32_t
random_below(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;

    return n == 0 ? 0 : (uint32_t) ((*state >> 33) % n);
}


#endif /* _RANDOM_H_INCLUDED_ */
