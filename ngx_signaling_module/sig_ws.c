
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_ws.h"


#define SIG_WS_FIN         0x80
#define SIG_WS_RSV         0x70
#define SIG_WS_OPCODE      0x0f
#define SIG_WS_MASKED      0x80
#define SIG_WS_LEN         0x7f
#define SIG_WS_LEN16       126
#define SIG_WS_LEN64       127
#define SIG_WS_REASON_MAX  (SIG_WS_CONTROL_MAX - 2)

#define sig_ws_control(opcode)  ((opcode) & 0x8)


/*
 * Compilers turn the vector into SSE2 or NEON registers, or into words where
 * there is nothing wider; the alignment of 1 lets it stand anywhere.
 */

typedef uint64_t  sig_ws_block_t
    __attribute__((vector_size(16), aligned(1), may_alias));


static int sig_ws_first_byte(u_char first, const sig_ws_expect_t *expect);
static int sig_ws_read_len(sig_ws_head_t *h, const u_char *p, size_t have,
    size_t need, uint64_t max);


int
sig_ws_read_head(sig_ws_head_t *h, const u_char *p, size_t n,
    const sig_ws_expect_t *expect)
{
    int       rc;
    size_t    ext;
    u_char    opcode, len;
    uint64_t  max;

    if (n == 0) {
        return 0;
    }

    if (!sig_ws_first_byte(p[0], expect)) {
        return -SIG_WS_PROTOCOL;
    }

    opcode = p[0] & SIG_WS_OPCODE;
    max = (p[0] & SIG_WS_RSV1) ? expect->max_rsv1 : expect->max;

    if (n == 1) {
        return 0;
    }

    len = p[1] & SIG_WS_LEN;

    if (!(p[1] & SIG_WS_MASKED)) {
        return -SIG_WS_PROTOCOL;
    }

    if (sig_ws_control(opcode)) {
        if (len > SIG_WS_CONTROL_MAX) {
            return -SIG_WS_PROTOCOL;
        }

        max = SIG_WS_CONTROL_MAX;
    }

    ext = (len == SIG_WS_LEN16) ? 2 : (len == SIG_WS_LEN64) ? 8 : 0;

    if (ext == 0) {
        h->len = len;

    } else if (n >= 2 + ext + 4 && ext == 2) {
        h->len = (uint64_t) p[2] << 8 | p[3];

        if (h->len < SIG_WS_LEN16) {
            return -SIG_WS_PROTOCOL;
        }

    } else {
        rc = sig_ws_read_len(h, p + 2, n - 2, ext, max);
        if (rc <= 0) {
            return rc;
        }
    }

    if (h->len > max) {
        return -SIG_WS_TOO_BIG;
    }

    if (n < 2 + ext + 4) {
        return 0;
    }

    memcpy(h->mask, p + 2 + ext, 4);

    h->opcode = opcode;
    h->fin = (p[0] & SIG_WS_FIN) ? 1 : 0;
    h->rsv1 = (p[0] & SIG_WS_RSV1) ? 1 : 0;

    return (int) (2 + ext + 4);
}


/*
 * RSV1 is for the first frame of a message only, RFC 7692 6; the order of
 * opcodes is that of RFC 6455 5.4.
 */

static int
sig_ws_first_byte(u_char first, const sig_ws_expect_t *expect)
{
    u_char  opcode;

    opcode = first & SIG_WS_OPCODE;

    if ((first & SIG_WS_RSV)
        && ((first & SIG_WS_RSV) != SIG_WS_RSV1
            || expect->max_rsv1 == 0
            || (opcode != SIG_WS_TEXT && opcode != SIG_WS_BINARY)))
    {
        return 0;
    }

    if (sig_ws_control(opcode)) {
        return opcode <= SIG_WS_PONG && (first & SIG_WS_FIN);
    }

    if (opcode > SIG_WS_BINARY) {
        return 0;
    }

    return (opcode == SIG_WS_CONTINUATION) == expect->inside;
}


/*
 * The bytes that have come bound the length from below and from above, which
 * is enough to refuse it as soon as it can not become right any more.
 */

static int
sig_ws_read_len(sig_ws_head_t *h, const u_char *p, size_t have, size_t need,
    uint64_t max)
{
    size_t    i;
    uint64_t  least, most, shorter;

    least = 0;
    most = (need == 2) ? 0xffff : UINT64_MAX;
    shorter = (need == 2) ? SIG_WS_LEN16 - 1 : 0xffff;

    for (i = 0; i < need && i < have; i++) {
        most &= ~((uint64_t) (u_char) ~p[i] << (8 * (need - 1 - i)));
        least |= (uint64_t) p[i] << (8 * (need - 1 - i));

        if (most <= shorter || (least >> 63)) {
            return -SIG_WS_PROTOCOL;
        }

        if (least > max) {
            return -SIG_WS_TOO_BIG;
        }
    }

    if (i < need) {
        return 0;
    }

    h->len = least;

    return 1;
}


void
sig_ws_unmask(u_char *p, size_t len, const u_char mask[4], size_t offset)
{
    size_t           i;
    u_char           twice[8], *turned;
    uint32_t         m4, w4;
    uint64_t         m8, w8;
    sig_ws_block_t   m16;
    sig_ws_block_t  *block;

    memcpy(twice, mask, 4);
    memcpy(twice + 4, mask, 4);

    turned = twice + (offset & 3);

    memcpy(&m4, turned, 4);
    m8 = (uint64_t) m4 << 32 | m4;
    m16 = (sig_ws_block_t) { m8, m8 };

    while (len >= 64) {
        block = (sig_ws_block_t *) p;

        block[0] ^= m16;
        block[1] ^= m16;
        block[2] ^= m16;
        block[3] ^= m16;

        p += 64;
        len -= 64;
    }

    while (len >= 16) {
        *(sig_ws_block_t *) p ^= m16;
        p += 16;
        len -= 16;
    }

    if (len >= 8) {
        memcpy(&w8, p, 8);
        w8 ^= m8;
        memcpy(p, &w8, 8);
        p += 8;
        len -= 8;
    }

    if (len >= 4) {
        memcpy(&w4, p, 4);
        w4 ^= m4;
        memcpy(p, &w4, 4);
        p += 4;
        len -= 4;
    }

    for (i = 0; i < len; i++) {
        p[i] ^= turned[i];
    }
}


size_t
sig_ws_head_len(uint64_t len)
{
    return (len < SIG_WS_LEN16) ? 2 : (len <= 0xffff) ? 4 : 10;
}


size_t
sig_ws_write_head(u_char *p, u_char opcode, uint64_t len)
{
    size_t  i, n;

    n = sig_ws_head_len(len);

    p[0] = (u_char) (SIG_WS_FIN | opcode);

    if (n == 2) {
        p[1] = (u_char) len;
        return n;
    }

    p[1] = (n == 4) ? SIG_WS_LEN16 : SIG_WS_LEN64;

    for (i = n - 1; i > 1; i--) {
        p[i] = (u_char) len;
        len >>= 8;
    }

    return n;
}


int
sig_ws_read_close(const u_char *p, size_t len)
{
    int       code;
    uint32_t  state;

    if (len == 0) {
        return SIG_WS_NO_CODE;
    }

    if (len == 1 || len > SIG_WS_CONTROL_MAX) {
        return -SIG_WS_PROTOCOL;
    }

    code = p[0] << 8 | p[1];

    /*
     * 1004 is reserved, 1005, 1006 and 1015 only report what was not sent;
     * 1012..1014 were registered after the RFC; 3000..4999 are free for use
     */

    if (code < 1000
        || (code > 1003 && code < 1007)
        || (code > 1014 && code < 3000)
        || code > 4999)
    {
        return -SIG_WS_PROTOCOL;
    }

    state = 0;

    if (!sig_utf8_check(&state, p + 2, len - 2) || state != 0) {
        return -SIG_WS_BAD_DATA;
    }

    return code;
}


size_t
sig_ws_write_close(u_char *p, uint16_t code, const slice_t *reason)
{
    size_t  n;

    if (code == SIG_WS_NO_CODE) {
        return 0;
    }

    p[0] = (u_char) (code >> 8);
    p[1] = (u_char) code;

    if (reason == NULL || reason->len == 0) {
        return 2;
    }

    n = reason->len;

    if (n > SIG_WS_REASON_MAX) {
        n = SIG_WS_REASON_MAX;

        while (n > 0 && (reason->data[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    memcpy(p + 2, reason->data, n);

    return 2 + n;
}


/*
 * Inside of a character the state holds how many bytes are still to come and
 * the range of the next one, which is narrower than 80..bf after e0, ed, f0
 * and f4 (RFC 3629, section 4).
 */

#define sig_utf8_state(left, low, high)                                       \
    ((uint32_t) (left) | (uint32_t) (low) << 8 | (uint32_t) (high) << 16)


int
sig_utf8_check(uint32_t *state, const u_char *p, size_t len)
{
    u_char         c;
    uint32_t       s, left;
    uint64_t       word;
    const u_char  *end;

    if (len == 0) {
        return 1;
    }

    s = *state;
    end = p + len;

    while (p < end) {

        if (s == 0 && end - p >= 8) {
            memcpy(&word, p, 8);

            if ((word & 0x8080808080808080) == 0) {
                p += 8;
                continue;
            }
        }

        c = *p++;

        if (s != 0) {
            if (c < (s >> 8 & 0xff) || c > (s >> 16)) {
                return 0;
            }

            left = (s & 0xff) - 1;
            s = left ? sig_utf8_state(left, 0x80, 0xbf) : 0;
            continue;
        }

        if (c < 0x80) {
            continue;
        }

        if (c < 0xc2 || c > 0xf4) {
            return 0;
        }

        if (c < 0xe0) {
            s = sig_utf8_state(1, 0x80, 0xbf);

        } else if (c < 0xf0) {
            s = sig_utf8_state(2, c == 0xe0 ? 0xa0 : 0x80,
                               c == 0xed ? 0x9f : 0xbf);

        } else {
            s = sig_utf8_state(3, c == 0xf0 ? 0x90 : 0x80,
                               c == 0xf4 ? 0x8f : 0xbf);
        }
    }

    *state = s;

    return 1;
}
