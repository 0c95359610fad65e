
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who may do what: the keys of the configuration and the questions asked of
 * them.  Compiled into both modules with hidden visibility, so that neither
 * module needs the other and the order of load_module does not matter.
 *
 * A key record is built while the configuration or a key file is read, lives
 * as long as its set and is never written afterwards; requests and connections
 * read it without a lock.  Its public key is a record by itself, which learns
 * from the tokens that it verifies; it is private to the process as well.
 */


#ifndef _ACCESS_H_INCLUDED_
#define _ACCESS_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


/* actions of a key, a bit mask */

#define ACCESS_SUBSCRIBE       0x01
#define ACCESS_PUBLISH         0x02
#define ACCESS_SEND            0x04
#define ACCESS_PRESENCE        0x08
#define ACCESS_ALL             0x0f

/* longer than any channel name, which has at most 256 UTF-16 units */

#define ACCESS_NAME_MAX        1024

/* bytes of the ID of a key: letters, digits, "-", "_" and "." */

#define ACCESS_KEY_ID_MAX      128


typedef enum {
    ACCESS_PUBLISHABLE = 0,
    ACCESS_SECRET
} access_key_type_e;


/* the only one that a secret key accepts; the asymmetric ones are last */

typedef enum {
    ACCESS_HS256 = 0,
    ACCESS_HS384,
    ACCESS_HS512,
    ACCESS_RS256,
    ACCESS_ES256,
    ACCESS_EDDSA
} access_algorithm_e;

#define access_is_asymmetric(algorithm)  ((algorithm) >= ACCESS_RS256)


typedef struct access_public_key_s  access_public_key_t;


typedef struct {
    slice_t             id;
    slice_t             app;

    slice_t            *channels;       /* patterns, docs/protocol.md 5.2 */
    uint32_t            nchannels;

    uint32_t            norigins;
    slice_t            *origins;        /* docs/protocol.md 2.4 */

    access_key_type_e   type;
    unsigned            actions:4;      /* ACCESS_* */
    unsigned            require_origin:1;
    unsigned            turn:1;
    unsigned            digest:1;       /* secret holds a digest of it only */

    /* secret keys only; either a secret or, asymmetric, a public key */
    access_algorithm_e  algorithm;
    slice_t             secret;

    /* public_key.h, freed with the set */
    access_public_key_t  *public_key;
} access_key_t;


/*
 * A set of keys: those of a configuration, or of it and its "key_file" as the
 * file was at one moment.  Whoever keeps a key beyond one turn of the event
 * loop holds its set, see access_conf.h.
 */

typedef struct {
    access_key_t      **elts;
    uint32_t            nelts;
} access_keys_t;


/*
 * Finds a key by its ID.  Compares with every key of the list, each in
 * constant time, so that the time taken tells nothing of the IDs that exist.
 * Returns NULL when there is none.
 */
access_key_t *access_key_find(const access_keys_t *keys, const slice_t *id);

/*
 * Compares two secrets in time that depends on the lengths only.
 * Returns 1 when they are equal, 0 otherwise.
 */
int access_equal(const slice_t *a, const slice_t *b);

/*
 * Finds the secret key of the pair "id:secret" that a backend shows as its
 * bearer, comparing as above.  A key without a secret, an asymmetric one, is
 * found by no pair.  Returns NULL when the pair is not valid, for whatever
 * reason.
 */
access_key_t *access_key_by_pair(const access_keys_t *keys,
    const slice_t *pair);

/*
 * Matches a channel name against one pattern (docs/protocol.md 5.2: "*"
 * within a path part, "**" across, "\" quotes).  At worst the time is the
 * length of the pattern times the length of the name; a name longer than
 * ACCESS_NAME_MAX bytes matches nothing.  Returns 1 or 0.
 */
int access_pattern_match(const slice_t *pattern, const slice_t *name);

/* 1 when one of n patterns admits the channel, 0 otherwise */
int access_channel_matches(const slice_t *patterns, uint32_t n,
    const slice_t *channel);

/* 1 when a pattern of the key admits the channel, 0 otherwise */
int access_channel_allowed(const access_key_t *key, const slice_t *channel);

/*
 * Checks the form of an allowlist entry: "*", "null", or scheme://host[:port]
 * where the host may begin with "*.".  Returns NULL when it is well formed,
 * else a text for the administrator that says what to write instead.
 */
const char *access_origin_check(const slice_t *entry);

/* matches an Origin header against one entry, docs/protocol.md 2.4; 1 or 0 */
int access_origin_match(const slice_t *entry, const slice_t *origin);

/*
 * The origin rule of a publishable key.  origin is NULL when the request has
 * no Origin header: then require_origin alone decides.  Returns 1 when the
 * request may use the key, 0 otherwise.
 */
int access_origin_allowed(const access_key_t *key, const slice_t *origin);

/*
 * The text form of a key, by which a retiring worker learns what became of it
 * (secrets and public keys are represented by a digest only).
 * access_key_write() writes at most size bytes to p and returns the length,
 * or -1 when it does not fit.
 * access_key_read() parses one key at p; strings of the key point into the
 * text, arrays into the nitems slices of store.  Returns the bytes consumed,
 * or -1 when the text is malformed or store too small.  A secret key read so
 * has the digest bit set: it can be compared, not verified against.
 * access_keys_write() writes all keys of a set; access_keys_len() is a size
 * that is enough for it, at least 1.
 */
ssize_t access_key_write(u_char *p, size_t size, const access_key_t *key);
ssize_t access_key_read(access_key_t *key, u_char *p, size_t len,
    slice_t *store, size_t nitems);
size_t access_keys_len(const access_keys_t *keys);
ssize_t access_keys_write(u_char *p, size_t size, const access_keys_t *keys);

/*
 * 1 when a connection that came in under the key "was", with that origin
 * (NULL: none), has lost a right under "now" (NULL: the key is gone), so that
 * it has to be closed with 4001; 0 otherwise.  A pattern is taken for lost
 * when it is not in the new list literally and no "**" is there instead.
 * Another secret is a lost right, since it signed the token; "turn" is none,
 * since it is asked only when credentials are minted.
 */
int access_key_narrowed(const access_key_t *was, const access_key_t *now,
    const slice_t *origin);


#pragma GCC visibility pop


#endif /* _ACCESS_H_INCLUDED_ */
