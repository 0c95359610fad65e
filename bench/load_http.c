
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * HTTP/1.1 as far as a small answer of a known length needs it: GET, kept
 * connections, Content-Length and no chunks.
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "load.h"


#define LOAD_HEAD_MAX  8192


static void load_http_ask(load_t *load, load_client_t *c);
static size_t load_http_answer(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static void load_http_head(load_t *load, load_client_t *c, char *head);


const load_dialect_t  load_http = {
    "http", LOAD_ANSWERS, NULL, NULL, NULL, NULL,
    load_http_answer, load_http_ask
};


static void
load_http_ask(load_t *load, load_client_t *c)
{
    int   n;
    char  buf[LOAD_TARGET_MAX];

    n = snprintf(buf, sizeof(buf),
                 "GET %s HTTP/1.1\r\n"
                 "Host: %s:%u\r\n"
                 "%s%.256s%s"
                 "\r\n",
                 load->path, load->host, load->port,
                 load->origin != NULL ? "Origin: " : "",
                 load->origin != NULL ? load->origin : "",
                 load->origin != NULL ? "\r\n" : "");

    if (n < 0 || (size_t) n >= sizeof(buf)) {
        load_fail(load, c, "the request is too long");
    }

    c->sent++;
    load->sent++;

    /* the last one has been answered, so there is room for this */

    if (send(c->fd, buf, (size_t) n, MSG_NOSIGNAL) != n) {
        load_fail(load, c, "the request could not be sent at once");
    }
}


static size_t
load_http_answer(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    char     head[LOAD_HEAD_MAX + 1];
    size_t   n;
    u_char  *end;

    if (c->received == c->sent) {
        load_fail(load, c, "an answer to nothing: %.*s", (int) len, p);
    }

    end = memmem(p, len, "\r\n\r\n", 4);

    n = (end != NULL) ? (size_t) (end - p) + 4 : len;

    if (n > LOAD_HEAD_MAX) {
        load_fail(load, c, "the answer's head has no end");
    }

    if (end == NULL) {
        return 0;
    }

    memcpy(head, p, n);
    head[n] = '\0';

    load_http_head(load, c, head);

    if (len - n < load->bytes) {
        return 0;
    }

    if (load->expect != NULL
        && memmem(p + n, load->bytes, load->expect, strlen(load->expect))
           == NULL)
    {
        load_fail(load, c, "no %s in %.*s", load->expect, (int) load->bytes,
                  p + n);
    }

    c->received++;
    load->received++;

    load->mode->received(load, c);

    return n + load->bytes;
}


static void
load_http_head(load_t *load, load_client_t *c, char *head)
{
    char           *p, *end;
    unsigned long   n;

    static const char  name[] = "\r\nContent-Length: ";

    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) {
        load_fail(load, c, "instead of 200: %.*s",
                  (int) strcspn(head, "\r\n"), head);
    }

    p = strcasestr(head, name);

    if (p == NULL) {
        load_fail(load, c, "an answer without Content-Length");
    }

    p += sizeof(name) - 1;
    n = strtoul(p, &end, 10);

    if (end == p || *end != '\r' || n != load->bytes) {
        load_fail(load, c, "Content-Length is %.*s, and has to be %u",
                  (int) strcspn(p, "\r\n"), p, load->bytes);
    }
}
