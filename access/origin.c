
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <strings.h>

#include "access.h"


#define ACCESS_ORIGIN_FORM                                                    \
    "write \"*\", \"null\" or scheme://host[:port], "                         \
    "as in https://www.example.com"


typedef struct {
    slice_t   scheme;
    slice_t   host;                    /* without the "*" of a wildcard */
    uint32_t  port;                    /* 0: none, and the scheme has none */
    unsigned  wildcard:1;
} access_origin_t;


static const char *access_origin_parse(access_origin_t *o,
    const slice_t *text);
static const char *access_origin_scheme(access_origin_t *o, u_char **pos,
    u_char *last);
static const char *access_origin_host(access_origin_t *o, u_char **pos,
    u_char *last);
static const char *access_origin_port(access_origin_t *o, u_char *p,
    u_char *last);
static uint32_t access_origin_default_port(const slice_t *scheme);
static int access_origin_host_match(const access_origin_t *entry,
    const access_origin_t *origin);
static int access_alnum(u_char c);
static int access_scheme_is(const slice_t *scheme, const char *name);


static const slice_t  access_any = slice("*");
static const slice_t  access_null = slice("null");


const char *
access_origin_check(const slice_t *entry)
{
    access_origin_t  o;

    if (slice_eq(entry, &access_any) || slice_eq(entry, &access_null)) {
        return NULL;
    }

    return access_origin_parse(&o, entry);
}


int
access_origin_match(const slice_t *entry, const slice_t *origin)
{
    access_origin_t  e, o;

    if (slice_eq(entry, &access_any)) {
        return 1;
    }

    if (slice_eq(entry, &access_null) || slice_eq(origin, &access_null)) {
        return slice_eq(entry, origin);
    }

    if (access_origin_parse(&e, entry) != NULL
        || access_origin_parse(&o, origin) != NULL
        || o.wildcard)
    {
        return 0;
    }

    return e.port == o.port
           && e.scheme.len == o.scheme.len
           && strncasecmp((char *) e.scheme.data, (char *) o.scheme.data,
                          e.scheme.len)
              == 0
           && access_origin_host_match(&e, &o);
}


/* the serialized form of an origin, RFC 6454 6.1 */

static const char *
access_origin_parse(access_origin_t *o, const slice_t *text)
{
    u_char      *p, *last;
    const char  *err;

    p = text->data;
    last = p + text->len;

    err = access_origin_scheme(o, &p, last);
    if (err != NULL) {
        return err;
    }

    err = access_origin_host(o, &p, last);
    if (err != NULL) {
        return err;
    }

    return access_origin_port(o, p, last);
}


static const char *
access_origin_scheme(access_origin_t *o, u_char **pos, u_char *last)
{
    u_char  *p;

    for (p = *pos; p < last; p++) {
        if (!access_alnum(*p) && *p != '+' && *p != '-' && *p != '.') {
            break;
        }
    }

    if (p == *pos || (**pos >= '0' && **pos <= '9')
        || last - p < 3 || memcmp(p, "://", 3) != 0)
    {
        return ACCESS_ORIGIN_FORM;
    }

    o->scheme.data = *pos;
    o->scheme.len = (size_t) (p - *pos);

    *pos = p + 3;

    return NULL;
}


static const char *
access_origin_host(access_origin_t *o, u_char **pos, u_char *last)
{
    u_char  *p, *start;

    p = *pos;
    o->wildcard = 0;

    if (last - p > 2 && p[0] == '*' && p[1] == '.') {
        o->wildcard = 1;
        p++;
    }

    start = p;

    if (p < last && *p == '[') {
        for (p++; p < last && *p != ']'; p++) {
            if (!access_alnum(*p) && *p != ':' && *p != '.') {
                return "an IPv6 address has hexadecimal digits and colons "
                       "between \"[\" and \"]\"";
            }
        }

        if (p == last) {
            return "an IPv6 address ends with \"]\"";
        }

        p++;

    } else {
        for ( /* void */ ; p < last && *p != ':' && *p != '/'; p++) {
            if (*p == '*') {
                return "\"*\" stands alone or for the first labels of a "
                       "host, as in https://*.example.com";
            }

            if (!access_alnum(*p) && *p != '-' && *p != '_' && *p != '.') {
                return "a host has letters, digits, \"-\", \"_\" and \".\" "
                       "only, write other names in their \"xn--\" form";
            }

            if (*p == '.' && (p == start ? !o->wildcard : p[-1] == '.')) {
                return "no label of a host is empty";
            }
        }
    }

    /* the dot of a wildcard alone would stand for every host that ends so */

    if (p - start <= o->wildcard) {
        return ACCESS_ORIGIN_FORM;
    }

    o->host.data = start;
    o->host.len = (size_t) (p - start);

    *pos = p;

    return NULL;
}


static const char *
access_origin_port(access_origin_t *o, u_char *p, u_char *last)
{
    if (p < last && *p == ':') {
        o->port = 0;

        for (p++; p < last && *p >= '0' && *p <= '9'; p++) {
            o->port = o->port * 10 + (*p - '0');

            if (o->port > 65535) {
                break;
            }
        }

        if (o->port == 0 || o->port > 65535) {
            return "a port is a number from 1 to 65535";
        }

    } else {
        o->port = access_origin_default_port(&o->scheme);
    }

    if (p < last) {
        return "an origin ends with its host or port, leave out what follows";
    }

    return NULL;
}


static uint32_t
access_origin_default_port(const slice_t *scheme)
{
    if (access_scheme_is(scheme, "https") || access_scheme_is(scheme, "wss")) {
        return 443;
    }

    if (access_scheme_is(scheme, "http") || access_scheme_is(scheme, "ws")) {
        return 80;
    }

    return 0;
}


static int
access_origin_host_match(const access_origin_t *entry,
    const access_origin_t *origin)
{
    u_char  *p;
    size_t   len;

    p = origin->host.data;
    len = origin->host.len;

    if (entry->wildcard) {
        if (len <= entry->host.len) {
            return 0;
        }

        p += len - entry->host.len;
        len = entry->host.len;
    }

    return len == entry->host.len
           && strncasecmp((char *) p, (char *) entry->host.data, len) == 0;
}


static int
access_alnum(u_char c)
{
    return (c >= '0' && c <= '9')
           || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


static int
access_scheme_is(const slice_t *scheme, const char *name)
{
    return scheme->len == strlen(name)
           && strncasecmp((char *) scheme->data, name, scheme->len) == 0;
}
