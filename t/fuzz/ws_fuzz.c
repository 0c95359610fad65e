
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzing of sig_ws: a stream of client frames is read in one go and again as
 * it would come in small pieces; the frames found must be the same, and so
 * must be the verdict.
 *
 * Input: two bytes of payload limit, one byte of how the stream is cut, its
 * highest bit of whether RSV1 may be set, then the stream.
 */


#include "fuzz.h"
#include "sig_ws.h"


#define FUZZ_HEAD    3
#define FUZZ_FRAMES  64


typedef struct {
    sig_ws_head_t   head;
    u_char         *payload;           /* unmasked, of head.len bytes */
    int             close;             /* what sig_ws_read_close() says */
    int             text;              /* is the payload UTF-8 */
} fuzz_frame_t;


typedef struct {
    fuzz_frame_t    frames[FUZZ_FRAMES];
    unsigned        n;
    int             error;             /* 0 or what sig_ws_read_head() said */
    size_t          consumed;
} fuzz_stream_t;


static void fuzz_whole(fuzz_stream_t *s, const u_char *p, size_t n,
    sig_ws_expect_t expect);
static void fuzz_pieces(fuzz_stream_t *s, const u_char *p, size_t n,
    sig_ws_expect_t expect, unsigned cut);
static void fuzz_next(sig_ws_expect_t *expect, const sig_ws_head_t *h);
static size_t fuzz_piece(unsigned *cut);
static void fuzz_inspect(fuzz_frame_t *f);
static void fuzz_close(const fuzz_frame_t *f);
static void fuzz_compare(const fuzz_stream_t *a, const fuzz_stream_t *b);
static void fuzz_free(fuzz_stream_t *s);


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    unsigned         cut;
    fuzz_stream_t    whole, pieces;
    sig_ws_expect_t  expect;

    if (n < FUZZ_HEAD) {
        return 0;
    }

    expect.max = (uint64_t) p[0] << 8 | p[1];
    expect.max_rsv1 = (p[2] & 0x80) ? 2 * expect.max : 0;
    expect.inside = 0;
    cut = p[2];

    p += FUZZ_HEAD;
    n -= FUZZ_HEAD;

    fuzz_whole(&whole, p, n, expect);
    fuzz_pieces(&pieces, p, n, expect, cut);

    fuzz_compare(&whole, &pieces);

    fuzz_free(&whole);
    fuzz_free(&pieces);

    return 0;
}


static void
fuzz_whole(fuzz_stream_t *s, const u_char *p, size_t n,
    sig_ws_expect_t expect)
{
    int            rc;
    size_t         i;
    fuzz_frame_t  *f;

    memset(s, 0, sizeof(fuzz_stream_t));

    while (s->n < FUZZ_FRAMES) {
        f = &s->frames[s->n];

        rc = sig_ws_read_head(&f->head, p + s->consumed, n - s->consumed,
                              &expect);

        if (rc <= 0) {
            s->error = rc;
            return;
        }

        fuzz_check(rc >= 6 && rc <= SIG_WS_HEAD_IN_MAX);
        fuzz_check(f->head.len <= (f->head.rsv1 ? expect.max_rsv1
                                                : expect.max)
                   || (f->head.len <= SIG_WS_CONTROL_MAX
                       && f->head.opcode >= SIG_WS_CLOSE));

        fuzz_next(&expect, &f->head);

        if (f->head.len > n - s->consumed - (size_t) rc) {
            return;
        }

        s->consumed += (size_t) rc;
        f->payload = fuzz_slice(p + s->consumed, f->head.len).data;

        /* as the RFC writes it, 5.3 */

        for (i = 0; i < f->head.len; i++) {
            f->payload[i] ^= f->head.mask[i % 4];
        }

        s->consumed += f->head.len;
        s->n++;

        fuzz_inspect(f);
    }
}


/*
 * What has come so far is always in a block of its own, so that a sanitizer
 * sees each byte read too many.
 */

static void
fuzz_pieces(fuzz_stream_t *s, const u_char *p, size_t n,
    sig_ws_expect_t expect, unsigned cut)
{
    int            rc;
    size_t         have, step, done;
    u_char        *copy;
    fuzz_frame_t  *f;

    memset(s, 0, sizeof(fuzz_stream_t));

    have = 0;

    while (s->n < FUZZ_FRAMES) {
        f = &s->frames[s->n];

        copy = fuzz_slice(p + s->consumed, have).data;
        rc = sig_ws_read_head(&f->head, copy, have, &expect);
        free(copy);

        if (rc < 0) {
            s->error = rc;
            return;
        }

        if (rc == 0) {
            if (s->consumed + have == n) {
                return;
            }

            step = fuzz_piece(&cut);

            if (step > n - s->consumed - have) {
                step = n - s->consumed - have;
            }

            have += step;
            continue;
        }

        if (f->head.len > n - s->consumed - (size_t) rc) {
            return;
        }

        fuzz_next(&expect, &f->head);

        s->consumed += (size_t) rc;
        f->payload = fuzz_slice(p + s->consumed, f->head.len).data;

        for (done = 0; done < f->head.len; done += step) {
            step = fuzz_piece(&cut);

            if (step > f->head.len - done) {
                step = f->head.len - done;
            }

            sig_ws_unmask(f->payload + done, step, f->head.mask, done);
        }

        s->consumed += f->head.len;
        s->n++;

        /* bytes behind this frame come again */

        have = 0;

        fuzz_inspect(f);
    }
}


/* what a message in fragments changes; no RSV1 but on its first frame */

static void
fuzz_next(sig_ws_expect_t *expect, const sig_ws_head_t *h)
{
    if (h->opcode >= SIG_WS_CLOSE) {
        fuzz_check(h->fin && !h->rsv1);
        return;
    }

    fuzz_check((h->opcode == SIG_WS_CONTINUATION) == expect->inside);
    fuzz_check(!h->rsv1 || (expect->max_rsv1 && !expect->inside));

    expect->inside = !h->fin;
}


/* a length from 1 to 40, different each time */

static size_t
fuzz_piece(unsigned *cut)
{
    *cut = *cut * 1103515245 + 12345;

    return 1 + (*cut >> 16 & 0xff) % ((*cut & 0x1000000) ? 40 : 4);
}


static void
fuzz_inspect(fuzz_frame_t *f)
{
    int       pieces;
    size_t    i;
    uint32_t  state;

    state = 0;

    f->text = sig_utf8_check(&state, f->payload, f->head.len) && state == 0;

    state = 0;
    pieces = 1;

    for (i = 0; i < f->head.len && pieces; i++) {
        pieces = sig_utf8_check(&state, f->payload + i, 1);
    }

    fuzz_check((pieces && state == 0) == f->text);

    if (f->head.opcode == SIG_WS_CLOSE) {
        f->close = sig_ws_read_close(f->payload, f->head.len);
        fuzz_close(f);
    }
}


/* what is read as a Close can be written as one */

static void
fuzz_close(const fuzz_frame_t *f)
{
    size_t    n;
    u_char    payload[SIG_WS_CONTROL_MAX];
    slice_t   reason;

    fuzz_check(f->close == SIG_WS_NO_CODE
               || f->close == -SIG_WS_PROTOCOL
               || f->close == -SIG_WS_BAD_DATA
               || (f->close >= 1000 && f->close < 5000));

    if (f->close < 0 || f->close == SIG_WS_NO_CODE) {
        return;
    }

    reason.len = f->head.len - 2;
    reason.data = f->payload + 2;

    n = sig_ws_write_close(payload, (uint16_t) f->close, &reason);

    fuzz_check(n == f->head.len && memcmp(payload, f->payload, n) == 0);
}


static void
fuzz_compare(const fuzz_stream_t *a, const fuzz_stream_t *b)
{
    unsigned             i;
    const fuzz_frame_t  *f, *g;

    fuzz_check(a->n == b->n);
    fuzz_check(a->error == b->error);
    fuzz_check(a->consumed == b->consumed);

    for (i = 0; i < a->n; i++) {
        f = &a->frames[i];
        g = &b->frames[i];

        fuzz_check(f->head.len == g->head.len
                   && f->head.opcode == g->head.opcode
                   && f->head.fin == g->head.fin
                   && f->head.rsv1 == g->head.rsv1
                   && memcmp(f->head.mask, g->head.mask, 4) == 0
                   && f->close == g->close
                   && f->text == g->text);

        fuzz_check(memcmp(f->payload, g->payload, f->head.len) == 0);
    }
}


static void
fuzz_free(fuzz_stream_t *s)
{
    unsigned  i;

    for (i = 0; i < FUZZ_FRAMES; i++) {
        free(s->frames[i].payload);
    }
}
