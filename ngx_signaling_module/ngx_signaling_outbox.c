
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What waits for a place with another worker.
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


static void ngx_signaling_retry(ngx_signaling_worker_t *sw);
static void ngx_signaling_outbox_go(ngx_signaling_worker_t *sw);
static void ngx_signaling_outbox_go_slot(ngx_signaling_worker_t *sw,
    uint32_t slot);
static void ngx_signaling_parcel_free(ngx_signaling_worker_t *sw,
    ngx_signaling_outbox_t *box);
static void ngx_signaling_retry_handler(ngx_event_t *ev);
static uint32_t ngx_signaling_incarnation(ngx_signaling_worker_t *sw,
    uint32_t slot);


ngx_int_t
ngx_signaling_outbox_init(ngx_signaling_worker_t *sw)
{
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


/* NGX_ERROR: too much waits already, or no memory */

ngx_int_t
ngx_signaling_outbox_put(ngx_signaling_worker_t *sw, uint32_t slot,
    const ngx_signaling_letter_t *letter)
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

    parcel = ngx_signaling_frame_alloc(sw, letter->len);
    if (parcel == NULL) {
        sw->refused++;
        return NGX_ERROR;
    }

    ngx_signaling_letter_write(letter, parcel->data);

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


/*
 * Between two connections that are read, when something waits: more of their
 * messages would have to wait as well.
 */

void
ngx_signaling_outbox_between(ngx_signaling_worker_t *sw)
{
    size_t  waiting;

    waiting = sw->waiting_parcels;

    (void) ngx_signaling_give_way(sw);

    ngx_signaling_outbox_go(sw);

    if (sw->waiting_parcels == waiting) {
        ngx_signaling_stuck(sw);
    }
}


static void
ngx_signaling_retry(ngx_signaling_worker_t *sw)
{
    ngx_signaling_outbox_go(sw);

    if (sw->waiting_parcels && !sw->retry.timer_set) {
        ngx_add_timer(&sw->retry, NGX_SIGNALING_RETRY);
    }
}


/*
 * What waits goes as soon as there is a place, in order.  Who gets it is
 * called at once: the end of a turn would have to have another end.
 */

static void
ngx_signaling_outbox_go(ngx_signaling_worker_t *sw)
{
    uint32_t  slot;

    for (slot = 0; sw->waiting_parcels && slot < sw->zone->nslots; slot++) {
        if (sw->outboxes[slot].first) {
            ngx_signaling_outbox_go_slot(sw, slot);
        }
    }

    ngx_signaling_wake_flush(sw);
}


static void
ngx_signaling_outbox_go_slot(ngx_signaling_worker_t *sw, uint32_t slot)
{
    int                      rc;
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

        if (sig_mailbox_is_open(sw->mailbox, slot)
            && !sig_mailbox_accepts(sw->mailbox, slot, box->first->len))
        {
            return;
        }

        p = sig_mailbox_reserve(sw->mailbox, box->first->len);

        if (p == NULL) {
            return;
        }

        ngx_memcpy(p, box->first->data, box->first->len);

        rc = sig_mailbox_post(sw->mailbox, slot);

        if (rc == SIG_MAILBOX_AGAIN) {
            return;
        }

        if (rc == SIG_MAILBOX_OK) {
            ngx_signaling_call_later(sw, slot, box->first->len);
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

    sig_mailbox_watch(sw->mailbox);

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
 * Whether so much waits that nobody may join a room: presence is always
 * taken, so who comes has to be refused before.  Twice as much as messages
 * may make up, so that they alone keep nobody out.
 */

ngx_uint_t
ngx_signaling_outbox_behind(ngx_signaling_worker_t *sw)
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
