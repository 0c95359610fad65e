
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "mailbox_scene.h"


static void stand_by(void);
static void reopen(void);
static void gone(void);
static void hear(slice_t *record);
static int is_whole(slice_t *record, uint32_t *number);

static void prepare_woken(void);
static void prepare_not_woken(void);
static void send_one(void);
static void receive_woken(void);
static void receive_reopened(void);
static void finish_woken(void);

static void prepare_old(void);
static void prepare_ancient(void);
static void send_and_flood(void);
static void receive_held(void);
static void receive_and_close(void);
static void receive_and_die(void);
static void take_one(void);

static void prepare_stalled(void);
static void prepare_held(void);
static void send_and_move(void);
static void let_go(void);
static void let_go_and_close(void);
static void let_go_and_die(void);
static void finish_look(void);


const scene_t  scenes[SCENES] = {

    { "whoever is posted to is woken",
      prepare_woken, send_one, receive_woken, finish_woken },

    { "a wake-up that died with its sender is not waited for",
      prepare_not_woken, send_one, receive_reopened, finish_woken },

    { "records stay whole while they are held",
      prepare_old, send_and_flood, receive_held, finish_look },

    { "a receiver is replaced while records are posted to it",
      prepare_old, send_and_flood, scene_receive_replaced, finish_look },

    { "a slot is opened again after its records have been overwritten",
      prepare_ancient, send_and_flood, scene_receive_replaced, finish_look },

    { "a receiver leaves",
      prepare_old, send_and_flood, receive_and_close, finish_look },

    { "a receiver is replaced with a record in hand",
      prepare_old, send_and_flood, receive_and_die, finish_look },

    { "records are moved while they are taken",
      prepare_stalled, send_and_move, receive_held, finish_look },

    { "a receiver is replaced while its records are moved",
      prepare_stalled, send_and_move, scene_receive_replaced, finish_look },

    { "a record is let go after it has been moved",
      prepare_held, send_and_move, let_go, finish_look },

    { "a receiver leaves with a record in hand that has been moved",
      prepare_held, send_and_move, let_go_and_close, finish_look },

    { "a receiver is replaced with a record in hand that has been moved",
      prepare_held, send_and_move, let_go_and_die, finish_look }
};


region_t  scene_region;
world_t   world;


void
scene_create(void)
{
    region_make(&scene_region, SCENE_SLOTS, SCENE_ARENA);
}


void
scene_free(void)
{
    region_free(&scene_region);
}


void
scene_prepare(const scene_t *scene)
{
    uint32_t  i;

    memset(scene_region.base, 0, scene_region.size);
    memset(&world, 0, sizeof(world_t));

    if (sig_mailbox_create(scene_region.base, scene_region.size, SCENE_SLOTS,
                           REGION_RING, SCENE_ARENA)
        != SIG_MAILBOX_OK)
    {
        abort();
    }

    for (i = 0; i < SCENE_SLOTS; i++) {
        (void) sig_mailbox_attach(&world.mb[i], scene_region.base,
                                  scene_region.size);
        sig_mailbox_open(&world.mb[i], i);
    }

    world.owners = 1;
    world.present = 1;

    scene->prepare();
}


void
scene_judge(void)
{
    uint32_t  i;

    for (i = 0; i < SCENE_RECORDS; i++) {

        if (world.received[i] > 1) {
            scene_wrong("a record has come twice");
        }

        if (world.received[i] < world.posted[i]) {
            scene_wrong("a record has not come");
        }
    }

    for (i = 0; i < SCENE_SLOTS; i++) {
        if (sig_mailbox_torn(&world.mb[i]) != 0) {
            scene_wrong("a torn record");
        }
    }
}


void
scene_say(uint32_t dst, size_t len)
{
    int       there, wake;
    u_char   *p;
    uint32_t  number;

    number = world.said + 1;
    there = world.present;

    p = sig_mailbox_reserve(&world.mb[SENDER], len);

    if (p == NULL) {
        return;
    }

    scene_write(p, len);
    pattern_write(p, len, number);
    memcpy(p, &number, sizeof(number));

    world.said = number;

    if (region_post(&world.mb[SENDER], dst, &wake) != SIG_MAILBOX_OK
        || dst != RECEIVER)
    {
        return;
    }

    world.posted[number] = (there != 0 && there == world.present);

    if (wake) {
        world.event = 1;
    }
}


void
scene_flood(void)
{
    int      i, wake;
    u_char  *p;

    scene_hold(1);
    stand_by();

    for (i = 0; i < 12; i++) {
        p = sig_mailbox_reserve(&world.mb[SENDER], 504);

        if (p == NULL) {
            break;
        }

        scene_write(p, 504);
        memset(p, 0xdd, 504);

        (void) region_post(&world.mb[SENDER], BYSTANDER, &wake);
        stand_by();
    }

    scene_hold(0);
}


/* the third one reads what it has */

static void
stand_by(void)
{
    scene_as(BYSTANDER);
    (void) drain(&world.mb[BYSTANDER], 0);
    scene_as(SENDER);
}


/* the receiver is dead; its slot is reaped and opened again */

static void
reopen(void)
{
    gone();

    sig_mailbox_close(&world.mb[BYSTANDER], RECEIVER);
    sig_mailbox_open(&world.mb[RECEIVER], RECEIVER);

    world.present = ++world.owners;
}


/* nothing is due any more */

static void
gone(void)
{
    world.present = 0;
    memset(world.posted, 0, sizeof(world.posted));
}


void
scene_listen(int all)
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


/* a record stays as it is while it is in the hand */

static void
hear(slice_t *record)
{
    uint32_t  before, after;

    after = 0;

    scene_read(record->data, record->len);

    if (!is_whole(record, &before)) {
        scene_wrong("a record is not whole");
        return;
    }

    scene_step();
    scene_read(record->data, record->len);

    if (!is_whole(record, &after) || after != before) {
        scene_wrong("a record changes in the hand");
    }

    if (before <= world.heard) {
        scene_wrong("a record comes late");
    }

    world.heard = before;
    world.received[before]++;
}


static int
is_whole(slice_t *record, uint32_t *number)
{
    size_t  i;

    if (record->len < sizeof(uint32_t)) {
        return 0;
    }

    memcpy(number, record->data, sizeof(uint32_t));

    if (*number == 0 || *number >= SCENE_RECORDS) {
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
    (void) send_byte(&world.mb[BYSTANDER], RECEIVER, 1, &world.event);
}


static void
prepare_not_woken(void)
{
    int  wake;

    (void) send_byte(&world.mb[BYSTANDER], RECEIVER, 1, &wake);
}


static void
send_one(void)
{
    scene_say(RECEIVER, 10);
}


static void
receive_woken(void)
{
    int  i;

    for (i = 0; i < 2; i++) {
        scene_step();

        if (world.event) {
            world.event = 0;
            scene_listen(0);
        }
    }
}


static void
receive_reopened(void)
{
    reopen();
    receive_woken();
}


/* nothing is left that nobody was woken for */

static void
finish_woken(void)
{
    uint32_t  heard;

    while (world.event) {
        world.event = 0;
        scene_listen(0);
    }

    heard = world.heard;
    scene_listen(1);

    if (world.heard != heard) {
        scene_wrong("a record that nobody is woken for");
    }
}


/*
 * The ring holds positions of records that have long been overwritten, and
 * two records that nobody has read.
 */

static void
prepare_old(void)
{
    scene_say(RECEIVER, 50);
    scene_say(RECEIVER, 300);

    scene_listen(0);

    scene_flood();

    world.said = 10;
    scene_say(RECEIVER, 200);
    scene_say(RECEIVER, 8);
}


static void
prepare_ancient(void)
{
    prepare_old();

    gone();

    sig_mailbox_close(&world.mb[BYSTANDER], RECEIVER);
    scene_flood();
    scene_flood();
}


static void
send_and_flood(void)
{
    scene_say(RECEIVER, 400);
    scene_flood();
    scene_say(RECEIVER, 40);
    scene_flood();
}


static void
receive_held(void)
{
    scene_listen(0);
    scene_listen(1);
}


void
scene_receive_replaced(void)
{
    reopen();
    scene_listen(1);
    scene_listen(1);
}


static void
receive_and_close(void)
{
    take_one();
    gone();

    sig_mailbox_close(&world.mb[RECEIVER], RECEIVER);
}


static void
receive_and_die(void)
{
    take_one();
    scene_receive_replaced();
}


/* which stays in the hand */

static void
take_one(void)
{
    slice_t   record;
    uint32_t  src;

    sig_mailbox_begin(&world.mb[RECEIVER], 0);

    while (sig_mailbox_next(&world.mb[RECEIVER], &src, &record)) {
        if (src == SENDER) {
            hear(&record);
            break;
        }
    }
}


/*
 * The sender takes the receiver for stalled; the next record moves two.  The
 * sizes are such that it then writes where these were, without looking again.
 */

static void
prepare_stalled(void)
{
    int  i, wake;

    scene_say(RECEIVER, 480);
    scene_say(RECEIVER, 480);

    for (i = 0; i < 4; i++) {
        (void) sig_mailbox_reserve(&world.mb[SENDER], 504);
        (void) region_post(&world.mb[SENDER], BYSTANDER, &wake);
        (void) drain(&world.mb[BYSTANDER], 0);
    }

    for (i = 0; i <= SIG_MAILBOX_STALLED; i++) {
        sig_mailbox_watch(&world.mb[SENDER]);
    }
}


/* the receiver has the second of two records in hand, and reads it yet */

static void
prepare_held(void)
{
    uint32_t  src;

    prepare_stalled();

    sig_mailbox_begin(&world.mb[RECEIVER], 1);
    (void) sig_mailbox_next(&world.mb[RECEIVER], &src, &world.hand);
    (void) sig_mailbox_next(&world.mb[RECEIVER], &src, &world.hand);

    memset(world.posted, 0, sizeof(world.posted));
}


static void
send_and_move(void)
{
    scene_say(BYSTANDER, 504);
    scene_flood();
}


static void
let_go(void)
{
    scene_read(world.hand.data, world.hand.len);
    scene_listen(1);
}


static void
let_go_and_close(void)
{
    scene_read(world.hand.data, world.hand.len);
    gone();
    sig_mailbox_close(&world.mb[RECEIVER], RECEIVER);
}


static void
let_go_and_die(void)
{
    scene_read(world.hand.data, world.hand.len);
    scene_receive_replaced();
}


static void
finish_look(void)
{
    scene_listen(1);
}
