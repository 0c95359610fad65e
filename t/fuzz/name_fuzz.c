
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the syntax of names: the input is one, and what is said of it is
 * what a look at each byte says.
 */


#include <strings.h>

#include "fuzz.h"
#include "name.h"


static int fuzz_peer_id(const slice_t *name);
static int fuzz_channel(const slice_t *name);
static int fuzz_reserved(const slice_t *name);
static int fuzz_directive(const slice_t *name);
static unsigned fuzz_action(const slice_t *name);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t  name;

    name = fuzz_slice(data, size);

    fuzz_check(access_peer_id_valid(&name) == fuzz_peer_id(&name));
    fuzz_check(access_channel_valid(&name) == fuzz_channel(&name));

    if (size != 0) {
        fuzz_check(access_channel_reserved(&name) == fuzz_reserved(&name));
    }

    fuzz_check(access_directive_name(&name, ACCESS_KEY_ID_MAX)
               == fuzz_directive(&name));

    fuzz_check(access_action(&name) == fuzz_action(&name));

    free(name.data);

    return 0;
}


static int
fuzz_peer_id(const slice_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] > 0x7e) {
            return 0;
        }
    }

    return name->len >= 1 && name->len <= 128;
}


/* 256 UTF-16 units, no control character; of what may not be UTF-8 */

static int
fuzz_channel(const slice_t *name)
{
    u_char  c;
    size_t  i, units;

    units = 0;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c < 0x20 || c == 0x7f
            || (i > 0 && name->data[i - 1] == 0xc2 && c < 0xa0))
        {
            return 0;
        }

        units += (c < 0x80 || c >= 0xc0) + (c >= 0xf0);
    }

    return name->len != 0 && name->len <= 768 && units <= 256;
}


static int
fuzz_reserved(const slice_t *name)
{
    size_t  i, len;

    static const char  *prefixes[] = { "_metered/", "_internal/",
                                       "_system/" };

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        len = strlen(prefixes[i]);

        if (name->len >= len && memchr(name->data, '\0', len) == NULL
            && strncasecmp((char *) name->data, prefixes[i], len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
fuzz_directive(const slice_t *name)
{
    size_t  i;

    static const char  chars[] = "0123456789-_.abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (i = 0; i < name->len; i++) {
        if (memchr(chars, name->data[i], sizeof(chars) - 1) == NULL) {
            return 0;
        }
    }

    return name->len >= 1 && name->len <= 128;
}


static unsigned
fuzz_action(const slice_t *name)
{
    size_t  i;

    static const char      *names[] = { "subscribe", "publish", "send",
                                        "presence" };
    static const unsigned   masks[] = { ACCESS_SUBSCRIBE, ACCESS_PUBLISH,
                                        ACCESS_SEND, ACCESS_PRESENCE };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name->len == strlen(names[i])
            && memcmp(name->data, names[i], name->len) == 0)
        {
            return masks[i];
        }
    }

    return 0;
}
