
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "weak_inner.h"


#define WEAK_DEPTH     64              /* values of a word */
#define WEAK_VALUES    4096
#define WEAK_GRANULE   4               /* bytes of the smallest word */


typedef struct {
    uint64_t        value;
    int             plain;             /* the value is the one in memory */
    weak_view_t     view;
} weak_value_t;


typedef struct {
    const void     *address;
    size_t          size;
    uint32_t        nvalues;
    uint16_t        values[WEAK_DEPTH];
} weak_word_t;


/* when each thread was last here */

typedef struct {
    uint32_t        run;
    uint16_t        word;              /* that begins here, plus 1 */
    uint32_t        plain_read[WEAK_THREADS];
    uint32_t        plain_write[WEAK_THREADS];
    uint32_t        read[WEAK_THREADS];
    uint32_t        write[WEAK_THREADS];
} weak_granule_t;


static uint32_t weak_which(const weak_word_t *w);
static uint64_t weak_modify(volatile void *p, size_t size, uint64_t clear,
    uint64_t set, uint64_t add, memory_order order);
static uint64_t weak_take(weak_word_t *w, uint32_t n, memory_order order);
static void weak_give(weak_word_t *w, uint64_t value, memory_order order,
    const weak_view_t *chain);
static void weak_learn(weak_view_t *view, const weak_view_t *other);
static void weak_access(const volatile void *p);
static weak_granule_t *weak_granule(const volatile void *p);
static weak_word_t *weak_word(const volatile void *p, size_t size);
static weak_value_t *weak_value(weak_word_t *w, uint64_t value, int plain);
static void weak_note(const volatile void *p, size_t size, int store,
    int plain);
static int weak_is_apart(const uint32_t *when);
static uint64_t weak_peek(const volatile void *p, size_t size);
static void weak_poke(volatile void *p, size_t size, uint64_t value);


static u_char          *weak_base;
static size_t           weak_size;
static size_t           weak_shared;

static weak_granule_t  *weak_granules;
static weak_word_t      weak_words[WEAK_WORDS];
static uint32_t         weak_nwords;
static weak_value_t    *weak_values;
static uint32_t         weak_nvalues;
static weak_view_t      weak_sequence; /* of the sequential fences */


void
weak_create(u_char *base, size_t size, size_t shared)
{
    weak_base = base;
    weak_size = size;
    weak_shared = shared;

    weak_granules = calloc(size / WEAK_GRANULE, sizeof(weak_granule_t));
    weak_values = calloc(WEAK_VALUES, sizeof(weak_value_t));

    if (weak_granules == NULL || weak_values == NULL) {
        abort();
    }

    weak_run_create();
}


void
weak_free(void)
{
    weak_run_free();
    free(weak_values);
    free(weak_granules);
}


void
weak_forget(void)
{
    weak_nwords = 0;
    weak_nvalues = 0;

    memset(&weak_sequence, 0, sizeof(weak_view_t));
}


uint64_t
weak_load(const volatile void *p, size_t size, memory_order order,
    const uint32_t *site)
{
    weak_word_t  *w;

    if (weak_thread == NULL) {
        return weak_peek(p, size);
    }

    weak_access(p);

    w = weak_word(p, size);

    weak_note(p, size, 0, 0);

    return weak_take(w, weak_which(w), weak_order(order, site));
}


/*
 * From the last value back to the one that this thread has seen.  A thread
 * that has got an old one goes on with it, unless it comes to know better.
 */

static uint32_t
weak_which(const weak_word_t *w)
{
    uint32_t   last, seen, n;
    uint16_t  *lag;

    last = w->nvalues - 1;
    seen = weak_thread->now.seen[w - weak_words];

    if (weak_last || seen == last) {
        return last;
    }

    lag = &weak_thread->lags[w - weak_words];

    if (*lag == seen + 1) {
        n = seen + weak_choose(last - seen + 1);

    } else {
        n = last - weak_choose(last - seen + 1);
    }

    *lag = (uint16_t) (n == last ? 0 : n + 1);

    return n;
}


void
weak_store(volatile void *p, size_t size, uint64_t value, memory_order order,
    const uint32_t *site)
{
    weak_word_t  *w;

    if (weak_thread != NULL) {
        weak_access(p);

        w = weak_word(p, size);

        weak_note(p, size, 1, 0);
        weak_give(w, value, weak_order(order, site), NULL);
    }

    weak_poke(p, size, value);
}


uint64_t
weak_exchange(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site)
{
    return weak_modify(p, size, ~(uint64_t) 0, value, 0,
                       weak_order(order, site));
}


uint64_t
weak_fetch_or(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site)
{
    return weak_modify(p, size, value, value, 0, weak_order(order, site));
}


uint64_t
weak_fetch_add(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site)
{
    return weak_modify(p, size, 0, 0, value, weak_order(order, site));
}


/*
 * Clears bits, sets others, and adds.  What is read is the last value, or two
 * could have it; and what came with that one goes on with the next.
 */

static uint64_t
weak_modify(volatile void *p, size_t size, uint64_t clear, uint64_t set,
    uint64_t add, memory_order order)
{
    uint64_t      old, value;
    weak_word_t  *w;

    if (weak_thread == NULL) {
        old = weak_peek(p, size);
        weak_poke(p, size, ((old & ~clear) | set) + add);
        return old;
    }

    weak_access(p);

    w = weak_word(p, size);

    weak_note(p, size, 0, 0);
    weak_note(p, size, 1, 0);

    old = weak_take(w, w->nvalues - 1, order);
    value = ((old & ~clear) | set) + add;

    weak_give(w, value, order, &weak_values[w->values[w->nvalues - 1]].view);
    weak_poke(p, size, value);

    return old;
}


void
weak_fence(memory_order order, const uint32_t *site)
{
    uint32_t        i;
    weak_thread_t  *t;

    t = weak_thread;

    if (t == NULL) {
        return;
    }

    weak_step();

    order = weak_order(order, site);

    if (order == memory_order_relaxed) {
        return;
    }

    weak_learn(&t->now, &t->acquired);

    if (order == memory_order_seq_cst) {

        /*
         * What was seen before any earlier such fence can not be unseen; but
         * that alone orders no plain accesses.
         */

        for (i = 0; i < WEAK_WORDS; i++) {
            if (t->now.seen[i] < weak_sequence.seen[i]) {
                t->now.seen[i] = weak_sequence.seen[i];
            }
        }

        t->now.nwords = weak_nwords;

        memcpy(weak_sequence.seen, t->now.seen, sizeof(t->now.seen));
    }

    t->released = t->now;
    t->now.clock[t - weak_threads]++;
}


/* the thread sees that value */

static uint64_t
weak_take(weak_word_t *w, uint32_t n, memory_order order)
{
    weak_value_t   *v;
    weak_thread_t  *t;

    t = weak_thread;
    v = &weak_values[w->values[n]];

    t->now.seen[w - weak_words] = (uint16_t) n;

    if (t->now.nwords < weak_nwords) {
        t->now.nwords = weak_nwords;
    }

    weak_learn(order == memory_order_acquire || order == memory_order_acq_rel
               || order == memory_order_seq_cst ? &t->now : &t->acquired,
               &v->view);

    return v->plain ? weak_peek(w->address, w->size) : v->value;
}


/* one more value; chain: what came with the one that it was made from */

static void
weak_give(weak_word_t *w, uint64_t value, memory_order order,
    const weak_view_t *chain)
{
    weak_value_t   *v;
    weak_thread_t  *t;

    t = weak_thread;
    v = weak_value(w, value, 0);

    t->now.seen[w - weak_words] = (uint16_t) (w->nvalues - 1);

    if (t->now.nwords < weak_nwords) {
        t->now.nwords = weak_nwords;
    }

    if (order == memory_order_release || order == memory_order_acq_rel
        || order == memory_order_seq_cst)
    {
        v->view = t->now;
        t->now.clock[t - weak_threads]++;

    } else {
        v->view = t->released;
    }

    if (chain != NULL) {
        weak_learn(&v->view, chain);
    }
}


static void
weak_learn(weak_view_t *view, const weak_view_t *other)
{
    uint32_t  i;

    for (i = 0; i < other->nwords; i++) {
        if (view->seen[i] < other->seen[i]) {
            view->seen[i] = other->seen[i];
        }
    }

    if (view->nwords < other->nwords) {
        view->nwords = other->nwords;
    }

    for (i = 0; i < WEAK_THREADS; i++) {
        if (view->clock[i] < other->clock[i]) {
            view->clock[i] = other->clock[i];
        }
    }
}


void
weak_read(const void *p, size_t len)
{
    if (weak_thread != NULL) {
        weak_note(p, len, 0, 1);
    }
}


/* a word that is written plainly has a value that nobody can see early */

void
weak_write(const void *p, size_t len)
{
    size_t           i;
    weak_word_t     *w;
    weak_thread_t   *t;
    weak_granule_t  *g;

    t = weak_thread;

    if (t == NULL) {
        return;
    }

    weak_note(p, len, 1, 1);

    for (i = 0; i < len; i += WEAK_GRANULE) {
        g = weak_granule((const u_char *) p + i);

        if (g->word == 0) {
            continue;
        }

        w = &weak_words[g->word - 1];
        (void) weak_value(w, 0, 1);
        t->now.seen[w - weak_words] = (uint16_t) (w->nvalues - 1);
    }
}


/* another thread may go on before this access */

static void
weak_access(const volatile void *p)
{
    if ((const volatile u_char *) p < weak_base + weak_shared) {
        weak_step();
    }
}


static weak_granule_t *
weak_granule(const volatile void *p)
{
    size_t           offset;
    weak_granule_t  *g;

    offset = (size_t) ((const volatile u_char *) p - weak_base);

    if (offset >= weak_size) {
        abort();
    }

    g = &weak_granules[offset / WEAK_GRANULE];

    if (g->run != weak_runs) {
        memset(g, 0, sizeof(weak_granule_t));
        g->run = weak_runs;
    }

    return g;
}


/* the word there; one of another size that it overlaps is forgotten */

static weak_word_t *
weak_word(const volatile void *p, size_t size)
{
    weak_word_t     *w;
    weak_granule_t  *g, *first, *second;

    g = weak_granule(p);

    if (g->word != 0 && weak_words[g->word - 1].size == size) {
        return &weak_words[g->word - 1];
    }

    if (weak_nwords == WEAK_WORDS) {
        abort();
    }

    first = weak_granule((const void *) ((uintptr_t) p & ~(uintptr_t) 7));
    second = weak_granule((const void *) ((uintptr_t) p | WEAK_GRANULE));

    if (size == 8
        || (first->word != 0 && weak_words[first->word - 1].size == 8))
    {
        first->word = 0;
        second->word = 0;
    }

    w = &weak_words[weak_nwords++];
    g->word = (uint16_t) weak_nwords;

    w->address = (const void *) p;
    w->size = size;
    w->nvalues = 0;

    (void) weak_value(w, weak_peek(p, size), 0);

    return w;
}


static weak_value_t *
weak_value(weak_word_t *w, uint64_t value, int plain)
{
    weak_value_t  *v;

    if (w->nvalues == WEAK_DEPTH || weak_nvalues == WEAK_VALUES) {
        abort();
    }

    v = &weak_values[weak_nvalues];
    w->values[w->nvalues++] = (uint16_t) weak_nvalues++;

    v->value = value;
    v->plain = plain;
    v->view.nwords = 0;
    memset(v->view.clock, 0, sizeof(v->view.clock));

    return v;
}


/* notes an access, and whether it meets another one that nothing orders */

static void
weak_note(const volatile void *p, size_t size, int store, int plain)
{
    int              race;
    size_t           i;
    uint32_t         now, me;
    weak_granule_t  *g;

    race = 0;
    me = (uint32_t) (weak_thread - weak_threads);
    now = weak_thread->now.clock[me];

    for (i = 0; i < size; i += WEAK_GRANULE) {
        g = weak_granule((const volatile u_char *) p + i);

        race |= weak_is_apart(g->plain_write);

        if (store) {
            race |= weak_is_apart(g->plain_read);
        }

        if (plain) {
            race |= weak_is_apart(g->write);

            if (store) {
                race |= weak_is_apart(g->read);
            }
        }

        if (plain) {
            *(store ? &g->plain_write[me] : &g->plain_read[me]) = now;

        } else {
            *(store ? &g->write[me] : &g->read[me]) = now;
        }
    }

    if (race) {
        weak_wrong("a race");
    }
}


/* whether somebody else was there at a time that this thread is not behind */

static int
weak_is_apart(const uint32_t *when)
{
    uint32_t  i;

    for (i = 0; i < WEAK_THREADS; i++) {
        if (&weak_threads[i] != weak_thread
            && when[i] > weak_thread->now.clock[i])
        {
            return 1;
        }
    }

    return 0;
}


static uint64_t
weak_peek(const volatile void *p, size_t size)
{
    return (size == sizeof(uint64_t)) ? *(const volatile uint64_t *) p
                                      : *(const volatile uint32_t *) p;
}


static void
weak_poke(volatile void *p, size_t size, uint64_t value)
{
    if (size == sizeof(uint64_t)) {
        *(volatile uint64_t *) p = value;

    } else {
        *(volatile uint32_t *) p = (uint32_t) value;
    }
}
