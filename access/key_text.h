
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the text form of a key puts in the place of its secret or its public
 * key.  Used within this directory only; the rest is in access.h.
 */


#ifndef _KEY_TEXT_H_INCLUDED_
#define _KEY_TEXT_H_INCLUDED_


#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_DIGEST_LEN      64      /* SHA-256 in hexadecimal */


/*
 * Gives the digest of a key's secret or public key: of one that was read from
 * its text form the digest it came with, else one that is computed into the
 * buffer.  It covers the key's ID, so that equal secrets do not show as equal.
 * text lives as long as the key and the buffer.  Returns 0, or -1 when OpenSSL
 * fails or the text is no digest.
 */
int access_key_digest(const access_key_t *key, u_char buf[ACCESS_DIGEST_LEN],
    slice_t *text);


#pragma GCC visibility pop


#endif /* _KEY_TEXT_H_INCLUDED_ */
