
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "weak_inner.h"


#define WEAK_CHOICES   8192
#define WEAK_STACK     262144


typedef struct {
    uint32_t        taken;
    uint32_t        ways;
} weak_choice_t;


static void weak_thread_start(weak_thread_t *t, void (*script)(void));
static void weak_thread_set(weak_thread_t *t, void (*script)(void));
static void weak_thread_main(void);
static void weak_switch(weak_thread_t *to);


weak_thread_t           weak_threads[WEAK_THREADS];
weak_thread_t          *weak_thread;
uint32_t                weak_runs;
int                     weak_last;

static weak_thread_t   *weak_other;    /* who is to run next */
static ucontext_t       weak_scheduler;
static int              weak_held;
static int              weak_fine;

static weak_choice_t    weak_choices[WEAK_CHOICES];
static uint32_t         weak_nchoices; /* of this execution so far */
static uint32_t         weak_planned;

static weak_site_t      weak_sites[WEAK_SITES];
static uint32_t         weak_nsites;
static uint64_t         weak_mutant;
static int              weak_unfenced;


void
weak_run_create(void)
{
    uint32_t  i;

    for (i = 0; i < WEAK_THREADS; i++) {
        weak_threads[i].stack = malloc(WEAK_STACK);

        if (weak_threads[i].stack == NULL) {
            abort();
        }
    }
}


void
weak_run_free(void)
{
    uint32_t  i;

    for (i = 0; i < WEAK_THREADS; i++) {
        free(weak_threads[i].stack);
    }
}


int
weak_run(void (*first)(void), void (*second)(void), void (*finish)(void),
    int late)
{
    weak_fine = 1;
    weak_held = 0;
    weak_last = 0;
    weak_runs++;
    weak_nchoices = 0;

    weak_forget();

    weak_thread_start(&weak_threads[0], first);
    weak_thread_start(&weak_threads[1], second);
    weak_thread_start(&weak_threads[2], NULL);

    while (!weak_threads[0].done || !weak_threads[1].done) {
        weak_switch(&weak_threads[weak_threads[0].done]);
    }

    /* what the second thread knows it knows on */

    weak_last = !late;

    weak_thread_set(&weak_threads[1], finish);
    weak_switch(&weak_threads[1]);

    return weak_fine;
}


static void
weak_thread_start(weak_thread_t *t, void (*script)(void))
{
    memset(&t->now, 0, sizeof(weak_view_t));
    memset(&t->acquired, 0, sizeof(weak_view_t));
    memset(&t->released, 0, sizeof(weak_view_t));
    memset(t->lags, 0, sizeof(t->lags));

    t->now.clock[t - weak_threads] = 1;

    weak_thread_set(t, script);
}


static void
weak_thread_set(weak_thread_t *t, void (*script)(void))
{
    t->script = script;
    t->done = 0;

    if (script == NULL) {
        return;
    }

    if (getcontext(&t->context) == -1) {
        abort();
    }

    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = WEAK_STACK;
    t->context.uc_link = &weak_scheduler;

    makecontext(&t->context, weak_thread_main, 0);
}


static void
weak_thread_main(void)
{
    weak_thread->script();
    weak_thread->done = 1;
}


/* until the thread has done, or has been stopped */

static void
weak_switch(weak_thread_t *to)
{
    while (to != NULL) {
        weak_thread = to;
        weak_other = NULL;

        if (swapcontext(&weak_scheduler, &to->context) == -1) {
            abort();
        }

        to = weak_other;
    }

    weak_thread = NULL;
}


void
weak_step(void)
{
    weak_thread_t  *t, *other;

    t = weak_thread;

    if (t == NULL || weak_held) {
        return;
    }

    other = &weak_threads[t == weak_threads];

    if (other->done || weak_choose(2) == 0) {
        return;
    }

    weak_other = other;

    if (swapcontext(&t->context, &weak_scheduler) == -1) {
        abort();
    }
}


void
weak_hold(int hold)
{
    weak_held += hold ? 1 : -1;
}


void
weak_as(uint32_t thread)
{
    if (weak_thread != NULL) {
        weak_thread = &weak_threads[thread];
    }
}


uint32_t
weak_choose(uint32_t ways)
{
    weak_choice_t  *choice;

    if (weak_nchoices == WEAK_CHOICES) {
        abort();
    }

    choice = &weak_choices[weak_nchoices];

    if (weak_nchoices++ >= weak_planned) {
        choice->taken = 0;
    }

    choice->ways = ways;

    return choice->taken;
}


/* the last choice that has another way within the limit */

int
weak_next(uint32_t departures)
{
    uint32_t        i, n;
    weak_choice_t  *choice;

    n = 0;

    for (i = 0; i < weak_nchoices; i++) {
        n += (weak_choices[i].taken != 0);
    }

    for (i = weak_nchoices; i > 0; i--) {
        choice = &weak_choices[i - 1];
        n -= (choice->taken != 0);

        if (n < departures && choice->taken + 1 < choice->ways) {
            choice->taken++;
            weak_planned = i;
            return 1;
        }
    }

    weak_planned = 0;

    return 0;
}


void
weak_restart(void)
{
    weak_planned = 0;
}


uint32_t
weak_site(const char *function, const char *word, memory_order order)
{
    uint32_t  i;

    if (order == memory_order_relaxed) {
        return WEAK_SITES - 1;
    }

    for (i = 0; i < weak_nsites; i++) {
        if (strcmp(weak_sites[i].function, function) == 0
            && strcmp(weak_sites[i].word, word) == 0
            && weak_sites[i].order == order)
        {
            return i + 1;
        }
    }

    if (weak_nsites == WEAK_SITES - 2) {
        abort();
    }

    weak_sites[weak_nsites].function = function;
    weak_sites[weak_nsites].word = word;
    weak_sites[weak_nsites].order = order;

    return ++weak_nsites;
}


const weak_site_t *
weak_site_of(uint32_t site)
{
    return (site == 0 || site > weak_nsites) ? NULL : &weak_sites[site - 1];
}


void
weak_mutate(uint64_t sites, int more)
{
    weak_mutant = sites;
    weak_unfenced = more;
}


memory_order
weak_order(memory_order order, const uint32_t *site)
{
    if (!(weak_mutant & (uint64_t) 1 << *site)) {
        return order;
    }

    return (order == memory_order_seq_cst && !weak_unfenced)
           ? memory_order_acq_rel : memory_order_relaxed;
}


void
weak_wrong(const char *text)
{
    if (weak_fine && weak_mutant == 0) {
        printf("# %s\n", text);
    }

    weak_fine = 0;
}
