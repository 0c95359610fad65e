
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Presence: the snapshot that answers a subscribe, and who learns of the
 * changes after it; how they are told is in ngx_signaling_delta.c.
 *
 * A room numbers its changes.  A subscription knows the number of its
 * snapshot, and changes up to it are not told again, however late their
 * records come.
 *
 * An ID that is made up for each connection has one author: all that is said
 * about it comes from one worker, in order.  An ID that may come again
 * ("shared_id") can be talked about by several workers, whose records arrive
 * in any order; so the receiver asks the registry what is true now, and what
 * it tells converges to that.
 */


#include "ngx_signaling.h"


static size_t ngx_signaling_snapshot_room(ngx_signaling_room_t *room);
static uint32_t ngx_signaling_roster_fit(sig_roster_t *roster, u_char **next,
    size_t room, uint32_t *with_metadata, size_t *total);
static u_char *ngx_signaling_snapshot_part(ngx_signaling_conn_t *sc,
    ngx_signaling_room_t *room, sig_roster_t *roster, u_char *from,
    uint32_t *left);
static void ngx_signaling_tell(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, sig_record_t *rec, const slice_t *peer,
    const slice_t *metadata);


ngx_int_t
ngx_signaling_roster_grow(ngx_signaling_worker_t *sw, size_t size)
{
    u_char  *roster;

    size = ngx_align(size + size / 4, ngx_pagesize);

    roster = ngx_alloc(size, sw->log);
    if (roster == NULL) {
        return NGX_ERROR;
    }

    if (sw->roster) {
        ngx_free(sw->roster);
    }

    sw->roster = roster;
    sw->roster_size = size;

    return NGX_OK;
}


/*
 * Holds a snapshot of the roster.  It is one frame, of which metadata is left
 * out from the end of the list when it would get too long; only if bare IDs
 * do not fit either there are more (docs/protocol.md 5.4.5).
 */

void
ngx_signaling_snapshot(ngx_signaling_conn_t *sc, ngx_signaling_room_t *room,
    sig_roster_t *roster)
{
    u_char    *p;
    uint32_t   left;

    p = roster->data;
    left = roster->count;

    do {
        p = ngx_signaling_snapshot_part(sc, room, roster, p, &left);

    } while (p && left);
}


static u_char *
ngx_signaling_snapshot_part(ngx_signaling_conn_t *sc,
    ngx_signaling_room_t *room, sig_roster_t *roster, u_char *from,
    uint32_t *left)
{
    u_char                 *p, *next, text[NGX_SIGNALING_QUOTED_ID];
    size_t                  total;
    slice_t                 peer, metadata, quoted, channel;
    uint32_t                i, n, with_metadata;
    ngx_signaling_frame_t  *f;

    next = from;
    with_metadata = 0;

    n = ngx_signaling_roster_fit(roster, &next,
                                 NGX_SIGNALING_SNAPSHOT_MAX
                                 - ngx_signaling_snapshot_room(room),
                                 &with_metadata, &total);

    f = ngx_signaling_frame(sc->place->worker, SIG_WS_TEXT,
                            ngx_signaling_snapshot_room(room) + total, &p);
    if (f == NULL) {
        ngx_signaling_doom(sc, SIG_WS_INTERNAL);
        return NULL;
    }

    channel = ngx_signaling_room_quoted(room);

    p = sig_proto_presence_open(p, &channel);
    next = from;

    for (i = 0; i < n; i++) {
        next = ngx_signaling_roster_next(next, &peer, &metadata);

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        if (i >= with_metadata) {
            metadata.len = 0;
        }

        p = sig_proto_presence_entry(p, &quoted, &metadata, i == 0);
    }

    p = sig_proto_presence_turn(p);
    (void) sig_proto_presence_close(p);

    ngx_signaling_hold(sc, room, f, 1);
    ngx_signaling_frame_unref(f);

    *left -= n;

    return next;
}


/*
 * How many entries from *next on fit, and of how many the metadata too;
 * *total is the length of those.  Every entry is taken bare first.
 */

static uint32_t
ngx_signaling_roster_fit(sig_roster_t *roster, u_char **next, size_t room,
    uint32_t *with_metadata, size_t *total)
{
    u_char    *p, *start, *following, text[NGX_SIGNALING_QUOTED_ID];
    size_t     bare, full, len, used;
    slice_t    peer, metadata, none, quoted;
    uint32_t   n;

    none.data = NULL;
    none.len = 0;
    used = 0;
    n = 0;
    start = *next;
    p = start;

    while (p < roster->data + roster->used) {
        following = ngx_signaling_roster_next(p, &peer, &metadata);

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        len = sig_proto_presence_entry_len(&quoted, &none, n == 0);

        if (used + len > room && n) {
            break;
        }

        used += len;
        n++;
        p = following;
    }

    *next = p;

    p = start;

    for (*with_metadata = 0; *with_metadata < n; (*with_metadata)++) {
        p = ngx_signaling_roster_next(p, &peer, &metadata);

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        bare = sig_proto_presence_entry_len(&quoted, &none, 0);
        full = sig_proto_presence_entry_len(&quoted, &metadata, 0);

        if (used + full - bare > room) {
            break;
        }

        used += full - bare;
    }

    *total = used;

    return n;
}


static size_t
ngx_signaling_snapshot_room(ngx_signaling_room_t *room)
{
    slice_t  channel;

    channel = ngx_signaling_room_quoted(room);

    return sig_proto_presence_open_len(&channel)
           + sig_proto_presence_turn_len()
           + sig_proto_presence_close_len();
}


/* takes one entry of a roster; returns where the next one begins */

u_char *
ngx_signaling_roster_next(u_char *p, slice_t *peer, slice_t *metadata)
{
    sig_roster_entry_t  entry;

    ngx_memcpy(&entry, p, sizeof(sig_roster_entry_t));
    p += sizeof(sig_roster_entry_t);

    peer->data = p;
    peer->len = entry.peer_len;
    p += entry.peer_len;

    metadata->data = p;
    metadata->len = entry.metadata_len;

    return p + entry.metadata_len;
}


/* tells everyone of a change that a connection of this worker has made */

void
ngx_signaling_changed(ngx_signaling_worker_t *sw, ngx_signaling_room_t *room,
    sig_change_t *change, ngx_signaling_identity_t *identity)
{
    slice_t       none, id, metadata;
    ngx_uint_t    type;
    sig_record_t  rec;

    switch (change->change) {

    case SIG_CHANGE_JOINED:
        type = SIG_RECORD_JOINED;
        break;

    case SIG_CHANGE_TAKEOVER:
        type = SIG_RECORD_TAKEOVER;
        break;

    case SIG_CHANGE_LEFT:
        type = SIG_RECORD_LEFT;
        break;

    default: /* SIG_CHANGE_NONE */
        return;
    }

    none.data = NULL;
    none.len = 0;

    ngx_memzero(&rec, sizeof(sig_record_t));

    rec.type = (uint8_t) type;
    rec.shared_id = change->shared_id;
    rec.origin = sw->registry->slot;
    rec.ref = change->room;
    rec.seq = change->seq;

    id = ngx_signaling_id(identity);
    metadata = ngx_signaling_metadata(identity);

    (void) ngx_signaling_post(sw, change->mask, &rec, &id,
                              type == SIG_RECORD_LEFT ? &none : &metadata);

    ngx_signaling_tell(sw, room, &rec, &id, &metadata);
}


/* a record of presence from another worker */

void
ngx_signaling_heard(ngx_signaling_worker_t *sw, sig_record_t *rec,
    const slice_t *peer, const slice_t *metadata)
{
    u_char                 buf[SIG_METADATA_LEN];
    slice_t                now;
    ngx_uint_t             present;
    ngx_signaling_room_t  *room;

    room = ngx_signaling_room_by_ref(sw, rec->ref);

    if (room == NULL) {
        return;
    }

    if (!rec->shared_id) {
        ngx_signaling_tell(sw, room, rec, peer, metadata);
        return;
    }

    now.data = buf;
    now.len = 0;

    present = sig_registry_in_room(sw->registry, rec->ref, peer, &now);

    if (present) {

        /* it came back, and the record of that may have come before */

        if (rec->type == SIG_RECORD_LEFT) {
            rec->type = SIG_RECORD_TAKEOVER;
        }

        /* so may one of a later subscription, which has other metadata */

        metadata = &now;

    } else if (rec->type != SIG_RECORD_LEFT) {
        return;
    }

    ngx_signaling_tell(sw, room, rec, peer, metadata);
}


/*
 * A departure found while reaping the slot "origin".  The others have to read
 * what that slot said before they believe that it speaks no more.
 */

void
ngx_signaling_departed(ngx_signaling_worker_t *sw, sig_departure_t *departure,
    ngx_uint_t origin)
{
    slice_t       peer, none;
    sig_record_t  rec;

    if (departure->change.change == SIG_CHANGE_LEFT) {

        peer.data = departure->peer;
        peer.len = departure->peer_len;
        none.data = NULL;
        none.len = 0;

        ngx_memzero(&rec, sizeof(sig_record_t));

        rec.type = SIG_RECORD_LEFT;
        rec.shared_id = departure->change.shared_id;
        rec.origin = (uint16_t) origin;
        rec.ref = departure->change.room;
        rec.seq = departure->change.seq;

        (void) ngx_signaling_post(sw, departure->change.mask, &rec, &peer,
                                  &none);

        ngx_signaling_heard(sw, &rec, &peer, &none);
    }

    ngx_signaling_retire(sw, departure->change.member);
}


/* who takes over a connection's place leaves and joins at once */

static void
ngx_signaling_tell(ngx_signaling_worker_t *sw, ngx_signaling_room_t *room,
    sig_record_t *rec, const slice_t *peer, const slice_t *metadata)
{
    slice_t  none;

    none.data = NULL;
    none.len = 0;

    if (rec->type != SIG_RECORD_JOINED) {
        ngx_signaling_news(sw, room, 0, rec->shared_id, rec->seq, peer,
                           &none);
    }

    if (rec->type != SIG_RECORD_LEFT) {
        ngx_signaling_news(sw, room, 1, rec->shared_id, rec->seq, peer,
                           metadata);
    }
}
