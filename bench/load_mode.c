
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <string.h>

#include "load.h"


#define LOAD_TEXT    0x1
#define LOAD_INDEX   8                  /* hexadecimal digits */
#define LOAD_NUMBER  16


static void load_pingpong_start(load_t *load);
static void load_window_start(load_t *load);
static void load_bounce(load_t *load, load_client_t *c);
static void load_connect_start(load_t *load);
static void load_connect_welcomed(load_t *load, load_client_t *c);
static void load_connect_left(load_t *load, load_client_t *c);
static void load_request_start(load_t *load);
static void load_request_again(load_t *load, load_client_t *c);
static u_char *load_hex(u_char *p, uint64_t n, uint32_t digits);
static uint64_t load_unhex(u_char *p, uint32_t digits);


static const load_mode_t  load_modes[] = {
    { "pingpong", LOAD_RELAYS, 1, 1, 0,
      load_pingpong_start, load_bounce, NULL, NULL },

    { "window", LOAD_RELAYS, 1, 32, 0,
      load_window_start, load_bounce, NULL, NULL },

    { "idle", LOAD_RELAYS, 0, 1, 0, NULL, NULL, NULL, NULL },

    { "connect", LOAD_WELCOMES, 1, 1, 32, load_connect_start, NULL,
      load_connect_welcomed, load_connect_left },

    { "request", LOAD_ANSWERS, 1, 1, 16,
      load_request_start, load_request_again, NULL, NULL }
};

#define LOAD_NMODES  (sizeof(load_modes) / sizeof(load_modes[0]))


const load_mode_t *
load_mode_find(const char *name)
{
    size_t  i;

    for (i = 0; i < LOAD_NMODES; i++) {
        if (strcmp(load_modes[i].name, name) == 0) {
            return &load_modes[i];
        }
    }

    return NULL;
}


/* one message in each room, to and fro */

static void
load_pingpong_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i += load->room_size) {
        load_owe(load, &load->clients[i], 1);
    }
}


/* "window" messages of each client under way, and one more for each arrival */

static void
load_window_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load_owe(load, &load->clients[i], load->window);
    }
}


static void
load_bounce(load_t *load, load_client_t *c)
{
    if (load->phase < LOAD_DRAIN) {
        load_owe(load, c, 1);
    }
}


/*
 * Each client comes, has its welcome, says Close and comes again.  Counted is
 * a whole visit, when the server has closed the connection.
 */

static void
load_connect_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load->sent++;
        load_client_leave(load, &load->clients[i]);
    }
}


/* those of the opening wait until all are in */

static void
load_connect_welcomed(load_t *load, load_client_t *c)
{
    if (load->phase == LOAD_OPENING) {
        load_joined(load, c);
        return;
    }

    load_client_leave(load, c);
}


static void
load_connect_left(load_t *load, load_client_t *c)
{
    load->received++;
    c->visits++;

    if (load->phase < LOAD_DRAIN) {
        load->sent++;
        load_client_connect(load, c);
    }
}


/* one request of each client under way, the next when its answer is there */

static void
load_request_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load->dialect->ask(load, &load->clients[i]);
    }
}


static void
load_request_again(load_t *load, load_client_t *c)
{
    if (load->phase < LOAD_DRAIN) {
        load->dialect->ask(load, c);
    }
}


/*
 * A message is told from every other one by its sender and its number, and
 * its padding, which depends on both, shows that nothing in it was changed.
 */

void
load_data(load_t *load, uint32_t index, uint64_t number, u_char *p)
{
    size_t  len, offset;

    len = load->bytes - LOAD_INDEX - LOAD_NUMBER - 2;
    offset = ((uint64_t) index * 31 + number * 17) % LOAD_PATTERN;

    *p++ = '"';
    p = load_hex(p, index, LOAD_INDEX);
    p = load_hex(p, number, LOAD_NUMBER);

    memcpy(p, load->pattern + offset, len);
    p[len] = '"';
}


void
load_send(load_t *load, load_client_t *c)
{
    size_t  len;

    c->sent++;
    load->sent++;

    load_data(load, c->index, c->sent, load->data_buf);

    len = load->dialect->message(load, c, load->data_buf, load->bytes,
                                 load->message_buf);

    load_client_queue(load, LOAD_TEXT, load->message_buf, len);
}


void
load_receive(load_t *load, load_client_t *c, u_char *data, size_t len)
{
    uint32_t  sender;
    uint64_t  number, expected;

    if (load->phase == LOAD_OPENING || load->phase == LOAD_HOLD) {
        load_fail(load, c, "a message that nobody has sent: %.*s", (int) len,
                  data);
    }

    sender = c->index ^ 1;
    expected = c->received + 1;

    load_data(load, sender, expected, load->data_buf);

    if (len != load->bytes || memcmp(data, load->data_buf, len) != 0) {

        if (len != load->bytes) {
            load_fail(load, c, "%zu bytes instead of %u: %.*s", len,
                      load->bytes, (int) len, data);
        }

        number = load_unhex(data + 1 + LOAD_INDEX, LOAD_NUMBER);

        load_data(load, sender, number, load->data_buf);

        if (memcmp(data, load->data_buf, len) != 0) {
            load_fail(load, c, "message %llu has been altered: %.*s",
                      (unsigned long long) expected, (int) len, data);
        }

        load_fail(load, c, "message %llu has come where %llu was due: %s",
                  (unsigned long long) number, (unsigned long long) expected,
                  number < expected ? "twice, or out of order"
                                    : "some are lost, or out of order");
    }

    c->received++;
    load->received++;

    load->mode->received(load, c);
}


static u_char *
load_hex(u_char *p, uint64_t n, uint32_t digits)
{
    uint32_t  i;

    for (i = digits; i != 0; i--) {
        p[i - 1] = (u_char) "0123456789abcdef"[n & 15];
        n >>= 4;
    }

    return p + digits;
}


static uint64_t
load_unhex(u_char *p, uint32_t digits)
{
    uint32_t  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < digits; i++) {
        n <<= 4;

        if (p[i] >= '0' && p[i] <= '9') {
            n += p[i] - '0';

        } else if (p[i] >= 'a' && p[i] <= 'f') {
            n += p[i] - 'a' + 10;
        }
    }

    return n;
}
