
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the pattern matcher against its model.  The input is the pattern, a
 * line feed and the name.
 */


#include "access.h"
#include "fuzz.h"
#include "pattern_model.h"


/* the model tries every way to share the name out among the stars */

#define FUZZ_STARS_MAX  5
#define FUZZ_NAME_MAX   24


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             match;
    size_t          i, stars;
    slice_t         pattern, name;
    const uint8_t  *end;

    end = size ? memchr(data, '\n', size) : NULL;
    if (end == NULL) {
        return 0;
    }

    pattern = fuzz_slice(data, (size_t) (end - data));
    name = fuzz_slice(end + 1, size - pattern.len - 1);

    match = access_pattern_match(&pattern, &name);

    stars = 0;

    for (i = 0; i < pattern.len; i++) {
        stars += (pattern.data[i] == '*');
    }

    if (stars <= FUZZ_STARS_MAX && name.len <= FUZZ_NAME_MAX) {
        fuzz_check(match == model_match(pattern.data, pattern.len,
                                        name.data, name.len));
    }

    free(pattern.data);
    free(name.data);

    return 0;
}
