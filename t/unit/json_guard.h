
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a text of JSON is, when it is scanned at either end of the guarded
 * memory.
 */


#ifndef _JSON_GUARD_H_INCLUDED_
#define _JSON_GUARD_H_INCLUDED_


#include "guard.h"
#include "sig_proto.h"


static inline int guarded(const u_char *p, size_t n);


/* the verdict on n bytes at p, which must be the same at both ends */

static inline int
guarded(const u_char *p, size_t n)
{
    int  first, last;

    if (n != 0) {
        memcpy(guard, p, n);
    }

    first = sig_proto_json(guard, n);
    last = sig_proto_json(guard_last(p, n), n);

    if (first != last) {
        printf("Bail out! %d at the begin of a page, %d at the end\n",
               first, last);
        exit(1);
    }

    return last;
}


#endif /* _JSON_GUARD_H_INCLUDED_ */
