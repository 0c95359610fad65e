
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "turn_api_key.h"


#define TURN_API_KEY_BODY  (8 + TURN_API_KEY_ID)
#define TURN_API_KEY_SIGN  16

/* its NUL is signed too */
#define TURN_API_KEY_LABEL "turn-api-key"


static int turn_api_key_sign(u_char *sign, const slice_t *secret,
    const u_char *body);
static int turn_api_key_bytes(u_char *dst, const u_char *digits, size_t n);
static int turn_api_key_digit(u_char c);


int
turn_api_key_write(u_char *p, const slice_t *secret, int64_t expiry,
    const u_char *id)
{
    size_t  i;
    u_char  key[TURN_API_KEY_BODY + TURN_API_KEY_SIGN];

    static const char  hex[] = "0123456789abcdef";

    if (expiry < 0) {
        return -1;
    }

    for (i = 0; i < 8; i++) {
        key[i] = (u_char) ((uint64_t) expiry >> (56 - 8 * i));
    }

    if (turn_api_key_bytes(key + 8, id, TURN_API_KEY_ID) == -1
        || turn_api_key_sign(key + TURN_API_KEY_BODY, secret, key) == -1)
    {
        return -1;
    }

    for (i = 0; i < sizeof(key); i++) {
        *p++ = (u_char) hex[key[i] >> 4];
        *p++ = (u_char) hex[key[i] & 0xf];
    }

    return 0;
}


int
turn_api_key_read(const slice_t *key, const slice_t *secret, int64_t *expiry,
    slice_t *id)
{
    size_t    i;
    u_char    bytes[TURN_API_KEY_LEN / 2], sign[TURN_API_KEY_SIGN];
    uint64_t  n;

    if (key->len != TURN_API_KEY_LEN
        || turn_api_key_bytes(bytes, key->data, sizeof(bytes)) == -1
        || turn_api_key_sign(sign, secret, bytes) == -1)
    {
        return -1;
    }

    if (CRYPTO_memcmp(sign, bytes + TURN_API_KEY_BODY, TURN_API_KEY_SIGN)
        != 0)
    {
        return -1;
    }

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | bytes[i];
    }

    if (n > INT64_MAX) {
        return -1;
    }

    *expiry = (int64_t) n;

    id->data = key->data + 2 * 8;
    id->len = TURN_API_KEY_ID_LEN;

    return 0;
}


/* the first bytes of HMAC-SHA256(secret, "turn-api-key" 00 expiry id) */

static int
turn_api_key_sign(u_char *sign, const slice_t *secret, const u_char *body)
{
    u_char        md[EVP_MAX_MD_SIZE];
    u_char        text[sizeof(TURN_API_KEY_LABEL) + TURN_API_KEY_BODY];
    unsigned int  len;

    if (secret->len == 0 || secret->len > INT_MAX) {
        return -1;
    }

    memcpy(text, TURN_API_KEY_LABEL, sizeof(TURN_API_KEY_LABEL));
    memcpy(text + sizeof(TURN_API_KEY_LABEL), body, TURN_API_KEY_BODY);

    if (HMAC(EVP_sha256(), secret->data, (int) secret->len, text,
             sizeof(text), md, &len)
        == NULL
        || len < TURN_API_KEY_SIGN)
    {
        return -1;
    }

    memcpy(sign, md, TURN_API_KEY_SIGN);

    return 0;
}


static int
turn_api_key_bytes(u_char *dst, const u_char *digits, size_t n)
{
    int     high, low;
    size_t  i;

    for (i = 0; i < n; i++) {
        high = turn_api_key_digit(digits[2 * i]);
        low = turn_api_key_digit(digits[2 * i + 1]);

        if (high == -1 || low == -1) {
            return -1;
        }

        dst[i] = (u_char) (high << 4 | low);
    }

    return 0;
}


static int
turn_api_key_digit(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}
