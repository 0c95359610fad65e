
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

#include "zone.h"


static size_t capacity_fill(size_t size, uint32_t slots, int long_names);


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

    size = zone_region(peers, slots);

    held = capacity_fill(size, slots, 0);
    held_long = capacity_fill(size, slots, 1);

    printf("{\"announced\":%zu,\"slots\":%u,\"bytes\":%zu,\"held\":%zu,"
           "\"held_long\":%zu,\"bytes_per_peer\":%.1f}\n",
           peers, slots, size, held, held_long, (double) size / (double) held);

    return held < peers;
}


static size_t
capacity_fill(size_t size, uint32_t slots, int long_names)
{
    size_t     i;
    zone_t     zone;
    sig_ref_t  conn, member;

    zone_make(&zone, size, slots);

    for (i = 0; /* void */ ; i++) {
        if (zone_come(&zone, i, long_names, &conn, &member)
            != SIG_REGISTRY_OK)
        {
            break;
        }
    }

    zone_free(&zone);

    return i;
}
