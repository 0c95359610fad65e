
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A sender and a receiver of sig_mailbox, what may happen between them, and
 * how it has to end.  For tests that stop the two anywhere, each in its own
 * way, and that give the functions below.
 */


#ifndef _MAILBOX_SCENE_H_INCLUDED_
#define _MAILBOX_SCENE_H_INCLUDED_


#include "mailbox_region.h"


#define SCENE_SLOTS    3
#define SCENE_ARENA    4096
#define SCENE_RECORDS  64

#define SENDER         0
#define RECEIVER       1
#define BYSTANDER      2


typedef enum {
    SCENE_WOKEN = 0,
    SCENE_REOPENED,
    SCENE_HELD,
    SCENE_REPLACED,
    SCENE_ANCIENT,
    SCENE_LEFT,
    SCENE_DIED,
    SCENE_MOVED,
    SCENE_MOVED_REPLACED,
    SCENE_LET_GO,
    SCENE_LET_GO_LEFT,
    SCENE_LET_GO_DIED,
    SCENES
} scene_e;


typedef struct {
    const char     *text;
    void          (*prepare)(void);
    void          (*send)(void);
    void          (*receive)(void);
    void          (*finish)(void);     /* after both, by the receiver */
} scene_t;


typedef struct {
    sig_mailbox_t   mb[SCENE_SLOTS];
    int             event;             /* the eventfd of the receiver */
    int             present;           /* owner of the receiver's slot, or 0 */
    int             owners;
    uint32_t        said;              /* number of the last record */
    uint32_t        heard;
    slice_t         hand;              /* a record of the sender's */
    int             posted[SCENE_RECORDS];     /* to the receiver, and due */
    int             received[SCENE_RECORDS];
} world_t;


extern const scene_t  scenes[SCENES];
extern region_t       scene_region;
extern world_t        world;


void scene_create(void);
void scene_free(void);

/* the world anew, as the scene has it at the beginning */
void scene_prepare(const scene_t *scene);

/* what was posted has come, once, and nothing was torn */
void scene_judge(void);

/*
 * Steps of scripts.  say() posts the next record, which has to come if the
 * same owner is there before and after.  flood() writes over all of the arena
 * that may be written.
 */
void scene_say(uint32_t dst, size_t len);
void scene_flood(void);
void scene_listen(int all);
void scene_receive_replaced(void);


/*
 * Of the test: what is wrong; somebody else may go on here; nobody may, for
 * as long as "hold"; what follows is done by that slot's owner; bytes that
 * are read or written plainly.
 */
void scene_wrong(const char *text);
void scene_step(void);
void scene_hold(int hold);
void scene_as(uint32_t slot);
void scene_read(const void *p, size_t len);
void scene_write(const void *p, size_t len);


#endif /* _MAILBOX_SCENE_H_INCLUDED_ */
