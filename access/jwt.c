
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A token in and a token out.  The order matters: the header only chooses the
 * key, the key alone says how to verify, and no claim is looked at before the
 * signature has been found good.
 */


#include <stdio.h>
#include <stdlib.h>

#include "jwt_inner.h"


/* {"alg":"HS256","kid":"","typ":"JWT"} and an ID, which has 128 at most */

#define ACCESS_HEADER_MAX      256


static access_jwt_e access_jwt_key(const access_keys_t *keys,
    const slice_t *header, access_key_t **key);
static access_key_t *access_jwt_key_of(const access_keys_t *keys,
    json_t *header);
static int access_jwt_header(u_char buf[ACCESS_HEADER_MAX],
    const access_key_t *key, slice_t *header);


access_jwt_e
access_jwt_verify(const access_keys_t *keys, const slice_t *token,
    int64_t now, access_key_t **key, access_claims_t *claims)
{
    u_char        *buf;
    access_jws_t   jws;
    access_jwt_e   rc;
    access_key_t  *found;

    *key = NULL;
    memset(claims, 0, sizeof(access_claims_t));

    if (access_jws_split(&jws, token) == -1) {
        return ACCESS_JWT_BAD;
    }

    buf = malloc(token->len);
    if (buf == NULL) {
        return ACCESS_JWT_ERROR;
    }

    found = NULL;

    if (access_jws_decode(&jws, buf) == 0) {
        rc = access_jwt_key(keys, &jws.header, &found);

    } else {
        rc = ACCESS_JWT_BAD;
    }

    if (rc == ACCESS_JWT_OK) {
        rc = access_jws_verify(found, &jws);
    }

    if (rc == ACCESS_JWT_OK) {
        rc = access_claims_read(claims, &jws.payload, now);
    }

    if (rc == ACCESS_JWT_OK || rc == ACCESS_JWT_EXPIRED) {
        *key = found;
    }

    free(buf);

    return rc;
}


/*
 * The key that a header names, NULL when it names none that may be used: the
 * token goes on to its signature all the same, and takes as long as one with
 * a wrong signature does.
 */

static access_jwt_e
access_jwt_key(const access_keys_t *keys, const slice_t *header,
    access_key_t **key)
{
    json_t        *object;
    access_jwt_e   rc;

    rc = access_json_object(header, &object);

    if (rc != ACCESS_JWT_OK) {
        return rc;
    }

    *key = access_jwt_key_of(keys, object);

    json_decref(object);

    return ACCESS_JWT_OK;
}


static access_key_t *
access_jwt_key_of(const access_keys_t *keys, json_t *header)
{
    slice_t        id, name;
    json_t        *alg, *kid;
    const char    *expected;
    access_key_t  *key;

    alg = json_object_get(header, "alg");
    kid = json_object_get(header, "kid");

    if (!json_is_string(kid)) {
        return NULL;
    }

    id.data = (u_char *) json_string_value(kid);
    id.len = json_string_length(kid);

    key = access_key_find(keys, &id);

    if (key == NULL || key->type != ACCESS_SECRET || !json_is_string(alg)) {
        return NULL;
    }

    name.data = (u_char *) json_string_value(alg);
    name.len = json_string_length(alg);

    expected = access_algorithm_name(key->algorithm);

    if (name.len != strlen(expected)
        || memcmp(name.data, expected, name.len) != 0)
    {
        return NULL;
    }

    /* no extension is understood, RFC 7515, section 4.1.11 */

    if (json_object_get(header, "crit") != NULL) {
        return NULL;
    }

    return key;
}


size_t
access_jwt_len(const access_key_t *key, size_t claims_len)
{
    int      mac;
    u_char   buf[ACCESS_HEADER_MAX];
    slice_t  header;

    if (access_jwt_header(buf, key, &header) == -1) {
        return 0;
    }

    switch (key->algorithm) {

    case ACCESS_HS256:
        mac = 32;
        break;

    case ACCESS_HS384:
        mac = 48;
        break;

    default:
        mac = ACCESS_MAC_MAX;
        break;
    }

    return access_base64url_len(header.len) + 1
           + access_base64url_len(claims_len) + 1
           + access_base64url_len((size_t) mac);
}


int
access_jwt_sign(u_char *p, const access_key_t *key, const slice_t *claims)
{
    u_char   buf[ACCESS_HEADER_MAX], mac[ACCESS_MAC_MAX];
    slice_t  header, input, text;
    ssize_t  n;

    if (access_jwt_header(buf, key, &header) == -1) {
        return -1;
    }

    input.data = p;

    p = access_base64url(p, &header);
    *p++ = '.';
    p = access_base64url(p, claims);

    input.len = (size_t) (p - input.data);

    n = access_mac(mac, key->algorithm, &key->secret, &input);

    if (n == -1) {
        return -1;
    }

    text.data = mac;
    text.len = (size_t) n;

    *p++ = '.';
    (void) access_base64url(p, &text);

    return 0;
}


/* an ID has no character that JSON would quote, see access_conf.c */

static int
access_jwt_header(u_char buf[ACCESS_HEADER_MAX], const access_key_t *key,
    slice_t *header)
{
    int  n;

    if (key->type != ACCESS_SECRET
        || key->digest
        || access_is_asymmetric(key->algorithm)
        || key->id.len > ACCESS_HEADER_MAX)
    {
        return -1;
    }

    n = snprintf((char *) buf, ACCESS_HEADER_MAX,
                 "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"JWT\"}",
                 access_algorithm_name(key->algorithm),
                 (int) key->id.len, (char *) key->id.data);

    if (n < 0 || n >= ACCESS_HEADER_MAX) {
        return -1;
    }

    header->data = buf;
    header->len = (size_t) n;

    return 0;
}
