
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The plain model of the registry: arrays that are searched from one end to
 * the other.  registry_model_test does the same to both and compares them.
 *
 * Deaths: sig_registry*.c and sig_store.c are compiled with SIG_FAULT, so
 * that a call may end in the middle, as if its process had been killed.  Then
 * the operation has been done or has not, and model_sync() finds out which:
 * nothing but what the operation was about may have changed, and nothing
 * backwards.
 */


#ifndef _REGISTRY_MODEL_H_INCLUDED_
#define _REGISTRY_MODEL_H_INCLUDED_


#include "registry_region.h"


/* a small one is compared faster, for the fuzzer */

#ifdef MODEL_SMALL

#define MODEL_SLOTS    5
#define MODEL_IDS      8
#define MODEL_ROOMS    5
#define MODEL_CONNS    80              /* one peer has no more than 64 */
#define MODEL_MEMBERS  160

#else

#define MODEL_SLOTS    70              /* 0 and 64 share a bit of the mask */
#define MODEL_IDS      120
#define MODEL_ROOMS    40
#define MODEL_CONNS    600
#define MODEL_MEMBERS  3000

#endif

#define MODEL_APPS     2
#define MODEL_APPS_MAX 200             /* most of them with nobody */
#define MODEL_DATA     12              /* kinds of metadata */
#define MODEL_NOW      1796083200      /* December 2026, UTC, and later */


typedef enum {
    GONE = 0,
    LIVE,
    LEAVING
} state_e;


typedef enum {
    NOBODY = 0,
    ALIVE,
    DEAD
} owner_e;


typedef struct {
    state_e         state;
    sig_ref_t       ref;
    uint32_t        app;               /* all of these count from 0 */
    uint32_t        id;
    uint32_t        data;
    uint32_t        slot;
    uint32_t        number;            /* never given twice */
    int             shared;
} conn_t;


typedef struct {
    state_e         state;
    sig_ref_t       ref;
    uint32_t        conn;
    uint32_t        room;
    uint64_t        stamp;
} member_t;


/* what an app uses and may use; the counts are of the month of their start */

typedef struct {
    uint32_t        max_connections;
    uint64_t        max_messages;
    int             suspended;
    int64_t         peak_month;
    uint32_t        peak;
    int64_t         messages_month;
    uint64_t        messages;
} quota_t;


/* what a death in the middle may have changed; NONE: not that */

#define NONE  UINT32_MAX

typedef struct {
    uint32_t        connect;           /* number of a new connection */
    uint32_t        app;               /* its app, ID, and so on */
    uint32_t        id;
    uint32_t        data;
    int             shared;
    uint32_t        join;              /* connection that joins a room */
    uint32_t        room;
    uint32_t        leave;             /* member */
    uint32_t        close;             /* connection */
    uint32_t        reap;              /* slot whose all are closed and left */
    int             retire;            /* leaving members may be gone */
    int             new_app;           /* the model's next one */
    uint32_t        slot;              /* slot of who does it, or NONE */
} intent_t;


typedef struct {
    region_t        region;
    sig_registry_t  observer;          /* has no slot and never dies */
    sig_registry_t  worker[MODEL_SLOTS];
    owner_e         owner[MODEL_SLOTS];
    uint32_t        app[MODEL_APPS_MAX];
    quota_t         quota[MODEL_APPS];
    int64_t         now;
    conn_t          conn[MODEL_CONNS];
    member_t        member[MODEL_MEMBERS];
    uint64_t        seq[MODEL_APPS][MODEL_ROOMS];
    uint64_t        stamp;
    uint32_t        number;
    uint32_t        napps;
    uint32_t        nmembers;          /* all live or leaving ones are below */
} model_t;


void model_make(model_t *model);

/* names and metadata by number */
slice_t model_app(uint32_t app);
slice_t model_id(uint32_t id);
slice_t model_room(uint32_t room);
slice_t model_data(uint32_t data);

/* a free place in the model, or NONE */
uint32_t model_new_conn(model_t *model);
uint32_t model_new_member(model_t *model);

uint32_t model_app_of(model_t *model, uint32_t member);

/* how many live connections a peer has */
uint32_t model_present(model_t *model, uint32_t app, uint32_t id);

/* the most recent live member of a peer in a room, or NONE; of all peers */
uint32_t model_primary(model_t *model, uint32_t app, uint32_t room,
    uint32_t id);
void model_primaries(model_t *model, uint32_t app, uint32_t room,
    uint32_t *primary);

/* slots with live members, bit (slot % 64) */
uint64_t model_mask(model_t *model, uint32_t app, uint32_t room);

/* whether another live member of the same slot is in the same room */
int model_local(model_t *model, uint32_t member);

/* the bytes of the roster of a room without one ID (or NONE) */
size_t model_roster_size(model_t *model, uint32_t app, uint32_t room,
    uint32_t skip);

/* how many live connections an app has */
uint32_t model_connected(model_t *model, uint32_t app);

/*
 * The peaks of all apps: those of months that are over begin with what is
 * connected, and none is below that.
 */
void model_peaks(model_t *model);

/* each returns NULL or what is wrong */
const char *model_usage(model_t *model);
const char *model_roster(model_t *model, uint32_t app, uint32_t room,
    uint32_t skip, const sig_roster_t *roster);
const char *model_targets(model_t *model, uint32_t app, uint32_t id,
    const sig_target_t *targets, uint32_t n, uint32_t but);
const char *model_compare(model_t *model);

/* after a member or a connection has gone */
void model_retired(model_t *model, uint32_t member);
void model_closed(model_t *model, uint32_t conn);

/* takes over what a death has left; NULL or what can not have been */
const char *model_sync(model_t *model, const intent_t *intent);

/* how many pages are free */
uint32_t model_pages(model_t *model);

/*
 * Whether there may be no memory for a connection or for a member of an app,
 * or for what belongs to none (NONE).  An operation that found none has given
 * back what it took before: at most two pages.
 */
int model_full(model_t *model, uint32_t app, int newcomer);

/*
 * Whether one peer has all that it may have, so that it gets neither one more
 * connection with that metadata nor into a room of that name.
 */
int model_peer_full(model_t *model, uint32_t app, uint32_t id,
    uint32_t data);
int model_peer_joined(model_t *model, uint32_t app, uint32_t id,
    uint32_t room);


#endif /* _REGISTRY_MODEL_H_INCLUDED_ */
