
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The operations of registry_model_test: each does something random to the
 * registry, as the worker of one slot, and to the model.  They are called
 * with setjmp(death) done, and may not return.
 */


#ifndef _REGISTRY_MODEL_OPS_H_INCLUDED_
#define _REGISTRY_MODEL_OPS_H_INCLUDED_


#include "registry_model.h"


#define KEYS_MAX   2000000
#define REAP       16


/* returns NULL, or what is not as in the model */
typedef const char *(*op_pt)(uint32_t slot);

typedef struct {
    const char  *name;
    op_pt        op;
    unsigned     weight;
    uint64_t     done;
    uint64_t     deaths;
} op_t;


/* a call of the registry that may end in a death */

#define call(rc, expression)                                                  \
    do {                                                                      \
        armed = mortal;                                                       \
        rc = expression;                                                      \
        armed = 0;                                                            \
    } while (0)


/* a number from 0 to n - 1 */
unsigned chance(unsigned n);

/* the operation is about nothing so far */
void forget(void);

/* a connection or member of this slot at random, or NONE */
uint32_t pick_conn(uint32_t slot, state_e wanted);
uint32_t pick_member(uint32_t slot, state_e wanted);

/* registry_model_member.c */
const char *op_join(uint32_t slot);
const char *op_leave(uint32_t slot);
const char *op_retire(uint32_t slot);

/* what a member's departure says; in the model it is leaving already */
const char *left(uint32_t i, uint64_t mask, int was_live,
    const sig_change_t *change);

/* registry_model_slot.c */
const char *op_release(uint32_t slot);
const char *op_kill(uint32_t slot);
const char *op_reap(uint32_t slot);

/* registry_model_app.c */
const char *op_app(uint32_t slot);
const char *op_limits(uint32_t slot);
const char *op_message(uint32_t slot);
const char *op_clock(uint32_t slot);

/* registry_model_keys.c */
const char *op_keys(uint32_t slot);

/* the text of the keys has one of the two lengths, SIZE_MAX: there is none */
const char *keys_are(size_t a, size_t b);


extern op_t      ops[];
extern unsigned  nops;
extern model_t   model;
extern intent_t  intent;
extern int       mortal;               /* calls of this operation may die */
extern int       armed;                /* this very call may */
extern uint64_t  full;
extern uint64_t  parts;                /* a peer had all it may have */
extern uint64_t  small;
extern size_t    keys_len;             /* SIZE_MAX: no keys */
extern size_t    keys_next;
extern int       keys_tight;           /* no room for both */
extern u_char    keys_text[KEYS_MAX];


#endif /* _REGISTRY_MODEL_OPS_H_INCLUDED_ */
