
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "registry_region.h"
#include "sig_registry_node.h"

#include <stdio.h>
#include <stdlib.h>


static void region_lock(void *ctx);
static void region_unlock(void *ctx);


void
region_make(region_t *region, size_t size, uint32_t nslots)
{
    slice_t         name;
    sig_registry_t  r;

    region->size = size;
    region->nslots = nslots;
    region->locked = 0;

    /* exactly as long as needed, so that ASan sees every byte beyond */

    if (posix_memalign((void **) &region->base, 64, size) != 0) {
        abort();
    }

    memset(region->base, 0, size);

    if (sig_registry_create(region->base, size, nslots,
                            (const u_char *) "sixteen bytes...")
        != SIG_REGISTRY_OK)
    {
        abort();
    }

    handle(region, &r, 1);
    name = text("default");

    if (sig_registry_app(&r, &name, &region->app) != SIG_REGISTRY_OK) {
        abort();
    }
}


void
region_free(region_t *region)
{
    free(region->base);
}


void
handle(region_t *region, sig_registry_t *r, uint32_t pid)
{
    memset(r, 0, sizeof(sig_registry_t));

    r->lock.lock = region_lock;
    r->lock.unlock = region_unlock;
    r->lock.ctx = region;

    if (sig_registry_attach(r, region->base, region->size)
        != SIG_REGISTRY_OK)
    {
        abort();
    }

    r->pid = pid;
}


void
worker(region_t *region, sig_registry_t *r, uint32_t pid)
{
    handle(region, r, pid);

    if (sig_registry_claim(r, (int32_t) pid, 1) != SIG_REGISTRY_OK) {
        abort();
    }

    sig_registry_open(r);
}


void
region_break(region_t *region)
{
    ((sig_head_t *) (void *) region->base)->busy = 12345;
}


static void
region_lock(void *ctx)
{
    region_t  *region = ctx;

    if (region->locked++) {
        abort();
    }
}


static void
region_unlock(void *ctx)
{
    region_t  *region = ctx;

    if (--region->locked) {
        abort();
    }
}


int
sound(sig_registry_t *r)
{
    const char  *what;

    what = sig_registry_check(r);

    if (what != NULL) {
        printf("# %s\n", what);
    }

    return what == NULL;
}


slice_t
text(const char *s)
{
    slice_t  slice;

    slice.data = (u_char *) s;
    slice.len = strlen(s);

    return slice;
}


sig_ref_t
arrive(region_t *region, sig_registry_t *r, const char *peer,
    const char *metadata)
{
    slice_t       id, data;
    uint32_t      n;
    sig_ref_t     conn;
    sig_target_t  others[SIG_PEER_CONNECTIONS];

    id = text(peer);
    data = text(metadata);

    if (sig_registry_connect(r, region->app, &id, &data, 1, 0, &conn, others,
                             &n)
        != SIG_REGISTRY_OK)
    {
        conn.gen = 0;
    }

    return conn;
}


sig_ref_t
enter(sig_registry_t *r, sig_ref_t conn, const char *room,
    sig_change_t *change)
{
    slice_t  name;

    name = text(room);

    if (sig_registry_join(r, conn, &name, change, NULL, 0)
        != SIG_REGISTRY_OK)
    {
        change->member.gen = 0;
    }

    return change->member;
}


int
depart(sig_registry_t *r, sig_ref_t member, int last_local,
    sig_change_t *change)
{
    if (sig_registry_leave(r, member, last_local, change)
        != SIG_REGISTRY_OK)
    {
        return 0;
    }

    sig_registry_retire(r, &member, 1);

    return 1;
}


const char *
roster_text(const sig_roster_t *roster)
{
    size_t              pos, n;
    uint32_t            i;
    sig_roster_entry_t  entry;

    static char  buf[65536];

    pos = 0;
    n = 0;

    for (i = 0; i < roster->count; i++) {

        if (roster->used - pos < sizeof(entry)) {
            return "short roster";
        }

        memcpy(&entry, roster->data + pos, sizeof(entry));
        pos += sizeof(entry);

        if ((size_t) entry.peer_len + entry.metadata_len > roster->used - pos
            || n + entry.peer_len + entry.metadata_len + 3 > sizeof(buf))
        {
            return "short roster";
        }

        if (i > 0) {
            buf[n++] = ',';
        }

        memcpy(buf + n, roster->data + pos, entry.peer_len);
        n += entry.peer_len;
        pos += entry.peer_len;

        if (entry.metadata_len > 0) {
            buf[n++] = '=';
            memcpy(buf + n, roster->data + pos, entry.metadata_len);
            n += entry.metadata_len;
            pos += entry.metadata_len;
        }
    }

    buf[n] = '\0';

    return pos == roster->used ? buf : "long roster";
}


const char *
room_text(region_t *region, sig_registry_t *r, const char *room)
{
    slice_t         name;
    uint64_t        seq;
    sig_ref_t       ref, nobody;
    sig_roster_t    roster;
    sig_audience_t  audience;

    static u_char  buf[65536];

    name = text(room);
    nobody.index = 0;
    nobody.gen = 0;

    roster.data = buf;
    roster.size = sizeof(buf);

    if (sig_registry_find_room(r, region->app, &name, &ref, &audience)
        != SIG_REGISTRY_OK
        || sig_registry_roster(r, ref, nobody, &roster, sizeof(buf), &seq)
           != SIG_REGISTRY_OK)
    {
        return "-";
    }

    return roster_text(&roster);
}


uint32_t
present(region_t *region, sig_registry_t *r, const char *peer)
{
    slice_t       id;
    sig_target_t  targets[SIG_PEER_CONNECTIONS];

    id = text(peer);

    return sig_registry_find_peer(r, region->app, &id, targets);
}


uint64_t
room_bits(region_t *region, sig_registry_t *r, const char *room)
{
    slice_t         name;
    uint64_t        mask;
    sig_ref_t       ref;
    sig_audience_t  audience;

    name = text(room);

    (void) sig_registry_find_room(r, region->app, &name, &ref, &audience);
    mask = audience.mask;

    return mask == sig_registry_room_mask(r, ref) ? mask : ~mask;
}


sig_registry_stats_t
counts(sig_registry_t *r)
{
    sig_registry_stats_t  stats;

    sig_registry_stats(r, &stats);

    return stats;
}
