
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What becomes of connections when keys change.
 *
 * The workers of the newest generation look after the key file themselves, or
 * have keys that do not change.  Those of earlier generations, which have the
 * keys of their configuration only, are told through the zone: the master
 * leaves the text of the keys there with every configuration, and a worker of
 * the newest generation does when the key file has changed.
 *
 * A connection keeps the key that it came with, and holds its set.  Whoever
 * has lost a right by a change is closed; all others do not notice it.
 */


#include "ngx_signaling.h"


typedef struct {
    access_keys_t  keys;
    access_key_t  *was;         /* the last one looked for */
    access_key_t  *now;         /* what has become of it */
} ngx_signaling_change_t;


static ngx_int_t ngx_signaling_keys_parse(ngx_pool_t *pool, u_char *text,
    size_t len, access_keys_t *keys);
static u_char *ngx_signaling_keys_read(ngx_signaling_worker_t *sw,
    size_t *len);
static void ngx_signaling_keys_narrow(ngx_signaling_worker_t *sw,
    access_keys_t *keys);
static access_key_t *ngx_signaling_keys_now(ngx_signaling_change_t *change,
    access_key_t *was);


/*
 * Leaves the text of the keys for workers of earlier generations.  Called by
 * the master, and by workers; of these only the newest are listened to.
 */

ngx_int_t
ngx_signaling_keys_publish(ngx_signaling_zone_t *zone, access_keys_t *keys,
    ngx_log_t *log)
{
    size_t    size;
    u_char   *text;
    ssize_t   n;

    size = access_keys_len(keys);

    text = ngx_alloc(size, log);
    if (text == NULL) {
        return NGX_ERROR;
    }

    n = access_keys_write(text, size, keys);

    if (n == -1) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "the keys of signaling zone \"%V\" cannot be written",
                      &zone->name);
        ngx_free(text);
        return NGX_ERROR;
    }

    if (sig_registry_publish_keys(&zone->registry, zone->generation, text,
                                  (size_t) n)
        == SIG_REGISTRY_FULL)
    {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "signaling zone \"%V\" has no room for the keys; "
                      "earlier workers will drain their connections",
                      &zone->name);
    }

    ngx_free(text);

    return NGX_OK;
}


/* the key file has changed */

void
ngx_signaling_keys_changed(void *data, access_keys_t *keys)
{
    ngx_signaling_main_conf_t *smcf = data;

    ngx_uint_t               i;
    ngx_signaling_zone_t   **zones;

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {

        if (zones[i]->worker == NULL) {
            continue;
        }

        (void) ngx_signaling_keys_publish(zones[i], keys,
                                          zones[i]->worker->log);

        ngx_signaling_keys_apps(zones[i]->worker, keys);
        ngx_signaling_keys_narrow(zones[i]->worker, keys);
    }
}


/* apps have their place in the zone before newcomers fill it */

void
ngx_signaling_keys_apps(ngx_signaling_worker_t *sw, access_keys_t *keys)
{
    uint32_t  i;

    for (i = 0; i < keys->nelts; i++) {
        (void) ngx_signaling_app(sw, &keys->elts[i]->app);
    }
}


/* looks into the zone, when this worker is no longer one of the newest */

void
ngx_signaling_keys_look(ngx_signaling_worker_t *sw)
{
    size_t          len;
    u_char         *text;
    uint64_t        seen;
    ngx_pool_t     *pool;
    access_keys_t   keys;

    if (sig_registry_generation(sw->registry) == sw->zone->generation
        || sig_registry_key_changes(sw->registry) == sw->keys_seen)
    {
        return;
    }

    seen = sw->keys_seen;

    pool = ngx_create_pool(4096, sw->log);
    if (pool == NULL) {
        return;
    }

    text = ngx_signaling_keys_read(sw, &len);

    if (text != NULL) {

        if (ngx_signaling_keys_parse(pool, text, len, &keys) == NGX_OK) {
            ngx_signaling_keys_narrow(sw, &keys);

        } else {
            ngx_log_error(NGX_LOG_ALERT, sw->log, 0,
                          "the keys in signaling zone \"%V\" cannot be read",
                          &sw->zone->name);
        }

        ngx_free(text);

    } else if (sw->keys_seen != seen) {

        /* there was no room for them */

        ngx_signaling_worker_drain(sw, 1);
    }

    ngx_destroy_pool(pool);
}


/* NULL without a change of keys_seen: no memory */

static u_char *
ngx_signaling_keys_read(ngx_signaling_worker_t *sw, size_t *len)
{
    int       rc;
    u_char   *text;
    uint64_t  changes;

    *len = 65536;

    for ( ;; ) {

        text = ngx_alloc(*len, sw->log);
        if (text == NULL) {
            return NULL;
        }

        rc = sig_registry_read_keys(sw->registry, text, len, &changes);

        if (rc != SIG_REGISTRY_SMALL) {
            break;
        }

        ngx_free(text);
    }

    sw->keys_seen = changes;

    if (rc != SIG_REGISTRY_OK) {
        ngx_free(text);
        return NULL;
    }

    return text;
}


static ngx_int_t
ngx_signaling_keys_parse(ngx_pool_t *pool, u_char *text, size_t len,
    access_keys_t *keys)
{
    ssize_t        n;
    slice_t       *store;
    ngx_array_t    list;
    access_key_t  *key, **slot;

    if (ngx_array_init(&list, pool, 16, sizeof(access_key_t *)) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a string takes three bytes of text at least */

    store = ngx_palloc(pool, (len / 3 + 1) * sizeof(slice_t));
    if (store == NULL) {
        return NGX_ERROR;
    }

    while (len) {
        key = ngx_palloc(pool, sizeof(access_key_t));
        slot = ngx_array_push(&list);

        if (key == NULL || slot == NULL) {
            return NGX_ERROR;
        }

        n = access_key_read(key, text, len, store, len / 3 + 1);

        if (n <= 0) {
            return NGX_ERROR;
        }

        store += key->nchannels + key->norigins;
        text += n;
        len -= (size_t) n;

        *slot = key;
    }

    keys->elts = list.elts;
    keys->nelts = (uint32_t) list.nelts;

    return NGX_OK;
}


static void
ngx_signaling_keys_narrow(ngx_signaling_worker_t *sw, access_keys_t *keys)
{
    uint32_t                 i;
    slice_t                  client, origin;
    access_key_t            *key;
    ngx_signaling_conn_t    *sc;
    ngx_signaling_change_t   change;

    change.keys = *keys;
    change.was = NULL;
    change.now = NULL;

    for (i = 0; i < sw->nchunks * NGX_SIGNALING_CHUNK; i++) {

        sc = &sw->chunks[i / NGX_SIGNALING_CHUNK][i % NGX_SIGNALING_CHUNK];

        if (sc->state != NGX_SIGNALING_OPEN) {
            continue;
        }

        client = ngx_signaling_client(sc->identity);
        origin = ngx_signaling_slice(client.data + client.len,
                                     sc->identity->origin_len);

        key = sc->place->key;

        if (access_key_narrowed(key, ngx_signaling_keys_now(&change, key),
                                sc->identity->has_origin ? &origin : NULL))
        {
            ngx_signaling_conn_close(sc, NGX_SIGNALING_INVALID_TOKEN,
                                     "the key was changed");
        }
    }
}


/* most connections have the same few keys */

static access_key_t *
ngx_signaling_keys_now(ngx_signaling_change_t *change, access_key_t *was)
{
    if (was != change->was) {
        change->was = was;
        change->now = access_key_find(&change->keys, &was->id);
    }

    return change->now;
}


/*
 * The number of an app in the zone, SIG_NO_APP when that is full.  The few
 * that there are are remembered, since the registry would take its lock.
 */

uint32_t
ngx_signaling_app(ngx_signaling_worker_t *sw, const slice_t *name)
{
    uint32_t              number;
    ngx_uint_t            i;
    ngx_signaling_app_t  *app;

    app = sw->apps.elts;

    for (i = 0; i < sw->apps.nelts; i++) {
        if (slice_eq(&app[i].name, name)) {
            return app[i].number;
        }
    }

    if (sig_registry_app(sw->registry, name, &number) != SIG_REGISTRY_OK) {
        ngx_signaling_full(sw);
        return SIG_NO_APP;
    }

    app = ngx_array_push(&sw->apps);
    if (app == NULL) {
        return number;
    }

    app->number = number;
    app->name.len = name->len;
    app->name.data = ngx_pnalloc(sw->cycle->pool, name->len);

    if (app->name.data == NULL) {
        sw->apps.nelts--;
        return number;
    }

    ngx_memcpy(app->name.data, name->data, name->len);

    return number;
}
