
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The internal header of ngx_signaling_module: what its files share.  What
 * they know of the configuration is in ngx_signaling_conf.h.
 *
 *     ngx_signaling_module.c      directives, merge, variables, hooks
 *     ngx_signaling_directive.c   directives that take more than a value
 *     ngx_signaling_quota.c       limits of apps
 *     ngx_signaling_zone.c        the zone: memory, eventfds, generations
 *     ngx_signaling_handshake.c   the upgrade, up to leaving the request
 *     ngx_signaling_detach.c      what a connection keeps of HTTP
 *     ngx_signaling_mask.c        credentials kept out of the access log
 *     ngx_signaling_admit.c       credential, identity, welcome
 *     ngx_signaling_token.c       JSON Web Tokens as credentials
 *     ngx_signaling_conn.h        one connection, and what belongs to it
 *     ngx_signaling_input.c       bytes, frames, messages from a client
 *     ngx_signaling_output.h      what goes out: frames, queues, deltas
 *     ngx_signaling_peer.c        what a client message does
 *     ngx_signaling_room.c        rooms of this worker, fan-out
 *     ngx_signaling_presence.c    snapshots, changes of rooms
 *     ngx_signaling_ipc.c         records to other workers, sig_record.h
 *     ngx_signaling_outbox.c      those that wait for a place
 *     ngx_signaling_record.c      what is done with those from others
 *     ngx_signaling_worker.c      a worker's life: slots, ticks, reaping
 *     ngx_signaling_keys.c        keys that change, apps
 *     ngx_signaling_drain.c       retiring, draining
 *     ngx_signaling_api*.c        the control plane, ngx_signaling_api.h
 *     ngx_signaling_status.c      the status page
 *
 * Everything here is private to one process but what lies behind
 * sig_registry_t and sig_mailbox_t.
 */


#ifndef _NGX_SIGNALING_H_INCLUDED_
#define _NGX_SIGNALING_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "ngx_signaling_conf.h"
#include "error_log.h"
#include "jwt.h"
#include "mask.h"
#include "request.h"
#include "sig_mailbox.h"
#include "sig_proto.h"
#include "sig_record.h"
#include "sig_registry.h"
#include "sig_ws.h"
#include "uuid.h"


#pragma GCC visibility push(hidden)


/* a client message may be longer than its "data" by this much */
#define NGX_SIGNALING_ENVELOPE      4096

#define NGX_SIGNALING_SNAPSHOT_MAX  900000
#define NGX_SIGNALING_API_BODY      32768   /* bytes, docs/protocol.md 12.2 */
#define NGX_SIGNALING_CLOSE_WAIT    2000    /* ms, for the client's Close */

/* bytes of a peer ID as a JSON string */
#define NGX_SIGNALING_QUOTED_ID     (6 * ACCESS_PEER_ID + 2)

/* close codes of docs/protocol.md 9.1 */

#define NGX_SIGNALING_INVALID_TOKEN     4001
#define NGX_SIGNALING_TOKEN_EXPIRED     4002
#define NGX_SIGNALING_NO_ROOM           4010
#define NGX_SIGNALING_MESSAGE_RATE      4011
#define NGX_SIGNALING_SUSPENDED         4012
#define NGX_SIGNALING_DISCONNECTED      4020


typedef struct ngx_signaling_conn_s    ngx_signaling_conn_t;
typedef struct ngx_signaling_sub_s     ngx_signaling_sub_t;
typedef struct ngx_signaling_room_s    ngx_signaling_room_t;
typedef struct ngx_signaling_batch_s   ngx_signaling_batch_t;
typedef struct ngx_signaling_busy_s    ngx_signaling_busy_t;
typedef struct ngx_signaling_place_s   ngx_signaling_place_t;
typedef struct ngx_signaling_spare_s   ngx_signaling_spare_t;
typedef struct ngx_signaling_frame_s   ngx_signaling_frame_t;
typedef struct ngx_signaling_item_s    ngx_signaling_item_t;
typedef struct ngx_signaling_partial_s ngx_signaling_partial_t;
typedef struct ngx_signaling_deflate_s ngx_signaling_deflate_t;


#include "ngx_signaling_output.h"
#include "ngx_signaling_conn.h"


/*
 * Of a request: the subprotocols with a token, taken from their header before
 * that was overwritten, and, once the credential is accepted, what the
 * variables tell.
 */

typedef struct {
    ngx_str_t                  peer_id;      /* data is NULL until then */
    ngx_str_t                  key;          /* its ID */
    ngx_str_t                  app;
    ngx_str_t                  expires;      /* Unix seconds, or empty */
    ngx_signaling_conn_t      *conn;

    ngx_str_t                  protocol;     /* the first one */
    ngx_uint_t                 nprotocols;
} ngx_signaling_ctx_t;


/* from the handler to the end of the request */

typedef struct {
    ngx_signaling_ctx_t        ctx;          /* first, for the variables */
    ngx_event_t                leave;
    ngx_http_cleanup_t        *cleanup;
    ngx_http_request_t        *request;
    ngx_str_t                  metadata;     /* of the welcome */
    ngx_uint_t                 code;         /* of a refusal, or 0 */
    const char                *reason;
} ngx_signaling_handshake_t;


/* one connection's subscription to a room */

struct ngx_signaling_sub_s {
    ngx_queue_t                in_room;
    ngx_signaling_sub_t       *next;         /* of the connection */
    ngx_signaling_conn_t      *conn;
    ngx_signaling_room_t      *room;
    sig_ref_t                  member;
    uint64_t                   joined;       /* number of its joining */
    uint64_t                   seq;          /* of its snapshot */
    uint32_t                   told;         /* of the room's batch */
    unsigned                   metadata:1;   /* wants fromMetadata */
};


/* a room with subscribers in this worker, who pin the shared one */

struct ngx_signaling_room_s {
    ngx_signaling_room_t      *next_name;
    ngx_signaling_room_t      *next_ref;
    ngx_queue_t                subs;
    ngx_signaling_batch_t     *batch;        /* of changes, or NULL */
    sig_ref_t                  ref;          /* gen 0: not joined yet */
    uint32_t                   app;
    uint32_t                   nsubs;
    uint16_t                   name_len;
    uint16_t                   quoted_len;
    u_char                     text[1];      /* the name as a JSON string, and
                                                as it is, if it differs */
};


/* so large that what goes to all is told, and written, in steps */

#define NGX_SIGNALING_LARGE        64

#define ngx_signaling_large(room)  ((room)->nsubs > NGX_SIGNALING_LARGE)


/* a message to a channel, whoever has published it */

typedef struct {
    ngx_signaling_room_t      *room;         /* in this worker, or NULL */
    sig_ref_t                  ref;
    sig_audience_t             audience;
    slice_t                    channel;      /* as a JSON string */
    slice_t                    from;         /* likewise */
    slice_t                    data;         /* JSON as sent */
    slice_t                    metadata;     /* likewise, may be empty */
} ngx_signaling_publication_t;


/* a direct message that is not made yet */

typedef struct {
    slice_t                    from;         /* JSON string */
    slice_t                    data;         /* JSON as sent */
    slice_t                    metadata;     /* likewise, may be empty */
    size_t                     len;          /* of the text it is to be */
} ngx_signaling_direct_t;


/* a record on its way to others, written into the arena at most once */

typedef struct {
    const sig_record_t            *rec;
    const slice_t                 *first;
    const slice_t                 *second;
    const ngx_signaling_direct_t  *direct;   /* instead of the two, or NULL */
    size_t                         len;      /* of the record */
    unsigned                       written:1;
    unsigned                       full:1;   /* the arena */
} ngx_signaling_letter_t;


/* records that wait for a place in a ring, in the memory of frames */

typedef struct {
    ngx_signaling_frame_t     *first;
    ngx_signaling_frame_t     *last;         /* when first is not NULL */
    uint32_t                   incarnation;  /* of the slot it is for */
    unsigned                   call:1;       /* it is to be called */
} ngx_signaling_outbox_t;


#define NGX_SIGNALING_FRAME_CLASSES  6

/*
 * A peer that is with another worker, as it was found.  Only one whose ID was
 * made up for one connection is kept: it has no other.
 */

typedef struct {
    sig_target_t               target;       /* conn.gen 0: nobody */
    uint32_t                   app;
    u_char                     id[ACCESS_UUID_LEN];
} ngx_signaling_known_t;


#define NGX_SIGNALING_KNOWN        512
#define NGX_SIGNALING_RETIRE       64
#define NGX_SIGNALING_PLACES       256       /* lists of them */
#define NGX_SIGNALING_CHUNK        1024      /* connections per allocation */


/* the number that an app has in a zone */

typedef struct {
    slice_t                    name;
    uint32_t                   number;
} ngx_signaling_app_t;


/* one zone in one worker process */

struct ngx_signaling_worker_s {
    ngx_signaling_zone_t      *zone;
    sig_registry_t            *registry;
    sig_mailbox_t             *mailbox;
    ngx_cycle_t               *cycle;
    ngx_log_t                 *log;

    ngx_array_t                apps;         /* of ngx_signaling_app_t */

    ngx_signaling_conn_t     **chunks;       /* connections by number */
    uint32_t                   nchunks;
    uint32_t                   free;         /* number of the first one */
    uint32_t                   connections;  /* open or closing ones */
    ngx_signaling_place_t     *places[NGX_SIGNALING_PLACES];
    ngx_signaling_busy_t      *busy;         /* not in use */
    ngx_uint_t                 nbusy;

    ngx_signaling_room_t     **by_name;
    ngx_signaling_room_t     **by_ref;
    uint32_t                   nrooms;
    uint32_t                   room_mask;    /* size of either table - 1 */
    u_char                     seed[16];     /* of the first table's hash */

    ngx_queue_t                dirty;        /* to be written this turn */
    ngx_queue_t                crowd;        /* likewise, some each turn */
    ngx_event_t                flush;

    ngx_queue_t                waiting;      /* conns, by their snapshot */
    ngx_event_t                snapshots;

    ngx_queue_t                news;         /* ngx_signaling_delta.c */
    ngx_queue_t                later;
    ngx_event_t                later_ev;
    ngx_signaling_batch_t     *batches;      /* free ones */
    uint32_t                   nbatches;
    uint32_t                   untold;       /* batches with entries */

    ngx_event_t                tick;
    ngx_connection_t          *wake;         /* the eventfd of our slot */
    ngx_event_t                drain;        /* more records than a turn */

    ngx_signaling_outbox_t    *outboxes;     /* by slot */
    uint32_t                   ncalls;       /* of them, to be called */
    size_t                     waiting_parcels;
    size_t                     waiting_bytes;
    uint64_t                   refused;      /* messages, too much waiting */
    ngx_event_t                retry;

    sig_ref_t                 *retired;      /* members posted, not freed */
    uint32_t                   nretired;
    uint32_t                   retired_size;

    ngx_signaling_known_t     *known;        /* NULL until one is */

    ngx_signaling_spare_t     *spare;        /* for the end of a connection */

    u_char                    *buffer;       /* for reading; in front of it,
                                                room for a head */
    u_char                    *scratch;      /* for writing in one piece */
    u_char                    *roster;       /* for snapshots */
    size_t                     roster_size;

    ngx_signaling_frame_t     *frames[NGX_SIGNALING_FRAME_CLASSES];
    ngx_uint_t                 nframes[NGX_SIGNALING_FRAME_CLASSES];
    ngx_uint_t                 unused[NGX_SIGNALING_FRAME_CLASSES];
                                             /* the fewest since the tick */
    size_t                     made;         /* bytes of frames, this turn */
    size_t                     posted;       /* bytes of records, likewise */
    ngx_uint_t                 taken;        /* records of others, likewise */
    unsigned                   stuck:1;      /* giving way has not helped */

    ngx_signaling_deflate_t   *deflate;      /* NULL until it is wanted */

    ngx_signaling_item_t      *items;        /* free ones */
    ngx_uint_t                 nitems;

    uint64_t                   keys_seen;    /* number of the change read */
    uint64_t                   quotas_seen;  /* generation of the limits */

    ngx_event_t                leave;        /* draining steps */
    uint32_t                   leave_cursor;
    uint32_t                   highest;      /* number given so far, plus 1 */
    ngx_msec_t                 leave_start;
    ngx_msec_t                 last_call;    /* time to drain all, 0: none */

    uint32_t                   slotless;     /* ticks without a slot */

    ngx_msec_t                 warned;       /* of a full zone, 0: never */
    ngx_msec_t                 warned_app;   /* of one app that has its part */

    unsigned                   told_ice:1;   /* of a value left out */
    unsigned                   told_metadata:1;
    unsigned                   slotted:1;    /* has a slot, is LIVE */
    unsigned                   reaping:1;    /* not done yet */
    unsigned                   exiting:1;    /* told to go */
    unsigned                   draining:1;   /* closes are on their way */
    unsigned                   drain_all:1;  /* of all connections */
};


#define NGX_SIGNALING_BUFFER       131072
#define NGX_SIGNALING_SCRATCH      16384


extern ngx_module_t  ngx_signaling_module;


/* ngx_signaling_handshake.c */

ngx_int_t ngx_signaling_handler(ngx_http_request_t *r);
ngx_int_t ngx_signaling_mask_handler(ngx_http_request_t *r);


/* ngx_signaling_detach.c */

ngx_int_t ngx_signaling_detach_init(ngx_signaling_worker_t *sw);
void ngx_signaling_detach_free(ngx_signaling_worker_t *sw);
ngx_int_t ngx_signaling_take_header(ngx_signaling_conn_t *sc,
    ngx_http_request_t *r, size_t *taken);
void ngx_signaling_detach(ngx_signaling_conn_t *sc, ngx_http_request_t *r,
    size_t taken);
ngx_log_t *ngx_signaling_log_for(ngx_signaling_conn_t *sc);
void ngx_signaling_end(ngx_signaling_conn_t *sc);


/* ngx_signaling_mask.c */

/* 1 when the request is to a location where credentials are shown */
ngx_uint_t ngx_signaling_is_endpoint(ngx_http_request_t *r);
ngx_int_t ngx_signaling_log_handler(ngx_http_request_t *r);


/* ngx_signaling_admit.c */

ngx_int_t ngx_signaling_credential(ngx_http_request_t *r,
    ngx_signaling_handshake_t *hs, ngx_str_t *origin);
ngx_uint_t ngx_signaling_admit(ngx_signaling_conn_t *sc,
    slice_t *json_metadata, const char **reason);


/* ngx_signaling_token.c */

ngx_int_t ngx_signaling_token_take(ngx_http_request_t *r);
void ngx_signaling_token_mask(ngx_http_request_t *r);
ngx_int_t ngx_signaling_token_shown(ngx_http_request_t *r,
    ngx_signaling_ctx_t *ctx, slice_t *token, ngx_uint_t *n);
access_jwt_e ngx_signaling_token_verify(ngx_http_request_t *r,
    access_keys_t *keys, slice_t *token, access_key_t **key,
    access_claims_t *claims);
size_t ngx_signaling_grant_size(access_claims_t *claims);
void ngx_signaling_grant_write(ngx_signaling_grant_t *grant,
    access_claims_t *claims);
ngx_signaling_grant_t *ngx_signaling_grant(
    const ngx_signaling_identity_t *identity);
ngx_msec_int_t ngx_signaling_token_left(ngx_signaling_conn_t *sc);
ngx_uint_t ngx_signaling_token_covers(ngx_signaling_conn_t *sc,
    const slice_t *channel);


/* ngx_signaling_input.c */

ngx_int_t ngx_signaling_read(ngx_signaling_conn_t *sc);
ngx_int_t ngx_signaling_input(ngx_signaling_conn_t *sc, u_char *p,
    u_char *last);
void ngx_signaling_refill(ngx_signaling_conn_t *sc);


/* ngx_signaling_peer.c */

void ngx_signaling_message(ngx_signaling_conn_t *sc, u_char *p, size_t len);
sig_code_e ngx_signaling_relay(ngx_signaling_worker_t *sw,
    const ngx_signaling_publication_t *pub, ngx_signaling_conn_t *except);
void ngx_signaling_ack(ngx_signaling_conn_t *sc, const slice_t *request_id);


/* ngx_signaling_room.c */

ngx_int_t ngx_signaling_rooms_init(ngx_signaling_worker_t *sw);
ngx_signaling_room_t *ngx_signaling_room_by_name(ngx_signaling_worker_t *sw,
    uint32_t app, const slice_t *name);
ngx_signaling_room_t *ngx_signaling_room_by_ref(ngx_signaling_worker_t *sw,
    sig_ref_t ref);
sig_code_e ngx_signaling_subscribe(ngx_signaling_conn_t *sc,
    sig_envelope_t *e);
void ngx_signaling_unsubscribe(ngx_signaling_conn_t *sc,
    const slice_t *channel);
void ngx_signaling_leave_all(ngx_signaling_conn_t *sc);
ngx_int_t ngx_signaling_fanout(ngx_signaling_room_t *room,
    ngx_signaling_conn_t *except, uint64_t seq, ngx_signaling_frame_t *f,
    const slice_t *json, const slice_t *metadata);


/* ngx_signaling_presence.c */

ngx_int_t ngx_signaling_roster_grow(ngx_signaling_worker_t *sw, size_t size);
u_char *ngx_signaling_roster_next(u_char *p, slice_t *peer,
    slice_t *metadata);
void ngx_signaling_snapshot(ngx_signaling_conn_t *sc,
    ngx_signaling_room_t *room, sig_roster_t *roster);
void ngx_signaling_changed(ngx_signaling_worker_t *sw,
    ngx_signaling_room_t *room, sig_change_t *change,
    ngx_signaling_identity_t *identity);
void ngx_signaling_heard(ngx_signaling_worker_t *sw, sig_record_t *rec,
    const slice_t *peer, const slice_t *metadata);
void ngx_signaling_departed(ngx_signaling_worker_t *sw,
    sig_departure_t *departure, ngx_uint_t origin);


/* ngx_signaling_ipc.c */

ngx_int_t ngx_signaling_ipc_init(ngx_signaling_worker_t *sw);
ngx_int_t ngx_signaling_ipc_listen(ngx_signaling_worker_t *sw);
ngx_int_t ngx_signaling_post(ngx_signaling_worker_t *sw, uint64_t mask,
    sig_record_t *rec, const slice_t *first, const slice_t *second);
ngx_int_t ngx_signaling_post_to(ngx_signaling_worker_t *sw, ngx_uint_t slot,
    sig_record_t *rec, const slice_t *first, const slice_t *second);
ngx_int_t ngx_signaling_post_direct(ngx_signaling_worker_t *sw,
    ngx_uint_t slot, sig_record_t *rec, const ngx_signaling_direct_t *direct);
void ngx_signaling_letter_write(const ngx_signaling_letter_t *letter,
    u_char *p);
ngx_int_t ngx_signaling_give_way(ngx_signaling_worker_t *sw);
void ngx_signaling_stuck(ngx_signaling_worker_t *sw);
void ngx_signaling_call_later(ngx_signaling_worker_t *sw, uint32_t slot,
    size_t len);
void ngx_signaling_wake_flush(ngx_signaling_worker_t *sw);
void ngx_signaling_wake_all(ngx_signaling_worker_t *sw);
void ngx_signaling_ipc_close(ngx_signaling_worker_t *sw);


/* ngx_signaling_outbox.c */

ngx_int_t ngx_signaling_outbox_init(ngx_signaling_worker_t *sw);
ngx_int_t ngx_signaling_outbox_put(ngx_signaling_worker_t *sw, uint32_t slot,
    const ngx_signaling_letter_t *letter);
void ngx_signaling_outbox_between(ngx_signaling_worker_t *sw);
ngx_uint_t ngx_signaling_outbox_behind(ngx_signaling_worker_t *sw);
void ngx_signaling_retire(ngx_signaling_worker_t *sw, sig_ref_t member);
void ngx_signaling_retire_flush(ngx_signaling_worker_t *sw);


/* ngx_signaling_record.c */

ngx_int_t ngx_signaling_reach(ngx_signaling_worker_t *sw,
    const sig_target_t *target, ngx_uint_t type, sig_kick_e why);
void ngx_signaling_wake_handler(ngx_event_t *ev);
void ngx_signaling_drain_handler(ngx_event_t *ev);
void ngx_signaling_ipc_between(ngx_signaling_worker_t *sw);
void ngx_signaling_ipc_look(ngx_signaling_worker_t *sw);
void ngx_signaling_ipc_last_words(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_uint_t depth);


/* ngx_signaling_worker.c */

ngx_int_t ngx_signaling_worker_init(ngx_cycle_t *cycle,
    ngx_signaling_zone_t *zone);
ngx_uint_t ngx_signaling_worker_ready(ngx_signaling_worker_t *sw);
void ngx_signaling_worker_exit(ngx_signaling_worker_t *sw);
void ngx_signaling_full(ngx_signaling_worker_t *sw);
void ngx_signaling_app_full(ngx_signaling_worker_t *sw, const slice_t *app);


/* ngx_signaling_keys.c */

ngx_int_t ngx_signaling_keys_publish(ngx_signaling_zone_t *zone,
    access_keys_t *keys, ngx_log_t *log);
void ngx_signaling_keys_changed(void *data, access_keys_t *keys);
void ngx_signaling_keys_apps(ngx_signaling_worker_t *sw, access_keys_t *keys);
void ngx_signaling_keys_look(ngx_signaling_worker_t *sw);
uint32_t ngx_signaling_app(ngx_signaling_worker_t *sw, const slice_t *name);


/* ngx_signaling_drain.c */

void ngx_signaling_worker_going(ngx_signaling_worker_t *sw);
void ngx_signaling_worker_drain(ngx_signaling_worker_t *sw, ngx_uint_t all);
void ngx_signaling_drain_late(ngx_signaling_conn_t *sc);
void ngx_signaling_worker_drop(ngx_signaling_worker_t *sw);
void ngx_signaling_leave_step(ngx_event_t *ev);


/* ngx_signaling_api.c */

ngx_int_t ngx_signaling_api_handler(ngx_http_request_t *r);


/* ngx_signaling_status.c */

ngx_int_t ngx_signaling_status_handler(ngx_http_request_t *r);


static ngx_inline slice_t
ngx_signaling_room_quoted(const ngx_signaling_room_t *room)
{
    return ngx_signaling_slice(room->text, room->quoted_len);
}


static ngx_inline slice_t
ngx_signaling_room_name(const ngx_signaling_room_t *room)
{
    return ngx_signaling_bare(room->text, room->quoted_len,
                              room->name_len);
}


#pragma GCC visibility pop


#endif /* _NGX_SIGNALING_H_INCLUDED_ */
