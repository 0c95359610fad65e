
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The error log, at any level, without the credentials that core prints:
 * request lines, headers, the values of variables.  Core has no hook that
 * would see a line before it is printed but the "writer" of a log, so every
 * log that a configuration names gets a first link whose writer overwrites
 * the line (redact.h) and leaves the writing to the links behind it, which
 * are what they were: files, stderr, syslog, memory.
 *
 * nginx code, hidden in both modules; the links live in the pool of the
 * cycle.  Nothing is done unless a module has been given something secret.
 */


#ifndef _ERROR_LOG_H_INCLUDED_
#define _ERROR_LOG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access_conf.h"


#pragma GCC visibility push(hidden)


/*
 * Called by merge_loc_conf, once for every server and location: takes down
 * its error log.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t access_error_log_add(ngx_conf_t *cf, access_conf_t *acf);

/*
 * Called by init_module when the module has secrets: all logs that were taken
 * down, and that of the cycle, are redacted from now on.  What the other
 * module has done already is not done twice.  Returns NGX_OK or NGX_ERROR (no
 * memory).
 */
ngx_int_t access_error_log_redact(ngx_cycle_t *cycle, access_conf_t *acf);


#pragma GCC visibility pop


#endif /* _ERROR_LOG_H_INCLUDED_ */
