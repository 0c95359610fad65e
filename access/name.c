
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <openssl/rand.h>

#include "name.h"


#define ACCESS_BYTES  0x0101010101010101ull


static int access_printable(const slice_t *text);


const access_action_t  access_actions[] = {
    { slice("subscribe"), ACCESS_SUBSCRIBE },
    { slice("publish"), ACCESS_PUBLISH },
    { slice("presence"), ACCESS_PRESENCE },
    { slice("send"), ACCESS_SEND },
    { slice(""), 0 }
};


static const slice_t  access_reserved[] = {
    slice("_metered/"),
    slice("_internal/"),
    slice("_system/")
};


unsigned
access_action(const slice_t *name)
{
    const access_action_t  *action;

    for (action = access_actions; action->mask; action++) {
        if (slice_eq(&action->name, name)) {
            break;
        }
    }

    return action->mask;
}


int
access_directive_name(const slice_t *name, size_t max)
{
    u_char  c;
    size_t  i;

    if (name->len == 0 || name->len > max) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'z')
            && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.')
        {
            return 0;
        }
    }

    return 1;
}


int
access_peer_id_valid(const slice_t *id)
{
    return id->len != 0
           && id->len <= ACCESS_PEER_ID
           && access_printable(id);
}


int
access_channel_valid(const slice_t *name)
{
    u_char  c, before;
    size_t  i, units;

    if (name->len == 0 || name->len > ACCESS_CHANNEL_BYTES) {
        return 0;
    }

    if (access_printable(name)) {
        return name->len <= ACCESS_CHANNEL_UNITS;
    }

    units = 0;
    before = 0;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        /* U+0000..U+001F, U+007F, U+0080..U+009F */

        if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0)) {
            return 0;
        }

        units += (c >= 0xf0) ? 2 : ((c & 0xc0) != 0x80) ? 1 : 0;
        before = c;
    }

    return units <= ACCESS_CHANNEL_UNITS;
}


int
access_channel_reserved(const slice_t *name)
{
    u_char          c;
    size_t          i, n;
    const slice_t  *prefix;

    if (name->data[0] != '_') {
        return 0;
    }

    for (i = 0; i < sizeof(access_reserved) / sizeof(slice_t); i++) {
        prefix = &access_reserved[i];

        if (name->len < prefix->len) {
            continue;
        }

        for (n = 0; n < prefix->len; n++) {
            c = name->data[n];

            if (c >= 'A' && c <= 'Z') {
                c |= 0x20;
            }

            if (c != prefix->data[n]) {
                break;
            }
        }

        if (n == prefix->len) {
            return 1;
        }
    }

    return 0;
}


/* RFC 9562, version 4, in lower case */

/* is there nothing but printable ASCII? */

static int
access_printable(const slice_t *text)
{
    size_t         left;
    uint64_t       word;
    const u_char  *p;

    p = text->data;

    for (left = text->len; left >= 8; left -= 8) {
        memcpy(&word, p, 8);

        /*
         * What is 80 or more shows it at once, 7f by adding 1, and 20 and
         * more by adding 60; carries come from the first kind only
         */

        if ((word | (word + ACCESS_BYTES * 0x01)
             | ~(word + ACCESS_BYTES * 0x60))
            & ACCESS_BYTES * 0x80)
        {
            return 0;
        }

        p += 8;
    }

    for ( /* void */ ; left; left--) {
        if (*p < 0x20 || *p > 0x7e) {
            return 0;
        }

        p++;
    }

    return 1;
}
