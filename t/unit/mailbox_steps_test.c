
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox, step by step: a sender and a receiver, each with its
 * own stack, are stopped before any atomic operation, so that every way in
 * which the other one can come in between, twice, is gone through; and so is
 * every moment at which one of them can die.
 *
 * A schedule is three numbers: the sender makes so many steps, the receiver
 * so many, the sender so many more; then the receiver, then the sender, go on
 * to the end, or are dead.
 */


#include "mailbox_points.h"
#include "mailbox_scene.h"

#include <ucontext.h>


#define STACK       262144
#define TO_THE_END  UINT32_MAX


typedef struct {
    ucontext_t      context;
    u_char         *stack;
    void          (*script)(void);
    int             done;
} actor_t;


typedef struct {
    const char     *text;              /* NULL: that of the scene */
    scene_e         scene;
    void          (*finish)(void);     /* NULL: that of the scene */
    int             sender_dies;
    int             receiver_dies;
    int             once;              /* the sender is stopped once */
} play_t;


static int explore(const play_t *play);
static int perform(const play_t *play, uint32_t first, uint32_t second,
    uint32_t third);
static uint32_t count_steps(const play_t *play, int of_sender);
static void actor_start(actor_t *actor, void (*script)(void));
static void actor_main(void);
static void actor_run(actor_t *actor, uint32_t steps);
static void finish_sender_replaced(void);
static void finish_receiver_replaced(void);


static const play_t  plays[] = {

    { NULL, SCENE_WOKEN, NULL, 0, 0, 0 },
    { NULL, SCENE_REOPENED, NULL, 0, 0, 0 },
    { NULL, SCENE_HELD, NULL, 0, 0, 0 },
    { NULL, SCENE_REPLACED, NULL, 0, 0, 0 },
    { NULL, SCENE_ANCIENT, NULL, 0, 0, 0 },
    { NULL, SCENE_LEFT, NULL, 0, 0, 0 },
    { NULL, SCENE_DIED, NULL, 0, 0, 1 },
    { NULL, SCENE_MOVED, NULL, 0, 0, 1 },
    { NULL, SCENE_MOVED_REPLACED, NULL, 0, 0, 1 },
    { NULL, SCENE_LET_GO, NULL, 0, 0, 1 },
    { NULL, SCENE_LET_GO_LEFT, NULL, 0, 0, 1 },
    { NULL, SCENE_LET_GO_DIED, NULL, 0, 0, 1 },

    { "a sender dies at any step",
      SCENE_HELD, finish_sender_replaced, 1, 0, 0 },

    { "a sender dies while the receiver is replaced",
      SCENE_REPLACED, finish_sender_replaced, 1, 0, 0 },

    { "a sender dies while it moves records",
      SCENE_MOVED, finish_sender_replaced, 1, 0, 1 },

    { "a receiver dies at any step",
      SCENE_HELD, finish_receiver_replaced, 0, 1, 0 },

    { "a receiver dies at any step of opening its slot",
      SCENE_REPLACED, finish_receiver_replaced, 0, 1, 0 },

    { "a receiver dies while its records are moved",
      SCENE_MOVED, finish_receiver_replaced, 0, 1, 1 }
};


static ucontext_t  scheduler;
static actor_t     sender, receiver;
static actor_t    *running, *held;
static uint32_t    budget;
static uint32_t    steps;
static int         fine;               /* nothing wrong in this schedule */


int
main(void)
{
    size_t       i;
    const char  *text;

    scene_create();

    sender.stack = malloc(STACK);
    receiver.stack = malloc(STACK);

    if (sender.stack == NULL || receiver.stack == NULL) {
        abort();
    }

    mailbox_point = scene_step;

    for (i = 0; i < sizeof(plays) / sizeof(plays[0]); i++) {
        text = plays[i].text ? plays[i].text : scenes[plays[i].scene].text;

        ok(explore(&plays[i]), text);
    }

    free(sender.stack);
    free(receiver.stack);
    scene_free();

    return plan();
}


static int
explore(const play_t *play)
{
    uint32_t  i, j, k, nsend, nreceive, n;

    nsend = count_steps(play, 1);
    nreceive = count_steps(play, 0);
    n = 0;

    /* one more than there are: to the end */

    for (i = 0; i <= nsend + 1; i++) {
        for (j = 0; j <= nreceive + 1; j++) {
            for (k = 0; k <= nsend + 1 - i; k++) {

                if (play->once
                    && k != (play->sender_dies ? 0 : nsend + 1 - i))
                {
                    continue;
                }

                n++;

                if (!perform(play, i, j, k)) {
                    printf("# schedule %u %u %u\n", i, j, k);
                    return 0;
                }
            }
        }
    }

    return n != 0;
}


static int
perform(const play_t *play, uint32_t first, uint32_t second, uint32_t third)
{
    const scene_t  *scene;

    scene = &scenes[play->scene];
    fine = 1;

    scene_prepare(scene);

    actor_start(&sender, scene->send);
    actor_start(&receiver, scene->receive);

    actor_run(&sender, first);
    actor_run(&receiver, second);
    actor_run(&sender, third);

    if (!play->receiver_dies) {
        actor_run(&receiver, TO_THE_END);
    }

    if (!play->sender_dies) {
        actor_run(&sender, TO_THE_END);
    }

    if (play->finish) {
        play->finish();

    } else {
        scene->finish();
    }

    scene_judge();

    return fine;
}


/* how many steps a script makes when nobody comes in between */

static uint32_t
count_steps(const play_t *play, int of_sender)
{
    uint32_t        n;
    const scene_t  *scene;

    scene = &scenes[play->scene];

    scene_prepare(scene);

    actor_start(&sender, scene->send);
    actor_start(&receiver, scene->receive);

    steps = 0;
    actor_run(&sender, TO_THE_END);
    n = steps;

    steps = 0;
    actor_run(&receiver, TO_THE_END);

    return of_sender ? n : steps;
}


static void
actor_start(actor_t *actor, void (*script)(void))
{
    actor->script = script;
    actor->done = 0;

    if (getcontext(&actor->context) == -1) {
        abort();
    }

    actor->context.uc_stack.ss_sp = actor->stack;
    actor->context.uc_stack.ss_size = STACK;
    actor->context.uc_link = &scheduler;

    makecontext(&actor->context, actor_main, 0);
}


static void
actor_main(void)
{
    actor_t  *actor;

    actor = running;
    actor->script();
    actor->done = 1;
}


/* lets an actor go until it is about to make the step after that many */

static void
actor_run(actor_t *actor, uint32_t n)
{
    if (actor->done || n == 0) {
        return;
    }

    budget = n;
    running = actor;

    if (swapcontext(&scheduler, &actor->context) == -1) {
        abort();
    }

    running = NULL;
}


void
scene_step(void)
{
    actor_t  *actor;

    if (running == NULL) {
        return;
    }

    steps++;

    if (--budget == 0) {
        actor = running;

        if (swapcontext(&actor->context, &scheduler) == -1) {
            abort();
        }
    }
}


/* nobody is stopped there */

void
scene_hold(int hold)
{
    if (hold) {
        held = running;
        running = NULL;

    } else {
        running = held;
    }
}


void
scene_wrong(const char *text)
{
    printf("# %s\n", text);
    fine = 0;
}


/* plain accesses, and whose they are, are for a weaker memory than this */

void
scene_as(uint32_t slot)
{
    /* void */
}


void
scene_read(const void *p, size_t len)
{
    /* void */
}


void
scene_write(const void *p, size_t len)
{
    /* void */
}


/* the next owner takes over the arena, the rings, and goes on */

static void
finish_sender_replaced(void)
{
    sig_mailbox_t  *mb;

    mb = &world.mb[SENDER];

    (void) sig_mailbox_attach(mb, scene_region.base, scene_region.size);
    sig_mailbox_open(mb, SENDER);

    /* a bit may have died with the sender */

    (void) drain(&world.mb[BYSTANDER], 1);

    world.said = 30;
    scene_flood();
    scene_listen(1);
    scene_say(RECEIVER, 500);
    scene_flood();
    scene_listen(1);
    scene_say(RECEIVER, 20);
    scene_flood();
    scene_listen(0);
    scene_say(RECEIVER, 1000);
    scene_listen(0);

    if (!world.posted[31] || !world.posted[32] || !world.posted[33]) {
        scene_wrong("the next sender can not post");
    }
}


static void
finish_receiver_replaced(void)
{
    sig_mailbox_t  *mb;

    mb = &world.mb[RECEIVER];
    memset(world.received, 0, sizeof(world.received));

    /* as the next owner of a dead one's slot, which nobody has closed */

    (void) sig_mailbox_attach(mb, scene_region.base, scene_region.size);
    scene_receive_replaced();

    world.said = 30;
    scene_say(RECEIVER, 500);
    scene_flood();
    scene_listen(0);
    scene_say(RECEIVER, 20);
    scene_listen(0);

    if (!world.received[31] || !world.received[32]) {
        scene_wrong("the next receiver gets nothing");
    }
}
