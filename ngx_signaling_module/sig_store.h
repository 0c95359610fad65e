
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The store: nodes of several sizes in a part of a shared region.
 *
 * The part is cut into pages.  A page gets a size class when a node of that
 * class is wanted and no other page has one, and loses it with its last
 * node, so that no partition decides beforehand how many rooms and how many
 * connections there may be.  Nodes of a page are handed out from its start;
 * what was never handed out was never written and takes no memory.
 *
 * A node is named by its index: its distance from the start of the region in
 * units of 16 bytes.  Index 0 is no node.
 *
 * Called by the registry alone, under its lock.  What makes a node exist is
 * its state, stored last; a node that is allocated but not committed is free
 * again after a rebuild.  The pages' free lists, counts and the lists of
 * pages are derived from the states; the size class of a page and how many of
 * its nodes were ever handed out are not.
 */


#ifndef _SIG_STORE_H_INCLUDED_
#define _SIG_STORE_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define SIG_UNIT         16             /* bytes from one index to the next */
#define SIG_PAGE         16384          /* bytes */
#define SIG_PAGE_UNITS   (SIG_PAGE / SIG_UNIT)
#define SIG_NODE_MIN     48             /* bytes of the smallest node */
#define SIG_NODE_MAX     4160           /* of the largest one */
#define SIG_CLASSES      10
#define SIG_NOBODY       64             /* bytes that no node has */
#define SIG_NO_PAGE      0xffffffff


/*
 * Orders the stores before it before the stores after it.  A process is
 * killed between two instructions, so keeping the compiler from moving stores
 * would do for the crash rule; readers without the lock need the processor's
 * order too.
 */

#define sig_order()      __atomic_thread_fence(__ATOMIC_RELEASE)


/*
 * A place where a test may stop as if killed: between any two stores inside
 * the lock that a rebuild has to tell apart.
 */

#if (SIG_FAULT)

#define sig_fault()      sig_fault_at(__FILE__, __LINE__)

void sig_fault_at(const char *file, int line);

#else

#define sig_fault()

#endif


typedef enum {
    SIG_NODE_FREE = 0,
    SIG_NODE_LIVE,
    SIG_NODE_LEAVING                    /* on its way out */
} sig_node_state_e;


typedef enum {
    SIG_NODE_NONE = 0,
    SIG_NODE_APP,
    SIG_NODE_PEER,
    SIG_NODE_CONN,
    SIG_NODE_ROOM,
    SIG_NODE_MEMBER,
    SIG_NODE_BLOCK
} sig_node_type_e;


/* the head of every node */

typedef struct {
    uint32_t            gen;            /* new with every allocation, not 0 */
    uint8_t             type;
    uint8_t             state;
    uint16_t            small;          /* slot, or length of a name */
    uint32_t            next;           /* in a chain or the free list */
} sig_node_t;


typedef struct {
    uint16_t            size_class;     /* from 1; 0: the page is free */
    uint16_t            carved;         /* nodes handed out at least once */
    uint16_t            used;
    uint16_t            unused;
    uint32_t            free;           /* first free one below carved */
    uint32_t            next;           /* page with free nodes, or free */
    uint32_t            prev;
} sig_page_t;


/* the store's own words in the region; all zeroes is an empty store */

typedef struct {
    uint32_t            gen;            /* the last one given */
    uint32_t            touched;        /* pages used at least once */
    uint32_t            free_page;      /* + 1 */
    uint32_t            units;          /* in use */
    uint32_t            taken;          /* pages with a class */
    uint32_t            holes;          /* free nodes of the smallest size */
    uint32_t            partial[SIG_CLASSES];   /* + 1 */
} sig_store_head_t;


/* a process's own view; everything in it is known from the region's size */

typedef struct {
    u_char             *base;           /* of the region */
    sig_store_head_t   *head;
    sig_page_t         *pages;
    uint32_t            npages;
    uint32_t            first;          /* index of the first node */
    uint32_t            limit;          /* no index from here on */
    uint32_t            nil;            /* index of SIG_NOBODY bytes */
} sig_store_t;


/* a walk over all nodes, used or free; starts zeroed */

typedef struct {
    uint32_t            page;
    uint32_t            n;
} sig_cursor_t;


/* of each size class: units of a node, and how many nodes a page has */

extern const uint32_t  sig_class_units[SIG_CLASSES];
extern const uint32_t  sig_class_nodes[SIG_CLASSES];


/* a number that can not be gives the first page instead of a fault */

static inline sig_page_t *
sig_store_page(sig_store_t *st, uint32_t n)
{
    return &st->pages[n < st->npages ? n : 0];
}


/*
 * The node at an index read from the region.  An index that points outside
 * of the pages gives the nil node, so that whatever a dead process left
 * behind, nothing outside of the region is touched.  Behind the last page
 * there are SIG_NODE_MAX bytes that belong to the region.
 */

static inline void *
sig_store_node(sig_store_t *st, uint32_t index)
{
    if (index < st->first || index >= st->limit) {
        index = st->nil;
    }

    return st->base + (size_t) index * SIG_UNIT;
}


/* makes a node exist, or not; fields are written before */

static inline void
sig_store_commit(sig_node_t *node, sig_node_state_e state)
{
    sig_order();
    __atomic_store_n(&node->state, (uint8_t) state, __ATOMIC_RELAXED);
    sig_order();
}


/*
 * A node of at least size bytes, not committed, its generation and type set;
 * its other bytes are anything.  Returns its index, or 0 when the store is
 * full.
 */
uint32_t sig_store_alloc(sig_store_t *st, size_t size, sig_node_type_e type);

/*
 * The node ceases to exist, whether it was committed or not.  Returns its
 * units, 0 when there was none.
 */
uint32_t sig_store_free(sig_store_t *st, uint32_t index);

/* whether a node may begin at that index now, and how many bytes it has */
int sig_store_is_node(sig_store_t *st, uint32_t index);
size_t sig_store_node_size(sig_store_t *st, uint32_t index);

/* the index of the next node that was ever handed out, 0 at the end */
uint32_t sig_store_next(sig_store_t *st, sig_cursor_t *cursor);

/* how many pages that many nodes of that size take */
size_t sig_store_pages(size_t size, size_t n);

/* units of a node of at least size bytes, 0 when there is none so big */
uint32_t sig_store_units(size_t size);

/*
 * What is left for nodes of any size, in units: free pages, and free nodes of
 * the smallest size, of which everybody needs some.  Free nodes of the other
 * sizes may be of use to nobody.
 */
uint32_t sig_store_left(sig_store_t *st);

/*
 * The same after one more node of that size; when that takes a page, what is
 * left in pages alone.  Negative: there is no room for it.
 */
int64_t sig_store_after(sig_store_t *st, size_t size);

/* bytes not in use; nodes of a class need a free page or one of that class */
size_t sig_store_bytes_free(sig_store_t *st);

/* makes lists and counts anew from the states of the nodes */
void sig_store_rebuild(sig_store_t *st);

/* NULL, or what is wrong; in sig_store_check.c, for tests */
const char *sig_store_check(sig_store_t *st);


#pragma GCC visibility pop


#endif /* _SIG_STORE_H_INCLUDED_ */
