
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * JSON Web Tokens, docs/protocol.md 11: compact JWS (RFC 7515) of the claims
 * of a connection (RFC 7519).  Plain C over jansson and OpenSSL, which only
 * jwt*.c know of.  Called by both modules while a credential is checked or
 * issued, never on the relay path; keys are only read.
 *
 * Rules that no caller has to think of: the algorithm is that of the key
 * that "kid" names, whatever the header says; the header must name it too;
 * "crit" is refused; nothing may follow the signature; a member named twice,
 * in the header or the claims, is refused; times are compared by the clock
 * that the caller gives.  Of what the signature covers, nothing is read
 * before the signature was found good, so EXPIRED is said of tokens of ours
 * only.
 */


#ifndef _JWT_H_INCLUDED_
#define _JWT_H_INCLUDED_


#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_JWT_MAX         32768   /* bytes of a token */
#define ACCESS_METADATA_MAX    8192    /* bytes, as compact JSON */
#define ACCESS_PEER_META_MAX   4096    /* likewise, of peerMetadata */
#define ACCESS_JWT_EARLY       250     /* ms before "exp" that end it */
#define ACCESS_JWT_SKEW        5000    /* ms that "nbf" may lie ahead */


typedef enum {
    ACCESS_JWT_OK = 0,
    ACCESS_JWT_BAD,                    /* close code 4001 */
    ACCESS_JWT_EXPIRED,                /* close code 4002 */
    ACCESS_JWT_ERROR                   /* no memory, or OpenSSL failed */
} access_jwt_e;


/* what a token says; slices live until access_claims_free() */

typedef struct {
    slice_t             sub;           /* 1..128 bytes of printable ASCII */
    int64_t             exp;           /* ms since the epoch, rounded down */

    slice_t            *channels;      /* patterns, when has_channels */
    uint32_t            nchannels;

    unsigned            has_channels:1;
    unsigned            actions:4;     /* ACCESS_*; all when not claimed */
    unsigned            has_ice:1;     /* metadata has "iceServers" */
    unsigned            no_turn:1;     /* "turn" is false: no TURN for it */

    slice_t             metadata;      /* compact JSON object, or empty */
    slice_t             peer_metadata; /* likewise */

    void               *owned;         /* of jwt_claims.c */
} access_claims_t;


/*
 * Verifies a token at a moment, ms since the epoch.  *key is set with OK and
 * with EXPIRED; claims are filled in with OK only, and freed by the caller
 * then.  No reason is given for BAD: an unknown key shall not be told from a
 * wrong signature.
 */
access_jwt_e access_jwt_verify(const access_keys_t *keys,
    const slice_t *token, int64_t now, access_key_t **key,
    access_claims_t *claims);

void access_claims_free(access_claims_t *claims);

/*
 * Signs claims, a JSON object as text, with a symmetric key; the header is
 * {"alg":...,"kid":...,"typ":"JWT"}, in this order.  access_jwt_len() is the
 * length of the token in bytes, which access_jwt_sign() writes to p; 0 means
 * that the key can not sign, being asymmetric or no secret key at all.
 * access_jwt_sign() returns 0, or -1 for such a key or when OpenSSL fails.
 */
size_t access_jwt_len(const access_key_t *key, size_t claims_len);
int access_jwt_sign(u_char *p, const access_key_t *key,
    const slice_t *claims);


#pragma GCC visibility pop


#endif /* _JWT_H_INCLUDED_ */
