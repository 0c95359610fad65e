
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input
 * PRF", 2012, with one compression and three finalization rounds): places
 * names that clients choose into hash tables, so that without the seed nobody
 * can choose names that collide.  Called by the registry.  No state, no lock.
 */


#ifndef _SIG_HASH_H_INCLUDED_
#define _SIG_HASH_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


/*
 * The hash of the eight bytes of word (in host order) followed by len bytes
 * of data; data may be NULL when len is 0.
 */
uint64_t sig_hash(const u_char seed[16], uint64_t word, const u_char *data,
    size_t len);


#pragma GCC visibility pop


#endif /* _SIG_HASH_H_INCLUDED_ */
