
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What a configuration is, and who reads and checks it: zones, apps,
 * locations.  In the pool of its cycle, made by the master and not written
 * afterwards; but what is behind a zone is shared by all workers.
 *
 *     ngx_signaling_directive.c   directives that take more than a value
 *     ngx_signaling_quota.c       "signaling_app", and what it limits
 *     ngx_signaling_zone.c        the zone: memory, eventfds, generations
 */


#ifndef _NGX_SIGNALING_CONF_H_INCLUDED_
#define _NGX_SIGNALING_CONF_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access_conf.h"
#include "sig_mailbox.h"
#include "sig_registry.h"


#pragma GCC visibility push(hidden)


typedef struct ngx_signaling_worker_s  ngx_signaling_worker_t;
typedef struct ngx_signaling_wakes_s   ngx_signaling_wakes_t;


/* one shared zone, of one configuration */

typedef struct {
    ngx_str_t                  name;
    ngx_cycle_t               *cycle;
    ngx_shm_zone_t            *shm_zone;
    ngx_slab_pool_t           *shpool;

    sig_registry_t             registry;
    sig_mailbox_t              mailbox;
    uint32_t                   nslots;
    uint32_t                   ring;         /* records on their way, a pair */
    size_t                     arena;        /* bytes, a slot */
    size_t                     record_max;   /* longest record asked for */

    uint64_t                   generation;   /* of this configuration */
    ngx_signaling_wakes_t     *wakes;

    access_conf_t             *access;
    ngx_msec_t                 drain;        /* longest of the locations */

    ngx_signaling_worker_t    *worker;       /* of this process, or NULL */
} ngx_signaling_zone_t;


/* the eventfds of a zone, made by the master, inherited by all workers */

struct ngx_signaling_wakes_s {
    ngx_uint_t                 refs;         /* configurations using it */
    uint32_t                   nslots;
    int                        fds[1];
};


/* what an app may use, 0: as much as it likes */

typedef struct {
    slice_t                    app;
    ngx_int_t                  max_connections;
    ngx_int_t                  max_messages;
    ngx_str_t                  file;
    ngx_uint_t                 line;
    unsigned                   suspended:1;
} ngx_signaling_quota_t;


/* a location of ours, for the checks after parsing */

typedef struct {
    ngx_http_core_srv_conf_t  *cscf;
    ngx_str_t                  file;
    ngx_uint_t                 line;
} ngx_signaling_endpoint_t;


typedef struct {
    access_conf_t              access;       /* first, see access_conf.h */
    ngx_array_t                zones;        /* of ngx_signaling_zone_t * */
    ngx_array_t                quotas;       /* of ngx_signaling_quota_t */
    ngx_array_t                endpoints;    /* of ngx_signaling_endpoint_t */
    ngx_signaling_endpoint_t  *api;          /* the first one, or NULL */
} ngx_signaling_main_conf_t;


typedef struct {
    ngx_shm_zone_t            *shm_zone;     /* of "signaling" */
    ngx_shm_zone_t            *api_zone;
    ngx_shm_zone_t            *status_zone;

    ngx_http_complex_value_t  *ice_servers;
    ngx_http_complex_value_t  *peer_id;
    ngx_http_complex_value_t  *peer_metadata;

    size_t                     max_message;
    ngx_uint_t                 max_channels;
    ngx_uint_t                 rate;         /* messages per 1000 s, 0: off */
    ngx_uint_t                 burst;        /* messages */
    ngx_msec_t                 ping;
    ngx_msec_t                 grace;
    size_t                     send_buffer;
    ngx_msec_t                 snapshot_delay;
    ngx_uint_t                 reload;
    ngx_msec_t                 drain;
    ngx_uint_t                 same_peer;
    ngx_flag_t                 deflate;

    ngx_log_t                  log;          /* ngx_signaling_detach.c */
} ngx_signaling_loc_conf_t;


#define NGX_SIGNALING_RELOAD_KEEP   0
#define NGX_SIGNALING_RELOAD_DRAIN  1

#define NGX_SIGNALING_PEER_SHARED   0
#define NGX_SIGNALING_PEER_SINGLE   1


/* ngx_signaling_directive.c */

typedef enum {
    NGX_SIGNALING_SIZE = 0,
    NGX_SIGNALING_TIME,                      /* ms */
    NGX_SIGNALING_NUMBER
} ngx_signaling_value_e;


/* what ngx_signaling_value() takes, in the "post" of its command */

typedef struct {
    ngx_signaling_value_e      type;
    ngx_int_t                  min;
    ngx_int_t                  max;
    const char                *mend;         /* goes on after "write" */
} ngx_signaling_range_t;


char *ngx_signaling_endpoint(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_value(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_choice(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_signaling_ping(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_signaling_check_listen(ngx_conf_t *cf,
    ngx_signaling_main_conf_t *smcf);
ngx_int_t ngx_signaling_check_api(ngx_conf_t *cf,
    ngx_signaling_main_conf_t *smcf);


/* ngx_signaling_quota.c */

char *ngx_signaling_quota(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_signaling_check_quotas(ngx_conf_t *cf,
    ngx_signaling_main_conf_t *smcf);
void ngx_signaling_quota_apply(ngx_signaling_zone_t *zone,
    ngx_array_t *quotas, ngx_log_t *log);
void ngx_signaling_quota_look(ngx_signaling_worker_t *sw);


/* ngx_signaling_zone.c */

#define NGX_SIGNALING_ZONE_NAME  64          /* bytes */

char *ngx_signaling_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_signaling_zone_init_module(ngx_cycle_t *cycle,
    ngx_signaling_main_conf_t *smcf);
ngx_int_t ngx_signaling_zone_find(ngx_conf_t *cf,
    ngx_signaling_main_conf_t *smcf, const char *directive, ngx_str_t *name,
    ngx_shm_zone_t **shm_zone);


#pragma GCC visibility pop


#endif /* _NGX_SIGNALING_CONF_H_INCLUDED_ */
