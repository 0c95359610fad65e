
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The shared zone of "signaling_zone": its memory, the eventfds beside it,
 * and what the master tells the workers of earlier configurations.
 *
 * The slab pool is used once, to take the whole zone; its mutex is the one
 * lock of the registry, since it is the only one that nginx frees when the
 * worker that holds it dies.
 */


#include "ngx_signaling.h"

#include <openssl/rand.h>
#include <sys/eventfd.h>


#define NGX_SIGNALING_SLOTS_MIN   8
#define NGX_SIGNALING_RECORD_MAX  81920    /* for messages of 64k */


/* records in a ring, and how many of the smallest arenas make one */

static const struct {
    uint32_t    ring;
    size_t      arenas;

} ngx_signaling_mailboxes[] = {
    { 512, 4 },
    { 256, 2 },
    { 256, 1 }
};

#define NGX_SIGNALING_MAILBOXES                                               \
    (sizeof(ngx_signaling_mailboxes) / sizeof(ngx_signaling_mailboxes[0]))


static ngx_uint_t ngx_signaling_zone_taken(ngx_conf_t *cf, ngx_str_t *name);
static ngx_int_t ngx_signaling_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_signaling_zone_create(ngx_signaling_zone_t *zone,
    ngx_log_t *log);
static ngx_int_t ngx_signaling_zone_attach(ngx_signaling_zone_t *zone,
    ngx_log_t *log);
static void ngx_signaling_zone_plan(ngx_signaling_zone_t *zone);
static ngx_int_t ngx_signaling_zone_wakes(ngx_cycle_t *cycle,
    ngx_signaling_zone_t *zone);
static void ngx_signaling_zone_wakes_unref(void *data);
static ngx_int_t ngx_signaling_zone_keys(ngx_cycle_t *cycle,
    ngx_signaling_zone_t *zone);
static void ngx_signaling_zone_lock(void *ctx);
static void ngx_signaling_zone_unlock(void *ctx);


char *
ngx_signaling_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_signaling_main_conf_t  *smcf = conf;

    ssize_t                 size;
    ngx_str_t              *value;
    ngx_uint_t              i;
    ngx_signaling_zone_t   *zone, **zp, **zones;

    value = cf->args->elts;

    /* a status shows it as JSON, for Prometheus and in HTML as it is */

    if (!access_directive_name((slice_t *) &value[1],
                               NGX_SIGNALING_ZONE_NAME))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"signaling_zone\"; write "
                           "1 to %d letters, digits, \"-\", \"_\" or \".\", "
                           "as in \"signaling_zone calls 32m;\"",
                           &value[1], NGX_SIGNALING_ZONE_NAME);
        return NGX_CONF_ERROR;
    }

    size = ngx_parse_size(&value[2]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"signaling_zone %V\" has the size \"%V\"; write "
                           "a size such as \"32m\"", &value[1], &value[2]);
        return NGX_CONF_ERROR;
    }

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {
        if (zones[i]->name.len == value[1].len
            && ngx_strncmp(zones[i]->name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"signaling_zone %V\" is there twice; give "
                               "each zone a name of its own", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_signaling_zone_taken(cf, &value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"signaling_zone %V\" has the name of another "
                           "module's zone; give each zone a name of its own",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_signaling_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->name = value[1];
    zone->cycle = cf->cycle;
    zone->access = &smcf->access;

    zone->shm_zone = ngx_shared_memory_add(cf, &value[1], size,
                                           &ngx_signaling_module);
    if (zone->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->shm_zone->init = ngx_signaling_zone_init;
    zone->shm_zone->data = zone;

    zp = ngx_array_push(&smcf->zones);
    if (zp == NULL) {
        return NGX_CONF_ERROR;
    }

    *zp = zone;

    return NGX_CONF_OK;
}


/* all modules share one list of names */

static ngx_uint_t
ngx_signaling_zone_taken(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_shm_zone_t   *shm_zone;
    ngx_list_part_t  *part;

    for (part = &cf->cycle->shared_memory.part; part; part = part->next) {
        shm_zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (shm_zone[i].shm.name.len == name->len
                && ngx_strncmp(shm_zone[i].shm.name.data, name->data,
                               name->len) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


ngx_int_t
ngx_signaling_zone_find(ngx_conf_t *cf, ngx_signaling_main_conf_t *smcf,
    const char *directive, ngx_str_t *name, ngx_shm_zone_t **shm_zone)
{
    ngx_uint_t              i;
    ngx_signaling_zone_t  **zones;

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {
        if (zones[i]->name.len == name->len
            && ngx_strncmp(zones[i]->name.data, name->data, name->len) == 0)
        {
            *shm_zone = zones[i]->shm_zone;
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s %V\" names no zone; write \"signaling_zone %V "
                       "32m;\" at the beginning of \"http\"",
                       directive, name, name);

    return NGX_ERROR;
}


/*
 * Runs in the master, also while workers of the previous configuration use
 * the same zone: then nothing but pointers is taken over.
 */

static ngx_int_t
ngx_signaling_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_signaling_zone_t  *ozone = data;

    ngx_log_t             *log;
    ngx_core_conf_t       *ccf;
    ngx_signaling_zone_t  *zone;

    zone = shm_zone->data;
    log = shm_zone->shm.log;

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (ozone == NULL && !shm_zone->shm.exists) {
        return ngx_signaling_zone_create(zone, log);
    }

    if (ngx_signaling_zone_attach(zone, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ozone) {
        zone->wakes = ozone->wakes;
    }

    if (zone->record_max > sig_mailbox_record_max(&zone->mailbox)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"signaling_max_message\" was raised beyond what "
                      "\"signaling_zone %V\" was made for; restart nginx, or "
                      "change the size of the zone as well", &zone->name);
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->worker_processes > (ngx_int_t) zone->nslots) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"signaling_zone %V\" was made for at most %uD "
                      "workers; restart nginx after raising "
                      "\"worker_processes\"", &zone->name, zone->nslots);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_signaling_zone_create(ngx_signaling_zone_t *zone, ngx_log_t *log)
{
    size_t   size, mailbox, least;
    u_char  *base, seed[16];

    ngx_signaling_zone_plan(zone);

    mailbox = ngx_align(sig_mailbox_size(zone->nslots, zone->ring,
                                         zone->arena),
                        ngx_pagesize);
    least = mailbox + ngx_align(sig_registry_min_size(zone->nslots),
                                ngx_pagesize);

    size = zone->shpool->pfree * ngx_pagesize;

    if (size < least) {

        /* with what the slab pool keeps for itself, a part and some pages */

        least += least / 128 + 4 * ngx_pagesize;

        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"signaling_zone %V\" is too small for %uD worker "
                      "slots; make it at least %uzk",
                      &zone->name, zone->nslots, (least + 1023) / 1024);
        return NGX_ERROR;
    }

    base = ngx_slab_alloc(zone->shpool, size);
    if (base == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the memory of \"signaling_zone %V\" cannot be taken "
                      "in one piece", &zone->name);
        return NGX_ERROR;
    }

    if (RAND_bytes(seed, sizeof(seed)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "no random bytes for \"signaling_zone %V\"",
                      &zone->name);
        return NGX_ERROR;
    }

    if (sig_mailbox_create(base, mailbox, zone->nslots, zone->ring,
                           zone->arena)
        != SIG_MAILBOX_OK
        || sig_registry_create(base + mailbox, size - mailbox, zone->nslots,
                               seed)
           != SIG_REGISTRY_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"signaling_zone %V\" cannot be laid out",
                      &zone->name);
        return NGX_ERROR;
    }

    zone->shpool->data = base;

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "signaling zone \"%V\" holds %uz peers in rooms of two, "
                  "%uD worker slots of %uzk",
                  &zone->name,
                  sig_registry_capacity(size - mailbox, zone->nslots),
                  zone->nslots, mailbox / zone->nslots / 1024);

    return ngx_signaling_zone_attach(zone, log);
}


static ngx_int_t
ngx_signaling_zone_attach(ngx_signaling_zone_t *zone, ngx_log_t *log)
{
    size_t   size, mailbox;
    u_char  *base;

    base = zone->shpool->data;

    /* all pages of the pool, of which there may be less than fit */

    size = (zone->shpool->last - zone->shpool->pages) * ngx_pagesize;

    if (base == NULL
        || sig_mailbox_attach(&zone->mailbox, base, size) != SIG_MAILBOX_OK)
    {
        goto bad;
    }

    zone->nslots = zone->mailbox.nslots;
    zone->ring = zone->mailbox.ring;
    zone->arena = zone->mailbox.arena;

    mailbox = ngx_align(sig_mailbox_size(zone->nslots, zone->ring,
                                         zone->arena),
                        ngx_pagesize);

    if (mailbox > size) {
        goto bad;
    }

    size -= mailbox;

    zone->registry.lock.lock = ngx_signaling_zone_lock;
    zone->registry.lock.unlock = ngx_signaling_zone_unlock;
    zone->registry.lock.ctx = zone;

    if (sig_registry_attach(&zone->registry, base + mailbox, size)
        == SIG_REGISTRY_OK)
    {
        return NGX_OK;
    }

bad:

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "the memory of \"signaling_zone %V\" was laid out by "
                  "another version of the module; restart nginx",
                  &zone->name);

    return NGX_ERROR;
}


/*
 * How many slots there are, and how much room records on their way have.  At
 * the least an arena takes four of the longest.
 *
 * There are slots for two generations at least.  While new workers start and
 * those before them have not gone yet, one that lingers from an earlier
 * reload would be the third, and would have to drain: so there are more of
 * them as long as they leave half of the zone to the nodes.
 *
 * Several workers have more to say to each other than two generations of one.
 * They get more room for it, as long as it is not over a quarter of the zone.
 */

static void
ngx_signaling_zone_plan(ngx_signaling_zone_t *zone)
{
    size_t            size, arena;
    uint32_t          slots, least;
    ngx_int_t         workers;
    ngx_uint_t        n;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);
    size = zone->shm_zone->shm.size;

    /* a location may be added to a zone that has none yet */

    if (zone->record_max == 0) {
        zone->record_max = NGX_SIGNALING_RECORD_MAX;
    }

    zone->ring = SIG_MAILBOX_RING_MIN;
    zone->arena = sig_mailbox_arena(zone->record_max);

    workers = ngx_max(ccf->worker_processes, 1);
    workers = ngx_min(workers, SIG_SLOTS_MAX);

    least = ngx_max(2 * workers + 2, NGX_SIGNALING_SLOTS_MIN);
    least = ngx_min(least, SIG_SLOTS_MAX);

    slots = ngx_max(4 * workers + 2, NGX_SIGNALING_SLOTS_MIN);
    slots = ngx_min(slots, SIG_SLOTS_MAX);

    while (slots > least
           && sig_mailbox_size(slots, zone->ring, zone->arena)
              + sig_registry_min_size(slots)
              > size / 2)
    {
        slots--;
    }

    zone->nslots = slots;

    if (workers == 1) {
        return;
    }

    arena = zone->arena;

    for (n = 0; n < NGX_SIGNALING_MAILBOXES; n++) {

        if (sig_mailbox_size(slots, ngx_signaling_mailboxes[n].ring,
                             ngx_signaling_mailboxes[n].arenas * arena)
            <= size / 4)
        {
            zone->ring = ngx_signaling_mailboxes[n].ring;
            zone->arena = ngx_signaling_mailboxes[n].arenas * arena;
            return;
        }
    }
}


ngx_int_t
ngx_signaling_zone_init_module(ngx_cycle_t *cycle,
    ngx_signaling_main_conf_t *smcf)
{
    ngx_uint_t              i;
    ngx_signaling_zone_t  **zones;

    zones = smcf->zones.elts;

    for (i = 0; i < smcf->zones.nelts; i++) {

        if (ngx_signaling_zone_wakes(cycle, zones[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        /* who sees the new generation sees its limits */

        ngx_signaling_quota_apply(zones[i], &smcf->quotas, cycle->log);

        if (ngx_signaling_zone_keys(cycle, zones[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The eventfds are made once for a zone and inherited by the workers of all
 * configurations that use it, so that their numbers need not be guessed.
 */

static ngx_int_t
ngx_signaling_zone_wakes(ngx_cycle_t *cycle, ngx_signaling_zone_t *zone)
{
    uint32_t                i;
    ngx_pool_cleanup_t     *cln;
    ngx_signaling_wakes_t  *wakes;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    wakes = zone->wakes;

    if (wakes == NULL) {
        wakes = ngx_alloc(sizeof(ngx_signaling_wakes_t)
                          + zone->nslots * sizeof(int), cycle->log);
        if (wakes == NULL) {
            return NGX_ERROR;
        }

        wakes->refs = 0;
        wakes->nslots = 0;

        for (i = 0; i < zone->nslots; i++) {
            wakes->fds[i] = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

            if (wakes->fds[i] == -1) {
                ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                              "eventfd() failed");
                break;
            }

            wakes->nslots++;
        }
    }

    wakes->refs++;

    cln->handler = ngx_signaling_zone_wakes_unref;
    cln->data = wakes;

    if (wakes->nslots != zone->nslots) {
        return NGX_ERROR;
    }

    zone->wakes = wakes;

    return NGX_OK;
}


static void
ngx_signaling_zone_wakes_unref(void *data)
{
    ngx_signaling_wakes_t  *wakes = data;

    uint32_t  i;

    if (--wakes->refs) {
        return;
    }

    for (i = 0; i < wakes->nslots; i++) {
        (void) close(wakes->fds[i]);
    }

    ngx_free(wakes);
}


/*
 * Begins a new generation and leaves the text of its keys in the zone, by
 * which the workers of earlier generations see which of their connections
 * have lost a right.  In this order: from the first moment on no worker of an
 * earlier generation can put its own keys in their place.
 */

static ngx_int_t
ngx_signaling_zone_keys(ngx_cycle_t *cycle, ngx_signaling_zone_t *zone)
{
    zone->generation = sig_registry_new_generation(&zone->registry);

    return ngx_signaling_keys_publish(zone, access_conf_keys(zone->access),
                                      cycle->log);
}


static void
ngx_signaling_zone_lock(void *ctx)
{
    ngx_signaling_zone_t  *zone = ctx;

    ngx_shmtx_lock(&zone->shpool->mutex);
}


static void
ngx_signaling_zone_unlock(void *ctx)
{
    ngx_signaling_zone_t  *zone = ctx;

    ngx_shmtx_unlock(&zone->shpool->mutex);
}
