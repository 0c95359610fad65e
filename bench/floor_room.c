
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdlib.h>
#include <string.h>

#include "floor.h"


#define FLOOR_BUCKETS  65536


struct floor_room_s {
    floor_room_t  *next;                /* of the same bucket */
    floor_conn_t  *first;
    char           path[FLOOR_PATH];
};


static floor_room_t **floor_bucket(const char *path);


static floor_room_t  *floor_rooms[FLOOR_BUCKETS];


static floor_room_t **
floor_bucket(const char *path)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261;

    for (i = 0; path[i] != '\0'; i++) {
        hash = (hash ^ (u_char) path[i]) * 16777619;
    }

    return &floor_rooms[hash % FLOOR_BUCKETS];
}


int
floor_join(floor_conn_t *c, const char *path)
{
    floor_room_t  *room, **bucket;

    bucket = floor_bucket(path);

    for (room = *bucket; room != NULL; room = room->next) {
        if (strcmp(room->path, path) == 0) {
            break;
        }
    }

    if (room == NULL) {

        room = calloc(1, sizeof(floor_room_t));
        if (room == NULL) {
            return -1;
        }

        strcpy(room->path, path);

        room->next = *bucket;
        *bucket = room;
    }

    c->room = room;
    c->mate = room->first;
    room->first = c;

    return 0;
}


void
floor_leave(floor_conn_t *c)
{
    floor_conn_t  **cp;
    floor_room_t   *room, **rp;

    room = c->room;

    if (room == NULL) {
        return;
    }

    c->room = NULL;

    for (cp = &room->first; *cp != c; cp = &(*cp)->mate) { /* void */ }

    *cp = c->mate;

    if (room->first != NULL) {
        return;
    }

    for (rp = floor_bucket(room->path); *rp != room; rp = &(*rp)->next) {
        /* void */
    }

    *rp = room->next;

    free(room);
}


void
floor_relay(floor_conn_t *c, u_char *p, size_t len)
{
    floor_conn_t  *mate, *next;

    if (c->room == NULL) {
        return;
    }

    for (mate = c->room->first; mate != NULL; mate = next) {
        next = mate->mate;

        if (mate != c) {
            floor_write(mate, p, len);
        }
    }
}
