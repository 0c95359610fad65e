
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_deflate.h"
#include "sig_ws.h"


#define SIG_DEFLATE_TAIL   4

/*
 * Where inflate() has stopped, in data_type: behind a block, which was the
 * last one; below that are counted the bits of a byte that are left.
 */
#define SIG_DEFLATE_BLOCK  128
#define SIG_DEFLATE_FINAL  (SIG_DEFLATE_BLOCK|64)

/*
 * The tables of a block may take more time than all that is in it.  zlib
 * begins a new one after 127 bytes at the earliest, and where it is told to
 * flush; whoever has much shorter ones wants our time.
 */
#define sig_deflate_blocks(out)  (64 + (size_t) (out) / 64)


static int sig_deflate_block(z_stream *z);


/* the end of an empty stored block, which is not sent, RFC 7692 7.2.1 */

static const u_char  sig_deflate_tail[SIG_DEFLATE_TAIL] = {
    0x00, 0x00, 0xff, 0xff
};


int
sig_deflate_init(sig_deflate_t *d)
{
    memset(d, 0, sizeof(sig_deflate_t));

    if (inflateInit2(&d->in, -MAX_WBITS) != Z_OK) {
        return -1;
    }

    if (deflateInit2(&d->out, Z_BEST_SPEED, Z_DEFLATED, -SIG_DEFLATE_WINDOW,
                     SIG_DEFLATE_MEMORY, Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        (void) inflateEnd(&d->in);
        return -1;
    }

    return 0;
}


void
sig_deflate_free(sig_deflate_t *d)
{
    (void) inflateEnd(&d->in);
    (void) deflateEnd(&d->out);
}


size_t
sig_deflate_write(sig_deflate_t *d, u_char *out, size_t size, const u_char *p,
    size_t len)
{
    z_stream  *z;

    z = &d->out;

    if (deflateReset(z) != Z_OK) {
        return 0;
    }

    z->next_in = p;
    z->avail_in = (uInt) len;
    z->next_out = out;
    z->avail_out = (uInt) size;

    /* a full buffer may hide that there is more */

    if (deflate(z, Z_SYNC_FLUSH) != Z_OK
        || z->avail_in != 0
        || z->avail_out == 0)
    {
        return 0;
    }

    return size - z->avail_out - SIG_DEFLATE_TAIL;
}


/* no match reaches farther back than to the start of its message */

int
sig_deflate_readable(unsigned window, size_t len)
{
    return window >= SIG_DEFLATE_WINDOW || len <= (size_t) 1 << window;
}


long
sig_deflate_read(sig_deflate_t *d, u_char *out, size_t max, const u_char *p,
    size_t len)
{
    int        rc, tailed;
    size_t     blocks;
    z_stream  *z;

    /* what some compressors make of an empty message */

    if (len == 0) {
        return 0;
    }

    z = &d->in;
    blocks = 0;
    tailed = 0;

    if (inflateReset(z) != Z_OK) {
        return -SIG_WS_INTERNAL;
    }

    z->next_in = p;
    z->avail_in = (uInt) len;
    z->next_out = out;
    z->avail_out = (uInt) (max + 1);

    for ( ;; ) {
        rc = sig_deflate_block(z);

        if (rc < 0) {
            return rc;
        }

        if (rc == Z_STREAM_END) {

            /*
             * A block with BFINAL, RFC 7692 7.2.3.4: the empty one that should
             * follow may be missing, and the tail belongs to that
             */

            if (tailed) {
                return -SIG_WS_BAD_DATA;
            }

            if (z->avail_in == 0) {
                break;
            }

            (void) inflateReset(z);

        } else if (z->avail_in == 0) {

            if (tailed) {

                if (z->data_type != SIG_DEFLATE_BLOCK) {
                    return -SIG_WS_BAD_DATA;
                }

                break;
            }

            z->next_in = sig_deflate_tail;
            z->avail_in = SIG_DEFLATE_TAIL;
            tailed = 1;
        }

        if (++blocks > sig_deflate_blocks(z->next_out - out)) {
            return -SIG_WS_BAD_DATA;
        }
    }

    return (long) (z->next_out - out);
}


/*
 * Up to the end of a block, or of the input.  Returns Z_OK, Z_STREAM_END
 * behind a last block, or a negative code to close with.
 */

static int
sig_deflate_block(z_stream *z)
{
    int  rc;

    rc = inflate(z, Z_BLOCK);

    if (rc == Z_OK
        && (z->data_type & SIG_DEFLATE_FINAL) == SIG_DEFLATE_FINAL)
    {

        /* a stream is said to end one call later than its last block */

        rc = inflate(z, Z_BLOCK);
    }

    if (rc == Z_MEM_ERROR) {
        return -SIG_WS_INTERNAL;
    }

    if (rc != Z_OK && rc != Z_STREAM_END) {
        return -SIG_WS_BAD_DATA;
    }

    if (z->avail_out == 0) {
        return -SIG_WS_TOO_BIG;
    }

    return rc;
}


/* as deflateBound() has it for the least window and memory */

size_t
sig_deflate_bound(size_t len)
{
    return len + ((len + 7) >> 3) + ((len + 63) >> 6) + 5;
}
