
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Whether a store is sound: its counts and lists, compared with the states of
 * its nodes.  For tests.
 */


#include "sig_store.h"


static const char *sig_store_check_page(sig_store_t *st, uint32_t n,
    uint32_t *partial, sig_store_head_t *sums);
static const char *sig_store_check_used(sig_store_t *st, uint32_t n,
    uint32_t size);
static const char *sig_store_check_free(sig_store_t *st, uint32_t n);
static const char *sig_store_check_lists(sig_store_t *st, uint32_t *partial,
    uint32_t nfree);


const char *
sig_store_check(sig_store_t *st)
{
    uint32_t           n, nfree, partial[SIG_CLASSES];
    const char        *what;
    sig_store_head_t   sums;

    memset(partial, 0, sizeof(partial));
    memset(&sums, 0, sizeof(sig_store_head_t));
    nfree = 0;

    if (st->head->touched > st->npages) {
        return "more pages touched than there are";
    }

    for (n = 0; n < st->head->touched; n++) {

        if (sig_store_page(st, n)->size_class == 0) {
            nfree++;
            continue;
        }

        what = sig_store_check_page(st, n, partial, &sums);

        if (what != NULL) {
            return what;
        }
    }

    if (sums.units != st->head->units) {
        return "count of units in use";
    }

    if (sums.taken != st->head->taken) {
        return "count of pages in use";
    }

    if (sums.holes != st->head->holes) {
        return "count of free nodes of the smallest size";
    }

    return sig_store_check_lists(st, partial, nfree);
}


static const char *
sig_store_check_page(sig_store_t *st, uint32_t n, uint32_t *partial,
    sig_store_head_t *sums)
{
    uint32_t     c, size;
    sig_page_t  *page;
    const char  *what;

    page = sig_store_page(st, n);

    if (page->size_class > SIG_CLASSES) {
        return "size class of a page";
    }

    c = page->size_class - 1;
    size = sig_class_units[c];

    if (page->carved > sig_class_nodes[c]) {
        return "count of nodes carved from a page";
    }

    what = sig_store_check_used(st, n, size);

    if (what == NULL) {
        what = sig_store_check_free(st, n);
    }

    if (what != NULL) {
        return what;
    }

    sums->units += page->used * size;
    sums->taken++;

    if (c == 0) {
        sums->holes += sig_class_nodes[0] - page->used;
    }

    if (page->used < sig_class_nodes[c]) {
        partial[c]++;
    }

    return NULL;
}


/* the nodes of a page that are not free, against its count of them */

static const char *
sig_store_check_used(sig_store_t *st, uint32_t n, uint32_t size)
{
    uint32_t     k, used;
    sig_node_t  *node;
    sig_page_t  *page;

    page = sig_store_page(st, n);
    used = 0;

    for (k = 0; k < page->carved; k++) {
        node = sig_store_node(st, st->first + n * SIG_PAGE_UNITS + k * size);

        if (node->state != SIG_NODE_FREE) {
            used++;

            if (node->gen == 0) {
                return "generation of a node";
            }
        }
    }

    if (used != page->used) {
        return "count of used nodes of a page";
    }

    if (used == 0) {
        return "page without a node that is not given back";
    }

    return NULL;
}


/* all others are in its free list, and nothing else is */

static const char *
sig_store_check_free(sig_store_t *st, uint32_t n)
{
    uint32_t     i, nfree;
    sig_node_t  *node;
    sig_page_t  *page;

    page = sig_store_page(st, n);
    nfree = 0;

    for (i = page->free; i != 0; i = node->next) {

        if (!sig_store_is_node(st, i)
            || (i - st->first) / SIG_PAGE_UNITS != n)
        {
            return "free list of a page leaves it";
        }

        node = sig_store_node(st, i);

        if (node->state != SIG_NODE_FREE) {
            return "used node in the free list of a page";
        }

        if (++nfree > page->carved) {
            return "free list of a page does not end";
        }
    }

    if (nfree + page->used != page->carved) {
        return "free node that is not in the free list of its page";
    }

    return NULL;
}


static const char *
sig_store_check_lists(sig_store_t *st, uint32_t *partial, uint32_t nfree)
{
    uint32_t     c, n, prev, count;
    sig_page_t  *page;

    for (c = 0; c < SIG_CLASSES; c++) {
        prev = 0;
        count = 0;

        for (n = st->head->partial[c]; n != 0; n = page->next) {

            if (n > st->npages || ++count > st->npages) {
                return "list of pages of a class";
            }

            page = sig_store_page(st, n - 1);

            if (page->size_class != c + 1 || page->prev != prev
                || page->used >= sig_class_nodes[c])
            {
                return "page in the list of a class";
            }

            prev = n;
        }

        if (count != partial[c]) {
            return "page that is missing in the list of its class";
        }
    }

    count = 0;

    for (n = st->head->free_page; n != 0; n = page->next) {

        if (n > st->npages || ++count > st->npages) {
            return "list of free pages";
        }

        page = sig_store_page(st, n - 1);

        if (page->size_class != 0) {
            return "used page in the list of free ones";
        }
    }

    if (count != nfree) {
        return "free page that is not in the list";
    }

    return NULL;
}
