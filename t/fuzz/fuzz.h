
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What fuzzers have in common: a way to say that something is wrong, and
 * memory of its own for each part of an input, so that a sanitizer sees every
 * byte read past it.
 */


#ifndef _FUZZ_H_INCLUDED_
#define _FUZZ_H_INCLUDED_


#include <stdlib.h>

#include "slice.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static inline void fuzz_check(int condition);
static inline slice_t fuzz_slice(const uint8_t *data, size_t size);


static inline void
fuzz_check(int condition)
{
    if (!condition) {
        abort();
    }
}


/* a copy of these bytes, whose data is freed by the caller */

static inline slice_t
fuzz_slice(const uint8_t *data, size_t size)
{
    slice_t  s;

    s.len = size;
    s.data = calloc(size ? size : 1, 1);

    fuzz_check(s.data != NULL);

    if (size != 0) {
        memcpy(s.data, data, size);
    }

    return s;
}


#endif /* _FUZZ_H_INCLUDED_ */
