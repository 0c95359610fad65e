
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the pattern matcher against its model.  The input is the pattern, a
 * line feed and the name.
 */


#include <stdlib.h>

#include "access.h"
#include "pattern_model.h"


/* the model tries every way to share the name out among the stars */

#define FUZZ_STARS_MAX  5
#define FUZZ_NAME_MAX   24


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_copy(slice_t *s, const uint8_t *data, size_t len);


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

    fuzz_copy(&pattern, data, (size_t) (end - data));
    fuzz_copy(&name, end + 1, size - pattern.len - 1);

    match = access_pattern_match(&pattern, &name);

    stars = 0;

    for (i = 0; i < pattern.len; i++) {
        stars += (pattern.data[i] == '*');
    }

    if (stars <= FUZZ_STARS_MAX && name.len <= FUZZ_NAME_MAX
        && match != model_match(pattern.data, pattern.len,
                                name.data, name.len))
    {
        abort();
    }

    free(pattern.data);
    free(name.data);

    return 0;
}


/* a copy of its own, so that the sanitizer sees every byte read past it */

static void
fuzz_copy(slice_t *s, const uint8_t *data, size_t len)
{
    s->data = malloc(len ? len : 1);
    if (s->data == NULL) {
        abort();
    }

    if (len != 0) {
        memcpy(s->data, data, len);
    }

    s->len = len;
}
