
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The paths of the control plane, docs/protocol.md 12.3.  Taken from the
 * request target as the client wrote it, since a channel name may have "%2F",
 * "//" or ".." in it, which a server resolves before it chooses a location.
 * Allocates nothing.
 */


#ifndef _SIG_REST_PATH_H_INCLUDED_
#define _SIG_REST_PATH_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


typedef enum {
    SIG_REST_NONE = 0,                 /* no path of ours */
    SIG_REST_ROSTER,                   /* /v1/channels/NAME/peers */
    SIG_REST_PUBLISH,                  /* /v1/channels/NAME/publish */
    SIG_REST_PEER,                     /* /v1/peers/NAME */
    SIG_REST_USAGE                     /* /v1/usage */
} sig_rest_e;


/*
 * Says what the target (origin form, RFC 9112, section 3.2.1, its query is
 * passed over) names.  NAME is not empty and is decoded once into store,
 * which has room for as many bytes as the target has: "/" and "%2F" are the
 * same in it.  name->data is NULL when an escape in it is broken, or where
 * there is no name; what the name is worth is the caller's to check.
 */
sig_rest_e sig_rest_path(const slice_t *target, u_char *store,
    slice_t *name);


#pragma GCC visibility pop


#endif /* _SIG_REST_PATH_H_INCLUDED_ */
