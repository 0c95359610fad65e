
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_store.h"


static uint32_t sig_store_class(size_t size);
static uint32_t sig_store_page_take(sig_store_t *st, uint32_t c);
static void sig_store_page_drop(sig_store_t *st, uint32_t n, uint32_t c);
static void sig_store_link(sig_store_t *st, uint32_t n, uint32_t c);
static void sig_store_unlink(sig_store_t *st, uint32_t n, uint32_t c);
static int64_t sig_store_units_left(sig_store_t *st, uint32_t nodes);
static void sig_store_rebuild_page(sig_store_t *st, uint32_t n);


/*
 * In units.  48 bytes: connection, member, peer with a UUID or a short ID; 64
 * to 128: room, peer with a longer ID, app; the others: long names, metadata,
 * the text of the keys.
 */

const uint32_t  sig_class_units[SIG_CLASSES] = {
    SIG_NODE_MIN / SIG_UNIT, 4, 6, 8, 12, 16, 32, 68, 132,
    SIG_NODE_MAX / SIG_UNIT
};

const uint32_t  sig_class_nodes[SIG_CLASSES] = {
    SIG_PAGE / SIG_NODE_MIN, SIG_PAGE_UNITS / 4, SIG_PAGE_UNITS / 6,
    SIG_PAGE_UNITS / 8, SIG_PAGE_UNITS / 12, SIG_PAGE_UNITS / 16,
    SIG_PAGE_UNITS / 32, SIG_PAGE_UNITS / 68, SIG_PAGE_UNITS / 132,
    SIG_PAGE / SIG_NODE_MAX
};


uint32_t
sig_store_alloc(sig_store_t *st, size_t size, sig_node_type_e type)
{
    uint32_t     c, n, i;
    sig_node_t  *node;
    sig_page_t  *page;

    c = sig_store_class(size);

    if (c == SIG_CLASSES) {
        return 0;
    }

    n = st->head->partial[c];

    if (n == 0) {
        n = sig_store_page_take(st, c);

        if (n == SIG_NO_PAGE) {
            return 0;
        }

    } else {
        n--;
    }

    page = sig_store_page(st, n);

    if (page->free != 0) {
        i = page->free;
        node = sig_store_node(st, i);
        page->free = node->next;

    } else {
        i = st->first + n * SIG_PAGE_UNITS + page->carved * sig_class_units[c];
        node = sig_store_node(st, i);

        /* what the page held before may look like a committed node */

        sig_store_commit(node, SIG_NODE_FREE);
        sig_fault();
        page->carved++;
    }

    sig_fault();

    page->used++;
    st->head->units += sig_class_units[c];

    if (c == 0) {
        st->head->holes--;
    }

    if (page->used >= sig_class_nodes[c]) {
        sig_store_unlink(st, n, c);
    }

    sig_fault();

    if (++st->head->gen == 0) {
        st->head->gen = 1;
    }

    /* a reader without the lock sees the new generation before new fields */

    __atomic_store_n(&node->gen, st->head->gen, __ATOMIC_RELAXED);
    sig_order();

    node->type = (uint8_t) type;

    return i;
}


uint32_t
sig_store_free(sig_store_t *st, uint32_t index)
{
    uint32_t     n, c;
    sig_node_t  *node;
    sig_page_t  *page;

    if (!sig_store_is_node(st, index)) {
        return 0;
    }

    n = (index - st->first) / SIG_PAGE_UNITS;
    page = sig_store_page(st, n);
    node = sig_store_node(st, index);
    c = page->size_class - 1;

    sig_store_commit(node, SIG_NODE_FREE);
    sig_fault();

    st->head->units -= sig_class_units[c];
    page->used--;

    if (c == 0) {
        st->head->holes++;
    }

    if (page->used == 0) {
        sig_store_page_drop(st, n, c);
        return sig_class_units[c];
    }

    node->next = page->free;
    page->free = index;
    sig_fault();

    if (page->used == sig_class_nodes[c] - 1) {
        sig_store_link(st, n, c);
    }

    return sig_class_units[c];
}


int
sig_store_is_node(sig_store_t *st, uint32_t index)
{
    uint32_t     n, at, units;
    sig_page_t  *page;

    if (index < st->first || index >= st->limit) {
        return 0;
    }

    n = (index - st->first) / SIG_PAGE_UNITS;
    at = (index - st->first) % SIG_PAGE_UNITS;
    page = sig_store_page(st, n);

    if (page->size_class == 0 || page->size_class > SIG_CLASSES) {
        return 0;
    }

    units = sig_class_units[page->size_class - 1];

    return at % units == 0 && at / units < page->carved;
}


size_t
sig_store_node_size(sig_store_t *st, uint32_t index)
{
    uint32_t     n;
    sig_page_t  *page;

    if (!sig_store_is_node(st, index)) {
        return 0;
    }

    n = (index - st->first) / SIG_PAGE_UNITS;
    page = sig_store_page(st, n);

    return (size_t) sig_class_units[page->size_class - 1] * SIG_UNIT;
}


uint32_t
sig_store_next(sig_store_t *st, sig_cursor_t *cursor)
{
    uint32_t     i, units;
    sig_page_t  *page;

    for ( /* void */ ; cursor->page < st->npages; cursor->page++) {

        if (cursor->page >= st->head->touched) {
            break;
        }

        page = sig_store_page(st, cursor->page);

        if (page->size_class != 0 && page->size_class <= SIG_CLASSES) {
            units = sig_class_units[page->size_class - 1];

            if (cursor->n < page->carved
                && (cursor->n + 1) * units <= SIG_PAGE_UNITS)
            {
                i = st->first + cursor->page * SIG_PAGE_UNITS
                    + cursor->n * units;
                cursor->n++;

                return i;
            }
        }

        cursor->n = 0;
    }

    return 0;
}


size_t
sig_store_pages(size_t size, size_t n)
{
    size_t    per;
    uint32_t  c;

    c = sig_store_class(size);

    if (c == SIG_CLASSES) {
        return SIZE_MAX;
    }

    per = sig_class_nodes[c];

    return (n + per - 1) / per;
}


uint32_t
sig_store_units(size_t size)
{
    uint32_t  c;

    c = sig_store_class(size);

    return c < SIG_CLASSES ? sig_class_units[c] : 0;
}


uint32_t
sig_store_left(sig_store_t *st)
{
    return (uint32_t) sig_store_units_left(st, 0);
}


/*
 * What is left when that many more free nodes of the smallest size are taken.
 * All of them in a page count as the page, which is a unit longer than they
 * are: or nobody would come where somebody has gone.
 */

static int64_t
sig_store_units_left(sig_store_t *st, uint32_t nodes)
{
    int64_t  holes;

    holes = (int64_t) st->head->holes - nodes;

    return ((int64_t) st->npages - st->head->taken) * SIG_PAGE_UNITS
           + holes * SIG_PAGE_UNITS / sig_class_nodes[0];
}


int64_t
sig_store_after(sig_store_t *st, size_t size)
{
    uint32_t  c;

    c = sig_store_class(size);

    if (c == SIG_CLASSES) {
        return -1;
    }

    if (st->head->partial[c] == 0) {
        return ((int64_t) st->npages - st->head->taken - 1) * SIG_PAGE_UNITS;
    }

    return sig_store_units_left(st, c == 0);
}


size_t
sig_store_bytes_free(sig_store_t *st)
{
    return (size_t) st->npages * SIG_PAGE
           - (size_t) st->head->units * SIG_UNIT;
}


void
sig_store_rebuild(sig_store_t *st)
{
    uint32_t  n, c;

    st->head->units = 0;
    st->head->taken = 0;
    st->head->holes = 0;
    st->head->free_page = 0;

    if (st->head->touched > st->npages) {
        st->head->touched = st->npages;
    }

    for (c = 0; c < SIG_CLASSES; c++) {
        st->head->partial[c] = 0;
    }

    for (n = st->head->touched; n-- > 0; /* void */ ) {
        sig_store_rebuild_page(st, n);
        sig_fault();
    }
}


static uint32_t
sig_store_class(size_t size)
{
    uint32_t  c;

    for (c = 0; c < SIG_CLASSES; c++) {
        if (size <= (size_t) sig_class_units[c] * SIG_UNIT) {
            break;
        }
    }

    return c;
}


static uint32_t
sig_store_page_take(sig_store_t *st, uint32_t c)
{
    uint32_t     n;
    sig_page_t  *page;

    if (st->head->free_page != 0) {
        n = st->head->free_page - 1;
        page = sig_store_page(st, n);
        st->head->free_page = page->next;

    } else if (st->head->touched < st->npages) {
        n = st->head->touched++;
        page = sig_store_page(st, n);

    } else {
        return SIG_NO_PAGE;
    }

    sig_fault();

    page->carved = 0;
    page->used = 0;
    page->free = 0;
    sig_order();
    page->size_class = (uint16_t) (c + 1);
    sig_order();

    sig_fault();
    sig_store_link(st, n, c);

    st->head->taken++;

    if (c == 0) {
        st->head->holes += sig_class_nodes[0];
    }

    return n;
}


static void
sig_store_page_drop(sig_store_t *st, uint32_t n, uint32_t c)
{
    sig_page_t  *page;

    page = sig_store_page(st, n);

    sig_store_unlink(st, n, c);

    sig_order();
    page->size_class = 0;
    sig_order();

    sig_fault();

    page->next = st->head->free_page;
    st->head->free_page = n + 1;

    st->head->taken--;

    if (c == 0) {
        st->head->holes -= sig_class_nodes[0];
    }
}


static void
sig_store_link(sig_store_t *st, uint32_t n, uint32_t c)
{
    uint32_t    *first;
    sig_page_t  *page;

    page = sig_store_page(st, n);
    first = &st->head->partial[c];

    page->prev = 0;
    page->next = *first;

    if (*first != 0) {
        sig_store_page(st, *first - 1)->prev = n + 1;
    }

    sig_fault();
    *first = n + 1;
}


static void
sig_store_unlink(sig_store_t *st, uint32_t n, uint32_t c)
{
    sig_page_t  *page;

    page = sig_store_page(st, n);

    if (page->prev != 0) {
        sig_store_page(st, page->prev - 1)->next = page->next;

    } else {
        st->head->partial[c] = page->next;
    }

    sig_fault();

    if (page->next != 0) {
        sig_store_page(st, page->next - 1)->prev = page->prev;
    }
}


static void
sig_store_rebuild_page(sig_store_t *st, uint32_t n)
{
    uint32_t     i, k, c, units;
    sig_node_t  *node;
    sig_page_t  *page;

    page = sig_store_page(st, n);

    page->used = 0;
    page->free = 0;

    if (page->size_class > 0 && page->size_class <= SIG_CLASSES) {
        c = page->size_class - 1;
        units = sig_class_units[c];

        if (page->carved > sig_class_nodes[c]) {
            page->carved = (uint16_t) sig_class_nodes[c];
        }

        for (k = page->carved; k-- > 0; /* void */ ) {
            i = st->first + n * SIG_PAGE_UNITS + k * units;
            node = sig_store_node(st, i);

            if (node->state == SIG_NODE_FREE) {
                node->next = page->free;
                page->free = i;

            } else {
                page->used++;
            }
        }

        if (page->used > 0) {
            st->head->units += page->used * units;
            st->head->taken++;

            if (c == 0) {
                st->head->holes += sig_class_nodes[0] - page->used;
            }

            if (page->used < sig_class_nodes[c]) {
                sig_store_link(st, n, c);
            }

            return;
        }
    }

    page->size_class = 0;
    page->next = st->head->free_page;
    st->head->free_page = n + 1;
}
