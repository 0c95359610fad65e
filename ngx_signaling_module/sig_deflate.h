
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Compression of messages, permessage-deflate (RFC 7692): its negotiation, and
 * zlib for single messages.
 *
 * No message refers to the one before, in either direction: what is agreed on
 * always has server_no_context_takeover and client_no_context_takeover.  So
 * nothing is kept for a connection, one pair of streams serves all of a
 * process, and a message that was compressed once is good for everybody.
 * Who calls gives the memory of messages; zlib allocates that of the streams,
 * all but the window of the inflating one, 32 KB, in sig_deflate_init().
 */


#ifndef _SIG_DEFLATE_H_INCLUDED_
#define _SIG_DEFLATE_H_INCLUDED_


#define ZLIB_CONST
#include <zlib.h>

#include "slice.h"


#pragma GCC visibility push(hidden)


/* shorter payloads are not worth it: what is saved is less than a packet */
#define SIG_DEFLATE_MIN         512

/* longer ones would hold up the process for milliseconds */
#define SIG_DEFLATE_MAX         131072

/*
 * log2 of the bytes that a match reaches back, and how much zlib keeps; figures
 * are in docs/architecture.md
 */
#define SIG_DEFLATE_WINDOW      13
#define SIG_DEFLATE_MEMORY      6

#define SIG_DEFLATE_ANSWER_MAX  128    /* bytes of sig_deflate_answer() */


/* what is agreed on with a client */

typedef struct {
    unsigned    window;                /* log2 of its window, 8..15 */
    unsigned    asked:1;               /* it has named that one */
} sig_deflate_terms_t;


typedef struct {
    z_stream    in;
    z_stream    out;
} sig_deflate_t;


/*
 * Reads the value of one Sec-WebSocket-Extensions header (RFC 6455 9.1).
 * Returns 1 and the terms of the first offer of permessage-deflate that can be
 * accepted (RFC 7692 5, 7.1), 0 when there is none, or -1 when the value is
 * malformed, on which RFC 6455 wants the handshake to fail.
 */
int sig_deflate_negotiate(const slice_t *value, sig_deflate_terms_t *terms);

/*
 * Writes the value of the header that accepts the terms, and returns its
 * length, at most SIG_DEFLATE_ANSWER_MAX.
 */
size_t sig_deflate_answer(u_char *p, const sig_deflate_terms_t *terms);

/* 0, or -1 without memory; then there is nothing to be freed */
int sig_deflate_init(sig_deflate_t *d);
void sig_deflate_free(sig_deflate_t *d);

/*
 * Compresses a payload into the size bytes at out.  Returns the length, or 0
 * when it does not fit.
 */
size_t sig_deflate_write(sig_deflate_t *d, u_char *out, size_t size,
    const u_char *p, size_t len);

/* whether a client with this window can read what was len bytes before */
int sig_deflate_readable(unsigned window, size_t len);

/*
 * Restores a message of at most max bytes at out, where there is room for
 * max + 1.  Returns its length or a negative close code: -SIG_WS_TOO_BIG as
 * soon as it gets longer than max, -SIG_WS_BAD_DATA for what is no DEFLATE or
 * ends in the midst of it, -SIG_WS_INTERNAL without memory.
 */
long sig_deflate_read(sig_deflate_t *d, u_char *out, size_t max,
    const u_char *p, size_t len);

/*
 * The longest payload that a message of len bytes may have when it was
 * compressed: that of zlib at its worst.
 */
size_t sig_deflate_bound(size_t len);


#pragma GCC visibility pop


#endif /* _SIG_DEFLATE_H_INCLUDED_ */
