
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * TURN credentials as coturn's "use-auth-secret" takes them
 * (draft-uberti-behave-turn-rest-00, docs/protocol.md 13.4), and the syntax
 * of the URLs that go with them.  Called by the module when the configuration
 * is read and for every credential.  The caller owns all buffers; nothing is
 * kept between calls but a prepared secret, which OpenSSL allocates, and
 * randomness.
 */


#ifndef _TURN_CREDENTIAL_H_INCLUDED_
#define _TURN_CREDENTIAL_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define TURN_ID_MAX            64
#define TURN_RANDOM_ID_LEN     16
#define TURN_USERNAME_MAX      (20 + sizeof(":") - 1 + TURN_ID_MAX)
#define TURN_CREDENTIAL_LEN    28      /* 20 bytes of SHA-1 in base64 */
#define TURN_URL_MAX           512     /* what the SDK takes */


/* a secret as OpenSSL wants it: its EVP_MAC_CTX */

typedef struct evp_mac_ctx_st  turn_secret_t;


/*
 * Writes a random ID, TURN_RANDOM_ID_LEN hexadecimal digits, which is no
 * secret.  Randomness is taken for many IDs at a time and kept by the process:
 * one that has made an ID must not fork to make more.  Returns 0, or -1 when
 * OpenSSL has no randomness.
 */
int turn_random_id(u_char *id);

/*
 * Writes "expiry:id" at p, which has TURN_USERNAME_MAX bytes.  expiry is in
 * Unix seconds, not negative.  An ID of 1 to TURN_ID_MAX letters, digits, "-"
 * and "_" is taken as it is, of any other the first 16 hexadecimal digits of
 * its SHA-256.  Returns the length, or -1 when OpenSSL fails or the expiry is
 * negative.
 */
ssize_t turn_username(u_char *p, int64_t expiry, const slice_t *id);

/*
 * Prepares a secret, which is not empty: OpenSSL looks an algorithm up by its
 * name and sets up the key in more time than it then takes to sign.  Returns
 * NULL when OpenSSL fails; what it returns is freed by turn_secret_free().
 */
turn_secret_t *turn_secret_prepare(const slice_t *secret);
void turn_secret_free(turn_secret_t *secret);

/*
 * Writes base64(HMAC-SHA1(secret, username)), TURN_CREDENTIAL_LEN bytes.
 * The secret is not changed.  Returns 0, or -1 when OpenSSL fails.
 */
int turn_credential(u_char *p, const turn_secret_t *secret,
    const slice_t *username);

/*
 * Checks a "stun:", "stuns:" (RFC 7064), "turn:" or "turns:" URL (RFC 7065)
 * and sets relay to 1 for the latter two, to 0 for the former.  Transports
 * are those that browsers know, "udp" and "tcp".  Returns NULL when it is well
 * formed, else a text for the administrator that says what to write instead.
 */
const char *turn_url_check(const slice_t *url, int *relay);


#pragma GCC visibility pop


#endif /* _TURN_CREDENTIAL_H_INCLUDED_ */
