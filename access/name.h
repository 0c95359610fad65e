
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The syntax of names: peers, channels and actions, docs/protocol.md 2.5,
 * 3.1 and 5.2.  Plain C, called by both modules for what clients send and for
 * what tokens, backends and the configuration say.  Allocates nothing.
 */


#ifndef _NAME_H_INCLUDED_
#define _NAME_H_INCLUDED_


#include "access.h"


#pragma GCC visibility push(hidden)


#define ACCESS_CHANNEL_UNITS   256     /* UTF-16 code units */
#define ACCESS_CHANNEL_BYTES   768     /* the same as UTF-8, at most */
#define ACCESS_PEER_ID         128     /* bytes, printable ASCII */


typedef struct {
    slice_t             name;
    unsigned            mask;           /* ACCESS_* */
} access_action_t;


/* all of them, up to one whose mask is 0 */
extern const access_action_t  access_actions[];


/* the bit of an action by its name, 0 when there is none of that name */
unsigned access_action(const slice_t *name);

/*
 * The name that an administrator gives to something: 1 to max letters, digits,
 * "-", "_" and ".", so that it can be shown anywhere as it is.  1 or 0.
 */
int access_directive_name(const slice_t *name, size_t max);

/* 1 to ACCESS_PEER_ID bytes of printable ASCII; 1 or 0 */
int access_peer_id_valid(const slice_t *id);

/*
 * The length of a name of a channel and its characters, none of them a
 * control character.  The name is UTF-8, which the caller knows.  1 or 0.
 */
int access_channel_valid(const slice_t *name);

/* begins the name, which is not empty, with a reserved prefix?  1 or 0 */
int access_channel_reserved(const slice_t *name);


#pragma GCC visibility pop


#endif /* _NAME_H_INCLUDED_ */
