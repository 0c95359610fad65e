
/*
 * Copyright (C) The ngx_signaling authors
 *
 * What the zone's lock is held for, among 1,000, 10,000 and 100,000 peers.
 *
 *     registry_speed
 *
 * A peer comes to a room of two, is looked for, and goes; each step is timed
 * by itself, over many peers.  What is printed is an upper bound of the time
 * under the lock: hashing and making up names are in it.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zone.h"


#define SPEED_MOST    100000
#define SPEED_TIMED   1000
#define SPEED_ROUNDS  100


typedef struct {
    sig_ref_t  conn;
    sig_ref_t  member;
} speed_peer_t;


static void speed_fill(zone_t *zone, speed_peer_t *peers, size_t n);
static void speed_come(zone_t *zone, speed_peer_t *peer, size_t i);
static void speed_find(zone_t *zone, size_t i);
static void speed_go(zone_t *zone, speed_peer_t *peer);
static double speed_now(void);


int
main(void)
{
    zone_t         zone;
    size_t         n, from;
    speed_peer_t  *peers;

    peers = calloc(SPEED_MOST + SPEED_TIMED, sizeof(speed_peer_t));

    if (peers == NULL) {
        fprintf(stderr, "no memory\n");
        return 1;
    }

    zone_make(&zone, zone_region(2 * SPEED_MOST, 18), 18);

    from = 0;

    for (n = 1000; n <= SPEED_MOST; n *= 10) {

        for ( /* void */ ; from < n; from++) {
            speed_come(&zone, &peers[from], from);
        }

        speed_fill(&zone, peers, n);
    }

    zone_free(&zone);
    free(peers);

    return 0;
}


/* times those who come as the n-th and later, and go again */

static void
speed_fill(zone_t *zone, speed_peer_t *peers, size_t n)
{
    size_t  i, round;
    double  start, came, found, gone, timed;

    came = 0;
    found = 0;
    gone = 0;

    for (round = 0; round < SPEED_ROUNDS; round++) {

        start = speed_now();

        for (i = n; i < n + SPEED_TIMED; i++) {
            speed_come(zone, &peers[i], i);
        }

        came += speed_now() - start;
        start = speed_now();

        for (i = n; i < n + SPEED_TIMED; i++) {
            speed_find(zone, i);
        }

        found += speed_now() - start;
        start = speed_now();

        for (i = n; i < n + SPEED_TIMED; i++) {
            speed_go(zone, &peers[i]);
        }

        gone += speed_now() - start;
    }

    timed = round * SPEED_TIMED / 1e9;

    printf("{\"peers\":%zu,\"come_ns\":%.0f,\"find_ns\":%.0f,"
           "\"go_ns\":%.0f}\n",
           n, came / timed, found / timed, gone / timed);
}


static void
speed_come(zone_t *zone, speed_peer_t *peer, size_t i)
{
    if (zone_come(zone, i, 1, &peer->conn, &peer->member)
        != SIG_REGISTRY_OK)
    {
        fprintf(stderr, "peer %zu can not come\n", i);
        exit(1);
    }
}


static void
speed_find(zone_t *zone, size_t i)
{
    u_char        id[ZONE_UUID];
    slice_t       peer;
    sig_target_t  targets[SIG_PEER_CONNECTIONS];

    zone_uuid(id, i);

    peer.data = id;
    peer.len = ZONE_UUID;

    if (sig_registry_find_peer(&zone->r, zone->app, &peer, targets) != 1) {
        fprintf(stderr, "peer %zu is not found\n", i);
        exit(1);
    }
}


static void
speed_go(zone_t *zone, speed_peer_t *peer)
{
    sig_change_t  change;

    if (sig_registry_leave(&zone->r, peer->member, 0, &change)
        != SIG_REGISTRY_OK
        || sig_registry_disconnect(&zone->r, peer->conn) != SIG_REGISTRY_OK)
    {
        fprintf(stderr, "a peer can not go\n");
        exit(1);
    }

    sig_registry_retire(&zone->r, &peer->member, 1);
}


static double
speed_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}
