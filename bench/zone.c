
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/mman.h>

#include "zone.h"


static int zone_join(zone_t *zone, sig_ref_t conn, size_t i, int long_names,
    sig_ref_t *member);
static uint64_t zone_mix(uint64_t n);
static void zone_lock(void *ctx);


size_t
zone_region(size_t peers, uint32_t slots)
{
    size_t  low, high, middle;

    low = 1;
    high = ZONE_LARGE / 4096;

    while (low < high) {
        middle = low + (high - low) / 2;

        if (sig_registry_capacity(middle * 4096, slots) >= peers) {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return high * 4096;
}


void
zone_make(zone_t *zone, size_t size, uint32_t slots)
{
    slice_t          name;
    sig_registry_t  *r;

    static const u_char  seed[16] = "a seed of a run";

    r = &zone->r;

    zone->size = size;
    zone->base = mmap(NULL, size, PROT_READ|PROT_WRITE,
                      MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (zone->base == MAP_FAILED) {
        fprintf(stderr, "no memory for %zu bytes\n", size);
        exit(1);
    }

    memset(r, 0, sizeof(sig_registry_t));

    r->lock.lock = zone_lock;
    r->lock.unlock = zone_lock;

    name.data = (u_char *) "default";
    name.len = 7;

    if (sig_registry_create(zone->base, size, slots, seed) != SIG_REGISTRY_OK
        || sig_registry_attach(r, zone->base, size) != SIG_REGISTRY_OK
        || sig_registry_claim(r, 0, sig_registry_new_generation(r))
           != SIG_REGISTRY_OK
        || sig_registry_app(r, &name, &zone->app) != SIG_REGISTRY_OK)
    {
        fprintf(stderr, "the registry can not be made\n");
        exit(1);
    }

    sig_registry_open(r);
}


void
zone_free(zone_t *zone)
{
    (void) munmap(zone->base, zone->size);
}


int
zone_come(zone_t *zone, size_t i, int long_names, sig_ref_t *conn,
    sig_ref_t *member)
{
    int           rc;
    u_char        id[ZONE_UUID];
    slice_t       peer, metadata;
    uint32_t      nothers;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    zone_uuid(id, i);

    peer.data = id;
    peer.len = ZONE_UUID;

    metadata.data = NULL;
    metadata.len = 0;

    rc = sig_registry_connect(&zone->r, zone->app, &peer, &metadata, 0,
                              (uint32_t) i, conn, others, &nothers);

    if (rc != SIG_REGISTRY_OK) {
        return rc;
    }

    return zone_join(zone, *conn, i, long_names, member);
}


static int
zone_join(zone_t *zone, sig_ref_t conn, size_t i, int long_names,
    sig_ref_t *member)
{
    int           rc, n;
    u_char        name[64], entries[1024];
    slice_t       room;
    sig_change_t  change;
    sig_roster_t  roster;

    if (long_names) {
        zone_uuid(name, (uint64_t) 1 << 40 | i / 2);
        n = ZONE_UUID;

    } else {
        n = snprintf((char *) name, sizeof(name), "room-%zu", i / 2);
    }

    room.data = name;
    room.len = (size_t) n;

    memset(&roster, 0, sizeof(sig_roster_t));

    roster.data = entries;
    roster.size = sizeof(entries);

    rc = sig_registry_join(&zone->r, conn, &room, &change, &roster, 0);

    if (rc == SIG_REGISTRY_OK && roster.count != i % 2) {
        fprintf(stderr, "peer %zu found %u others\n", i, roster.count);
        exit(1);
    }

    *member = change.member;

    return rc;
}


void
zone_uuid(u_char *p, uint64_t n)
{
    char      text[ZONE_UUID + 1];
    uint64_t  high, low;

    high = zone_mix(n * 2);
    low = zone_mix(n * 2 + 1);

    (void) snprintf(text, sizeof(text), "%08x-%04x-4%03x-8%03x-%012llx",
                    (unsigned) (high >> 32), (unsigned) (high >> 16) & 0xffff,
                    (unsigned) high & 0xfff, (unsigned) (low >> 48) & 0xfff,
                    (unsigned long long) low & 0xffffffffffff);

    memcpy(p, text, ZONE_UUID);
}


/* the finalizer of splitmix64 */

static uint64_t
zone_mix(uint64_t n)
{
    n += 0x9e3779b97f4a7c15;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;

    return n ^ n >> 31;
}


static void
zone_lock(void *ctx)
{
    /* one thread */
}
