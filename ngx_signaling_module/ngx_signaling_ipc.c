
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Records to other workers: posting and waking.  What finds no place waits in
 * ngx_signaling_outbox.c.
 *
 * Whoever there are records for is called at the end of a turn, or when very
 * much is there for others.  One that does not get on with reading may be
 * waiting for this processor: it is given way once before anything waits.
 */


#include "ngx_signaling.h"


static ngx_int_t ngx_signaling_post_one(ngx_signaling_worker_t *sw,
    uint32_t slot, ngx_signaling_letter_t *letter);
static ngx_int_t ngx_signaling_post_now(ngx_signaling_worker_t *sw,
    uint32_t slot, ngx_signaling_letter_t *letter);
static ngx_int_t ngx_signaling_write(ngx_signaling_worker_t *sw,
    ngx_signaling_letter_t *letter);
static void ngx_signaling_wake(ngx_signaling_worker_t *sw, uint32_t slot);


ngx_int_t
ngx_signaling_ipc_init(ngx_signaling_worker_t *sw)
{
    sw->drain.handler = ngx_signaling_drain_handler;
    sw->drain.data = sw;
    sw->drain.log = sw->log;

    return ngx_signaling_outbox_init(sw);
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
    letter.len = sig_record_len(first, second);

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
    letter.len = sig_record_len(first, second);

    return ngx_signaling_post_one(sw, (uint32_t) slot, &letter);
}


/* likewise a direct message, of which the text is made where it goes */

ngx_int_t
ngx_signaling_post_direct(ngx_signaling_worker_t *sw, ngx_uint_t slot,
    sig_record_t *rec, const ngx_signaling_direct_t *direct)
{
    ngx_signaling_letter_t  letter;

    ngx_memzero(&letter, sizeof(ngx_signaling_letter_t));

    letter.rec = rec;
    letter.direct = direct;
    letter.len = sizeof(sig_record_t) + direct->len;

    return ngx_signaling_post_one(sw, (uint32_t) slot, &letter);
}


static ngx_int_t
ngx_signaling_post_one(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_signaling_letter_t *letter)
{
    ngx_int_t  rc;

    if (!sw->slotted
        || slot == sw->registry->slot
        || slot >= sw->zone->nslots
        || !sig_mailbox_is_open(sw->mailbox, slot))
    {
        return NGX_DECLINED;
    }

    if (sw->outboxes[slot].first == NULL) {

        rc = ngx_signaling_post_now(sw, slot, letter);

        if (rc == NGX_AGAIN && ngx_signaling_give_way(sw) == NGX_OK) {

            letter->full = 0;

            rc = ngx_signaling_post_now(sw, slot, letter);

            if (rc == NGX_AGAIN) {
                ngx_signaling_stuck(sw);
            }
        }

        if (rc != NGX_AGAIN) {
            return rc;
        }
    }

    return ngx_signaling_outbox_put(sw, slot, letter);
}


static ngx_int_t
ngx_signaling_post_now(ngx_signaling_worker_t *sw, uint32_t slot,
    ngx_signaling_letter_t *letter)
{
    if (!letter->written
        && !sig_mailbox_accepts(sw->mailbox, slot, letter->len))
    {
        return NGX_AGAIN;
    }

    if (ngx_signaling_write(sw, letter) != NGX_OK) {
        return NGX_AGAIN;
    }

    switch (sig_mailbox_post(sw->mailbox, slot)) {

    case SIG_MAILBOX_OK:
        ngx_signaling_call_later(sw, slot, letter->len);
        ngx_signaling_flush_post(sw);
        return NGX_OK;

    case SIG_MAILBOX_GONE:
        return NGX_DECLINED;

    default: /* SIG_MAILBOX_AGAIN */
        return NGX_AGAIN;
    }
}


/* into the arena, at most once */

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

    p = sig_mailbox_reserve(sw->mailbox, letter->len);

    if (p == NULL) {
        letter->full = 1;
        return NGX_AGAIN;
    }

    ngx_signaling_letter_write(letter, p);

    letter->written = 1;

    return NGX_OK;
}


/* writes the record, letter->len bytes, at p, which is aligned to 8 */

void
ngx_signaling_letter_write(const ngx_signaling_letter_t *letter, u_char *p)
{
    const ngx_signaling_direct_t  *direct;

    direct = letter->direct;

    if (direct == NULL) {
        sig_record_write(p, letter->rec, letter->first, letter->second);
        return;
    }

    p = sig_record_write_head(p, letter->rec, direct->len, 0);

    (void) sig_proto_direct(p, &direct->from, &direct->data,
                            &direct->metadata);
}


/*
 * Lets go of the processor, for a worker on the same one that is to read what
 * is there for it.  NGX_DECLINED: it has not helped before in this turn.
 */

ngx_int_t
ngx_signaling_give_way(ngx_signaling_worker_t *sw)
{
    if (sw->stuck) {
        return NGX_DECLINED;
    }

    ngx_signaling_wake_flush(sw);
    ngx_sched_yield();

    return NGX_OK;
}


/* until the end of the turn */

void
ngx_signaling_stuck(ngx_signaling_worker_t *sw)
{
    sw->stuck = 1;
    ngx_signaling_flush_post(sw);
}


/*
 * At the end of the turn, when all records of the turn are there: a receiver
 * that is woken by the first of them may be put in our place by the kernel,
 * find no other, and go to sleep again.
 */

void
ngx_signaling_call_later(ngx_signaling_worker_t *sw, uint32_t slot, size_t len)
{
    sw->posted += len;

    if (!sw->outboxes[slot].call) {
        sw->outboxes[slot].call = 1;
        sw->ncalls++;
    }
}


/* calls those for whom there are records, and wakes who is asleep */

void
ngx_signaling_wake_flush(ngx_signaling_worker_t *sw)
{
    uint32_t  slot;

    sw->posted = 0;

    for (slot = 0; sw->ncalls && slot < sw->zone->nslots; slot++) {

        if (sw->outboxes[slot].call) {
            sw->outboxes[slot].call = 0;
            sw->ncalls--;

            if (sig_mailbox_call(sw->mailbox, slot)) {
                ngx_signaling_wake(sw, slot);
            }
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
