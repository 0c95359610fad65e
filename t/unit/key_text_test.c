
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: the text form of keys, by which a retiring worker learns
 * what became of them.
 */


#include <stdlib.h>
#include <string.h>

#include "key_made.h"
#include "random.h"


#define TEXT_ROUNDS     2000
#define TEXT_MAX        8192
#define TEXT_ITEMS      16
#define TEXT_STRING     40


static void test_text(void);
static void test_random_text(void);
static void test_set_text(void);
static void test_broken_text(void);
static void random_key(access_key_t *key, slice_t *items, u_char *bytes);
static int same_key(const access_key_t *a, const access_key_t *b);
static int same_slices(const slice_t *a, const slice_t *b, uint32_t n);


/* every run tries the same */

static uint64_t  state;


static void
test_text(void)
{
    int           found;
    size_t        i;
    u_char        text[TEXT_MAX];
    slice_t       items[TEXT_ITEMS];
    ssize_t       n;
    test_key_t    t;
    access_key_t  key;

    make_key(&t, ACCESS_PUBLISHABLE);

    n = access_key_write(text, sizeof(text), &t.key);

    ok(n > 0 && access_key_read(&key, text, (size_t) n, items, TEXT_ITEMS) == n
       && same_key(&key, &t.key), "text of a publishable key, and back");

    make_key(&t, ACCESS_SECRET);

    n = access_key_write(text, sizeof(text), &t.key);

    ok(n > 0 && access_key_read(&key, text, (size_t) n, items, TEXT_ITEMS) == n
       && same_key(&key, &t.key) && key.digest && key.secret.len == 64,
       "text of a secret key, and back");

    found = 0;

    for (i = 0; n > 0 && i + t.key.secret.len <= (size_t) n; i++) {
        found |= (memcmp(text + i, t.key.secret.data, t.key.secret.len) == 0);
    }

    ok(n > 0 && !found, "the secret is not in the text");

    t.key.secret.len = 0;
    ok(access_key_write(text, sizeof(text), &t.key) == -1,
       "a secret key without a secret has no text");
}


static void
test_random_text(void)
{
    int           wrong, fits;
    size_t        i, size;
    u_char        text[TEXT_MAX], copy[TEXT_MAX], bytes[TEXT_MAX];
    slice_t       items[TEXT_ITEMS], store[TEXT_ITEMS];
    ssize_t       n, again;
    access_key_t  key, back;

    wrong = 0;
    fits = 0;

    for (i = 0; i < TEXT_ROUNDS; i++) {
        random_key(&key, items, bytes);

        n = access_key_write(text, sizeof(text), &key);

        if (n <= 0
            || access_key_read(&back, text, (size_t) n, store, TEXT_ITEMS) != n
            || !same_key(&back, &key))
        {
            wrong++;
            continue;
        }

        /* what was read is written the same, the digest included */

        again = access_key_write(copy, sizeof(copy), &back);
        wrong += (again != n || memcmp(text, copy, (size_t) n) != 0);

        /* nothing is written past a buffer that is too small */

        size = random_below(&state, (uint32_t) n);
        memset(copy, 0xaa, sizeof(copy));
        wrong += (access_key_write(copy, size, &key) != -1);
        wrong += (copy[size] != 0xaa);

        memset(copy, 0xaa, sizeof(copy));
        fits += (access_key_write(copy, (size_t) n, &key) == n
                 && copy[n] == 0xaa);
    }

    ok(wrong == 0, "random keys come back from their text");
    ok(fits == TEXT_ROUNDS, "an exact buffer is enough");
}


static void
test_set_text(void)
{
    int             wrong;
    size_t          i, len, size;
    u_char          text[3 * TEXT_MAX], copy[3 * TEXT_MAX],
                    bytes[3][TEXT_MAX];
    slice_t         items[3][TEXT_ITEMS];
    ssize_t         n;
    access_key_t    keys[3], *elts[3];
    access_keys_t   set;

    wrong = 0;

    for (i = 0; i < TEXT_ROUNDS; i++) {

        set.elts = elts;
        len = 0;

        for (set.nelts = 0; set.nelts < i % 4; set.nelts++) {
            elts[set.nelts] = &keys[set.nelts];
            random_key(elts[set.nelts], items[set.nelts], bytes[set.nelts]);

            n = access_key_write(text + len, sizeof(text) - len,
                                 elts[set.nelts]);
            wrong += (n <= 0);
            len += (size_t) n;
        }

        size = access_keys_len(&set);

        wrong += (size == 0 || size > sizeof(copy)
                  || access_keys_write(copy, size, &set) != (ssize_t) len
                  || memcmp(copy, text, len) != 0);

        wrong += (len != 0 && access_keys_write(copy, len - 1, &set) != -1);
    }

    ok(wrong == 0, "the text of a set, and room that is enough for it");

    keys[0].type = ACCESS_SECRET;
    keys[0].algorithm = ACCESS_RS256;

    ok(access_keys_write(copy, sizeof(copy), &set) == -1,
       "a set with a key that has no text");
}


static void
test_broken_text(void)
{
    int           accepted;
    size_t        i, len;
    u_char        text[TEXT_MAX], copy[TEXT_MAX], *exact;
    slice_t       store[TEXT_ITEMS];
    ssize_t       n;
    test_key_t    t;
    access_key_t  key;

    static const char  *broken[] = {
        "", "\n", "pf110 0 0 1:a,1:b,0:,", "xf110 0 0 1:a,1:b,0:,\n",
        "pg110 0 0 1:a,1:b,0:,\n", "pf210 0 0 1:a,1:b,0:,\n",
        "pf120 0 0 1:a,1:b,0:,\n", "pf110 1 0 1:a,1:b,0:,\n",
        "pf110 0 1 1:a,1:b,0:,\n", "pf110 17 0 1:a,1:b,0:,\n",
        "pf110 99999999999999999999 0 1:a,1:b,0:,\n",
        "pf110 -1 0 1:a,1:b,0:,\n",
        "pf110 0 0 2:a,1:b,0:,\n", "pf110 0 0 99:a,1:b,0:,\n",
        "pf110 0 0 :a,1:b,0:,\n", "pf110 0 0 1:a;1:b,0:,\n",
        "pf110 0 0 1:a,1:b,1:c,\n", "sf110 0 0 1:a,1:b,0:,\n",
        "sf110 0 0 1:a,1:b,1:c,\n", "pf110  0 0 1:a,1:b,0:,\n",
        "pf116 0 0 1:a,1:b,0:,\n", "pf11a 0 0 1:a,1:b,0:,\n",
        "pf11/ 0 0 1:a,1:b,0:,\n", "pf11 0 0 1:a,1:b,0:,\n"
    };

    accepted = 0;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        len = strlen(broken[i]);
        memcpy(copy, broken[i], len);

        if (access_key_read(&key, copy, len, store, TEXT_ITEMS) != -1) {
            printf("# accepted: %s\n", broken[i]);
            accepted++;
        }
    }

    ok(accepted == 0, "malformed texts are refused");

    make_key(&t, ACCESS_SECRET);
    n = access_key_write(text, sizeof(text), &t.key);

    accepted = (n <= 0);

    for (i = 0; n > 0 && i < (size_t) n; i++) {
        exact = malloc(i ? i : 1);
        if (exact == NULL) {
            accepted++;
            break;
        }

        memcpy(exact, text, i);
        accepted += (access_key_read(&key, exact, i, store, TEXT_ITEMS) != -1);
        free(exact);
    }

    ok(accepted == 0, "a text cut off anywhere is refused");

    ok(access_key_read(&key, text, (size_t) n, store,
                       t.key.nchannels + t.key.norigins) == n
       && access_key_read(&key, text, (size_t) n, store,
                          t.key.nchannels + t.key.norigins - 1) == -1,
       "the store is not overrun");

    memcpy(copy, text, (size_t) n);
    memcpy(copy + n, text, (size_t) n);
    ok(access_key_read(&key, copy, (size_t) n * 2, store, TEXT_ITEMS) == n,
       "one key is read of two");
}


static void
random_key(access_key_t *key, slice_t *items, u_char *bytes)
{
    u_char    *p;
    slice_t   *s;
    uint32_t   i, n;

    slice_t   *strings[] = { &key->id, &key->app, &key->secret };

    memset(key, 0, sizeof(access_key_t));

    key->type = random_below(&state, 2) ? ACCESS_SECRET : ACCESS_PUBLISHABLE;
    key->actions = random_below(&state, 16) & ACCESS_ALL;
    key->require_origin = random_below(&state, 2) & 1;
    key->turn = random_below(&state, 2) & 1;

    key->nchannels = random_below(&state, TEXT_ITEMS / 2 + 1);
    key->norigins = random_below(&state, TEXT_ITEMS / 2 + 1);
    key->channels = items;
    key->origins = items + key->nchannels;

    p = bytes;

    for (i = 0; i < key->nchannels + key->norigins + 3; i++) {
        s = (i < 3) ? strings[i] : &items[i - 3];

        s->data = p;
        s->len = random_below(&state, TEXT_STRING);

        for (n = 0; n < s->len; n++) {
            *p++ = (u_char) random_below(&state, 256);
        }
    }

    if (key->type == ACCESS_PUBLISHABLE) {
        key->secret.len = 0;

    } else {
        key->algorithm = (access_algorithm_e) random_below(&state,
                                                           ACCESS_RS256);

        if (key->secret.len == 0) {
            key->secret = text_slice("s");
        }
    }
}


/* all but the secret */

static int
same_key(const access_key_t *a, const access_key_t *b)
{
    return a->type == b->type
           && a->actions == b->actions
           && a->require_origin == b->require_origin
           && a->turn == b->turn
           && a->algorithm == b->algorithm
           && slice_eq(&a->id, &b->id)
           && slice_eq(&a->app, &b->app)
           && a->nchannels == b->nchannels
           && a->norigins == b->norigins
           && same_slices(a->channels, b->channels, a->nchannels)
           && same_slices(a->origins, b->origins, a->norigins);
}


static int
same_slices(const slice_t *a, const slice_t *b, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (!slice_eq(&a[i], &b[i])) {
            return 0;
        }
    }

    return 1;
}


int
main(void)
{
    test_text();
    test_random_text();
    test_set_text();
    test_broken_text();

    return tap_done();
}
