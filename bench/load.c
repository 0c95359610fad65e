
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "load.h"


#define LOAD_EVENTS  512
#define LOAD_STDIN   UINT32_MAX         /* epoll data of stdin */


static void load_files(load_t *load);
static void load_init(load_t *load);
static void load_open_more(load_t *load);
static void load_flush_dirty(load_t *load);
static void load_stdin(load_t *load);
static int load_wait(load_t *load, uint64_t now);
static void load_turn(load_t *load, uint64_t now);
static void load_all_joined(load_t *load, uint64_t now);
static int load_all_arrived(load_t *load);
static void load_run(load_t *load);
static void load_close(load_t *load);


int
main(int argc, char **argv)
{
    static load_t  load;

    (void) signal(SIGPIPE, SIG_IGN);

    load_options(&load, argc, argv);
    load_files(&load);
    load_init(&load);
    load_run(&load);
    load_report(&load);
    load_close(&load);

    return 0;
}


uint64_t
load_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


void
load_fail(load_t *load, load_client_t *c, const char *fmt, ...)
{
    va_list  args;

    (void) fflush(stdout);

    fprintf(stderr, "load: ");

    if (load->dialect != NULL && load->mode != NULL) {
        fprintf(stderr, "%s, %s: ", load->dialect->name, load->mode->name);
    }

    if (c != NULL) {
        fprintf(stderr, "client %u: ", c->index);
    }

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fprintf(stderr, "\n");

    exit(1);
}


static void
load_files(load_t *load)
{
    rlim_t         need;
    struct rlimit  limit;

    need = (rlim_t) load->nclients + 64;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        load_fail(load, NULL, "getrlimit(): %s", strerror(errno));
    }

    if (limit.rlim_cur >= need) {
        return;
    }

    limit.rlim_cur = need;

    if (limit.rlim_max < need) {
        limit.rlim_max = need;
    }

    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
        load_fail(load, NULL, "%lu open files are needed and the limit can "
                  "not be raised: run as root, or raise the hard limit "
                  "(ulimit -Hn), or take fewer rooms",
                  (unsigned long) need);
    }
}


static void
load_init(load_t *load)
{
    size_t              i, len;
    uint32_t            state;
    struct epoll_event  ee;

    load->read_size = LOAD_READ_SIZE + LOAD_MAX_FRAME + LOAD_FRAME_HEAD;
    load->out_size = LOAD_READ_SIZE;

    len = LOAD_PATTERN + LOAD_MAX_BYTES;

    load->clients = calloc(load->nclients, sizeof(load_client_t));
    load->read_buf = malloc(load->read_size);
    load->out_buf = malloc(load->out_size);
    load->data_buf = malloc(LOAD_MAX_BYTES);
    load->message_buf = malloc(LOAD_MAX_BYTES + LOAD_OVERHEAD);
    load->pattern = malloc(len);

    if (load->clients == NULL || load->read_buf == NULL
        || load->out_buf == NULL || load->data_buf == NULL
        || load->message_buf == NULL || load->pattern == NULL)
    {
        load_fail(load, NULL, "out of memory");
    }

    state = 2463534242;

    for (i = 0; i < LOAD_PATTERN; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;

        load->pattern[i] = "abcdefghijklmnopqrstuvwxyz+/0123"[state & 31];
    }

    for ( /* void */ ; i < len; i++) {
        load->pattern[i] = load->pattern[i - LOAD_PATTERN];
    }

    load->mask = state;

    for (i = 0; i < load->nclients; i++) {
        load->clients[i].index = (uint32_t) i;
        load->clients[i].fd = -1;
    }

    load->ep = epoll_create1(EPOLL_CLOEXEC);
    if (load->ep == -1) {
        load_fail(load, NULL, "epoll_create1(): %s", strerror(errno));
    }

    if (!load->mode->traffic) {
        memset(&ee, 0, sizeof(struct epoll_event));

        ee.events = EPOLLIN;
        ee.data.u32 = LOAD_STDIN;

        if (epoll_ctl(load->ep, EPOLL_CTL_ADD, STDIN_FILENO, &ee) == -1) {
            load_fail(load, NULL, "this mode holds until stdin ends, and "
                      "stdin is no pipe or terminal: epoll_ctl(): %s",
                      strerror(errno));
        }
    }
}


static void
load_open_more(load_t *load)
{
    uint32_t  pending;

    pending = load->started - load->joined;

    /*
     * A room is opened in one go: its first client can not be joined before
     * its last one is.
     */

    while (load->started < load->nclients
           && (pending < load->opening
               || load->started % load->room_size != 0))
    {
        load_client_connect(load, &load->clients[load->started]);

        load->started++;
        pending++;
    }
}


void
load_joined(load_t *load, load_client_t *c)
{
    if (c->state == LOAD_CLIENT_JOINED) {
        return;
    }

    c->state = LOAD_CLIENT_JOINED;
    load->joined++;
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
            load_send(load, c);
        }

        load_client_flush(load, c);
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

    if (n <= 0) {

        if (load->phase != LOAD_HOLD) {
            load_fail(load, NULL, "stdin ended before all had joined: "
                      "%u of %u", load->joined, load->nclients);
        }

        load->phase = LOAD_DONE;
    }
}


/* the milliseconds that epoll_wait() may take */

static int
load_wait(load_t *load, uint64_t now)
{
    int  wait;

    if (load->phase == LOAD_HOLD) {
        wait = -1;

    } else if (load->deadline <= now) {
        wait = 0;

    } else {
        wait = (int) ((load->deadline - now) / 1000000 + 1);
    }

    return wait;
}


static void
load_all_joined(load_t *load, uint64_t now)
{
    load->joined_at = now;
    load->opening_cpu = load_server_cpu(load) - load->opening_cpu;

    if (!load->mode->traffic) {
        load->phase = LOAD_HOLD;

        printf("{\"up\":%u,\"seconds\":%.3f}\n", load->nclients,
               (double) (now - load->opened_at) / 1e9);
        (void) fflush(stdout);

        return;
    }

    load->phase = LOAD_WARMUP;
    load->deadline = now + (uint64_t) (load->warmup * 1e9);

    load->mode->start(load);
    load_flush_dirty(load);
}


static int
load_all_arrived(load_t *load)
{
    return load->received == load->sent;
}


/* moves from phase to phase */

static void
load_turn(load_t *load, uint64_t now)
{
    switch (load->phase) {

    case LOAD_OPENING:

        if (load->joined == load->nclients) {
            load_all_joined(load, now);
            return;
        }

        load_open_more(load);

        if (now >= load->deadline) {
            load_fail(load, NULL, "%u of %u have joined after %.0f seconds",
                      load->joined, load->nclients, load->timeout);
        }

        return;

    case LOAD_WARMUP:

        if (now >= load->deadline) {
            load->phase = LOAD_MEASURE;
            load->measure_at = now;
            load->deadline = now + (uint64_t) (load->seconds * 1e9);
            load->measure_from = load->received;
            load->server_cpu = load_server_cpu(load);
            load->load_cpu = load_own_cpu();
        }

        return;

    case LOAD_MEASURE:

        if (now >= load->deadline) {
            load->server_cpu = load_server_cpu(load) - load->server_cpu;
            load->load_cpu = load_own_cpu() - load->load_cpu;
            load->messages = load->received - load->measure_from;
            load->measured_ns = now - load->measure_at;
            load->phase = LOAD_DRAIN;
            load->deadline = now + (uint64_t) (load->timeout * 1e9);
        }

        return;

    case LOAD_DRAIN:

        if (load_all_arrived(load)) {
            load->phase = LOAD_DONE;
            return;
        }

        if (now >= load->deadline) {
            load_fail(load, NULL, "%llu %s, %llu have arrived",
                      (unsigned long long) load->sent,
                      load->mode->clients == 0 ? "messages were sent"
                                               : "answers were due",
                      (unsigned long long) load->received);
        }

        return;

    case LOAD_HOLD:
    case LOAD_DONE:
        return;
    }
}


static void
load_run(load_t *load)
{
    int                        i, n;
    uint64_t                   now;
    static struct epoll_event  events[LOAD_EVENTS];

    now = load_now();

    load->opened_at = now;
    load->opening_cpu = load_server_cpu(load);
    load->deadline = now + (uint64_t) (load->timeout * 1e9);

    load_open_more(load);

    while (load->phase != LOAD_DONE) {

        n = epoll_wait(load->ep, events, LOAD_EVENTS, load_wait(load, now));

        if (n == -1 && errno != EINTR) {
            load_fail(load, NULL, "epoll_wait(): %s", strerror(errno));
        }

        for (i = 0; i < n; i++) {

            if (events[i].data.u32 == LOAD_STDIN) {
                load_stdin(load);
                continue;
            }

            load_client_event(load, &load->clients[events[i].data.u32],
                              events[i].events);
            load_flush_dirty(load);
        }

        now = load_now();
        load_turn(load, now);
    }
}


static void
load_close(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        (void) close(load->clients[i].fd);
        free(load->clients[i].in);
        free(load->clients[i].out);
    }

    (void) close(load->ep);

    free(load->clients);
    free(load->read_buf);
    free(load->out_buf);
    free(load->data_buf);
    free(load->message_buf);
    free(load->pattern);
    free(load->tokens);
    free(load->token_text);
}
