
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <string.h>

#include "load.h"


static size_t load_room_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static size_t load_nchan_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static void load_verbatim_opened(load_t *load, load_client_t *c);
static int load_verbatim_frame(load_t *load, load_client_t *c, u_char *p,
    size_t len, u_char **data, size_t *data_len);
static size_t load_verbatim_message(load_t *load, load_client_t *c,
    u_char *data, size_t len, u_char *buf);


/*
 * Relays that pass a message on as it is, to the others of the room that the
 * path names.
 */

static const load_dialect_t  load_bare = {
    "bare", LOAD_RELAYS|LOAD_VISITS|LOAD_ROOMS,
    load_room_target, load_verbatim_opened,
    load_verbatim_frame, load_verbatim_message, NULL, NULL
};

static const load_dialect_t  load_nchan = {
    "nchan", LOAD_RELAYS|LOAD_VISITS|LOAD_ROOMS,
    load_nchan_target, load_verbatim_opened,
    load_verbatim_frame, load_verbatim_message, NULL, NULL
};


static const load_dialect_t  *load_dialects[] = {
    &load_signaling,
    &load_bare,
    &load_nchan,
    &load_socketio,
    &load_peerjs,
    &load_http
};

#define LOAD_NDIALECTS  (sizeof(load_dialects) / sizeof(load_dialects[0]))


const load_dialect_t *
load_dialect_find(const char *name)
{
    size_t  i;

    for (i = 0; i < LOAD_NDIALECTS; i++) {
        if (strcmp(load_dialects[i]->name, name) == 0) {
            return load_dialects[i];
        }
    }

    return NULL;
}


load_client_t *
load_partner(load_t *load, load_client_t *c)
{
    return &load->clients[c->index ^ 1];
}


load_client_t *
load_sender(load_t *load, load_client_t *c)
{
    if (load->mode->speaker) {
        return &load->clients[c->index - c->index % load->room_size];
    }

    return load_partner(load, c);
}


static size_t
load_room_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    return (size_t) snprintf(buf, size, "/room-%u",
                             c->index / load->room_size);
}


/*
 * nchan has channels and not rooms: one to hear and one to speak, and new ones
 * in each run, since a channel may still hold a run's last messages.  Of two,
 * each hears its own channel and speaks in the other's.  In a larger room all
 * hear that of the second one; the first speaks there and hears its own.
 */

static size_t
load_nchan_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    uint32_t  first, hears, speaks;

    first = c->index - c->index % load->room_size;

    if (load->room_size == 1) {
        hears = first;
        speaks = first;

    } else if (c->index == first) {
        hears = first;
        speaks = first + 1;

    } else {
        hears = first + 1;
        speaks = first;
    }

    return (size_t) snprintf(buf, size, "/nchan/%d-%u/%d-%u", load->run,
                             hears, load->run, speaks);
}


static void
load_verbatim_opened(load_t *load, load_client_t *c)
{
    load_joined(load, c);
}


static int
load_verbatim_frame(load_t *load, load_client_t *c, u_char *p, size_t len,
    u_char **data, size_t *data_len)
{
    *data = p;
    *data_len = len;

    return 1;
}


static size_t
load_verbatim_message(load_t *load, load_client_t *c, u_char *data, size_t len,
    u_char *buf)
{
    memcpy(buf, data, len);

    return len;
}
