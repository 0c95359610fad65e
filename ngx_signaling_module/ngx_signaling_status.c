
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The status of a zone, as JSON, for Prometheus, or as a page.  The numbers
 * are copied out of the registry first, and rendered without its lock.
 */


#include "ngx_signaling.h"
#include "answer.h"


#define NGX_SIGNALING_STATUS_SLOT  192    /* bytes of text for a worker */
#define NGX_SIGNALING_STATUS_APP   128    /* bytes for a number of an app */
#define NGX_SIGNALING_STATUS_TEXT  4096


typedef enum {
    NGX_SIGNALING_JSON = 0,
    NGX_SIGNALING_PROMETHEUS,
    NGX_SIGNALING_HTML
} ngx_signaling_format_e;


typedef struct {
    const char                *name;
    const char                *help;
    uint64_t                   value;
} ngx_signaling_gauge_t;


#define NGX_SIGNALING_GAUGES  10


typedef struct {
    const char                *name;
    const char                *type;         /* for Prometheus */
    const char                *help;
} ngx_signaling_figure_t;


#define NGX_SIGNALING_FIGURES  8


typedef struct {
    ngx_str_t                  name;
    uint64_t                   values[NGX_SIGNALING_FIGURES];
} ngx_signaling_app_status_t;


static ngx_int_t ngx_signaling_status_text(ngx_http_request_t *r,
    ngx_signaling_zone_t *zone, ngx_array_t *apps, ngx_str_t *type,
    ngx_str_t *text);
static ngx_signaling_format_e ngx_signaling_status_format(
    ngx_http_request_t *r);
static ngx_uint_t ngx_signaling_accepts_html(ngx_http_request_t *r);
static void ngx_signaling_status_gauges(ngx_signaling_zone_t *zone,
    ngx_signaling_gauge_t *gauges);
static ngx_array_t *ngx_signaling_status_apps(ngx_http_request_t *r,
    ngx_signaling_zone_t *zone);
static u_char *ngx_signaling_status_json(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_signaling_gauge_t *gauges,
    ngx_array_t *apps);
static u_char *ngx_signaling_status_json_apps(u_char *p, u_char *last,
    ngx_array_t *apps);
static u_char *ngx_signaling_status_prometheus(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_signaling_gauge_t *gauges,
    ngx_array_t *apps);
static u_char *ngx_signaling_status_prometheus_apps(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_array_t *apps);
static u_char *ngx_signaling_status_html(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_signaling_gauge_t *gauges,
    ngx_array_t *apps);
static u_char *ngx_signaling_status_html_apps(u_char *p, u_char *last,
    ngx_array_t *apps);
static u_char *ngx_signaling_status_workers(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, const char *first, const char *between,
    const char *format);


/* of an app, in the order of its values */

static const ngx_signaling_figure_t
    ngx_signaling_figures[NGX_SIGNALING_FIGURES] = {

    { "connections", "gauge", "WebSocket connections of an app" },
    { "peak", "gauge", "most of them at a time in this month" },
    { "messages", "counter", "messages of an app in this month" },
    { "max_connections", "gauge", "limit of connections, 0 when none" },
    { "max_messages", "gauge", "limit of messages in a month, 0 when none" },
    { "memory_bytes", "gauge", "memory for nodes of an app" },
    { "memory_percent", "gauge", "percent in use of what an app may have" },
    { "suspended", "gauge", "1 when the app is suspended" }
};


ngx_int_t
ngx_signaling_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  type, text;
    ngx_array_t               *apps;
    ngx_signaling_zone_t      *zone;
    ngx_signaling_loc_conf_t  *slcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    slcf = ngx_http_get_module_loc_conf(r, ngx_signaling_module);
    zone = slcf->status_zone->data;

    apps = ngx_signaling_status_apps(r, zone);
    if (apps == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_signaling_status_text(r, zone, apps, &type, &text) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return access_send_as(r, NGX_HTTP_OK, &type, &text);
}


/* the text, and its content type, in the format that is asked for */

static ngx_int_t
ngx_signaling_status_text(ngx_http_request_t *r, ngx_signaling_zone_t *zone,
    ngx_array_t *apps, ngx_str_t *type, ngx_str_t *text)
{
    size_t                 size;
    u_char                *p, *last;
    ngx_signaling_gauge_t  gauges[NGX_SIGNALING_GAUGES + 1];

    size = NGX_SIGNALING_STATUS_TEXT
           + apps->nelts * NGX_SIGNALING_FIGURES
             * (zone->name.len + SIG_APP_NAME + NGX_SIGNALING_STATUS_APP)
           + NGX_SIGNALING_GAUGES * (zone->name.len + 256)
           + (size_t) zone->nslots * NGX_SIGNALING_STATUS_SLOT;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    last = p + size;

    ngx_signaling_status_gauges(zone, gauges);

    switch (ngx_signaling_status_format(r)) {

    case NGX_SIGNALING_PROMETHEUS:
        ngx_str_set(type, "text/plain; version=0.0.4; charset=utf-8");
        p = ngx_signaling_status_prometheus(p, last, zone, gauges, apps);
        break;

    case NGX_SIGNALING_HTML:
        ngx_str_set(type, "text/html; charset=utf-8");
        p = ngx_signaling_status_html(p, last, zone, gauges, apps);
        break;

    default: /* NGX_SIGNALING_JSON */
        ngx_str_set(type, "application/json");
        p = ngx_signaling_status_json(p, last, zone, gauges, apps);
        break;
    }

    text->len = (size_t) (p - text->data);

    return NGX_OK;
}


static ngx_signaling_format_e
ngx_signaling_status_format(ngx_http_request_t *r)
{
    ngx_str_t  format;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {

        if (format.len == 10
            && ngx_strncmp(format.data, "prometheus", 10) == 0)
        {
            return NGX_SIGNALING_PROMETHEUS;
        }

        if (format.len == 4 && ngx_strncmp(format.data, "html", 4) == 0) {
            return NGX_SIGNALING_HTML;
        }

        return NGX_SIGNALING_JSON;
    }

    return ngx_signaling_accepts_html(r) ? NGX_SIGNALING_HTML
                                         : NGX_SIGNALING_JSON;
}


/* browsers say so, programs do not */

static ngx_uint_t
ngx_signaling_accepts_html(ngx_http_request_t *r)
{
    ngx_table_elt_t   *h;
    access_headers_t   walk;

    access_headers(&walk, r);

    while ((h = access_header_next(&walk)) != NULL) {

        if (access_is(&h->key, "Accept")) {
            return ngx_strnstr(h->value.data, "text/html", h->value.len)
                   != NULL;
        }
    }

    return 0;
}


static void
ngx_signaling_status_gauges(ngx_signaling_zone_t *zone,
    ngx_signaling_gauge_t *gauges)
{
    sig_registry_stats_t  stats;

    sig_registry_stats(&zone->registry, &stats);

    *gauges++ = (ngx_signaling_gauge_t)
        { "connections", "WebSocket connections", stats.connections };
    *gauges++ = (ngx_signaling_gauge_t)
        { "peers", "peer IDs with a connection", stats.peers };
    *gauges++ = (ngx_signaling_gauge_t)
        { "channels", "channels with a subscriber", stats.rooms };
    *gauges++ = (ngx_signaling_gauge_t)
        { "members", "subscriptions", stats.members };
    *gauges++ = (ngx_signaling_gauge_t)
        { "leaving", "departures on their way", stats.leaving };
    *gauges++ = (ngx_signaling_gauge_t)
        { "memory_bytes", "memory for nodes", stats.bytes_total };
    *gauges++ = (ngx_signaling_gauge_t)
        { "memory_free_bytes", "free memory for nodes", stats.bytes_free };
    *gauges++ = (ngx_signaling_gauge_t)
        { "memory_reserve_bytes", "memory that newcomers leave alone",
          stats.bytes_reserve };
    *gauges++ = (ngx_signaling_gauge_t)
        { "memory_percent", "percent in use of what newcomers may have",
          stats.percent };
    *gauges++ = (ngx_signaling_gauge_t)
        { "rebuilds", "recoveries from a worker's death", stats.rebuilds };

    gauges->name = NULL;
}


/* one after the other: they are a moment apart */

static ngx_array_t *
ngx_signaling_status_apps(ngx_http_request_t *r, ngx_signaling_zone_t *zone)
{
    size_t                       len;
    u_char                       name[SIG_APP_NAME];
    uint32_t                     app;
    ngx_array_t                 *apps;
    sig_usage_t                  usage;
    ngx_signaling_app_status_t  *status;

    apps = ngx_array_create(r->pool, 4, sizeof(ngx_signaling_app_status_t));
    if (apps == NULL) {
        return NULL;
    }

    for (app = sig_registry_next_app(&zone->registry, 0, name, &len);
         app != 0;
         app = sig_registry_next_app(&zone->registry, app, name, &len))
    {
        status = ngx_array_push(apps);
        if (status == NULL) {
            return NULL;
        }

        status->name.len = len;
        status->name.data = ngx_pnalloc(r->pool, len);

        if (status->name.data == NULL) {
            return NULL;
        }

        ngx_memcpy(status->name.data, name, len);

        sig_registry_usage(&zone->registry, app, ngx_time(), &usage);

        status->values[0] = usage.connections;
        status->values[1] = usage.peak;
        status->values[2] = usage.messages;
        status->values[3] = usage.max_connections;
        status->values[4] = usage.max_messages;
        status->values[5] = usage.bytes;
        status->values[6] = usage.percent;
        status->values[7] = usage.suspended;
    }

    return apps;
}


static u_char *
ngx_signaling_status_json(u_char *p, u_char *last, ngx_signaling_zone_t *zone,
    ngx_signaling_gauge_t *gauges, ngx_array_t *apps)
{
    p = ngx_slprintf(p, last, "{\"zone\":\"%V\"", &zone->name);

    for ( /* void */ ; gauges->name; gauges++) {
        p = ngx_slprintf(p, last, ",\"%s\":%uL", gauges->name, gauges->value);
    }

    p = ngx_slprintf(p, last, ",\"workers\":[");
    p = ngx_signaling_status_workers(p, last, zone, "", ",",
                                     "%s{\"pid\":%uD,\"connections\":%uD}");

    p = ngx_slprintf(p, last, "],\"apps\":[");
    p = ngx_signaling_status_json_apps(p, last, apps);

    return ngx_slprintf(p, last, "]}\n");
}


static u_char *
ngx_signaling_status_json_apps(u_char *p, u_char *last, ngx_array_t *apps)
{
    ngx_uint_t                   i, k;
    ngx_signaling_app_status_t  *app;

    app = apps->elts;

    for (i = 0; i < apps->nelts; i++) {

        p = ngx_slprintf(p, last, "%s{\"app\":\"%V\"", i ? "," : "",
                         &app[i].name);

        /* the last one is a yes or no */

        for (k = 0; k < NGX_SIGNALING_FIGURES - 1; k++) {
            p = ngx_slprintf(p, last, ",\"%s\":%uL",
                             ngx_signaling_figures[k].name, app[i].values[k]);
        }

        p = ngx_slprintf(p, last, ",\"%s\":%s}",
                         ngx_signaling_figures[k].name,
                         app[i].values[k] ? "true" : "false");
    }

    return p;
}


static u_char *
ngx_signaling_status_prometheus(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_signaling_gauge_t *gauges,
    ngx_array_t *apps)
{
    u_char  sample[64 + NGX_SIGNALING_ZONE_NAME];

    for ( /* void */ ; gauges->name; gauges++) {
        p = ngx_slprintf(p, last,
                         "# HELP nginx_signaling_%s %s\n"
                         "# TYPE nginx_signaling_%s gauge\n"
                         "nginx_signaling_%s{zone=\"%V\"} %uL\n",
                         gauges->name, gauges->help, gauges->name,
                         gauges->name, &zone->name, gauges->value);
    }

    p = ngx_signaling_status_prometheus_apps(p, last, zone, apps);

    (void) ngx_sprintf(sample, "nginx_signaling_worker_connections{"
                       "zone=\"%V\",pid=%Z", &zone->name);

    p = ngx_slprintf(p, last,
                     "# HELP nginx_signaling_worker_connections WebSocket "
                     "connections of a worker\n"
                     "# TYPE nginx_signaling_worker_connections gauge\n");

    return ngx_signaling_status_workers(p, last, zone, (char *) sample,
                                        (char *) sample,
                                        "%s\"%uD\"} %uD\n");
}


/* a family without samples is left out */

static u_char *
ngx_signaling_status_prometheus_apps(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, ngx_array_t *apps)
{
    ngx_uint_t                     i, k;
    const ngx_signaling_figure_t  *figure;
    ngx_signaling_app_status_t    *app;

    if (apps->nelts == 0) {
        return p;
    }

    app = apps->elts;

    for (k = 0; k < NGX_SIGNALING_FIGURES; k++) {
        figure = &ngx_signaling_figures[k];

        p = ngx_slprintf(p, last,
                         "# HELP nginx_signaling_app_%s %s\n"
                         "# TYPE nginx_signaling_app_%s %s\n",
                         figure->name, figure->help, figure->name,
                         figure->type);

        for (i = 0; i < apps->nelts; i++) {
            p = ngx_slprintf(p, last,
                             "nginx_signaling_app_%s{zone=\"%V\",app=\"%V\"} "
                             "%uL\n",
                             figure->name, &zone->name, &app[i].name,
                             app[i].values[k]);
        }
    }

    return p;
}


static u_char *
ngx_signaling_status_html(u_char *p, u_char *last, ngx_signaling_zone_t *zone,
    ngx_signaling_gauge_t *gauges, ngx_array_t *apps)
{
    p = ngx_slprintf(p, last,
                     "<!doctype html>\n<html lang=\"en\"><head>"
                     "<meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" "
                     "content=\"width=device-width\">"
                     "<meta http-equiv=\"refresh\" content=\"5\">"
                     "<title>signaling: %V</title>"
                     "<style>body{font:16px sans-serif;margin:2em}"
                     "td{padding:.2em 1em .2em 0}"
                     "td+td{text-align:right}</style></head>\n"
                     "<body><h1>%V</h1>\n<table>\n",
                     &zone->name, &zone->name);

    for ( /* void */ ; gauges->name; gauges++) {
        p = ngx_slprintf(p, last, "<tr><td>%s</td><td>%uL</td></tr>\n",
                         gauges->help, gauges->value);
    }

    p = ngx_slprintf(p, last, "</table>\n<h2>Apps</h2>\n<table>\n");
    p = ngx_signaling_status_html_apps(p, last, apps);

    p = ngx_slprintf(p, last, "</table>\n<h2>Workers</h2>\n<table>\n"
                     "<tr><td>pid</td><td>connections</td></tr>\n");
    p = ngx_signaling_status_workers(p, last, zone, "", "\n",
                                     "%s<tr><td>%uD</td><td>%uD</td></tr>");

    return ngx_slprintf(p, last, "\n</table></body></html>\n");
}


static u_char *
ngx_signaling_status_html_apps(u_char *p, u_char *last, ngx_array_t *apps)
{
    ngx_uint_t                   i, k;
    ngx_signaling_app_status_t  *app;

    app = apps->elts;

    p = ngx_slprintf(p, last, "<tr><td>app</td>");

    for (k = 0; k < NGX_SIGNALING_FIGURES; k++) {
        p = ngx_slprintf(p, last, "<td>%s</td>",
                         ngx_signaling_figures[k].name);
    }

    p = ngx_slprintf(p, last, "</tr>\n");

    for (i = 0; i < apps->nelts; i++) {
        p = ngx_slprintf(p, last, "<tr><td>%V</td>", &app[i].name);

        for (k = 0; k < NGX_SIGNALING_FIGURES; k++) {
            p = ngx_slprintf(p, last, "<td>%uL</td>", app[i].values[k]);
        }

        p = ngx_slprintf(p, last, "</tr>\n");
    }

    return p;
}


static u_char *
ngx_signaling_status_workers(u_char *p, u_char *last,
    ngx_signaling_zone_t *zone, const char *first, const char *between,
    const char *format)
{
    uint32_t          slot;
    const char       *separator;
    sig_slot_info_t   info;

    separator = first;

    for (slot = 0; slot < zone->nslots; slot++) {

        if (sig_registry_slot_info(&zone->registry, slot, &info)
            != SIG_REGISTRY_OK
            || info.state != SIG_SLOT_LIVE)
        {
            continue;
        }

        p = ngx_slprintf(p, last, format, separator, info.pid,
                         info.connections);
        separator = between;
    }

    return p;
}
