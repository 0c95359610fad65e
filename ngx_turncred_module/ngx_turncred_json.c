
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


json_t *
ngx_turncred_json_body(slice_t *body)
{
    json_t  *json;

    json = json_loadb((char *) body->data, body->len, JSON_REJECT_DUPLICATES,
                      NULL);

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


ngx_int_t
ngx_turncred_json_text(ngx_http_request_t *r, json_t *json, ngx_str_t *text)
{
    size_t  len;

    len = 0;
    text->data = NULL;

    if (json != NULL) {
        len = json_dumpb(json, NULL, 0, JSON_COMPACT);
    }

    if (len != 0) {
        text->data = ngx_pnalloc(r->pool, len);
    }

    if (text->data == NULL
        || json_dumpb(json, (char *) text->data, len, JSON_COMPACT) != len)
    {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                      "no memory for a JSON answer");
        json_decref(json);
        return NGX_ERROR;
    }

    text->len = len;

    json_decref(json);

    return NGX_OK;
}
