
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The phases of a run: all come in, a warm-up, the measurement, what is still
 * under way; or, without traffic, holding until stdin ends.
 */


#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "load.h"


#define LOAD_EVENTS  512
#define LOAD_STDIN   UINT32_MAX         /* epoll data of stdin */


static void load_stdin_watch(load_t *load);
static void load_stdin(load_t *load);
static uint32_t load_opening_index(load_t *load, uint32_t n);
static void load_open_more(load_t *load);
static void load_opening(load_t *load, uint64_t now);
static void load_all_joined(load_t *load, uint64_t now);
static void load_hold(load_t *load, uint64_t now);
static void load_measure(load_t *load, uint64_t now);
static void load_measured(load_t *load, uint64_t now);
static void load_drain(load_t *load, uint64_t now);
static void load_flush_dirty(load_t *load);
static void load_clock(load_t *load);
static int load_wait(load_t *load, struct epoll_event *events, uint64_t now);
static void load_turn(load_t *load, uint64_t now);


void
load_run(load_t *load)
{
    int                        i, n;
    uint64_t                   now;
    static struct epoll_event  events[LOAD_EVENTS];

    /* the kernel may be late by 50 us otherwise */

    (void) prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);

    if (!load->mode->traffic || load->halves != LOAD_WHOLE) {
        load_stdin_watch(load);
    }

    now = load_now();

    load->opened_at = now;
    load->opening_cpu = load_server_cpu(load);
    load->deadline = now + (uint64_t) (load->timeout * 1e9);

    load_open_more(load);

    while (load->phase != LOAD_DONE) {

        n = load_wait(load, events, now);

        for (i = 0; i < n; i++) {

            if (events[i].data.u32 == LOAD_STDIN) {
                load_stdin(load);
                continue;
            }

            load_client_event(load, &load->clients[events[i].data.u32],
                              events[i].events);
            load_flush_dirty(load);
            load_clock(load);
        }

        load_clock(load);

        now = load_now();
        load_turn(load, now);
    }
}


static void
load_stdin_watch(load_t *load)
{
    struct epoll_event  ee;

    memset(&ee, 0, sizeof(struct epoll_event));

    ee.events = EPOLLIN;
    ee.data.u32 = LOAD_STDIN;

    if (epoll_ctl(load->ep, EPOLL_CTL_ADD, STDIN_FILENO, &ee) == -1) {
        load_fail(load, NULL, "somebody has to speak or to wait here, and "
                  "stdin is no pipe or terminal: epoll_ctl(): %s",
                  strerror(errno));
    }
}


static void
load_stdin(load_t *load)
{
    char     buf[256];
    ssize_t  n;

    n = read(STDIN_FILENO, buf, sizeof(buf));

    if (n == -1 && errno == EINTR) {
        return;
    }

    if (load->phase == LOAD_HALF && n > 0) {
        load->phase = LOAD_OPENING;
        load->deadline = load_now() + (uint64_t) (load->timeout * 1e9);

        if (load->mode->traffic) {
            (void) epoll_ctl(load->ep, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        }

        return;
    }

    if (n <= 0) {

        if (load->phase != LOAD_HOLD) {
            load_fail(load, NULL, "stdin ended before all had joined: "
                      "%u of %u", load->joined, load->nclients);
        }

        load->phase = LOAD_DONE;
    }
}


/* the client that is opened as the n-th one */

static uint32_t
load_opening_index(load_t *load, uint32_t n)
{
    uint32_t  half;

    if (load->halves != LOAD_BY_MEMBER) {
        return n;
    }

    half = load->nclients / 2;

    return (n < half) ? n * 2 : (n - half) * 2 + 1;
}


static void
load_open_more(load_t *load)
{
    uint32_t  end;

    end = load->nclients;

    if (load->halves != LOAD_WHOLE && load->started <= end / 2
        && load->settled < end / 2)
    {
        end /= 2;
    }

    while (load->started < end
           && load->started - load->settled < load->opening)
    {
        load_client_connect(load,
                   &load->clients[load_opening_index(load, load->started)]);

        load->started++;
    }
}


void
load_settled(load_t *load, load_client_t *c)
{
    if (c->state >= LOAD_CLIENT_SETTLED) {
        return;
    }

    c->state = LOAD_CLIENT_SETTLED;

    if (load->phase != LOAD_OPENING) {
        return;
    }

    load->settled++;

    if (load->halves == LOAD_WHOLE) {
        return;
    }

    if (load->settled == load->nclients / 2) {
        load->phase = LOAD_HALF;

        printf("{\"half\":%u}\n", load->settled);
        (void) fflush(stdout);

    } else if (load->settled == load->nclients) {
        printf("{\"settled\":%u}\n", load->settled);
        (void) fflush(stdout);
    }
}


void
load_joined(load_t *load, load_client_t *c)
{
    load_settled(load, c);

    if (c->state == LOAD_CLIENT_JOINED) {
        return;
    }

    c->state = LOAD_CLIENT_JOINED;

    if (load->phase > LOAD_HALF) {
        load->mode->welcomed(load, c);
        return;
    }

    load->joined++;
}


static void
load_opening(load_t *load, uint64_t now)
{
    if (load->joined == load->nclients) {
        load_all_joined(load, now);
        return;
    }

    load_open_more(load);

    if (now >= load->deadline) {
        load_fail(load, NULL, "%u of %u have joined after %.0f seconds",
                  load->joined, load->nclients, load->timeout);
    }
}


static void
load_all_joined(load_t *load, uint64_t now)
{
    load->joined_at = now;
    load->opening_cpu = load_server_cpu(load) - load->opening_cpu;

    if (load->mode->traffic) {
        load_acks_set(load);

        load->phase = LOAD_WARMUP;
        load->deadline = now + (uint64_t) (load->warmup * 1e9);

    } else {
        load->phase = LOAD_DRAIN;
        load->deadline = now + (uint64_t) (load->timeout * 1e9);
    }

    if (load->mode->start != NULL) {
        load->mode->start(load);
        load_flush_dirty(load);
    }

    load_turn(load, now);
}


static void
load_hold(load_t *load, uint64_t now)
{
    load->phase = LOAD_HOLD;

    printf("{\"up\":%u,\"seconds\":%.3f,\"server_cpu\":%.2f}\n",
           load->nclients, (double) (load->joined_at - load->opened_at) / 1e9,
           load->opening_cpu);
    (void) fflush(stdout);
}


void
load_owe(load_t *load, load_client_t *c, uint32_t n)
{
    c->owed += n;

    if (!c->dirty) {
        c->dirty = 1;
        c->next = load->dirty;
        load->dirty = c;
    }
}


static void
load_flush_dirty(load_t *load)
{
    load_client_t  *c;

    while (load->dirty != NULL) {
        c = load->dirty;

        load->dirty = c->next;
        c->next = NULL;
        c->dirty = 0;

        while (c->owed != 0) {
            c->owed--;
            load_message_send(load, c);
        }

        load_client_flush(load, c);
    }
}


/* a mode with a clock is asked after each event, lest it is late */

static void
load_clock(load_t *load)
{
    uint64_t  now;

    if (load->mode->due == NULL
        || (load->phase != LOAD_WARMUP && load->phase != LOAD_MEASURE))
    {
        return;
    }

    now = load_now();

    if (now >= load->next_due) {
        load->next_due = load->mode->due(load, now);
        load_flush_dirty(load);
    }
}


static int
load_wait(load_t *load, struct epoll_event *events, uint64_t now)
{
    int               n;
    uint64_t          until, wait;
    struct timespec   ts, *timeout;

    until = load->deadline;

    if (load->mode->due != NULL && load->next_due < until
        && (load->phase == LOAD_WARMUP || load->phase == LOAD_MEASURE))
    {
        until = load->next_due;
        now = load_now();
    }

    wait = (until > now) ? until - now : 0;

    ts.tv_sec = (time_t) (wait / 1000000000);
    ts.tv_nsec = (long) (wait % 1000000000);

    timeout = (load->phase == LOAD_HOLD || load->phase == LOAD_HALF) ? NULL
                                                                     : &ts;

    n = epoll_pwait2(load->ep, events, LOAD_EVENTS, timeout, NULL);

    if (n == -1 && errno != EINTR) {
        load_fail(load, NULL, "epoll_pwait2(): %s", strerror(errno));
    }

    return n;
}


static void
load_measure(load_t *load, uint64_t now)
{
    load->phase = LOAD_MEASURE;
    load->measure_at = now;
    load->deadline = now + (uint64_t) (load->seconds * 1e9);
    load->measure_from = load->received;
    load->server_cpu = load_server_cpu(load);
    load->load_cpu = load_own_cpu();
}


static void
load_measured(load_t *load, uint64_t now)
{
    load->server_cpu = load_server_cpu(load) - load->server_cpu;
    load->load_cpu = load_own_cpu() - load->load_cpu;
    load->messages = load->received - load->measure_from;
    load->measured_ns = now - load->measure_at;
    load->quick = load_acks_quick(load);
    load->phase = LOAD_DRAIN;
    load->deadline = now + (uint64_t) (load->timeout * 1e9);
}


static void
load_drain(load_t *load, uint64_t now)
{
    if (load->received == load->sent && load->acked == load->asked) {

        if (load->mode->traffic) {
            load->phase = LOAD_DONE;

        } else {
            load_hold(load, now);
        }

        return;
    }

    if (now < load->deadline) {
        return;
    }

    if (load->received != load->sent) {
        load_fail(load, NULL, "%llu %s, %llu have arrived",
                  (unsigned long long) load->sent,
                  load->mode->clients == 0 ? "messages were sent"
                                           : "answers were due",
                  (unsigned long long) load->received);
    }

    load_fail(load, NULL, "%llu acks were due, %llu have arrived",
              (unsigned long long) load->asked,
              (unsigned long long) load->acked);
}


/* moves from phase to phase */

static void
load_turn(load_t *load, uint64_t now)
{
    switch (load->phase) {

    case LOAD_OPENING:
        load_opening(load, now);
        return;

    case LOAD_WARMUP:

        if (now >= load->deadline) {
            load_measure(load, now);
        }

        return;

    case LOAD_MEASURE:

        if (now >= load->deadline) {
            load_measured(load, now);
        }

        return;

    case LOAD_DRAIN:
        load_drain(load, now);
        return;

    case LOAD_HALF:
    case LOAD_HOLD:
    case LOAD_DONE:
        return;
    }
}
