
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Two servers of Node's world.
 *
 * Socket.IO, with its default of text frames: Engine.IO 4 opens ("0"), pings
 * ("2") and is answered ("3"); within its messages ("4") a client connects to
 * the main namespace ("0"), and an event ("2") is an array of a name and its
 * arguments.  The room is in the query.
 *
 * PeerServer: an ID that the client chooses, OPEN, then messages with "dst"
 * that come out with "src".
 */


#include <stdio.h>
#include <string.h>

#include "load.h"


#define LOAD_EVENT  "42[\"m\","


static size_t load_socketio_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static size_t load_peerjs_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static void load_node_opened(load_t *load, load_client_t *c);
static int load_socketio_frame(load_t *load, load_client_t *c, u_char *p,
    size_t len, u_char **data, size_t *data_len);
static size_t load_socketio_message(load_t *load, load_client_t *c,
    u_char *data, size_t len, u_char *buf);
static int load_peerjs_frame(load_t *load, load_client_t *c, u_char *p,
    size_t len, u_char **data, size_t *data_len);
static size_t load_peerjs_message(load_t *load, load_client_t *c,
    u_char *data, size_t len, u_char *buf);


const load_dialect_t  load_socketio = {
    "socketio", LOAD_RELAYS|LOAD_VISITS|LOAD_ROOMS,
    load_socketio_target, load_node_opened,
    load_socketio_frame, load_socketio_message, NULL, NULL
};

const load_dialect_t  load_peerjs = {
    "peerjs", LOAD_RELAYS|LOAD_VISITS,
    load_peerjs_target, load_node_opened,
    load_peerjs_frame, load_peerjs_message, NULL, NULL
};


/* both have something to say first */

static void
load_node_opened(load_t *load, load_client_t *c)
{
    c->step = 0;
}


static size_t
load_socketio_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    return (size_t) snprintf(buf, size, "/socket.io/?EIO=4"
                             "&transport=websocket&room=%d-%u", load->run,
                             c->index / load->room_size);
}


static int
load_socketio_frame(load_t *load, load_client_t *c, u_char *p, size_t len,
    u_char **data, size_t *data_len)
{
    size_t  head;

    head = sizeof(LOAD_EVENT) - 1;

    if (len > head && memcmp(p, LOAD_EVENT, head) == 0 && p[len - 1] == ']') {
        *data = p + head;
        *data_len = len - head - 1;

        return 1;
    }

    if (len == 1 && *p == '2') {
        load_frame_queue(load, LOAD_TEXT, (u_char *) "3", 1);
        load_client_flush(load, c);

    } else if (c->step == 0 && len > 1 && *p == '0') {
        c->step = 1;

        load_frame_queue(load, LOAD_TEXT, (u_char *) "40", 2);
        load_client_flush(load, c);

    } else if (c->step == 1 && len > 2 && memcmp(p, "40", 2) == 0) {
        c->step = 2;

        load_joined(load, c);

    } else {
        load_fail(load, c, "unexpected: %.*s", (int) len, p);
    }

    return 0;
}


static size_t
load_socketio_message(load_t *load, load_client_t *c, u_char *data, size_t len,
    u_char *buf)
{
    size_t  head;

    head = sizeof(LOAD_EVENT) - 1;

    memcpy(buf, LOAD_EVENT, head);
    memcpy(buf + head, data, len);

    buf[head + len] = ']';

    return head + len + 1;
}


static size_t
load_peerjs_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    c->id_len = (uint8_t) sprintf(c->id, "bench-%d-%u", load->run, c->index);

    return (size_t) snprintf(buf, size, "/peerjs?key=peerjs&token=%u&id=%.*s",
                             c->index, c->id_len, c->id);
}


static int
load_peerjs_frame(load_t *load, load_client_t *c, u_char *p, size_t len,
    u_char **data, size_t *data_len)
{
    int             rc;
    u_char         *q;
    load_slice_t    name, value, type, src;
    load_client_t  *sender;

    *data = NULL;

    q = p;

    memset(&type, 0, sizeof(load_slice_t));
    memset(&src, 0, sizeof(load_slice_t));

    while ((rc = load_json_member(&q, p + len, &name, &value)) == 1) {

        if (load_is(&name, "\"type\"")) {
            type = value;

        } else if (load_is(&name, "\"src\"")) {
            src = value;
            load_json_unquote(&src);

        } else if (load_is(&name, "\"payload\"")) {
            *data = value.p;
            *data_len = value.len;
        }
    }

    if (rc == 0 && c->step == 0 && load_is(&type, "\"OPEN\"")) {
        c->step = 1;
        load_joined(load, c);
        return 0;
    }

    if (rc == -1 || !load_is(&type, "\"OFFER\"") || *data == NULL) {
        load_fail(load, c, "unexpected: %.*s", (int) len, p);
    }

    sender = load_partner(load, c);

    if (src.len != sender->id_len || memcmp(src.p, sender->id, src.len) != 0) {
        load_fail(load, c, "a message of a stranger: %.*s", (int) len, p);
    }

    return 1;
}


static size_t
load_peerjs_message(load_t *load, load_client_t *c, u_char *data, size_t len,
    u_char *buf)
{
    u_char         *p;
    load_client_t  *to;

    to = load_partner(load, c);

    p = buf;
    p += sprintf((char *) p, "{\"type\":\"OFFER\",\"dst\":\"%.*s\","
                 "\"payload\":", to->id_len, to->id);

    memcpy(p, data, len);
    p += len;

    *p++ = '}';

    return (size_t) (p - buf);
}
