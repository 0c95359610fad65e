
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the region of the registry looks like.  For the sig_registry*.c files
 * alone; everything here is called and read under the lock, unless it says
 * otherwise.
 *
 *     head | bytes of nobody | slots | table of pages |
 *     hash heads of peers, of rooms, of members | pages | slack
 *
 * Of the hash heads as many are in use as there have been nodes for them.
 *
 * Fields are of two kinds.  Those marked "own" are the truth: they are
 * written before the node is committed and hardly ever after, each change a
 * single store.  All others are derived, and a rebuild makes them anew.
 *
 * A node that exists may still be an orphan, left by a process that died
 * between two commits: a member whose room or connection is not there, a room
 * without members, a peer without connections, a block that its owner does
 * not name.  Operations commit in an order that makes every unfinished one
 * leave nothing but orphans, and a rebuild frees these.
 */


#ifndef _SIG_REGISTRY_NODE_H_INCLUDED_
#define _SIG_REGISTRY_NODE_H_INCLUDED_


#include "sig_registry.h"
#include "uuid.h"


#pragma GCC visibility push(hidden)


#define SIG_LINE           64           /* bytes, of a processor's cache */
#define SIG_ROOM_LEN       768          /* bytes */

#define SIG_PEER_UUID      0xffff       /* instead of a length */
#define SIG_PEER_CLOSING   0xff00       /* connections of one peer, at most */
#define SIG_ROOM_SCAN      64           /* members; above, slots are counted */
#define SIG_LOCK_NODES     64           /* nodes freed while the lock is held */
#define SIG_PAGES_MIN      32

/* pages that newcomers leave alone; members leave a quarter of them alone */
#define SIG_RESERVE(npages)  ((npages) / 16 + 2)


typedef enum {
    SIG_TABLE_PEERS = 0,
    SIG_TABLE_ROOMS,
    SIG_TABLE_MEMBERS,
    SIG_TABLES
} sig_table_e;


typedef struct {
    uint32_t            last;           /* of the heads in use, from 0 */
    uint32_t            count;          /* of nodes */
} sig_table_t;


typedef struct {
    u_char              magic[8];
    uint64_t            size;
    uint32_t            nslots;
    uint32_t            unused;
    u_char              seed[16];

    /* read without the lock */

    uint64_t            generation;     /* own */
    uint64_t            drain_below;    /* own */
    uint64_t            key_changes;    /* own */

    /* written with every operation: a line of its own */

    uint32_t            busy            /* pid of who is inside */
                        __attribute__((aligned(64)));
    uint32_t            apps;           /* first one */
    uint32_t            keys;           /* own: first block of their text */
    uint32_t            napps;
    uint64_t            stamp;          /* of members */
    uint64_t            rebuilds;
    uint32_t            npeers;         /* with a live connection */
    uint32_t            nconns;         /* live */
    uint32_t            nrooms;         /* with a live member */
    uint32_t            nmembers;       /* live */
    uint32_t            nleaving;

    uint32_t            guarantee;      /* units, of each app */
    uint32_t            need;           /* units that guarantees lack */
    uint32_t            alarm;          /* own, of the zone */
    uint32_t            alarms;         /* own, read without the lock */

    sig_table_t         tables[SIG_TABLES];
    sig_store_head_t    store;
} sig_head_t;


typedef struct {
    uint32_t            state;          /* own, and all before incarnation */
    uint32_t            pid;
    uint32_t            reaper;
    int32_t             process_slot;
    uint64_t            generation;
    uint32_t            incarnation;    /* own */
    uint32_t            nconns;         /* live */
    uint32_t            conns;          /* first one, closing ones included */
    uint32_t            unused[7];
} sig_slot_t;


/*
 * Messages and peak are counts with the number of their month in front
 * (sig_app_count()), so that both change in one store.
 */

typedef struct {
    sig_node_t          node;           /* small: length; next: app */
    uint32_t            hash;           /* own */
    uint64_t            messages;       /* own, without the lock */
    uint64_t            peak;           /* own, of nconns */
    uint64_t            max_messages;   /* own, read without the lock */
    uint32_t            max_connections;        /* own */
    uint32_t            suspended;      /* own, read without the lock */
    uint32_t            nconns;         /* live */
    uint32_t            units;          /* of all nodes that are its own */
    uint32_t            alarm;          /* own */
    uint32_t            unused;
    u_char              name[SIG_APP_NAME];     /* own */
} sig_app_t;


#define sig_app_count(month, n)  ((uint64_t) (month) << 48 | (n))
#define sig_app_month(count)     ((uint32_t) ((count) >> 48))
#define sig_app_number(count)    ((count) & 0xffffffffffff)


/*
 * The node is as long as the ID needs; a UUID is kept as its 16 bytes, and its
 * length is SIG_PEER_UUID then.  Closing connections are not in the list.
 */

typedef struct {
    sig_node_t          node;           /* small: length; next: hash chain */
    uint32_t            app;            /* own */
    uint32_t            hash;           /* own */
    uint32_t            conns;          /* first of the live ones */
    uint16_t            nlive;
    uint16_t            nclosing;
    u_char              id[];           /* own */
} sig_peer_t;


typedef struct {
    sig_node_t          node;           /* small: slot; next: of the peer */
    uint32_t            prev;           /* of the peer */
    uint32_t            peer;           /* own */
    uint32_t            number;         /* own */
    uint32_t            metadata;       /* own, a block */
    uint16_t            metadata_len;   /* own */
    uint16_t            shared_id;      /* own */
    uint32_t            slot_next;
    uint32_t            slot_prev;
    uint32_t            members;        /* first one, leaving ones included */
    uint32_t            units;          /* of these, each with its room */
} sig_conn_t;


typedef struct {
    sig_node_t          node;           /* small: length; next: hash chain */
    uint32_t            hash;           /* own */
    uint64_t            seq;            /* own, read without the lock */
    uint64_t            mask;           /* read without the lock */
    uint32_t            app;            /* own */
    uint32_t            first;          /* live members, oldest first */
    uint32_t            count;          /* of live members */
    uint32_t            leaving;        /* of leaving ones */
    uint32_t            counts;         /* own, a block: live ones by slot */
    u_char              name[];         /* own */
} sig_room_t;


/*
 * Live members of one peer in one room are twins, in the same hash chain in
 * any order, and the most recent one is primary.  A leaving member is in its
 * connection's list only.
 */

typedef struct {
    sig_node_t          node;           /* small: slot; next: hash chain */
    uint32_t            room;           /* own */
    uint64_t            stamp:62;       /* own */
    uint64_t            primary:1;
    uint64_t            metadata:1;     /* the connection has some */
    uint32_t            conn;           /* own */
    uint32_t            peer;           /* copy of the connection's */
    uint32_t            room_next;
    uint32_t            room_prev;      /* of the first one: the last one */
    uint32_t            conn_next;
    uint32_t            conn_prev;
} sig_member_t;


/* a peer's ID as it is kept, and what it is looked for by */

typedef struct {
    uint32_t            app;
    uint32_t            hash;
    uint16_t            small;          /* as in the node */
    uint16_t            len;            /* of bytes */
    const u_char       *bytes;          /* of the ID, or uuid */
    u_char              uuid[ACCESS_UUID_BYTES];
} sig_peer_name_t;


/* of the zone or of an app that is nearly full */

typedef enum {
    SIG_ALARM_QUIET = 0,
    SIG_ALARM_RAISED,
    SIG_ALARM_TOLD
} sig_alarm_e;


/* whom memory is for, and so how much of it has to be left */

typedef enum {
    SIG_FOR_ALL = 0,                    /* belongs to no app: the last of it */
    SIG_FOR_MEMBER,                     /* one who is in already */
    SIG_FOR_NEWCOMER
} sig_share_e;


/* small: named by its owner (during a rebuild); next: the rest of the text */

typedef struct {
    sig_node_t          node;
    uint32_t            owner;          /* own; 0: the head */
    uint32_t            len;            /* own, of the bytes here */
    uint32_t            unused;
    u_char              bytes[];        /* own */
} sig_block_t;


_Static_assert(offsetof(sig_peer_t, id) + ACCESS_UUID_BYTES <= SIG_NODE_MIN,
               "a peer with a UUID");
_Static_assert(sizeof(sig_conn_t) == SIG_NODE_MIN, "a connection");
_Static_assert(sizeof(sig_member_t) == SIG_NODE_MIN, "a member");
_Static_assert(offsetof(sig_app_t, name) == SIG_LINE, "an app's counts");
_Static_assert(sizeof(sig_app_t) == 2 * SIG_LINE, "an app on lines of its own");
_Static_assert(sizeof(sig_slot_t) == SIG_LINE, "a slot");
_Static_assert(sizeof(sig_block_t) + SIG_METADATA_LEN <= SIG_NODE_MAX,
               "the longest metadata");


#define sig_peer_size(len)  (offsetof(sig_peer_t, id) + (len))
#define sig_room_size(len)  (offsetof(sig_room_t, name) + (len))

#define SIG_CONN_UNITS    (sizeof(sig_conn_t) / SIG_UNIT)
#define SIG_MEMBER_UNITS  (sizeof(sig_member_t) / SIG_UNIT)


#define sig_head(r)    ((sig_head_t *) (void *) (r)->base)

#define sig_app_node(r, i)     ((sig_app_t *) sig_store_node(&(r)->store, i))
#define sig_peer_node(r, i)    ((sig_peer_t *) sig_store_node(&(r)->store, i))
#define sig_conn_node(r, i)    ((sig_conn_t *) sig_store_node(&(r)->store, i))
#define sig_room_node(r, i)    ((sig_room_t *) sig_store_node(&(r)->store, i))
#define sig_block_node(r, i)   ((sig_block_t *) sig_store_node(&(r)->store, i))
#define sig_member_node(r, i)                                                 \
    ((sig_member_t *) sig_store_node(&(r)->store, i))

/* a count from the region, as a bound of a walk through a list */

#define sig_bound(r, count)                                                   \
    ((count) < (r)->store.limit ? (count) : (r)->store.limit)

/*
 * The count of a slot's members in a room's block; a block that is too short
 * can not be, and is not left.
 */

#define sig_block_count(block, slot)                                          \
    ((uint32_t *) (void *) (block)->bytes                                     \
     + ((slot) >= SIG_SLOTS_MAX                                               \
        || ((slot) + 1) * sizeof(uint32_t) > (block)->len ? 0 : (slot)))

#define sig_slot_bit(slot)     ((uint64_t) 1 << ((slot) % 64))


/* sig_registry.c: the region and the lock */

void sig_registry_lock(sig_registry_t *r);
void sig_registry_unlock(sig_registry_t *r);
sig_slot_t *sig_registry_slot(sig_registry_t *r, uint32_t slot);
uint64_t sig_registry_stamp(sig_registry_t *r);

/* the node referred to if it exists (in any state but FREE), or NULL */
void *sig_registry_find(sig_registry_t *r, sig_ref_t ref,
    sig_node_type_e type);

/* whether a node of that type exists there */
int sig_registry_is(sig_registry_t *r, uint32_t index, sig_node_type_e type);

/* a live node, or NULL; without the lock, so it may be gone at once */
void *sig_registry_peek(sig_registry_t *r, sig_ref_t ref,
    sig_node_type_e type);

void sig_chain_insert(sig_registry_t *r, uint32_t *head, uint32_t index);
void sig_chain_remove(sig_registry_t *r, uint32_t *head, uint32_t index);

/*
 * A committed block with these bytes, zeroes when data is NULL; else as
 * sig_share_alloc().
 */
uint32_t sig_block_create(sig_registry_t *r, uint32_t app, sig_share_e whom,
    uint32_t owner, const u_char *data, size_t len);

/* sig_registry_table.c: by the hash that a node of the table has */

uint32_t *sig_table_head(sig_registry_t *r, sig_table_e table, uint32_t hash);
void sig_table_insert(sig_registry_t *r, sig_table_e table, uint32_t hash,
    uint32_t index);
void sig_table_remove(sig_registry_t *r, sig_table_e table, uint32_t hash,
    uint32_t index);
void sig_table_reset(sig_registry_t *r);

/* sig_registry_app.c */

/* one connection more, or less */
void sig_app_add(sig_registry_t *r, uint32_t app);
void sig_app_remove(sig_registry_t *r, uint32_t app);

/*
 * OK, or why the app may not have another connection.  Begins the app's month
 * if the handle knows of one that has not.
 */
int sig_app_admits(sig_registry_t *r, uint32_t app);

/* sig_registry_share.c */

/*
 * A node as of sig_store_alloc() that belongs to the app, or SIG_FOR_ALL to
 * none.  When it is 0, r->refusal says why: FULL or APP_FULL.
 */
uint32_t sig_share_alloc(sig_registry_t *r, uint32_t app, sig_share_e whom,
    size_t size, sig_node_type_e type);
void sig_share_free(sig_registry_t *r, uint32_t app, uint32_t index);

/* in a rebuild: a node belongs to the app; then, of all apps, what follows */
void sig_share_count(sig_registry_t *r, uint32_t app, uint32_t index);

/* after the number of apps has changed too */
void sig_share_reset(sig_registry_t *r);

/* pages */
uint32_t sig_share_reserve(sig_registry_t *r);

/* OK, or PEER_FULL when the peer may not have that many units more */
int sig_share_peer(sig_registry_t *r, uint32_t pi, uint32_t units);

/* how much of what newcomers may have is in use */
uint32_t sig_share_zone_percent(sig_registry_t *r);
uint32_t sig_share_app_percent(sig_registry_t *r, sig_app_t *app);

/* looks whether the zone or the app is nearly full, after it got something */
void sig_share_watch(sig_registry_t *r, uint32_t app);

/* sig_registry_peer.c */

/* the name by which the peer is found; no lock.  id lives as long as it does */
void sig_peer_name(sig_registry_t *r, uint32_t app, const slice_t *id,
    sig_peer_name_t *name);
uint32_t sig_peer_find(sig_registry_t *r, const sig_peer_name_t *name);

/* the ID's length, and its text, of which it returns the length again */
size_t sig_peer_id_len(const sig_peer_t *peer);
size_t sig_peer_id(const sig_peer_t *peer, u_char *p);

void sig_conn_link(sig_registry_t *r, uint32_t ci, sig_conn_t *conn);
void sig_conn_close(sig_registry_t *r, uint32_t ci, sig_conn_t *conn);
void sig_conn_free(sig_registry_t *r, uint32_t ci, sig_conn_t *conn);

/* sig_registry_room.c */

void sig_room_step(sig_room_t *room);
void sig_room_add(sig_registry_t *r, uint32_t mi, sig_member_t *m);
void sig_room_remove(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    int last_local);
void sig_room_free(sig_registry_t *r, uint32_t ri, sig_room_t *room);

/* sig_registry_member.c */

uint32_t sig_member_hash(sig_registry_t *r, uint32_t room, uint32_t peer);
uint32_t sig_member_primary(sig_registry_t *r, uint32_t room, uint32_t peer);
void sig_member_attach(sig_registry_t *r, uint32_t mi, sig_member_t *m);

/* whether the peer was in the room already, 1 or 0 */
int sig_member_link(sig_registry_t *r, uint32_t mi, sig_member_t *m);
void sig_member_leave(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    int last_local, sig_change_t *change);
void sig_member_describe(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    sig_change_t *change);
void sig_member_change(sig_registry_t *r, uint32_t mi, sig_member_t *m,
    sig_change_t *change);

/* sig_registry_roster.c */

int sig_roster_copy(sig_registry_t *r, uint32_t room, uint32_t peer,
    sig_roster_t *roster, size_t metadata_max);

/* sig_registry_rebuild.c */

void sig_registry_rebuild(sig_registry_t *r);


#pragma GCC visibility pop


#endif /* _SIG_REGISTRY_NODE_H_INCLUDED_ */
