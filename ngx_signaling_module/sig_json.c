
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_json.h"


/* what closes the innermost array or object */

#define SIG_JSON_ARRAY     ']'
#define SIG_JSON_OBJECT    '}'

#define sig_json_digit(c)  ((u_char) ((c) - '0') < 10)

#define sig_json_literal(p, end, text)                                        \
    (((size_t) ((end) - (p)) >= sizeof(text) - 1                              \
      && memcmp(p, text, sizeof(text) - 1) == 0)                              \
     ? (p) + sizeof(text) - 1 : NULL)


static inline const u_char *sig_json_name(const u_char *p,
    const u_char *end);
static const u_char *sig_json_scalar(const u_char *p, const u_char *end);
static const u_char *sig_json_number(const u_char *p, const u_char *end);


const u_char *
sig_json_value(const u_char *p, const u_char *end, unsigned depth)
{
    u_char    closer, outer[SIG_JSON_DEPTH_MAX];
    unsigned  level;

    level = 0;
    closer = 0;

value:

    if (p == end) {
        return NULL;
    }

    switch (*p) {

    case '"':
        p = sig_json_string(p + 1, end);
        break;

    case '{':
    case '[':
        if (level == depth) {
            return NULL;
        }

        outer[level++] = closer;
        closer = (u_char) (*p + 2);    /* the same distance in both pairs */

        p = sig_json_space(p + 1, end);

        if (p < end && *p == closer) {
            closer = outer[--level];
            p++;
            break;
        }

        if (closer == SIG_JSON_OBJECT) {
            goto name;
        }

        goto value;

    default:
        p = sig_json_scalar(p, end);
    }

    if (p == NULL) {
        return NULL;
    }

    /* a value has ended, and perhaps the ones around it */

    for ( ;; ) {

        if (level == 0) {
            return p;
        }

        p = sig_json_space(p, end);

        if (p == end) {
            return NULL;
        }

        if (*p == ',') {
            break;
        }

        if (*p != closer) {
            return NULL;
        }

        closer = outer[--level];
        p++;
    }

    p = sig_json_space(p + 1, end);

    if (closer == SIG_JSON_ARRAY) {
        goto value;
    }

name:

    p = sig_json_name(p, end);
    if (p == NULL) {
        return NULL;
    }

    goto value;
}


/* passes over the name of a member and the colon, up to its value */

static inline const u_char *
sig_json_name(const u_char *p, const u_char *end)
{
    if (p == end || *p != '"') {
        return NULL;
    }

    p = sig_json_string(p + 1, end);
    if (p == NULL) {
        return NULL;
    }

    p = sig_json_space(p, end);

    if (p == end || *p != ':') {
        return NULL;
    }

    return sig_json_space(p + 1, end);
}


static const u_char *
sig_json_scalar(const u_char *p, const u_char *end)
{
    switch (*p) {

    case 't':
        return sig_json_literal(p, end, "true");

    case 'f':
        return sig_json_literal(p, end, "false");

    case 'n':
        return sig_json_literal(p, end, "null");

    default:
        return sig_json_number(p, end);
    }
}


static const u_char *
sig_json_number(const u_char *p, const u_char *end)
{
    if (*p == '-') {
        p++;
    }

    if (p == end || !sig_json_digit(*p)) {
        return NULL;
    }

    if (*p++ != '0') {
        while (p < end && sig_json_digit(*p)) {
            p++;
        }
    }

    if (p < end && *p == '.') {
        p++;

        if (p == end || !sig_json_digit(*p)) {
            return NULL;
        }

        while (p < end && sig_json_digit(*p)) {
            p++;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }

        if (p == end || !sig_json_digit(*p)) {
            return NULL;
        }

        while (p < end && sig_json_digit(*p)) {
            p++;
        }
    }

    return p;
}
