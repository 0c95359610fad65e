
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_mailbox on a memory as weak as C11 permits (weak_memory.h):
 * every scene, in all executions with up to so many departures from the plain
 * one.  Then each place where the code asks for more than a relaxed access is
 * made a relaxed one, and a scene has to show it.
 */


#include "mailbox_scene.h"
#include "weak_memory.h"


#define GROUP  4


/* what a place is for: the scene that fails without */

typedef struct {
    const char     *function;
    const char     *word;
    scene_e         scene;
} place_t;


/* places that stand for each other */

typedef struct {
    const char     *text;
    const char     *function[GROUP];
    const char     *word[GROUP];
    scene_e         scene;
} group_t;


static int explore(const scene_t *scene, int late, uint32_t departures);
static int explore_id(scene_e id);
static void judge(void);
static void test_places(void);
static void test_groups(void);
static uint32_t place_find(const char *function, const char *word);
static int is_listed(const weak_site_t *site);


static const place_t  places[] = {
    { "sig_mailbox_open", "&box->pending", SCENE_REOPENED },
    { "sig_mailbox_close", ".open", SCENE_LEFT },
    { "sig_mailbox_is_open", ".open", SCENE_LET_GO_LEFT },
    { "sig_mailbox_post", "&ring->tail", SCENE_HELD },
    { "sig_mailbox_call", "&box->pending", SCENE_WOKEN },
    { "sig_mailbox_call", "&box->wake", SCENE_WOKEN },
    { "sig_mailbox_begin", "&box->wake", SCENE_WOKEN },
    { "sig_mailbox_begin", "&box->pending", SCENE_WOKEN },
    { "sig_mailbox_begin", "->hand", SCENE_MOVED },
    { "sig_mailbox_grasp", "fence", SCENE_MOVED },
    { "sig_mailbox_end", "&ring->hand", SCENE_LET_GO },
    { "sig_mailbox_rename", "->positions", SCENE_MOVED }
};


static const group_t  groups[] = {

    { "the head and the hand say that a record has been read",
      { "sig_mailbox_end", "sig_mailbox_end" },
      { "&ring->head", "&ring->hand" }, SCENE_HELD },

    { "they are looked at in three places",
      { "sig_mailbox_oldest", "sig_mailbox_oldest", "sig_mailbox_settle",
        "sig_mailbox_count" },
      { "&ring->hand", "&ring->head", "&ring->head", "&ring->head" },
      SCENE_MOVED },

    { "the next owner sees the tail, or is seen",
      { "sig_mailbox_open" }, { "fence" }, SCENE_REPLACED },

    { "the record is seen by its tail, by its place, or behind the fence",
      { "sig_mailbox_take", "sig_mailbox_grasp", "sig_mailbox_grasp" },
      { "&ring->tail", "place", "fence" }, SCENE_HELD }
};


/*
 * Stronger than any scene needs: before there is a worker; behind the fence
 * of open(); as strong as the fence of who reads what is flooded with; for a
 * load that a later store could pass, which is not in the model; for records
 * that can not be.
 */

static const place_t  spares[] = {
    { "sig_mailbox_create", "&header->magic", SCENES },
    { "sig_mailbox_attach", "&header->magic", SCENES },
    { "sig_mailbox_open", "&box->open", SCENES },
    { "sig_mailbox_open", "&box->wake", SCENES },
    { "sig_mailbox_open", "&ring->head", SCENES },
    { "sig_mailbox_open", "&ring->hand", SCENES },
    { "sig_mailbox_reclaim", "fence", SCENES },
    { "sig_mailbox_post", "&ring->head", SCENES },
    { "sig_mailbox_take", "&ring->head", SCENES },
    { "sig_mailbox_take", "&ring->hand", SCENES }
};


static u_char         *begun_region;
static world_t         begun;
static void          (*finish)(void);


int
main(void)
{
    uint32_t  i;

    scene_create();

    begun_region = malloc(scene_region.size);

    if (begun_region == NULL) {
        abort();
    }

    weak_create(scene_region.base, scene_region.size,
                scene_region.size - SCENE_SLOTS * SCENE_ARENA);

    for (i = 0; i < SCENES; i++) {
        ok(explore_id((scene_e) i), scenes[i].text);
    }

    test_places();
    test_groups();

    weak_free();
    free(begun_region);
    scene_free();

    return plan();
}


/* nobody looks without being woken in the first two, which are short */

static int
explore_id(scene_e id)
{
    int  late;

    late = (id == SCENE_WOKEN || id == SCENE_REOPENED);

    return explore(&scenes[id], late, late ? 3 : 2);
}


/* all executions; 0: there is a wrong one */

static int
explore(const scene_t *scene, int late, uint32_t departures)
{
    scene_prepare(scene);

    begun = world;
    memcpy(begun_region, scene_region.base, scene_region.size);
    finish = scene->finish;

    weak_restart();

    do {
        world = begun;
        memcpy(scene_region.base, begun_region, scene_region.size);

        if (!weak_run(scene->send, scene->receive, judge, late)) {
            return 0;
        }

    } while (weak_next(departures));

    return 1;
}


static void
judge(void)
{
    finish();
    scene_judge();
}


/* each place relaxed in its turn */

static void
test_places(void)
{
    char      text[128];
    size_t    i;
    uint32_t  n;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        n = place_find(places[i].function, places[i].word);

        weak_mutate((uint64_t) 1 << n, 0);

        (void) snprintf(text, sizeof(text), "%s() needs its order of %s",
                        places[i].function, places[i].word);
        ok(n != 0 && !explore_id(places[i].scene), text);
    }

    weak_mutate(0, 0);
}


static void
test_groups(void)
{
    size_t              i, k;
    uint32_t            n, unknown;
    uint64_t            sites, all;
    const weak_site_t  *site;

    all = 0;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        sites = 0;

        for (k = 0; k < GROUP && groups[i].function[k] != NULL; k++) {
            n = place_find(groups[i].function[k], groups[i].word[k]);
            sites |= (uint64_t) 1 << n;
        }

        weak_mutate(sites, 1);

        ok(!(sites & 1) && !explore_id(groups[i].scene), groups[i].text);

        all |= sites;
    }

    weak_mutate(0, 0);

    unknown = 0;

    for (n = 1; (site = weak_site_of(n)) != NULL; n++) {
        if (!(all & (uint64_t) 1 << n) && !is_listed(site)) {
            printf("# %s %s\n", site->function, site->word);
            unknown++;
        }
    }

    ok(unknown == 0, "every place is needed, in a group, or a spare one");
}


/* its number, 0: not there */

static uint32_t
place_find(const char *function, const char *word)
{
    uint32_t            n;
    const weak_site_t  *site;

    for (n = 1; (site = weak_site_of(n)) != NULL; n++) {
        if (strcmp(site->function, function) == 0
            && strstr(site->word, word) != NULL)
        {
            return n;
        }
    }

    printf("# no place %s %s\n", function, word);

    return 0;
}


static int
is_listed(const weak_site_t *site)
{
    size_t  i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (strcmp(site->function, places[i].function) == 0
            && strstr(site->word, places[i].word) != NULL)
        {
            return 1;
        }
    }

    for (i = 0; i < sizeof(spares) / sizeof(spares[0]); i++) {
        if (strcmp(site->function, spares[i].function) == 0
            && strstr(site->word, spares[i].word) != NULL)
        {
            return 1;
        }
    }

    return 0;
}


/* what the scenes ask for */

void
scene_wrong(const char *text)
{
    weak_wrong(text);
}


void
scene_step(void)
{
    weak_step();
}


void
scene_hold(int hold)
{
    weak_hold(hold);
}


void
scene_as(uint32_t slot)
{
    weak_as(slot);
}


void
scene_read(const void *p, size_t len)
{
    weak_read(p, len);
}


void
scene_write(const void *p, size_t len)
{
    weak_write(p, len);
}
