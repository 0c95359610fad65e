
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The layout of the mailbox's region:
 *
 *     header
 *     box[slot]                  what the others say to the slot's owner
 *     ring[receiver][sender]     positions of records on their way
 *     arena[slot]                the records themselves
 *
 * For sig_mailbox*.c, and for tests that damage a region.  A position counts
 * the bytes ever written into an arena; it never decreases, and the next
 * owner of a slot goes on with it.  Who writes what:
 *
 *     box.pending, box.wake      anybody sets, the slot's owner clears
 *     box.open                   the owner, or who reaps the slot
 *     box.torn, box.position     the owner
 *     ring.head, ring.hand       the receiver
 *     ring.tail, ring.positions  the sender
 *     arena                      its slot's owner
 */


#ifndef _SIG_MAILBOX_REGION_H_INCLUDED_
#define _SIG_MAILBOX_REGION_H_INCLUDED_


#include "sig_mailbox.h"

#include <stdatomic.h>


#pragma GCC visibility push(hidden)


#define SIG_MAILBOX_MAGIC      0x02786f626c69616dULL
#define SIG_MAILBOX_ARENA_MAX  ((size_t) 1 << 30)
#define SIG_MAILBOX_LINE       64
#define SIG_MAILBOX_WORDS      (SIG_MAILBOX_SLOTS_MAX / 64)


typedef struct {
    _Atomic uint64_t    magic;
    uint64_t            arena;
    uint64_t            nslots;
    uint64_t            ring;
    u_char              pad[SIG_MAILBOX_LINE - 4 * 8];
} sig_mailbox_header_t;


/* one cache line for each kind of writer */

struct sig_mailbox_box_s {
    _Atomic uint64_t    pending[SIG_MAILBOX_WORDS];  /* who has posted */
    _Atomic uint64_t    wake;          /* the owner has been woken */
    u_char              pad1[SIG_MAILBOX_LINE - 8 * (SIG_MAILBOX_WORDS + 1)];

    _Atomic uint64_t    open;
    _Atomic uint64_t    torn;
    u_char              pad2[SIG_MAILBOX_LINE - 2 * 8];

    _Atomic uint64_t    position;      /* written up to here; 0: never */
    u_char              pad3[SIG_MAILBOX_LINE - 8];
};


typedef struct {
    _Atomic uint64_t    head;          /* of the receiver */
    _Atomic uint64_t    hand;          /* position it reads, plus 1; or 0 */
    u_char              pad1[SIG_MAILBOX_LINE - 2 * 8];

    _Atomic uint64_t    tail;          /* of the sender */
    u_char              pad2[SIG_MAILBOX_LINE - 8];

    _Atomic uint64_t    positions[];
} sig_mailbox_ring_t;


/*
 * Stands before the bytes of a record.  Atomic so that a value is read once
 * and what has been checked is what is used.
 */

typedef struct {
    _Atomic uint64_t    position;
    _Atomic uint32_t    len;
    _Atomic uint32_t    check;
} sig_mailbox_record_t;


/* neither zeros nor bytes of an older record may pass for a record */

static inline uint32_t
sig_mailbox_check(uint64_t position, uint32_t len)
{
    uint64_t  mix;

    mix = (position ^ SIG_MAILBOX_MAGIC) * 0x9e3779b97f4a7c15ULL + len;

    return (uint32_t) (mix ^ mix >> 32);
}


_Static_assert(sizeof(sig_mailbox_header_t) == SIG_MAILBOX_LINE, "header");
_Static_assert(sizeof(sig_mailbox_box_t) == 192, "box");
_Static_assert(sizeof(sig_mailbox_ring_t) == 128, "ring");
_Static_assert(sizeof(sig_mailbox_record_t) == 16, "record");


#define sig_mailbox_align(n)   (((n) + 7) & ~(size_t) 7)

#define sig_mailbox_ring_size(n)                                              \
    (sizeof(sig_mailbox_ring_t) + (n) * sizeof(uint64_t))

#define sig_mailbox_ring(mb, receiver, sender)                                \
    ((sig_mailbox_ring_t *) (void *)                                          \
     ((mb)->rings + ((size_t) (receiver) * (mb)->nslots + (sender))           \
                    * sig_mailbox_ring_size((mb)->ring)))

/* the place of the n-th record that ever went through a ring */

#define sig_mailbox_entry(mb, r, n)                                           \
    (&(r)->positions[(n) & ((mb)->ring - 1)])

#define sig_mailbox_record(mb, slot, position)                                \
    ((sig_mailbox_record_t *) (void *)                                        \
     ((mb)->arenas + (slot) * (mb)->arena + (position) % (mb)->arena))

#define load_relaxed(p)        atomic_load_explicit(p, memory_order_relaxed)
#define load_acquire(p)        atomic_load_explicit(p, memory_order_acquire)
#define store_relaxed(p, v)                                                   \
    atomic_store_explicit(p, v, memory_order_relaxed)
#define store_release(p, v)                                                   \
    atomic_store_explicit(p, v, memory_order_release)


/* sig_mailbox.c: 1 when there can be, and is, a record at that position */

int sig_mailbox_read(sig_mailbox_t *mb, uint32_t src, uint64_t position,
    slice_t *record);

/* sig_mailbox_send.c: what stands before a record; the own arena ends there */

sig_mailbox_record_t *sig_mailbox_write(sig_mailbox_t *mb, uint64_t position,
    uint32_t len);
void sig_mailbox_advance(sig_mailbox_t *mb, uint64_t position);

/* what a receiver has not read: anew, and since the last time */

void sig_mailbox_count(sig_mailbox_t *mb, uint32_t slot);
void sig_mailbox_settle(sig_mailbox_t *mb, uint32_t slot);

/*
 * sig_mailbox_arena.c: the place of a record of that size, head included, and
 * whether it is free; what frees it
 */

uint64_t sig_mailbox_place(sig_mailbox_t *mb, size_t size);
int sig_mailbox_has_room(sig_mailbox_t *mb, size_t size);
void sig_mailbox_reclaim(sig_mailbox_t *mb);
int sig_mailbox_compact(sig_mailbox_t *mb, size_t size);


#pragma GCC visibility pop


#endif /* _SIG_MAILBOX_REGION_H_INCLUDED_ */
