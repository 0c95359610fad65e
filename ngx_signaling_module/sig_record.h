
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Records between workers, as they stand in the arenas of the mailbox: a head
 * and two parts, of which the head counts the bytes.
 *
 *     MESSAGE     JSON of a message, metadata of who sent it or nothing
 *     DIRECT      text of a frame, nothing
 *     JOINED      peer ID, its metadata or nothing
 *     TAKEOVER    likewise
 *     LEFT        peer ID, nothing
 *     PROBE       nothing: a connection is to be pinged
 *     KICK        nothing: a connection is to be closed with 4020
 *
 * Called by workers only, no lock is taken, nothing is allocated.  All memory
 * is the caller's.  A record is hostile, and may change while it is read: its
 * head is read once, and what has been checked is what the caller is given.
 * That is a record of some type with parts that may be that long.  Whom the
 * head means is for the caller to find out; the bytes of the parts, which are
 * copied before they are used, go to clients whatever they are.
 */


#ifndef _SIG_RECORD_H_INCLUDED_
#define _SIG_RECORD_H_INCLUDED_


#include "sig_registry.h"


#pragma GCC visibility push(hidden)


typedef enum {
    SIG_RECORD_MESSAGE = 1,
    SIG_RECORD_DIRECT,
    SIG_RECORD_JOINED,
    SIG_RECORD_TAKEOVER,
    SIG_RECORD_LEFT,
    SIG_RECORD_PROBE,
    SIG_RECORD_KICK
} sig_record_e;


/* why a connection is closed with 4020 */

typedef enum {
    SIG_KICK_ELSEWHERE = 0,            /* "signaling_same_peer single" */
    SIG_KICK_BY_ADMIN                  /* the control plane */
} sig_kick_e;


typedef struct {
    uint8_t             type;          /* sig_record_e */
    uint8_t             shared_id;     /* as in sig_change_t */
    uint16_t            origin;        /* slot it speaks for */
    uint32_t            number;        /* of the connection meant */
    sig_ref_t           ref;           /* that connection, or room */
    uint64_t            seq;           /* of the last change in the room then;
                                          of a KICK, sig_kick_e */
    uint32_t            first;         /* bytes of the first part */
    uint32_t            second;        /* bytes of the second part */
} sig_record_t;


/* bytes of a record with these parts; at most sig_mailbox_record_max() */

#define sig_record_len(first, second)                                         \
    (sizeof(sig_record_t) + (first)->len + (second)->len)

/*
 * Writes so many bytes at p, which is aligned to 8.  The lengths are taken from
 * the parts, not from rec.  The data of an empty part may be NULL.
 */
void sig_record_write(u_char *p, const sig_record_t *rec,
    const slice_t *first, const slice_t *second);

/*
 * Writes the head alone, for parts of that many bytes, and returns where the
 * first of them goes.
 */
u_char *sig_record_write_head(u_char *p, const sig_record_t *rec,
    size_t first, size_t second);

/*
 * Reads the record that fills text, which need not be aligned.  Returns 1;
 * the parts then point into text, one behind the other.  Returns 0, and what
 * is set means nothing, when the length is not what the head says, the type is
 * unknown or a part is not as long as it may be there: peer IDs have 1 to
 * SIG_PEER_LEN bytes, metadata has 0 to SIG_METADATA_LEN, JSON and frames have
 * at least 1.
 */
int sig_record_read(sig_record_t *rec, const slice_t *text, slice_t *first,
    slice_t *second);


#pragma GCC visibility pop


#endif /* _SIG_RECORD_H_INCLUDED_ */
