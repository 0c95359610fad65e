
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "access_conf.h"


#define ACCESS_SECRET_MAX      65536


#define ACCESS_FILE_OPEN       2       /* whoever can read it, no secret */


static ngx_int_t access_conf_read(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, slice_t *text);
static ngx_int_t access_conf_check_file(ngx_conf_t *cf,
    const char *directive, ngx_str_t *path, ngx_uint_t strict,
    ngx_file_info_t *fi);


ngx_int_t
access_conf_read_file(ngx_conf_t *cf, const char *directive, ngx_str_t *path,
    slice_t *text)
{
    return access_conf_read(cf, directive, path, ACCESS_FILE_OPEN, text);
}


ngx_int_t
access_conf_read_secret(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, slice_t *secret)
{
    if (access_conf_read(cf, directive, path, strict, secret) != NGX_OK) {
        return NGX_ERROR;
    }

    if (secret->len > 0 && secret->data[secret->len - 1] == LF) {
        secret->len--;

        if (secret->len > 0 && secret->data[secret->len - 1] == CR) {
            secret->len--;
        }
    }

    if (secret->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no secret in \"%V\" for \"%s\", write it into "
                           "that file", path, directive);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
access_conf_read(ngx_conf_t *cf, const char *directive, ngx_str_t *path,
    ngx_uint_t strict, slice_t *text)
{
    u_char           *buf;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    /* without O_NONBLOCK a FIFO would stop nginx here */

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"%V\" for \"%s\", write the %s "
                           "into that file and make it readable to the user "
                           "who starts nginx", path, directive,
                           strict == ACCESS_FILE_OPEN ? "public key"
                                                      : "secret");
        return NGX_ERROR;
    }

    buf = NULL;
    n = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" for \"%s\" failed",
                           path, directive);

    } else if (access_conf_check_file(cf, directive, path, strict, &fi)
               == NGX_OK)
    {
        buf = ngx_pnalloc(cf->pool, ngx_file_size(&fi) + 1);

        if (buf != NULL) {
            n = ngx_read_fd(fd, buf, ngx_file_size(&fi));

            if (n == -1) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                                   ngx_read_fd_n " \"%V\" for \"%s\" failed",
                                   path, directive);
            }
        }
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    if (buf == NULL || n == -1) {
        return NGX_ERROR;
    }

    text->data = buf;
    text->len = (size_t) n;

    return NGX_OK;
}


static ngx_int_t
access_conf_check_file(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, ngx_file_info_t *fi)
{
    if (!ngx_is_file(fi) || ngx_file_size(fi) > ACCESS_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" for \"%s\" is no regular file of at most "
                           "%d bytes, name the file that holds the %s",
                           path, directive, ACCESS_SECRET_MAX,
                           strict == ACCESS_FILE_OPEN ? "public key"
                                                      : "secret");
        return NGX_ERROR;
    }

    if (strict != ACCESS_FILE_OPEN && (ngx_file_access(fi) & S_IROTH)) {
        ngx_conf_log_error(strict ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0,
                           "\"%V\" for \"%s\" can be read by every user, "
                           "run \"chmod o= %V\"", path, directive, path);

        if (strict) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
