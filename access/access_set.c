
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <openssl/evp.h>

#include "key_file.h"
#include "access_set.h"
#include "key_text.h"
#include "public_key.h"


#define ACCESS_SET_POOL        4096


static void *access_source_alloc(void *data, size_t size);
static int access_source_read(access_reader_t *reader, const char *directive,
    slice_t *path, int secret, slice_t *text);
static int access_source_own(void *data, void *public_key);
static void access_source_warn(void *data, const char *text);
static access_set_t *access_set_create(ngx_log_t *log);
static ngx_int_t access_set_parse(access_store_t *store,
    access_source_t *source);
static void access_set_open_file(access_source_t *source,
    access_file_t *file);
static ngx_int_t access_set_failed(access_source_t *source,
    const void *error, ngx_uint_t line);
static ngx_int_t access_source_file(access_source_t *source,
    access_file_t *file);
static void access_hash_file(void *hash, access_file_t *file, ngx_int_t rc);
static u_char *access_set_text(access_set_t *set, size_t *len,
    ngx_log_t *log);
static void access_set_cleanup(void *data);


static const access_reader_hooks_t  access_source_hooks = {
    access_source_alloc,
    access_source_read,
    access_source_own,
    access_source_warn
};


void
access_source_init(access_source_t *source)
{
    source->reader.hooks = &access_source_hooks;
    source->reader.data = source;
}


access_set_t *
access_set_static(access_store_t *store)
{
    access_set_t  *set;

    set = ngx_pcalloc(store->cycle->pool, sizeof(access_set_t));
    if (set == NULL) {
        return NULL;
    }

    set->keys = store->statics.reader.keys;
    set->refs = 1;

    return set;
}


access_set_t *
access_set_read(access_store_t *store, ngx_log_t *log)
{
    ngx_int_t         rc;
    unsigned          len;
    access_set_t     *set;
    access_source_t   source;

    set = access_set_create(&store->cycle->new_log);
    if (set == NULL) {
        return NULL;
    }

    ngx_memzero(&source, sizeof(access_source_t));

    source.pool = set->pool;
    source.prefix = &store->cycle->conf_prefix;
    source.set = set;
    source.log = log;
    source.hash = EVP_MD_CTX_new();

    access_source_init(&source);

    /* no block may have the ID of a static key; the first one copies them */

    source.reader.keys = store->statics.reader.keys;

    rc = NGX_ERROR;

    if (source.hash != NULL
        && EVP_DigestInit_ex(source.hash, EVP_sha256(), NULL) == 1)
    {
        rc = access_set_parse(store, &source);

        if (EVP_DigestFinal_ex(source.hash, set->state, &len) != 1) {
            rc = NGX_ERROR;
        }
    }

    EVP_MD_CTX_free(source.hash);

    if (rc != NGX_OK) {
        access_keys_release(&set->keys);
        return NULL;
    }

    set->keys = source.reader.keys;

    return set;
}


/* log has to live as long as the set, which that of a parser does not */

static access_set_t *
access_set_create(ngx_log_t *log)
{
    ngx_pool_t    *pool;
    access_set_t  *set;

    pool = ngx_create_pool(ACCESS_SET_POOL, log);
    if (pool == NULL) {
        return NULL;
    }

    set = ngx_pcalloc(pool, sizeof(access_set_t));

    if (set == NULL
        || ngx_array_init(&set->files, pool, 2, sizeof(ngx_str_t)) != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    set->pool = pool;
    set->refs = 1;

    return set;
}


/* NGX_ERROR is for lack of memory; a mistake is written into the set */

static ngx_int_t
access_set_parse(access_store_t *store, access_source_t *source)
{
    access_file_t  file;

    ngx_memzero(&file, sizeof(access_file_t));

    file.directive = "key_file";
    file.what = "keys";
    file.max = ACCESS_KEY_FILE_MAX;
    file.path = store->file;

    if (access_source_file(source, &file) != NGX_OK) {
        return access_set_failed(source, file.error, 0);
    }

    if (access_key_file(&source->reader, &file.text) == -1) {
        return access_set_failed(source, source->reader.error,
                                 source->reader.line);
    }

    source->reader.line = 0;

    if (source->reader.inlined && access_file_is_open(&file)) {
        access_set_open_file(source, &file);
    }

    return NGX_OK;
}


static void
access_set_open_file(access_source_t *source, access_file_t *file)
{
    u_char  text[ACCESS_ERROR_MAX];

    ngx_memzero(text, sizeof(text));

    (void) ngx_snprintf(text, sizeof(text) - 1,
                        "\"%V\" for \"key_file\" has secrets in it and can be "
                        "read by every user, run \"chmod o= %V\"",
                        &file->path, &file->path);

    access_source_warn(source, (const char *) text);
}


static ngx_int_t
access_set_failed(access_source_t *source, const void *error, ngx_uint_t line)
{
    size_t         len;
    access_set_t  *set;

    set = source->set;
    len = ngx_strlen(error);

    set->line = line;
    set->error = ngx_pnalloc(set->pool, len + 1);

    if (set->error == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(set->error, error, len + 1);

    return NGX_OK;
}


static void *
access_source_alloc(void *data, size_t size)
{
    access_source_t *source = data;

    return ngx_palloc(source->pool, size);
}


static int
access_source_read(access_reader_t *reader, const char *directive,
    slice_t *path, int secret, slice_t *text)
{
    u_char            warning[ACCESS_ERROR_MAX];
    access_file_t     file;
    access_source_t  *source;

    source = reader->data;

    ngx_memzero(&file, sizeof(access_file_t));

    file.directive = directive;
    file.what = secret ? "secret" : "public key";
    file.max = ACCESS_SECRET_MAX;
    file.path.len = path->len;
    file.path.data = path->data;

    if (access_source_file(source, &file) != NGX_OK) {
        return access_reader_error(reader, "%s", (char *) file.error);
    }

    if (secret && access_file_is_open(&file)) {
        ngx_memzero(warning, sizeof(warning));

        (void) ngx_snprintf(warning, sizeof(warning) - 1,
                            "\"%V\" for \"%s\" can be read by every user, "
                            "run \"chmod o= %V\"",
                            &file.path, directive, &file.path);

        access_source_warn(source, (const char *) warning);
    }

    path->len = file.path.len;
    path->data = file.path.data;
    *text = file.text;

    return 0;
}


/* notes the file, and its content or why it cannot be read */

static ngx_int_t
access_source_file(access_source_t *source, access_file_t *file)
{
    ngx_int_t   rc;
    ngx_str_t  *path;

    file->pool = source->pool;
    file->prefix = source->prefix;

    rc = access_file_read(file);

    if (source->set == NULL) {
        return rc;
    }

    path = ngx_array_push(&source->set->files);
    if (path == NULL) {
        return NGX_ERROR;
    }

    *path = file->path;

    access_hash_file(source->hash, file, rc);

    return rc;
}


static void
access_hash_file(void *hash, access_file_t *file, ngx_int_t rc)
{
    uint64_t  state[2];

    state[0] = (rc == NGX_OK) ? 0 : (uint64_t) file->err;
    state[1] = (rc == NGX_OK) ? file->text.len : 0;

    (void) EVP_DigestUpdate(hash, state, sizeof(state));

    if (state[1] != 0) {
        (void) EVP_DigestUpdate(hash, file->text.data, file->text.len);
    }
}


static int
access_source_own(void *data, void *public_key)
{
    access_source_t *source = data;

    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(source->pool, 0);
    if (cln == NULL) {
        return -1;
    }

    cln->handler = access_public_key_free;
    cln->data = public_key;

    return 0;
}


static void
access_source_warn(void *data, const char *text)
{
    access_source_t *source = data;

    ngx_str_t  *file;

    if (source->cf != NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, source->cf, 0, "%s", text);
        return;
    }

    if (source->log == NULL) {
        return;
    }

    if (source->reader.line == 0) {
        ngx_log_error(NGX_LOG_WARN, source->log, 0, "%s", text);
        return;
    }

    file = source->set->files.elts;

    ngx_log_error(NGX_LOG_WARN, source->log, 0, "%s in %V:%uD", text, file,
                  source->reader.line);
}


ngx_int_t
access_set_state(access_store_t *store, access_set_t *set,
    u_char state[ACCESS_STATE_LEN])
{
    unsigned        len;
    ngx_int_t       rc;
    ngx_str_t      *paths;
    ngx_uint_t      i;
    ngx_pool_t     *pool;
    EVP_MD_CTX     *hash;
    access_file_t   file;

    hash = EVP_MD_CTX_new();
    if (hash == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) {
        goto done;
    }

    paths = set->files.elts;

    for (i = 0; i < set->files.nelts; i++) {

        pool = ngx_create_pool(ACCESS_SET_POOL, &store->cycle->new_log);
        if (pool == NULL) {
            goto done;
        }

        ngx_memzero(&file, sizeof(access_file_t));

        file.pool = pool;
        file.prefix = &store->cycle->conf_prefix;
        file.directive = "key_file";
        file.what = "keys";
        file.max = (i == 0) ? ACCESS_KEY_FILE_MAX : ACCESS_SECRET_MAX;
        file.path = paths[i];

        access_hash_file(hash, &file, access_file_read(&file));

        ngx_destroy_pool(pool);
    }

    if (EVP_DigestFinal_ex(hash, state, &len) == 1) {
        rc = NGX_OK;
    }

done:

    EVP_MD_CTX_free(hash);

    return rc;
}


void
access_set_log(access_store_t *store, access_set_t *set, ngx_uint_t level,
    ngx_log_t *log, const char *outcome)
{
    if (set->line == 0) {
        ngx_log_error(level, log, 0, "%s in %V:%ui%s", set->error,
                      &store->conf_file, store->conf_line, outcome);
        return;
    }

    ngx_log_error(level, log, 0, "%s in %V:%ui%s", set->error, &store->file,
                  set->line, outcome);
}


ngx_uint_t
access_set_same(access_set_t *a, access_set_t *b, ngx_log_t *log)
{
    size_t       alen, blen;
    u_char      *atext, *btext;
    ngx_uint_t   same;

    atext = access_set_text(a, &alen, log);
    btext = access_set_text(b, &blen, log);

    same = (atext != NULL && btext != NULL && alen == blen
            && ngx_memcmp(atext, btext, alen) == 0);

    if (atext != NULL) {
        ngx_free(atext);
    }

    if (btext != NULL) {
        ngx_free(btext);
    }

    return same;
}


static u_char *
access_set_text(access_set_t *set, size_t *len, ngx_log_t *log)
{
    size_t    size;
    u_char   *text;
    ssize_t   n;

    size = access_keys_len(&set->keys);

    text = ngx_alloc(size, log);
    if (text == NULL) {
        return NULL;
    }

    n = access_keys_write(text, size, &set->keys);

    if (n < 0) {
        ngx_free(text);
        return NULL;
    }

    *len = (size_t) n;

    return text;
}


access_keys_t *
access_keys_hold(access_keys_t *keys)
{
    access_set_t  *set;

    set = (access_set_t *) keys;
    set->refs++;

    return keys;
}


void
access_keys_release(access_keys_t *keys)
{
    access_set_t  *set;

    set = (access_set_t *) keys;

    if (--set->refs == 0 && set->pool != NULL) {
        ngx_destroy_pool(set->pool);
    }
}


ngx_int_t
access_keys_hold_for(ngx_pool_t *pool, access_keys_t *keys)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = access_set_cleanup;
    cln->data = access_keys_hold(keys);

    return NGX_OK;
}


static void
access_set_cleanup(void *data)
{
    access_keys_release(data);
}
