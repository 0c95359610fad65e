
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include "load.h"


#define LOAD_TOKEN_FILE  (16 * 1024 * 1024)


static char *load_token_text(load_t *load, const char *name);


void
load_tokens(load_t *load, const char *file)
{
    char      *p, *space, *end;
    size_t     n;
    uint32_t   i;

    p = load_token_text(load, file);

    for (n = 0, end = p; *end != '\0'; end++) {
        n += (*end == '\n');
    }

    load->tokens = calloc(n ? n : 1, sizeof(load_token_t));
    if (load->tokens == NULL) {
        load_fail(load, NULL, "out of memory");
    }

    for (i = 0; i < n; i++) {
        end = strchr(p, '\n');

        if (end == NULL) {
            break;
        }

        *end = '\0';

        space = strchr(p, ' ');

        if (space == NULL || space == p
            || (size_t) (end - space) > LOAD_TARGET_MAX / 2)
        {
            load_fail(load, NULL, "%s, line %u: no peer ID with its token",
                      file, i + 1);
        }

        *space = '\0';

        load->tokens[i].id = p;
        load->tokens[i].text = space + 1;

        p = end + 1;
    }

    if (n == 0) {
        load_fail(load, NULL, "no tokens in %s", file);
    }

    load->ntokens = (uint32_t) n;
}


/* the file as text that ends with a line feed and a NUL */

static char *
load_token_text(load_t *load, const char *name)
{
    char    *text;
    FILE    *file;
    size_t   n;

    text = malloc(LOAD_TOKEN_FILE + 2);
    if (text == NULL) {
        load_fail(load, NULL, "out of memory");
    }

    load->token_text = text;

    file = fopen(name, "r");
    if (file == NULL) {
        load_fail(load, NULL, "%s: %s", name, strerror(errno));
    }

    n = fread(text, 1, LOAD_TOKEN_FILE, file);
    (void) fclose(file);

    if (n != 0 && text[n - 1] != '\n') {
        text[n++] = '\n';
    }

    text[n] = '\0';

    return text;
}


load_token_t *
load_token(load_t *load, load_client_t *c)
{
    uint64_t  line;

    if (load->ntokens == 0) {
        return NULL;
    }

    line = c->index + (uint64_t) c->visits * load->nclients;

    return &load->tokens[line % load->ntokens];
}
