
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The steps of a token's way, between jwt.c, which takes them in order, and
 * the other jwt_*.c.  Used within this directory only; the rest is in jwt.h.
 *
 * Nothing is kept between calls but what public_key.h says; memory is the
 * caller's, but for the claims, which own one piece.
 */


#ifndef _JWT_INNER_H_INCLUDED_
#define _JWT_INNER_H_INCLUDED_


#include <jansson.h>

#include "jwt.h"


#pragma GCC visibility push(hidden)


/* the longest MAC is that of HS512, 64 bytes */

#define ACCESS_MAC_MAX         64


/* a compact JWS, RFC 7515, section 7.1 */

typedef struct {
    slice_t             input;         /* what was signed, with its dot */
    slice_t             header;
    slice_t             payload;
    slice_t             signature;
} access_jws_t;


/* jwt_text.c */

/*
 * base64url without padding, RFC 4648, section 5.  access_base64url() writes
 * access_base64url_len() bytes to p and returns their end.
 */
size_t access_base64url_len(size_t len);
u_char *access_base64url(u_char *p, const slice_t *text);

/*
 * Cuts a token at its two dots, without a copy.  Returns 0, or -1 when there
 * are not exactly two, or the token is empty or longer than ACCESS_JWT_MAX.
 */
int access_jws_split(access_jws_t *jws, const slice_t *token);

/*
 * Decodes the three parts into buf, which has room for as many bytes as the
 * token has, and lets them point there.  Returns 0, or -1 when one of them is
 * no base64url in the one way in which an encoder writes it.
 */
int access_jws_decode(access_jws_t *jws, u_char *buf);

/*
 * Parses an object; a member named twice, in it or further down, and anything
 * behind the object are refused.  Returns ACCESS_JWT_OK with a reference of
 * the caller's, ACCESS_JWT_BAD or ACCESS_JWT_ERROR (no memory).
 */
access_jwt_e access_json_object(const slice_t *text, json_t **object);


/* jwt_signature.c */

/* the name of an algorithm in a header, RFC 7518, section 3.1, RFC 8037 */
const char *access_algorithm_name(access_algorithm_e algorithm);

/*
 * Computes the MAC of a symmetric algorithm.  Returns its length in bytes, or
 * -1 when OpenSSL fails, the algorithm is none of these or the secret empty.
 */
ssize_t access_mac(u_char mac[ACCESS_MAC_MAX], access_algorithm_e algorithm,
    const slice_t *secret, const slice_t *input);

/*
 * Verifies a decoded signature by the algorithm of the key.  With no key
 * (NULL), or one that can verify nothing, a MAC is computed all the same and
 * the answer is ACCESS_JWT_BAD.
 */
access_jwt_e access_jws_verify(const access_key_t *key,
    const access_jws_t *jws);


/* jwt_public.c */

/*
 * The same with the public key of an asymmetric key.  A token that a process
 * has found good before is good without its signature being verified again.
 */
access_jwt_e access_verify_public(const access_key_t *key,
    const access_jws_t *jws);


/* jwt_claims.c */

/*
 * Reads the claims of a token whose signature is good.  Claims are filled in
 * with ACCESS_JWT_OK only.
 */
access_jwt_e access_claims_read(access_claims_t *claims, const slice_t *text,
    int64_t now);


#pragma GCC visibility pop


#endif /* _JWT_INNER_H_INCLUDED_ */
