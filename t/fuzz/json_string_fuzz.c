
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes strings of JSON: the scanner of this processor and the one that runs
 * everywhere must agree, whatever the place of the text in memory.  The input
 * is the text from behind the opening quote.
 */


#include "fuzz.h"
#include "sig_json.h"


/* the one that runs everywhere, under names of its own */

#define SIG_JSON_PORTABLE   1

#define sig_json_string     plain_string
#define sig_json_plain      plain_plain

const u_char *plain_string(const u_char *p, const u_char *end);
size_t plain_plain(const slice_t *inside);

/* NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "sig_json_string.c"

#undef sig_json_string
#undef sig_json_plain


#define FUZZ_OFFSETS  32               /* of the longest block */
#define FUZZ_MAX      65536


static void fuzz_inside(const slice_t *inside);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i;
    ssize_t        len;
    slice_t        text, inside;
    const u_char  *end;

    static uint8_t  moved[FUZZ_OFFSETS + FUZZ_MAX];

    if (size == 0 || size > FUZZ_MAX) {
        return 0;
    }

    text = fuzz_slice(data, size);
    end = plain_string(text.data, text.data + text.len);

    len = (end != NULL) ? end - text.data : -1;

    fuzz_check(len == -1 || (len > 0 && text.data[len - 1] == '"'));

    free(text.data);

    for (i = 0; i < FUZZ_OFFSETS; i++) {
        memset(moved, '"', i);
        memcpy(moved + i, data, size);

        text = fuzz_slice(moved, i + size);

        end = sig_json_string(text.data + i, text.data + text.len);

        fuzz_check(len == -1 ? end == NULL
                             : end == text.data + i + len);

        free(text.data);
    }

    if (len != -1) {
        inside = fuzz_slice(data, (size_t) len - 1);
        fuzz_inside(&inside);
        free(inside.data);
    }

    return 0;
}


/* what is in a string that has been scanned */

static void
fuzz_inside(const slice_t *inside)
{
    int            there;
    size_t         plain;
    int32_t        c;
    slice_t        text;
    const u_char  *p, *last, *end;

    plain = sig_json_plain(inside);

    fuzz_check(plain == plain_plain(inside));
    fuzz_check(plain == inside->len || inside->data[plain] == '\\'
               || inside->data[plain] >= 0x80);

    p = inside->data;
    end = p + inside->len;
    there = 1;

    while (p < end && there) {
        last = p;
        c = sig_json_char(&p, end);
        there = (c != -1);

        fuzz_check(!there || (p > last && p <= end && c <= 0x10ffff));
    }

    text = fuzz_slice(inside->data, inside->len);

    fuzz_check(sig_json_unescape(&text) == there);

    /* in ASCII it is the same as what it stands for */

    if (there) {
        fuzz_check(text.len <= inside->len);
        fuzz_check(sig_json_plain(&text) != text.len
                   || sig_json_equal(inside, &text));
    }

    free(text.data);
}
