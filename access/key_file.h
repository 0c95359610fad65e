
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The text of a key file: key blocks in nginx's syntax and nothing else, not
 * even "include".  Plain C over key_block.h; called by access_set.c at the
 * start and whenever the file has changed.  Keys and copies of words are in
 * the memory of the reader; the text may go.  No lock.
 */


#ifndef _KEY_FILE_H_INCLUDED_
#define _KEY_FILE_H_INCLUDED_


#include "key_block.h"


#pragma GCC visibility push(hidden)


/*
 * Reads all blocks of a text; the keys are added to those of the reader.
 * What is kept of the text is copied.  Returns 0, or -1 with reader->error
 * and its line, from 1, in reader->line.
 */
int access_key_file(access_reader_t *reader, const slice_t *text);


#pragma GCC visibility pop


#endif /* _KEY_FILE_H_INCLUDED_ */
