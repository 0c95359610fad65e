
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_proto.h"


/* the constant parts of the frames, docs/protocol.md 4 */

#define SIG_TEXT_WELCOME    "{\"type\":\"welcome\",\"peerId\":"
#define SIG_TEXT_EXPIRES    ",\"expiresAt\":"
#define SIG_TEXT_TIME       ",\"serverTime\":"
#define SIG_TEXT_SIZE       ",\"maxMessageSize\":"
#define SIG_TEXT_METADATA   ",\"metadata\":"
#define SIG_TEXT_NULL       "null"

#define SIG_TEXT_ACK        "{\"type\":\"ack\",\"requestId\":\""
#define SIG_TEXT_STRING     "\"}"

#define SIG_TEXT_ERROR      "{\"type\":\"error\""
#define SIG_TEXT_REQUEST    ",\"requestId\":\""
#define SIG_TEXT_CODE       ",\"code\":\""
#define SIG_TEXT_REASON     "\",\"message\":\""

#define SIG_TEXT_MESSAGE    "{\"type\":\"message\",\"channel\":"
#define SIG_TEXT_DIRECT     "{\"type\":\"direct\""
#define SIG_TEXT_FROM       ",\"from\":"
#define SIG_TEXT_DATA       ",\"data\":"
#define SIG_TEXT_SENDER     ",\"fromMetadata\":"

#define SIG_TEXT_PRESENCE   "{\"type\":\"presence\",\"channel\":"
#define SIG_TEXT_JOINED     ",\"joined\":["
#define SIG_TEXT_LEFT       "],\"left\":["
#define SIG_TEXT_LISTS      "]}"
#define SIG_TEXT_PEER       "{\"peerId\":"

#define SIG_TEXT_GOING      "{\"type\":\"going_away\",\"retryAfterMs\":"

#define sig_text_len(text)     (sizeof(text) - 1)

#define sig_put_text(p, text)  sig_put_bytes(p, text, sig_text_len(text))
#define sig_put_slice(p, s)    sig_put_bytes(p, (s)->data, (s)->len)

/* a member that is left out when its value is empty */

#define sig_member_len(name, value)                                           \
    ((value)->len ? sig_text_len(name) + (value)->len : 0)

#define sig_put_member(p, name, value)                                        \
    sig_put_member_bytes(p, name, sig_text_len(name), value)


typedef struct {
    slice_t  name;
    slice_t  text;
} sig_proto_error_t;


static inline u_char *sig_put_bytes(u_char *p, const void *from,
    size_t len);
static inline u_char *sig_put_member_bytes(u_char *p, const char *name,
    size_t len, const slice_t *value);
static const sig_proto_error_t *sig_proto_find_error(sig_code_e code);
static size_t sig_number_len(int64_t n);
static u_char *sig_number(u_char *p, int64_t n);


const slice_t  sig_proto_pong = slice("{\"type\":\"pong\"}");


/* in the order of sig_code_e */

static const sig_proto_error_t  sig_proto_errors[] = {

    { slice("ok"),
      slice("no error") },

    { slice("malformed_message"),
      slice("not a JSON object with a string \\\"type\\\" and, if any,"
            " a valid \\\"requestId\\\"") },

    { slice("unknown_type"),
      slice("this type of message is not known") },

    { slice("invalid_channel"),
      slice("channel must be a string of 1 to 256 characters"
            " without control characters") },

    { slice("invalid_peer_id"),
      slice("to must be a string of 1 to 128 printable ASCII characters") },

    { slice("missing_data"),
      slice("data is missing") },

    { slice("channel_reserved"),
      slice("channel names with this prefix are reserved") },

    { slice("action_not_permitted"),
      slice("this credential does not permit the action") },

    { slice("channel_not_authorized"),
      slice("channel is outside the scope of this credential") },

    { slice("channel_limit_exceeded"),
      slice("too many channels on this connection") },

    { slice("over_message_quota"),
      slice("the message quota of this period is used up") },

    { slice("peer_not_found"),
      slice("the peer is not connected") },

    { slice("backend_error"),
      slice("the message could not be routed, try again later") },

    { slice("internal_error"),
      slice("internal error, try again later") },

    { slice("not_utf8"),
      slice("the message is not UTF-8") },

    { slice("data_too_big"),
      slice("data is too big") }
};


static inline u_char *
sig_put_bytes(u_char *p, const void *from, size_t len)
{
    if (len != 0) {
        memcpy(p, from, len);
    }

    return p + len;
}


static inline u_char *
sig_put_member_bytes(u_char *p, const char *name, size_t len,
    const slice_t *value)
{
    if (value->len == 0) {
        return p;
    }

    p = sig_put_bytes(p, name, len);

    return sig_put_slice(p, value);
}


static const sig_proto_error_t *
sig_proto_find_error(sig_code_e code)
{
    size_t  n;

    n = (size_t) code;

    if (n >= sizeof(sig_proto_errors) / sizeof(sig_proto_error_t)) {
        n = SIG_INTERNAL_ERROR;
    }

    return &sig_proto_errors[n];
}


const slice_t *
sig_proto_code_name(sig_code_e code)
{
    return &sig_proto_find_error(code)->name;
}


static size_t
sig_number_len(int64_t n)
{
    u_char  scratch[sizeof("-9223372036854775808")];

    return (size_t) (sig_number(scratch, n) - scratch);
}


static u_char *
sig_number(u_char *p, int64_t n)
{
    u_char    *first, digits[sizeof("9223372036854775808")];
    uint64_t   left;

    left = (uint64_t) n;

    if (n < 0) {
        *p++ = '-';
        left = 0 - left;
    }

    first = digits + sizeof(digits);

    do {
        *--first = (u_char) ('0' + left % 10);
        left /= 10;
    } while (left);

    return sig_put_bytes(p, first, (size_t) (digits + sizeof(digits) - first));
}


size_t
sig_proto_quote_len(const slice_t *text)
{
    u_char  c;
    size_t  i, len;

    len = 2 + text->len;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c == '"' || c == '\\') {
            len++;

        } else if (c < 0x20) {
            len += sig_text_len("\\u0000") - 1;
        }
    }

    return len;
}


u_char *
sig_proto_quote(u_char *p, const slice_t *text)
{
    u_char             c;
    size_t             i;
    static const char  hex[] = "0123456789abcdef";

    *p++ = '"';

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c < 0x20) {
            p = sig_put_text(p, "\\u00");
            *p++ = (u_char) hex[c >> 4];
            *p++ = (u_char) hex[c & 0xf];
            continue;
        }

        if (c == '"' || c == '\\') {
            *p++ = '\\';
        }

        *p++ = c;
    }

    *p++ = '"';

    return p;
}


size_t
sig_proto_welcome_len(const slice_t *quoted_peer, int64_t expires,
    int64_t now, size_t max_message, const slice_t *json_metadata)
{
    return sig_text_len(SIG_TEXT_WELCOME) + quoted_peer->len
           + sig_text_len(SIG_TEXT_EXPIRES)
           + (expires < 0 ? sig_text_len(SIG_TEXT_NULL)
                          : sig_number_len(expires))
           + sig_text_len(SIG_TEXT_TIME) + sig_number_len(now)
           + sig_text_len(SIG_TEXT_SIZE)
           + sig_number_len((int64_t) max_message)
           + sig_member_len(SIG_TEXT_METADATA, json_metadata)
           + 1;
}


u_char *
sig_proto_welcome(u_char *p, const slice_t *quoted_peer, int64_t expires,
    int64_t now, size_t max_message, const slice_t *json_metadata)
{
    p = sig_put_text(p, SIG_TEXT_WELCOME);
    p = sig_put_slice(p, quoted_peer);

    p = sig_put_text(p, SIG_TEXT_EXPIRES);

    if (expires < 0) {
        p = sig_put_text(p, SIG_TEXT_NULL);

    } else {
        p = sig_number(p, expires);
    }

    p = sig_put_text(p, SIG_TEXT_TIME);
    p = sig_number(p, now);

    p = sig_put_text(p, SIG_TEXT_SIZE);
    p = sig_number(p, (int64_t) max_message);

    p = sig_put_member(p, SIG_TEXT_METADATA, json_metadata);

    *p++ = '}';

    return p;
}


size_t
sig_proto_ack_len(const slice_t *request_id)
{
    return sig_text_len(SIG_TEXT_ACK) + request_id->len
           + sig_text_len(SIG_TEXT_STRING);
}


u_char *
sig_proto_ack(u_char *p, const slice_t *request_id)
{
    p = sig_put_text(p, SIG_TEXT_ACK);
    p = sig_put_slice(p, request_id);

    return sig_put_text(p, SIG_TEXT_STRING);
}


size_t
sig_proto_error_len(sig_code_e code, const slice_t *request_id)
{
    size_t                    len;
    const sig_proto_error_t  *error;

    error = sig_proto_find_error(code);

    len = sig_text_len(SIG_TEXT_ERROR)
          + sig_text_len(SIG_TEXT_CODE) + error->name.len
          + sig_text_len(SIG_TEXT_REASON) + error->text.len
          + sig_text_len(SIG_TEXT_STRING);

    if (request_id->data != NULL) {
        len += sig_text_len(SIG_TEXT_REQUEST) + request_id->len + 1;
    }

    return len;
}


u_char *
sig_proto_error(u_char *p, sig_code_e code, const slice_t *request_id)
{
    const sig_proto_error_t  *error;

    error = sig_proto_find_error(code);

    p = sig_put_text(p, SIG_TEXT_ERROR);

    if (request_id->data != NULL) {
        p = sig_put_text(p, SIG_TEXT_REQUEST);
        p = sig_put_slice(p, request_id);
        *p++ = '"';
    }

    p = sig_put_text(p, SIG_TEXT_CODE);
    p = sig_put_slice(p, &error->name);
    p = sig_put_text(p, SIG_TEXT_REASON);
    p = sig_put_slice(p, &error->text);

    return sig_put_text(p, SIG_TEXT_STRING);
}


/*
 * "fromMetadata" comes last, so that the frame without it is the same bytes
 * up to there and a closing brace.
 */

size_t
sig_proto_message_len(const slice_t *quoted_channel,
    const slice_t *quoted_from, const slice_t *json_data,
    const slice_t *json_metadata)
{
    return sig_text_len(SIG_TEXT_MESSAGE) + quoted_channel->len
           + sig_text_len(SIG_TEXT_FROM) + quoted_from->len
           + sig_member_len(SIG_TEXT_DATA, json_data)
           + sig_member_len(SIG_TEXT_SENDER, json_metadata)
           + 1;
}


u_char *
sig_proto_message(u_char *p, const slice_t *quoted_channel,
    const slice_t *quoted_from, const slice_t *json_data,
    const slice_t *json_metadata)
{
    p = sig_put_text(p, SIG_TEXT_MESSAGE);
    p = sig_put_slice(p, quoted_channel);
    p = sig_put_text(p, SIG_TEXT_FROM);
    p = sig_put_slice(p, quoted_from);

    p = sig_put_member(p, SIG_TEXT_DATA, json_data);
    p = sig_put_member(p, SIG_TEXT_SENDER, json_metadata);

    *p++ = '}';

    return p;
}


size_t
sig_proto_message_add_len(const slice_t *json, const slice_t *json_metadata)
{
    return json->len + sig_member_len(SIG_TEXT_SENDER, json_metadata);
}


u_char *
sig_proto_message_add(u_char *p, const slice_t *json,
    const slice_t *json_metadata)
{
    memcpy(p, json->data, json->len - 1);
    p += json->len - 1;

    p = sig_put_member(p, SIG_TEXT_SENDER, json_metadata);

    *p++ = '}';

    return p;
}


size_t
sig_proto_direct_len(const slice_t *quoted_from, const slice_t *json_data,
    const slice_t *json_metadata)
{
    return sig_text_len(SIG_TEXT_DIRECT)
           + sig_text_len(SIG_TEXT_FROM) + quoted_from->len
           + sig_member_len(SIG_TEXT_DATA, json_data)
           + sig_member_len(SIG_TEXT_SENDER, json_metadata)
           + 1;
}


u_char *
sig_proto_direct(u_char *p, const slice_t *quoted_from,
    const slice_t *json_data, const slice_t *json_metadata)
{
    p = sig_put_text(p, SIG_TEXT_DIRECT SIG_TEXT_FROM);
    p = sig_put_slice(p, quoted_from);

    p = sig_put_member(p, SIG_TEXT_DATA, json_data);
    p = sig_put_member(p, SIG_TEXT_SENDER, json_metadata);

    *p++ = '}';

    return p;
}


size_t
sig_proto_presence_open_len(const slice_t *quoted_channel)
{
    return sig_text_len(SIG_TEXT_PRESENCE) + quoted_channel->len
           + sig_text_len(SIG_TEXT_JOINED);
}


u_char *
sig_proto_presence_open(u_char *p, const slice_t *quoted_channel)
{
    p = sig_put_text(p, SIG_TEXT_PRESENCE);
    p = sig_put_slice(p, quoted_channel);

    return sig_put_text(p, SIG_TEXT_JOINED);
}


size_t
sig_proto_presence_entry_len(const slice_t *quoted_peer,
    const slice_t *json_metadata, int first)
{
    return (first ? 0 : 1)
           + sig_text_len(SIG_TEXT_PEER) + quoted_peer->len
           + sig_member_len(SIG_TEXT_METADATA, json_metadata)
           + 1;
}


u_char *
sig_proto_presence_entry(u_char *p, const slice_t *quoted_peer,
    const slice_t *json_metadata, int first)
{
    if (!first) {
        *p++ = ',';
    }

    p = sig_put_text(p, SIG_TEXT_PEER);
    p = sig_put_slice(p, quoted_peer);

    p = sig_put_member(p, SIG_TEXT_METADATA, json_metadata);

    *p++ = '}';

    return p;
}


size_t
sig_proto_presence_turn_len(void)
{
    return sig_text_len(SIG_TEXT_LEFT);
}


u_char *
sig_proto_presence_turn(u_char *p)
{
    return sig_put_text(p, SIG_TEXT_LEFT);
}


size_t
sig_proto_presence_close_len(void)
{
    return sig_text_len(SIG_TEXT_LISTS);
}


u_char *
sig_proto_presence_close(u_char *p)
{
    return sig_put_text(p, SIG_TEXT_LISTS);
}


size_t
sig_proto_going_away_len(uint32_t retry_ms)
{
    return sig_text_len(SIG_TEXT_GOING) + sig_number_len(retry_ms) + 1;
}


u_char *
sig_proto_going_away(u_char *p, uint32_t retry_ms)
{
    p = sig_put_text(p, SIG_TEXT_GOING);
    p = sig_number(p, retry_ms);
    *p++ = '}';

    return p;
}
