
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <string.h>

#include "load.h"


#define LOAD_INDEX   8                  /* hexadecimal digits */
#define LOAD_NUMBER  16


static void load_message_data(load_t *load, uint32_t index, uint64_t number,
    u_char *p);
static void load_message_wrong(load_t *load, load_client_t *c, u_char *data,
    size_t len);
static u_char *load_hex(u_char *p, uint64_t n, uint32_t digits);
static uint64_t load_unhex(u_char *p, uint32_t digits);


/*
 * A message is told from every other one by its sender and its number, and
 * its padding, which depends on both, shows that nothing in it was changed.
 */

static void
load_message_data(load_t *load, uint32_t index, uint64_t number, u_char *p)
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
load_message_send(load_t *load, load_client_t *c)
{
    size_t  len;

    c->sent++;
    load->sent += load->mode->speaker ? load->room_size - 1 : 1;
    load->asked += load->acks;

    load_message_data(load, c->index, c->sent, load->data_buf);

    len = load->dialect->message(load, c, load->data_buf, load->bytes,
                                 load->message_buf);

    load_frame_queue(load, LOAD_TEXT, load->message_buf, len);
}


void
load_message_receive(load_t *load, load_client_t *c, u_char *data,
    size_t len)
{
    uint32_t  sender;
    uint64_t  expected;

    if (load->phase <= LOAD_HALF || load->phase == LOAD_HOLD
        || c->state != LOAD_CLIENT_JOINED)
    {
        load_fail(load, c, "a message that nobody has sent: %.*s", (int) len,
                  data);
    }

    sender = load_sender(load, c)->index;
    expected = c->received + 1;

    load_message_data(load, sender, expected, load->data_buf);

    if (sender == c->index || len != load->bytes
        || memcmp(data, load->data_buf, len) != 0)
    {
        load_message_wrong(load, c, data, len);
    }

    c->received++;
    load->received++;

    load->mode->received(load, c);
}


static void
load_message_wrong(load_t *load, load_client_t *c, u_char *data, size_t len)
{
    uint64_t  number, expected;

    expected = c->received + 1;

    if (len != load->bytes) {
        load_fail(load, c, "%zu bytes instead of %u: %.*s", len,
                  load->bytes, (int) len, data);
    }

    number = load_unhex(data + 1 + LOAD_INDEX, LOAD_NUMBER);

    load_message_data(load, load_sender(load, c)->index, number,
                      load->data_buf);

    if (memcmp(data, load->data_buf, len) != 0) {
        load_fail(load, c, "message %llu has been altered: %.*s",
                  (unsigned long long) expected, (int) len, data);
    }

    load_fail(load, c, "message %llu has come where %llu was due: %s",
              (unsigned long long) number, (unsigned long long) expected,
              number < expected ? "twice, or out of order"
                                : "some are lost, or out of order");
}


void
load_message_id(load_client_t *c, u_char *p)
{
    (void) load_hex(p, c->sent, LOAD_ID_DIGITS);
}


void
load_message_acked(load_t *load, load_client_t *c, load_slice_t *id)
{
    u_char  due[LOAD_ID_DIGITS];

    (void) load_hex(due, c->acked + 1, LOAD_ID_DIGITS);

    if (c->acked == c->sent || !load->acks || id->len != LOAD_ID_DIGITS
        || memcmp(id->p, due, LOAD_ID_DIGITS) != 0)
    {
        load_fail(load, c, "an ack of %.*s where %.*s was due", (int) id->len,
                  id->p, LOAD_ID_DIGITS, due);
    }

    c->acked++;
    load->acked++;
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
