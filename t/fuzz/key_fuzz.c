
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes what is read of keys apart from key files.  The first byte of the
 * input chooses what the rest is:
 *
 *     t   the text form of a key, as it lies in shared memory; what is read
 *         has to be written and read again as the same
 *     p   the pair of an ID and a secret that a backend shows
 */


#include "fuzz.h"
#include "key_text.h"


#define FUZZ_ITEMS  16


static void fuzz_key_text(slice_t *text);
static void fuzz_pair(const slice_t *pair);


static access_key_t  fuzz_one = {
    .id = slice("sk_id_a"),
    .type = ACCESS_SECRET,
    .secret = slice("sk_secret_a")
};

static access_key_t  fuzz_public = {
    .id = slice("pk"),
    .type = ACCESS_PUBLISHABLE,
    .secret = slice("none")
};

static access_key_t  fuzz_other = {
    .id = slice("b"),
    .type = ACCESS_SECRET,
    .secret = slice(":")
};

static access_key_t  fuzz_asymmetric = {
    .id = slice("c"),
    .type = ACCESS_SECRET,
    .algorithm = ACCESS_ES256
};

static access_key_t  *fuzz_list[] = { &fuzz_one, &fuzz_public, &fuzz_other,
                                      &fuzz_asymmetric };

static access_keys_t  fuzz_keys = { fuzz_list, 4 };


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice_t  text;

    if (size == 0) {
        return 0;
    }

    text = fuzz_slice(data + 1, size - 1);

    switch (data[0]) {

    case 't':
        fuzz_key_text(&text);
        break;

    case 'p':
        fuzz_pair(&text);
        break;

    default:
        break;
    }

    free(text.data);

    return 0;
}


static void
fuzz_key_text(slice_t *text)
{
    slice_t        items[FUZZ_ITEMS], again[FUZZ_ITEMS], copy;
    ssize_t        n, len;
    access_key_t   key, same, *keys[1];
    access_keys_t  list;

    n = access_key_read(&key, text->data, text->len, items, FUZZ_ITEMS);

    if (n == -1) {
        return;
    }

    fuzz_check(n > 0 && (size_t) n <= text->len);

    keys[0] = &key;
    list.elts = keys;
    list.nelts = 1;

    copy.len = access_keys_len(&list);
    copy.data = malloc(copy.len);
    fuzz_check(copy.data != NULL);

    len = access_key_write(copy.data, copy.len, &key);

    fuzz_check(len > 0);
    fuzz_check(access_key_read(&same, copy.data, (size_t) len, again,
                               FUZZ_ITEMS)
               == len);

    fuzz_check(slice_eq(&same.id, &key.id) && slice_eq(&same.app, &key.app)
               && same.type == key.type && same.actions == key.actions
               && same.nchannels == key.nchannels
               && same.norigins == key.norigins);

    fuzz_check(!access_key_narrowed(&key, &same, NULL)
               || (key.norigins != 0 || key.require_origin));

    free(copy.data);
}


static void
fuzz_pair(const slice_t *pair)
{
    access_key_t  *expected;

    expected = NULL;

    if (pair->len == 19
        && memcmp(pair->data, "sk_id_a:sk_secret_a", 19) == 0)
    {
        expected = &fuzz_one;
    }

    if (pair->len == 3 && memcmp(pair->data, "b::", 3) == 0) {
        expected = &fuzz_other;
    }

    fuzz_check(access_key_by_pair(&fuzz_keys, pair) == expected);
}
