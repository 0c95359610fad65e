
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_rest_path.h"


static int sig_rest_begins(slice_t *path, const slice_t *with);
static int sig_rest_ends(slice_t *path, const slice_t *with);
static void sig_rest_decode(const slice_t *text, u_char *store,
    slice_t *name);
static int sig_rest_hex(u_char c);


static const slice_t  sig_rest_usage = slice("/v1/usage");
static const slice_t  sig_rest_peers = slice("/v1/peers/");
static const slice_t  sig_rest_channels = slice("/v1/channels/");
static const slice_t  sig_rest_roster = slice("/peers");
static const slice_t  sig_rest_publish = slice("/publish");


sig_rest_e
sig_rest_path(const slice_t *target, u_char *store, slice_t *name)
{
    size_t      len;
    slice_t     path;
    sig_rest_e  what;

    name->len = 0;
    name->data = NULL;

    for (len = 0; len < target->len; len++) {
        if (target->data[len] == '?' || target->data[len] == '#') {
            break;
        }
    }

    path.data = target->data;
    path.len = len;

    if (slice_eq(&path, &sig_rest_usage)) {
        return SIG_REST_USAGE;
    }

    if (sig_rest_begins(&path, &sig_rest_peers)) {
        what = SIG_REST_PEER;

    } else if (sig_rest_begins(&path, &sig_rest_channels)) {

        if (sig_rest_ends(&path, &sig_rest_roster)) {
            what = SIG_REST_ROSTER;

        } else if (sig_rest_ends(&path, &sig_rest_publish)) {
            what = SIG_REST_PUBLISH;

        } else {
            return SIG_REST_NONE;
        }

    } else {
        return SIG_REST_NONE;
    }

    if (path.len == 0) {
        return SIG_REST_NONE;
    }

    sig_rest_decode(&path, store, name);

    return what;
}


/* takes the text off the beginning; returns 1, or 0 when it is not there */

static int
sig_rest_begins(slice_t *path, const slice_t *with)
{
    if (path->len < with->len
        || memcmp(path->data, with->data, with->len) != 0)
    {
        return 0;
    }

    path->data += with->len;
    path->len -= with->len;

    return 1;
}


/* likewise off the end */

static int
sig_rest_ends(slice_t *path, const slice_t *with)
{
    if (path->len < with->len
        || memcmp(path->data + path->len - with->len, with->data, with->len)
           != 0)
    {
        return 0;
    }

    path->len -= with->len;

    return 1;
}


/* "+" stands for itself; a broken escape leaves no name */

static void
sig_rest_decode(const slice_t *text, u_char *store, slice_t *name)
{
    int      high, low;
    size_t   i;
    u_char  *p;

    p = store;

    for (i = 0; i < text->len; i++) {

        if (text->data[i] != '%') {
            *p++ = text->data[i];
            continue;
        }

        if (text->len - i < 3) {
            return;
        }

        high = sig_rest_hex(text->data[i + 1]);
        low = sig_rest_hex(text->data[i + 2]);

        if (high == -1 || low == -1) {
            return;
        }

        *p++ = (u_char) (high * 16 + low);
        i += 2;
    }

    name->data = store;
    name->len = (size_t) (p - store);
}


static int
sig_rest_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
