
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"


#define LOAD_TEXT        0x1
#define LOAD_CHECK_ROOM  64             /* members are compared up to this */

#define load_is(s, text)                                                     \
    ((s)->len == sizeof(text) - 1                                            \
     && memcmp((s)->p, text, sizeof(text) - 1) == 0)


typedef struct {
    u_char  *p;
    size_t   len;
} load_slice_t;


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


static size_t load_room_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static size_t load_nchan_target(load_t *load, load_client_t *c, char *buf,
    size_t size);
static void load_verbatim_opened(load_t *load, load_client_t *c);
static int load_verbatim_frame(load_t *load, load_client_t *c, u_char *p,
    size_t len, u_char **data, size_t *data_len);
static size_t load_verbatim_message(load_t *load, load_client_t *c,
    u_char *data, size_t len, u_char *buf);

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
static void load_signaling_member(load_t *load, load_client_t *c,
    load_slice_t *id);
static load_client_t *load_partner(load_t *load, load_client_t *c);

static u_char *load_json_skip(u_char *p, u_char *end);
static u_char *load_json_string(u_char *p, u_char *end);
static int load_json_member(u_char **pos, u_char *end, load_slice_t *name,
    load_slice_t *value);
static int load_json_frame(load_frame_t *f, u_char *p, size_t len);


static const load_dialect_t  load_dialects[] = {
    { "signaling", LOAD_RELAYS|LOAD_WELCOMES,
      load_signaling_target, load_signaling_opened,
      load_signaling_frame, load_signaling_message, NULL, NULL },

    { "bare", LOAD_RELAYS, load_room_target, load_verbatim_opened,
      load_verbatim_frame, load_verbatim_message, NULL, NULL },

    { "nodews", LOAD_RELAYS, load_room_target, load_verbatim_opened,
      load_verbatim_frame, load_verbatim_message, NULL, NULL },

    { "nchan", LOAD_RELAYS, load_nchan_target, load_verbatim_opened,
      load_verbatim_frame, load_verbatim_message, NULL, NULL },

    { "http", LOAD_ANSWERS, NULL, NULL, NULL, NULL,
      load_http_answer, load_http_ask }
};

#define LOAD_NDIALECTS  (sizeof(load_dialects) / sizeof(load_dialects[0]))


const load_dialect_t *
load_dialect_find(const char *name)
{
    size_t  i;

    for (i = 0; i < LOAD_NDIALECTS; i++) {
        if (strcmp(load_dialects[i].name, name) == 0) {
            return &load_dialects[i];
        }
    }

    return NULL;
}


/*
 * Relays that pass a message on as it is, to the others of the room that the
 * path names.  nchan has channels and not rooms: one for each direction, and
 * new ones in each run, since a channel may still hold a run's last messages.
 */

static size_t
load_room_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    return (size_t) snprintf(buf, size, "/room-%u",
                             c->index / load->room_size);
}


static size_t
load_nchan_target(load_t *load, load_client_t *c, char *buf, size_t size)
{
    int  run;

    run = (int) getpid();

    return (size_t) snprintf(buf, size, "/nchan/%d-%u/%d-%u", run, c->index,
                             run, load_partner(load, c)->index);
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


/* docs/protocol.md, sections 2 to 5 */

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
}


static int
load_signaling_frame(load_t *load, load_client_t *c, u_char *p, size_t len,
    u_char **data, size_t *data_len)
{
    load_frame_t    f;
    load_client_t  *sender;

    if (load_json_frame(&f, p, len) == -1) {
        load_fail(load, c, "this is no frame: %.*s", (int) len, p);
    }

    if (load_is(&f.type, "direct")) {
        sender = load_partner(load, c);

        if (f.from.p == NULL || f.from.len != sender->id_len
            || memcmp(f.from.p, sender->id, f.from.len) != 0)
        {
            load_fail(load, c, "a message of a stranger: %.*s", (int) len, p);
        }

        if (f.data.p == NULL) {
            load_fail(load, c, "a message without data");
        }

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

    } else {
        load_fail(load, c, "unexpected: %.*s", (int) len, p);
    }

    return 0;
}


static size_t
load_signaling_message(load_t *load, load_client_t *c, u_char *data,
    size_t len, u_char *buf)
{
    u_char         *p;
    load_client_t  *to;

    to = load_partner(load, c);

    p = buf;

    p = (u_char *) stpcpy((char *) p, "{\"type\":\"send\",\"to\":\"");

    memcpy(p, to->id, to->id_len);
    p += to->id_len;

    p = (u_char *) stpcpy((char *) p, "\",\"data\":");

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

    if (load->mode->welcomed != NULL) {
        load->mode->welcomed(load, c);
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
                 "\"channel\":\"bench-%u\",\"requestId\":\"join\"}",
                 c->index / load->room_size);

    load_client_queue(load, LOAD_TEXT, (u_char *) buf, (size_t) n);
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
    char           channel[32];
    u_char        *p, *end, *q, *last;
    load_slice_t   name, value;

    (void) snprintf(channel, sizeof(channel), "bench-%u",
                    c->index / load->room_size);

    if (f->channel.p == NULL || f->channel.len != strlen(channel)
        || memcmp(f->channel.p, channel, f->channel.len) != 0)
    {
        load_fail(load, c, "presence of another channel: %.*s",
                  (int) f->channel.len, f->channel.p);
    }

    if (c->step == LOAD_STEP_SNAPSHOT) {
        c->step = LOAD_STEP_MEMBERS;

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
            if (load_is(&name, "peerId")) {
                load_signaling_member(load, c, &value);
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


static void
load_signaling_member(load_t *load, load_client_t *c, load_slice_t *id)
{
    uint32_t        i;
    load_client_t  *member;

    if (++c->known >= load->room_size) {
        load_fail(load, c, "more members than the room has");
    }

    if (load->room_size > LOAD_CHECK_ROOM) {
        return;
    }

    member = &load->clients[c->index - c->index % load->room_size];

    for (i = 0; i < load->room_size; i++) {
        if (&member[i] != c && member[i].id_len == id->len
            && memcmp(member[i].id, id->p, id->len) == 0)
        {
            return;
        }
    }

    load_fail(load, c, "a stranger has joined: %.*s", (int) id->len, id->p);
}


static load_client_t *
load_partner(load_t *load, load_client_t *c)
{
    return &load->clients[c->index ^ 1];
}


/*
 * As much of JSON as is needed to take apart what our own server writes, in
 * any order of members and without white space between tokens.
 */

static u_char *
load_json_string(u_char *p, u_char *end)
{
    u_char  *q, *start;

    if (p == end || *p != '"') {
        return NULL;
    }

    start = ++p;

    for ( ;; ) {
        p = memchr(p, '"', (size_t) (end - p));

        if (p == NULL) {
            return NULL;
        }

        for (q = p; q != start && q[-1] == '\\'; q--) { /* void */ }

        p++;

        if ((p - 1 - q) % 2 == 0) {
            return p;
        }
    }
}


/* returns the end of the value at p */

static u_char *
load_json_skip(u_char *p, u_char *end)
{
    size_t  depth;

    depth = 0;

    while (p != NULL && p != end) {

        switch (*p) {

        case '"':
            p = load_json_string(p, end);
            break;

        case '{':
        case '[':
            depth++;
            p++;
            break;

        case '}':
        case ']':

            if (depth == 0) {
                return p;
            }

            depth--;
            p++;
            break;

        case ',':

            if (depth == 0) {
                return p;
            }

            p++;
            continue;

        default:
            p++;
            continue;
        }

        if (depth == 0) {
            return p;
        }
    }

    return NULL;
}


/*
 * Takes the next member of the object that begins at *pos.  Strings come
 * without their quotes, but for "data", which is a message of load_data()
 * and compared as it is.  Returns 1, 0 at the end, -1 on bad syntax.
 */

static int
load_json_member(u_char **pos, u_char *end, load_slice_t *name,
    load_slice_t *value)
{
    u_char  *p, *last;

    p = *pos;

    if (p == end) {
        return -1;
    }

    if (*p == '}') {
        return (p + 1 == end) ? 0 : -1;
    }

    if (*p != '{' && *p != ',') {
        return -1;
    }

    p++;

    if (p != end && *p == '}' && p + 1 == end) {
        *pos = p;
        return 0;
    }

    last = load_json_string(p, end);

    if (last == NULL || last == end || *last != ':') {
        return -1;
    }

    name->p = p + 1;
    name->len = (size_t) (last - p) - 2;

    p = last + 1;
    last = load_json_skip(p, end);

    if (last == NULL || last == p) {
        return -1;
    }

    value->p = p;
    value->len = (size_t) (last - p);

    if (*p == '"' && !load_is(name, "data")) {
        value->p++;
        value->len -= 2;
    }

    *pos = last;

    return 1;
}


static int
load_json_frame(load_frame_t *f, u_char *p, size_t len)
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

        if (load_is(&name, "type")) {
            f->type = value;

        } else if (load_is(&name, "from")) {
            f->from = value;

        } else if (load_is(&name, "data")) {
            f->data = value;

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
