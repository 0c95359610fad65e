
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Keys for tests of access: one of either type, with two patterns of channels
 * and two origins.
 */


#ifndef _KEY_MADE_H_INCLUDED_
#define _KEY_MADE_H_INCLUDED_


#include "access.h"
#include "tap.h"


typedef struct {
    access_key_t  key;
    slice_t       channels[4];
    slice_t       origins[4];
} test_key_t;


static inline void make_key(test_key_t *t, access_key_type_e type);


/* valid as long as *t is, which the test may change */

static inline void
make_key(test_key_t *t, access_key_type_e type)
{
    memset(t, 0, sizeof(test_key_t));

    t->channels[0] = text_slice("room-*");
    t->channels[1] = text_slice("lobby");
    t->origins[0] = text_slice("https://a.example.com");
    t->origins[1] = text_slice("https://*.example.org");

    t->key.type = type;
    t->key.app = text_slice("default");
    t->key.channels = t->channels;
    t->key.nchannels = 2;
    t->key.actions = ACCESS_ALL;
    t->key.turn = 1;

    if (type == ACCESS_SECRET) {
        t->key.id = text_slice("sk_id_main");
        t->key.secret = text_slice("sk_secret_main");
        return;
    }

    t->key.id = text_slice("pk_live_demo");
    t->key.origins = t->origins;
    t->key.norigins = 2;
    t->key.require_origin = 1;
}


#endif /* _KEY_MADE_H_INCLUDED_ */
