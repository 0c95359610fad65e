
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_model_ops.h"


size_t    keys_len = SIZE_MAX;
size_t    keys_next = SIZE_MAX;
int       keys_tight;
u_char    keys_text[KEYS_MAX];


/* long texts leave hardly a page for anything else */

const char *
op_keys(uint32_t slot)
{
    int          rc;
    size_t       room;
    const char  *what;

    room = (size_t) model_pages(&model) * 3 * 4136;

    if (room < 30000 && chance(8)) {
        return NULL;
    }

    keys_next = chance(2) || room < 30000 ? chance(20000)
                                          : room - chance(30000);

    keys_tight = keys_next + 30000 > room;

    call(rc, sig_registry_publish_keys(&model.worker[slot], 0, keys_text,
                                       keys_next));

    if (rc == SIG_REGISTRY_FULL) {
        keys_next = SIZE_MAX;
    }

    what = keys_are(keys_next, keys_next);
    keys_len = keys_next;

    return what;
}


/* the text is one of the two, SIZE_MAX: none */

const char *
keys_are(size_t a, size_t b)
{
    int       rc;
    size_t    len;
    uint64_t  changes;

    static u_char  buf[KEYS_MAX];

    len = sizeof(buf);
    rc = sig_registry_read_keys(&model.observer, buf, &len, &changes);

    if (rc == SIG_REGISTRY_STALE) {
        len = SIZE_MAX;

    } else if (rc != SIG_REGISTRY_OK || memcmp(buf, keys_text, len) != 0) {
        return "text of the keys";
    }

    keys_len = len;

    return len == a || len == b ? NULL : "length of the keys";
}
