
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the tests of sig_registry share: a region of exactly the given size, in
 * which one process plays several workers, and short forms of the calls.
 */


#ifndef _REGISTRY_REGION_H_INCLUDED_
#define _REGISTRY_REGION_H_INCLUDED_


#include "registry_check.h"


typedef struct {
    u_char         *base;
    size_t          size;
    uint32_t        nslots;
    uint32_t        app;               /* "default" */
    int             locked;
} region_t;


/* formats a region with the app in it; no memory: abort() */
void region_make(region_t *region, size_t size, uint32_t nslots);
void region_free(region_t *region);

/*
 * A handle as the process pid would have it.  The lock aborts when it is
 * taken twice.  worker() has claimed and opened a slot too.
 */
void handle(region_t *region, sig_registry_t *r, uint32_t pid);
void worker(region_t *region, sig_registry_t *r, uint32_t pid);

/* the next one who takes the lock finds that the last holder died */
void region_break(region_t *region);

/* whether every invariant holds; tells which one does not */
int sound(sig_registry_t *r);

slice_t text(const char *s);

/* connects a peer that may come again; gen 0 when that failed */
sig_ref_t arrive(region_t *region, sig_registry_t *r, const char *peer,
    const char *metadata);

/* joins without a roster; returns the member, gen 0 when that failed */
sig_ref_t enter(sig_registry_t *r, sig_ref_t conn, const char *room,
    sig_change_t *change);

/* both steps of leaving; 0 when the reference was stale */
int depart(sig_registry_t *r, sig_ref_t member, int last_local,
    sig_change_t *change);

/* "id=metadata,id,..." in the order given; the same buffer every time */
const char *roster_text(const sig_roster_t *roster);

/* the roster of a room by that name, seen by nobody; "-": no such room */
const char *room_text(region_t *region, sig_registry_t *r, const char *room);

/* how many connections the peer has */
uint32_t present(region_t *region, sig_registry_t *r, const char *peer);

uint64_t room_bits(region_t *region, sig_registry_t *r, const char *room);

/* as sig_registry_stats(), with lock and all */
sig_registry_stats_t counts(sig_registry_t *r);


#endif /* _REGISTRY_REGION_H_INCLUDED_ */
