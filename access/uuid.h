
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * UUIDs as text and as the 128 bits that it stands for (RFC 9562, section 4).
 * Plain C, called by both modules for IDs that they make, and by the registry
 * for those that it keeps.  Allocates nothing, takes no lock.
 */


#ifndef _UUID_H_INCLUDED_
#define _UUID_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define ACCESS_UUID_LEN    36          /* of the text */
#define ACCESS_UUID_BYTES  16


/*
 * Writes a fresh UUID of version 4 in lower case, ACCESS_UUID_LEN bytes.
 * Returns 0, or -1 when OpenSSL has no randomness.
 */
int access_uuid(u_char *p);

/* writes ACCESS_UUID_LEN bytes: the text in lower case */
void access_uuid_write(u_char *p, const u_char bytes[ACCESS_UUID_BYTES]);

/*
 * Whether the text is one that access_uuid_write() writes, of any version;
 * bytes is then what it was written from, and anything if not.  1 or 0.
 */
int access_uuid_read(u_char bytes[ACCESS_UUID_BYTES], const slice_t *text);


#pragma GCC visibility pop


#endif /* _UUID_H_INCLUDED_ */
