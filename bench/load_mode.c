
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <string.h>

#include "load.h"


#define LOAD_SAYING  64                 /* messages under way of mode idle */


static load_client_t *load_speaker(load_t *load, uint32_t n);
static void load_pingpong_start(load_t *load);
static void load_window_start(load_t *load);
static void load_bounce(load_t *load, load_client_t *c);
static void load_fanout_start(load_t *load);
static void load_fanout_again(load_t *load, load_client_t *c);
static void load_idle_start(load_t *load);
static void load_idle_received(load_t *load, load_client_t *c);
static void load_connect_start(load_t *load);
static void load_connect_welcomed(load_t *load, load_client_t *c);
static void load_connect_left(load_t *load, load_client_t *c);
static void load_request_start(load_t *load);
static void load_request_again(load_t *load, load_client_t *c);


static const load_mode_t  load_modes[] = {
    { "pingpong", LOAD_RELAYS, 1, 0, 1, 0,
      load_pingpong_start, load_bounce, NULL, NULL, NULL },

    { "window", LOAD_RELAYS, 1, 0, 32, 0,
      load_window_start, load_bounce, NULL, NULL, NULL },

    { "fanout", LOAD_ROOMS, 1, 1, 4, 0,
      load_fanout_start, load_fanout_again, NULL, NULL, NULL },

    { "paced", LOAD_RELAYS, 1, 0, 1, 0,
      load_pace_start, load_pace_received, NULL, NULL, load_pace_due },

    { "idle", LOAD_RELAYS, 0, 0, 1, 0,
      load_idle_start, load_idle_received, NULL, NULL, NULL },

    { "connect", LOAD_VISITS, 1, 0, 1, 32,
      load_connect_start, NULL, load_connect_welcomed, load_connect_left,
      NULL },

    { "request", LOAD_ANSWERS, 1, 0, 1, 16,
      load_request_start, load_request_again, NULL, NULL, NULL }
};

#define LOAD_NMODES  (sizeof(load_modes) / sizeof(load_modes[0]))


const load_mode_t *
load_mode_find(const char *name)
{
    size_t  i;

    for (i = 0; i < LOAD_NMODES; i++) {
        if (strcmp(load_modes[i].name, name) == 0) {
            return &load_modes[i];
        }
    }

    return NULL;
}


/*
 * The rooms that speak are spread over all that there are: the first client of
 * the n-th of them.
 */

static load_client_t *
load_speaker(load_t *load, uint32_t n)
{
    uint64_t  room;

    room = (uint64_t) n * load->rooms / load->active;

    return &load->clients[room * load->room_size];
}


/* one message in each room, to and fro */

static void
load_pingpong_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->active; i++) {
        load_owe(load, load_speaker(load, i), 1);
    }
}


/* "window" messages of each client under way, and one more for each arrival */

static void
load_window_start(load_t *load)
{
    uint32_t        i;
    load_client_t  *c;

    for (i = 0; i < load->active; i++) {
        c = load_speaker(load, i);

        load_owe(load, c, load->window);
        load_owe(load, load_partner(load, c), load->window);
    }
}


static void
load_bounce(load_t *load, load_client_t *c)
{
    if (load->phase < LOAD_DRAIN) {
        load_owe(load, c, 1);
    }
}


/*
 * "window" messages of each room's speaker under way, and one more when as
 * many deliveries have come as one message has.
 */

static void
load_fanout_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->active; i++) {
        load_owe(load, load_speaker(load, i), load->window);
    }
}


static void
load_fanout_again(load_t *load, load_client_t *c)
{
    load_client_t  *speaker;

    speaker = load_sender(load, c);

    if (++speaker->heard % (load->room_size - 1) == 0
        && load->phase < LOAD_DRAIN)
    {
        load_owe(load, speaker, 1);
    }
}


/*
 * "say" messages of each before they fall silent, some under way at a time: a
 * server that is given all of them at once keeps room for all of them.
 */

static void
load_idle_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < LOAD_SAYING; i++) {
        load_idle_received(load, NULL);
    }
}


static void
load_idle_received(load_t *load, load_client_t *c)
{
    if (load->said < (uint64_t) load->nclients * load->say) {
        load_owe(load, &load->clients[load->said % load->nclients], 1);
        load->said++;
    }
}


/*
 * Each client comes, has its welcome, says Close and comes again.  Counted is
 * a whole visit, when the server has closed the connection.
 */

static void
load_connect_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load->sent++;
        load_frame_leave(load, &load->clients[i]);
    }
}


static void
load_connect_welcomed(load_t *load, load_client_t *c)
{
    load_frame_leave(load, c);
}


static void
load_connect_left(load_t *load, load_client_t *c)
{
    load->received++;
    c->visits++;

    if (load->phase < LOAD_DRAIN) {
        load->sent++;
        load_client_connect(load, c);
    }
}


/* one request of each client under way, the next when its answer is there */

static void
load_request_start(load_t *load)
{
    uint32_t  i;

    for (i = 0; i < load->nclients; i++) {
        load->dialect->ask(load, &load->clients[i]);
    }
}


static void
load_request_again(load_t *load, load_client_t *c)
{
    if (load->phase < LOAD_DRAIN) {
        load->dialect->ask(load, c);
    }
}
