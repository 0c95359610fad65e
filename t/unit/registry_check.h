
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The invariants of a registry: everything derived is compared with the
 * nodes, and nothing is changed.  Lists are walked from their heads and must
 * have as many members as the nodes that say they are in them; so a node that
 * no list leads to is found as well as one that is in two.
 */


#ifndef _REGISTRY_CHECK_H_INCLUDED_
#define _REGISTRY_CHECK_H_INCLUDED_


#include "sig_registry_node.h"


typedef struct {
    uint32_t  apps;
    uint32_t  peers;                    /* with a live connection */
    uint32_t  conns;                    /* live */
    uint32_t  rooms;                    /* with a live member */
    uint32_t  members;                  /* live */
    uint32_t  leaving;
    uint32_t  listed;                   /* members in the lists of rooms */
    uint32_t  counted;                  /* leaving ones that rooms count */
    uint32_t  owned;                    /* members in lists of connections */
    uint64_t  counted_apps;             /* sums by which the counts of apps */
    uint64_t  found_apps;               /* and their connections compare */
    uint64_t  counted_units;            /* and by which their memory does */
    uint64_t  found_units;
    uint32_t  need;                     /* that guarantees of apps lack */
    uint32_t  nodes[SIG_TABLES];        /* that belong in a hash table */
} sig_check_t;


typedef const char *(*sig_check_pt)(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);


/*
 * Checks every invariant of the region under the lock.  Returns NULL or a
 * text that names what is wrong.
 */
const char *sig_registry_check(sig_registry_t *r);

/*
 * registry_check_node.c: one node of any type, of which each looks at its
 * own; what belongs together is added up.
 */
const char *sig_check_app(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);
const char *sig_check_peer(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);
const char *sig_check_conn(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);
const char *sig_check_room(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);
const char *sig_check_member(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);
const char *sig_check_block(sig_registry_t *r, uint32_t index,
    sig_node_t *node, sig_check_t *check);


#endif /* _REGISTRY_CHECK_H_INCLUDED_ */
