
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


#define REGION_RING  SIG_MAILBOX_RING_MIN


typedef struct {
    sig_mailbox_t  *mb;                /* of each slot */
    u_char         *base;
    size_t          size;
    uint32_t        nslots;
} region_t;


/* prints a line of TAP; plan() prints the last one, returns the exit code */
void ok(int pass, const char *text);
int plan(void);

/*
 * Every slot is open and has its handle, rings have the given size, or
 * REGION_RING; no memory: abort()
 */
void region_make_rings(region_t *r, uint32_t nslots, uint32_t ring,
    size_t arena);
void region_make(region_t *r, uint32_t nslots, size_t arena);
void region_free(region_t *r);

/*
 * Posts the reserved record, and calls; *wake is 1 when the receiver has to be
 * woken, else 0.
 */
int region_post(sig_mailbox_t *mb, uint32_t dst, int *wake);

/* a record of one byte; as region_post(), AGAIN also for the arena */
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
