
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
#include "mailbox_region.h"

#include <ucontext.h>


#define ARENA       4096
#define STACK       262144
#define TO_THE_END  UINT32_MAX
#define RECORDS     64

#define SENDER      0
#define RECEIVER    1
#define BYSTANDER   2
#define REAPER      3


typedef struct {
    ucontext_t      context;
    u_char         *stack;
    void          (*script)(void);
    int             done;
} actor_t;


typedef struct {
    const char     *text;
    void          (*prepare)(void);
    void          (*send)(void);
    void          (*receive)(void);
    void          (*finish)(void);     /* after both, or after a death */
    int             sender_dies;
    int             receiver_dies;
    int             once;              /* the sender is stopped once */
} scene_t;


static int explore(const scene_t *scene);
static int play(const scene_t *scene, uint32_t first, uint32_t second,
    uint32_t third);
static uint32_t count_steps(const scene_t *scene, int of_sender);
static void actor_start(actor_t *actor, void (*script)(void));
static void actor_main(void);
static void actor_run(actor_t *actor, uint32_t steps);
static void step(void);
static void world_reset(void);
static void say(uint32_t dst, size_t len);
static void flood(void);
static void reopen(void);
static void listen(int all);
static void hear(slice_t *record);
static int is_whole(slice_t *record, uint32_t *number);

static void prepare_woken(void);
static void prepare_not_woken(void);
static void send_two(void);
static void receive_woken(void);
static void receive_reopened(void);
static void finish_woken(void);

static void prepare_old(void);
static void prepare_ancient(void);
static void send_and_flood(void);
static void prepare_stalled(void);
static void send_and_move(void);
static void receive_replaced(void);
static void receive_held(void);
static void finish_look(void);
static void finish_sender_replaced(void);
static void finish_receiver_replaced(void);


static const scene_t  scenes[] = {

    { "whoever is posted to is woken",
      prepare_woken, send_two, receive_woken, finish_woken, 0, 0, 0 },

    { "a wake-up that died with its sender is not waited for",
      prepare_not_woken, send_two, receive_reopened, finish_woken, 0, 0, 0 },

    { "records stay whole while they are held",
      prepare_old, send_and_flood, receive_held, finish_look, 0, 0, 0 },

    { "a receiver is replaced while records are posted to it",
      prepare_old, send_and_flood, receive_replaced, finish_look, 0, 0, 0 },

    { "a slot is opened again after its records have been overwritten",
      prepare_ancient, send_and_flood, receive_replaced, finish_look, 0, 0, 0 },

    { "a sender dies at any step",
      prepare_old, send_and_flood, receive_held, finish_sender_replaced,
      1, 0, 0 },

    { "a receiver dies at any step",
      prepare_old, send_and_flood, receive_held, finish_receiver_replaced,
      0, 1, 0 },

    { "a receiver dies at any step of opening its slot",
      prepare_old, send_and_flood, receive_replaced,
      finish_receiver_replaced, 0, 1, 0 },

    { "records are moved while they are taken",
      prepare_stalled, send_and_move, receive_held, finish_look, 0, 0, 1 },

    { "a sender dies while it moves records",
      prepare_stalled, send_and_move, receive_held, finish_sender_replaced,
      1, 0, 1 },

    { "a receiver is replaced while its records are moved",
      prepare_stalled, send_and_move, receive_replaced, finish_look,
      0, 0, 1 },

    { "a sender dies while the receiver is replaced",
      prepare_old, send_and_flood, receive_replaced, finish_sender_replaced,
      1, 0, 0 }
};


static region_t    world;
static ucontext_t  scheduler;
static actor_t     sender, receiver;
static actor_t    *running;
static uint32_t    budget;
static uint32_t    steps;

static int         fine;               /* nothing wrong in this schedule */
static int         event;              /* the eventfd of the receiver */
static uint32_t    said;               /* number of the last record */
static uint32_t    heard;
static int         posted[RECORDS];    /* to the receiver, and has to come */
static int         received[RECORDS];
static int         present;            /* owner of the receiver's slot, or 0 */
static int         owners;


int
main(void)
{
    size_t  i;

    region_make(&world, 4, ARENA);

    sender.stack = malloc(STACK);
    receiver.stack = malloc(STACK);

    if (sender.stack == NULL || receiver.stack == NULL) {
        abort();
    }

    mailbox_point = step;

    for (i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        ok(explore(&scenes[i]), scenes[i].text);
    }

    free(sender.stack);
    free(receiver.stack);
    region_free(&world);

    return plan();
}


static int
explore(const scene_t *scene)
{
    uint32_t  i, j, k, nsend, nreceive, n;

    nsend = count_steps(scene, 1);
    nreceive = count_steps(scene, 0);
    n = 0;

    /* one more than there are: to the end */

    for (i = 0; i <= nsend + 1; i++) {
        for (j = 0; j <= nreceive + 1; j++) {
            for (k = 0; k <= nsend + 1 - i; k++) {

                if (scene->once && k != (scene->sender_dies
                                         ? 0 : nsend + 1 - i))
                {
                    continue;
                }

                n++;

                if (!play(scene, i, j, k)) {
                    printf("# schedule %u %u %u\n", i, j, k);
                    return 0;
                }
            }
        }
    }

    return n != 0;
}


static int
play(const scene_t *scene, uint32_t first, uint32_t second, uint32_t third)
{
    uint32_t  i;

    world_reset();
    scene->prepare();

    actor_start(&sender, scene->send);
    actor_start(&receiver, scene->receive);

    actor_run(&sender, first);
    actor_run(&receiver, second);
    actor_run(&sender, third);

    if (!scene->receiver_dies) {
        actor_run(&receiver, TO_THE_END);
    }

    if (!scene->sender_dies) {
        actor_run(&sender, TO_THE_END);
    }

    scene->finish();

    for (i = 0; i < RECORDS; i++) {
        if (received[i] > 1 || received[i] < posted[i]) {
            printf("# record %u: %d times, %d expected\n", i, received[i],
                   posted[i]);
            fine = 0;
        }
    }

    for (i = 0; i < 4; i++) {
        if (sig_mailbox_torn(&world.mb[i]) != 0) {
            printf("# slot %u has seen a torn record\n", i);
            fine = 0;
        }
    }

    return fine;
}


/* how many steps a script makes when nobody comes in between */

static uint32_t
count_steps(const scene_t *scene, int of_sender)
{
    uint32_t  n;

    world_reset();
    scene->prepare();

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


static void
step(void)
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


static void
world_reset(void)
{
    uint32_t  i;

    memset(world.base, 0, world.size);

    if (sig_mailbox_create(world.base, world.size, 4, ARENA)
        != SIG_MAILBOX_OK)
    {
        abort();
    }

    for (i = 0; i < 4; i++) {
        (void) sig_mailbox_attach(&world.mb[i], world.base, world.size);
        sig_mailbox_open(&world.mb[i], i);
    }

    memset(posted, 0, sizeof(posted));
    memset(received, 0, sizeof(received));

    fine = 1;
    event = 0;
    said = 0;
    heard = 0;
    owners = 1;
    present = 1;
}


/* posts the next record; it has to come if the same owner is there before */

static void
say(uint32_t dst, size_t len)
{
    int       there, wake;
    u_char   *p;
    uint32_t  number;

    number = said + 1;
    there = present;

    p = sig_mailbox_reserve(&world.mb[SENDER], len);

    if (p == NULL) {
        return;
    }

    pattern_write(p, len, number);
    memcpy(p, &number, sizeof(number));

    said = number;

    if (sig_mailbox_post(&world.mb[SENDER], dst, &wake) != SIG_MAILBOX_OK
        || dst != RECEIVER)
    {
        return;
    }

    posted[number] = (there != 0 && there == present);

    if (wake) {
        event = 1;
    }
}


/* writes over all of the arena that may be written; in one step */

static void
flood(void)
{
    int       i, wake;
    u_char   *p;
    actor_t  *actor;

    actor = running;
    running = NULL;

    (void) drain(&world.mb[BYSTANDER], 1);

    for (i = 0; i < 12; i++) {
        p = sig_mailbox_reserve(&world.mb[SENDER], 600);

        if (p == NULL) {
            break;
        }

        memset(p, 0xdd, 600);

        (void) sig_mailbox_post(&world.mb[SENDER], BYSTANDER, &wake);
        (void) drain(&world.mb[BYSTANDER], 0);
    }

    running = actor;
}


/* the receiver is dead; its slot is reaped and opened again */

static void
reopen(void)
{
    present = 0;
    memset(posted, 0, sizeof(posted));

    sig_mailbox_close(&world.mb[REAPER], RECEIVER);
    sig_mailbox_open(&world.mb[RECEIVER], RECEIVER);

    present = ++owners;
}


static void
listen(int all)
{
    slice_t   record;
    uint32_t  src;

    sig_mailbox_begin(&world.mb[RECEIVER], all);

    while (sig_mailbox_next(&world.mb[RECEIVER], &src, &record)) {
        if (src == SENDER) {
            hear(&record);
        }
    }
}


static void
hear(slice_t *record)
{
    uint32_t  before, after;

    before = 0;
    after = 0;

    if (!is_whole(record, &before)) {
        printf("# a record is not whole\n");
        fine = 0;
        return;
    }

    step();

    if (!is_whole(record, &after) || after != before) {
        printf("# a record changes in the hand\n");
        fine = 0;
    }

    if (before <= heard) {
        printf("# record %u after %u\n", before, heard);
        fine = 0;
    }

    heard = before;
    received[before]++;
}


static int
is_whole(slice_t *record, uint32_t *number)
{
    size_t  i;

    if (record->len < sizeof(uint32_t)) {
        return 0;
    }

    memcpy(number, record->data, sizeof(uint32_t));

    if (*number == 0 || *number >= RECORDS) {
        return 0;
    }

    for (i = sizeof(uint32_t); i < record->len; i++) {
        if (record->data[i] != pattern_byte(*number, i)) {
            return 0;
        }
    }

    return 1;
}


/* by somebody else */

static void
prepare_woken(void)
{
    (void) send_byte(&world.mb[BYSTANDER], RECEIVER, 1, &event);
}


static void
prepare_not_woken(void)
{
    int  wake;

    (void) send_byte(&world.mb[BYSTANDER], RECEIVER, 1, &wake);
}


static void
send_two(void)
{
    say(RECEIVER, 10);
    say(RECEIVER, 100);
}


static void
receive_woken(void)
{
    int  i;

    for (i = 0; i < 2; i++) {
        step();

        if (event) {
            event = 0;
            listen(0);
        }
    }
}


static void
receive_reopened(void)
{
    reopen();
    receive_woken();
}


static void
finish_woken(void)
{
    while (event) {
        event = 0;
        listen(0);
    }
}


/*
 * The ring holds positions of records that have long been overwritten, and
 * two records that nobody has read.
 */

static void
prepare_old(void)
{
    say(RECEIVER, 50);
    say(RECEIVER, 300);

    listen(0);

    flood();

    said = 10;
    say(RECEIVER, 200);
    say(RECEIVER, 8);
}


static void
prepare_ancient(void)
{
    prepare_old();

    present = 0;
    memset(posted, 0, sizeof(posted));

    sig_mailbox_close(&world.mb[REAPER], RECEIVER);
    flood();
    flood();
}


static void
send_and_flood(void)
{
    say(RECEIVER, 400);
    flood();
    say(RECEIVER, 40);
    flood();
}


/* the sender takes the receiver for stalled; the next record moves two */

static void
prepare_stalled(void)
{
    int  i, wake;

    prepare_old();

    for (i = 0; i < 4; i++) {
        (void) sig_mailbox_reserve(&world.mb[SENDER], 600);
        (void) sig_mailbox_post(&world.mb[SENDER], BYSTANDER, &wake);
        (void) drain(&world.mb[BYSTANDER], 0);
    }

    for (i = 0; i <= SIG_MAILBOX_STALLED; i++) {
        sig_mailbox_watch(&world.mb[SENDER]);
    }
}


static void
send_and_move(void)
{
    say(BYSTANDER, 600);
    flood();
}


static void
receive_replaced(void)
{
    reopen();
    listen(1);
    listen(1);
}


static void
receive_held(void)
{
    listen(0);
    listen(1);
}


static void
finish_look(void)
{
    listen(1);
}


/* the next owner takes over the arena, the rings, and goes on */

static void
finish_sender_replaced(void)
{
    sig_mailbox_t  *mb;

    mb = &world.mb[SENDER];

    (void) sig_mailbox_attach(mb, world.base, world.size);
    sig_mailbox_open(mb, SENDER);

    said = 30;
    flood();
    listen(1);
    say(RECEIVER, 500);
    flood();
    listen(1);
    say(RECEIVER, 20);
    flood();
    listen(0);
    say(RECEIVER, 1000);
    listen(0);

    if (!posted[31] || !posted[32] || !posted[33]) {
        printf("# the next sender can not post\n");
        fine = 0;
    }
}


static void
finish_receiver_replaced(void)
{
    sig_mailbox_t  *mb;

    mb = &world.mb[RECEIVER];
    memset(received, 0, sizeof(received));

    /* as the next owner of a dead one's slot, which nobody has closed */

    (void) sig_mailbox_attach(mb, world.base, world.size);
    receive_replaced();

    said = 30;
    say(RECEIVER, 500);
    flood();
    listen(0);
    say(RECEIVER, 20);
    listen(0);

    if (!received[31] || !received[32]) {
        printf("# the next receiver gets nothing\n");
        fine = 0;
    }
}
