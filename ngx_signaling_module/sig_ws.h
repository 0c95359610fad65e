
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * WebSocket framing (RFC 6455) over bytes that somebody else has read.
 * Allocates nothing and keeps nothing: the connection owns the buffer, the
 * payload is unmasked in place.  Of extensions it knows that RSV1 may mark
 * the first frame of a message, where the caller says so (RFC 7692); what the
 * bit means is none of its business.
 */


#ifndef _SIG_WS_H_INCLUDED_
#define _SIG_WS_H_INCLUDED_


#include "slice.h"


#pragma GCC visibility push(hidden)


#define SIG_WS_CONTINUATION    0x0
#define SIG_WS_TEXT            0x1
#define SIG_WS_BINARY          0x2
#define SIG_WS_CLOSE           0x8
#define SIG_WS_PING            0x9
#define SIG_WS_PONG            0xa

#define SIG_WS_RSV1            0x40    /* goes with the opcode when written */

#define SIG_WS_HEAD_IN_MAX     14      /* longest head of a client frame */
#define SIG_WS_HEAD_OUT_MAX    10      /* longest head of a server frame */
#define SIG_WS_CONTROL_MAX     125

/* close codes, RFC 6455 7.4.1 */

#define SIG_WS_NORMAL          1000
#define SIG_WS_GOING_AWAY      1001
#define SIG_WS_PROTOCOL        1002
#define SIG_WS_NO_CODE         1005
#define SIG_WS_BAD_DATA        1007
#define SIG_WS_POLICY          1008
#define SIG_WS_TOO_BIG         1009
#define SIG_WS_INTERNAL        1011


typedef struct {
    uint64_t    len;                   /* of the payload, bytes */
    u_char      mask[4];
    u_char      opcode;
    u_char      fin;
    u_char      rsv1;
} sig_ws_head_t;


/* what may come next */

typedef struct {
    uint64_t    max;                   /* payload of a data frame, bytes */
    uint64_t    max_rsv1;              /* of one with RSV1; 0: no such bit */
    int         inside;                /* of a message that goes on */
} sig_ws_expect_t;


/*
 * Reads the head of a client frame from the n bytes at p.
 * Returns the length of the head (6..14), 0 when more bytes are needed, or a
 * negative close code: -SIG_WS_PROTOCOL (RSV bit that is not expected,
 * reserved opcode, a message inside of another or a continuation of none, no
 * mask, fragmented or overlong control frame, length not in its shortest
 * form) or -SIG_WS_TOO_BIG.  Fails on the earliest byte that shows the
 * mistake.
 */
int sig_ws_read_head(sig_ws_head_t *h, const u_char *p, size_t n,
    const sig_ws_expect_t *expect);

/*
 * Unmasks len bytes in place.  offset is the position of p within the
 * payload, so that a payload may be unmasked in pieces.
 */
void sig_ws_unmask(u_char *p, size_t len, const u_char mask[4],
    size_t offset);

/*
 * Writes the head of an unmasked, unfragmented server frame at p and returns
 * its length, 2, 4 or 10.  opcode may have SIG_WS_RSV1 beside it.
 */
size_t sig_ws_write_head(u_char *p, u_char opcode, uint64_t len);

/* the length that sig_ws_write_head() will return for a payload of len */
size_t sig_ws_head_len(uint64_t len);

/*
 * Checks the payload of a Close frame (RFC 6455 5.5.1, 7.4).  Returns the
 * code, SIG_WS_NO_CODE for an empty payload, -SIG_WS_PROTOCOL for a length of
 * one or a code that must not be sent, -SIG_WS_BAD_DATA for a reason that is
 * not UTF-8.
 */
int sig_ws_read_close(const u_char *p, size_t len);

/*
 * Writes the payload of a Close frame: code and reason, cut at a character
 * boundary to 123 bytes.  p has room for SIG_WS_CONTROL_MAX bytes.  reason
 * may be NULL.  Returns the length, which is 0 for SIG_WS_NO_CODE: this code
 * is never sent.
 */
size_t sig_ws_write_close(u_char *p, uint16_t code, const slice_t *reason);

/*
 * Checks UTF-8 (RFC 3629: no overlong forms, no surrogates, at most
 * U+10FFFF) in pieces.  *state is 0 at the start of a text and again where a
 * text may end.  Returns 1 while the bytes can be the beginning of a valid
 * text, 0 at the first byte that can not.
 */
int sig_utf8_check(uint32_t *state, const u_char *p, size_t len);


#pragma GCC visibility pop


#endif /* _SIG_WS_H_INCLUDED_ */
