
/*
 * Copyright (C) The ngx_signaling authors
 */


/*
 * Sending: a record is written into the own arena, and its position into the
 * rings of those whom it is for.  What each of them has not read is counted
 * as the sender goes, so that none takes more than its share of the arena.
 */


#include "sig_mailbox_region.h"


#define SIG_MAILBOX_UNKNOWN    INT64_MAX   /* no head is there */

/* what a receiver may have unread, but for a single record */
#define sig_mailbox_share(mb)  ((mb)->arena / 4)


static int sig_mailbox_has_share(sig_mailbox_t *mb, uint32_t dst,
    size_t size);
static size_t sig_mailbox_record_size(sig_mailbox_t *mb, uint64_t position);


u_char *
sig_mailbox_reserve(sig_mailbox_t *mb, size_t len)
{
    size_t                 size;
    uint64_t               position;
    sig_mailbox_record_t  *rec;

    mb->reserved_end = 0;

    if (mb->me >= mb->nslots || len > sig_mailbox_record_max(mb)) {
        return NULL;
    }

    size = sizeof(sig_mailbox_record_t) + sig_mailbox_align(len);

    if (!sig_mailbox_has_room(mb, size)) {
        sig_mailbox_reclaim(mb);

        if (!sig_mailbox_has_room(mb, size)
            && !sig_mailbox_compact(mb, size))
        {
            return NULL;
        }
    }

    position = sig_mailbox_place(mb, size);
    rec = sig_mailbox_write(mb, position, (uint32_t) len);

    mb->reserved = position;
    mb->reserved_end = position + size;

    return (u_char *) rec + sizeof(sig_mailbox_record_t);
}


int
sig_mailbox_accepts(sig_mailbox_t *mb, uint32_t dst, size_t len)
{
    uint64_t             head, tail;
    sig_mailbox_ring_t  *ring;

    if (mb->me >= mb->nslots || dst >= mb->nslots) {
        return 0;
    }

    ring = sig_mailbox_ring(mb, dst, mb->me);

    /* relaxed: post() looks again; our own */
    head = load_relaxed(&ring->head);
    tail = load_relaxed(&ring->tail);

    return tail - head < mb->ring
           && sig_mailbox_has_share(mb, dst, sizeof(sig_mailbox_record_t)
                                             + sig_mailbox_align(len));
}


int
sig_mailbox_post(sig_mailbox_t *mb, uint32_t dst)
{
    size_t               size;
    uint64_t             head, tail;
    sig_mailbox_ring_t  *ring;

    if (mb->reserved_end == 0) {
        return SIG_MAILBOX_BAD;
    }

    if (dst == mb->me || !sig_mailbox_is_open(mb, dst)) {
        return SIG_MAILBOX_GONE;
    }

    ring = sig_mailbox_ring(mb, dst, mb->me);

    /*
     * acquire: the receiver has read the positions before its head;
     * relaxed: the tail is our own
     */

    head = load_acquire(&ring->head);
    tail = load_relaxed(&ring->tail);

    /* a head that can not be is mended by the receiver */

    if (tail - head >= mb->ring) {
        return SIG_MAILBOX_AGAIN;
    }

    size = (size_t) (mb->reserved_end - mb->reserved);

    if (!sig_mailbox_has_share(mb, dst, size)) {
        return SIG_MAILBOX_AGAIN;
    }

    mb->shares[dst].bytes += size;

    sig_mailbox_advance(mb, mb->reserved_end);

    store_relaxed(sig_mailbox_entry(mb, ring, tail), mb->reserved);

    /* release: who sees the tail sees the record, its position, the arena's */
    store_release(&ring->tail, tail + 1);

    return SIG_MAILBOX_OK;
}


int
sig_mailbox_call(sig_mailbox_t *mb, uint32_t dst)
{
    sig_mailbox_box_t  *box;

    if (mb->me >= mb->nslots || dst >= mb->nslots) {
        return 0;
    }

    box = &mb->boxes[dst];

    /*
     * release, twice: who takes the bit sees the tail, who clears the wake
     * word sees the bit.  If it was set already, the receiver has yet to
     * clear it, and collects the bits after that.
     */

    (void) atomic_fetch_or_explicit(&box->pending[mb->me / 64],
                                    (uint64_t) 1 << mb->me % 64,
                                    memory_order_release);

    return atomic_exchange_explicit(&box->wake, 1, memory_order_release) == 0;
}


/* whether a receiver may have that many bytes more unread */

static int
sig_mailbox_has_share(sig_mailbox_t *mb, uint32_t dst, size_t size)
{
    sig_mailbox_share_t  *share;

    share = &mb->shares[dst];

    if (share->bytes + size <= sig_mailbox_share(mb) || share->bytes == 0) {
        return 1;
    }

    sig_mailbox_settle(mb, dst);

    return share->bytes + size <= sig_mailbox_share(mb) || share->bytes == 0;
}


void
sig_mailbox_watch(sig_mailbox_t *mb)
{
    uint32_t              i;
    uint64_t              head, tail;
    sig_mailbox_ring_t   *ring;
    sig_mailbox_share_t  *share;

    mb->stalled = 0;

    if (mb->me >= mb->nslots) {
        return;
    }

    for (i = 0; i < mb->nslots; i++) {
        share = &mb->shares[i];

        if (i == mb->me || !sig_mailbox_is_open(mb, i)) {
            share->idle = 0;
            continue;
        }

        ring = sig_mailbox_ring(mb, i, mb->me);

        /* relaxed: nothing is done with what lies there; our own */
        head = load_relaxed(&ring->head);
        tail = load_relaxed(&ring->tail);

        if (head == tail || head != share->watched) {
            share->watched = head;
            share->idle = 0;
            continue;
        }

        if (share->idle < SIG_MAILBOX_STALLED) {
            share->idle++;
        }

        mb->stalled += (share->idle == SIG_MAILBOX_STALLED);
    }
}


/* what stands before the bytes; nobody looks before a ring says so */

sig_mailbox_record_t *
sig_mailbox_write(sig_mailbox_t *mb, uint64_t position, uint32_t len)
{
    sig_mailbox_record_t  *rec;

    rec = sig_mailbox_record(mb, mb->me, position);

    /* relaxed: before the tail, or the position in a ring */

    store_relaxed(&rec->position, position);
    store_relaxed(&rec->len, len);
    store_relaxed(&rec->check, sig_mailbox_check(position, len));

    return rec;
}


/*
 * The arena is taken before the record exists, or the next owner of this slot
 * would write over it.
 */

void
sig_mailbox_advance(sig_mailbox_t *mb, uint64_t position)
{
    if (mb->position != position) {
        mb->position = position;
        store_relaxed(&mb->boxes[mb->me].position, position);
    }
}


/* what a receiver has not read, anew */

void
sig_mailbox_count(sig_mailbox_t *mb, uint32_t slot)
{
    uint64_t              head, tail;
    sig_mailbox_ring_t   *ring;
    sig_mailbox_share_t  *share;

    share = &mb->shares[slot];

    share->head = SIG_MAILBOX_UNKNOWN;
    share->bytes = 0;

    if (!sig_mailbox_is_open(mb, slot)) {
        return;
    }

    ring = sig_mailbox_ring(mb, slot, mb->me);

    /* acquire: as in settle() */
    head = load_acquire(&ring->head);
    tail = load_relaxed(&ring->tail);

    if (tail - head > mb->ring) {
        return;
    }

    share->head = head;

    for ( /* void */ ; head != tail; head++) {
        share->bytes += sig_mailbox_record_size(mb,
                       load_relaxed(sig_mailbox_entry(mb, ring, head)));
    }
}


/*
 * Takes off what a receiver has read since.  The heads of these records have
 * not been written over, as settling comes before the arena is reclaimed.
 */

void
sig_mailbox_settle(sig_mailbox_t *mb, uint32_t slot)
{
    size_t                size;
    uint64_t              head, tail;
    sig_mailbox_ring_t   *ring;
    sig_mailbox_share_t  *share;

    ring = sig_mailbox_ring(mb, slot, mb->me);
    share = &mb->shares[slot];

    /* acquire: what was read before the head moved has been read */
    head = load_acquire(&ring->head);
    tail = load_relaxed(&ring->tail);

    if (head == tail || head - share->head > mb->ring
        || tail - head > mb->ring)
    {
        sig_mailbox_count(mb, slot);
        return;
    }

    for ( /* void */ ; share->head != head; share->head++) {
        size = sig_mailbox_record_size(mb,
                   load_relaxed(sig_mailbox_entry(mb, ring, share->head)));

        share->bytes -= (size < share->bytes) ? size : share->bytes;
    }
}


/* bytes that a record of ours takes, 0 when there is none */

static size_t
sig_mailbox_record_size(sig_mailbox_t *mb, uint64_t position)
{
    slice_t  record;

    if (!sig_mailbox_read(mb, mb->me, position, &record)) {
        return 0;
    }

    return sizeof(sig_mailbox_record_t) + sig_mailbox_align(record.len);
}
