
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What connections have in common: worker, location, key, and what follows
 * from these.  A place is found by the location and the key when a connection
 * comes in, and holds the set of keys that the key is from.
 */


#include "ngx_signaling.h"


static ngx_signaling_place_t **ngx_signaling_place_list(
    ngx_signaling_worker_t *sw, ngx_signaling_loc_conf_t *conf,
    access_key_t *key);


/*
 * Puts the connection into a place, and takes it from the one that it was in.
 * The key may be NULL, and the set with it.  NGX_ERROR: there is no memory,
 * and nothing has changed.
 */

ngx_int_t
ngx_signaling_place_enter(ngx_signaling_conn_t *sc,
    ngx_signaling_worker_t *sw, ngx_signaling_loc_conf_t *conf,
    access_key_t *key, access_keys_t *keys)
{
    ngx_signaling_place_t  **list, *place;

    list = ngx_signaling_place_list(sw, conf, key);

    for (place = *list; place; place = place->next) {

        /* an app may get its number yet */

        if (place->conf == conf && place->key == key && place->keys == keys
            && (key == NULL || place->app != SIG_NO_APP))
        {
            break;
        }
    }

    if (place == NULL) {

        place = ngx_alloc(sizeof(ngx_signaling_place_t), sw->log);
        if (place == NULL) {
            return NGX_ERROR;
        }

        place->worker = sw;
        place->conf = conf;
        place->key = key;
        place->keys = keys ? access_keys_hold(keys) : NULL;
        place->app = key ? ngx_signaling_app(sw, &key->app) : SIG_NO_APP;
        place->refs = 0;

        place->next = *list;
        *list = place;
    }

    place->refs++;

    if (sc->place) {
        ngx_signaling_place_leave(sc);
    }

    sc->place = place;

    return NGX_OK;
}


void
ngx_signaling_place_leave(ngx_signaling_conn_t *sc)
{
    ngx_signaling_place_t  **list, *place;

    place = sc->place;
    sc->place = NULL;

    if (--place->refs) {
        return;
    }

    list = ngx_signaling_place_list(place->worker, place->conf, place->key);

    while (*list != place) {
        list = &(*list)->next;
    }

    *list = place->next;

    if (place->keys) {
        access_keys_release(place->keys);
    }

    ngx_free(place);
}


static ngx_signaling_place_t **
ngx_signaling_place_list(ngx_signaling_worker_t *sw,
    ngx_signaling_loc_conf_t *conf, access_key_t *key)
{
    uintptr_t  n;

    n = ((uintptr_t) key >> 4) + ((uintptr_t) conf >> 6);

    return &sw->places[(n ^ n >> 8) % NGX_SIGNALING_PLACES];
}
