
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The mailbox: records from worker to worker through shared memory.
 *
 * Every slot owns an arena, into which it alone writes records, append-only
 * modulo its size, and for every other slot a ring of positions into that
 * arena, of which it alone moves the tail and the receiver alone the head.
 * So every word has one writer, nothing has to be freed and nothing can leak;
 * a record exists when the tail of a ring has passed its position, and a
 * writer that dies before has written nothing.  Records of one pair arrive in
 * the order they were posted, each once.
 *
 * A receiver that does not read, a stopped process for one, does not stop the
 * others: none has more than a quarter of an arena unread, and when these
 * records are in the way the sender moves them on (sig_mailbox_watch()).
 *
 * Called by workers only; no lock is taken anywhere.  The region belongs to
 * the zone, a sig_mailbox_t is the process's own handle.  A record's bytes
 * belong to the sender's arena: the receiver reads them in place until it
 * asks for the next one, and takes them for hostile.
 *
 * What has been posted is called out once for many records, by
 * sig_mailbox_call(), which says when the receiver has to be woken; waking is
 * the caller's.  A sender that dies in between leaves records of which nobody
 * is told, or a receiver that nobody wakes; therefore everyone looks without
 * being woken several times a second, and a new worker wakes all.
 */


#ifndef _SIG_MAILBOX_H_INCLUDED_
#define _SIG_MAILBOX_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define SIG_MAILBOX_SLOTS_MAX  256
#define SIG_MAILBOX_RING_MIN   64      /* records on their way in one pair */
#define SIG_MAILBOX_RING_MAX   4096
#define SIG_MAILBOX_STALLED    10      /* watches */

#define SIG_MAILBOX_OK         0
#define SIG_MAILBOX_AGAIN      (-1)    /* full now */
#define SIG_MAILBOX_GONE       (-2)    /* nobody is there */
#define SIG_MAILBOX_BAD        (-3)    /* not a region of ours */


typedef struct sig_mailbox_box_s  sig_mailbox_box_t;


/* what a receiver has of the arena, as far as its sender has looked */

typedef struct {
    uint64_t            head;          /* of its ring then */
    size_t              bytes;         /* of records from there on */
    uint64_t            watched;       /* head at the last watch */
    uint32_t            idle;          /* watches without a move */
} sig_mailbox_share_t;


typedef struct {
    u_char             *base;
    u_char             *arenas;
    sig_mailbox_box_t  *boxes;
    u_char             *rings;         /* nslots for each receiver */
    size_t              size;
    size_t              arena;         /* bytes of one arena */
    uint32_t            ring;          /* records in one ring */
    uint32_t            nslots;
    uint32_t            me;
    uint32_t            turn;          /* sender whose turn it is */
    uint64_t            position;      /* own arena is written up to here */
    uint64_t            limit;         /* own arena is free up to here */
    uint64_t            reserved;      /* position of the reserved record */
    uint64_t            reserved_end;  /* 0 when nothing is reserved */
    uint64_t            due[SIG_MAILBOX_SLOTS_MAX / 64];
    uint64_t            held_head;     /* its place in the ring */
    uint32_t            held;          /* sender of the record in hand */
    uint32_t            stalled;       /* receivers */
    sig_mailbox_share_t shares[SIG_MAILBOX_SLOTS_MAX];
} sig_mailbox_t;


/*
 * Bytes for that many slots with rings and arenas of that size; 0 when nslots
 * is not 1 to 256, ring not a power of two from 64 to 4096, or arena not a
 * multiple of 4096 up to 1 GB.
 */
size_t sig_mailbox_size(uint32_t nslots, uint32_t ring, size_t arena);

/*
 * Formats a region; base is aligned to 64 bytes and zeroed, the others are as
 * above.  Returns OK or BAD.
 */
int sig_mailbox_create(u_char *base, size_t size, uint32_t nslots,
    uint32_t ring, size_t arena);

/* makes the handle; returns OK or BAD */
int sig_mailbox_attach(sig_mailbox_t *mb, u_char *base, size_t size);

/*
 * open() is called by the new owner of a slot before others know of it: what
 * lies in its rings for a predecessor is skipped, its own tails and arena
 * position go on from where the predecessor left them.
 * close() is called by the owner at its end or by who reaps it.  What the
 * owner has posted can still be read by the others.
 */
void sig_mailbox_open(sig_mailbox_t *mb, uint32_t slot);
void sig_mailbox_close(sig_mailbox_t *mb, uint32_t slot);
int sig_mailbox_is_open(sig_mailbox_t *mb, uint32_t slot);


/*
 * The longest record, bytes: with what stands before it a quarter of the
 * arena.  And the smallest arena that takes records that long.
 */
size_t sig_mailbox_record_max(sig_mailbox_t *mb);
size_t sig_mailbox_arena(size_t record);

/*
 * Gives len bytes, aligned to 8, in the own arena for the next record, or
 * NULL when the arena is full (len is at most record_max): a half of it is
 * kept free, for records that have to be moved.  The record is written there
 * and then posted to one destination or to several; reserving again begins
 * another one, and what was never posted takes no space.
 */
u_char *sig_mailbox_reserve(sig_mailbox_t *mb, size_t len);

/*
 * Whether a record of that length can be posted to dst now: otherwise post()
 * would say AGAIN.
 */
int sig_mailbox_accepts(sig_mailbox_t *mb, uint32_t dst, size_t len);

/*
 * Posts the reserved record to dst.  OK; AGAIN when the ring is full, or when
 * dst would have more than a quarter of the arena unread, in more than one
 * record; GONE when dst is not open, or is the caller; BAD when nothing is
 * reserved.
 */
int sig_mailbox_post(sig_mailbox_t *mb, uint32_t dst);

/*
 * Tells dst that there is something for it, after one post or many.  Returns
 * 1 when it has to be woken, 0 otherwise.
 */
int sig_mailbox_call(sig_mailbox_t *mb, uint32_t dst);

/*
 * Whether somebody has called since the last begin(): one load, for the owner
 * of a slot who is awake and has much else to do.
 */
int sig_mailbox_called(sig_mailbox_t *mb);

/*
 * Called by a sender from time to time while something waits for a place.  A
 * receiver that has read nothing of what it has for SIG_MAILBOX_STALLED calls
 * is stalled, until it reads: reserve() then moves its records when they are
 * all that keeps the arena full.
 */
void sig_mailbox_watch(sig_mailbox_t *mb);


/*
 * Receiving.  begin() notes who has posted since the last time; with all set
 * it looks at every sender, whether it has announced itself or not.
 * next() gives the next record of the noted senders, in turn; the previous
 * one is given back.  next_from() gives the next record of one sender only.
 * Both return 1, or 0 when there is none; *record is valid until the next
 * call.  A position or length that can not be is skipped and counted in
 * mb's slot as "torn".
 */
void sig_mailbox_begin(sig_mailbox_t *mb, int all);
int sig_mailbox_next(sig_mailbox_t *mb, uint32_t *src, slice_t *record);
int sig_mailbox_next_from(sig_mailbox_t *mb, uint32_t src, slice_t *record);

/* gives back the record in hand, if any */
void sig_mailbox_end(sig_mailbox_t *mb);

/* records that could not be, seen by this slot so far */
uint64_t sig_mailbox_torn(sig_mailbox_t *mb);


#pragma GCC visibility pop


#endif /* _SIG_MAILBOX_H_INCLUDED_ */
