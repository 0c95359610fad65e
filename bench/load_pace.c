
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Mode paced: messages go out by the clock, whatever comes back.  Message k of
 * the run is that of client k modulo their number, and is due k intervals
 * after the first one.  So the sender and the number in a message say when it
 * was due, and its latency counts from there: a server that stalls is charged
 * with what should have been sent meanwhile, and the load generator with its
 * own delays.
 *
 * Counted are messages that were due within the measurement, also those that
 * arrive after its end.
 */


#include "load.h"


#define LOAD_STEP_BITS  6               /* log2(LOAD_STEPS) */


static uint64_t load_pace_time(load_t *load, uint64_t k);
static void load_pace_count(load_t *load, uint64_t ns);
static uint64_t load_pace_edge(uint32_t bucket);


void
load_pace_start(load_t *load)
{
    load->paced = 0;
    load->paced_from = load_now();
    load->next_due = load->paced_from;
}


static uint64_t
load_pace_time(load_t *load, uint64_t k)
{
    return load->paced_from + (uint64_t) ((double) k * 1e9 / load->rate);
}


uint64_t
load_pace_due(load_t *load, uint64_t now)
{
    uint64_t  time;

    for ( ;; ) {
        time = load_pace_time(load, load->paced);

        if (time > now) {
            return time;
        }

        load_owe(load, &load->clients[load->paced % load->nclients], 1);

        load->paced++;
    }
}


void
load_pace_received(load_t *load, load_client_t *c)
{
    uint64_t  k, now, due;

    now = load_now();

    k = (c->received - 1) * load->nclients + load_sender(load, c)->index;
    due = load_pace_time(load, k);

    if (load->measure_at == 0 || due < load->measure_at
        || due >= load->measure_at + (uint64_t) (load->seconds * 1e9))
    {
        return;
    }

    load_pace_count(load, now - due);
}


static void
load_pace_count(load_t *load, uint64_t ns)
{
    int       octave;
    uint64_t  bucket;

    bucket = ns;

    if (ns >= LOAD_STEPS) {
        octave = 63 - __builtin_clzll(ns) - LOAD_STEP_BITS;
        bucket = (uint64_t) (octave + 1) * LOAD_STEPS
                 + (ns >> octave) % LOAD_STEPS;
    }

    if (bucket >= LOAD_OCTAVES * LOAD_STEPS) {
        bucket = LOAD_OCTAVES * LOAD_STEPS - 1;
    }

    load->latency[bucket]++;
    load->latencies++;

    if (ns > load->slowest) {
        load->slowest = ns;
    }
}


/* the highest number of ns that is counted in a bucket */

static uint64_t
load_pace_edge(uint32_t bucket)
{
    uint32_t  octave;

    if (bucket < LOAD_STEPS) {
        return bucket;
    }

    octave = bucket / LOAD_STEPS - 1;

    return ((uint64_t) (LOAD_STEPS + bucket % LOAD_STEPS + 1) << octave) - 1;
}


double
load_pace_quantile(load_t *load, double share)
{
    double    ns;
    uint32_t  i;
    uint64_t  count;

    count = 0;

    for (i = 0; i < LOAD_OCTAVES * LOAD_STEPS; i++) {
        count += load->latency[i];

        if (count != 0 && (double) count >= share * (double) load->latencies) {
            ns = (double) load_pace_edge(i);

            return (ns < (double) load->slowest ? ns
                                                : (double) load->slowest)
                   / 1e3;
        }
    }

    return 0;
}
