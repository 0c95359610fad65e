
/*
 * Copyright (C) The ngx_signaling authors
 *
 * The opening handshake of the floor, floor_handshake.c.  Called by floor.c
 * once for each connection; nothing is kept.
 */


#ifndef _FLOOR_H_INCLUDED_
#define _FLOOR_H_INCLUDED_


#include <stddef.h>
#include <sys/types.h>


#define FLOOR_PATH      64              /* with the terminating zero */
#define FLOOR_RESPONSE  256


/*
 * Takes the head of a request, without the empty line.  Writes the target of
 * the request to path, FLOOR_PATH bytes, and the 101 to response,
 * FLOOR_RESPONSE bytes.  Returns the length of the response, or 0 when the
 * request is no upgrade of ours (RFC 6455, section 4.2).
 */
size_t floor_upgrade(const u_char *head, size_t len, char *path,
    u_char *response);


#endif /* _FLOOR_H_INCLUDED_ */
