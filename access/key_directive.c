
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "key_directive.h"


#define ACCESS_APP_MAX         64


typedef struct {
    slice_t             name;
    access_algorithm_e  algorithm;
} access_algorithm_name_t;


static int access_set_origins(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_require_origin(access_reader_t *reader,
    const slice_t *words, uint32_t n);
static int access_set_channels(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_actions(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_turn(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_app(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_secret(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_secret_file(access_reader_t *reader,
    const slice_t *words, uint32_t n);
static int access_set_algorithm(access_reader_t *reader, const slice_t *words,
    uint32_t n);
static int access_set_public_key_file(access_reader_t *reader,
    const slice_t *words, uint32_t n);
static int access_one_secret(access_reader_t *reader);
static int access_pattern_valid(const slice_t *pattern);
static int access_flag(access_reader_t *reader, const slice_t *words);
static slice_t *access_list(access_reader_t *reader, const slice_t *words,
    uint32_t n);


const access_directive_t  access_directives[] = {

    { slice("origins"), ACCESS_IN_PUBLISHABLE, 1, access_set_origins },

    { slice("require_origin"), ACCESS_IN_PUBLISHABLE, 0,
      access_set_require_origin },

    { slice("secret"), ACCESS_IN_SECRET, 0, access_set_secret },

    { slice("secret_file"), ACCESS_IN_SECRET, 0, access_set_secret_file },

    { slice("algorithm"), ACCESS_IN_SECRET, 0, access_set_algorithm },

    { slice("public_key_file"), ACCESS_IN_SECRET, 0,
      access_set_public_key_file },

    { slice("channels"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 1,
      access_set_channels },

    { slice("actions"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 1,
      access_set_actions },

    { slice("turn"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 0,
      access_set_turn },

    { slice("app"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 0,
      access_set_app },

    { slice(""), 0, 0, NULL }
};


static const access_algorithm_name_t  access_algorithm_names[] = {
    { slice("HS256"), ACCESS_HS256 },
    { slice("HS384"), ACCESS_HS384 },
    { slice("HS512"), ACCESS_HS512 },
    { slice("RS256"), ACCESS_RS256 },
    { slice("ES256"), ACCESS_ES256 },
    { slice("EdDSA"), ACCESS_EDDSA },
    { slice(""), ACCESS_HS256 }
};


static int
access_set_origins(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    uint32_t       i;
    const char    *err;
    access_key_t  *key;

    key = reader->key;

    key->origins = access_list(reader, words, n);
    if (key->origins == NULL) {
        return -1;
    }

    key->norigins = n - 1;

    for (i = 0; i < key->norigins; i++) {
        err = access_origin_check(&key->origins[i]);

        if (err != NULL) {
            return access_reader_error(reader, "invalid origin \"%.*s\" in "
                                       "\"origins\": %s",
                                       slice_arg(&key->origins[i]), err);
        }
    }

    return 0;
}


static int
access_set_require_origin(access_reader_t *reader, const slice_t *words,
    uint32_t n)
{
    int  on;

    on = access_flag(reader, words);

    if (on == -1) {
        return -1;
    }

    reader->key->require_origin = (on == 1);

    return 0;
}


static int
access_set_channels(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    uint32_t       i;
    access_key_t  *key;

    key = reader->key;

    key->channels = access_list(reader, words, n);
    if (key->channels == NULL) {
        return -1;
    }

    key->nchannels = n - 1;

    for (i = 0; i < key->nchannels; i++) {

        if (!access_pattern_valid(&key->channels[i])) {
            return access_reader_error(reader, "invalid pattern \"%.*s\" in "
                                       "\"channels\", write a channel name "
                                       "without control characters, where "
                                       "\"*\" stands for one part of a path "
                                       "and \"**\" for any",
                                       slice_arg(&key->channels[i]));
        }
    }

    return 0;
}


static int
access_set_actions(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    uint32_t  i;
    unsigned  action, actions;

    actions = 0;

    for (i = 1; i < n; i++) {
        action = access_action(&words[i]);

        if (action == 0) {
            return access_reader_error(reader, "unknown action \"%.*s\" in "
                                       "\"actions\", write \"subscribe\", "
                                       "\"publish\", \"presence\" or "
                                       "\"send\"", slice_arg(&words[i]));
        }

        if (actions & action) {
            return access_reader_error(reader, "duplicate action \"%.*s\" in "
                                       "\"actions\", write it once",
                                       slice_arg(&words[i]));
        }

        actions |= action;
    }

    reader->key->actions = actions & ACCESS_ALL;

    return 0;
}


static int
access_set_turn(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    int  on;

    on = access_flag(reader, words);

    if (on == -1) {
        return -1;
    }

    reader->key->turn = (on == 1);

    return 0;
}


static int
access_set_app(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    if (!access_directive_name(&words[1], ACCESS_APP_MAX)) {
        return access_reader_error(reader, "invalid name \"%.*s\" in \"app\", "
                                   "write 1 to %d letters, digits, \"-\", "
                                   "\"_\" or \".\"", slice_arg(&words[1]),
                                   ACCESS_APP_MAX);
    }

    reader->key->app = words[1];

    return 0;
}


static int
access_set_secret(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    if (access_one_secret(reader) == -1) {
        return -1;
    }

    if (words[1].len == 0) {
        return access_reader_error(reader, "empty value in \"secret\", write "
                                   "the secret there or \"secret_file "
                                   "path;\"");
    }

    reader->key->secret = words[1];
    reader->inlined++;

    return 0;
}


static int
access_set_secret_file(access_reader_t *reader, const slice_t *words,
    uint32_t n)
{
    slice_t   path;
    slice_t  *secret;

    if (access_one_secret(reader) == -1) {
        return -1;
    }

    path = words[1];
    secret = &reader->key->secret;

    if (reader->hooks->read(reader, "secret_file", &path, 1, secret) == -1) {
        return -1;
    }

    access_secret_trim(secret);

    if (secret->len == 0) {
        return access_reader_error(reader, "no secret in \"%.*s\" for "
                                   "\"secret_file\", write it into that file",
                                   slice_arg(&path));
    }

    return 0;
}


static int
access_set_algorithm(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    const access_algorithm_name_t  *an;

    for (an = access_algorithm_names; an->name.len != 0; an++) {
        if (slice_eq(&an->name, &words[1])) {
            reader->key->algorithm = an->algorithm;
            return 0;
        }
    }

    return access_reader_error(reader, "unknown value \"%.*s\" in "
                               "\"algorithm\", write \"HS256\", \"HS384\", "
                               "\"HS512\", \"RS256\", \"ES256\" or \"EdDSA\"",
                               slice_arg(&words[1]));
}


/* parsed at the end of the block, when the algorithm is known */

static int
access_set_public_key_file(access_reader_t *reader, const slice_t *words,
    uint32_t n)
{
    reader->public_file = words[1];

    return reader->hooks->read(reader, "public_key_file",
                               &reader->public_file, 0, &reader->public_text);
}


static int
access_one_secret(access_reader_t *reader)
{
    if (reader->key->secret.len == 0) {
        return 0;
    }

    return access_reader_error(reader, "\"secret\" and \"secret_file\" in one "
                               "\"secret_key\", write one of them");
}


static int
access_pattern_valid(const slice_t *pattern)
{
    size_t  i;

    for (i = 0; i < pattern->len; i++) {
        if (pattern->data[i] < 0x20 || pattern->data[i] == 0x7f) {
            return 0;
        }
    }

    return pattern->len != 0;
}


static int
access_flag(access_reader_t *reader, const slice_t *words)
{
    static const slice_t  on = slice("on"), off = slice("off");

    if (slice_eq(&words[1], &on)) {
        return 1;
    }

    if (slice_eq(&words[1], &off)) {
        return 0;
    }

    return access_reader_error(reader, "invalid value \"%.*s\" in \"%.*s\" of "
                               "\"%s\", write \"on\" or \"off\"",
                               slice_arg(&words[1]), slice_arg(&words[0]),
                               access_block_name(reader));
}


/* the values, without the name of the directive */

static slice_t *
access_list(access_reader_t *reader, const slice_t *words, uint32_t n)
{
    slice_t  *list;

    list = reader->hooks->alloc(reader->data, (n - 1) * sizeof(slice_t));

    if (list == NULL) {
        (void) access_reader_error(reader, "no memory");
        return NULL;
    }

    memcpy(list, words + 1, (n - 1) * sizeof(slice_t));

    return list;
}
