
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Records to other workers: posting, waiting for a full ring, and waking.
 *
 * A record for which a ring has no place waits in this process, in a queue
 * for that destination, and everything that follows waits behind it; nothing
 * is dropped while the destination lives.  Messages are refused when too much
 * waits already.  Presence never is, but when twice as much waits nobody
 * joins, so that there is an end to it.  What waits for a process that is
 * stopped does not hold up the others, see sig_mailbox_watch().
 *
 * A member that has left is freed in the registry only when nothing waits
 * any more, so that its departure is not lost with this process.
 */


#include "ngx_signaling.h"


#define NGX_SIGNALING_WAITING  (16 * 1024 * 1024)  /* bytes */
#define NGX_SIGNALING_RETRY    1                   /* ms */


/* a record on its way into the arena, where it is written at most once */

typedef struct {
    sig_record_t              *rec;
    const slice_t             *first;
    const slice_t             *second;
    size_t                     len;
    unsigned                   written:1;
    unsigned                   full:1;
} ngx_signaling_letter_t;


static ngx_int_t ngx_signaling_post_one(ngx_signaling_worker_t *sw,
    uint32_t slot, ngx_signaling_letter_t *letter);
static ngx_int_t ngx_signaling_write(ngx_signaling_worker_t *sw,
    ngx_signaling_letter_t *letter);
static ngx_int_t ngx_signaling_parcel(ngx_signaling_worker_t *sw,
    uint32_t slot, ngx_signaling_letter_t *letter);
static void ngx_signaling_retry(ngx_signaling_worker_t *sw);
static void ngx_signaling_retry_slot(ngx_signaling_worker_t *sw,
    uint32_t slot);
static void ngx_signaling_parcel_free(ngx_signaling_worker_t *sw,
    ngx_signaling_outbox_t *box);
static void ngx_signaling_retry_handler(ngx_event_t *ev);
static void ngx_signaling_wake_later(ngx_signaling_worker_t *sw,
    uint32_t slot);
static void ngx_signaling_wake(ngx_signaling_worker_t *sw, uint32_t slot);
static uint32_t ngx_signaling_incarnation(ngx_signaling_worker_t *sw,
    uint32_t slot);


ngx_int_t
ngx_signaling_ipc_init(ngx_signaling_worker_t *sw)
{
    sw->drain.handler = ngx_signaling_drain_handler;
    sw->drain.data = sw;
    sw->drain.log = sw->log;

    sw->retry.handler = ngx_signaling_retry_handler;
    sw->retry.data = sw;
    sw->retry.log = sw->log;

    /* not cancelable: a worker does not exit with what it has acknowledged */

    sw->outboxes = ngx_pcalloc(sw->cycle->pool,
                               sw->zone->nslots
                               * sizeof(ngx_signaling_outbox_t));
    if (sw->outboxes == NULL) {
        return NGX_ERROR;
    }

    sw->retired_size = NGX_SIGNALING_RETIRE;
    sw->retired = ngx_alloc(sw->retired_size * sizeof(sig_ref_t), sw->log);

    return sw->retired ? NGX_OK : NGX_ERROR;
}


/* listens to the eventfd of our slot */

ngx_int_t
ngx_signaling_ipc_listen(ngx_signaling_worker_t *sw)
{
    ngx_int_t          event;
    ngx_connection_t  *c;

    c = ngx_get_connection(sw->zone->wakes->fds[sw->registry->slot],
                           sw->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = sw;
    c->log = sw->log;

    c->read->handler = ngx_signaling_wake_handler;
    c->read->log = sw->log;
    c->read->channel = 1;    /* not reported as left open at exit */
    c->write->log = sw->log;

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    if (ngx_add_event(c->read, NGX_READ_EVENT, event) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    sw->wake = c;

    return NGX_OK;
}


/* the eventfd itself stays open, it belongs to the zone */

void
ngx_signaling_ipc_close(ngx_signaling_worker_t *sw)
{
    if (sw->wake == NULL) {
        return;
    }

    (void) ngx_del_event(sw->wake->read, NGX_READ_EVENT, 0);

    ngx_free_connection(sw->wake);
    sw->wake->fd = (ngx_socket_t) -1;
    sw->wake = NULL;
}


/*
 * Posts a record to every other worker of the mask.  Returns NGX_ERROR when a
 * message could not be taken for one of them; presence is always taken.
 */

ngx_int_t
ngx_signaling_post(ngx_signaling_worker_t *sw, uint64_t mask,
    sig_record_t *rec, const slice_t *first, const slice_t *second)
{
    uint32_t                slot;
    ngx_int_t               rc;
    ngx_signaling_letter_t  letter;

    ngx_memzero(&letter, sizeof(ngx_signaling_letter_t));

    letter.rec = rec;
    letter.first = first;
    letter.second = second;

    rc = NGX_OK;

    for (slot = 0; slot < sw->zone->nslots; slot++) {

        if ((mask & ((uint64_t) 1 << (slot % 64)))
            && ngx_signaling_post_one(sw, slot, &letter) == NGX_ERROR)
        {
            rc = NGX_ERROR;
        }
    }

    return rc;
}


/*
 * Posts a record to one worker.  NGX_DECLINED: nobody is there; NGX_ERROR:
 * too much waits already.
 */

ngx_int_t
ngx_signaling_post_to(ngx_signaling_worker_t *sw, ngx_uint_t slot,
    sig_record_t *rec, const slice_t *first, const slice_t *second)
{
    ngx_signaling_letter_t  letter;

    ngx_memzero(&letter, sizeof(ngx_signaling_letter_t));

    letter.rec = rec;
    letter.first = first;
    letter.second = second;

    return ngx_signaling_post_one(sw, (uint32_t) slot, &letter);
}


static ngx_int_t
ngx_signaling_post_one(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_signaling_letter_t *letter)
{
    int  wake;

    if (!sw->slotted
        || slot == sw->registry->slot
        || slot >= sw->zone->nslots
        || !sig_mailbox_is_open(sw->mailbox, slot))
    {
        return NGX_DECLINED;
    }

    if (sw->outboxes[slot].first == NULL
        && ngx_signaling_write(sw, letter) == NGX_OK)
    {
        switch (sig_mailbox_post(sw->mailbox, slot, &wake)) {

        case SIG_MAILBOX_OK:
            sw->posted += letter->len;

            if (wake) {
                ngx_signaling_wake_later(sw, slot);
            }

            return NGX_OK;

        case SIG_MAILBOX_GONE:
            return NGX_DECLINED;

        default: /* SIG_MAILBOX_AGAIN */
            break;
        }
    }

    return ngx_signaling_parcel(sw, slot, letter);
}


static ngx_int_t
ngx_signaling_write(ngx_signaling_worker_t *sw,
    ngx_signaling_letter_t *letter)
{
    u_char  *p;

    if (letter->written) {
        return NGX_OK;
    }

    if (letter->full) {
        return NGX_AGAIN;
    }

    letter->len = sig_record_len(letter->first, letter->second);

    p = sig_mailbox_reserve(sw->mailbox, letter->len);

    if (p == NULL) {
        letter->full = 1;
        return NGX_AGAIN;
    }

    sig_record_write(p, letter->rec, letter->first, letter->second);

    letter->written = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_parcel(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_signaling_letter_t *letter)
{
    ngx_signaling_frame_t   *parcel;
    ngx_signaling_outbox_t  *box;

    if (sw->waiting_bytes > NGX_SIGNALING_WAITING
        && (letter->rec->type == SIG_RECORD_MESSAGE
            || letter->rec->type == SIG_RECORD_DIRECT
            || letter->rec->type == SIG_RECORD_PROBE))
    {
        sw->refused++;
        return NGX_ERROR;
    }

    letter->len = sig_record_len(letter->first, letter->second);

    parcel = ngx_signaling_frame_alloc(sw, letter->len);
    if (parcel == NULL) {
        sw->refused++;
        return NGX_ERROR;
    }

    sig_record_write(parcel->data, letter->rec, letter->first,
                     letter->second);

    parcel->next = NULL;

    box = &sw->outboxes[slot];

    if (box->first == NULL) {
        box->first = parcel;
        box->incarnation = ngx_signaling_incarnation(sw, slot);

    } else {
        box->last->next = parcel;
    }

    box->last = parcel;

    sw->waiting_parcels++;
    sw->waiting_bytes += parcel->len;

    if (!sw->retry.timer_set) {
        ngx_add_timer(&sw->retry, NGX_SIGNALING_RETRY);
    }

    return NGX_OK;
}


/* what waits goes as soon as there is a place, in order */

static void
ngx_signaling_retry(ngx_signaling_worker_t *sw)
{
    uint32_t  slot;

    sig_mailbox_watch(sw->mailbox);

    for (slot = 0; sw->waiting_parcels && slot < sw->zone->nslots; slot++) {
        if (sw->outboxes[slot].first) {
            ngx_signaling_retry_slot(sw, slot);
        }
    }

    if (sw->waiting_parcels && !sw->retry.timer_set) {
        ngx_add_timer(&sw->retry, NGX_SIGNALING_RETRY);
    }
}


static void
ngx_signaling_retry_slot(ngx_signaling_worker_t *sw, uint32_t slot)
{
    int                      rc, wake;
    u_char                  *p;
    ngx_signaling_outbox_t  *box;

    box = &sw->outboxes[slot];

    if (box->incarnation != ngx_signaling_incarnation(sw, slot)) {

        /* the one it was for has gone */

        while (box->first) {
            ngx_signaling_parcel_free(sw, box);
        }

        return;
    }

    while (box->first) {

        p = sig_mailbox_reserve(sw->mailbox, box->first->len);

        if (p == NULL) {
            return;
        }

        ngx_memcpy(p, box->first->data, box->first->len);

        rc = sig_mailbox_post(sw->mailbox, slot, &wake);

        if (rc == SIG_MAILBOX_AGAIN) {
            return;
        }

        if (rc == SIG_MAILBOX_OK && wake) {
            ngx_signaling_wake_later(sw, slot);
        }

        ngx_signaling_parcel_free(sw, box);
    }
}


static void
ngx_signaling_parcel_free(ngx_signaling_worker_t *sw,
    ngx_signaling_outbox_t *box)
{
    ngx_signaling_frame_t  *parcel;

    parcel = box->first;
    box->first = parcel->next;

    sw->waiting_parcels--;
    sw->waiting_bytes -= parcel->len;

    ngx_signaling_frame_unref(parcel);
}


static void
ngx_signaling_retry_handler(ngx_event_t *ev)
{
    ngx_signaling_worker_t  *sw;

    sw = ev->data;

    ngx_signaling_retry(sw);
    ngx_signaling_retire_flush(sw);
}


void
ngx_signaling_retire(ngx_signaling_worker_t *sw, sig_ref_t member)
{
    size_t      size;
    sig_ref_t  *retired;

    if (sw->nretired == sw->retired_size) {

        ngx_signaling_retire_flush(sw);

        if (sw->nretired == sw->retired_size) {
            size = sw->retired_size * sizeof(sig_ref_t);

            retired = ngx_alloc(2 * size, sw->log);
            if (retired == NULL) {

                /* it will be found when this worker's slot is reaped */

                return;
            }

            ngx_memcpy(retired, sw->retired, size);
            ngx_free(sw->retired);

            sw->retired = retired;
            sw->retired_size *= 2;
        }
    }

    sw->retired[sw->nretired++] = member;

    if (!sw->flush.posted) {
        ngx_post_event(&sw->flush, &ngx_posted_events);
    }
}


/* frees the members whose departure everybody has been told of */

void
ngx_signaling_retire_flush(ngx_signaling_worker_t *sw)
{
    uint32_t  i, n;

    if (sw->waiting_parcels) {
        ngx_signaling_retry(sw);

        if (sw->waiting_parcels) {
            return;
        }
    }

    for (i = 0; i < sw->nretired; i += n) {
        n = ngx_min(sw->nretired - i, NGX_SIGNALING_RETIRE);
        sig_registry_retire(sw->registry, &sw->retired[i], n);
    }

    sw->nretired = 0;
}


/*
 * At the end of the turn, when all records of the turn are there: a receiver
 * that is woken by the first of them may be put in our place by the kernel,
 * find no other, and go to sleep again.
 */

static void
ngx_signaling_wake_later(ngx_signaling_worker_t *sw, uint32_t slot)
{
    if (sw->outboxes[slot].wake) {
        return;
    }

    sw->outboxes[slot].wake = 1;
    sw->nwakes++;

    ngx_signaling_flush_post(sw);
}


/* wakes those for whom there are records */

void
ngx_signaling_wake_flush(ngx_signaling_worker_t *sw)
{
    uint32_t  slot;

    sw->posted = 0;

    for (slot = 0; sw->nwakes && slot < sw->zone->nslots; slot++) {

        if (sw->outboxes[slot].wake) {
            sw->outboxes[slot].wake = 0;
            sw->nwakes--;

            ngx_signaling_wake(sw, slot);
        }
    }
}


static void
ngx_signaling_wake(ngx_signaling_worker_t *sw, uint32_t slot)
{
    uint64_t  one;

    one = 1;

    if (write(sw->zone->wakes->fds[slot], &one, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, sw->log, ngx_errno,
                      "write() to eventfd failed");
    }
}


/*
 * A sender that died between posting and waking has left a receiver that
 * everybody takes for awake; a new worker wakes all of them.
 */

void
ngx_signaling_wake_all(ngx_signaling_worker_t *sw)
{
    uint32_t  slot;

    for (slot = 0; slot < sw->zone->nslots; slot++) {
        if (slot != sw->registry->slot
            && sig_mailbox_is_open(sw->mailbox, slot))
        {
            ngx_signaling_wake(sw, slot);
        }
    }
}


/*
 * Whether so much waits that nobody may join a room: presence is always
 * taken, so who comes has to be refused before.  Twice as much as messages
 * may make up, so that they alone keep nobody out.
 */

ngx_uint_t
ngx_signaling_ipc_behind(ngx_signaling_worker_t *sw)
{
    return sw->waiting_bytes > 2 * NGX_SIGNALING_WAITING;
}


/* which owner a slot has now; a record is for one owner only */

static uint32_t
ngx_signaling_incarnation(ngx_signaling_worker_t *sw, uint32_t slot)
{
    sig_slot_info_t  info;

    if (sig_registry_slot_info(sw->registry, slot, &info)
        != SIG_REGISTRY_OK)
    {
        return 0;
    }

    return info.incarnation;
}
