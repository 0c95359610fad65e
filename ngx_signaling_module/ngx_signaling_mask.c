
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "ngx_signaling.h"


/* of the locations whose requests carry credentials */

static const ngx_http_handler_pt  ngx_signaling_endpoint_handlers[] = {
    ngx_signaling_handler,
    ngx_signaling_api_handler,
    NULL
};


ngx_uint_t
ngx_signaling_is_endpoint(ngx_http_request_t *r)
{
    return access_mask_is_for(r, ngx_signaling_endpoint_handlers);
}


ngx_int_t
ngx_signaling_log_handler(ngx_http_request_t *r)
{
    ngx_signaling_main_conf_t  *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_signaling_module);

    ngx_signaling_token_mask(r);

    access_mask_log(r, access_conf_keys(&smcf->access),
                    ngx_signaling_is_endpoint(r));

    return NGX_OK;
}
