
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * The JSON envelope of docs/protocol.md 3 and 4.  A client message is
 * validated as JSON and cut into slices in one pass, without a tree; a server
 * frame is written around the untouched bytes of "data".  Allocates nothing.
 *
 * The reader may write into the message (escapes in names are resolved in
 * place); slices of the envelope point into it and live as long as it does.
 */


#ifndef _SIG_PROTO_H_INCLUDED_
#define _SIG_PROTO_H_INCLUDED_


#include "name.h"


#pragma GCC visibility push(hidden)


#define SIG_PROTO_DEPTH          128   /* nesting; the frame's object is 1 */
#define SIG_PROTO_REQUEST_ID     128   /* UTF-16 code units */


typedef enum {
    SIG_TYPE_UNKNOWN = 0,
    SIG_TYPE_SUBSCRIBE,
    SIG_TYPE_UNSUBSCRIBE,
    SIG_TYPE_PUBLISH,
    SIG_TYPE_SEND,
    SIG_TYPE_PING
} sig_type_e;


/* outcomes of a client message; all but the last two are error frames */

typedef enum {
    SIG_OK = 0,
    SIG_MALFORMED_MESSAGE,
    SIG_UNKNOWN_TYPE,
    SIG_INVALID_CHANNEL,
    SIG_INVALID_PEER_ID,
    SIG_MISSING_DATA,
    SIG_CHANNEL_RESERVED,
    SIG_ACTION_NOT_PERMITTED,
    SIG_CHANNEL_NOT_AUTHORIZED,
    SIG_CHANNEL_LIMIT_EXCEEDED,
    SIG_OVER_MESSAGE_QUOTA,
    SIG_PEER_NOT_FOUND,
    SIG_BACKEND_ERROR,
    SIG_INTERNAL_ERROR,
    SIG_NOT_UTF8,                      /* close 1007 */
    SIG_DATA_TOO_BIG                   /* close 1009 */
} sig_code_e;


typedef struct {
    slice_t      request_id;           /* as sent, between the quotes;
                                          data is NULL when there is none */
    slice_t      channel;              /* unescaped */
    slice_t      to;                   /* unescaped */
    slice_t      data;                 /* as sent, without outer white space */
    sig_type_e   type;
    unsigned     sender_metadata:1;    /* includeSenderMetadata is true */
} sig_envelope_t;


/*
 * Reads one client message of len bytes at p, with the order of checks of
 * docs/protocol.md 3.1 up to and including "reserved prefix".  max_data is
 * the longest "data" in bytes.
 *
 * Returns SIG_OK or the first failure.  e->request_id is set whenever the
 * message is an object with a valid requestId, also on failure; the other
 * members are set on SIG_OK only.  SIG_NOT_UTF8 wins over any failure of
 * syntax: bytes that are no UTF-8 are never relayed nor answered as JSON.
 */
sig_code_e sig_proto_read(sig_envelope_t *e, u_char *p, size_t len,
    size_t max_data);

/* the body of a publish by the control plane, docs/protocol.md 12.6 */

typedef struct {
    slice_t      data;                 /* as sent, without outer white space */
    slice_t      from;                 /* unescaped; data is NULL when none */
    slice_t      metadata;             /* an object as sent; likewise */
} sig_publish_t;

/*
 * Reads such a body; may write into it, as above.  Returns NULL, or what is
 * wrong, for the caller to read.
 */
const char *sig_proto_read_publish(sig_publish_t *e, u_char *p, size_t len);

/*
 * Checks that the len bytes at p are one JSON value (RFC 8259, UTF-8, depth
 * at most SIG_PROTO_DEPTH), for values that come from the configuration.
 * Returns the first byte of the value ('{', '[', '"', ...), or 0.
 */
int sig_proto_json(const u_char *p, size_t len);

/* checks a name that need not be UTF-8, see access_channel_valid(); 1 or 0 */
int sig_proto_channel_valid(const slice_t *name);

/* the name of a code as it stands in an error frame */
const slice_t *sig_proto_code_name(sig_code_e code);


/*
 * Writers.  Each sig_proto_x_len() gives the exact number of bytes that
 * sig_proto_x() with the same arguments will write at p; the writer returns
 * the position after its last byte.  Text only: the WebSocket head is the
 * caller's.
 *
 * "quoted" arguments are JSON strings with their quotes, made once by
 * sig_proto_quote(); "json" arguments are JSON values copied as they are; an
 * empty one (len 0) leaves its member out.
 */

size_t sig_proto_quote_len(const slice_t *text);
u_char *sig_proto_quote(u_char *p, const slice_t *text);

/* expires: Unix seconds, negative for null; now: Unix seconds */
size_t sig_proto_welcome_len(const slice_t *quoted_peer, int64_t expires,
    int64_t now, size_t max_message, const slice_t *json_metadata);
u_char *sig_proto_welcome(u_char *p, const slice_t *quoted_peer,
    int64_t expires, int64_t now, size_t max_message,
    const slice_t *json_metadata);

/* request_id as sig_envelope_t gives it */
size_t sig_proto_ack_len(const slice_t *request_id);
u_char *sig_proto_ack(u_char *p, const slice_t *request_id);

/* request_id->data is NULL for an uncorrelated error */
size_t sig_proto_error_len(sig_code_e code, const slice_t *request_id);
u_char *sig_proto_error(u_char *p, sig_code_e code,
    const slice_t *request_id);

size_t sig_proto_message_len(const slice_t *quoted_channel,
    const slice_t *quoted_from, const slice_t *json_data,
    const slice_t *json_metadata);
u_char *sig_proto_message(u_char *p, const slice_t *quoted_channel,
    const slice_t *quoted_from, const slice_t *json_data,
    const slice_t *json_metadata);

/*
 * The message json, as sig_proto_message() wrote it without metadata, with
 * the metadata added.  json->len is at least 1.
 */
size_t sig_proto_message_add_len(const slice_t *json,
    const slice_t *json_metadata);
u_char *sig_proto_message_add(u_char *p, const slice_t *json,
    const slice_t *json_metadata);

size_t sig_proto_direct_len(const slice_t *quoted_from,
    const slice_t *json_data, const slice_t *json_metadata);
u_char *sig_proto_direct(u_char *p, const slice_t *quoted_from,
    const slice_t *json_data, const slice_t *json_metadata);

/*
 * Presence in parts, since the entries come from a walk:
 *     open, entry*, turn, entry*, close
 * "first" is 1 for the first entry of its array.  turn ends "joined" and
 * begins "left".
 */
size_t sig_proto_presence_open_len(const slice_t *quoted_channel);
u_char *sig_proto_presence_open(u_char *p, const slice_t *quoted_channel);
size_t sig_proto_presence_entry_len(const slice_t *quoted_peer,
    const slice_t *json_metadata, int first);
u_char *sig_proto_presence_entry(u_char *p, const slice_t *quoted_peer,
    const slice_t *json_metadata, int first);
size_t sig_proto_presence_turn_len(void);
u_char *sig_proto_presence_turn(u_char *p);
size_t sig_proto_presence_close_len(void);
u_char *sig_proto_presence_close(u_char *p);

/* retry_ms > 0, milliseconds */
size_t sig_proto_going_away_len(uint32_t retry_ms);
u_char *sig_proto_going_away(u_char *p, uint32_t retry_ms);

extern const slice_t  sig_proto_pong;      /* the whole pong, no variables */


#pragma GCC visibility pop


#endif /* _SIG_PROTO_H_INCLUDED_ */
