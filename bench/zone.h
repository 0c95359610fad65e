
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A registry in ordinary memory, filled with peers as one worker would: what
 * capacity.c counts and registry_speed.c times.  One thread, so that its lock
 * is none.  Whatever fails for want of memory ends the program.
 */


#ifndef _ZONE_H_INCLUDED_
#define _ZONE_H_INCLUDED_


#include "sig_registry.h"


#define ZONE_UUID   36
#define ZONE_LARGE  ((size_t) 1 << 40)


typedef struct {
    sig_registry_t  r;
    u_char         *base;
    size_t          size;
    uint32_t        app;
} zone_t;


/* the smallest region that promises so many peers, in bytes, whole pages */
size_t zone_region(size_t peers, uint32_t slots);

void zone_make(zone_t *zone, size_t size, uint32_t slots);
void zone_free(zone_t *zone);

/*
 * The i-th peer comes, to room i / 2, of a short name or a UUID.  Returns what
 * sig_registry_join() does; the one who comes second has to find the first.
 */
int zone_come(zone_t *zone, size_t i, int long_names, sig_ref_t *conn,
    sig_ref_t *member);

/* 36 bytes, another UUID for each number */
void zone_uuid(u_char *p, uint64_t n);


#endif /* _ZONE_H_INCLUDED_ */
