
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "load.h"


typedef struct {
    const char  *name;
    const char  *help;
    void       (*set)(load_t *load, const char *name, const char *value);
} load_option_t;


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
static void load_set_pids(load_t *load, const char *name, const char *value);
static void load_usage(FILE *file);
static void load_check(load_t *load);


static const load_option_t  load_option_table[] = {
    { "dialect", "signaling, bare, nodews, nchan or http", load_set_dialect },
    { "mode", "pingpong, window, idle; connect (signaling); request (http)",
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
    { "room-size", "clients in each (2)", load_set_count },
    { "clients", "of the modes without rooms (connect 32, request 16)",
      load_set_count },
    { "window", "messages in flight of a client (32)", load_set_count },
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
    unsigned long   n;

    errno = 0;
    n = strtoul(value, &end, 10);

    if (errno != 0 || end == value || *end != '\0' || n == 0
        || n > 10000000 || *value == '-')
    {
        load_fail(load, NULL, "--%s=%s is no number above zero", name, value);
    }

    if (strcmp(name, "port") == 0) {

        if (n > 65535) {
            load_fail(load, NULL, "no port %lu", n);
        }

        load->port = (uint16_t) n;

    } else if (strcmp(name, "rooms") == 0) {
        load->rooms = (uint32_t) n;

    } else if (strcmp(name, "room-size") == 0) {
        load->room_size = (uint32_t) n;

    } else if (strcmp(name, "clients") == 0) {
        load->alone = (uint32_t) n;

    } else if (strcmp(name, "window") == 0) {
        load->window = (uint32_t) n;

    } else if (strcmp(name, "bytes") == 0) {

        if (n < LOAD_MIN_BYTES || n > LOAD_MAX_BYTES) {
            load_fail(load, NULL, "--bytes is from %d to %d", LOAD_MIN_BYTES,
                      LOAD_MAX_BYTES);
        }

        load->bytes = (uint32_t) n;

    } else if (strcmp(name, "sources") == 0) {

        if (n > 250) {
            load_fail(load, NULL, "at most 250 sources");
        }

        load->sources = (uint32_t) n;

    } else {
        load->opening = (uint32_t) n;
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
    load->rooms = 100;
    load->room_size = 2;
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

    if (load->window == 0) {
        load->window = load->mode->window;
    }

    if (load->mode->clients != 0) {
        load->rooms = load->alone ? load->alone : load->mode->clients;
        load->room_size = 1;

    } else if (load->mode->traffic && load->room_size != 2) {
        load_fail(load, NULL, "this mode is for rooms of two");
    }

    load->nclients = load->rooms * load->room_size;

    if (load->sources == 0) {
        load->sources = load->nclients / 20000 + 1;
    }
}
