
/*
 * Copyright (C) The ngx_signaling authors
 */


/*
 * The space of the own arena.
 *
 * A sender moves a record by writing it once more at its position and then
 * changing the position in the ring, which leaves the record in the ring at
 * every moment, also if the sender dies.  A receiver says which position it is
 * about to read, and then looks whether that is still the one in the ring; the
 * sender changes the ring, and then looks what the receivers have in hand
 * before it writes over anything.  Both have a full fence between the two:
 * either the receiver sees the new position, or the sender sees the old one
 * in hand and keeps the record there.
 */


#include "sig_mailbox_region.h"


/* twice the longest record, so that it can be moved wherever the arena ends */
#define sig_mailbox_spare(mb)  ((mb)->arena / 2)


static uint64_t sig_mailbox_oldest(sig_mailbox_t *mb,
    sig_mailbox_ring_t *ring);
static int sig_mailbox_is_stalled(sig_mailbox_t *mb, uint64_t position);
static int sig_mailbox_move(sig_mailbox_t *mb, uint64_t from);
static int sig_mailbox_rename(sig_mailbox_t *mb, uint64_t from, uint64_t to);


/* where a record of that size begins, as it may not go around the end */

uint64_t
sig_mailbox_place(sig_mailbox_t *mb, size_t size)
{
    size_t  rest;

    rest = mb->arena - mb->position % mb->arena;

    return (rest < size) ? mb->position + rest : mb->position;
}


int
sig_mailbox_has_room(sig_mailbox_t *mb, size_t size)
{
    return sig_mailbox_place(mb, size) + size + sig_mailbox_spare(mb)
           <= mb->limit;
}


/* finds out how far the own arena may be written */

void
sig_mailbox_reclaim(sig_mailbox_t *mb)
{
    uint32_t  i;
    uint64_t  oldest, position;

    oldest = mb->position;

    /* after all that has been posted: see the top of the file */
    atomic_thread_fence(memory_order_seq_cst);

    for (i = 0; i < mb->nslots; i++) {

        if (i == mb->me) {
            continue;
        }

        if (!sig_mailbox_is_open(mb, i)) {
            sig_mailbox_count(mb, i);
            continue;
        }

        sig_mailbox_settle(mb, i);

        position = sig_mailbox_oldest(mb, sig_mailbox_ring(mb, i, mb->me));

        if (position < oldest) {
            oldest = position;
        }
    }

    mb->limit = oldest + mb->arena;
}


/*
 * The oldest position in a ring of ours or in the receiver's hand, or where
 * we are.  While a slot is being opened, its head may still be that of the
 * predecessor, for which no space was kept; what was overwritten meanwhile is
 * going to be skipped, but what has been posted behind it counts.
 */

static uint64_t
sig_mailbox_oldest(sig_mailbox_t *mb, sig_mailbox_ring_t *ring)
{
    uint64_t  hand, head, tail, position, oldest;

    oldest = mb->position;

    /* acquire: what was in the hand has been read */
    hand = load_acquire(&ring->hand);

    if (hand != 0 && mb->position - (hand - 1) <= mb->arena) {
        oldest = hand - 1;
    }

    /* acquire: what was read before the head moved has been read */
    head = load_acquire(&ring->head);
    tail = load_relaxed(&ring->tail);

    if (tail - head > mb->ring) {
        return oldest;
    }

    /* in any order, since some have been moved */

    for ( /* void */ ; head != tail; head++) {
        position = load_relaxed(sig_mailbox_entry(mb, ring, head));

        if (mb->position - position <= mb->arena && position < oldest) {
            oldest = position;
        }
    }

    return oldest;
}


/*
 * Moves records of stalled receivers out of the way, each of them once, until
 * there is room for one of that size.
 */

int
sig_mailbox_compact(sig_mailbox_t *mb, size_t size)
{
    uint64_t  end, oldest;

    end = mb->position;

    while (mb->stalled) {
        oldest = mb->limit - mb->arena;

        if (oldest >= end || !sig_mailbox_is_stalled(mb, oldest)
            || !sig_mailbox_move(mb, oldest))
        {
            return 0;
        }

        sig_mailbox_reclaim(mb);

        if (sig_mailbox_has_room(mb, size)) {
            return 1;
        }
    }

    return 0;
}


/* whether nobody is going to read this record soon */

static int
sig_mailbox_is_stalled(sig_mailbox_t *mb, uint64_t position)
{
    uint32_t             i;
    uint64_t             head, tail;
    sig_mailbox_ring_t  *ring;

    for (i = 0; i < mb->nslots; i++) {

        if (i == mb->me || mb->shares[i].idle >= SIG_MAILBOX_STALLED
            || !sig_mailbox_is_open(mb, i))
        {
            continue;
        }

        ring = sig_mailbox_ring(mb, i, mb->me);

        /* relaxed: nothing is done with what lies there; our own */
        head = load_relaxed(&ring->head);
        tail = load_relaxed(&ring->tail);

        for ( /* void */ ; tail - head - 1 < mb->ring; head++) {
            if (load_relaxed(sig_mailbox_entry(mb, ring, head))
                == position)
            {
                return 0;
            }
        }
    }

    return 1;
}


static int
sig_mailbox_move(sig_mailbox_t *mb, uint64_t from)
{
    size_t                 size;
    slice_t                record;
    uint64_t               to;
    sig_mailbox_record_t  *rec;

    if (!sig_mailbox_read(mb, mb->me, from, &record)) {
        return 0;
    }

    size = sizeof(sig_mailbox_record_t) + sig_mailbox_align(record.len);
    to = sig_mailbox_place(mb, size);

    if (to + size > mb->limit) {
        return 0;
    }

    rec = sig_mailbox_write(mb, to, (uint32_t) record.len);

    memcpy((u_char *) rec + sizeof(sig_mailbox_record_t), record.data,
           record.len);

    sig_mailbox_advance(mb, to + size);

    return sig_mailbox_rename(mb, from, to);
}


/* returns in how many rings the record was */

static int
sig_mailbox_rename(sig_mailbox_t *mb, uint64_t from, uint64_t to)
{
    int                  n;
    uint32_t             i;
    uint64_t             head, tail;
    sig_mailbox_ring_t  *ring;

    n = 0;

    for (i = 0; i < mb->nslots; i++) {

        if (i == mb->me || !sig_mailbox_is_open(mb, i)) {
            continue;
        }

        ring = sig_mailbox_ring(mb, i, mb->me);

        /* relaxed: one that is being read may be renamed or not; our own */
        head = load_relaxed(&ring->head);
        tail = load_relaxed(&ring->tail);

        if (tail - head > mb->ring) {
            continue;
        }

        for ( /* void */ ; head != tail; head++) {

            if (load_relaxed(sig_mailbox_entry(mb, ring, head))
                != from)
            {
                continue;
            }

            /* release: who sees the position sees the record there */
            store_release(sig_mailbox_entry(mb, ring, head), to);
            n++;
        }
    }

    return n;
}
