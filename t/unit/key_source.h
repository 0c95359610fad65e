
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a reader of key blocks needs, for tests and fuzzers: memory that is
 * freed in one go and files that are strings.  Counts memory and public keys,
 * so that nothing is lost unseen.
 */


#ifndef _KEY_SOURCE_H_INCLUDED_
#define _KEY_SOURCE_H_INCLUDED_


#include <stdlib.h>
#include <string.h>

#include "key_file.h"
#include "public_key.h"


#define SOURCE_KEYS     64


typedef struct source_chunk_s  source_chunk_t;

struct source_chunk_s {
    source_chunk_t     *next;
    size_t              size;
    u_char              bytes[];
};


typedef struct {
    const char         *name;
    slice_t             text;
} source_file_t;


typedef struct {
    access_reader_t     reader;
    source_chunk_t     *chunks;
    const source_file_t  *files;        /* up to one without a name */
    void               *owned[SOURCE_KEYS];
    size_t              nowned;
    size_t              left;           /* allocations until one fails */
    unsigned            warnings;
    char                warning[ACCESS_ERROR_MAX];
} source_t;


static inline void source_init(source_t *s, const source_file_t *files);
static inline void source_done(source_t *s);
static inline void *source_alloc(void *data, size_t size);
static inline int source_read(access_reader_t *reader, const char *directive,
    slice_t *path, int secret, slice_t *text);
static inline int source_own(void *data, void *public_key);
static inline void source_warn(void *data, const char *text);


static inline void
source_init(source_t *s, const source_file_t *files)
{
    static const access_reader_hooks_t  hooks = {
        source_alloc, source_read, source_own, source_warn
    };

    memset(s, 0, sizeof(source_t));

    s->reader.hooks = &hooks;
    s->reader.data = s;
    s->files = files;
    s->left = (size_t) -1;
}


static inline void
source_done(source_t *s)
{
    source_chunk_t  *chunk;

    while (s->nowned > 0) {
        access_public_key_free(s->owned[--s->nowned]);
    }

    while (s->chunks != NULL) {
        chunk = s->chunks;
        s->chunks = chunk->next;
        free(chunk);
    }
}


/* what is not written yet has no value that would do */

static inline void *
source_alloc(void *data, size_t size)
{
    source_t *s = data;

    source_chunk_t  *chunk;

    if (s->left == 0) {
        return NULL;
    }

    s->left--;

    chunk = malloc(sizeof(source_chunk_t) + size);
    if (chunk == NULL) {
        abort();
    }

    memset(chunk->bytes, 0xa5, size);

    chunk->size = size;
    chunk->next = s->chunks;
    s->chunks = chunk;

    return chunk->bytes;
}


static inline int
source_read(access_reader_t *reader, const char *directive, slice_t *path,
    int secret, slice_t *text)
{
    source_t             *s;
    const source_file_t  *file;

    s = reader->data;

    /* a zero byte follows, as it does in a configuration */

    if (path->data[path->len] != '\0') {
        abort();
    }

    for (file = s->files; file != NULL && file->name != NULL; file++) {

        if (strcmp(file->name, (char *) path->data) != 0) {
            continue;
        }

        text->len = file->text.len;
        text->data = source_alloc(s, file->text.len + 1);

        if (text->data == NULL) {
            return access_reader_error(reader, "no memory");
        }

        memcpy(text->data, file->text.data, file->text.len);

        return 0;
    }

    return access_reader_error(reader, "cannot open \"%s\" for \"%s\" (%s)",
                               (char *) path->data, directive,
                               secret ? "secret" : "public");
}


static inline int
source_own(void *data, void *public_key)
{
    source_t *s = data;

    if (s->nowned == SOURCE_KEYS || s->left == 0) {
        return -1;
    }

    s->owned[s->nowned++] = public_key;

    return 0;
}


static inline void
source_warn(void *data, const char *text)
{
    source_t *s = data;

    s->warnings++;

    strncpy(s->warning, text, sizeof(s->warning) - 1);
}


#endif /* _KEY_SOURCE_H_INCLUDED_ */
