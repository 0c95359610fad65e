
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_hash, beside SipHash as the paper has it.
 */


#include "sig_hash.h"
#include "tap.h"


static uint64_t siphash(const u_char key[16], const u_char *p, size_t len,
    int c, int d);
static void sipround(uint64_t *v);
static void test_hash(void);


/*
 * SipHash with any number of rounds, written from the paper; with 2 and 4 it
 * has to give the paper's test vector, with 1 and 3 it is the model.
 */

static uint64_t
siphash(const u_char key[16], const u_char *p, size_t len, int c, int d)
{
    int       i;
    size_t    n, k;
    uint64_t  v[4], k0, k1, m;

    k0 = 0;
    k1 = 0;

    for (k = 0; k < 8; k++) {
        k0 |= (uint64_t) key[k] << (8 * k);
        k1 |= (uint64_t) key[k + 8] << (8 * k);
    }

    v[0] = k0 ^ 0x736f6d6570736575;
    v[1] = k1 ^ 0x646f72616e646f6d;
    v[2] = k0 ^ 0x6c7967656e657261;
    v[3] = k1 ^ 0x7465646279746573;

    for (n = 0; n <= len; n += 8) {
        m = 0;

        for (k = 0; k < 8 && n + k < len; k++) {
            m |= (uint64_t) p[n + k] << (8 * k);
        }

        if (n + 8 > len) {
            m |= (uint64_t) len << 56;
        }

        v[3] ^= m;

        for (i = 0; i < c; i++) {
            sipround(v);
        }

        v[0] ^= m;
    }

    v[2] ^= 0xff;

    for (i = 0; i < d; i++) {
        sipround(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


static void
sipround(uint64_t *v)
{
#define rotl(x, n)  ((x) << (n) | (x) >> (64 - (n)))

    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotl(v[1], 13);
    v[3] = rotl(v[3], 16);
    v[1] ^= v[0];
    v[3] ^= v[2];
    v[0] = rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotl(v[1], 17);
    v[3] = rotl(v[3], 21);
    v[1] ^= v[2];
    v[3] ^= v[0];
    v[2] = rotl(v[2], 32);
}


static void
test_hash(void)
{
    int       same;
    u_char    key[16], message[64];
    size_t    i;
    uint64_t  word;

    for (i = 0; i < sizeof(message); i++) {
        message[i] = (u_char) i;
    }

    memcpy(key, message, sizeof(key));

    ok(siphash(key, message, 15, 2, 4) == 0xa129ca6149be45e5,
       "the model gives the paper's vector");

    same = 1;
    memcpy(&word, message, 8);

    for (i = 8; i <= sizeof(message); i++) {
        same &= sig_hash(key, word, message + 8, i - 8)
                == siphash(key, message, i, 1, 3);
    }

    ok(same && sig_hash(key, word, NULL, 0) == siphash(key, message, 8, 1, 3),
       "as the model, of every length");
}


int
main(void)
{
    test_hash();

    return tap_done();
}
