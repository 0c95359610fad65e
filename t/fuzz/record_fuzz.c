
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the reader of records: it takes what a loop over the bytes takes, and
 * what it gives, written anew, is the same bytes.  Each input is read as it
 * is, then with lengths that fit it, or few inputs would get behind them.
 */


#include "fuzz.h"
#include "sig_record.h"


#define FUZZ_HEAD     32               /* bytes */
#define FUZZ_FIRST    24               /* where the lengths are */
#define FUZZ_SECOND   28
#define FUZZ_SHORTER  64               /* of the beginnings that are read */


static int fuzz_read(const slice_t *text);
static int fuzz_expected(const slice_t *text);
static uint64_t fuzz_number(const u_char *p);
static void fuzz_again(const slice_t *text, const sig_record_t *rec,
    const slice_t *first, const slice_t *second);
static void fuzz_fit(const slice_t *text);
static void fuzz_shorter(const slice_t *text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t  text;

    text = fuzz_slice(data, size);

    if (fuzz_read(&text)) {
        fuzz_shorter(&text);
    }

    if (size >= FUZZ_HEAD) {
        fuzz_fit(&text);

        if (fuzz_read(&text)) {
            fuzz_shorter(&text);
        }
    }

    free(text.data);

    return 0;
}


static int
fuzz_read(const slice_t *text)
{
    int           read;
    slice_t       first, second;
    sig_record_t  rec;

    read = sig_record_read(&rec, text, &first, &second);

    fuzz_check(read == fuzz_expected(text));

    if (read) {
        fuzz_check(first.data == text->data + FUZZ_HEAD);
        fuzz_check(second.data == first.data + first.len);
        fuzz_check(second.data + second.len == text->data + text->len);

        fuzz_again(text, &rec, &first, &second);
    }

    return read;
}


static int
fuzz_expected(const slice_t *text)
{
    uint64_t  first, second;

    if (text->len < FUZZ_HEAD) {
        return 0;
    }

    first = fuzz_number(text->data + FUZZ_FIRST);
    second = fuzz_number(text->data + FUZZ_SECOND);

    if (FUZZ_HEAD + first + second != text->len) {
        return 0;
    }

    switch (text->data[0]) {

    case SIG_RECORD_MESSAGE:
        return first != 0 && second <= 4096;

    case SIG_RECORD_DIRECT:
        return first != 0 && second == 0;

    case SIG_RECORD_JOINED:
    case SIG_RECORD_TAKEOVER:
        return first != 0 && first <= 128 && second <= 4096;

    case SIG_RECORD_LEFT:
        return first != 0 && first <= 128 && second == 0;

    case SIG_RECORD_PROBE:
    case SIG_RECORD_KICK:
        return first == 0 && second == 0;

    default:
        return 0;
    }
}


static uint64_t
fuzz_number(const u_char *p)
{
    uint32_t  n;

    memcpy(&n, p, sizeof(uint32_t));

    return n;
}


static void
fuzz_again(const slice_t *text, const sig_record_t *rec,
    const slice_t *first, const slice_t *second)
{
    u_char        *p;
    sig_record_t   head;

    fuzz_check(sig_record_len(first, second) == text->len);

    p = malloc(text->len);
    fuzz_check(p != NULL);

    /* the parts say how long they are */

    head = *rec;
    head.first ^= 1;
    head.second ^= 1;

    sig_record_write(p, &head, first, second);
    fuzz_check(memcmp(p, text->data, text->len) == 0);

    free(p);
}


/* the first length as far as it goes, and the second one for the rest */

static void
fuzz_fit(const slice_t *text)
{
    uint32_t  first, second, parts;

    parts = (uint32_t) text->len - FUZZ_HEAD;

    first = (uint32_t) (fuzz_number(text->data + FUZZ_FIRST)
                        % ((uint64_t) parts + 1));
    second = parts - first;

    memcpy(text->data + FUZZ_FIRST, &first, sizeof(uint32_t));
    memcpy(text->data + FUZZ_SECOND, &second, sizeof(uint32_t));
}


/* no beginning of a record is one; in memory that ends there */

static void
fuzz_shorter(const slice_t *text)
{
    size_t   len;
    slice_t  less;

    for (len = 0; len < text->len; len += 1 + text->len / FUZZ_SHORTER) {
        less = fuzz_slice(text->data, len);
        fuzz_check(!fuzz_read(&less));
        free(less.data);
    }
}
