
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The rules of docs/protocol.md 5.2 as they read, by trying everything: the
 * model that the matcher is compared with.  Slow, for short inputs.
 */


#ifndef _PATTERN_MODEL_H_INCLUDED_
#define _PATTERN_MODEL_H_INCLUDED_


#include "slice.h"


static int model_match(const u_char *p, size_t np, const u_char *s,
    size_t ns);


static int
model_match(const u_char *p, size_t np, const u_char *s, size_t ns)
{
    size_t  i, stars;

    if (np == 0) {
        return ns == 0;
    }

    if (p[0] == '*') {
        for (stars = 1; stars < np && p[stars] == '*'; stars++) {
            /* void */
        }

        for (i = 0; i <= ns; i++) {
            if (model_match(p + stars, np - stars, s + i, ns - i)) {
                return 1;
            }

            if (i < ns && s[i] == '/' && stars == 1) {
                return 0;
            }
        }

        return 0;
    }

    if (p[0] == '\\' && np > 1) {
        p++;
        np--;
    }

    return ns > 0 && p[0] == s[0] && model_match(p + 1, np - 1, s + 1, ns - 1);
}


#endif /* _PATTERN_MODEL_H_INCLUDED_ */
