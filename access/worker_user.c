
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Whether the workers, who run as another user than the one who starts nginx,
 * will be able to read the key file again.  Told by the modes of the file and
 * of the folders above it; who is let in by other means gets a warning more.
 */


#include "access_set.h"

#include <grp.h>


#define ACCESS_GROUPS_MAX      64


typedef struct {
    uid_t               user;
    gid_t               groups[ACCESS_GROUPS_MAX];
    int                 ngroups;
} access_user_t;


static void access_worker_user(ngx_core_conf_t *ccf, access_user_t *user);
static ngx_uint_t access_user_may_read(access_user_t *user, ngx_str_t *path);
static ngx_uint_t access_user_may(access_user_t *user, ngx_file_info_t *fi,
    ngx_uint_t bit);


void
access_conf_check(ngx_cycle_t *cycle, access_conf_t *acf)
{
    ngx_str_t        *paths;
    ngx_uint_t        i;
    const char       *name;
    struct group     *group;
    access_user_t     user;
    access_store_t   *store;
    ngx_core_conf_t  *ccf;

    store = acf->store;

    if (store->file.len == 0 || store->checked) {
        return;
    }

    store->checked = 1;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->username == NULL || ccf->user == 0) {
        return;
    }

    access_worker_user(ccf, &user);

    group = getgrgid((gid_t) ccf->group);
    name = (group != NULL) ? group->gr_name : ccf->username;

    paths = store->seen->files.elts;

    for (i = 0; i < store->seen->files.nelts; i++) {

        if (access_user_may_read(&user, &paths[i])) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "\"%V\" cannot be read by the user \"%s\" of the "
                      "workers, who look after \"key_file\" while nginx runs; "
                      "run \"chown root:%s %V\" and \"chmod 640 %V\", and let "
                      "that user into the folders above, in %V:%ui",
                      &paths[i], ccf->username, name, &paths[i],
                      &paths[i], &store->conf_file, store->conf_line);
    }
}


static void
access_worker_user(ngx_core_conf_t *ccf, access_user_t *user)
{
    user->user = (uid_t) ccf->user;
    user->ngroups = ACCESS_GROUPS_MAX;

    if (getgrouplist(ccf->username, (gid_t) ccf->group, user->groups,
                     &user->ngroups)
        == -1)
    {
        user->ngroups = ngx_min(user->ngroups, ACCESS_GROUPS_MAX);
    }
}


static ngx_uint_t
access_user_may_read(access_user_t *user, ngx_str_t *path)
{
    u_char           *p, folder[NGX_MAX_PATH];
    ngx_file_info_t   fi;

    if (path->len >= NGX_MAX_PATH) {
        return 0;
    }

    for (p = path->data; p < path->data + path->len; p++) {

        if (*p != '/') {
            continue;
        }

        (void) ngx_cpystrn(folder, path->data, p - path->data + 2);

        if (ngx_file_info(folder, &fi) == NGX_FILE_ERROR
            || !access_user_may(user, &fi, S_IXOTH))
        {
            return 0;
        }
    }

    return ngx_file_info(path->data, &fi) != NGX_FILE_ERROR
           && access_user_may(user, &fi, S_IROTH);
}


/* bit is that of the others, S_IROTH or S_IXOTH */

static ngx_uint_t
access_user_may(access_user_t *user, ngx_file_info_t *fi, ngx_uint_t bit)
{
    int         i;
    ngx_uint_t  mode;

    mode = ngx_file_access(fi);

    if (fi->st_uid == user->user) {
        return (mode & (bit << 6)) != 0;
    }

    for (i = 0; i < user->ngroups; i++) {
        if (fi->st_gid == user->groups[i]) {
            return (mode & (bit << 3)) != 0;
        }
    }

    return (mode & bit) != 0;
}
