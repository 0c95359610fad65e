
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes the reader of paths of the control plane: a name that it gives is
 * the decoded one and not empty; escaped anew as a whole, it is given again.
 */


#include <stdlib.h>

#include "sig_rest_path.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void fuzz_again(sig_rest_e what, const slice_t *name);
static u_char *fuzz_put(u_char *p, const char *text);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char      *text, *store;
    slice_t      target, name;
    sig_rest_e   what;

    /* copies of their own, so that the sanitizer sees a byte too many */

    text = malloc(size ? size : 1);
    store = malloc(size ? size : 1);

    if (text == NULL || store == NULL) {
        abort();
    }

    if (size != 0) {
        memcpy(text, data, size);
    }

    target.data = text;
    target.len = size;

    what = sig_rest_path(&target, store, &name);

    switch (what) {

    case SIG_REST_NONE:
    case SIG_REST_USAGE:
        if (name.data != NULL || name.len != 0) {
            abort();
        }

        break;

    case SIG_REST_ROSTER:
    case SIG_REST_PUBLISH:
    case SIG_REST_PEER:
        if (name.data != NULL) {
            fuzz_again(what, &name);

        } else if (name.len != 0 || memchr(text, '%', size) == NULL) {
            abort();
        }

        break;

    default:
        abort();
    }

    free(text);
    free(store);

    return 0;
}


static void
fuzz_again(sig_rest_e what, const slice_t *name)
{
    size_t    i;
    u_char   *text, *store, *p;
    slice_t   target, again;

    static const char  hex[] = "0123456789ABCDEF";

    if (name->len == 0) {
        abort();
    }

    text = malloc(name->len * 3 + 64);
    store = malloc(name->len * 3 + 64);

    if (text == NULL || store == NULL) {
        abort();
    }

    p = fuzz_put(text, what == SIG_REST_PEER ? "/v1/peers/"
                                             : "/v1/channels/");

    for (i = 0; i < name->len; i++) {
        *p++ = '%';
        *p++ = (u_char) hex[name->data[i] >> 4];
        *p++ = (u_char) hex[name->data[i] & 0xf];
    }

    if (what != SIG_REST_PEER) {
        p = fuzz_put(p, what == SIG_REST_ROSTER ? "/peers" : "/publish");
    }

    target.data = text;
    target.len = (size_t) (p - text);

    if (sig_rest_path(&target, store, &again) != what
        || !slice_eq(&again, name))
    {
        abort();
    }

    free(text);
    free(store);
}


static u_char *
fuzz_put(u_char *p, const char *text)
{
    size_t  len;

    len = strlen(text);
    memcpy(p, text, len);

    return p + len;
}
