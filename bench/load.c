
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


static void load_files(load_t *load);
static void load_init(load_t *load);
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
    size_t    i, len;
    uint32_t  state;

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

    if (load->secure) {
        load_tls_init(load);
    }

    load_member_init(load);
}


static void
load_close(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load_tls_close(&load->clients[i]);
        (void) close(load->clients[i].fd);
        free(load->clients[i].in);
        free(load->clients[i].out);
    }

    (void) close(load->ep);

    load_member_done(load);
    load_tls_done(load);

    free(load->clients);
    free(load->read_buf);
    free(load->out_buf);
    free(load->data_buf);
    free(load->message_buf);
    free(load->pattern);
    free(load->tokens);
    free(load->token_text);
}
