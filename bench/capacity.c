
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Whether a registry holds what it promises.
 *
 *     capacity peers slots
 *
 * "peers" is the number that the module prints at its start for a zone.  The
 * smallest region for which sig_registry_capacity() promises as many is made
 * in ordinary memory and filled with peers of UUID names, each in one room of
 * two, until it is full; once with short room names and once with rooms of
 * UUID names too.  Prints one line of JSON, and exits with status 1 when less
 * was held than promised.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/mman.h>

#include "sig_registry.h"


#define CAPACITY_UUID   36
#define CAPACITY_LARGE  ((size_t) 1 << 40)


static size_t capacity_region(size_t peers, uint32_t slots);
static size_t capacity_fill(size_t size, uint32_t slots, int long_names);
static int capacity_join(sig_registry_t *r, sig_ref_t conn, size_t i,
    int long_names);
static void capacity_uuid(u_char *p, uint64_t n);
static uint64_t capacity_mix(uint64_t n);
static void capacity_lock(void *ctx);


int
main(int argc, char **argv)
{
    size_t    peers, size, held, held_long;
    uint32_t  slots;

    if (argc != 3) {
        fprintf(stderr, "usage: capacity peers slots\n");
        return 2;
    }

    peers = strtoul(argv[1], NULL, 10);
    slots = (uint32_t) strtoul(argv[2], NULL, 10);

    if (peers == 0 || slots == 0 || slots > SIG_SLOTS_MAX) {
        fprintf(stderr, "capacity: peers and slots are positive numbers\n");
        return 2;
    }

    size = capacity_region(peers, slots);

    held = capacity_fill(size, slots, 0);
    held_long = capacity_fill(size, slots, 1);

    printf("{\"announced\":%zu,\"slots\":%u,\"bytes\":%zu,\"held\":%zu,"
           "\"held_long\":%zu,\"bytes_per_peer\":%.1f}\n",
           peers, slots, size, held, held_long, (double) size / (double) held);

    return held < peers;
}


/* the smallest region that promises so many, in pages */

static size_t
capacity_region(size_t peers, uint32_t slots)
{
    size_t  low, high, middle;

    low = 1;
    high = CAPACITY_LARGE / 4096;

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


static size_t
capacity_fill(size_t size, uint32_t slots, int long_names)
{
    size_t          i;
    u_char         *base, id[CAPACITY_UUID];
    slice_t         app_name, peer, metadata;
    uint32_t        app, nothers;
    sig_ref_t       conn;
    sig_target_t    others[SIG_PEER_CONNECTIONS];
    sig_registry_t  r;

    static const u_char  seed[16] = "a seed of a run";

    base = mmap(NULL, size, PROT_READ|PROT_WRITE,
                MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
        fprintf(stderr, "capacity: no memory for %zu bytes\n", size);
        exit(1);
    }

    memset(&r, 0, sizeof(sig_registry_t));

    r.lock.lock = capacity_lock;
    r.lock.unlock = capacity_lock;

    app_name.data = (u_char *) "default";
    app_name.len = 7;

    if (sig_registry_create(base, size, slots, seed) != SIG_REGISTRY_OK
        || sig_registry_attach(&r, base, size) != SIG_REGISTRY_OK
        || sig_registry_claim(&r, 0, sig_registry_new_generation(&r))
           != SIG_REGISTRY_OK
        || sig_registry_app(&r, &app_name, &app) != SIG_REGISTRY_OK)
    {
        fprintf(stderr, "capacity: the registry can not be made\n");
        exit(1);
    }

    sig_registry_open(&r);

    peer.data = id;
    peer.len = CAPACITY_UUID;

    metadata.data = NULL;
    metadata.len = 0;

    for (i = 0; /* void */ ; i++) {
        capacity_uuid(id, i);

        if (sig_registry_connect(&r, app, &peer, &metadata, 0, (uint32_t) i,
                                 &conn, others, &nothers)
            != SIG_REGISTRY_OK
            || capacity_join(&r, conn, i, long_names) != SIG_REGISTRY_OK)
        {
            break;
        }
    }

    (void) munmap(base, size);

    return i;
}


static int
capacity_join(sig_registry_t *r, sig_ref_t conn, size_t i, int long_names)
{
    int           rc, n;
    u_char        name[64], entries[1024];
    slice_t       room;
    sig_change_t  change;
    sig_roster_t  roster;

    if (long_names) {
        capacity_uuid(name, (uint64_t) 1 << 40 | i / 2);
        n = CAPACITY_UUID;

    } else {
        n = snprintf((char *) name, sizeof(name), "room-%zu", i / 2);
    }

    room.data = name;
    room.len = (size_t) n;

    memset(&roster, 0, sizeof(sig_roster_t));

    roster.data = entries;
    roster.size = sizeof(entries);

    rc = sig_registry_join(r, conn, &room, &change, &roster, 0);

    if (rc == SIG_REGISTRY_OK && roster.count != i % 2) {
        fprintf(stderr, "capacity: peer %zu found %u others\n", i,
                roster.count);
        exit(1);
    }

    return rc;
}


static void
capacity_uuid(u_char *p, uint64_t n)
{
    char      text[CAPACITY_UUID + 1];
    uint64_t  high, low;

    high = capacity_mix(n * 2);
    low = capacity_mix(n * 2 + 1);

    (void) snprintf(text, sizeof(text), "%08x-%04x-4%03x-8%03x-%012llx",
                    (unsigned) (high >> 32), (unsigned) (high >> 16) & 0xffff,
                    (unsigned) high & 0xfff, (unsigned) (low >> 48) & 0xfff,
                    (unsigned long long) low & 0xffffffffffff);

    memcpy(p, text, CAPACITY_UUID);
}


/* the finalizer of splitmix64 */

static uint64_t
capacity_mix(uint64_t n)
{
    n += 0x9e3779b97f4a7c15;
    n = (n ^ n >> 30) * 0xbf58476d1ce4e5b9;
    n = (n ^ n >> 27) * 0x94d049bb133111eb;

    return n ^ n >> 31;
}


static void
capacity_lock(void *ctx)
{
    /* one thread */
}
