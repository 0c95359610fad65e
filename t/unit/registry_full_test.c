
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_registry: a region that is full, what it holds, configuration
 * generations and the text of the keys.
 */


#include "registry_region.h"
#include "tap.h"

#include <stdlib.h>


#define SLOTS  4


static void test_generation(void);
static void test_keys(void);
static void test_keys_full(void);
static uint32_t heads(void);
static void test_tables(void);
static void test_full(void);
static uint32_t fill(sig_ref_t *conn, sig_ref_t *member, uint32_t max);
static void test_full_classes(void);
static void test_capacity(void);


static region_t         region;
static sig_registry_t   a, b;
static sig_change_t     change;
static sig_departure_t  gone[256];


static void
test_generation(void)
{
    ok(sig_registry_generation(&a) == 0
       && sig_registry_new_generation(&a) == 1
       && sig_registry_new_generation(&a) == 2
       && sig_registry_generation(&b) == 2,
       "generation: counts from one");

    sig_registry_drain(&a, 2);
    sig_registry_drain(&b, 1);
    ok(sig_registry_drain_below(&a) == 2, "generation: drained below");

    region_break(&region);
    ok(sound(&a) && sig_registry_generation(&a) == 2
       && sig_registry_drain_below(&a) == 2,
       "generation: through a rebuild");
}


static void
test_keys(void)
{
    int        good;
    size_t     len, n, bytes;
    u_char    *keys, *read;
    uint64_t   changes;

    static const size_t  lengths[] = {
        0, 1, 4127, 4128, 4129, 4136, 4137, 8264, 8265, 50000, 17
    };

    keys = malloc(50000);
    read = malloc(50000);

    if (keys == NULL || read == NULL) {
        abort();
    }

    for (n = 0; n < 50000; n++) {
        keys[n] = (u_char) (n * 2654435761u >> 24);
    }

    bytes = counts(&a).bytes_free;
    len = 50000;
    changes = 1;

    ok(sig_registry_read_keys(&a, read, &len, &changes)
       == SIG_REGISTRY_STALE && changes == 0
       && sig_registry_key_changes(&a) == 0,
       "keys: none yet");

    good = 1;

    for (n = 0; n < sizeof(lengths) / sizeof(lengths[0]); n++) {
        good &= sig_registry_publish_keys(&a, 2, keys, lengths[n])
                == SIG_REGISTRY_OK && sound(&a);

        if (n % 2) {
            region_break(&region);
        }

        memset(read, 0, 50000);
        len = lengths[n];
        good &= sig_registry_read_keys(&b, read, &len, &changes)
                == SIG_REGISTRY_OK
                && len == lengths[n] && memcmp(read, keys, len) == 0
                && changes == n + 1 && sound(&a);

        /* once more is no change, also where blocks follow one another */

        good &= sig_registry_publish_keys(&b, 2, keys, lengths[n])
                == SIG_REGISTRY_OK
                && sig_registry_key_changes(&a) == n + 1;

        if (lengths[n] > 0) {
            len = lengths[n] - 1;
            good &= sig_registry_read_keys(&b, read, &len, &changes)
                    == SIG_REGISTRY_SMALL && len == lengths[n];
        }
    }

    ok(good, "keys: of every length");

    /* a difference anywhere is one */

    good = 1;

    for (n = 0; n < 9000; n += 1123) {
        good &= sig_registry_publish_keys(&a, 2, keys, 9000)
                == SIG_REGISTRY_OK;
        changes = sig_registry_key_changes(&a);

        keys[n] ^= 1;
        good &= sig_registry_publish_keys(&a, 2, keys, 9000)
                == SIG_REGISTRY_OK
                && sig_registry_key_changes(&a) == changes + 1;
    }

    len = 50000;

    ok(good
       && sig_registry_read_keys(&b, read, &len, &changes) == SIG_REGISTRY_OK
       && len == 9000 && memcmp(read, keys, len) == 0,
       "keys: another text of the same length");

    ok(sig_registry_publish_keys(&a, 1, keys, 5) == SIG_REGISTRY_STALE
       && sig_registry_publish_keys(&a, 3, keys, 5) == SIG_REGISTRY_STALE
       && sig_registry_key_changes(&a) == changes,
       "keys: those of another generation are not taken");

    (void) sig_registry_publish_keys(&a, 2, keys, 17);
    ok(bytes - counts(&a).bytes_free == 64, "keys: the older ones are gone");

    free(keys);
    free(read);
}


static void
test_keys_full(void)
{
    int        rc;
    size_t     len, size, bytes;
    u_char    *keys;
    uint64_t   changes;

    size = counts(&a).bytes_total;
    keys = calloc(1, size);

    if (keys == NULL) {
        abort();
    }

    ok(sig_registry_publish_keys(&a, 2, keys, size) == SIG_REGISTRY_FULL
       && sound(&a),
       "keys: longer than the region");

    len = size;
    bytes = counts(&a).bytes_free;

    ok(sig_registry_read_keys(&a, keys, &len, &changes)
       == SIG_REGISTRY_STALE,
       "keys: then there are none");

    /* more than half of it: only after the old text has gone */

    rc = sig_registry_publish_keys(&a, 2, keys, size / 16 * 10);
    keys[0] = 1;

    ok(rc == SIG_REGISTRY_OK
       && sig_registry_publish_keys(&a, 2, keys, size / 16 * 10)
          == SIG_REGISTRY_OK
       && sound(&a),
       "keys: one after the other where both do not fit");

    ok(sig_registry_publish_keys(&a, 2, keys, 0) == SIG_REGISTRY_OK
       && bytes - counts(&a).bytes_free == SIG_NODE_MIN && sound(&a),
       "keys: an empty text");

    free(keys);
}


/* heads of the hash table of peers that are in use */

static uint32_t
heads(void)
{
    return sig_head(&a)->tables[SIG_TABLE_PEERS].last + 1;
}


/* a table has as many heads as it has had nodes since it was made */

static void
test_tables(void)
{
    int        good;
    char       id[16];
    uint32_t   i;
    sig_ref_t  conn[100];

    worker(&region, &a, 100);

    region_break(&region);
    good = sound(&a) && heads() == 1;

    for (i = 0; i < 100; i++) {
        (void) snprintf(id, sizeof(id), "peer-%u", i);
        conn[i] = arrive(&region, &a, id, "");
        good &= heads() == i + 1 && sound(&a);
    }

    ok(good, "tables: grow with those who come");

    for (i = 10; i < 100; i++) {
        (void) sig_registry_disconnect(&a, conn[i]);
    }

    good = heads() == 100 && sound(&a);
    region_break(&region);

    ok(good && sound(&a) && heads() == 10 && present(&region, &a, "peer-9"),
       "tables: made anew for those who are there");

    for (i = 0; i < 10; i++) {
        (void) sig_registry_disconnect(&a, conn[i]);
    }

    sig_registry_release(&a);
}


/* peers alone in rooms until nothing fits */

static uint32_t
fill(sig_ref_t *conn, sig_ref_t *member, uint32_t max)
{
    char      id[40];
    uint32_t  n;

    for (n = 0; n < max; n++) {
        (void) snprintf(id, sizeof(id), "peer-%08u-0123456789-0123456789", n);
        conn[n] = arrive(&region, &a, id, "");

        if (conn[n].gen == 0) {
            break;
        }

        id[13] = '\0';
        member[n] = enter(&a, conn[n], id, &change);

        if (member[n].gen == 0) {
            (void) sig_registry_disconnect(&a, conn[n]);
            break;
        }
    }

    return n;
}


static void
test_full(void)
{
    int         good;
    char        id[40];
    size_t      bytes;
    uint32_t    i, n, m, max;
    sig_ref_t  *conn, *member;

    worker(&region, &a, 100);

    max = 100000;
    conn = calloc(max, sizeof(sig_ref_t));
    member = calloc(max, sizeof(sig_ref_t));

    if (conn == NULL || member == NULL) {
        abort();
    }

    bytes = counts(&a).bytes_free;
    n = fill(conn, member, max);

    ok(n > 1000 && n < max && counts(&a).connections == n
       && counts(&a).members == n && counts(&a).rooms == n && sound(&a),
       "full: and those who are in stay");
    ok(n > a.nheads && heads() == a.nheads, "full: with all heads there are");

    /* a few go and as many come */

    good = 1;

    for (i = 0; i < n; i += 3) {
        good &= depart(&a, member[i], 1, &change)
                && sig_registry_disconnect(&a, conn[i]) == SIG_REGISTRY_OK;
    }

    good &= sound(&a);
    region_break(&region);
    good &= sound(&a);

    /* but for a page that the last ones have taken of the reserve */

    m = 0;

    for (i = 0; i < n; i += 3) {
        (void) snprintf(id, sizeof(id), "again-%08u-0123456789-0123456789",
                        i);
        conn[i] = arrive(&region, &a, id, "");

        if (conn[i].gen == 0) {
            m++;
            continue;
        }

        id[14] = '\0';
        member[i] = enter(&a, conn[i], id, &change);
        good &= member[i].gen != 0;
    }

    ok(good && m <= SIG_PAGE / 96 && sound(&a),
       "full: as many come as have gone");

    for (i = 0; i < n; i++) {
        good &= conn[i].gen == 0
                || (depart(&a, member[i], 1, &change)
                    && sig_registry_disconnect(&a, conn[i])
                       == SIG_REGISTRY_OK);
    }

    ok(good && counts(&a).bytes_free == bytes && sound(&a),
       "full: and empty again");

    m = fill(conn, member, max);
    ok(m == n && sound(&a), "full: as many as the first time");

    sig_registry_release(&a);
    worker(&region, &b, 200);
    (void) sig_registry_condemn(&b, 0, 100, 0);

    for ( ;; ) {
        n = sig_registry_reap(&b, 0, gone, 256);

        if (n == 0) {
            break;
        }

        for (i = 0; i < n; i++) {
            sig_registry_retire(&b, &gone[i].change.member, 1);
        }
    }

    ok(counts(&b).bytes_free == bytes && sound(&b), "full: and reaped");

    sig_registry_release(&b);
    free(conn);
    free(member);
}


/* what was full of one kind of node holds as much of another one later */

static void
test_full_classes(void)
{
    int         good, round;
    char        id[16], data[4097];
    size_t      bytes, sizes[4];
    uint32_t    i, n[4], max;
    sig_ref_t  *conn;

    worker(&region, &a, 100);

    max = 100000;
    conn = calloc(max, sizeof(sig_ref_t));

    if (conn == NULL) {
        abort();
    }

    sizes[0] = 0;
    sizes[1] = 60;
    sizes[2] = 1000;
    sizes[3] = 4096;

    bytes = counts(&a).bytes_free;
    good = 1;
    memset(n, 0, sizeof(n));

    for (round = 0; round < 8; round++) {
        memset(data, 'x', sizeof(data));
        data[sizes[round % 4]] = '\0';

        for (i = 0; i < max; i++) {
            (void) snprintf(id, sizeof(id), "peer-%u", i);
            conn[i] = arrive(&region, &a, id, data);

            if (conn[i].gen == 0) {
                break;
            }
        }

        good &= i > 50 && sound(&a);

        if (round < 4) {
            n[round] = i;

        } else {
            good &= n[round % 4] == i;
        }

        while (i-- > 0) {
            (void) sig_registry_disconnect(&a, conn[i]);
        }

        good &= counts(&a).bytes_free == bytes && sound(&a);
    }

    ok(good && n[0] > n[1] && n[1] > n[2] && n[2] > n[3],
       "full: of another kind each time, and the same the second time");

    sig_registry_release(&a);
    free(conn);
}


/* the figure that is printed when nginx starts is reached, and hardly passed */

static void
test_capacity(void)
{
    char       id[40], room[40];
    size_t     capacity;
    uint32_t   n;
    sig_ref_t  conn;

    region_make(&region, (size_t) 3 << 20, SLOTS);
    worker(&region, &a, 100);

    capacity = sig_registry_capacity(region.size, SLOTS);

    for (n = 0; ; n++) {
        (void) snprintf(id, sizeof(id),
                        "%08x-0123-4567-89ab-0123456789ab", n);
        (void) snprintf(room, sizeof(room),
                        "%08x-4567-4567-89ab-0123456789ab", n / 2);

        conn = arrive(&region, &a, id, "");

        if (conn.gen == 0 || enter(&a, conn, room, &change).gen == 0) {
            break;
        }
    }

    ok(n >= capacity && n < capacity + 200 && sound(&a),
       "capacity: as promised");

    region_free(&region);
}


int
main(void)
{
    region_make(&region, sig_registry_min_size(SLOTS), SLOTS);
    handle(&region, &a, 100);
    handle(&region, &b, 200);

    test_generation();
    test_keys();
    test_keys_full();
    test_tables();
    test_full();
    test_full_classes();

    handle(&region, &a, 100);
    ok(counts(&a).peers == 0 && counts(&a).leaving == 0 && sound(&a),
       "nothing is left");

    region_free(&region);

    test_capacity();

    return tap_done();
}
