
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "access_inner.h"
#include "public_key.h"


#define ACCESS_KEY_ID_MAX      128


static char *access_conf_block(ngx_conf_t *cf, access_conf_t *acf,
    access_conf_block_t *block);
static ngx_int_t access_conf_check_id(ngx_conf_t *cf, access_conf_t *acf,
    access_conf_block_t *block);
static ngx_int_t access_conf_complete(ngx_conf_t *cf,
    access_conf_block_t *block);
static ngx_int_t access_conf_signing(ngx_conf_t *cf,
    access_conf_block_t *block);
static ngx_int_t access_conf_public_key(ngx_conf_t *cf,
    access_conf_block_t *block);


static const slice_t  access_conf_default_app = slice("default");


void
access_conf_init(access_conf_t *acf)
{
    acf->magic = ACCESS_CONF_MAGIC;
    acf->size = sizeof(access_conf_t);
    acf->keys = NULL;
}


ngx_int_t
access_conf_share(ngx_conf_t *cf, access_conf_t *acf, access_keys_t *keys)
{
    ngx_uint_t       i;
    ngx_module_t    *module;
    access_conf_t   *other;

    for (i = 0; cf->cycle->modules[i] && acf->keys == NULL; i++) {
        module = cf->cycle->modules[i];

        if (module->type != NGX_HTTP_MODULE
            || (ngx_strcmp(module->name, "ngx_signaling_module") != 0
                && ngx_strcmp(module->name, "ngx_turncred_module") != 0))
        {
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

        acf->keys = other->keys;
    }

    if (acf->keys == NULL) {
        keys->elts = NULL;
        keys->nelts = 0;
        return NGX_OK;
    }

    keys->elts = acf->keys->elts;
    keys->nelts = (uint32_t) acf->keys->nelts;

    return NGX_OK;
}


char *
access_conf_publishable_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    access_conf_block_t  block;

    ngx_memzero(&block, sizeof(access_conf_block_t));

    block.directive = "publishable_key";
    block.type = ACCESS_IN_PUBLISHABLE;

    return access_conf_block(cf, conf, &block);
}


char *
access_conf_secret_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    access_conf_block_t  block;

    ngx_memzero(&block, sizeof(access_conf_block_t));

    block.directive = "secret_key";
    block.type = ACCESS_IN_SECRET;

    return access_conf_block(cf, conf, &block);
}


static char *
access_conf_block(ngx_conf_t *cf, access_conf_t *acf,
    access_conf_block_t *block)
{
    char           *rv;
    ngx_conf_t      save;
    access_key_t   *key, **slot;

    key = ngx_pcalloc(cf->pool, sizeof(access_key_t));
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    block->key = key;

    if (access_conf_check_id(cf, acf, block) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    key->type = (block->type == ACCESS_IN_SECRET) ? ACCESS_SECRET
                                                  : ACCESS_PUBLISHABLE;
    key->app = access_conf_default_app;
    key->actions = ACCESS_ALL;
    key->require_origin = (key->type == ACCESS_PUBLISHABLE);
    key->turn = 1;

    if (acf->keys == NULL) {
        acf->keys = ngx_array_create(cf->pool, 4, sizeof(access_key_t *));
        if (acf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(acf->keys);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = key;

    save = *cf;
    cf->handler = access_conf_inner;
    cf->handler_conf = block;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (access_conf_complete(cf, block) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
access_conf_check_id(ngx_conf_t *cf, access_conf_t *acf,
    access_conf_block_t *block)
{
    ngx_str_t      *value;
    ngx_uint_t      i;
    access_key_t  **keys;

    value = cf->args->elts;

    if (access_conf_name(&value[1], ACCESS_KEY_ID_MAX) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid key ID \"%V\" in \"%s\", write 1 to %d "
                           "letters, digits, \"-\", \"_\" or \".\"",
                           &value[1], block->directive, ACCESS_KEY_ID_MAX);
        return NGX_ERROR;
    }

    block->key->id.len = value[1].len;
    block->key->id.data = value[1].data;

    if (acf->keys == NULL) {
        return NGX_OK;
    }

    keys = acf->keys->elts;

    for (i = 0; i < acf->keys->nelts; i++) {
        if (slice_eq(&keys[i]->id, &block->key->id)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate key \"%V\" in \"%s\", give every "
                               "key an ID of its own",
                               &value[1], block->directive);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
access_conf_complete(ngx_conf_t *cf, access_conf_block_t *block)
{
    access_key_t  *key;

    key = block->key;

    if (block->type == ACCESS_IN_PUBLISHABLE && key->norigins == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"origins\" in \"%s %*s\", write the origins "
                           "of the pages that may use it, as in "
                           "\"origins https://www.example.com;\", "
                           "or \"origins *;\" for every page",
                           block->directive, key->id.len, key->id.data);
        return NGX_ERROR;
    }

    if (block->type == ACCESS_IN_SECRET
        && access_conf_signing(cf, block) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key->nchannels == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"channels\" in \"%s %*s\", write the patterns "
                           "of its channels, as in \"channels room-*;\", "
                           "or \"channels **;\" for every channel",
                           block->directive, key->id.len, key->id.data);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* the secret or the public key, whichever the algorithm asks for */

static ngx_int_t
access_conf_signing(ngx_conf_t *cf, access_conf_block_t *block)
{
    size_t         least;
    access_key_t  *key;

    key = block->key;

    if (access_is_asymmetric(key->algorithm)) {

        if (key->secret.len != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "a secret in \"%s %*s\", whose \"algorithm\" "
                               "has a public key; write \"public_key_file "
                               "path;\" instead",
                               block->directive, key->id.len, key->id.data);
            return NGX_ERROR;
        }

        return access_conf_public_key(cf, block);
    }

    if (block->public_file.len != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"public_key_file\" in \"%s %*s\", whose "
                           "\"algorithm\" has a secret; write \"algorithm\" "
                           "with \"RS256\", \"ES256\" or \"EdDSA\", or "
                           "\"secret_file path;\" instead",
                           block->directive, key->id.len, key->id.data);
        return NGX_ERROR;
    }

    if (key->secret.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no secret in \"%s %*s\", write "
                           "\"secret_file path;\" or \"secret value;\"",
                           block->directive, key->id.len, key->id.data);
        return NGX_ERROR;
    }

    /* RFC 7518, 3.2 */

    least = 32 + 16 * (size_t) key->algorithm;

    if (key->secret.len < least) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the secret of \"%s %*s\" is shorter than its "
                           "\"algorithm\" asks for, write one of at least "
                           "%uz bytes",
                           block->directive, key->id.len, key->id.data, least);
    }

    return NGX_OK;
}


static ngx_int_t
access_conf_public_key(ngx_conf_t *cf, access_conf_block_t *block)
{
    const char          *err;
    access_key_t        *key;
    ngx_pool_cleanup_t  *cln;

    key = block->key;

    if (block->public_file.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no public key in \"%s %*s\", write "
                           "\"public_key_file path;\"",
                           block->directive, key->id.len, key->id.data);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    err = access_public_key(key->algorithm, &block->public_text,
                            &key->public_key);

    if (err != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of \"public_key_file\" %s",
                           &block->public_file, err);
        return NGX_ERROR;
    }

    cln->handler = access_public_key_free;
    cln->data = key->public_key;

    return NGX_OK;
}
