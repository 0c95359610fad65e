
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The text form of a key:
 *
 *     type actions require_origin turn algorithm SP nchannels SP norigins SP
 *     id app digest *channel *origin LF
 *
 * where the first five are a letter and digits without a space between them,
 * and each string is written as its length, a colon, its bytes and a comma,
 * so that no byte needs quoting.
 */


#include <limits.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>

#include "key_text.h"
#include "public_key.h"


#define ACCESS_NUMBER_MAX      0xffffff
#define ACCESS_FLAGS_LEN       6
#define ACCESS_NUMBER_LEN      9       /* digits and what ends them */


static size_t access_strings_len(const slice_t *s, uint32_t n);
static int access_digest(const access_key_t *key, const u_char *bytes,
    size_t len, u_char buf[ACCESS_DIGEST_LEN]);
static u_char *access_put_number(u_char *p, u_char *last, size_t n,
    u_char end);
static u_char *access_put_string(u_char *p, u_char *last, const slice_t *s);
static u_char *access_put_strings(u_char *p, u_char *last, const slice_t *s,
    uint32_t n);
static u_char *access_get_flags(u_char *p, u_char *last, access_key_t *key);
static u_char *access_get_number(u_char *p, u_char *last, size_t *n,
    u_char end);
static u_char *access_get_string(u_char *p, u_char *last, slice_t *s);
static u_char *access_get_strings(u_char *p, u_char *last, slice_t *s,
    uint32_t n);


static const char  access_hex[] = "0123456789abcdef";


int
access_key_digest(const access_key_t *key, u_char buf[ACCESS_DIGEST_LEN],
    slice_t *text)
{
    int      rc, len;
    u_char  *der;

    if (key->digest) {
        *text = key->secret;
        return text->len == ACCESS_DIGEST_LEN ? 0 : -1;
    }

    text->data = buf;
    text->len = ACCESS_DIGEST_LEN;

    if (!access_is_asymmetric(key->algorithm)) {
        return access_digest(key, key->secret.data, key->secret.len, buf);
    }

    if (key->public_key == NULL) {
        return -1;
    }

    /* the key itself: its PEM may be written in more than one way */

    der = NULL;

    len = i2d_PUBKEY(EVP_PKEY_CTX_get0_pkey(key->public_key->ctx), &der);
    if (len <= 0) {
        return -1;
    }

    rc = access_digest(key, der, (size_t) len, buf);

    OPENSSL_free(der);

    return rc;
}


static int
access_digest(const access_key_t *key, const u_char *bytes, size_t len,
    u_char buf[ACCESS_DIGEST_LEN])
{
    size_t        i;
    u_char        md[EVP_MAX_MD_SIZE];
    unsigned int  n;

    if (len == 0 || len > INT_MAX) {
        return -1;
    }

    if (HMAC(EVP_sha256(), bytes, (int) len, key->id.data, key->id.len, md, &n)
        == NULL)
    {
        return -1;
    }

    if (n * 2 != ACCESS_DIGEST_LEN) {
        return -1;
    }

    for (i = 0; i < n; i++) {
        buf[i * 2] = (u_char) access_hex[md[i] >> 4];
        buf[i * 2 + 1] = (u_char) access_hex[md[i] & 0xf];
    }

    return 0;
}


ssize_t
access_key_write(u_char *p, size_t size, const access_key_t *key)
{
    u_char   buf[ACCESS_DIGEST_LEN], *start, *last;
    slice_t  digest;

    digest.len = 0;
    digest.data = buf;

    if (key->type == ACCESS_SECRET
        && access_key_digest(key, buf, &digest) == -1)
    {
        return -1;
    }

    if (size < ACCESS_FLAGS_LEN) {
        return -1;
    }

    start = p;
    last = p + size;

    *p++ = (key->type == ACCESS_SECRET) ? 's' : 'p';
    *p++ = (u_char) access_hex[key->actions];
    *p++ = key->require_origin ? '1' : '0';
    *p++ = key->turn ? '1' : '0';
    *p++ = (u_char) access_hex[key->algorithm];
    *p++ = ' ';

    p = access_put_number(p, last, key->nchannels, ' ');
    p = access_put_number(p, last, key->norigins, ' ');
    p = access_put_string(p, last, &key->id);
    p = access_put_string(p, last, &key->app);
    p = access_put_string(p, last, &digest);
    p = access_put_strings(p, last, key->channels, key->nchannels);
    p = access_put_strings(p, last, key->origins, key->norigins);

    if (p == NULL || p == last) {
        return -1;
    }

    *p++ = '\n';

    return p - start;
}


size_t
access_keys_len(const access_keys_t *keys)
{
    size_t               len;
    uint32_t             i;
    const access_key_t  *key;

    len = 1;

    for (i = 0; i < keys->nelts; i++) {
        key = keys->elts[i];

        /* the line feed, two counts, and the digest */

        len += ACCESS_FLAGS_LEN + 1 + 2 * ACCESS_NUMBER_LEN
               + ACCESS_NUMBER_LEN + ACCESS_DIGEST_LEN + 1
               + access_strings_len(&key->id, 1)
               + access_strings_len(&key->app, 1)
               + access_strings_len(key->channels, key->nchannels)
               + access_strings_len(key->origins, key->norigins);
    }

    return len;
}


static size_t
access_strings_len(const slice_t *s, uint32_t n)
{
    size_t    len;
    uint32_t  i;

    len = 0;

    for (i = 0; i < n; i++) {
        len += ACCESS_NUMBER_LEN + s[i].len + 1;
    }

    return len;
}


ssize_t
access_keys_write(u_char *p, size_t size, const access_keys_t *keys)
{
    u_char    *start;
    ssize_t    n;
    uint32_t   i;

    start = p;

    for (i = 0; i < keys->nelts; i++) {

        n = access_key_write(p, size - (size_t) (p - start), keys->elts[i]);
        if (n == -1) {
            return -1;
        }

        p += n;
    }

    return p - start;
}


ssize_t
access_key_read(access_key_t *key, u_char *p, size_t len, slice_t *store,
    size_t nitems)
{
    size_t   nchannels, norigins;
    u_char  *start, *last;

    start = p;
    last = p + len;

    memset(key, 0, sizeof(access_key_t));

    nchannels = 0;
    norigins = 0;

    p = access_get_flags(p, last, key);
    p = access_get_number(p, last, &nchannels, ' ');
    p = access_get_number(p, last, &norigins, ' ');

    if (p == NULL || nchannels + norigins > nitems) {
        return -1;
    }

    key->channels = store;
    key->nchannels = (uint32_t) nchannels;
    key->origins = store + nchannels;
    key->norigins = (uint32_t) norigins;

    p = access_get_string(p, last, &key->id);
    p = access_get_string(p, last, &key->app);
    p = access_get_string(p, last, &key->secret);
    p = access_get_strings(p, last, key->channels, key->nchannels);
    p = access_get_strings(p, last, key->origins, key->norigins);

    if (p == NULL || p == last || *p != '\n') {
        return -1;
    }

    if (key->secret.len != (key->digest ? ACCESS_DIGEST_LEN : 0)) {
        return -1;
    }

    return p + 1 - start;
}


/*
 * Each of the functions below goes on from p and returns the place after what
 * it wrote or read, or NULL; given NULL they return it, so that a row of them
 * needs one check.
 */

static u_char *
access_put_number(u_char *p, u_char *last, size_t n, u_char end)
{
    int   len;
    char  text[24];

    len = snprintf(text, sizeof(text), "%zu%c", n, end);

    if (p == NULL || len < 0 || (size_t) len > (size_t) (last - p)
        || n > ACCESS_NUMBER_MAX)
    {
        return NULL;
    }

    memcpy(p, text, (size_t) len);

    return p + len;
}


static u_char *
access_put_string(u_char *p, u_char *last, const slice_t *s)
{
    p = access_put_number(p, last, s->len, ':');

    if (p == NULL || (size_t) (last - p) <= s->len) {
        return NULL;
    }

    if (s->len != 0) {
        memcpy(p, s->data, s->len);
        p += s->len;
    }

    *p++ = ',';

    return p;
}


static u_char *
access_put_strings(u_char *p, u_char *last, const slice_t *s, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n && p != NULL; i++) {
        p = access_put_string(p, last, &s[i]);
    }

    return p;
}


static u_char *
access_get_flags(u_char *p, u_char *last, access_key_t *key)
{
    const char  *actions;

    if (last - p < ACCESS_FLAGS_LEN
        || (p[0] != 's' && p[0] != 'p')
        || (p[2] != '0' && p[2] != '1')
        || (p[3] != '0' && p[3] != '1')
        || p[4] < '0' || p[4] > '0' + ACCESS_EDDSA
        || p[5] != ' ')
    {
        return NULL;
    }

    actions = memchr(access_hex, p[1], ACCESS_ALL + 1);
    if (actions == NULL) {
        return NULL;
    }

    key->type = (p[0] == 's') ? ACCESS_SECRET : ACCESS_PUBLISHABLE;
    key->digest = (p[0] == 's');
    key->actions = (unsigned) (actions - access_hex) & ACCESS_ALL;
    key->require_origin = (p[2] == '1');
    key->turn = (p[3] == '1');
    key->algorithm = (access_algorithm_e) (p[4] - '0');

    return p + ACCESS_FLAGS_LEN;
}


static u_char *
access_get_number(u_char *p, u_char *last, size_t *n, u_char end)
{
    size_t   value;
    u_char  *start;

    if (p == NULL) {
        return NULL;
    }

    value = 0;

    for (start = p; p < last && *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (*p - '0');

        if (value > ACCESS_NUMBER_MAX) {
            return NULL;
        }
    }

    if (p == start || p == last || *p != end) {
        return NULL;
    }

    *n = value;

    return p + 1;
}


static u_char *
access_get_string(u_char *p, u_char *last, slice_t *s)
{
    p = access_get_number(p, last, &s->len, ':');

    if (p == NULL || (size_t) (last - p) <= s->len || p[s->len] != ',') {
        return NULL;
    }

    s->data = p;

    return p + s->len + 1;
}


static u_char *
access_get_strings(u_char *p, u_char *last, slice_t *s, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n && p != NULL; i++) {
        p = access_get_string(p, last, &s[i]);
    }

    return p;
}
