
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * TLS 1.3 and nothing older, by OpenSSL.  Who the server is does not matter:
 * it is on loopback, and its certificate was made for the run.
 */


#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "load.h"


#define LOAD_RECORD  16384              /* of plain text at most */


static ssize_t load_tls_result(load_t *load, load_client_t *c, int n,
    const char *what);


void
load_tls_init(load_t *load)
{
    SSL_CTX  *ctx;

    ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL
        || SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1)
    {
        load_fail(load, NULL, "OpenSSL has no TLS 1.3");
    }

    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS
                          |SSL_MODE_ENABLE_PARTIAL_WRITE
                          |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);

    load->tls = ctx;
}


void
load_tls_done(load_t *load)
{
    SSL_CTX_free(load->tls);
}


void
load_tls_open(load_t *load, load_client_t *c)
{
    c->tls = SSL_new(load->tls);

    if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1) {
        load_fail(load, c, "out of memory for TLS");
    }

    SSL_set_connect_state(c->tls);
}


void
load_tls_close(load_client_t *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}


int
load_tls_handshake(load_t *load, load_client_t *c)
{
    int  n;

    ERR_clear_error();

    n = SSL_do_handshake(c->tls);

    if (n == 1) {
        return 1;
    }

    if (load_tls_result(load, c, n, "handshake") == 0) {
        load_fail(load, c, "TLS handshake: the server has closed");
    }

    return 0;
}


/*
 * As much as the socket has: what stays behind in the session would not wake
 * epoll.
 */

ssize_t
load_tls_recv(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    int      n;
    size_t   got;
    ssize_t  rc;

    for (got = 0; len - got >= LOAD_RECORD; got += (size_t) n) {

        ERR_clear_error();

        n = SSL_read(c->tls, p + got, LOAD_RECORD);

        if (n > 0) {
            continue;
        }

        rc = load_tls_result(load, c, n, "read");

        return (got != 0) ? (ssize_t) got : rc;
    }

    return (ssize_t) got;
}


ssize_t
load_tls_send(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    int      n;
    size_t   sent;
    ssize_t  rc;

    for (sent = 0; sent < len; sent += (size_t) n) {

        ERR_clear_error();

        n = SSL_write(c->tls, p + sent, (int) (len - sent));

        if (n > 0) {
            continue;
        }

        rc = load_tls_result(load, c, n, "write");

        return (sent != 0) ? (ssize_t) sent : rc;
    }

    return (ssize_t) sent;
}


/* 0 at the end, -1 with EAGAIN; everything else is a failure */

static ssize_t
load_tls_result(load_t *load, load_client_t *c, int n, const char *what)
{
    char  text[128];

    switch (SSL_get_error(c->tls, n)) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    default:
        ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
        load_fail(load, c, "TLS %s: %s", what, text);
    }
}
