
/*
 * Copyright (C) The ngx_signaling authors
 */

/* WebSocket frames, RFC 6455, section 5. */


#include <stdlib.h>
#include <string.h>

#include "load.h"


static void load_frame_dispatch(load_t *load, load_client_t *c,
    u_char opcode, u_char *p, size_t len);
static void load_frame_close(load_t *load, load_client_t *c, u_char *p,
    size_t len);
static uint32_t load_frame_mask(load_t *load);


size_t
load_frame_take(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    size_t    head, i;
    uint64_t  size;

    if (len < 2) {
        return 0;
    }

    size = p[1];
    head = 2;

    if (size & 0x80) {
        load_fail(load, c, "a masked frame");
    }

    if ((p[0] & 0xf0) != 0x80) {
        load_fail(load, c, "a fragment, or reserved bits: 0x%02x", p[0]);
    }

    if (size >= 126) {
        head = (size == 126) ? 4 : 10;

        if (len < head) {
            return 0;
        }

        size = 0;

        for (i = 2; i < head; i++) {
            size = size << 8 | p[i];
        }
    }

    if (size > LOAD_MAX_FRAME) {
        load_fail(load, c, "a frame of %llu bytes", (unsigned long long) size);
    }

    if (len - head < size) {
        return 0;
    }

    load_frame_dispatch(load, c, p[0] & 0x0f, p + head, (size_t) size);

    return head + (size_t) size;
}


static void
load_frame_dispatch(load_t *load, load_client_t *c, u_char opcode, u_char *p,
    size_t len)
{
    size_t   data_len;
    u_char  *data;

    if (c->state == LOAD_CLIENT_LEFT) {
        load_fail(load, c, "a frame behind the Close");
    }

    switch (opcode) {

    case LOAD_TEXT:

        if (load->dialect->frame(load, c, p, len, &data, &data_len)) {
            load_message_receive(load, c, data, data_len);
        }

        return;

    case LOAD_PING:
        load_frame_queue(load, LOAD_PONG, p, len);
        load_client_flush(load, c);
        return;

    case LOAD_PONG:
        return;

    case LOAD_CLOSE:
        load_frame_close(load, c, p, len);
        return;

    default:
        load_fail(load, c, "a frame with opcode %u", opcode);
    }
}


/* expected is the answer to ours, which repeats its code */

static void
load_frame_close(load_t *load, load_client_t *c, u_char *p, size_t len)
{
    unsigned  code;

    code = (len >= 2) ? (unsigned) (p[0] << 8 | p[1]) : 1005;

    if (c->state != LOAD_CLIENT_LEAVING || code != LOAD_NORMAL) {
        load_fail(load, c, "closed with code %u, \"%.*s\"", code,
                  len > 2 ? (int) len - 2 : 0, p + 2);
    }

    c->state = LOAD_CLIENT_LEFT;
}


void
load_frame_leave(load_t *load, load_client_t *c)
{
    u_char  code[2];

    code[0] = LOAD_NORMAL >> 8;
    code[1] = LOAD_NORMAL & 0xff;

    c->state = LOAD_CLIENT_LEAVING;

    load_frame_queue(load, LOAD_CLOSE, code, sizeof(code));
    load_client_flush(load, c);
}


/* RFC 6455, section 5.3 asks for a fresh mask per frame */

static uint32_t
load_frame_mask(load_t *load)
{
    uint32_t  m;

    m = load->mask;

    m ^= m << 13;
    m ^= m >> 17;
    m ^= m << 5;

    load->mask = m;

    return m;
}


void
load_frame_queue(load_t *load, u_char opcode, u_char *p, size_t len)
{
    size_t     i, need;
    u_char    *q, *buf, key[4];
    uint32_t   mask;
    uint64_t   wide, word;

    need = load->out_len + LOAD_FRAME_HEAD + len;

    if (need > load->out_size) {

        buf = realloc(load->out_buf, need * 2);
        if (buf == NULL) {
            load_fail(load, NULL, "out of memory");
        }

        load->out_buf = buf;
        load->out_size = need * 2;
    }

    q = load->out_buf + load->out_len;

    *q++ = 0x80 | opcode;

    if (len < 126) {
        *q++ = 0x80 | (u_char) len;

    } else if (len < 65536) {
        *q++ = 0x80 | 126;
        *q++ = (u_char) (len >> 8);
        *q++ = (u_char) len;

    } else {
        *q++ = 0x80 | 127;

        for (i = 0; i < 8; i++) {
            *q++ = (u_char) ((uint64_t) len >> (56 - 8 * i));
        }
    }

    mask = load_frame_mask(load);
    memcpy(key, &mask, 4);
    memcpy(q, key, 4);
    q += 4;

    wide = (uint64_t) mask << 32 | mask;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&word, p + i, 8);
        word ^= wide;
        memcpy(q + i, &word, 8);
    }

    for ( /* void */ ; i < len; i++) {
        q[i] = p[i] ^ key[i & 3];
    }

    q += len;

    load->out_len = (size_t) (q - load->out_buf);
}
