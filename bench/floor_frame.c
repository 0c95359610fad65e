
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <string.h>

#include "floor.h"


#define FLOOR_CLOSE  0x8


static void floor_unmask(u_char *p, size_t len, u_char *key);
static u_char *floor_header(u_char *payload, u_char opcode, size_t len);


size_t
floor_frame(floor_conn_t *c, u_char *p, size_t len)
{
    size_t    i, head;
    u_char   *frame, opcode;
    uint64_t  size;

    if (len < 6) {
        return 0;
    }

    opcode = p[0] & 0x0f;
    size = p[1] & 0x7f;
    head = 6;

    if (size >= 126) {
        head = (size == 126) ? 8 : 14;

        if (len < head) {
            return 0;
        }

        size = 0;

        for (i = 2; i < head - 4; i++) {
            size = size << 8 | p[i];
        }
    }

    /* neither fragments nor frames that are not masked nor large ones */

    if ((p[0] & 0xf0) != 0x80 || !(p[1] & 0x80) || size > FLOOR_MAX_FRAME)
    {
        floor_close(c);
        return 0;
    }

    if (len - head < size) {
        return 0;
    }

    if (opcode > 0x2 && opcode != FLOOR_CLOSE) {
        return head + size;
    }

    floor_unmask(p + head, size, p + head - 4);

    frame = floor_header(p + head, p[0], size);
    size += (size_t) (p + head - frame);

    if (opcode == FLOOR_CLOSE) {
        floor_write(c, frame, size);
        c->leaving = 1;

    } else if (!floor_batch) {
        floor_relay(c, frame, size);

    } else {

        /* our header is shorter than theirs: close the gap */

        if (floor_batched_len == 0) {
            floor_batched = frame;

        } else {
            memmove(floor_batched + floor_batched_len, frame, size);
        }

        floor_batched_len += size;
    }

    return (size_t) (frame - p) + size;
}


static void
floor_unmask(u_char *p, size_t len, u_char *key)
{
    size_t    i;
    uint32_t  mask;
    uint64_t  wide, word;

    memcpy(&mask, key, 4);
    wide = (uint64_t) mask << 32 | mask;

    for (i = 0; i + 8 <= len; i += 8) {
        memcpy(&word, p + i, 8);
        word ^= wide;
        memcpy(p + i, &word, 8);
    }

    for ( /* void */ ; i < len; i++) {
        p[i] ^= ((u_char *) &mask)[i & 3];
    }
}


/* a header without mask is four bytes shorter: there is room before it */

static u_char *
floor_header(u_char *payload, u_char opcode, size_t len)
{
    u_char  *p;
    size_t   i;

    if (len < 126) {
        p = payload - 2;
        p[1] = (u_char) len;

    } else if (len < 65536) {
        p = payload - 4;
        p[1] = 126;
        p[2] = (u_char) (len >> 8);
        p[3] = (u_char) len;

    } else {
        p = payload - 10;
        p[1] = 127;

        for (i = 0; i < 8; i++) {
            p[2 + i] = (u_char) ((uint64_t) len >> (56 - 8 * i));
        }
    }

    p[0] = opcode;

    return p;
}
