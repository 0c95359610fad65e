
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Key blocks, "publishable_key id { ... }" and "secret_key id { ... }", read
 * directive by directive from their words: by access_conf.c, to whom nginx
 * gives the words, and by key_file.c, which finds them itself.  Plain C;
 * memory, files and the log are those of the caller.  What is made here lives
 * as long as the caller's memory does and is not written any more once its
 * block has ended.
 */


#ifndef _KEY_BLOCK_H_INCLUDED_
#define _KEY_BLOCK_H_INCLUDED_


#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_ERROR_MAX       1024    /* bytes of an error, longer are cut */


typedef struct access_reader_s  access_reader_t;


/* what the caller lends; each is given the reader's data */

typedef struct {

    /* memory for as long as the keys live, or NULL */
    void             *(*alloc)(void *data, size_t size);

    /*
     * Reads a file that a directive names into such memory.  path becomes
     * the full name.  secret: a file that others can read is worth a warning.
     * Returns 0, or -1 with access_reader_error() called.
     */
    int               (*read)(access_reader_t *reader, const char *directive,
                              slice_t *path, int secret, slice_t *text);

    /* takes over a public key, to be freed with the keys; 0, -1: no memory */
    int               (*own)(void *data, void *public_key);

    /* something to be logged that is no error */
    void              (*warn)(void *data, const char *text);

} access_reader_hooks_t;


/*
 * The caller sets hooks and data, and keys and size to those that are known
 * already, or to zero.  The rest is private but for the error.
 */

struct access_reader_s {
    const access_reader_hooks_t  *hooks;
    void                         *data;

    access_keys_t                 keys;     /* those read are added */
    uint32_t                      size;     /* of keys.elts, 0: not ours */

    access_key_t                 *key;      /* of the block being read */
    unsigned                      types;    /* ACCESS_IN_* */
    unsigned                      seen;     /* bit mask of its directives */
    unsigned                      inlined;  /* secrets that were no files */
    slice_t                       public_text;
    slice_t                       public_file;
    uint32_t                      line;     /* of key_file.c, or 0 */

    char                          error[ACCESS_ERROR_MAX];
};


/*
 * A block begins with its directive and ID, has directives, and ends, which
 * adds the key.  words[0] is the name of the directive; words are in memory
 * that lives as long as the keys, and each is followed by a zero byte.
 * Return 0, or -1 with a text in reader->error that names the directive and
 * the mend; then the reader is of no use any more.
 */
int access_block_begin(access_reader_t *reader, const slice_t *words,
    uint32_t n);
int access_block_directive(access_reader_t *reader, const slice_t *words,
    uint32_t n);
int access_block_end(access_reader_t *reader);

/* sets the error, as printf() would; returns -1 */
int access_reader_error(access_reader_t *reader, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* takes one newline off the end of a secret that a file holds */
void access_secret_trim(slice_t *secret);


#pragma GCC visibility pop


#endif /* _KEY_BLOCK_H_INCLUDED_ */
