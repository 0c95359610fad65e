
/*
 * Copyright (C) The ngx_signaling authors
 *
 * What the files of the floor share:
 *
 *   floor.c            the event loop, reading and writing
 *   floor_frame.c      frames of WebSocket, in place
 *   floor_room.c       rooms by path
 *   floor_handshake.c  the answer to an upgrade
 *
 * One process, one thread.  A connection is owned by the table of the event
 * loop and is freed at the end of the turn in which it was closed, for an
 * event of the same turn may still name it.  A room is owned by its members
 * and goes with the last of them.
 */


#ifndef _FLOOR_H_INCLUDED_
#define _FLOOR_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>


#define FLOOR_PATH       64             /* with the terminating zero */
#define FLOOR_RESPONSE   256
#define FLOOR_MAX_FRAME  131072


typedef struct floor_conn_s  floor_conn_t;
typedef struct floor_room_s  floor_room_t;


struct floor_conn_s {
    int            fd;
    uint8_t        open;                /* 101 sent */
    uint8_t        closed;
    uint8_t        leaving;             /* its Close is answered */
    uint8_t        writing;             /* EPOLLOUT is on */

    floor_room_t  *room;
    floor_conn_t  *mate;                /* the next one in the room */
    floor_conn_t  *next;                /* closed */

    u_char        *in;
    size_t         in_len;
    size_t         in_size;

    u_char        *out;
    size_t         out_len;
    size_t         out_size;
};


/* floor.c */

extern int      floor_batch;
extern u_char  *floor_batched;          /* frames of this read, without gaps */
extern size_t   floor_batched_len;

/* what the socket does not take is kept; may close c */
void floor_write(floor_conn_t *c, u_char *p, size_t len);
void floor_close(floor_conn_t *c);


/* floor_frame.c */

/*
 * Handles one frame at p, in place.  Returns its length, or 0 when it is
 * incomplete or c was closed.
 */
size_t floor_frame(floor_conn_t *c, u_char *p, size_t len);


/* floor_room.c */

/* puts c into the room of that path; returns -1 without memory */
int floor_join(floor_conn_t *c, const char *path);
void floor_leave(floor_conn_t *c);

/* writes to all others of the room */
void floor_relay(floor_conn_t *c, u_char *p, size_t len);


/* floor_handshake.c */

/*
 * Takes the head of a request, without the empty line.  Writes the target of
 * the request to path, FLOOR_PATH bytes, and the 101 to response,
 * FLOOR_RESPONSE bytes.  Returns the length of the response, or 0 when the
 * request is no upgrade of ours (RFC 6455, section 4.2).
 */
size_t floor_upgrade(const u_char *head, size_t len, char *path,
    u_char *response);


#endif /* _FLOOR_H_INCLUDED_ */
