
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The peers in a channel, docs/protocol.md 12.5.  Copied out of the registry
 * as for a snapshot, and within the same bounds; written without its lock.
 */


#include "ngx_signaling_api.h"


static ngx_int_t ngx_signaling_api_members(ngx_signaling_worker_t *sw,
    ngx_signaling_call_t *call, sig_roster_t *roster);
static size_t ngx_signaling_api_roster_len(sig_roster_t *roster);
static u_char *ngx_signaling_api_roster_text(u_char *p,
    sig_roster_t *roster);


ngx_int_t
ngx_signaling_api_roster(ngx_http_request_t *r, ngx_signaling_call_t *call)
{
    size_t                   len;
    u_char                  *p;
    ngx_str_t                text;
    sig_roster_t             roster;
    access_refusal_t        *refusal;
    ngx_signaling_worker_t  *sw;

    refusal = ngx_signaling_api_channel(call, ACCESS_PRESENCE);

    if (refusal != NULL) {
        return ngx_signaling_api_refuse(r, refusal);
    }

    sw = ngx_signaling_api_worker(call);

    if (sw == NULL || ngx_signaling_api_members(sw, call, &roster) != NGX_OK)
    {
        return ngx_signaling_api_refuse(r, &ngx_signaling_api_unavailable);
    }

    len = sizeof("{\"channel\":,\"peers\":[]}") - 1
          + sig_proto_quote_len(&call->name)
          + ngx_signaling_api_roster_len(&roster);

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;
    text.len = len;

    p = ngx_sprintf(p, "{\"channel\":");
    p = sig_proto_quote(p, &call->name);
    p = ngx_sprintf(p, ",\"peers\":[");
    p = ngx_signaling_api_roster_text(p, &roster);
    *p++ = ']';
    *p = '}';

    return access_send(r, NGX_HTTP_OK, &text);
}


/* the roster is in the worker's buffer, until anything else is done */

static ngx_int_t
ngx_signaling_api_members(ngx_signaling_worker_t *sw,
    ngx_signaling_call_t *call, sig_roster_t *roster)
{
    int             rc;
    uint64_t        seq;
    sig_ref_t       room, nobody;
    sig_audience_t  audience;

    roster->data = sw->roster;
    roster->used = 0;

    if (sig_registry_find_room(sw->registry, call->app, &call->name, &room,
                               &audience)
        != SIG_REGISTRY_OK)
    {
        return NGX_OK;
    }

    nobody.index = 0;
    nobody.gen = 0;

    do {
        roster->data = sw->roster;
        roster->size = sw->roster_size;

        rc = sig_registry_roster(sw->registry, room, nobody, roster,
                                 NGX_SIGNALING_SNAPSHOT_MAX, &seq);

    } while (rc == SIG_REGISTRY_SMALL
             && ngx_signaling_roster_grow(sw, roster->used) == NGX_OK);

    if (rc == SIG_REGISTRY_STALE) {

        /* everybody has left meanwhile */

        roster->used = 0;
        return NGX_OK;
    }

    return (rc == SIG_REGISTRY_OK) ? NGX_OK : NGX_ERROR;
}


static size_t
ngx_signaling_api_roster_len(sig_roster_t *roster)
{
    u_char   *entry, *last, text[NGX_SIGNALING_QUOTED_ID];
    size_t    len;
    slice_t   peer, metadata, quoted;

    entry = roster->data;
    last = roster->data + roster->used;

    for (len = 0; entry < last; /* void */ ) {
        entry = ngx_signaling_roster_next(entry, &peer, &metadata);

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        len += sig_proto_presence_entry_len(&quoted, &metadata, len == 0);
    }

    return len;
}


static u_char *
ngx_signaling_api_roster_text(u_char *p, sig_roster_t *roster)
{
    u_char      *entry, *last, text[NGX_SIGNALING_QUOTED_ID];
    slice_t      peer, metadata, quoted;
    ngx_uint_t   first;

    entry = roster->data;
    last = roster->data + roster->used;

    for (first = 1; entry < last; first = 0) {
        entry = ngx_signaling_roster_next(entry, &peer, &metadata);

        quoted.data = text;
        quoted.len = sig_proto_quote(text, &peer) - text;

        p = sig_proto_presence_entry(p, &quoted, &metadata, (int) first);
    }

    return p;
}
