
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_share.h"

#include <stdio.h>
#include <stdlib.h>


region_t        region;
sig_registry_t  a, b;
crowd_t         first, second;
size_t          bytes;


void
share_fresh(size_t pages)
{
    size_t  size;

    size = sig_registry_min_size(SHARE_SLOTS);

    for ( ;; ) {
        region_make(&region, size, SHARE_SLOTS);
        worker(&region, &a, 100);

        if (a.store.npages >= pages) {
            break;
        }

        region_free(&region);
        size += SIG_PAGE;
    }

    worker(&region, &b, 200);

    memset(&first, 0, sizeof(first));
    memset(&second, 0, sizeof(second));
    first.app = region.app;

    bytes = counts(&a).bytes_free;
}


int
share_empty(void)
{
    int  empty;

    share_go_all(&first);
    share_go_all(&second);

    empty = counts(&a).bytes_free == bytes && counts(&a).connections == 0
            && sound(&a);

    region_free(&region);

    return empty;
}


int
share_come(crowd_t *crowd, int join)
{
    int           rc;
    char          id_text[24];
    slice_t       id, none;
    uint32_t      n, i;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    i = crowd->n;

    if (i == SHARE_PEERS) {
        abort();
    }

    (void) snprintf(id_text, sizeof(id_text), "peer-%u", i);
    id = text(id_text);
    none = text("");

    rc = sig_registry_connect(&a, crowd->app, &id, &none, 0, i,
                              &crowd->conn[i], others, &n);

    if (rc != SIG_REGISTRY_OK) {
        return rc;
    }

    crowd->member[i].gen = 0;
    crowd->n++;

    if (join) {
        rc = share_enter(crowd, i, "");

        if (rc != SIG_REGISTRY_OK) {
            share_go(crowd, i);
            crowd->n--;
        }
    }

    return rc;
}


uint32_t
share_come_all(crowd_t *crowd, int join, int *rc)
{
    uint32_t  n;

    for (n = 0; /* void */ ; n++) {
        *rc = share_come(crowd, join);

        if (*rc != SIG_REGISTRY_OK) {
            return n;
        }
    }
}


int
share_enter(crowd_t *crowd, uint32_t i, const char *kind)
{
    int           rc;
    char          room[64];
    slice_t       name;
    sig_change_t  change;

    (void) snprintf(room, sizeof(room), "room number %s%08u", kind, i);
    name = text(room);

    rc = sig_registry_join(&a, crowd->conn[i], &name, &change, NULL, 0);

    if (rc == SIG_REGISTRY_OK) {
        crowd->member[i] = change.member;
    }

    return rc;
}


uint32_t
share_enter_all(crowd_t *crowd, int *rc)
{
    uint32_t  i, n;

    n = 0;
    *rc = SIG_REGISTRY_OK;

    for (i = 0; i < crowd->n && *rc == SIG_REGISTRY_OK; i++) {

        if (crowd->member[i].gen == 0 && crowd->conn[i].gen != 0) {
            *rc = share_enter(crowd, i, "");
            n += *rc == SIG_REGISTRY_OK;
        }
    }

    return n;
}


void
share_go(crowd_t *crowd, uint32_t i)
{
    sig_change_t  change;

    if (crowd->member[i].gen != 0) {
        (void) depart(&a, crowd->member[i], 1, &change);
        crowd->member[i].gen = 0;
    }

    (void) sig_registry_disconnect(&a, crowd->conn[i]);
    crowd->conn[i].gen = 0;
}


void
share_go_all(crowd_t *crowd)
{
    while (crowd->n > 0) {
        share_go(crowd, --crowd->n);
    }
}


uint32_t
share_app(uint32_t n)
{
    char      app[24];
    slice_t   name;
    uint32_t  number;

    (void) snprintf(app, sizeof(app), "app-%u", n);
    name = text(app);

    if (sig_registry_app(&a, &name, &number) != SIG_REGISTRY_OK) {
        abort();
    }

    bytes -= sizeof(sig_app_t);

    return number;
}


sig_usage_t
share_used(uint32_t number)
{
    sig_usage_t  usage;

    sig_registry_usage(&a, number, 0, &usage);

    return usage;
}


uint32_t
share_left(void)
{
    return sig_store_left(&a.store);
}


uint32_t
share_units(void)
{
    return a.store.npages * SIG_PAGE_UNITS;
}


int
share_told(const char *who)
{
    int     more;
    u_char  name[SIG_APP_NAME];
    size_t  len;

    more = sig_registry_alarm(&b, name, &len);

    if (who == NULL) {
        return !more && !sig_registry_alarm(&a, name, &len);
    }

    return more && len == strlen(who) && memcmp(name, who, len) == 0
           && !sig_registry_alarm(&a, name, &len);
}
