
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the parser of key files.  The first byte is how many allocations
 * succeed, 255 being all; the rest is the file.  What is accepted has to hold
 * what every key promises, and to read the same when it is written out again.
 */


#include "key_source.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_key(const access_key_t *key);
static void fuzz_text(const access_keys_t *keys);


static const char  fuzz_pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";


static const source_file_t  fuzz_files[] = {
    { "s", { 9, (u_char *) "a secret\n" } },
    { "p", { sizeof(fuzz_pem) - 1, (u_char *) fuzz_pem } },
    { NULL, { 0, NULL } }
};


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int        rc;
    slice_t    text;
    source_t   s;
    uint32_t   i;

    if (size == 0) {
        return 0;
    }

    /* a copy of its own, which is gone before the keys are looked at */

    text.len = size - 1;
    text.data = malloc(text.len != 0 ? text.len : 1);

    if (text.data == NULL) {
        abort();
    }

    if (text.len != 0) {
        memcpy(text.data, data + 1, text.len);
    }

    source_init(&s, fuzz_files);

    if (data[0] != 255) {
        s.left = data[0];
    }

    rc = access_key_file(&s.reader, &text);

    free(text.data);

    if (rc == 0) {

        for (i = 0; i < s.reader.keys.nelts; i++) {
            fuzz_key(s.reader.keys.elts[i]);
        }

        fuzz_text(&s.reader.keys);

    } else if (s.reader.error[0] == '\0'
               || strlen(s.reader.error) >= ACCESS_ERROR_MAX
               || s.reader.line == 0 || s.reader.line > size)
    {
        abort();
    }

    source_done(&s);

    return 0;
}


static void
fuzz_key(const access_key_t *key)
{
    uint32_t  i;

    if (key->id.len == 0 || key->app.len == 0 || key->nchannels == 0) {
        abort();
    }

    for (i = 0; i < key->nchannels; i++) {
        if (key->channels[i].len == 0) {
            abort();
        }
    }

    for (i = 0; i < key->norigins; i++) {
        if (access_origin_check(&key->origins[i]) != NULL) {
            abort();
        }
    }

    if (key->type == ACCESS_PUBLISHABLE) {

        if (key->norigins == 0 || key->secret.len != 0
            || key->public_key != NULL)
        {
            abort();
        }

    } else if ((key->secret.len == 0) != access_is_asymmetric(key->algorithm)
               || (key->public_key != NULL)
                  != access_is_asymmetric(key->algorithm)
               || key->norigins != 0)
    {
        abort();
    }
}


static void
fuzz_text(const access_keys_t *keys)
{
    size_t         len;
    u_char        *text, *p;
    slice_t       *items;
    ssize_t        n, total;
    uint32_t       i;
    access_key_t   key;

    len = access_keys_len(keys);
    text = malloc(len);
    items = malloc(len * sizeof(slice_t));

    if (text == NULL || items == NULL) {
        abort();
    }

    total = access_keys_write(text, len, keys);

    if (total < 0) {
        abort();
    }

    p = text;

    for (i = 0; i < keys->nelts; i++) {
        n = access_key_read(&key, p, (size_t) (text + total - p), items, len);

        if (n <= 0 || !slice_eq(&key.id, &keys->elts[i]->id)
            || (key.type == ACCESS_SECRET
                && access_key_narrowed(keys->elts[i], &key, NULL)))
        {
            abort();
        }

        p += n;
    }

    if (p != text + total) {
        abort();
    }

    free(items);
    free(text);
}
