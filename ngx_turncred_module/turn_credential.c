
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <limits.h>
#include <stdio.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "turn_credential.h"


#define TURN_HASHED_ID_LEN     16
#define TURN_RANDOM_POOL       512     /* bytes, 64 IDs */


typedef struct {
    const char  *name;
    int          relay;
} turn_scheme_t;


static int turn_id_fits(const slice_t *id);
static void turn_write_hex(u_char *p, const u_char *src, size_t n);
static const char *turn_url_scheme(u_char **pos, u_char *last, int *relay);
static const char *turn_url_host(u_char **pos, u_char *last);
static const char *turn_url_ipv6(u_char **pos, u_char *last);
static const char *turn_url_port(u_char **pos, u_char *last);
static const char *turn_url_query(u_char *p, u_char *last, int relay);
static int turn_alnum(u_char c);


static const turn_scheme_t  turn_schemes[] = {
    { "stun:", 0 },
    { "stuns:", 0 },
    { "turn:", 1 },
    { "turns:", 1 },
    { NULL, 0 }
};


int
turn_random_id(u_char *id)
{
    size_t  n;

    static size_t  left;
    static u_char  pool[TURN_RANDOM_POOL];

    n = TURN_RANDOM_ID_LEN / 2;

    if (left < n) {

        if (RAND_bytes(pool, sizeof(pool)) != 1) {
            return -1;
        }

        left = sizeof(pool);
    }

    left -= n;

    turn_write_hex(id, pool + left, n);

    return 0;
}


ssize_t
turn_username(u_char *p, int64_t expiry, const slice_t *id)
{
    int     len;
    char    text[24];
    u_char  md[EVP_MAX_MD_SIZE];

    if (expiry < 0) {
        return -1;
    }

    len = snprintf(text, sizeof(text), "%lld:", (long long) expiry);
    if (len < 0) {
        return -1;
    }

    memcpy(p, text, (size_t) len);

    if (turn_id_fits(id)) {
        memcpy(p + len, id->data, id->len);
        return len + (ssize_t) id->len;
    }

    if (EVP_Digest(id->data, id->len, md, NULL, EVP_sha256(), NULL) != 1) {
        return -1;
    }

    turn_write_hex(p + len, md, TURN_HASHED_ID_LEN / 2);

    return len + TURN_HASHED_ID_LEN;
}


turn_secret_t *
turn_secret_prepare(const slice_t *secret)
{
    EVP_MAC      *mac;
    OSSL_PARAM    params[2];
    EVP_MAC_CTX  *ctx;

    if (secret->len == 0) {
        return NULL;
    }

    mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    ctx = EVP_MAC_CTX_new(mac);

    /* the context keeps what it needs of it */

    EVP_MAC_free(mac);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA1", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (ctx == NULL
        || EVP_MAC_init(ctx, secret->data, secret->len, params) != 1)
    {
        EVP_MAC_CTX_free(ctx);
        return NULL;
    }

    return ctx;
}


void
turn_secret_free(turn_secret_t *secret)
{
    EVP_MAC_CTX_free(secret);
}


int
turn_credential(u_char *p, const turn_secret_t *secret,
    const slice_t *username)
{
    size_t        len;
    u_char        md[EVP_MAX_MD_SIZE], text[TURN_CREDENTIAL_LEN + 1];
    EVP_MAC_CTX  *ctx;

    ctx = EVP_MAC_CTX_dup(secret);

    if (ctx == NULL
        || EVP_MAC_update(ctx, username->data, username->len) != 1
        || EVP_MAC_final(ctx, md, &len, sizeof(md)) != 1
        || len != 20)
    {
        EVP_MAC_CTX_free(ctx);
        return -1;
    }

    EVP_MAC_CTX_free(ctx);

    /* the encoder ends its text with a NUL */

    if (EVP_EncodeBlock(text, md, 20) != TURN_CREDENTIAL_LEN) {
        return -1;
    }

    memcpy(p, text, TURN_CREDENTIAL_LEN);

    return 0;
}


const char *
turn_url_check(const slice_t *url, int *relay)
{
    u_char      *p, *last;
    const char  *err;

    if (url->len > TURN_URL_MAX) {
        return "a URL has at most 512 characters";
    }

    p = url->data;
    last = p + url->len;

    err = turn_url_scheme(&p, last, relay);
    if (err != NULL) {
        return err;
    }

    err = turn_url_host(&p, last);
    if (err != NULL) {
        return err;
    }

    err = turn_url_port(&p, last);
    if (err != NULL) {
        return err;
    }

    return turn_url_query(p, last, *relay);
}


static int
turn_id_fits(const slice_t *id)
{
    size_t  i;

    if (id->len == 0 || id->len > TURN_ID_MAX) {
        return 0;
    }

    for (i = 0; i < id->len; i++) {
        if (!turn_alnum(id->data[i])
            && id->data[i] != '-' && id->data[i] != '_')
        {
            return 0;
        }
    }

    return 1;
}


static void
turn_write_hex(u_char *p, const u_char *src, size_t n)
{
    size_t             i;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        *p++ = (u_char) hex[src[i] >> 4];
        *p++ = (u_char) hex[src[i] & 0xf];
    }
}


static const char *
turn_url_scheme(u_char **pos, u_char *last, int *relay)
{
    size_t                len;
    const turn_scheme_t  *scheme;

    for (scheme = turn_schemes; scheme->name != NULL; scheme++) {
        len = strlen(scheme->name);

        if ((size_t) (last - *pos) >= len
            && strncasecmp((char *) *pos, scheme->name, len) == 0)
        {
            break;
        }
    }

    if (scheme->name == NULL) {
        return "write stun:host[:port], stuns:host[:port], "
               "turn:host[:port][?transport=udp|tcp] "
               "or turns:host[:port][?transport=udp|tcp]";
    }

    *relay = scheme->relay;
    *pos += strlen(scheme->name);

    if (last - *pos >= 2 && memcmp(*pos, "//", 2) == 0) {
        return "the host follows the colon, leave out the \"//\"";
    }

    return NULL;
}


static const char *
turn_url_host(u_char **pos, u_char *last)
{
    u_char  *p, *start;

    p = *pos;

    if (p < last && *p == '[') {
        return turn_url_ipv6(pos, last);
    }

    for (start = p; p < last && *p != ':' && *p != '?'; p++) {

        if (*p == '@') {
            return "leave out the user, credentials are made from "
                   "\"turn_secret\"";
        }

        if (!turn_alnum(*p) && *p != '-' && *p != '_' && *p != '.') {
            return "a host has letters, digits, \"-\", \"_\" and \".\" only";
        }
    }

    if (p == start) {
        return "a host follows the scheme, as in turn:turn.example.com:3478";
    }

    *pos = p;

    return NULL;
}


static const char *
turn_url_ipv6(u_char **pos, u_char *last)
{
    u_char  *p, *start;

    p = *pos + 1;

    for (start = p; p < last && *p != ']'; p++) {
        if (!turn_alnum(*p) && *p != ':' && *p != '.') {
            break;
        }
    }

    if (p == start || p == last || *p != ']') {
        return "an IPv6 address has hexadecimal digits and colons between "
               "\"[\" and \"]\"";
    }

    *pos = p + 1;

    return NULL;
}


static const char *
turn_url_port(u_char **pos, u_char *last)
{
    u_char    *p;
    uint32_t   port;

    p = *pos;

    if (p == last || *p != ':') {
        return NULL;
    }

    port = 0;

    for (p++; p < last && *p >= '0' && *p <= '9' && port <= 65535; p++) {
        port = port * 10 + (*p - '0');
    }

    if (port == 0 || port > 65535) {
        return "a port is a number from 1 to 65535";
    }

    *pos = p;

    return NULL;
}


static const char *
turn_url_query(u_char *p, u_char *last, int relay)
{
    size_t             len;
    static const char  name[] = "?transport=";

    if (p == last) {
        return NULL;
    }

    if (*p != '?') {
        return "a URL ends with its host, its port or \"?transport=\", "
               "leave out what follows";
    }

    if (!relay) {
        return "only turn: and turns: have a transport, leave out the \"?\" "
               "and what follows";
    }

    len = sizeof(name) - 1;

    if ((size_t) (last - p) == len + 3
        && memcmp(p, name, len) == 0
        && (memcmp(p + len, "udp", 3) == 0 || memcmp(p + len, "tcp", 3) == 0))
    {
        return NULL;
    }

    return "write \"?transport=udp\" or \"?transport=tcp\" after the host and "
           "the port, or nothing";
}


static int
turn_alnum(u_char c)
{
    return (c >= '0' && c <= '9')
           || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}
