
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "conf_file.h"


static ngx_int_t access_file_read_fd(access_file_t *file, ngx_fd_t fd);
static ngx_int_t access_file_bytes(access_file_t *file, ngx_fd_t fd,
    size_t size);
static ngx_int_t access_file_failed(access_file_t *file, const char *what,
    ngx_err_t err);


ngx_int_t
access_conf_read_secret(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path, ngx_uint_t strict, slice_t *secret)
{
    access_file_t  file;

    ngx_memzero(&file, sizeof(access_file_t));

    file.pool = cf->pool;
    file.prefix = &cf->cycle->conf_prefix;
    file.directive = directive;
    file.what = "secret";
    file.max = ACCESS_SECRET_MAX;
    file.path = *path;

    if (access_file_read(&file) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", file.error);
        return NGX_ERROR;
    }

    if (access_file_is_open(&file)) {
        ngx_conf_log_error(strict ? NGX_LOG_EMERG : NGX_LOG_WARN, cf, 0,
                           "\"%V\" for \"%s\" can be read by every user, "
                           "run \"chmod o= %V\"", &file.path, directive,
                           &file.path);

        if (strict) {
            return NGX_ERROR;
        }
    }

    access_secret_trim(&file.text);

    if (file.text.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no secret in \"%V\" for \"%s\", write it into "
                           "that file", &file.path, directive);
        return NGX_ERROR;
    }

    *path = file.path;
    *secret = file.text;

    return NGX_OK;
}


ngx_int_t
access_file_read(access_file_t *file)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_get_full_name(file->pool, file->prefix, &file->path) != NGX_OK) {
        return access_file_failed(file, "no memory to read", NGX_ENOMEM);
    }

    /* without O_NONBLOCK a FIFO would stop nginx here */

    fd = ngx_open_file(file->path.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        file->err = ngx_errno;

        (void) ngx_snprintf(file->error, sizeof(file->error) - 1,
                            "cannot open \"%V\" for \"%s\", write the %s "
                            "into that file and make it readable to the user "
                            "%s (%d: %s)%Z", &file->path, file->directive,
                            file->what,
                            ngx_process == NGX_PROCESS_WORKER
                                ? "of the workers" : "who starts nginx",
                            file->err, strerror(file->err));
        return NGX_ERROR;
    }

    rc = access_file_read_fd(file, fd);

    if (ngx_close_file(fd) == NGX_FILE_ERROR && rc == NGX_OK) {
        rc = access_file_failed(file, ngx_close_file_n, ngx_errno);
    }

    return rc;
}


static ngx_int_t
access_file_read_fd(access_file_t *file, ngx_fd_t fd)
{
    if (ngx_fd_info(fd, &file->info) == NGX_FILE_ERROR) {
        return access_file_failed(file, ngx_fd_info_n, ngx_errno);
    }

    if (!ngx_is_file(&file->info)
        || ngx_file_size(&file->info) > (off_t) file->max)
    {
        file->err = NGX_EFTYPE;

        (void) ngx_snprintf(file->error, sizeof(file->error) - 1,
                            "\"%V\" for \"%s\" is no regular file of at most "
                            "%uz bytes, name the file that holds the %s%Z",
                            &file->path, file->directive, file->max,
                            file->what);
        return NGX_ERROR;
    }

    return access_file_bytes(file, fd, (size_t) ngx_file_size(&file->info));
}


static ngx_int_t
access_file_bytes(access_file_t *file, ngx_fd_t fd, size_t size)
{
    ssize_t  n;

    file->text.len = 0;
    file->text.data = ngx_pnalloc(file->pool, size + 1);

    if (file->text.data == NULL) {
        return access_file_failed(file, "no memory to read", NGX_ENOMEM);
    }

    while (file->text.len < size) {

        n = ngx_read_fd(fd, file->text.data + file->text.len,
                        size - file->text.len);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                continue;
            }

            return access_file_failed(file, ngx_read_fd_n, ngx_errno);
        }

        if (n == 0) {
            break;
        }

        file->text.len += (size_t) n;
    }

    return NGX_OK;
}


static ngx_int_t
access_file_failed(access_file_t *file, const char *what, ngx_err_t err)
{
    file->err = err;

    (void) ngx_snprintf(file->error, sizeof(file->error) - 1,
                        "%s \"%V\" for \"%s\" failed (%d: %s)%Z", what,
                        &file->path, file->directive, err, strerror(err));

    return NGX_ERROR;
}


ngx_uint_t
access_file_is_open(access_file_t *file)
{
    return (ngx_file_access(&file->info) & S_IROTH) != 0;
}
