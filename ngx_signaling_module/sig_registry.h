
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The registry: who is connected and who is in which room, for all workers of
 * all generations of one nginx, in one flat region of shared memory.
 *
 * Called by the workers, and by the master when a configuration is loaded.
 * The region belongs to the zone; nothing in it points into a process.  A
 * sig_registry_t is the process's own handle.
 *
 * Nodes (apps, peers, connections, rooms, members, blocks of long values)
 * are found by index.  A node carries a state that is committed last; every
 * list, hash, count and free list is derived from the nodes.  Every node has
 * a generation that changes when it is freed, so that a reference taken
 * without the lock is recognized as stale.
 *
 *     app  <-- peer  <-- connection  <-- member --> room
 *
 * A peer is the identity, with one connection or several; a member is one
 * connection in one room.  Of the members of one peer in one room the most
 * recent one is "primary": rosters list primaries.
 *
 * Lock rule: one lock guards everything, given by the caller (nginx: the
 * mutex of the zone's slab pool, the only one that the master frees when its
 * holder dies).  Functions take it themselves and hold it for one operation,
 * without system calls, allocation or rendering; those marked "no lock" read
 * with atomics.  The header's "busy" word says that somebody is inside: who
 * gets the lock and finds it set knows that the last holder died there, and
 * rebuilds all that is derived before it goes on.
 *
 * Newcomers are refused while there is memory left for those who are in, and
 * one of several apps while there is memory left that the others may ask for.
 * Leaving never needs any.
 *
 * Leaving is done in two steps, so that no death loses it: the member is
 * marked as leaving and no longer counts; it is freed by
 * sig_registry_retire() only after its departure has been posted to every
 * worker that has to know.  What a dead worker left behind in either state is
 * found and announced by the one that reaps its slot.
 */


#ifndef _SIG_REGISTRY_H_INCLUDED_
#define _SIG_REGISTRY_H_INCLUDED_


#include "slice.h"
#include "sig_period.h"
#include "sig_store.h"


#pragma GCC visibility push(hidden)


#define SIG_SLOTS_MAX          256
#define SIG_PEER_CONNECTIONS   64      /* of one peer ID at a time */
#define SIG_APP_NAME           64      /* bytes, at most */
#define SIG_PEER_LEN           128     /* bytes of a peer ID, at most */
#define SIG_METADATA_LEN       4096    /* bytes of its metadata, at most */
#define SIG_NO_SLOT            0xffff
#define SIG_NO_APP             0xffffffff

/* results; functions say which of them they return */

#define SIG_REGISTRY_OK        0
#define SIG_REGISTRY_FULL      (-1)    /* no room in the region */
#define SIG_REGISTRY_SMALL     (-2)    /* the caller's buffer is too small */
#define SIG_REGISTRY_STALE     (-3)    /* the reference names nothing now */
#define SIG_REGISTRY_BUSY      (-4)    /* somebody else is doing it */
#define SIG_REGISTRY_BAD       (-5)    /* not a region of ours */
#define SIG_REGISTRY_LIMIT     (-6)    /* the app has all that it may have */
#define SIG_REGISTRY_SUSPENDED (-7)    /* the app is */
#define SIG_REGISTRY_APP_FULL  (-8)    /* what is left is for other apps */
#define SIG_REGISTRY_PEER_FULL (-9)    /* the peer has all it may have */


typedef struct {
    uint32_t            index;
    uint32_t            gen;           /* 0: refers to nothing */
} sig_ref_t;


typedef struct {
    void              (*lock)(void *ctx);
    void              (*unlock)(void *ctx);
    void               *ctx;
} sig_lock_t;


typedef struct {
    u_char             *base;
    size_t              size;
    sig_lock_t          lock;
    uint32_t            pid;           /* of this process, for "busy" */
    uint16_t            slot;          /* own slot or SIG_NO_SLOT */
    uint32_t            nslots;
    uint32_t            nheads;        /* of each hash table */
    uint64_t            rebuilds;      /* done by this process */
    int                 refusal;       /* why there was no memory */
    sig_period_t        period;        /* as it was last told the time */
    sig_store_t         store;         /* the part with the nodes */
} sig_registry_t;


typedef enum {
    SIG_SLOT_FREE = 0,
    SIG_SLOT_STARTING,                 /* claimed, mailbox not open yet */
    SIG_SLOT_LIVE,
    SIG_SLOT_DYING                     /* owner is gone, being reaped */
} sig_slot_state_e;


typedef struct {
    sig_slot_state_e    state;
    uint32_t            pid;
    uint32_t            reaper;        /* pid, 0 when none */
    int32_t             process_slot;  /* ngx_process_slot of the owner */
    uint32_t            incarnation;
    uint64_t            generation;    /* of the configuration */
    uint32_t            connections;
} sig_slot_info_t;


/* one connection of a peer, as another worker addresses it */

typedef struct {
    sig_ref_t           conn;
    uint32_t            number;        /* given to sig_registry_connect() */
    uint16_t            slot;
    uint16_t            shared_id;     /* likewise */
} sig_target_t;


typedef enum {
    SIG_CHANGE_NONE = 0,
    SIG_CHANGE_JOINED,                 /* first connection of the peer */
    SIG_CHANGE_TAKEOVER,               /* a further connection came */
    SIG_CHANGE_LEFT                    /* the last one has gone */
} sig_change_e;


/*
 * What a join or a leave did.  seq numbers the changes of one room, from 1;
 * NONE repeats the last one.
 * mask has bit (slot % 64) set for every slot with a member in the room after
 * a join and before a leave, the caller's own included.
 */

typedef struct {
    sig_ref_t           room;
    sig_ref_t           member;
    uint64_t            seq;
    uint64_t            mask;
    sig_change_e        change;
    unsigned            shared_id:1;   /* the peer ID may come again */
} sig_change_t;


/* who hears a message that is published now, all of one moment */

typedef struct {
    uint64_t            seq;           /* of the last change in the room */
    uint64_t            mask;          /* as in sig_change_t */
    uint32_t            members;       /* subscribed connections */
} sig_audience_t;


/* one departure found while reaping */

typedef struct {
    sig_change_t        change;        /* JOINED never occurs */
    uint32_t            peer_len;
    u_char              peer[SIG_PEER_LEN];
} sig_departure_t;


/*
 * Entries of a roster, one after the other in the caller's buffer, not
 * aligned: this head, then the peer ID, then the metadata (JSON as given).
 */

typedef struct {
    uint16_t            peer_len;
    uint16_t            metadata_len;  /* 0: none, or dropped */
} sig_roster_entry_t;


typedef struct {
    u_char             *data;
    size_t              size;          /* of data, set by the caller */
    size_t              used;          /* result; with SIG_REGISTRY_SMALL
                                          the size that is needed */
    uint32_t            count;         /* of entries */
} sig_roster_t;


typedef struct {
    uint32_t            apps;
    uint32_t            peers;
    uint32_t            connections;
    uint32_t            rooms;
    uint32_t            members;
    uint32_t            leaving;       /* members not retired yet */
    size_t              bytes_total;   /* for nodes */
    size_t              bytes_free;
    size_t              bytes_reserve; /* that newcomers leave alone */
    uint32_t            percent;       /* 100: newcomers are refused */
    uint64_t            rebuilds;
} sig_registry_stats_t;


/* what an app uses, and may use, in the calendar month (UTC) of one moment */

typedef struct {
    uint32_t            connections;   /* now */
    uint32_t            peak;          /* most of them at a time this month */
    uint64_t            messages;      /* attempts this month */
    int64_t             period_start;  /* Unix seconds */
    int64_t             period_end;    /* the first second of the next one */
    uint32_t            max_connections;    /* 0: no limit */
    unsigned            suspended:1;
    uint64_t            max_messages;  /* in a month, 0: no limit */
    size_t              bytes;         /* of the region */
    uint32_t            percent;       /* of what it may have of it now */
} sig_usage_t;


/*
 * The smallest region for that many slots, bytes; and how many peers with
 * UUIDs, in rooms of two named by UUIDs, come into a region of that size until
 * newcomers are refused.
 */
size_t sig_registry_min_size(uint32_t nslots);
size_t sig_registry_capacity(size_t size, uint32_t nslots);

/*
 * Formats a region; base is aligned to 64 bytes and zeroed.  seed: 16 random
 * bytes, keys of the name hashes, against collisions made on purpose.
 * Returns OK or SMALL.
 */
int sig_registry_create(u_char *base, size_t size, uint32_t nslots,
    const u_char seed[16]);

/*
 * Makes the handle.  r->lock is set by the caller before, r->pid is set here
 * from getpid(), r->slot to SIG_NO_SLOT.  Returns OK or BAD.
 */
int sig_registry_attach(sig_registry_t *r, u_char *base, size_t size);


/*
 * Configuration generations.  The master calls new_generation() once for each
 * configuration that it puts in force; a worker notes the number at its start.
 * Returns the new number, from 1.
 */
uint64_t sig_registry_new_generation(sig_registry_t *r);
uint64_t sig_registry_generation(sig_registry_t *r);            /* no lock */

/*
 * The text of the keys in force, for the workers of earlier generations.
 * publish_keys: given by the master and, when keys change later, by workers
 * of the newest generation; OK, STALE (the generation is not the newest, and
 * nothing is changed) or FULL (then readers get STALE).  The text that is
 * there already is no change.
 * key_changes: how often it has changed.
 * read_keys: copies it, *len is the buffer's size and becomes the length; OK,
 * SMALL (*len is what is needed) or STALE (there is none).  *changes is the
 * number that this text has.
 */
int sig_registry_publish_keys(sig_registry_t *r, uint64_t generation,
    const u_char *text, size_t len);
uint64_t sig_registry_key_changes(sig_registry_t *r);           /* no lock */
int sig_registry_read_keys(sig_registry_t *r, u_char *text, size_t *len,
    uint64_t *changes);

/*
 * Asks all workers of generations below the given one to drain; the number
 * only grows.  The reader compares its own generation with it.
 */
void sig_registry_drain(sig_registry_t *r, uint64_t below);     /* no lock */
uint64_t sig_registry_drain_below(sig_registry_t *r);           /* no lock */


/*
 * Slots.  claim() takes a free one for this process (STARTING), open() makes
 * it LIVE.  claim: OK (r->slot is set) or FULL.
 * release() gives it back at a clean exit; when connections or leaving
 * members are still there the slot becomes DYING instead, for a reaper.
 */
int sig_registry_claim(sig_registry_t *r, int32_t process_slot,
    uint64_t generation);
void sig_registry_open(sig_registry_t *r);
void sig_registry_release(sig_registry_t *r);
uint32_t sig_registry_nslots(sig_registry_t *r);                /* no lock */
int sig_registry_slot_info(sig_registry_t *r, uint32_t slot,
    sig_slot_info_t *info);                                     /* no lock */

/*
 * Reaping.  The caller has found out, outside the lock, that the process pid
 * (owner, or reaper of a DYING slot) is gone.
 * condemn(): makes the slot DYING with this process as its reaper.  OK;
 * STALE when the slot has changed hands; BUSY when another living process
 * named in the slot does it (dead_reaper is the pid of a reaper known dead, 0
 * when none).
 * reap(): marks up to max members of the slot as leaving and describes each;
 * those already leaving are described too, as a change of their own.  The
 * caller posts the departures, retires them, and calls again.  Returns their
 * number; 0: nothing is left and the slot is FREE.
 */
int sig_registry_condemn(sig_registry_t *r, uint32_t slot, uint32_t pid,
    uint32_t dead_reaper);
uint32_t sig_registry_reap(sig_registry_t *r, uint32_t slot,
    sig_departure_t *out, uint32_t max);


/*
 * The app of that name, made when it is new.  name: 1..64 bytes.  Apps stay.
 * Returns OK or FULL.
 */
int sig_registry_app(sig_registry_t *r, const slice_t *name, uint32_t *app);

/*
 * The app after the given one, 0 to begin with; 0 at the end.  Each app that
 * is there all the while is given once.  name: room for SIG_APP_NAME bytes,
 * *len the length of what is written there.
 */
uint32_t sig_registry_next_app(sig_registry_t *r, uint32_t app, u_char *name,
    size_t *len);

/*
 * What the app may have from now on, for the workers of all generations; the
 * master says so with each configuration.  max_connections at a time and
 * max_messages in a calendar month, 0: no limit; suspended: 1 or 0.  Nobody
 * is disconnected by it.  OK, or STALE when there is no such app.
 */
int sig_registry_app_limits(sig_registry_t *r, uint32_t app,
    uint32_t max_connections, uint64_t max_messages, int suspended);
int sig_registry_app_suspended(sig_registry_t *r, uint32_t app); /* no lock */

/*
 * Counts one message of the app that has come as far as the quota, whatever
 * becomes of it.  now: Unix seconds.  OK, or LIMIT when the app had used up
 * its messages of this month before.  No lock, but for sig_registry_clock()
 * when the month is another.
 */
int sig_registry_message(sig_registry_t *r, uint32_t app, int64_t now);

/* all zeroes but for the period when there is no such app */
void sig_registry_usage(sig_registry_t *r, uint32_t app, int64_t now,
    sig_usage_t *usage);

/*
 * Tells the handle what time it is, Unix seconds.  A month that has begun
 * since the last time begins for all apps, unless another process has seen to
 * it: the peak of each is then what is connected.  Called at a worker's start
 * and again and again; takes the lock only when the month is another.
 */
void sig_registry_clock(sig_registry_t *r, int64_t now);


/*
 * Registers a connection of this process's slot.  peer: 1..128 bytes;
 * metadata: JSON, 0..4096 bytes; number: the worker's own number for it,
 * repeated to whoever addresses it; shared_id: the same ID may be given to
 * another connection, now or later.
 * others: room for SIG_PEER_CONNECTIONS targets, gets the older connections
 * of the same peer, *nothers their number.
 * Returns OK; SUSPENDED; LIMIT, when the app has all the connections that it
 * may have; PEER_FULL, when the peer has SIG_PEER_CONNECTIONS or its part of
 * the region already; APP_FULL; or FULL.
 */
int sig_registry_connect(sig_registry_t *r, uint32_t app,
    const slice_t *peer, const slice_t *metadata, int shared_id,
    uint32_t number, sig_ref_t *conn, sig_target_t *others,
    uint32_t *nothers);

/*
 * The connection is gone: it is no longer found, and is freed (with its peer,
 * if it was the last one) when its last leaving member has been retired.
 * Its members may still have to be left.  OK or STALE.
 */
int sig_registry_disconnect(sig_registry_t *r, sig_ref_t conn);

/*
 * All connections of a peer.  targets: room for SIG_PEER_CONNECTIONS.
 * Returns their number, 0 when the peer is not there.
 */
uint32_t sig_registry_find_peer(sig_registry_t *r, uint32_t app,
    const slice_t *peer, sig_target_t *targets);

/*
 * Whether a connection is still found by its peer's ID.  Takes no lock: for
 * who was given it by find_peer() before.
 */
int sig_registry_is_live(sig_registry_t *r, sig_ref_t conn);


/*
 * Makes the connection a member of the room with that name (1..768 bytes),
 * and copies the roster without the peer itself, in one critical section.
 * roster may be NULL.  The caller does not join the same room twice with one
 * connection.
 * Returns OK, FULL, APP_FULL, PEER_FULL, STALE, or SMALL: then nothing was
 * done and roster->used says how much is needed.  When the metadata of all
 * entries would exceed metadata_max bytes, entries beyond it are given
 * without theirs.
 */
int sig_registry_join(sig_registry_t *r, sig_ref_t conn,
    const slice_t *name, sig_change_t *change, sig_roster_t *roster,
    size_t metadata_max);

/*
 * First step of leaving.  last_local: no other member of this slot remains
 * in the room.  change->change is LEFT when the peer has gone from the room,
 * else NONE.  OK or STALE.
 */
int sig_registry_leave(sig_registry_t *r, sig_ref_t member, int last_local,
    sig_change_t *change);

/* second step; stale references are passed over */
void sig_registry_retire(sig_registry_t *r, const sig_ref_t *members,
    uint32_t n);

/*
 * The roster of a room, without the given peer's own entry (conn refers to
 * one of its connections; gen 0: nobody is left out).
 * OK, SMALL or STALE.  *seq gets the room's sequence number.
 */
int sig_registry_roster(sig_registry_t *r, sig_ref_t room, sig_ref_t conn,
    sig_roster_t *roster, size_t metadata_max, uint64_t *seq);

/*
 * Finds a room by name for a publisher who is not in it.  OK or STALE: there
 * is none, and nobody in it.
 */
int sig_registry_find_room(sig_registry_t *r, uint32_t app,
    const slice_t *name, sig_ref_t *room, sig_audience_t *audience);

/*
 * The slots with members in the room, as in sig_change_t; 0 when the
 * reference is stale.
 */
uint64_t sig_registry_room_mask(sig_registry_t *r, sig_ref_t room);
                                                                /* no lock */

/*
 * The number of the last change in the room, as in sig_change_t; 0 when the
 * reference is stale.  A message that is sent with it is for those who have
 * joined by then.
 */
uint64_t sig_registry_room_seq(sig_registry_t *r, sig_ref_t room);
                                                                /* no lock */

/*
 * Whether a peer of that ID is in the room now; its metadata (at most 4096
 * bytes) is copied to metadata->data, metadata->len is its length.
 * Returns 1 or 0.
 */
int sig_registry_in_room(sig_registry_t *r, sig_ref_t room,
    const slice_t *peer, slice_t *metadata);


void sig_registry_stats(sig_registry_t *r, sig_registry_stats_t *stats);

/*
 * Whether there is something to be told: the region, or one of several apps,
 * has come to use 80 percent of what newcomers may have.  Each crossing is
 * given once, to one caller of all processes, and the next one when it has
 * been below 70 in between.  Returns 1 or 0; of an app *len is the length of
 * its name, of the region 0.  name: room for SIG_APP_NAME bytes.  No lock
 * while there is nothing.
 */
int sig_registry_alarm(sig_registry_t *r, u_char *name, size_t *len);


#pragma GCC visibility pop


#endif /* _SIG_REGISTRY_H_INCLUDED_ */
