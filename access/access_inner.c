
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "access_inner.h"


#define ACCESS_APP_MAX         64


typedef struct {
    ngx_str_t           name;
    ngx_uint_t          types;          /* ACCESS_IN_* */
    ngx_uint_t          list;           /* unsigned  list:1; */
    char             *(*set)(ngx_conf_t *cf, access_conf_block_t *block);
} access_conf_inner_t;


typedef struct {
    ngx_str_t           name;
    ngx_uint_t          mask;
} access_conf_action_t;


static char *access_conf_origins(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_require_origin(ngx_conf_t *cf,
    access_conf_block_t *block);
static char *access_conf_channels(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_actions(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_turn(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_app(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_secret(ngx_conf_t *cf, access_conf_block_t *block);
static char *access_conf_secret_file(ngx_conf_t *cf,
    access_conf_block_t *block);
static char *access_conf_algorithm(ngx_conf_t *cf,
    access_conf_block_t *block);
static char *access_conf_public_key_file(ngx_conf_t *cf,
    access_conf_block_t *block);
static ngx_int_t access_conf_flag(ngx_conf_t *cf, access_conf_block_t *block);
static slice_t *access_conf_list(ngx_conf_t *cf, uint32_t *n);


static access_conf_inner_t  access_conf_inners[] = {

    { ngx_string("origins"), ACCESS_IN_PUBLISHABLE, 1,
      access_conf_origins },

    { ngx_string("require_origin"), ACCESS_IN_PUBLISHABLE, 0,
      access_conf_require_origin },

    { ngx_string("secret"), ACCESS_IN_SECRET, 0,
      access_conf_secret },

    { ngx_string("secret_file"), ACCESS_IN_SECRET, 0,
      access_conf_secret_file },

    { ngx_string("algorithm"), ACCESS_IN_SECRET, 0,
      access_conf_algorithm },

    { ngx_string("public_key_file"), ACCESS_IN_SECRET, 0,
      access_conf_public_key_file },

    { ngx_string("channels"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 1,
      access_conf_channels },

    { ngx_string("actions"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 1,
      access_conf_actions },

    { ngx_string("turn"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 0,
      access_conf_turn },

    { ngx_string("app"), ACCESS_IN_PUBLISHABLE|ACCESS_IN_SECRET, 0,
      access_conf_app },

    { ngx_null_string, 0, 0, NULL }
};


static ngx_conf_enum_t  access_conf_algorithms[] = {
    { ngx_string("HS256"), ACCESS_HS256 },
    { ngx_string("HS384"), ACCESS_HS384 },
    { ngx_string("HS512"), ACCESS_HS512 },
    { ngx_string("RS256"), ACCESS_RS256 },
    { ngx_string("ES256"), ACCESS_ES256 },
    { ngx_string("EdDSA"), ACCESS_EDDSA },
    { ngx_null_string, 0 }
};


static access_conf_action_t  access_conf_action_names[] = {
    { ngx_string("subscribe"), ACCESS_SUBSCRIBE },
    { ngx_string("publish"), ACCESS_PUBLISH },
    { ngx_string("presence"), ACCESS_PRESENCE },
    { ngx_string("send"), ACCESS_SEND },
    { ngx_null_string, 0 }
};


char *
access_conf_inner(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    access_conf_block_t  *block = conf;

    ngx_str_t            *value;
    ngx_uint_t            i;
    access_conf_inner_t  *inner;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (i = 0; access_conf_inners[i].name.len; i++) {
        inner = &access_conf_inners[i];

        if (value[0].len != inner->name.len
            || ngx_strcmp(value[0].data, inner->name.data) != 0
            || (inner->types & block->type) == 0)
        {
            continue;
        }

        if (block->seen & ((ngx_uint_t) 1 << i)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" directive is duplicate in \"%s\"%s",
                               &value[0], block->directive,
                               inner->list ? ", write all its values "
                                             "in one" : "");
            return NGX_CONF_ERROR;
        }

        block->seen |= (ngx_uint_t) 1 << i;

        if (cf->args->nelts < 2 || (cf->args->nelts > 2 && !inner->list)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of arguments in \"%V\" "
                               "directive, write %s", &value[0],
                               inner->list ? "one or more" : "one");
            return NGX_CONF_ERROR;
        }

        return inner->set(cf, block);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"%s\", write %s"
                       "\"channels\", \"actions\", \"turn\" or \"app\"",
                       &value[0], block->directive,
                       (block->type == ACCESS_IN_SECRET)
                           ? "\"secret\", \"secret_file\", \"algorithm\", "
                             "\"public_key_file\", "
                           : "\"origins\", \"require_origin\", ");

    return NGX_CONF_ERROR;
}


static char *
access_conf_origins(ngx_conf_t *cf, access_conf_block_t *block)
{
    uint32_t       i;
    const char    *err;
    access_key_t  *key;

    key = block->key;

    key->origins = access_conf_list(cf, &key->norigins);
    if (key->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < key->norigins; i++) {
        err = access_origin_check(&key->origins[i]);

        if (err != NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%*s\" in \"origins\": %s",
                               key->origins[i].len, key->origins[i].data, err);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
access_conf_require_origin(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_int_t  on;

    on = access_conf_flag(cf, block);
    if (on == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    block->key->require_origin = (on == 1);

    return NGX_CONF_OK;
}


static char *
access_conf_channels(ngx_conf_t *cf, access_conf_block_t *block)
{
    size_t         n;
    uint32_t       i;
    access_key_t  *key;

    key = block->key;

    key->channels = access_conf_list(cf, &key->nchannels);
    if (key->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < key->nchannels; i++) {

        for (n = 0; n < key->channels[i].len; n++) {
            if (key->channels[i].data[n] < 0x20
                || key->channels[i].data[n] == 0x7f)
            {
                break;
            }
        }

        if (n == 0 || n < key->channels[i].len) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid pattern \"%*s\" in \"channels\", "
                               "write a channel name without control "
                               "characters, where \"*\" stands for one part "
                               "of a path and \"**\" for any",
                               key->channels[i].len, key->channels[i].data);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
access_conf_actions(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t             *value;
    ngx_uint_t             i, actions;
    access_conf_action_t  *action;

    value = cf->args->elts;
    actions = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        for (action = access_conf_action_names; action->mask; action++) {
            if (value[i].len == action->name.len
                && ngx_strcmp(value[i].data, action->name.data) == 0)
            {
                break;
            }
        }

        if (action->mask == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown action \"%V\" in \"actions\", write "
                               "\"subscribe\", \"publish\", \"presence\" or "
                               "\"send\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (actions & action->mask) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate action \"%V\" in \"actions\", "
                               "write it once", &value[i]);
            return NGX_CONF_ERROR;
        }

        actions |= action->mask;
    }

    block->key->actions = actions & ACCESS_ALL;

    return NGX_CONF_OK;
}


static char *
access_conf_turn(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_int_t  on;

    on = access_conf_flag(cf, block);
    if (on == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    block->key->turn = (on == 1);

    return NGX_CONF_OK;
}


static char *
access_conf_app(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (access_conf_name(&value[1], ACCESS_APP_MAX) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"app\", write 1 to %d "
                           "letters, digits, \"-\", \"_\" or \".\"",
                           &value[1], ACCESS_APP_MAX);
        return NGX_CONF_ERROR;
    }

    block->key->app.len = value[1].len;
    block->key->app.data = value[1].data;

    return NGX_CONF_OK;
}


static char *
access_conf_secret(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (block->key->secret.len != 0) {
        return "\"secret\" and \"secret_file\" in one \"secret_key\", "
               "write one of them";
    }

    if (value[1].len == 0) {
        return "empty value in \"secret\", write the secret there "
               "or \"secret_file path;\"";
    }

    block->key->secret.len = value[1].len;
    block->key->secret.data = value[1].data;

    return NGX_CONF_OK;
}


static char *
access_conf_secret_file(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (block->key->secret.len != 0) {
        return "\"secret\" and \"secret_file\" in one \"secret_key\", "
               "write one of them";
    }

    if (access_conf_read_secret(cf, "secret_file", &value[1], 0,
                                &block->key->secret)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
access_conf_algorithm(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t        *value;
    ngx_conf_enum_t  *e;

    value = cf->args->elts;

    for (e = access_conf_algorithms; e->name.len; e++) {
        if (value[1].len == e->name.len
            && ngx_strcmp(value[1].data, e->name.data) == 0)
        {
            block->key->algorithm = (access_algorithm_e) e->value;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown value \"%V\" in \"algorithm\", write "
                       "\"HS256\", \"HS384\", \"HS512\", \"RS256\", "
                       "\"ES256\" or \"EdDSA\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
access_conf_public_key_file(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (access_conf_read_file(cf, "public_key_file", &value[1],
                              &block->public_text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    block->public_file = value[1];

    return NGX_CONF_OK;
}


static ngx_int_t
access_conf_flag(ngx_conf_t *cf, access_conf_block_t *block)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "on") == 0) {
        return 1;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return 0;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\" of \"%s\", write "
                       "\"on\" or \"off\"",
                       &value[1], &value[0], block->directive);

    return NGX_ERROR;
}


/* the arguments of the directive as slices in the pool of the cycle */

static slice_t *
access_conf_list(ngx_conf_t *cf, uint32_t *n)
{
    slice_t     *list;
    ngx_str_t   *value;
    ngx_uint_t   i;

    list = ngx_palloc(cf->pool, (cf->args->nelts - 1) * sizeof(slice_t));
    if (list == NULL) {
        return NULL;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        list[i - 1].len = value[i].len;
        list[i - 1].data = value[i].data;
    }

    *n = (uint32_t) (cf->args->nelts - 1);

    return list;
}


ngx_int_t
access_conf_name(ngx_str_t *name, size_t max)
{
    u_char  c;
    size_t  i;

    if (name->len == 0 || name->len > max) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'z')
            && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.')
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
