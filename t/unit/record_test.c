
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_record: what is written is read, and of what differs from that
 * by a byte nothing is.
 */


#include <stdlib.h>

#include "guard.h"
#include "sig_record.h"
#include "tap.h"


#define RECORD_LONG   9000             /* bytes, where nothing limits them */
#define RECORD_SIZE   (sizeof(sig_record_t) + RECORD_LONG + SIG_METADATA_LEN)


typedef struct {
    uint8_t      type;
    uint32_t     least;                /* bytes of the first part */
    uint32_t     most;
    uint32_t     second;               /* most bytes of the second part */
    const char  *name;
} record_type_t;


static void test_round_trip(const record_type_t *t);
static void test_limits(const record_type_t *t);
static void test_truncated(const record_type_t *t);
static void test_overflow(const record_type_t *t);
static void test_unknown(void);
static void test_head(void);
static void test_nothing(void);
static int record_again(uint8_t type, uint32_t first, uint32_t second);
static int record_same(const sig_record_t *a, const sig_record_t *b);
static size_t record_make(uint8_t type, uint32_t first, uint32_t second);
static int record_reads(size_t len);
static void record_lengths(uint32_t first, uint32_t second);


/* the limits of peer IDs and metadata are those of docs/protocol.md 7.2 */

static const record_type_t  record_types[] = {
    { SIG_RECORD_MESSAGE, 1, RECORD_LONG, 4096, "message" },
    { SIG_RECORD_DIRECT, 1, RECORD_LONG, 0, "direct" },
    { SIG_RECORD_JOINED, 1, 128, 4096, "joined" },
    { SIG_RECORD_TAKEOVER, 1, 128, 4096, "takeover" },
    { SIG_RECORD_LEFT, 1, 128, 0, "left" },
    { SIG_RECORD_PROBE, 0, 0, 0, "probe" },
    { SIG_RECORD_KICK, 0, 0, 0, "kick" }
};

#define RECORD_TYPES  (sizeof(record_types) / sizeof(record_types[0]))


static uint64_t  record_memory[RECORD_SIZE / 8 + 2];   /* aligned */
static u_char   *record = (u_char *) record_memory;
static u_char    parts[RECORD_SIZE];


int
main(void)
{
    size_t  i;

    guard_create();

    for (i = 0; i < sizeof(parts); i++) {
        parts[i] = (u_char) (i * 7 + i / 256);
    }

    for (i = 0; i < RECORD_TYPES; i++) {
        test_round_trip(&record_types[i]);
        test_limits(&record_types[i]);
        test_truncated(&record_types[i]);
        test_overflow(&record_types[i]);
    }

    test_unknown();
    test_head();
    test_nothing();

    return tap_done();
}


static void
test_round_trip(const record_type_t *t)
{
    int       good;
    uint32_t  i, j;

    const uint32_t  first[] = { t->least, (t->least + t->most) / 2, t->most };
    const uint32_t  second[] = { 0, t->second / 2 + t->second % 2,
                                 t->second };

    good = 1;

    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            good &= record_again(t->type, first[i], second[j]);
        }
    }

    printf("# %s\n", t->name);
    ok(good, "what is written is read");
}


/* one byte less or more than either part may have */

static void
test_limits(const record_type_t *t)
{
    int  good;

    good = 1;

    if (t->least > 0) {
        good &= !record_reads(record_make(t->type, t->least - 1, 0));
        good &= !record_reads(record_make(t->type, t->least - 1, t->second));
    }

    if (t->most < RECORD_LONG) {
        good &= !record_reads(record_make(t->type, t->most + 1, 0));
        good &= !record_reads(record_make(t->type, t->most + 1, t->second));
    }

    good &= !record_reads(record_make(t->type, t->least, t->second + 1));
    good &= !record_reads(record_make(t->type, t->most, t->second + 1));

    ok(good, "no part is too short or too long");
}


static void
test_truncated(const record_type_t *t)
{
    int       good;
    size_t    len, n;
    uint32_t  first, second;

    first = t->most < 64 ? t->most : 64;
    second = t->second < 16 ? t->second : 16;

    len = record_make(t->type, first, second);
    good = record_reads(len);

    for (n = 0; n < len; n++) {
        good &= !record_reads(n);
    }

    good &= !record_reads(len + 1);

    ok(good, "no beginning of a record is one, nor more than it");

    good = 1;

    if (first > 0) {
        record_lengths(first - 1, second);
        good &= !record_reads(len);
    }

    if (second > 0) {
        record_lengths(first, second - 1);
        good &= !record_reads(len);
    }

    record_lengths(first + 1, second);
    good &= !record_reads(len);
    record_lengths(first, second + 1);
    good &= !record_reads(len);

    ok(good, "its parts make up its length");
}


/* lengths that are right in 32 bits only */

static void
test_overflow(const record_type_t *t)
{
    int       good;
    size_t    len;
    uint32_t  n;

    len = record_make(t->type, t->least, 0);
    good = record_reads(len);

    for (n = 1; n <= 64; n++) {
        record_lengths(t->least - n, n);
        good &= !record_reads(len);

        record_lengths(t->least + n, 0 - n);
        good &= !record_reads(len);

        record_lengths(0x80000000 + t->least + n, 0x80000000 - n);
        good &= !record_reads(len);
    }

    record_lengths(UINT32_MAX, UINT32_MAX);
    good &= !record_reads(len);

    ok(good, "lengths do not overflow");
}


static void
test_unknown(void)
{
    int       good;
    unsigned  type;

    good = 1;

    for (type = SIG_RECORD_KICK + 1; type <= 256; type++) {
        good &= !record_reads(record_make((uint8_t) type, 0, 0));
        good &= !record_reads(record_make((uint8_t) type, 1, 0));
        good &= !record_reads(record_make((uint8_t) type, 0, 1));
        good &= !record_reads(record_make((uint8_t) type, 36, 10));
    }

    ok(good, "a type that is none is not read, whatever its parts");
}


/* what a head says of whom it means is for the caller */

static void
test_head(void)
{
    slice_t       first, second, text;
    sig_record_t  rec, read;

    first.data = parts;
    first.len = 2;
    second.data = NULL;
    second.len = 0;

    memset(&rec, 0xff, sizeof(sig_record_t));
    rec.type = SIG_RECORD_LEFT;

    text.len = sig_record_len(&first, &second);
    sig_record_write(record, &rec, &first, &second);
    text.data = guard_last(record, text.len);

    rec.first = 2;
    rec.second = 0;

    ok(sig_record_read(&read, &text, &first, &second)
       && record_same(&read, &rec),
       "the head is handed on, its lengths are those of the parts");
}


static void
test_nothing(void)
{
    slice_t       none, first, second, text;
    sig_record_t  rec;

    none.data = NULL;
    none.len = 0;

    memset(&rec, 0, sizeof(sig_record_t));
    rec.type = SIG_RECORD_KICK;
    rec.seq = SIG_KICK_BY_ADMIN;
    rec.first = 1;
    rec.second = 1;

    sig_record_write(record, &rec, &none, &none);

    text.len = sig_record_len(&none, &none);
    text.data = guard_last(record, text.len);

    ok(text.len == sizeof(sig_record_t)
       && sig_record_read(&rec, &text, &first, &second)
       && first.len == 0 && second.len == 0
       && rec.seq == SIG_KICK_BY_ADMIN,
       "parts that are nowhere are empty");
}


/* written, and nothing behind it; and read, with the same in it */

static int
record_again(uint8_t type, uint32_t first, uint32_t second)
{
    size_t        len;
    slice_t       a, b, text;
    sig_record_t  rec;

    len = record_make(type, first, second);

    if (record[len] != 0xa5) {
        return 0;
    }

    text.data = guard_last(record, len);
    text.len = len;

    return sig_record_read(&rec, &text, &a, &b)
           && rec.type == type
           && rec.shared_id == 1
           && rec.origin == 0x1234
           && rec.number == 0x12345678
           && rec.ref.index == 0xabcdef01
           && rec.ref.gen == 0x10fedcba
           && rec.seq == 0x0123456789abcdef
           && a.len == first
           && b.len == second
           && a.data == text.data + sizeof(sig_record_t)
           && b.data == a.data + first
           && memcmp(a.data, parts, first) == 0
           && memcmp(b.data, parts + 1, second) == 0;
}


static int
record_same(const sig_record_t *a, const sig_record_t *b)
{
    return a->type == b->type
           && a->shared_id == b->shared_id
           && a->origin == b->origin
           && a->number == b->number
           && a->ref.index == b->ref.index
           && a->ref.gen == b->ref.gen
           && a->seq == b->seq
           && a->first == b->first
           && a->second == b->second;
}


/* writes one with parts of so many bytes and returns its length */

static size_t
record_make(uint8_t type, uint32_t first, uint32_t second)
{
    slice_t       a, b;
    sig_record_t  rec;

    a.data = parts;
    a.len = first;
    b.data = parts + 1;
    b.len = second;

    rec.type = type;
    rec.shared_id = 1;
    rec.origin = 0x1234;
    rec.number = 0x12345678;
    rec.ref.index = 0xabcdef01;
    rec.ref.gen = 0x10fedcba;
    rec.seq = 0x0123456789abcdef;
    rec.first = 0;
    rec.second = 0;

    memset(record, 0xa5, sizeof(record_memory));
    sig_record_write(record, &rec, &a, &b);

    return sig_record_len(&a, &b);
}


/* whether the first len bytes of what was written are a record */

static int
record_reads(size_t len)
{
    slice_t       text, first, second;
    sig_record_t  rec;

    text.data = guard_last(record, len);
    text.len = len;

    return sig_record_read(&rec, &text, &first, &second);
}


/* puts these lengths into the head of what was written */

static void
record_lengths(uint32_t first, uint32_t second)
{
    memcpy(record + offsetof(sig_record_t, first), &first, 4);
    memcpy(record + offsetof(sig_record_t, second), &second, 4);
}
