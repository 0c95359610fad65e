
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The beginning and the end of a key block, and the choice of the directive;
 * the directives themselves are in key_directive.c.
 */


#include <stdarg.h>
#include <stdio.h>

#include "key_directive.h"
#include "public_key.h"


#define ACCESS_KEYS_SIZE       8


static int access_block_check_id(access_reader_t *reader, const slice_t *id);
static int access_block_add(access_reader_t *reader);
static int access_block_signing(access_reader_t *reader);
static int access_block_public_key(access_reader_t *reader);
static void access_block_short_secret(access_reader_t *reader);


static const slice_t  access_default_app = slice("default");


int
access_block_begin(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    access_key_t  *key;

    static const slice_t  secret = slice("secret_key");

    if (n != 2) {
        return access_reader_error(reader, "invalid number of arguments in "
                                   "\"%.*s\" directive, write an ID",
                                   slice_arg(&words[0]));
    }

    key = reader->hooks->alloc(reader->data, sizeof(access_key_t));
    if (key == NULL) {
        return access_reader_error(reader, "no memory");
    }

    memset(key, 0, sizeof(access_key_t));

    key->type = slice_eq(&words[0], &secret) ? ACCESS_SECRET
                                             : ACCESS_PUBLISHABLE;
    key->id = words[1];
    key->app = access_default_app;
    key->actions = ACCESS_ALL;
    key->require_origin = (key->type == ACCESS_PUBLISHABLE);
    key->turn = 1;

    reader->key = key;
    reader->types = (key->type == ACCESS_SECRET) ? ACCESS_IN_SECRET
                                                 : ACCESS_IN_PUBLISHABLE;
    reader->seen = 0;

    memset(&reader->public_text, 0, sizeof(slice_t));
    memset(&reader->public_file, 0, sizeof(slice_t));

    return access_block_check_id(reader, &words[1]);
}


static int
access_block_check_id(access_reader_t *reader, const slice_t *id)
{
    uint32_t  i;

    if (!access_directive_name(id, ACCESS_KEY_ID_MAX)) {
        return access_reader_error(reader, "invalid key ID \"%.*s\" in "
                                   "\"%s\", write 1 to %d letters, digits, "
                                   "\"-\", \"_\" or \".\"", slice_arg(id),
                                   access_block_name(reader),
                                   ACCESS_KEY_ID_MAX);
    }

    for (i = 0; i < reader->keys.nelts; i++) {
        if (slice_eq(&reader->keys.elts[i]->id, id)) {
            return access_reader_error(reader, "duplicate key \"%.*s\" in "
                                       "\"%s\", give every key an ID of its "
                                       "own", slice_arg(id),
                                       access_block_name(reader));
        }
    }

    return 0;
}


int
access_block_directive(access_reader_t *reader, const slice_t *words,
    uint32_t n)
{
    uint32_t                   i;
    const access_directive_t  *directive;

    for (i = 0; access_directives[i].name.len != 0; i++) {
        directive = &access_directives[i];

        if (!slice_eq(&words[0], &directive->name)
            || (directive->types & reader->types) == 0)
        {
            continue;
        }

        if (reader->seen & (1u << i)) {
            return access_reader_error(reader, "\"%.*s\" directive is "
                                       "duplicate in \"%s\"%s",
                                       slice_arg(&words[0]),
                                       access_block_name(reader),
                                       directive->list
                                           ? ", write all its values in one"
                                           : "");
        }

        reader->seen |= 1u << i;

        if (n < 2 || (n > 2 && !directive->list)) {
            return access_reader_error(reader, "invalid number of arguments "
                                       "in \"%.*s\" directive, write %s",
                                       slice_arg(&words[0]),
                                       directive->list ? "one or more"
                                                       : "one");
        }

        return directive->set(reader, words, n);
    }

    return access_reader_error(reader, "unknown directive \"%.*s\" in \"%s\", "
                               "write %s\"channels\", \"actions\", \"turn\" or "
                               "\"app\"", slice_arg(&words[0]),
                               access_block_name(reader),
                               (reader->types == ACCESS_IN_SECRET)
                                   ? "\"secret\", \"secret_file\", "
                                     "\"algorithm\", \"public_key_file\", "
                                   : "\"origins\", \"require_origin\", ");
}


int
access_block_end(access_reader_t *reader)
{
    access_key_t  *key;

    key = reader->key;

    if (key->type == ACCESS_PUBLISHABLE && key->norigins == 0) {
        return access_reader_error(reader, "no \"origins\" in \"%s %.*s\", "
                                   "write the origins of the pages that may "
                                   "use it, as in \"origins "
                                   "https://www.example.com;\", or "
                                   "\"origins *;\" for every page",
                                   access_block_name(reader),
                                   slice_arg(&key->id));
    }

    if (key->type == ACCESS_SECRET && access_block_signing(reader) == -1) {
        return -1;
    }

    if (key->nchannels == 0) {
        return access_reader_error(reader, "no \"channels\" in \"%s %.*s\", "
                                   "write the patterns of its channels, as "
                                   "in \"channels room-*;\", or "
                                   "\"channels **;\" for every channel",
                                   access_block_name(reader),
                                   slice_arg(&key->id));
    }

    return access_block_add(reader);
}


static int
access_block_add(access_reader_t *reader)
{
    uint32_t        size;
    access_keys_t  *keys;
    access_key_t  **elts;

    keys = &reader->keys;

    if (keys->nelts >= reader->size) {
        size = keys->nelts ? keys->nelts * 2 : ACCESS_KEYS_SIZE;

        elts = reader->hooks->alloc(reader->data,
                                    size * sizeof(access_key_t *));
        if (elts == NULL) {
            return access_reader_error(reader, "no memory");
        }

        if (keys->nelts != 0) {
            memcpy(elts, keys->elts, keys->nelts * sizeof(access_key_t *));
        }

        keys->elts = elts;
        reader->size = size;
    }

    keys->elts[keys->nelts++] = reader->key;

    return 0;
}


/* the secret or the public key, whichever the algorithm asks for */

static int
access_block_signing(access_reader_t *reader)
{
    access_key_t  *key;

    key = reader->key;

    if (access_is_asymmetric(key->algorithm)) {

        if (key->secret.len != 0) {
            return access_reader_error(reader, "a secret in \"secret_key "
                                       "%.*s\", whose \"algorithm\" has a "
                                       "public key; write \"public_key_file "
                                       "path;\" instead",
                                       slice_arg(&key->id));
        }

        return access_block_public_key(reader);
    }

    if (reader->public_file.len != 0) {
        return access_reader_error(reader, "\"public_key_file\" in "
                                   "\"secret_key %.*s\", whose \"algorithm\" "
                                   "has a secret; write \"algorithm\" with "
                                   "\"RS256\", \"ES256\" or \"EdDSA\", or "
                                   "\"secret_file path;\" instead",
                                   slice_arg(&key->id));
    }

    if (key->secret.len == 0) {
        return access_reader_error(reader, "no secret in \"secret_key %.*s\", "
                                   "write \"secret_file path;\" or "
                                   "\"secret value;\"", slice_arg(&key->id));
    }

    access_block_short_secret(reader);

    return 0;
}


static int
access_block_public_key(access_reader_t *reader)
{
    const char    *err;
    access_key_t  *key;

    key = reader->key;

    if (reader->public_file.len == 0) {
        return access_reader_error(reader, "no public key in \"secret_key "
                                   "%.*s\", write \"public_key_file path;\"",
                                   slice_arg(&key->id));
    }

    err = access_public_key(key->algorithm, &reader->public_text,
                            &key->public_key);

    if (err != NULL) {
        return access_reader_error(reader, "\"%.*s\" of \"public_key_file\" "
                                   "%s", slice_arg(&reader->public_file), err);
    }

    if (reader->hooks->own(reader->data, key->public_key) == -1) {
        access_public_key_free(key->public_key);
        key->public_key = NULL;

        return access_reader_error(reader, "no memory");
    }

    return 0;
}


/* RFC 7518, 3.2: a secret is as long as the hash at least */

static void
access_block_short_secret(access_reader_t *reader)
{
    int     least;
    char    text[ACCESS_KEY_ID_MAX + 160];

    least = 32 + 16 * (int) reader->key->algorithm;

    if (reader->key->secret.len >= (size_t) least) {
        return;
    }

    (void) snprintf(text, sizeof(text), "the secret of \"secret_key %.*s\" is "
                    "shorter than its \"algorithm\" asks for, write one of at "
                    "least %d bytes", slice_arg(&reader->key->id), least);

    reader->hooks->warn(reader->data, text);
}


const char *
access_block_name(const access_reader_t *reader)
{
    return (reader->types == ACCESS_IN_SECRET) ? "secret_key"
                                               : "publishable_key";
}


int
access_reader_error(access_reader_t *reader, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(reader->error, sizeof(reader->error), fmt, args);
    va_end(args);

    return -1;
}


void
access_secret_trim(slice_t *secret)
{
    if (secret->len != 0 && secret->data[secret->len - 1] == '\n') {
        secret->len--;

        if (secret->len != 0 && secret->data[secret->len - 1] == '\r') {
            secret->len--;
        }
    }
}
