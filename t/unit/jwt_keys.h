
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The keys that tests of tokens know; those of the asymmetric ones get their
 * public key from the test.
 */


#ifndef _JWT_KEYS_H_INCLUDED_
#define _JWT_KEYS_H_INCLUDED_


#include "access.h"


static access_key_t  key_a = {
    .id = slice("sk_id_a"),
    .type = ACCESS_SECRET,
    .secret = slice("sk_secret_a")
};

static access_key_t  key_b = {
    .id = slice("sk_id_b"),
    .type = ACCESS_SECRET,
    .algorithm = ACCESS_HS512,
    .secret = slice("sk_secret_b")
};

static access_key_t  key_test1 = {
    .id = slice("sk_id_test1"),
    .type = ACCESS_SECRET,
    .secret = slice("sk_secret_test1")
};

static access_key_t  key_public = {
    .id = slice("pk_live"),
    .type = ACCESS_PUBLISHABLE,
    .secret = slice("sk_secret_a")
};

static access_key_t  key_digest = {
    .id = slice("sk_digest"),
    .type = ACCESS_SECRET,
    .digest = 1,
    .secret = slice("sk_secret_a")
};

static access_key_t  key_rsa = {
    .id = slice("sk_rsa"),
    .type = ACCESS_SECRET,
    .algorithm = ACCESS_RS256
};

static access_key_t  key_ec = {
    .id = slice("sk_ec"),
    .type = ACCESS_SECRET,
    .algorithm = ACCESS_ES256
};

static access_key_t  key_ed = {
    .id = slice("sk_ed"),
    .type = ACCESS_SECRET,
    .algorithm = ACCESS_EDDSA
};

static access_key_t  *key_list[] = {
    &key_a, &key_b, &key_test1, &key_public, &key_digest, &key_rsa, &key_ec,
    &key_ed
};

static access_keys_t  keys = { key_list, 8 };


#endif /* _JWT_KEYS_H_INCLUDED_ */
