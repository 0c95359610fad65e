
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "access.h"


static u_char *access_pattern_literal(u_char *p, u_char *last, u_char *c);
static void access_pattern_spread(u_char *reach, size_t low,
    const slice_t *name);
static size_t access_pattern_step(u_char *reach, size_t low,
    const slice_t *name, u_char c);


/*
 * The pattern is read once.  "reach" tells for every position of the name
 * whether what was read of the pattern can end there, so that no star ever
 * has to be tried again; "low" is the first such position.
 */

int
access_pattern_match(const slice_t *pattern, const slice_t *name)
{
    size_t  n, low, stars;
    u_char  reach[ACCESS_NAME_MAX + 1], *p, *last, c;

    n = name->len;

    if (n > ACCESS_NAME_MAX) {
        return 0;
    }

    p = pattern->data;
    last = p + pattern->len;

    /* up to the first star there is one position only */

    for (low = 0; p < last && *p != '*'; low++) {
        p = access_pattern_literal(p, last, &c);

        if (low == n || name->data[low] != c) {
            return 0;
        }
    }

    if (p == last) {
        return low == n;
    }

    memset(reach, 0, n + 1);
    reach[low] = 1;

    while (p < last) {

        if (*p == '*') {
            for (stars = 0; p < last && *p == '*'; p++) {
                stars++;
            }

            if (stars > 1) {
                memset(reach + low, 1, n + 1 - low);

            } else {
                access_pattern_spread(reach, low, name);
            }

            continue;
        }

        p = access_pattern_literal(p, last, &c);

        low = access_pattern_step(reach, low, name, c);
        if (low > n) {
            return 0;
        }
    }

    return reach[n];
}


static u_char *
access_pattern_literal(u_char *p, u_char *last, u_char *c)
{
    if (*p == '\\' && p + 1 < last) {
        p++;
    }

    *c = *p;

    return p + 1;
}


static void
access_pattern_spread(u_char *reach, size_t low, const slice_t *name)
{
    size_t  i;

    for (i = low; i < name->len; i++) {
        if (reach[i] && name->data[i] != '/') {
            reach[i + 1] = 1;
        }
    }
}


/*
 * Returns the first position reached, or one past the last when none is.
 * What is before it is not looked at again.
 */

static size_t
access_pattern_step(u_char *reach, size_t low, const slice_t *name, u_char c)
{
    size_t  i, first;

    first = name->len + 1;

    for (i = name->len; i > low; i--) {
        reach[i] = (reach[i - 1] && name->data[i - 1] == c);

        if (reach[i]) {
            first = i;
        }
    }

    return first;
}
