
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "error_log.h"
#include "redact.h"


static ngx_uint_t access_error_log_done(ngx_cycle_t *cycle);
static ngx_int_t access_error_log_wrap(ngx_cycle_t *cycle, ngx_log_t *log);
static void access_error_log_unwrap(void *data);
static void access_error_log_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);


ngx_int_t
access_error_log_add(ngx_conf_t *cf, access_conf_t *acf)
{
    ngx_log_t                 **log;
    ngx_http_core_loc_conf_t   *clcf;

    /* core has been merged before us */

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (acf->error_logs == NULL) {
        acf->error_logs = ngx_array_create(cf->pool, 4, sizeof(ngx_log_t *));
        if (acf->error_logs == NULL) {
            return NGX_ERROR;
        }
    }

    log = ngx_array_push(acf->error_logs);
    if (log == NULL) {
        return NGX_ERROR;
    }

    *log = clcf->error_log;

    return NGX_OK;
}


ngx_int_t
access_error_log_redact(ngx_cycle_t *cycle, access_conf_t *acf)
{
    ngx_log_t        **logs;
    ngx_uint_t         i;
    ngx_listening_t   *ls;

    if (access_error_log_done(cycle)) {
        return NGX_OK;
    }

    acf->redacted = 1;

    if (access_error_log_wrap(cycle, &cycle->new_log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (acf->error_logs) {
        logs = acf->error_logs->elts;

        for (i = 0; i < acf->error_logs->nelts; i++) {
            if (access_error_log_wrap(cycle, logs[i]) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    /* those of new connections are copies, made a moment ago: as core does */

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {
        if (ls[i].logp->writer == access_error_log_writer) {
            ls[i].log = *ls[i].logp;
        }
    }

    return NGX_OK;
}


/* 1 when either module has done it for this cycle */

static ngx_uint_t
access_error_log_done(ngx_cycle_t *cycle)
{
    ngx_uint_t      i;
    ngx_module_t   *module;
    access_conf_t  *acf;

    for (i = 0; cycle->modules[i]; i++) {
        module = cycle->modules[i];

        if (!access_conf_is_ours(module)) {
            continue;
        }

        acf = ngx_http_cycle_get_module_main_conf(cycle, (*module));

        if (acf && acf->redacted) {
            return 1;
        }
    }

    return 0;
}


/*
 * The address of a log is permanent, connections copy what is there: so what
 * it was moves into a new link, and the level and the file stay, for those
 * who look at them.
 */

static ngx_int_t
access_error_log_wrap(ngx_cycle_t *cycle, ngx_log_t *log)
{
    ngx_log_t           *next;
    ngx_pool_cleanup_t  *cln;

    if (log->writer == access_error_log_writer) {
        return NGX_OK;
    }

    next = ngx_palloc(cycle->pool, sizeof(ngx_log_t));
    if (next == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = access_error_log_unwrap;
    cln->data = log;

    *next = *log;

    log->writer = access_error_log_writer;
    log->wdata = NULL;
    log->next = next;

    return NGX_OK;
}


/*
 * The end of the cycle: the pool has its own end logged, and that after the
 * module was unloaded, which is the cleanup of an earlier directive.
 */

static void
access_error_log_unwrap(void *data)
{
    ngx_log_t *log = data;

    *log = *log->next;
}


/*
 * The line is in a buffer of ngx_log_error_core(), which all links behind
 * this one write.
 */

static void
access_error_log_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    access_redact(buf, len);
}
