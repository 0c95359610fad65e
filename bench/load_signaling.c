
/*
 * Copyright (C) The ngx_signaling authors
 */

/* The dialect of our own protocol: docs/protocol.md, sections 2 to 5. */


#include <stdio.h>
#include <string.h>

#include "load.h"


typedef enum {
    LOAD_STEP_WELCOME = 0,
    LOAD_STEP_ACK,
    LOAD_STEP_SNAPSHOT,
    LOAD_STEP_MEMBERS
} load_step_e;


/* the members of a server's frame that matter here */

typedef struct {
    load_slice_t  type;
    load_slice_t  from;
    load_slice_t  data;
    load_slice_t  code;
    load_slice_t  left;
    load_slice_t  joined;
    load_slice_t  peer_id;
    load_slice_t  channel;
    load_slice_t  request_id;
    load_slice_t  expires_at;
} load_frame_t;


static size_t load_signaling_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static void load_signaling_opened(load_t *load, load_client_t *c);
static int load_signaling_frame(load_t *load, load_client_t *c, u_char *p,
    size_t len, u_char **data, size_t *data_len);
static size_t load_signaling_message(load_t *load, load_client_t *c,
    u_char *data, size_t len, u_char *buf);
static void load_signaling_welcome(load_t *load, load_client_t *c,
    load_frame_t *f);
static void load_signaling_subscribe(load_t *load, load_client_t *c);
static void load_signaling_presence(load_t *load, load_client_t *c,
    load_frame_t *f);
static uint32_t load_signaling_room(load_t *load, load_client_t *c);
static void load_signaling_channel(load_t *load, load_client_t *c,
    load_frame_t *f);
static void load_signaling_relayed(load_t *load, load_client_t *c,
    load_frame_t *f, u_char *p, size_t len);
static int load_signaling_parse(load_frame_t *f, u_char *p, size_t len);


const load_dialect_t  load_signaling = {
    "signaling", LOAD_RELAYS|LOAD_VISITS|LOAD_ROOMS|LOAD_ACKS,
    load_signaling_target, load_signaling_opened,
    load_signaling_frame, load_signaling_message, NULL, NULL
};


static size_t
load_signaling_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    load_token_t  *token;

    token = load_token(load, c);

    if (token != NULL) {
        return (size_t) snprintf(buf, size, "%s?token=%s", load->path,
                                 token->text);
    }

    return (size_t) snprintf(buf, size, "%s?key=%s", load->path, load->key);
}


static void
load_signaling_opened(load_t *load, load_client_t *c)
{
    c->step = LOAD_STEP_WELCOME;
    c->known = 0;
}


static int
load_signaling_frame(load_t *load, load_client_t *c, u_char *p, size_t len,
    u_char **data, size_t *data_len)
{
    load_frame_t  f;

    if (load_signaling_parse(&f, p, len) == -1) {
        load_fail(load, c, "this is no frame: %.*s", (int) len, p);
    }

    if (load_is(&f.type, "direct") || load_is(&f.type, "message")) {
        load_signaling_relayed(load, c, &f, p, len);

        *data = f.data.p;
        *data_len = f.data.len;

        return 1;
    }

    if (load_is(&f.type, "presence")) {
        load_signaling_presence(load, c, &f);

    } else if (load_is(&f.type, "welcome") && c->step == LOAD_STEP_WELCOME) {

        if (load->expect != NULL
            && memmem(p, len, load->expect, strlen(load->expect)) == NULL)
        {
            load_fail(load, c, "no %s in %.*s", load->expect, (int) len, p);
        }

        load_signaling_welcome(load, c, &f);

    } else if (load_is(&f.type, "ack") && c->step == LOAD_STEP_ACK
               && load_is(&f.request_id, "join"))
    {
        c->step = LOAD_STEP_SNAPSHOT;

    } else if (load_is(&f.type, "ack") && c->state == LOAD_CLIENT_JOINED) {
        load_message_acked(load, c, &f.request_id);

    } else {
        load_fail(load, c, "unexpected: %.*s", (int) len, p);
    }

    return 0;
}


static size_t
load_signaling_message(load_t *load, load_client_t *c, u_char *data,
    size_t len, u_char *buf)
{
    int             n;
    u_char         *p;
    load_client_t  *to;

    p = buf;

    if (load->mode->speaker) {
        n = sprintf((char *) p, "{\"type\":\"publish\","
                    "\"channel\":\"bench-%d-%u\"", load->run,
                    load_signaling_room(load, c));

    } else {
        to = load_partner(load, c);

        n = sprintf((char *) p, "{\"type\":\"send\",\"to\":\"%.*s\"",
                    to->id_len, to->id);
    }

    p += n;

    if (load->acks) {
        p = (u_char *) stpcpy((char *) p, ",\"requestId\":\"");

        load_message_id(c, p);
        p += LOAD_ID_DIGITS;

        *p++ = '"';
    }

    p = (u_char *) stpcpy((char *) p, ",\"data\":");

    memcpy(p, data, len);
    p += len;

    *p++ = '}';

    return (size_t) (p - buf);
}


/* who shows a token is who it says, and a key gives another ID each time */

static void
load_signaling_welcome(load_t *load, load_client_t *c, load_frame_t *f)
{
    int            stranger, expires;
    load_token_t  *token;

    token = load_token(load, c);

    if (f->peer_id.len == 0 || f->peer_id.len > LOAD_ID_LEN
        || f->expires_at.len == 0)
    {
        load_fail(load, c, "a welcome without peerId or expiresAt");
    }

    expires = !load_is(&f->expires_at, "null");

    if (expires != (token != NULL)) {
        load_fail(load, c, "a welcome whose expiresAt is %.*s",
                  (int) f->expires_at.len, f->expires_at.p);
    }

    if (token != NULL) {
        stranger = f->peer_id.len != strlen(token->id)
                   || memcmp(f->peer_id.p, token->id, f->peer_id.len) != 0;

    } else {
        stranger = f->peer_id.len == c->id_len
                   && memcmp(f->peer_id.p, c->id, c->id_len) == 0;
    }

    if (stranger) {
        load_fail(load, c, "the welcome of %.*s, who is somebody else",
                  (int) f->peer_id.len, f->peer_id.p);
    }

    memcpy(c->id, f->peer_id.p, f->peer_id.len);
    c->id_len = (uint8_t) f->peer_id.len;
    c->step = LOAD_STEP_ACK;

    load_member_named(load, c);

    if (load->mode->welcomed != NULL && !load->join) {
        load_joined(load, c);
        return;
    }

    load_signaling_subscribe(load, c);
}


static void
load_signaling_subscribe(load_t *load, load_client_t *c)
{
    int   n;
    char  buf[256];

    n = snprintf(buf, sizeof(buf), "{\"type\":\"subscribe\","
                 "\"channel\":\"bench-%d-%u\",\"requestId\":\"join\"}",
                 load->run, load_signaling_room(load, c));

    load_frame_queue(load, LOAD_TEXT, (u_char *) buf, (size_t) n);
    load_client_flush(load, c);
}


/*
 * The first one is the snapshot and follows the ack.  Nobody leaves during a
 * run.
 */

static void
load_signaling_presence(load_t *load, load_client_t *c, load_frame_t *f)
{
    int            rc;
    u_char        *p, *end, *q, *last;
    load_slice_t   name, value;

    load_signaling_channel(load, c, f);

    if (c->step == LOAD_STEP_SNAPSHOT) {
        c->step = LOAD_STEP_MEMBERS;
        load_settled(load, c);

    } else if (c->step != LOAD_STEP_MEMBERS) {
        load_fail(load, c, "presence before the ack");
    }

    if (!load_is(&f->left, "[]") || f->joined.len < 2) {
        load_fail(load, c, "presence with joined %.*s, left %.*s",
                  (int) f->joined.len, f->joined.p,
                  (int) f->left.len, f->left.p);
    }

    p = f->joined.p + 1;
    end = f->joined.p + f->joined.len - 1;

    while (p != end) {

        q = p;
        last = load_json_skip(p, end);

        if (last == NULL || *q != '{') {
            load_fail(load, c, "joined is %.*s", (int) f->joined.len,
                      f->joined.p);
        }

        while ((rc = load_json_member(&q, last, &name, &value)) == 1) {
            load_json_unquote(&name);

            if (load_is(&name, "peerId")) {
                load_json_unquote(&value);
                load_member_joined(load, c, &value);
            }
        }

        if (rc == -1) {
            load_fail(load, c, "joined is %.*s", (int) f->joined.len,
                      f->joined.p);
        }

        p = last;

        if (p != end && *p == ',') {
            p++;
        }
    }

    if (c->known == load->room_size - 1) {
        load_joined(load, c);
    }
}


static uint32_t
load_signaling_room(load_t *load, load_client_t *c)
{
    return c->index / load->room_size;
}


static void
load_signaling_channel(load_t *load, load_client_t *c, load_frame_t *f)
{
    char  channel[64];

    (void) snprintf(channel, sizeof(channel), "bench-%d-%u", load->run,
                    load_signaling_room(load, c));

    if (f->channel.p == NULL || f->channel.len != strlen(channel)
        || memcmp(f->channel.p, channel, f->channel.len) != 0)
    {
        load_fail(load, c, "%.*s of another channel: %.*s",
                  (int) f->type.len, f->type.p,
                  (int) f->channel.len, f->channel.p);
    }
}


/* a direct frame from one to one, a message where one speaks to all */

static void
load_signaling_relayed(load_t *load, load_client_t *c, load_frame_t *f,
    u_char *p, size_t len)
{
    load_client_t  *sender;

    if (load_is(&f->type, "message") != load->mode->speaker) {
        load_fail(load, c, "unexpected: %.*s", (int) len, p);
    }

    if (load->mode->speaker) {
        load_signaling_channel(load, c, f);
    }

    sender = load_sender(load, c);

    if (f->from.p == NULL || f->from.len != sender->id_len
        || memcmp(f->from.p, sender->id, f->from.len) != 0)
    {
        load_fail(load, c, "a message of a stranger: %.*s", (int) len, p);
    }

    if (f->data.p == NULL) {
        load_fail(load, c, "a message without data");
    }
}


static int
load_signaling_parse(load_frame_t *f, u_char *p, size_t len)
{
    int            rc;
    u_char        *end;
    load_slice_t   name, value;

    memset(f, 0, sizeof(load_frame_t));

    if (len == 0 || *p != '{') {
        return -1;
    }

    end = p + len;

    while ((rc = load_json_member(&p, end, &name, &value)) == 1) {

        load_json_unquote(&name);

        /* data is compared as it is */

        if (load_is(&name, "data")) {
            f->data = value;
            continue;
        }

        load_json_unquote(&value);

        if (load_is(&name, "type")) {
            f->type = value;

        } else if (load_is(&name, "from")) {
            f->from = value;

        } else if (load_is(&name, "code")) {
            f->code = value;

        } else if (load_is(&name, "left")) {
            f->left = value;

        } else if (load_is(&name, "joined")) {
            f->joined = value;

        } else if (load_is(&name, "peerId")) {
            f->peer_id = value;

        } else if (load_is(&name, "channel")) {
            f->channel = value;

        } else if (load_is(&name, "requestId")) {
            f->request_id = value;

        } else if (load_is(&name, "expiresAt")) {
            f->expires_at = value;
        }
    }

    return rc;
}
