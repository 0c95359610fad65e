
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

#include "load.h"


/* the example of RFC 6455, section 1.3: its answer is known */
#define LOAD_KEY     "dGhlIHNhbXBsZSBub25jZQ=="
#define LOAD_ACCEPT  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

#define LOAD_KEEP    65536              /* a larger leftover is given back */


static void load_client_watch(load_t *load, load_client_t *c, int op,
    uint32_t events);
static void load_client_connected(load_t *load, load_client_t *c);
static int load_client_request(load_t *load, load_client_t *c);
static ssize_t load_client_recv(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static ssize_t load_client_send(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static void load_client_read(load_t *load, load_client_t *c);
static size_t load_client_take(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static size_t load_client_response(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static void load_client_left(load_t *load, load_client_t *c);
static void load_client_keep(load_t *load, load_client_t *c, u_char *p,
    size_t len);


static void
load_client_watch(load_t *load, load_client_t *c, int op, uint32_t events)
{
    struct epoll_event  ee;

    memset(&ee, 0, sizeof(struct epoll_event));

    ee.events = events;
    ee.data.u32 = c->index;

    if (epoll_ctl(load->ep, op, c->fd, &ee) == -1) {
        load_fail(load, c, "epoll_ctl(): %s", strerror(errno));
    }

    c->writing = (events & EPOLLOUT) ? 1 : 0;
}


void
load_client_connect(load_t *load, load_client_t *c)
{
    int                 on;
    struct sockaddr_in  addr;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (c->fd == -1) {
        load_fail(load, c, "socket(): %s", strerror(errno));
    }

    on = 1;

    memset(&addr, 0, sizeof(struct sockaddr_in));
    addr.sin_family = AF_INET;

    if (load->sources > 1) {

        /*
         * One source address has some 28,000 ports.  The port is left to
         * connect(), which may take one that another address uses too.
         */

        addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK
                                     + c->index % load->sources);

        if (setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
                       sizeof(int)) == -1
            || bind(c->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1)
        {
            load_fail(load, c, "bind(): %s", strerror(errno));
        }
    }

    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int)) == -1) {
        load_fail(load, c, "setsockopt(TCP_NODELAY): %s", strerror(errno));
    }

    if (inet_pton(AF_INET, load->host, &addr.sin_addr) != 1) {
        load_fail(load, c, "\"%s\" is no IPv4 address", load->host);
    }

    addr.sin_port = htons(load->port);

    if (connect(c->fd, (struct sockaddr *) &addr, sizeof(addr)) == -1
        && errno != EINPROGRESS)
    {
        load_fail(load, c, "connect(): %s", strerror(errno));
    }

    c->state = LOAD_CLIENT_CONNECTING;

    /* on loopback it is connected by now */

    if (load->dialect->answer == NULL && !load->secure
        && load_client_request(load, c))
    {
        load_client_watch(load, c, EPOLL_CTL_ADD, EPOLLIN);
        return;
    }

    load_client_watch(load, c, EPOLL_CTL_ADD, EPOLLIN|EPOLLOUT);
}


void
load_client_event(load_t *load, load_client_t *c, uint32_t events)
{
    int        err;
    socklen_t  len;

    if (c->state == LOAD_CLIENT_CONNECTING) {

        err = 0;
        len = sizeof(int);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1) {
            err = errno;
        }

        if (err != 0) {
            load_fail(load, c, "connect(): %s", strerror(err));
        }

        if (events & EPOLLOUT) {
            load_client_watch(load, c, EPOLL_CTL_MOD, EPOLLIN);
            load_client_connected(load, c);
        }

        return;
    }

    if (c->state == LOAD_CLIENT_SECURING) {
        load_client_connected(load, c);
        return;
    }

    if (events & EPOLLOUT) {
        load_client_flush(load, c);
    }

    if (events & (EPOLLIN|EPOLLHUP|EPOLLERR)) {
        load_client_read(load, c);
    }
}


static void
load_client_connected(load_t *load, load_client_t *c)
{
    if (load->secure) {

        if (c->state == LOAD_CLIENT_CONNECTING) {
            c->state = LOAD_CLIENT_SECURING;
            load_tls_open(load, c);
        }

        if (!load_tls_handshake(load, c)) {
            return;
        }
    }

    if (load->dialect->answer != NULL) {
        load_joined(load, c);
        return;
    }

    if (!load_client_request(load, c)) {
        load_fail(load, c, "the request could not be sent");
    }
}


static ssize_t
load_client_recv(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    if (c->tls != NULL) {
        return load_tls_recv(load, c, p, len);
    }

    return recv(c->fd, p, len, 0);
}


static ssize_t
load_client_send(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    if (c->tls != NULL) {
        return load_tls_send(load, c, p, len);
    }

    return send(c->fd, p, len, MSG_NOSIGNAL);
}


/* returns 0 when the socket is not connected yet */

static int
load_client_request(load_t *load, load_client_t *c)
{
    int      n;
    char     target[LOAD_TARGET_MAX], buf[LOAD_TARGET_MAX + 1024];
    size_t   len;
    ssize_t  sent;

    len = load->dialect->target(load, c, target, sizeof(target));

    if (len >= sizeof(target)) {
        load_fail(load, c, "the request is too long");
    }

    n = snprintf(buf, sizeof(buf),
                 "GET %.*s HTTP/1.1\r\n"
                 "Host: %s:%u\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Key: " LOAD_KEY "\r\n"
                 "Sec-WebSocket-Version: 13\r\n"
                 "%s%.256s%s"
                 "\r\n",
                 (int) len, target, load->host, load->port,
                 load->origin != NULL ? "Origin: " : "",
                 load->origin != NULL ? load->origin : "",
                 load->origin != NULL ? "\r\n" : "");

    if (n < 0 || (size_t) n >= sizeof(buf)) {
        load_fail(load, c, "the request is too long");
    }

    sent = load_client_send(load, c, (u_char *) buf, (size_t) n);

    if (sent == -1 && errno == EAGAIN) {
        return 0;
    }

    /* a fresh socket has room for this */

    if (sent != n) {
        load_fail(load, c, "the request could not be sent at once: %s",
                  sent == -1 ? strerror(errno) : "cut");
    }

    c->state = LOAD_CLIENT_HANDSHAKE;

    return 1;
}


static void
load_client_read(load_t *load, load_client_t *c)
{
    size_t   len, used;
    u_char  *p;
    ssize_t  n;

    p = load->read_buf;
    len = c->in_len;

    if (len != 0) {
        memcpy(p, c->in, len);
        c->in_len = 0;
    }

    n = load_client_recv(load, c, p + len, LOAD_READ_SIZE);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        c->in_len = len;
        return;
    }

    if (n == -1) {
        load_fail(load, c, "recv(): %s", strerror(errno));
    }

    if (n == 0) {

        if (c->state != LOAD_CLIENT_LEFT || len != 0) {
            load_fail(load, c, "the server has closed the connection");
        }

        load_client_left(load, c);
        return;
    }

    len += (size_t) n;

    while (len != 0) {

        used = load_client_take(load, c, p, len);

        if (used == 0) {
            break;
        }

        p += used;
        len -= used;
    }

    load_client_keep(load, c, p, len);
}


/* returns the bytes of one thing, or 0 when it is incomplete */

static size_t
load_client_take(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    if (load->dialect->answer != NULL) {
        return load->dialect->answer(load, c, p, len);
    }

    if (c->state == LOAD_CLIENT_HANDSHAKE) {
        return load_client_response(load, c, p, len);
    }

    return load_frame_take(load, c, p, len);
}


static size_t
load_client_response(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    size_t   head;
    u_char  *end;

    end = memmem(p, len, "\r\n\r\n", 4);

    if (end == NULL) {

        if (len > 8192) {
            load_fail(load, c, "the response has no end");
        }

        return 0;
    }

    head = (size_t) (end - p) + 4;

    if (head < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        load_fail(load, c, "instead of 101: %.*s",
                  (int) strcspn((char *) p, "\r\n"), p);
    }

    if (memmem(p, head, LOAD_ACCEPT "\r\n", sizeof(LOAD_ACCEPT) + 1) == NULL) {
        load_fail(load, c, "a wrong Sec-WebSocket-Accept");
    }

    c->state = LOAD_CLIENT_OPEN;

    load->dialect->opened(load, c);

    return head;
}


/*
 * The server has sent its FIN.  Answered by a RST it keeps no TIME_WAIT, of
 * which a measurement would otherwise leave a hundred thousand behind.
 */

static void
load_client_left(load_t *load, load_client_t *c)
{
    struct linger  linger;

    linger.l_onoff = 1;
    linger.l_linger = 0;

    if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger))
        == -1)
    {
        load_fail(load, c, "setsockopt(SO_LINGER): %s", strerror(errno));
    }

    load_tls_close(c);
    (void) close(c->fd);

    c->fd = -1;
    c->state = LOAD_CLIENT_NEW;

    load->mode->left(load, c);
}


/* saves an incomplete frame */

static void
load_client_keep(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    u_char  *in;

    if (len > c->in_size) {

        in = realloc(c->in, len);
        if (in == NULL) {
            load_fail(load, c, "out of memory");
        }

        c->in = in;
        c->in_size = len;
    }

    if (len != 0) {
        memcpy(c->in, p, len);

    } else if (c->in_size > LOAD_KEEP) {
        free(c->in);
        c->in = NULL;
        c->in_size = 0;
    }

    c->in_len = len;
}


void
load_client_flush(load_t *load, load_client_t *c)
{
    size_t   len;
    u_char  *p, *out;
    ssize_t  n;

    if (c->out_len != 0) {

        /* what is queued goes behind what the socket has not yet taken */

        len = c->out_len + load->out_len;

        if (len > c->out_size) {

            out = realloc(c->out, len);
            if (out == NULL) {
                load_fail(load, c, "out of memory");
            }

            c->out = out;
            c->out_size = len;
        }

        memcpy(c->out + c->out_len, load->out_buf, load->out_len);
        p = c->out;

    } else {
        len = load->out_len;
        p = load->out_buf;
    }

    load->out_len = 0;

    if (len == 0) {
        return;
    }

    n = load_client_send(load, c, p, len);

    if (n == -1) {

        if (errno != EAGAIN && errno != EINTR) {
            load_fail(load, c, "send(): %s", strerror(errno));
        }

        n = 0;
    }

    p += n;
    len -= (size_t) n;

    if (len > c->out_size) {

        out = realloc(c->out, len);
        if (out == NULL) {
            load_fail(load, c, "out of memory");
        }

        c->out = out;
        c->out_size = len;
    }

    if (len != 0) {
        memmove(c->out, p, len);
    }

    c->out_len = len;

    if ((len != 0) != c->writing) {
        load_client_watch(load, c, EPOLL_CTL_MOD,
                          len != 0 ? EPOLLIN|EPOLLOUT : EPOLLIN);
    }
}
