
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Sets of keys and what is behind an access_conf_t: between access_conf.c
 * (configuration), access_set.c (the sets), access_watch.c (the file while
 * nginx runs) and worker_user.c, used by nobody else.  Private to a process,
 * no lock.
 *
 * Both modules, each with its own copy of this code, use the one store of a
 * configuration, which lives in the pool of its cycle.
 */


#ifndef _ACCESS_SET_H_INCLUDED_
#define _ACCESS_SET_H_INCLUDED_


#include "access_conf.h"
#include "conf_file.h"
#include "key_block.h"


#pragma GCC visibility push(hidden)


#define ACCESS_STATE_LEN       32      /* SHA-256 */
#define ACCESS_WATCHERS        2       /* modules */


/*
 * The static keys and those of the file as it was at one moment.  A set that
 * could not be read is kept likewise, for its error and its files.
 */

typedef struct {
    access_keys_t       keys;           /* first */
    ngx_uint_t          refs;
    ngx_pool_t         *pool;           /* NULL: that of the cycle */
    ngx_array_t         files;          /* of ngx_str_t, in order of reading */
    u_char              state[ACCESS_STATE_LEN];    /* of these files */
    ngx_uint_t          line;           /* of the error, 0: the file itself */
    u_char             *error;          /* ends with a zero; NULL: none */
} access_set_t;


/* reads blocks into a pool, whoever finds the words */

typedef struct {
    access_reader_t     reader;
    ngx_pool_t         *pool;
    ngx_str_t          *prefix;
    ngx_conf_t         *cf;             /* while nginx finds the words */
    access_set_t       *set;            /* else */
    ngx_log_t          *log;            /* for warnings, or NULL */
    void               *hash;           /* EVP_MD_CTX, of the files read */
} access_source_t;


typedef struct {
    access_changed_pt   handler;
    void               *data;
} access_watcher_t;


struct access_store_s {
    ngx_cycle_t        *cycle;
    access_source_t     statics;        /* the blocks of the configuration */

    ngx_str_t           file;           /* of "key_file"; len 0: none */
    ngx_str_t           conf_file;      /* where that directive is */
    ngx_uint_t          conf_line;

    access_set_t       *current;
    access_set_t       *seen;           /* what the file was at the last look */

    ngx_event_t         timer;
    access_watcher_t    watchers[ACCESS_WATCHERS];
    ngx_uint_t          nwatchers;
    u_char              state[ACCESS_STATE_LEN];    /* of a change, maybe */
    unsigned            changing:1;     /* there is one */
    unsigned            checked:1;
};


/* prepares the reader of a source that has its pool and its prefix */
void access_source_init(access_source_t *source);

/*
 * Reads the key file.  log is for warnings, or NULL.  Returns a set, held
 * once, that has an error when it could not be read; NULL when there is no
 * memory.
 */
access_set_t *access_set_read(access_store_t *store, ngx_log_t *log);

/* the set of the static keys alone, held once, or NULL (no memory) */
access_set_t *access_set_static(access_store_t *store);

/*
 * Tells what state these files are in now, by their content, or by the error
 * that keeps them from being read.  Returns NGX_OK or NGX_ERROR (no memory).
 */
ngx_int_t access_set_state(access_store_t *store, access_set_t *set,
    u_char state[ACCESS_STATE_LEN]);

/* logs why a set could not be read */
void access_set_log(access_store_t *store, access_set_t *set,
    ngx_uint_t level, ngx_log_t *log, const char *outcome);

/* 1 when nobody could tell the keys of both apart, 0 otherwise */
ngx_uint_t access_set_same(access_set_t *a, access_set_t *b, ngx_log_t *log);


#pragma GCC visibility pop


#endif /* _ACCESS_SET_H_INCLUDED_ */
