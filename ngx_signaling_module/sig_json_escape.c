
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_json.h"


static int32_t sig_json_escaped(const u_char **p, const u_char *end);
static u_char *sig_json_encode(u_char *p, uint32_t c);


int32_t
sig_json_hex4(const u_char *p)
{
    int      i;
    u_char   c;
    int32_t  value;

    value = 0;

    for (i = 0; i < 4; i++) {
        c = p[i];

        if (c >= '0' && c <= '9') {
            c = (u_char) (c - '0');

        } else {
            c |= 0x20;

            if (c < 'a' || c > 'f') {
                return -1;
            }

            c = (u_char) (c - 'a' + 10);
        }

        value = value << 4 | c;
    }

    return value;
}


int32_t
sig_json_char(const u_char **p, const u_char *end)
{
    const u_char  *s;

    s = *p;

    if (*s < 0x80 && *s != '\\') {
        *p = s + 1;
        return *s;
    }

    if (*s >= 0xf0) {
        *p = s + 4;
        return (s[0] & 0x07) << 18 | (s[1] & 0x3f) << 12
               | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    }

    if (*s >= 0xe0) {
        *p = s + 3;
        return (s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
    }

    if (*s >= 0x80) {
        *p = s + 2;
        return (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
    }

    return sig_json_escaped(p, end);
}


/* of one escape, or of two that are a character together */

static int32_t
sig_json_escaped(const u_char **p, const u_char *end)
{
    int32_t        c, low;
    const u_char  *s;

    s = *p;
    *p = s + 2;

    switch (s[1]) {

    case 'b':
        return '\b';

    case 'f':
        return '\f';

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'u':
        break;

    default:
        return s[1];
    }

    *p = s + 6;

    c = sig_json_hex4(s + 2);

    if (c < 0xd800 || c > 0xdfff) {
        return c;
    }

    if (c > 0xdbff || end - s < 12 || s[6] != '\\' || s[7] != 'u') {
        return -1;
    }

    low = sig_json_hex4(s + 8);

    if (low < 0xdc00 || low > 0xdfff) {
        return -1;
    }

    *p = s + 12;

    return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}


int
sig_json_equal(const slice_t *inside, const slice_t *text)
{
    size_t         i;
    const u_char  *p, *end;

    if (inside->len <= text->len) {
        return slice_eq(inside, text);
    }

    /* longer, so that only escapes can make it the same */

    p = inside->data;
    end = p + inside->len;

    for (i = 0; i < text->len; i++) {
        if (p == end || sig_json_char(&p, end) != text->data[i]) {
            return 0;
        }
    }

    return p == end;
}


int
sig_json_unescape(slice_t *inside)
{
    int32_t        c;
    u_char        *to;
    const u_char  *p, *end;

    if (inside->len == 0) {
        return 1;
    }

    to = memchr(inside->data, '\\', inside->len);

    if (to == NULL) {
        return 1;
    }

    p = to;
    end = inside->data + inside->len;

    while (p < end) {
        c = sig_json_char(&p, end);
        if (c == -1) {
            return 0;
        }

        to = sig_json_encode(to, (uint32_t) c);
    }

    inside->len = (size_t) (to - inside->data);

    return 1;
}


static u_char *
sig_json_encode(u_char *p, uint32_t c)
{
    if (c < 0x80) {
        *p++ = (u_char) c;
        return p;
    }

    if (c < 0x800) {
        *p++ = (u_char) (0xc0 | c >> 6);

    } else {
        if (c < 0x10000) {
            *p++ = (u_char) (0xe0 | c >> 12);

        } else {
            *p++ = (u_char) (0xf0 | c >> 18);
            *p++ = (u_char) (0x80 | (c >> 12 & 0x3f));
        }

        *p++ = (u_char) (0x80 | (c >> 6 & 0x3f));
    }

    *p++ = (u_char) (0x80 | (c & 0x3f));

    return p;
}
