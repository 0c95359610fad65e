
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What registry_share_test and registry_share_apps_test share: crowds of
 * peers without metadata, who come into a region until it is full.
 */


#ifndef _REGISTRY_SHARE_H_INCLUDED_
#define _REGISTRY_SHARE_H_INCLUDED_


#include "registry_region.h"


#define SHARE_SLOTS  4
#define SHARE_PEERS  40000             /* of a crowd, at most */


/*
 * Peers of one app: their connections, and the rooms of their own; gen is 0
 * when they have gone, or are in none.
 */

typedef struct {
    uint32_t         app;
    uint32_t         n;
    sig_ref_t        conn[SHARE_PEERS];
    sig_ref_t        member[SHARE_PEERS];
} crowd_t;


extern region_t        region;
extern sig_registry_t  a, b;           /* two workers */
extern crowd_t         first, second;
extern size_t          bytes;          /* free ones of the empty region */


/*
 * A region of so many pages or a little more, with the app "default" in it,
 * to which first belongs.
 */
void share_fresh(size_t pages);

/* everybody goes, and so does the region; whether nothing was left of them */
int share_empty(void);

/* another app, by number */
uint32_t share_app(uint32_t n);
sig_usage_t share_used(uint32_t number);

/*
 * One more peer, or as many as can come, who join rooms of their own or none.
 * The result, or *rc, is that of the last call; nothing is left of a peer who
 * came and could not join.
 */
int share_come(crowd_t *crowd, int join);
uint32_t share_come_all(crowd_t *crowd, int join, int *rc);

/* one joins a room of that kind; or all who are in none, as far as they can */
int share_enter(crowd_t *crowd, uint32_t i, const char *kind);
uint32_t share_enter_all(crowd_t *crowd, int *rc);

void share_go(crowd_t *crowd, uint32_t i);
void share_go_all(crowd_t *crowd);

/* units: what is left as newcomers see it, and all of them */
uint32_t share_left(void);
uint32_t share_units(void);

/* what is to be told, by whoever asks: "" of the zone, NULL for nothing */
int share_told(const char *who);


#endif /* _REGISTRY_SHARE_H_INCLUDED_ */
