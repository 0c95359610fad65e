
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A machine whose memory is as weak as C11 permits: two threads of a test, on
 * stacks of their own, are switched before any access that they share, and a
 * load gives not only the last value but any that the thread may still see.
 * Plain accesses that nothing orders are found as races.
 *
 * An execution is a sequence of choices.  The first one is without any: the
 * first thread runs to its end, then the second, and every load gives the last
 * value.  weak_next() then goes through all executions that depart from that
 * at most as many times as it is told to: each switch and each load of an
 * older value is one.
 *
 * What is known of a word is its history: the values in the order in which
 * they were stored, each with what its writer let others know by it.  What a
 * thread knows is how far it has seen each word.  An acquire takes over what
 * came with the value, a release hands on what the thread knows, and so on, as
 * in the view-based models of C11.  What these leave out is left out here: a
 * store does not pass a load before it, though a plain read that it would
 * overtake is found as a race; and values come into the history of a word in
 * the order in which they are stored.
 *
 * The memory is the test's.  Not for more than one machine in a process.
 */


#ifndef _WEAK_MEMORY_H_INCLUDED_
#define _WEAK_MEMORY_H_INCLUDED_


#include "slice.h"

#include <stdatomic.h>


#define WEAK_THREADS  3
#define WEAK_SITES    64               /* places in the code, bits of a word */


typedef struct {
    const char     *function;
    const char     *word;
    memory_order    order;             /* as the code has it */
} weak_site_t;


/*
 * The memory under test; in the first "shared" bytes a thread may be stopped
 * before an access.
 */
void weak_create(u_char *base, size_t size, size_t shared);
void weak_free(void);

/* as long as no execution runs accesses are those of the compiler */
uint64_t weak_load(const volatile void *p, size_t size, memory_order order,
    const uint32_t *site);
void weak_store(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site);
uint64_t weak_exchange(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site);
uint64_t weak_fetch_or(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site);
uint64_t weak_fetch_add(volatile void *p, size_t size, uint64_t value,
    memory_order order, const uint32_t *site);
void weak_fence(memory_order order, const uint32_t *site);

/* said beside plain accesses, which are of this memory */
void weak_read(const void *p, size_t len);
void weak_write(const void *p, size_t len);

/* a place in the code that is not relaxed, by its number from 1; or NULL */
uint32_t weak_site(const char *function, const char *word,
    memory_order order);
const weak_site_t *weak_site_of(uint32_t site);

/*
 * Makes these places (bits of their numbers) relaxed; fences acquire and
 * release, unless "more" is set.
 */
void weak_mutate(uint64_t sites, int more);


/*
 * One execution: both threads from the memory as it is, all of it known to
 * both; then finish() in the second one, which gets the last values unless
 * "late" is set.  Returns 0 when weak_wrong() was called, or by a race.
 */
int weak_run(void (*first)(void), void (*second)(void), void (*finish)(void),
    int late);

/* the choices for the next execution; 0 when there is none */
int weak_next(uint32_t departures);
void weak_restart(void);

/* for threads: another one may go on here; now no other one may */
void weak_step(void);
void weak_hold(int hold);

/* what is done now is that thread's, 0 to 2; the third has no other life */
void weak_as(uint32_t thread);

/* what is wrong, told when no place is mutated */
void weak_wrong(const char *text);


#endif /* _WEAK_MEMORY_H_INCLUDED_ */
