
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_turncred.h"


/* of the locations whose requests carry credentials */

static const ngx_http_handler_pt  ngx_turncred_endpoint_handlers[] = {
    ngx_turncred_credentials_handler,
    ngx_turncred_api_handler,
    ngx_turncred_token_handler,
    NULL
};


ngx_uint_t
ngx_turncred_is_endpoint(ngx_http_request_t *r)
{
    return access_mask_is_for(r, ngx_turncred_endpoint_handlers);
}


ngx_int_t
ngx_turncred_log_handler(ngx_http_request_t *r)
{
    access_mask_log(r, ngx_turncred_keys(r), ngx_turncred_is_endpoint(r));

    return NGX_OK;
}
