
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The two halves of the machine: threads and choices (weak_run.c), words and
 * what is known of them (weak_memory.c).
 */


#ifndef _WEAK_INNER_H_INCLUDED_
#define _WEAK_INNER_H_INCLUDED_


#include "weak_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>


#define WEAK_WORDS     512


/* how far a thread has seen each word, and what it has done before */

typedef struct {
    uint32_t        nwords;
    uint32_t        clock[WEAK_THREADS];
    uint16_t        seen[WEAK_WORDS];
} weak_view_t;


typedef struct {
    ucontext_t      context;
    u_char         *stack;
    void          (*script)(void);
    int             done;
    weak_view_t     now;
    weak_view_t     acquired;          /* by a fence, when there is one */
    weak_view_t     released;          /* at the last fence */
    uint16_t        lags[WEAK_WORDS];  /* at this value, plus 1 */
} weak_thread_t;


extern weak_thread_t   weak_threads[WEAK_THREADS];
extern weak_thread_t  *weak_thread;    /* who runs, NULL: the test */
extern uint32_t        weak_runs;
extern int             weak_last;      /* loads give the last value */


void weak_run_create(void);
void weak_run_free(void);

/* all words are unknown again */
void weak_forget(void);

/* of that many ways one, as planned; the first one is no departure */
uint32_t weak_choose(uint32_t ways);

/* the order of that place, weaker when it is mutated */
memory_order weak_order(memory_order order, const uint32_t *site);


#endif /* _WEAK_INNER_H_INCLUDED_ */
