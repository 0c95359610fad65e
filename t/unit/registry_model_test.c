
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Random operations of several workers on the registry and on a plain model,
 * with workers that die between any two stores.
 *
 *     registry_model_test [operations [seed]]
 */


#include "random.h"
#include "registry_model_run.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>


#define PLACES    256                  /* where a worker may die */
#define ANYWHERE  PLACES


typedef struct {
    const char  *file;
    int          line;
    uint64_t     passed[2];            /* in an operation, in a rebuild */
    uint64_t     died[2];
} place_t;


static unsigned missed(int tell);
static const char *run(uint64_t operations);
static void report(void);


static place_t   places[PLACES];
static unsigned  nplaces;
static unsigned  target[2];            /* in an operation, in a rebuild */
static unsigned  patience[2];
static uint64_t  state;


/*
 * Whoever comes to the target dies there, the first time or some time later;
 * or somebody dies anywhere after so many places.
 */

int
fatal(const char *file, int line, int rebuild)
{
    place_t   *place;
    unsigned   i;

    for (i = 0; i < nplaces; i++) {
        if (places[i].line == line && places[i].file == file) {
            break;
        }
    }

    if (i == PLACES) {
        abort();
    }

    place = &places[i];

    if (i == nplaces) {
        place->file = file;
        place->line = line;
        nplaces++;
    }

    place->passed[rebuild]++;

    if ((target[rebuild] != ANYWHERE && target[rebuild] != i)
        || patience[rebuild]-- > 0)
    {
        return 0;
    }

    place->died[rebuild]++;
    aim(rebuild);

    return 1;
}


/* somewhere, or where others have been and nobody or hardly anybody died */

void
aim(int rebuild)
{
    unsigned  i, best;
    place_t  *place;

    if (chance(2)) {
        target[rebuild] = ANYWHERE;
        patience[rebuild] = chance(rebuild ? 2000 : 100);
        return;
    }

    best = chance(nplaces);

    for (i = 0; i < nplaces; i++) {
        place = &places[i];

        if (place->passed[rebuild] > 0
            && (places[best].passed[rebuild] == 0
                || place->died[rebuild] + chance(8)
                   < places[best].died[rebuild]))
        {
            best = i;
        }
    }

    target[rebuild] = best;
    patience[rebuild] = chance(2) ? 0 : chance(30);
}


/* how many places nobody died at */

static unsigned
missed(int tell)
{
    unsigned     i, k, n;
    const char  *file;

    n = 0;

    for (i = 0; i < nplaces; i++) {
        for (k = 0; k < 2; k++) {

            if (places[i].died[k] > 0 || places[i].passed[k] == 0) {
                continue;
            }

            n++;

            if (tell) {
                file = strrchr(places[i].file, '/');
                printf("# nobody died at %s:%d in %s, passed %llu times\n",
                       file ? file + 1 : places[i].file, places[i].line,
                       k ? "a rebuild" : "an operation",
                       (unsigned long long) places[i].passed[k]);
            }
        }
    }

    return n;
}


unsigned
chance(unsigned n)
{
    return random_below(&state, n);
}


static const char *
run(uint64_t operations)
{
    op_t        *op;
    unsigned     total, k;
    uint32_t     wanted, alive;
    uint64_t     n, before;
    const char  *what;

    static const uint32_t  crowds[] = { 1, 3, 8, MODEL_SLOTS };

    total = 0;
    wanted = 0;

    for (k = 0; k < nops; k++) {
        total += ops[k].weight;
    }

    /* a place that is hardly ever come to needs more of them */

    for (n = 0; n < operations || missed(0); n++) {

        if (n == 20 * operations) {
            break;
        }

        before = deaths;
        mortal = chance(2) == 0;

        if (n % 100 == 0) {
            aim(0);
        }

        if (n % 2000 == 0) {
            wanted = crowds[chance(4)];
        }

        alive = model_staff(wanted);

        if (alive < wanted) {
            what = model_spawn();
            alive = model_staff(wanted);

            if (what == NULL && alive == 0 && deaths == before) {
                what = model_clean(chance(MODEL_SLOTS));
            }

            if (what != NULL) {
                printf("# after a start\n");
                return what;
            }

            if (alive == 0) {
                continue;
            }
        }

        k = chance(total);

        for (op = ops; k >= op->weight; op++) {
            k -= op->weight;
        }

        what = model_step(op);

        if (what == NULL && (n % 16 == 0 || deaths != before)) {
            what = model_compare(&model);
        }

        if (what != NULL) {
            printf("# after %s\n", op->name);
            return what;
        }
    }

    return NULL;
}


static void
report(void)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < nops; i++) {
        n += ops[i].done;
        printf("# %-12s %10llu, deaths %8llu\n", ops[i].name,
               (unsigned long long) ops[i].done,
               (unsigned long long) ops[i].deaths);
    }

    printf("# %llu operations, %llu deaths, %llu of them in a rebuild, "
           "%u workers, full %llu times, a peer %llu times, "
           "small %llu times\n",
           (unsigned long long) n,
           (unsigned long long) deaths + (unsigned long long) rebuild_deaths,
           (unsigned long long) rebuild_deaths, spawned,
           (unsigned long long) full, (unsigned long long) parts,
           (unsigned long long) small);

    printf("# places to die: %u\n", nplaces);
}


int
main(int argc, char **argv)
{
    size_t       i;
    uint64_t     operations;
    const char  *what;

    operations = argc > 1 ? strtoull(argv[1], NULL, 10) : 60000;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t) time(NULL);

    printf("# seed %llu\n", (unsigned long long) state);

    for (i = 0; i < KEYS_MAX; i++) {
        keys_text[i] = (u_char) (i * 2654435761u >> 16);
    }

    model_begin();

    what = run(operations);

    if (what != NULL) {
        printf("# %s\n", what);
    }

    ok(what == NULL, "registry and model are the same all the time");

    what = what == NULL ? model_finish() : "not tried";

    if (what != NULL) {
        printf("# %s\n", what);
    }

    ok(what == NULL, "and nothing is left in the end");

    ok(missed(1) == 0, "somebody died at every place");

    report();

    region_free(&model.region);

    return tap_done();
}
