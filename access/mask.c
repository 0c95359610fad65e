
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "mask.h"
#include "redact.h"
#include "request.h"


static ngx_uint_t access_mask_is_nobodys(ngx_http_request_t *r);
static ngx_int_t access_mask_keep_args(ngx_http_request_t *r);
static void access_mask_copy_args(ngx_http_request_t *r);
static ngx_uint_t access_mask_is_within(ngx_str_t *text, u_char *p);
static void access_mask_line(ngx_http_request_t *r,
    const access_keys_t *keys);
static void access_mask_query(ngx_http_request_t *r,
    const access_keys_t *keys, u_char *p, u_char *last);
static ngx_uint_t access_mask_is_secret(ngx_http_request_t *r,
    const access_keys_t *keys, u_char *p, size_t len);
static void access_mask_unread(ngx_http_request_t *r);
static void access_mask_referer(ngx_http_request_t *r);


/* what may carry a credential in the query */

static const char  *access_mask_names[] = {
    "key", "apiKey", "token", "secretKey", NULL
};


ngx_int_t
access_mask_phases(ngx_conf_t *cf, ngx_http_handler_pt rewrite,
    ngx_http_handler_pt log)
{
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = rewrite;

    /* in front of ngx_http_log_module, which is there already */

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(h + 1, h,
                (handlers->nelts - 1) * sizeof(ngx_http_handler_pt));
    *h = log;

    return NGX_OK;
}


ngx_uint_t
access_mask_is_for(ngx_http_request_t *r, const ngx_http_handler_pt *handlers)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    for ( /* void */ ; *handlers; handlers++) {
        if (r->content_handler == *handlers || clcf->handler == *handlers) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
access_mask_args(ngx_http_request_t *r, const access_keys_t *keys)
{
    if (access_mask_keep_args(r) != NGX_OK) {
        return NGX_ERROR;
    }

    access_mask_line(r, keys);

    return NGX_OK;
}


void
access_mask_log(ngx_http_request_t *r, const access_keys_t *keys,
    ngx_uint_t ours)
{
    if (ours) {
        access_mask_line(r, keys);
        access_mask_copy_args(r);

        if (r->args.len) {
            access_mask_query(r, keys, r->args.data,
                              r->args.data + r->args.len);
        }

    } else if (access_mask_is_nobodys(r)) {
        access_mask_unread(r);
        access_mask_copy_args(r);
        access_redact(r->args.data, r->args.len);
    }
}


/*
 * 1 when the request has ended before it came to a location.  An error page
 * is one that it did not ask for.
 */

static ngx_uint_t
access_mask_is_nobodys(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return r->error_page || r->loc_conf == cscf->ctx->loc_conf;
}


/* those of a plain request are a part of its request line */

static ngx_int_t
access_mask_keep_args(ngx_http_request_t *r)
{
    u_char  *p;

    if (!access_mask_is_within(&r->request_line, r->args.data)
        && !access_mask_is_within(&r->unparsed_uri, r->args.data))
    {
        return NGX_OK;
    }

    p = ngx_pstrdup(r->pool, &r->args);
    if (p == NULL) {
        return NGX_ERROR;
    }

    r->args.data = p;

    return NGX_OK;
}


/*
 * Those of an internal redirect may be in the configuration, which is not to
 * be written.  Variables of them are not cacheable: a log format has them
 * evaluated anew.
 */

static void
access_mask_copy_args(ngx_http_request_t *r)
{
    u_char  *p;

    if (r->args.len == 0) {
        return;
    }

    p = ngx_pstrdup(r->pool, &r->args);

    if (p == NULL) {
        r->args.len = 0;

    } else {
        r->args.data = p;
    }
}


static ngx_uint_t
access_mask_is_within(ngx_str_t *text, u_char *p)
{
    return p >= text->data && p < text->data + text->len;
}


/* in HTTP/2 the URI of the line is a copy of the unparsed one */

static void
access_mask_line(ngx_http_request_t *r, const access_keys_t *keys)
{
    u_char      *p, *last, *end;
    ngx_str_t   *line;
    ngx_uint_t   i;

    for (i = 0; i < 2; i++) {

        line = i ? &r->unparsed_uri : &r->request_line;
        last = line->data + line->len;

        p = ngx_strlchr(line->data, last, '?');
        if (p == NULL) {
            continue;
        }

        p++;

        /* the version, if there is one, is behind the last space */

        for (end = last; end > p && end[-1] != ' '; end--) { /* void */ }

        access_mask_query(r, keys, p, (end > p) ? end - 1 : last);
    }

    access_mask_referer(r);
}


static void
access_mask_query(ngx_http_request_t *r, const access_keys_t *keys, u_char *p,
    u_char *last)
{
    u_char       *end, *equals;
    ngx_str_t     name;
    const char  **word;

    for ( /* void */ ; p < last; p = end + 1) {

        end = memchr(p, '&', (size_t) (last - p));
        if (end == NULL) {
            end = last;
        }

        equals = memchr(p, '=', (size_t) (end - p));
        if (equals == NULL) {
            continue;
        }

        name.data = p;
        name.len = (size_t) (equals - p);

        for (word = access_mask_names; *word; word++) {

            if (!access_is(&name, *word)) {
                continue;
            }

            equals++;

            if (access_mask_is_secret(r, keys, equals,
                                      (size_t) (end - equals)))
            {
                ngx_memset(equals, '*', (size_t) (end - equals));
            }

            break;
        }
    }
}


static ngx_uint_t
access_mask_is_secret(ngx_http_request_t *r, const access_keys_t *keys,
    u_char *p, size_t len)
{
    slice_t        id;
    access_key_t  *key;

    /*
     * What was overwritten before is met again in each place and phase, and a
     * token is long: neither has to be decoded to be told from an ID.
     */

    if (len == 0 || *p == '*' || len > 3 * ACCESS_KEY_ID_MAX) {
        return 1;
    }

    if (access_decode(r, p, len, &id) != NGX_OK) {
        return 1;
    }

    key = access_key_find(keys, &id);

    return key == NULL || key->type != ACCESS_PUBLISHABLE;
}


/*
 * A request that is no more than its first line, or not even all of that: it
 * is taken from where $request takes it.
 */

static void
access_mask_unread(ngx_http_request_t *r)
{
    u_char  *p;

    if (r->request_line.data == NULL && r->request_start) {

        p = r->request_start;

        while (p < r->header_in->last && *p != CR && *p != LF) {
            p++;
        }

        r->request_line.data = r->request_start;
        r->request_line.len = (size_t) (p - r->request_start);
    }

    access_redact(r->request_line.data, r->request_line.len);
    access_redact(r->unparsed_uri.data, r->unparsed_uri.len);
    access_mask_referer(r);
}


/* a page may have had its token in its own address */

static void
access_mask_referer(ngx_http_request_t *r)
{
    ngx_str_t  *value;

    if (r->headers_in.referer) {
        value = &r->headers_in.referer->value;
        access_redact(value->data, value->len);
    }
}
