
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the tests of sig_mailbox share: a region of exactly the needed size in
 * which one process plays the owners of all slots, and records to send.
 */


#ifndef _MAILBOX_REGION_H_INCLUDED_
#define _MAILBOX_REGION_H_INCLUDED_


#include "sig_mailbox_region.h"

#include <stdio.h>
#include <stdlib.h>


typedef struct {
    sig_mailbox_t  *mb;                /* of each slot */
    u_char         *base;
    size_t          size;
    uint32_t        nslots;
} region_t;


/* prints a line of TAP; plan() prints the last one, returns the exit code */
void ok(int pass, const char *text);
int plan(void);

/* every slot is open and has its handle; no memory: abort() */
void region_make(region_t *r, uint32_t nslots, size_t arena);
void region_free(region_t *r);

/* a record of one byte; as sig_mailbox_post(), AGAIN also for the arena */
int send_byte(sig_mailbox_t *mb, uint32_t dst, int byte, int *wake);

/* the byte of the next record, -1 when there is none, -2 when it is wrong */
int read_byte(sig_mailbox_t *mb, uint32_t *src);

/* reads all there is, returns how many */
int drain(sig_mailbox_t *mb, int all);

/* bytes that differ from record to record and from place to place */
u_char pattern_byte(uint32_t number, size_t i);
void pattern_write(u_char *p, size_t len, uint32_t number);
int pattern_is(slice_t *record, size_t len, uint32_t number);


#endif /* _MAILBOX_REGION_H_INCLUDED_ */
