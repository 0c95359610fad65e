
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_hash.h"


#define sig_rotl(x, n)  (((x) << (n)) | ((x) >> (64 - (n))))


typedef struct {
    uint64_t  a;
    uint64_t  b;
    uint64_t  c;
    uint64_t  d;
} sig_hash_state_t;


static inline void sig_hash_round(sig_hash_state_t *s);
static inline void sig_hash_word(sig_hash_state_t *s, uint64_t word);


uint64_t
sig_hash(const u_char seed[16], uint64_t word, const u_char *data, size_t len)
{
    size_t            i, rest;
    uint64_t          k0, k1, last;
    sig_hash_state_t  s;

    memcpy(&k0, seed, 8);
    memcpy(&k1, seed + 8, 8);

    s.a = k0 ^ 0x736f6d6570736575;
    s.b = k1 ^ 0x646f72616e646f6d;
    s.c = k0 ^ 0x6c7967656e657261;
    s.d = k1 ^ 0x7465646279746573;

    sig_hash_word(&s, word);

    rest = len % 8;
    last = (uint64_t) (len + 8) << 56;

    for (i = 0; i < len - rest; i += 8) {
        memcpy(&word, data + i, 8);
        sig_hash_word(&s, word);
    }

    for (i = 0; i < rest; i++) {
        last |= (uint64_t) data[len - rest + i] << (8 * i);
    }

    sig_hash_word(&s, last);

    s.c ^= 0xff;

    sig_hash_round(&s);
    sig_hash_round(&s);
    sig_hash_round(&s);

    return s.a ^ s.b ^ s.c ^ s.d;
}


static inline void
sig_hash_word(sig_hash_state_t *s, uint64_t word)
{
    s->d ^= word;
    sig_hash_round(s);
    s->a ^= word;
}


static inline void
sig_hash_round(sig_hash_state_t *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = sig_rotl(s->b, 13) ^ s->a;
    s->d = sig_rotl(s->d, 16) ^ s->c;
    s->a = sig_rotl(s->a, 32);

    s->c += s->b;
    s->a += s->d;
    s->b = sig_rotl(s->b, 17) ^ s->c;
    s->d = sig_rotl(s->d, 21) ^ s->a;
    s->c = sig_rotl(s->c, 32);
}
