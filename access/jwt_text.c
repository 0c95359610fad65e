
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The outer form of a token: two dots, base64url between them, JSON inside.
 */


#include "jwt_inner.h"


static int access_decode_part(slice_t *part, u_char **buf);
static int access_decode_char(u_char c);


static const u_char  access_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


size_t
access_base64url_len(size_t len)
{
    return len / 3 * 4 + (len % 3 ? len % 3 + 1 : 0);
}


u_char *
access_base64url(u_char *p, const slice_t *text)
{
    u_char    *c, *last;
    uint32_t   bits;

    c = text->data;
    last = c + text->len / 3 * 3;

    for ( /* void */ ; c < last; c += 3) {
        bits = (uint32_t) c[0] << 16 | (uint32_t) c[1] << 8 | c[2];

        *p++ = access_alphabet[bits >> 18];
        *p++ = access_alphabet[bits >> 12 & 0x3f];
        *p++ = access_alphabet[bits >> 6 & 0x3f];
        *p++ = access_alphabet[bits & 0x3f];
    }

    switch (text->len % 3) {

    case 1:
        *p++ = access_alphabet[c[0] >> 2];
        *p++ = access_alphabet[c[0] << 4 & 0x3f];
        break;

    case 2:
        bits = (uint32_t) c[0] << 8 | c[1];

        *p++ = access_alphabet[bits >> 10];
        *p++ = access_alphabet[bits >> 4 & 0x3f];
        *p++ = access_alphabet[bits << 2 & 0x3f];
        break;

    default:
        break;
    }

    return p;
}


int
access_jws_split(access_jws_t *jws, const slice_t *token)
{
    u_char  *p, *last, *first, *second;

    if (token->len == 0 || token->len > ACCESS_JWT_MAX) {
        return -1;
    }

    p = token->data;
    last = p + token->len;

    first = memchr(p, '.', (size_t) (last - p));

    if (first == NULL) {
        return -1;
    }

    second = memchr(first + 1, '.', (size_t) (last - first - 1));

    if (second == NULL
        || memchr(second + 1, '.', (size_t) (last - second - 1)) != NULL)
    {
        return -1;
    }

    jws->input.data = p;
    jws->input.len = (size_t) (second - p);

    jws->header.data = p;
    jws->header.len = (size_t) (first - p);

    jws->payload.data = first + 1;
    jws->payload.len = (size_t) (second - first - 1);

    jws->signature.data = second + 1;
    jws->signature.len = (size_t) (last - second - 1);

    return 0;
}


int
access_jws_decode(access_jws_t *jws, u_char *buf)
{
    if (access_decode_part(&jws->header, &buf) == -1
        || access_decode_part(&jws->payload, &buf) == -1
        || access_decode_part(&jws->signature, &buf) == -1)
    {
        return -1;
    }

    return 0;
}


/*
 * Every text has one form only: no padding, no line breaks, and no bits set
 * behind the last byte, RFC 4648, section 3.5.
 */

static int
access_decode_part(slice_t *part, u_char **buf)
{
    int        value;
    size_t     i;
    u_char    *p;
    uint32_t   bits, n;

    if (part->len % 4 == 1) {
        return -1;
    }

    p = *buf;
    bits = 0;
    n = 0;

    for (i = 0; i < part->len; i++) {
        value = access_decode_char(part->data[i]);

        if (value == -1) {
            return -1;
        }

        bits = bits << 6 | (uint32_t) value;
        n += 6;

        if (n >= 8) {
            n -= 8;
            *p++ = (u_char) (bits >> n & 0xff);
        }
    }

    if ((bits & ((1u << n) - 1)) != 0) {
        return -1;
    }

    part->data = *buf;
    part->len = (size_t) (p - *buf);

    *buf = p;

    return 0;
}


static int
access_decode_char(u_char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    if (c == '-') {
        return 62;
    }

    return (c == '_') ? 63 : -1;
}


/*
 * All numbers become doubles: an integer beyond 64 bits is a number too, and
 * nobody computes with any but times.
 */

access_jwt_e
access_json_object(const slice_t *text, json_t **object)
{
    json_error_t  error;

    *object = json_loadb((char *) text->data, text->len,
                         JSON_REJECT_DUPLICATES|JSON_DECODE_INT_AS_REAL
                         |JSON_ALLOW_NUL,
                         &error);

    if (*object == NULL) {
        return json_error_code(&error) == json_error_out_of_memory
               ? ACCESS_JWT_ERROR : ACCESS_JWT_BAD;
    }

    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return ACCESS_JWT_BAD;
    }

    return ACCESS_JWT_OK;
}
