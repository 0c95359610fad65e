
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who has heard of whom.  A table finds a client by its peer ID, open
 * addressing, never more than half full; a bit for each pair of a room says
 * that the one was told of the other.
 */


#include <stdlib.h>
#include <string.h>

#include "load.h"


#define LOAD_NOBODY  UINT32_MAX


static uint32_t load_member_hash(const void *id, size_t len);
static uint64_t *load_member_bits(load_t *load, load_client_t *c);
static uint32_t load_member_find(load_t *load, load_slice_t *id);


void
load_member_init(load_t *load)
{
    size_t  words;

    words = (load->room_size + 63) / 64;

    for (load->nnames = 64; load->nnames < load->nclients * 2; /* void */ ) {
        load->nnames *= 2;
    }

    load->names = malloc(load->nnames * sizeof(uint32_t));
    load->seen = calloc(load->nclients, words * sizeof(uint64_t));

    if (load->names == NULL || load->seen == NULL) {
        load_fail(load, NULL, "out of memory");
    }

    memset(load->names, 0xff, load->nnames * sizeof(uint32_t));
}


void
load_member_done(load_t *load)
{
    free(load->names);
    free(load->seen);
}


static uint32_t
load_member_hash(const void *id, size_t len)
{
    size_t         i;
    uint32_t       hash;
    const u_char  *p;

    p = id;
    hash = 2166136261;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * 16777619;
    }

    return hash ^ hash >> 15;
}


static uint64_t *
load_member_bits(load_t *load, load_client_t *c)
{
    return load->seen + (size_t) c->index * ((load->room_size + 63) / 64);
}


void
load_member_named(load_t *load, load_client_t *c)
{
    uint32_t  i;

    c->known = 0;

    /* of one who comes again and again nobody else hears */

    if (load->room_size == 1) {
        return;
    }

    i = load_member_hash(c->id, c->id_len) & (load->nnames - 1);

    while (load->names[i] != LOAD_NOBODY) {
        i = (i + 1) & (load->nnames - 1);
    }

    load->names[i] = c->index;
}


static uint32_t
load_member_find(load_t *load, load_slice_t *id)
{
    uint32_t        i;
    load_client_t  *c;

    i = load_member_hash(id->p, id->len) & (load->nnames - 1);

    while (load->names[i] != LOAD_NOBODY) {
        c = &load->clients[load->names[i]];

        if (c->id_len == id->len && memcmp(c->id, id->p, id->len) == 0) {
            return c->index;
        }

        i = (i + 1) & (load->nnames - 1);
    }

    return LOAD_NOBODY;
}


void
load_member_joined(load_t *load, load_client_t *c, load_slice_t *id)
{
    uint32_t   index, n;
    uint64_t  *bits;

    index = load_member_find(load, id);

    if (index == LOAD_NOBODY || index == c->index
        || index / load->room_size != c->index / load->room_size)
    {
        load_fail(load, c, "a stranger has joined: %.*s", (int) id->len,
                  id->p);
    }

    n = index % load->room_size;
    bits = load_member_bits(load, c);

    if (bits[n / 64] & (uint64_t) 1 << n % 64) {
        load_fail(load, c, "%.*s has joined twice", (int) id->len, id->p);
    }

    bits[n / 64] |= (uint64_t) 1 << n % 64;

    c->known++;
}
