
/*
 * Copyright (C) The ngx_signaling authors
 */


/*
 * Why nothing is read while it is overwritten.  A sender may write up to the
 * oldest position that lies in a ring of an open receiver, plus the size of
 * the arena.  A receiver moves its head only after it has let go of the
 * record.  That leaves the receiver which dies while a sender is posting to
 * it: rings of closed slots hold no space, and a record posted too late must
 * not be found by the next owner once the sender has forgotten it.  The next
 * owner first opens the slot, and then takes the tails for its heads; the
 * sender moves its tail, and then looks which slots are open.  Between the
 * two steps both have a full fence, hence either the owner sees the tail and
 * skips the record, or the sender sees the open slot and keeps the record.
 *
 * How records are moved: see sig_mailbox_arena.c.
 */


#include "sig_mailbox_region.h"


#define SIG_MAILBOX_NONE       SIG_MAILBOX_SLOTS_MAX

/* relaxed: a counter */
#define count_torn(mb)                                                        \
    (void) atomic_fetch_add_explicit(&(mb)->boxes[(mb)->me].torn, 1,          \
                                     memory_order_relaxed)


static size_t sig_mailbox_fixed(uint32_t nslots, uint32_t ring);
static int sig_mailbox_is_used(sig_mailbox_t *mb, uint32_t slot);
static uint32_t sig_mailbox_due(sig_mailbox_t *mb);
static int sig_mailbox_take(sig_mailbox_t *mb, uint32_t src,
    slice_t *record);
static uint64_t sig_mailbox_grasp(sig_mailbox_t *mb, sig_mailbox_ring_t *ring,
    uint64_t head);


size_t
sig_mailbox_size(uint32_t nslots, uint32_t ring, size_t arena)
{
    size_t  fixed;

    if (nslots == 0 || nslots > SIG_MAILBOX_SLOTS_MAX) {
        return 0;
    }

    if (ring < SIG_MAILBOX_RING_MIN || ring > SIG_MAILBOX_RING_MAX
        || (ring & (ring - 1)))
    {
        return 0;
    }

    if (arena == 0 || arena > SIG_MAILBOX_ARENA_MAX || arena % 4096 != 0) {
        return 0;
    }

    fixed = sig_mailbox_fixed(nslots, ring);

    if (arena > (SIZE_MAX - fixed) / nslots) {
        return 0;
    }

    return fixed + nslots * arena;
}


int
sig_mailbox_create(u_char *base, size_t size, uint32_t nslots, uint32_t ring,
    size_t arena)
{
    size_t                 needed;
    sig_mailbox_header_t  *header;

    needed = sig_mailbox_size(nslots, ring, arena);

    if (base == NULL || needed == 0 || size < needed
        || (uintptr_t) base % SIG_MAILBOX_LINE != 0)
    {
        return SIG_MAILBOX_BAD;
    }

    header = (void *) base;

    header->arena = arena;
    header->nslots = nslots;
    header->ring = ring;

    /* release: who sees the magic sees the sizes */
    store_release(&header->magic, SIG_MAILBOX_MAGIC);

    return SIG_MAILBOX_OK;
}


int
sig_mailbox_attach(sig_mailbox_t *mb, u_char *base, size_t size)
{
    size_t                 needed;
    sig_mailbox_header_t  *header;

    memset(mb, 0, sizeof(sig_mailbox_t));

    if (base == NULL || size < sizeof(sig_mailbox_header_t)
        || (uintptr_t) base % SIG_MAILBOX_LINE != 0)
    {
        return SIG_MAILBOX_BAD;
    }

    header = (void *) base;

    if (load_acquire(&header->magic) != SIG_MAILBOX_MAGIC
        || header->nslots > SIG_MAILBOX_SLOTS_MAX
        || header->ring > SIG_MAILBOX_RING_MAX
        || header->arena > SIG_MAILBOX_ARENA_MAX)
    {
        return SIG_MAILBOX_BAD;
    }

    needed = sig_mailbox_size((uint32_t) header->nslots,
                              (uint32_t) header->ring,
                              (size_t) header->arena);

    if (needed == 0 || size < needed) {
        return SIG_MAILBOX_BAD;
    }

    mb->base = base;
    mb->boxes = (void *) (base + sizeof(sig_mailbox_header_t));
    mb->rings = (u_char *) (mb->boxes + header->nslots);
    mb->arenas = base + sig_mailbox_fixed((uint32_t) header->nslots,
                                          (uint32_t) header->ring);
    mb->size = size;
    mb->arena = (size_t) header->arena;
    mb->nslots = (uint32_t) header->nslots;
    mb->ring = (uint32_t) header->ring;
    mb->me = SIG_MAILBOX_NONE;
    mb->held = SIG_MAILBOX_NONE;

    return SIG_MAILBOX_OK;
}


void
sig_mailbox_open(sig_mailbox_t *mb, uint32_t slot)
{
    uint32_t             i;
    uint64_t             tail;
    sig_mailbox_box_t   *box;
    sig_mailbox_ring_t  *ring;

    if (slot >= mb->nslots) {
        return;
    }

    box = &mb->boxes[slot];

    mb->me = slot;
    mb->turn = 0;
    mb->held = SIG_MAILBOX_NONE;
    mb->reserved_end = 0;
    memset(mb->due, 0, sizeof(mb->due));

    /* the predecessor is dead, what it stored is there: relaxed */
    mb->position = load_relaxed(&box->position);

    if (mb->position > INT64_MAX || mb->position % 8 != 0) {
        mb->position = 0;
    }

    mb->limit = 0;

    /* the fence: see the top of the file */
    store_release(&box->open, 1);
    atomic_thread_fence(memory_order_seq_cst);

    /*
     * A wake-up may have died with its sender, so the word is cleared; and
     * before the tails are read: a bit that is cleared here belongs to a
     * record that is skipped there (acquire), a later one stays.
     */

    (void) atomic_exchange_explicit(&box->wake, 0, memory_order_acquire);

    for (i = 0; i < SIG_MAILBOX_WORDS; i++) {
        (void) atomic_exchange_explicit(&box->pending[i], 0,
                                        memory_order_acquire);
    }

    for (i = 0; i < mb->nslots; i++) {

        if (i == slot || !sig_mailbox_is_used(mb, i)) {
            continue;
        }

        ring = sig_mailbox_ring(mb, slot, i);

        /* relaxed: nothing behind this tail is going to be read */
        tail = load_relaxed(&ring->tail);

        /* release: the reads of the predecessor come before */
        store_release(&ring->head, tail);
        store_release(&ring->hand, 0);
    }

    /* what the predecessor has posted and nobody has read */

    mb->stalled = 0;
    memset(mb->shares, 0, sizeof(mb->shares));

    for (i = 0; i < mb->nslots; i++) {

        if (i != slot) {
            sig_mailbox_count(mb, i);
        }
    }
}


void
sig_mailbox_close(sig_mailbox_t *mb, uint32_t slot)
{
    if (slot >= mb->nslots) {
        return;
    }

    if (slot == mb->me) {
        sig_mailbox_end(mb);
        memset(mb->due, 0, sizeof(mb->due));
    }

    /* release: the last read of a record comes before its space is free */
    store_release(&mb->boxes[slot].open, 0);
}


int
sig_mailbox_is_open(sig_mailbox_t *mb, uint32_t slot)
{
    if (slot >= mb->nslots) {
        return 0;
    }

    /* acquire: pairs with close() */
    return load_acquire(&mb->boxes[slot].open) != 0;
}


/*
 * Not a whole quarter: with the other half kept free, and what is left out
 * where the arena ends, an empty arena has to have room for it wherever the
 * last record has ended.
 */

size_t
sig_mailbox_record_max(sig_mailbox_t *mb)
{
    return mb->arena / 4 - sizeof(sig_mailbox_record_t);
}


size_t
sig_mailbox_arena(size_t record)
{
    size_t  size;

    size = record + sizeof(sig_mailbox_record_t);

    return 4 * ((size + 4095) & ~(size_t) 4095);
}


int
sig_mailbox_called(sig_mailbox_t *mb)
{
    /* relaxed: who calls while this is read is found the next time */
    return load_relaxed(&mb->boxes[mb->me].wake) != 0;
}


void
sig_mailbox_begin(sig_mailbox_t *mb, int all)
{
    uint32_t            i;
    sig_mailbox_box_t  *box;

    if (!sig_mailbox_is_open(mb, mb->me)) {
        return;
    }

    box = &mb->boxes[mb->me];

    /*
     * First the wake word, then the bits: a bit set too late to be collected
     * finds the word cleared.  acquire: the bits of all who have set the word
     * are seen; an exchange, since a store would end the chain of those who
     * found it set.
     */

    (void) atomic_exchange_explicit(&box->wake, 0, memory_order_acquire);

    for (i = 0; i < SIG_MAILBOX_WORDS; i++) {

        /* relaxed: only saves an exchange */
        if (load_relaxed(&box->pending[i]) == 0) {
            continue;
        }

        /* acquire: the tails behind the bits are seen */
        mb->due[i] |= atomic_exchange_explicit(&box->pending[i], 0,
                                               memory_order_acquire);
    }

    if (!all) {
        return;
    }

    for (i = 0; i < mb->nslots; i++) {

        if (i == mb->me || !sig_mailbox_is_used(mb, i)) {
            continue;
        }

        mb->due[i / 64] |= (uint64_t) 1 << i % 64;

        /* what can not be in our hand would be kept for ever */

        if (i != mb->held) {
            store_release(&sig_mailbox_ring(mb, mb->me, i)->hand, 0);
        }
    }
}


int
sig_mailbox_next(sig_mailbox_t *mb, uint32_t *src, slice_t *record)
{
    uint32_t  sender;

    sig_mailbox_end(mb);

    for ( ;; ) {
        sender = sig_mailbox_due(mb);

        if (sender == SIG_MAILBOX_NONE) {
            return 0;
        }

        if (sig_mailbox_take(mb, sender, record)) {
            break;
        }

        /*
         * The ring was seen empty after the bit had been collected, so what
         * is posted from now on sets it again.
         */

        mb->due[sender / 64] &= ~((uint64_t) 1 << sender % 64);
    }

    mb->turn = (sender + 1) % SIG_MAILBOX_SLOTS_MAX;
    *src = sender;

    return 1;
}


int
sig_mailbox_next_from(sig_mailbox_t *mb, uint32_t src, slice_t *record)
{
    sig_mailbox_end(mb);

    return sig_mailbox_take(mb, src, record);
}


void
sig_mailbox_end(sig_mailbox_t *mb)
{
    sig_mailbox_ring_t  *ring;

    if (mb->held == SIG_MAILBOX_NONE) {
        return;
    }

    ring = sig_mailbox_ring(mb, mb->me, mb->held);

    /* release, twice: the record has been read before its space is free */
    store_release(&ring->head, mb->held_head + 1);
    store_release(&ring->hand, 0);

    mb->held = SIG_MAILBOX_NONE;
}


uint64_t
sig_mailbox_torn(sig_mailbox_t *mb)
{
    if (mb->me >= mb->nslots) {
        return 0;
    }

    return load_relaxed(&mb->boxes[mb->me].torn);
}


/* bytes before the arenas */

static size_t
sig_mailbox_fixed(uint32_t nslots, uint32_t ring)
{
    return sizeof(sig_mailbox_header_t)
           + nslots * sizeof(sig_mailbox_box_t)
           + (size_t) nslots * nslots * sig_mailbox_ring_size(ring);
}


/*
 * Whether there may be something in the rings of a sender; those that were
 * never used stay untouched.  relaxed: a first record that is missed comes
 * with its bit, or after the fence of open().
 */

static int
sig_mailbox_is_used(sig_mailbox_t *mb, uint32_t slot)
{
    return load_relaxed(&mb->boxes[slot].position) != 0
           || load_relaxed(&mb->boxes[slot].open) != 0;
}


/* the next sender in turn, or NONE */

static uint32_t
sig_mailbox_due(sig_mailbox_t *mb)
{
    uint32_t  n, word;
    uint64_t  bits;

    word = mb->turn / 64;
    bits = mb->due[word] & ~(uint64_t) 0 << mb->turn % 64;

    /* the first word twice: its lower bits come last */

    for (n = 0; n < SIG_MAILBOX_WORDS; n++) {

        if (bits != 0) {
            break;
        }

        word = (word + 1) % SIG_MAILBOX_WORDS;
        bits = mb->due[word];
    }

    if (bits == 0) {
        return SIG_MAILBOX_NONE;
    }

    return word * 64 + (uint32_t) __builtin_ctzll(bits);
}


/* takes the next record of a sender into the hand */

static int
sig_mailbox_take(sig_mailbox_t *mb, uint32_t src, slice_t *record)
{
    uint64_t             head, tail, position;
    sig_mailbox_ring_t  *ring;

    if (src >= mb->nslots || src == mb->me
        || !sig_mailbox_is_open(mb, mb->me))
    {
        return 0;
    }

    ring = sig_mailbox_ring(mb, mb->me, src);

    for ( ;; ) {

        /* relaxed: our own; acquire: the record behind the tail is seen */
        head = load_relaxed(&ring->head);
        tail = load_acquire(&ring->tail);

        if (head == tail) {
            return 0;
        }

        if (tail - head > mb->ring) {
            count_torn(mb);
            store_release(&ring->head, tail);
            return 0;
        }

        position = sig_mailbox_grasp(mb, ring, head);

        if (sig_mailbox_read(mb, src, position, record)) {
            mb->held = src;
            mb->held_head = head;
            return 1;
        }

        count_torn(mb);
        store_release(&ring->head, head + 1);
        store_release(&ring->hand, 0);
    }
}


/* the position of a record that stays there from now on */

static uint64_t
sig_mailbox_grasp(sig_mailbox_t *mb, sig_mailbox_ring_t *ring, uint64_t head)
{
    uint64_t           position;
    _Atomic uint64_t  *place;

    place = sig_mailbox_entry(mb, ring, head);

    /* acquire: a record that was moved is seen where it is */
    position = load_acquire(place);

    for ( ;; ) {
        store_relaxed(&ring->hand, position + 1);

        /* see the top of the file */
        atomic_thread_fence(memory_order_seq_cst);

        if (load_relaxed(place) == position) {
            return position;
        }

        position = load_acquire(place);
    }
}


/* whether there can be, and is, a record at that position */

int
sig_mailbox_read(sig_mailbox_t *mb, uint32_t src, uint64_t position,
    slice_t *record)
{
    size_t                 size, offset;
    uint32_t               len;
    uint64_t               written;
    sig_mailbox_record_t  *rec;

    /* relaxed: stored before the tail that has brought us here */
    written = load_relaxed(&mb->boxes[src].position);

    offset = position % mb->arena;
    size = mb->arena - offset;

    if (position % 8 != 0 || written - position > mb->arena
        || size < sizeof(sig_mailbox_record_t))
    {
        return 0;
    }

    rec = sig_mailbox_record(mb, src, position);

    /* relaxed: ordered by the tail */

    len = load_relaxed(&rec->len);

    if (len > sig_mailbox_record_max(mb)
        || len > size - sizeof(sig_mailbox_record_t)
        || len + sizeof(sig_mailbox_record_t) > written - position
        || load_relaxed(&rec->position) != position
        || load_relaxed(&rec->check) != sig_mailbox_check(position, len))
    {
        return 0;
    }

    record->len = len;
    record->data = (u_char *) rec + sizeof(sig_mailbox_record_t);

    return 1;
}
