
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "access_set.h"


static access_store_t *access_conf_store(ngx_conf_t *cf, access_conf_t *acf);
static char *access_conf_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_int_t access_conf_find(ngx_conf_t *cf, access_conf_t *acf);
static ngx_int_t access_conf_first_set(ngx_conf_t *cf,
    access_store_t *store);
static void access_conf_cleanup(void *data);


void
access_conf_init(access_conf_t *acf)
{
    acf->magic = ACCESS_CONF_MAGIC;
    acf->size = sizeof(access_conf_t);
    acf->store = NULL;
    acf->error_logs = NULL;
    acf->redacted = 0;
}


ngx_uint_t
access_conf_is_ours(ngx_module_t *module)
{
    return module->type == NGX_HTTP_MODULE
           && (ngx_strcmp(module->name, "ngx_signaling_module") == 0
               || ngx_strcmp(module->name, "ngx_turncred_module") == 0);
}


static access_store_t *
access_conf_store(ngx_conf_t *cf, access_conf_t *acf)
{
    access_store_t  *store;

    if (acf->store != NULL) {
        return acf->store;
    }

    store = ngx_pcalloc(cf->pool, sizeof(access_store_t));
    if (store == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     store->file = { 0, NULL };
     *     store->current = NULL;
     */

    store->cycle = cf->cycle;
    store->statics.pool = cf->pool;
    store->statics.prefix = &cf->cycle->conf_prefix;

    access_source_init(&store->statics);

    acf->store = store;

    return store;
}


char *
access_conf_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    access_conf_t *acf = conf;

    char             *rv;
    ngx_conf_t        save;
    access_store_t   *store;
    access_reader_t  *reader;

    store = access_conf_store(cf, acf);
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    reader = &store->statics.reader;
    store->statics.cf = cf;

    if (access_block_begin(reader, cf->args->elts,
                           (uint32_t) cf->args->nelts)
        == -1)
    {
        goto failed;
    }

    save = *cf;
    cf->handler = access_conf_directive;
    cf->handler_conf = conf;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (access_block_end(reader) == 0) {
        return NGX_CONF_OK;
    }

failed:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", reader->error);

    return NGX_CONF_ERROR;
}


/* the handler of ngx_conf_parse() within a block */

static char *
access_conf_directive(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    access_conf_t *acf = conf;

    ngx_str_t        *value;
    access_reader_t  *reader;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    reader = &acf->store->statics.reader;

    if (access_block_directive(reader, cf->args->elts,
                               (uint32_t) cf->args->nelts)
        == -1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", reader->error);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
access_conf_key_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    access_conf_t *acf = conf;

    ngx_str_t       *value;
    access_store_t  *store;

    store = access_conf_store(cf, acf);
    if (store == NULL) {
        return NGX_CONF_ERROR;
    }

    if (store->file.len != 0) {
        return "is duplicate, write all keys into one file";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "has no name, write that of the file with the keys";
    }

    store->file = value[1];
    store->conf_file = cf->conf_file->file.name;
    store->conf_line = cf->conf_file->line;

    if (ngx_conf_full_name(cf->cycle, &store->file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
access_conf_share(ngx_conf_t *cf, access_conf_t *acf)
{
    access_store_t  *store;

    if (access_conf_find(cf, acf) != NGX_OK) {
        return NGX_ERROR;
    }

    store = access_conf_store(cf, acf);
    if (store == NULL) {
        return NGX_ERROR;
    }

    store->statics.cf = NULL;

    return store->current == NULL ? access_conf_first_set(cf, store) : NGX_OK;
}


/* the store of the other module, when that has read the keys */

static ngx_int_t
access_conf_find(ngx_conf_t *cf, access_conf_t *acf)
{
    ngx_uint_t      i;
    ngx_module_t   *module;
    access_conf_t  *other;

    for (i = 0; cf->cycle->modules[i] && acf->store == NULL; i++) {
        module = cf->cycle->modules[i];

        if (!access_conf_is_ours(module)) {
            continue;
        }

        other = ngx_http_conf_get_module_main_conf(cf, (*module));

        if (other == NULL || other == acf) {
            continue;
        }

        if (other->magic != ACCESS_CONF_MAGIC
            || other->size != sizeof(access_conf_t))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%s\" is of another build, load both modules "
                               "from the same one", module->name);
            return NGX_ERROR;
        }

        acf->store = other->store;
    }

    return NGX_OK;
}


static ngx_int_t
access_conf_first_set(ngx_conf_t *cf, access_store_t *store)
{
    access_set_t        *set;
    ngx_pool_cleanup_t  *cln;

    if (store->file.len == 0) {
        store->current = access_set_static(store);
        return store->current != NULL ? NGX_OK : NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    set = access_set_read(store, cf->log);
    if (set == NULL) {
        return NGX_ERROR;
    }

    store->seen = set;
    store->current = (access_set_t *) access_keys_hold(&set->keys);

    cln->handler = access_conf_cleanup;
    cln->data = store;

    if (set->error != NULL) {
        access_set_log(store, set, NGX_LOG_EMERG, cf->log, "");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
access_conf_cleanup(void *data)
{
    access_store_t  *store = data;

    access_keys_release(&store->seen->keys);
    access_keys_release(&store->current->keys);
}


ngx_uint_t
access_conf_has_file(access_conf_t *acf)
{
    return acf->store->file.len != 0;
}


ngx_uint_t
access_conf_has_keys(access_conf_t *acf)
{
    return access_conf_has_file(acf) || access_conf_keys(acf)->nelts != 0;
}


access_keys_t *
access_conf_keys(access_conf_t *acf)
{
    return &acf->store->current->keys;
}
