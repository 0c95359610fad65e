
/*
 * Copyright (C) The ngx_signaling authors
 *
 * The floor: a relay that does nothing but relay.  It accepts a WebSocket
 * handshake, makes rooms by the path of the URL, and passes each message of
 * one to the others: one read, one write for each of them, the payload
 * unmasked in between and not looked at.  What it costs is what the kernel
 * costs, and a relay that knows rights, rooms and JSON is measured against it.
 *
 *     floor port [batch]
 *
 * Without "batch" every frame is written by itself; with it, the frames that
 * one read has brought are written at once.  There are no timeouts and no
 * limits but those that keep memory safe: this is no server for anyone.
 */


#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "floor.h"


#define FLOOR_EVENTS     512
#define FLOOR_READ       65536
#define FLOOR_MAX_OUT    ((size_t) 16 * 1024 * 1024)
#define FLOOR_FILES      1048576


static int floor_listen(const char *port);
static void floor_files(void);
static void floor_accept(int listener);
static void floor_watch(floor_conn_t *c, int op, uint32_t events);
static void floor_read(floor_conn_t *c);
static size_t floor_handshake(floor_conn_t *c, u_char *p, size_t len);
static void floor_flush(floor_conn_t *c);
static int floor_append(u_char **buf, size_t *buf_len, size_t *size,
    u_char *p, size_t len);
static void floor_free_closed(void);


int                   floor_batch;
u_char               *floor_batched;
size_t                floor_batched_len;

static int            floor_ep;
static floor_conn_t  *floor_closed;
static u_char         floor_buf[FLOOR_MAX_FRAME + 14 + FLOOR_READ];


int
main(int argc, char **argv)
{
    int                        i, n, listener;
    floor_conn_t              *c;
    static struct epoll_event  events[FLOOR_EVENTS];

    if (argc < 2 || argc > 3
        || (argc == 3 && strcmp(argv[2], "batch") != 0))
    {
        fprintf(stderr, "usage: floor port [batch]\n");
        return 2;
    }

    floor_batch = (argc == 3);

    (void) signal(SIGPIPE, SIG_IGN);

    floor_files();

    floor_ep = epoll_create1(EPOLL_CLOEXEC);
    listener = floor_listen(argv[1]);

    if (floor_ep == -1 || listener == -1) {
        fprintf(stderr, "floor: port %s: %s\n", argv[1], strerror(errno));
        return 1;
    }

    events[0].events = EPOLLIN;
    events[0].data.ptr = NULL;

    if (epoll_ctl(floor_ep, EPOLL_CTL_ADD, listener, &events[0]) == -1) {
        fprintf(stderr, "floor: epoll_ctl(): %s\n", strerror(errno));
        return 1;
    }

    for ( ;; ) {
        n = epoll_wait(floor_ep, events, FLOOR_EVENTS, -1);

        if (n == -1 && errno != EINTR) {
            fprintf(stderr, "floor: epoll_wait(): %s\n", strerror(errno));
            return 1;
        }

        for (i = 0; i < n; i++) {
            c = events[i].data.ptr;

            if (c == NULL) {
                floor_accept(listener);
                continue;
            }

            if (!c->closed && (events[i].events & EPOLLOUT)) {
                floor_flush(c);
            }

            if (!c->closed && (events[i].events & ~(uint32_t) EPOLLOUT)) {
                floor_read(c);
            }
        }

        floor_free_closed();
    }
}


static int
floor_listen(const char *port)
{
    int                 fd, on;
    long                number;
    char               *end;
    struct sockaddr_in  addr;

    number = strtol(port, &end, 10);

    if (end == port || *end != '\0' || number < 1 || number > 65535) {
        errno = EINVAL;
        return -1;
    }

    fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }

    on = 1;

    memset(&addr, 0, sizeof(struct sockaddr_in));
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    addr.sin_port = htons((uint16_t) number);

    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(int)) == -1
        || bind(fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        || listen(fd, 511) == -1)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


/* as many files as we may have; without root that is the hard limit */

static void
floor_files(void)
{
    struct rlimit  limit;

    limit.rlim_cur = FLOOR_FILES;
    limit.rlim_max = FLOOR_FILES;

    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return;
    }

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
    }
}


static void
floor_accept(int listener)
{
    int            fd, on;
    floor_conn_t  *c;

    on = 1;

    for ( ;; ) {
        fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);

        if (fd == -1) {
            return;
        }

        c = calloc(1, sizeof(floor_conn_t));

        if (c == NULL) {
            (void) close(fd);
            return;
        }

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));

        c->fd = fd;

        floor_watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}


static void
floor_watch(floor_conn_t *c, int op, uint32_t events)
{
    struct epoll_event  ee;

    memset(&ee, 0, sizeof(struct epoll_event));

    ee.events = events;
    ee.data.ptr = c;

    if (epoll_ctl(floor_ep, op, c->fd, &ee) == -1) {
        floor_close(c);
        return;
    }

    c->writing = (events & EPOLLOUT) ? 1 : 0;
}


static void
floor_read(floor_conn_t *c)
{
    size_t   len, used;
    u_char  *p;
    ssize_t  n;

    p = floor_buf;
    len = c->in_len;

    if (len != 0) {
        memcpy(p, c->in, len);
    }

    n = recv(c->fd, p + len, FLOOR_READ, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        floor_close(c);
        return;
    }

    c->in_len = 0;
    len += (size_t) n;

    floor_batched = NULL;
    floor_batched_len = 0;

    while (len != 0 && !c->closed && !c->leaving) {

        used = c->open ? floor_frame(c, p, len) : floor_handshake(c, p, len);

        if (used == 0) {
            break;
        }

        p += used;
        len -= used;
    }

    if (floor_batched_len != 0) {
        floor_relay(c, floor_batched, floor_batched_len);
    }

    if (c->leaving) {
        floor_close(c);
    }

    if (len != 0 && !c->closed
        && floor_append(&c->in, &c->in_len, &c->in_size, p, len) == -1)
    {
        floor_close(c);
    }
}


static size_t
floor_handshake(floor_conn_t *c, u_char *p, size_t len)
{
    char     path[FLOOR_PATH];
    size_t   n;
    u_char  *end, response[FLOOR_RESPONSE];

    end = memmem(p, len, "\r\n\r\n", 4);

    if (end == NULL) {

        if (len > FLOOR_READ) {
            floor_close(c);
        }

        return 0;
    }

    n = floor_upgrade(p, (size_t) (end - p), path, response);

    if (n == 0) {
        floor_close(c);
        return 0;
    }

    c->open = 1;

    if (floor_join(c, path) == -1) {
        floor_close(c);
        return 0;
    }

    floor_write(c, response, n);

    return (size_t) (end - p) + 4;
}


void
floor_write(floor_conn_t *c, u_char *p, size_t len)
{
    ssize_t  n;

    if (c->closed) {
        return;
    }

    n = 0;

    if (c->out_len == 0) {
        n = send(c->fd, p, len, MSG_NOSIGNAL);

        if (n == (ssize_t) len) {
            return;
        }

        if (n == -1) {

            if (errno != EAGAIN && errno != EINTR) {
                floor_close(c);
                return;
            }

            n = 0;
        }
    }

    if (c->out_len > FLOOR_MAX_OUT
        || floor_append(&c->out, &c->out_len, &c->out_size, p + n,
                        len - (size_t) n)
           == -1)
    {
        floor_close(c);
        return;
    }

    if (!c->writing) {
        floor_watch(c, EPOLL_CTL_MOD, EPOLLIN|EPOLLOUT);
    }
}


static void
floor_flush(floor_conn_t *c)
{
    ssize_t  n;

    n = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL);

    if (n == -1) {

        if (errno != EAGAIN && errno != EINTR) {
            floor_close(c);
        }

        return;
    }

    c->out_len -= (size_t) n;

    if (c->out_len != 0) {
        memmove(c->out, c->out + n, c->out_len);
        return;
    }

    floor_watch(c, EPOLL_CTL_MOD, EPOLLIN);
}


static int
floor_append(u_char **buf, size_t *buf_len, size_t *size, u_char *p,
    size_t len)
{
    size_t   need;
    u_char  *new;

    need = *buf_len + len;

    if (need > *size) {

        new = realloc(*buf, need);
        if (new == NULL) {
            return -1;
        }

        *buf = new;
        *size = need;
    }

    memcpy(*buf + *buf_len, p, len);
    *buf_len = need;

    return 0;
}


void
floor_close(floor_conn_t *c)
{
    if (c->closed) {
        return;
    }

    c->closed = 1;

    (void) close(c->fd);

    floor_leave(c);

    c->next = floor_closed;
    floor_closed = c;
}


static void
floor_free_closed(void)
{
    floor_conn_t  *c;

    while (floor_closed != NULL) {
        c = floor_closed;
        floor_closed = c->next;

        free(c->in);
        free(c->out);
        free(c);
    }
}
