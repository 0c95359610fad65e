
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * API keys that need no storage (docs/protocol.md 13.6): an expiry and a
 * random ID, signed with the secret that is shared with the TURN server.
 * Plain C; allocates nothing and keeps nothing, the caller owns all buffers.
 * Called for every request of "turn_api".
 */


#ifndef _TURN_API_KEY_H_INCLUDED_
#define _TURN_API_KEY_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define TURN_API_KEY_ID        8       /* bytes */
#define TURN_API_KEY_ID_LEN    (2 * TURN_API_KEY_ID)
#define TURN_API_KEY_LEN       64      /* hexadecimal digits */


/*
 * Writes the key for an expiry, Unix seconds and not negative, and an ID of
 * TURN_API_KEY_ID_LEN lower-case hexadecimal digits: TURN_API_KEY_LEN bytes.
 * The secret is not empty.  Returns 0, or -1 when OpenSSL fails or an
 * argument is not what it has to be.
 */
int turn_api_key_write(u_char *p, const slice_t *secret, int64_t expiry,
    const u_char *id);

/*
 * Reads a key that was written with this secret, in constant time as far as
 * the signature goes.  Sets the expiry, which may have passed, and points id
 * to the digits within the key.  Returns 0, or -1 for anything else.
 */
int turn_api_key_read(const slice_t *key, const slice_t *secret,
    int64_t *expiry, slice_t *id);


#pragma GCC visibility pop


#endif /* _TURN_API_KEY_H_INCLUDED_ */
