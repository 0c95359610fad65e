
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include "load.h"


typedef struct {
    const char  *name;
    const char  *help;
    void       (*set)(load_t *load, const char *name, const char *value);
} load_option_t;


typedef struct {
    const char  *name;
    size_t       offset;                /* of an uint32_t in load_t */
} load_count_t;


static void load_set_dialect(load_t *load, const char *name,
    const char *value);
static void load_set_mode(load_t *load, const char *name, const char *value);
static void load_set_text(load_t *load, const char *name, const char *value);
static void load_set_count(load_t *load, const char *name,
    const char *value);
static void load_set_tokens(load_t *load, const char *name,
    const char *value);
static void load_set_seconds(load_t *load, const char *name,
    const char *value);
static void load_set_switch(load_t *load, const char *name,
    const char *value);
static void load_set_acks(load_t *load, const char *name, const char *value);
static void load_set_halves(load_t *load, const char *name,
    const char *value);
static void load_set_pids(load_t *load, const char *name, const char *value);
static void load_usage(FILE *file);
static void load_check(load_t *load);
static void load_check_rooms(load_t *load);


static const load_option_t  load_option_table[] = {
    { "dialect", "signaling, bare, nchan, socketio, peerjs or http",
      load_set_dialect },
    { "mode", "pingpong, window, fanout, paced, idle, connect; request (http)",
      load_set_mode },
    { "host", "address to connect to (127.0.0.1)", load_set_text },
    { "port", "port to connect to", load_set_count },
    { "key", "publishable key, dialect signaling", load_set_text },
    { "token-file", "instead of it: lines of a peer ID and its token",
      load_set_tokens },
    { "path", "of signaling (/v1), or of a request, with its query",
      load_set_text },
    { "expect", "text that every welcome, or body, has to have",
      load_set_text },
    { "origin", "value of the Origin header (none)", load_set_text },
    { "rooms", "number of rooms (100)", load_set_count },
    { "room-size", "clients in each (2; fanout 50)", load_set_count },
    { "active", "rooms that speak (all)", load_set_count },
    { "clients", "of the modes without rooms (connect 32, request 16)",
      load_set_count },
    { "window", "messages in flight of a client (32) or speaker (4)",
      load_set_count },
    { "rate", "of mode paced: messages per second of all", load_set_count },
    { "say", "of mode idle: messages of each before it falls silent (0)",
      load_set_count },
    { "acks", "on: every message asks for an ack (signaling)",
      load_set_switch },
    { "join", "on: a visit of mode connect includes the room (signaling)",
      load_set_switch },
    { "quick-acks", "on or off: who only listens acknowledges as it reads, or "
      "late", load_set_acks },
    { "tls", "on: TLS 1.3, whoever the server is", load_set_switch },
    { "halves", "room or member: open half of the rooms, or the first of "
      "each,\n                 say so, wait for a line on stdin, and open "
      "the rest", load_set_halves },
    { "bytes", "of the data of a message, quotes included, or of a body "
      "(200)", load_set_count },
    { "sources", "loopback addresses to connect from (as needed)",
      load_set_count },
    { "opening", "connection attempts at a time (128)", load_set_count },
    { "warmup", "seconds before the measurement (0.5)", load_set_seconds },
    { "seconds", "of the measurement (3)", load_set_seconds },
    { "timeout", "seconds for joining, and for the last messages (60)",
      load_set_seconds },
    { "server-pid", "processes to account CPU time of, separated by commas",
      load_set_pids }
};

#define LOAD_NOPTIONS                                                        \
    (sizeof(load_option_table) / sizeof(load_option_table[0]))


/* counts without a limit of their own */

static const load_count_t  load_counts[] = {
    { "rooms", offsetof(load_t, rooms) },
    { "room-size", offsetof(load_t, room_size) },
    { "active", offsetof(load_t, active) },
    { "clients", offsetof(load_t, alone) },
    { "window", offsetof(load_t, window) },
    { "rate", offsetof(load_t, rate) },
    { "say", offsetof(load_t, say) },
    { "opening", offsetof(load_t, opening) }
};

#define LOAD_NCOUNTS  (sizeof(load_counts) / sizeof(load_counts[0]))


static void
load_set_dialect(load_t *load, const char *name, const char *value)
{
    load->dialect = load_dialect_find(value);

    if (load->dialect == NULL) {
        load_fail(load, NULL, "no dialect \"%s\"", value);
    }
}


static void
load_set_mode(load_t *load, const char *name, const char *value)
{
    load->mode = load_mode_find(value);

    if (load->mode == NULL) {
        load_fail(load, NULL, "no mode \"%s\"", value);
    }
}


static void
load_set_text(load_t *load, const char *name, const char *value)
{
    if (strcmp(name, "host") == 0) {
        load->host = value;

    } else if (strcmp(name, "key") == 0) {
        load->key = value;

    } else if (strcmp(name, "path") == 0) {
        load->path = value;

    } else if (strcmp(name, "expect") == 0) {
        load->expect = value;

    } else {
        load->origin = value;
    }
}


static void
load_set_count(load_t *load, const char *name, const char *value)
{
    char           *end;
    size_t          i;
    uint32_t       *field;
    unsigned long   n;

    errno = 0;
    n = strtoul(value, &end, 10);

    if (errno != 0 || end == value || *end != '\0' || n == 0
        || n > 10000000 || *value == '-')
    {
        load_fail(load, NULL, "--%s=%s is no number above zero", name, value);
    }

    for (i = 0; i < LOAD_NCOUNTS; i++) {
        if (strcmp(name, load_counts[i].name) == 0) {
            field = (uint32_t *) ((char *) load + load_counts[i].offset);
            *field = (uint32_t) n;
            return;
        }
    }

    if (strcmp(name, "port") == 0) {

        if (n > 65535) {
            load_fail(load, NULL, "no port %lu", n);
        }

        load->port = (uint16_t) n;

    } else if (strcmp(name, "bytes") == 0) {

        if (n < LOAD_MIN_BYTES || n > LOAD_MAX_BYTES) {
            load_fail(load, NULL, "--bytes is from %d to %d", LOAD_MIN_BYTES,
                      LOAD_MAX_BYTES);
        }

        load->bytes = (uint32_t) n;

    } else {

        if (n > 250) {
            load_fail(load, NULL, "at most 250 sources");
        }

        load->sources = (uint32_t) n;
    }
}


static void
load_set_tokens(load_t *load, const char *name, const char *value)
{
    load_tokens(load, value);
}


static void
load_set_seconds(load_t *load, const char *name, const char *value)
{
    char    *end;
    double   n;

    n = strtod(value, &end);

    if (end == value || *end != '\0' || !(n >= 0 && n < 86400)) {
        load_fail(load, NULL, "--%s=%s is no number of seconds", name, value);
    }

    if (strcmp(name, "warmup") == 0) {
        load->warmup = n;

    } else if (strcmp(name, "seconds") == 0) {
        load->seconds = n;

    } else {
        load->timeout = n;
    }
}


static void
load_set_switch(load_t *load, const char *name, const char *value)
{
    if (strcmp(value, "on") != 0) {
        load_fail(load, NULL, "--%s=on is all that there is", name);
    }

    if (strcmp(name, "acks") == 0) {
        load->acks = 1;

    } else if (strcmp(name, "join") == 0) {
        load->join = 1;

    } else {
        load->secure = 1;
    }
}


static void
load_set_acks(load_t *load, const char *name, const char *value)
{
    if (strcmp(value, "on") == 0) {
        load->quick_acks = LOAD_ACKS_QUICK;

    } else if (strcmp(value, "off") == 0) {
        load->quick_acks = LOAD_ACKS_LATE;

    } else {
        load_fail(load, NULL, "--%s=on or --%s=off", name, name);
    }
}


static void
load_set_halves(load_t *load, const char *name, const char *value)
{
    if (strcmp(value, "room") == 0) {
        load->halves = LOAD_BY_ROOM;

    } else if (strcmp(value, "member") == 0) {
        load->halves = LOAD_BY_MEMBER;

    } else {
        load_fail(load, NULL, "--%s=room or --%s=member", name, name);
    }
}


static void
load_set_pids(load_t *load, const char *name, const char *value)
{
    long   pid;
    char  *end;

    for ( ;; ) {
        pid = strtol(value, &end, 10);

        if (end == value || pid <= 0 || (*end != '\0' && *end != ',')
            || load->npids == LOAD_PIDS)
        {
            load_fail(load, NULL, "--%s is a list of process IDs", name);
        }

        load->pids[load->npids++] = (pid_t) pid;

        if (*end == '\0') {
            return;
        }

        value = end + 1;
    }
}


static void
load_usage(FILE *file)
{
    size_t  i;

    fprintf(file, "usage: load --dialect=... --mode=... --port=...\n\n");

    for (i = 0; i < LOAD_NOPTIONS; i++) {
        fprintf(file, "  --%-12s %s\n", load_option_table[i].name,
                load_option_table[i].help);
    }
}


void
load_options(load_t *load, int argc, char **argv)
{
    int          i;
    size_t       n, len;
    const char  *arg;

    load->host = "127.0.0.1";
    load->key = "pk_live_bench";
    load->path = "/v1";
    load->run = (int) getpid();
    load->rooms = 100;
    load->bytes = 200;
    load->opening = 128;
    load->warmup = 0.5;
    load->seconds = 3;
    load->timeout = 60;

    for (i = 1; i < argc; i++) {
        arg = argv[i];

        if (strcmp(arg, "--help") == 0) {
            load_usage(stdout);
            exit(0);
        }

        for (n = 0; n < LOAD_NOPTIONS; n++) {
            len = strlen(load_option_table[n].name);

            if (strncmp(arg, "--", 2) == 0
                && strncmp(arg + 2, load_option_table[n].name, len) == 0
                && arg[2 + len] == '=')
            {
                load_option_table[n].set(load, load_option_table[n].name,
                                         arg + 2 + len + 1);
                break;
            }
        }

        if (n == LOAD_NOPTIONS) {
            load_usage(stderr);
            load_fail(load, NULL, "what is \"%s\"?", arg);
        }
    }

    load_check(load);
}


static void
load_check(load_t *load)
{
    if (load->dialect == NULL || load->mode == NULL || load->port == 0) {
        load_usage(stderr);
        load_fail(load, NULL, "--dialect, --mode and --port are required");
    }

    if (!(load->dialect->can & load->mode->needs)) {
        load_fail(load, NULL, "this dialect is not for this mode");
    }

    if (load->acks && !(load->dialect->can & LOAD_ACKS)) {
        load_fail(load, NULL, "this dialect has no acks");
    }

    if (load->secure && load->dialect->answer != NULL) {
        load_fail(load, NULL, "this dialect has no TLS");
    }

    load_check_rooms(load);

    if (load->window == 0) {
        load->window = load->mode->window;
    }

    if ((load->rate == 0) != (load->mode->due == NULL)) {
        load_fail(load, NULL, "--rate belongs to mode paced, and it has to "
                  "be there");
    }

    if (load->say != 0 && load->mode->traffic) {
        load_fail(load, NULL, "--say belongs to mode idle");
    }

    if (load->sources == 0) {
        load->sources = load->nclients / 20000 + 1;
    }
}


static void
load_check_rooms(load_t *load)
{
    uint32_t  size;

    size = load->mode->speaker ? 50 : 2;

    if (load->mode->clients != 0) {
        load->rooms = load->alone ? load->alone : load->mode->clients;
        load->room_size = 1;

    } else if (load->room_size == 0) {
        load->room_size = size;
    }

    if (load->mode->clients == 0
        && ((load->room_size != 2
             && (load->say != 0 || load->halves != LOAD_WHOLE
                 || (load->mode->traffic && !load->mode->speaker)))
            || load->room_size < 2))
    {
        load_fail(load, NULL, "this is for rooms of two");
    }

    if (load->room_size > 2 && !(load->dialect->can & LOAD_ROOMS)) {
        load_fail(load, NULL, "this dialect has rooms of two");
    }

    if (load->active == 0 || load->active > load->rooms) {
        load->active = load->rooms;
    }

    load->nclients = load->rooms * load->room_size;
}
