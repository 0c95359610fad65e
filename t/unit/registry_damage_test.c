
/*
 * Copyright (C) The ngx_signaling authors
 *
 * A region in which anything may have been written: whatever is read from it,
 * nothing outside of it is touched (a sanitizer tells), and every call comes
 * to an end.
 *
 *     registry_damage_test [rounds [seed]]
 */


#include "random.h"
#include "registry_region.h"
#include "sig_registry_node.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


#define SLOTS         3
#define CONNS         60
#define MEMBERS       200
#define DEADLINE_SEC  120


static uint32_t chance(uint32_t n);
static void stuck(int signo);
static void fill(sig_registry_t *r);
static void damage(void);
static void damage_word(void);
static void damage_node(void);
static void operate(sig_registry_t *r);
static void reap(sig_registry_t *r);
static void keys(sig_registry_t *r);


static region_t   region;
static u_char    *whole;
static uint64_t   state;
static sig_ref_t  conn[CONNS];
static sig_ref_t  member[MEMBERS];
static sig_ref_t  room[MEMBERS];
static u_char     buf[200000];


static uint32_t
chance(uint32_t n)
{
    return random_below(&state, n);
}


static void
stuck(int signo)
{
    static const char  message[] = "not ok - a call does not end\n";

    (void) !write(STDOUT_FILENO, message, sizeof(message) - 1);
    _exit(1);
}


/* something of everything, and a room that counts its slots */

static void
fill(sig_registry_t *r)
{
    char          id[160], data[400];
    uint32_t      i, n;
    sig_change_t  change;

    for (i = 0; i < CONNS; i++) {
        memset(id, 'p', sizeof(id));
        (void) snprintf(id, 8, "%u", i % 50);
        id[strlen(id)] = '-';
        id[4 + i * 2] = '\0';

        memset(data, 'd', sizeof(data));
        data[i % 3 ? 0 : i * 5] = '\0';

        conn[i] = arrive(&region, &r[i % SLOTS], id, data);
    }

    for (i = 0; i < MEMBERS; i++) {
        n = i < CONNS ? i : chance(CONNS);
        (void) snprintf(id, sizeof(id), "room-%u",
                        i < CONNS || chance(2) ? 0 : chance(20));

        member[i] = enter(&r[n % SLOTS], conn[n], id, &change);
        room[i] = change.room;
    }

    for (i = 0; i < 20; i++) {
        n = chance(MEMBERS);
        (void) sig_registry_leave(&r[0], member[n], 1, &change);
        (void) sig_registry_disconnect(&r[0], conn[chance(CONNS)]);
    }

    (void) sig_registry_publish_keys(&r[0], 0, buf, 10000);
}


static void
damage(void)
{
    uint32_t  n;

    for (n = 1 + chance(30); n > 0; n--) {

        if (chance(3)) {
            damage_node();

        } else {
            damage_word();
        }
    }

    if (chance(2)) {
        region_break(&region);
    }
}


/* anywhere behind what a handle is made from */

static void
damage_word(void)
{
    size_t    pos, from;
    uint32_t  word;

    from = offsetof(sig_head_t, generation);
    word = chance(2) ? chance(0x7fffffff) * 2 + chance(2) : chance(20000);

    /* in the pages that are in use, or in what comes before the hash heads */

    if (chance(2)) {
        pos = from + chance(8192) / 4 * 4;

    } else {
        pos = region.size - 4 - chance((uint32_t) (region.size - from - 4)
                                       / 4) * 4;
    }

    memcpy(region.base + pos, &word, 4);
}


/* the words of a node that is there: the links, lengths and references */

static void
damage_node(void)
{
    uint32_t         index, word, n;
    sig_registry_t   r;
    sig_cursor_t     cursor;

    handle(&region, &r, 7);
    memset(&cursor, 0, sizeof(cursor));
    index = 0;

    for (n = chance(500); n > 0; n--) {
        index = sig_store_next(&r.store, &cursor);

        if (index == 0) {
            return;
        }
    }

    if (index == 0) {
        return;
    }

    switch (chance(4)) {

    case 0:
        word = chance(r.store.limit);
        break;

    case 1:
        word = r.store.first + chance(2000);
        break;

    case 2:
        word = chance(300);
        break;

    default:
        word = chance(0x7fffffff) * 2 + chance(2);
        break;
    }

    memcpy(region.base + (size_t) index * SIG_UNIT + chance(16) * 4, &word,
           4);
}


static void
operate(sig_registry_t *r)
{
    int            last;
    char           id[24];
    slice_t        name, data;
    uint32_t       i, n;
    uint64_t       seq;
    sig_ref_t      ref;
    sig_change_t   change;
    sig_roster_t   roster;

    static u_char  metadata[4096];

    for (n = 0; n < 60; n++) {
        i = chance(SLOTS);
        (void) snprintf(id, sizeof(id), "%u-p", chance(60));

        roster.data = buf;
        roster.size = sizeof(buf);
        name = text(id);
        data.data = metadata;
        last = (int) chance(2);

        switch (chance(12)) {

        case 0:
            ref = arrive(&region, &r[i], id, chance(2) ? "" : "{\"a\":1}");
            conn[chance(CONNS)] = ref;
            break;

        case 1:
        case 2:
            (void) snprintf(id, sizeof(id), "room-%u", chance(20));
            name = text(id);
            (void) sig_registry_join(&r[i], conn[chance(CONNS)], &name,
                                     &change, &roster, 50000);
            member[chance(MEMBERS)] = change.member;
            break;

        case 3:
        case 4:
            (void) sig_registry_leave(&r[i], member[chance(MEMBERS)], last,
                                      &change);
            break;

        case 5:
            (void) sig_registry_retire(&r[i], &member[chance(100)], 100);
            break;

        case 6:
            (void) sig_registry_disconnect(&r[i], conn[chance(CONNS)]);
            break;

        case 7:
            (void) present(&region, &r[i], id);
            (void) counts(&r[i]);
            (void) sig_registry_alarm(&r[i], metadata, &data.len);
            break;

        case 8:
            ref = room[chance(MEMBERS)];
            (void) sig_registry_roster(&r[i], ref, conn[chance(CONNS)],
                                       &roster, 50000, &seq);
            (void) sig_registry_in_room(&r[i], ref, &name, &data);
            (void) sig_registry_room_mask(&r[i], ref);
            break;

        case 9:
            keys(&r[i]);
            break;

        case 10:
            reap(&r[i]);
            break;

        default:
            (void) sig_registry_check(&r[i]);
            break;
        }
    }
}


static void
reap(sig_registry_t *r)
{
    uint32_t         slot, n, k, i;
    sig_departure_t  gone[20];
    sig_slot_info_t  info;

    slot = chance(SLOTS);

    (void) sig_registry_slot_info(r, slot, &info);

    if (sig_registry_condemn(r, slot, info.pid, info.reaper)
        != SIG_REGISTRY_OK)
    {
        return;
    }

    for (k = 0; k < 20; k++) {
        n = sig_registry_reap(r, slot, gone, 20);

        for (i = 0; i < n; i++) {
            sig_registry_retire(r, &gone[i].change.member, 1);
        }

        if (n == 0) {
            break;
        }
    }

    handle(&region, r, r->pid);
    (void) sig_registry_claim(r, 1, 1);
    sig_registry_open(r);
}


static void
keys(sig_registry_t *r)
{
    size_t    len;
    slice_t   name;
    uint32_t  app;
    uint64_t  changes;

    len = sizeof(buf);
    (void) sig_registry_read_keys(r, buf, &len, &changes);
    (void) sig_registry_publish_keys(r, 0, buf, chance(20000));

    name = text("another");
    (void) sig_registry_app(r, &name, &app);
}


int
main(int argc, char **argv)
{
    uint32_t         i, n, rounds;
    sig_registry_t   r[SLOTS];

    rounds = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : 2000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t) time(NULL);

    printf("# seed %llu\n", (unsigned long long) state);
    (void) fflush(stdout);

    (void) signal(SIGALRM, stuck);

    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);

    for (i = 0; i < SLOTS; i++) {
        worker(&region, &r[i], 100 + i);
    }

    fill(r);
    ok(sound(&r[0]), "sound before");

    whole = malloc(region.size);

    if (whole == NULL) {
        abort();
    }

    memcpy(whole, region.base, region.size);

    for (n = 0; n < rounds; n++) {
        memcpy(region.base, whole, region.size);
        region.locked = 0;

        for (i = 0; i < SLOTS; i++) {
            handle(&region, &r[i], 100 + i);
            r[i].slot = (uint16_t) i;
        }

        (void) alarm(DEADLINE_SEC);
        damage();
        operate(r);
    }

    (void) alarm(0);

    ok(n == rounds, "whatever is in the region, every call ends inside it");

    memcpy(region.base, whole, region.size);
    ok(sound(&r[0]), "sound again with what was there before");

    free(whole);
    region_free(&region);

    return tap_done();
}
