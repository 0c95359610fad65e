
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_proto.h"
#include "sig_json.h"
#include "sig_ws.h"


/* members of a client message, or of a body, that mean something */

typedef enum {
    SIG_FIELD_OTHER = 0,
    SIG_FIELD_TYPE,
    SIG_FIELD_REQUEST_ID,
    SIG_FIELD_CHANNEL,
    SIG_FIELD_TO,
    SIG_FIELD_DATA,
    SIG_FIELD_SENDER_METADATA,
    SIG_FIELD_FROM,
    SIG_FIELD_PEER_METADATA,
    SIG_FIELDS
} sig_field_e;


static sig_code_e sig_proto_target(sig_envelope_t *e, const slice_t *fields,
    size_t max_data);
static int sig_proto_cut(slice_t *fields, const u_char *p,
    const u_char *end);
static const u_char *sig_proto_member(slice_t *fields, const u_char *p,
    const u_char *end);
static sig_field_e sig_proto_field(const slice_t *name);
static sig_field_e sig_proto_escaped_field(const slice_t *name);
static int sig_proto_inside(slice_t *inside, const slice_t *value);
static int sig_proto_request_id(slice_t *id, const slice_t *value);
static sig_type_e sig_proto_type(const slice_t *value);
static int sig_proto_channel(slice_t *name, const slice_t *value);
static int sig_proto_peer_id(slice_t *id, const slice_t *value);


#define sig_proto_is(s, text)                                                 \
    ((s)->len == sizeof(text) - 1                                             \
     && memcmp((s)->data, text, sizeof(text) - 1) == 0)


static const slice_t  sig_proto_fields[SIG_FIELDS] = {
    slice(""),
    slice("type"),
    slice("requestId"),
    slice("channel"),
    slice("to"),
    slice("data"),
    slice("includeSenderMetadata"),
    slice("from"),
    slice("peerMetadata")
};


static const slice_t  sig_proto_types[] = {
    slice(""),
    slice("subscribe"),
    slice("unsubscribe"),
    slice("publish"),
    slice("send"),
    slice("ping")
};


sig_code_e
sig_proto_read(sig_envelope_t *e, u_char *p, size_t len, size_t max_data)
{
    slice_t     fields[SIG_FIELDS];
    uint32_t    state;
    sig_code_e  code;

    memset(e, 0, sizeof(sig_envelope_t));

    if (len == 0) {
        return SIG_MALFORMED_MESSAGE;
    }

    if (!sig_proto_cut(fields, p, p + len)) {
        state = 0;

        return (sig_utf8_check(&state, p, len) && state == 0)
               ? SIG_MALFORMED_MESSAGE : SIG_NOT_UTF8;
    }

    if (fields[SIG_FIELD_REQUEST_ID].data != NULL
        && !sig_proto_request_id(&e->request_id,
                                 &fields[SIG_FIELD_REQUEST_ID]))
    {
        return SIG_MALFORMED_MESSAGE;
    }

    if (fields[SIG_FIELD_TYPE].data == NULL
        || *fields[SIG_FIELD_TYPE].data != '"')
    {
        return SIG_MALFORMED_MESSAGE;
    }

    e->type = sig_proto_type(&fields[SIG_FIELD_TYPE]);

    if (e->type == SIG_TYPE_UNKNOWN) {
        return SIG_UNKNOWN_TYPE;
    }

    if (e->type == SIG_TYPE_PING) {
        return SIG_OK;
    }

    code = sig_proto_target(e, fields, max_data);

    if (code != SIG_OK) {
        return code;
    }

    e->sender_metadata = (fields[SIG_FIELD_SENDER_METADATA].data != NULL
                          && sig_proto_is(&fields[SIG_FIELD_SENDER_METADATA],
                                          "true"));

    return SIG_OK;
}


/* to whom or where, and what is to go there, of types that have it */

static sig_code_e
sig_proto_target(sig_envelope_t *e, const slice_t *fields, size_t max_data)
{
    if (e->type == SIG_TYPE_SEND) {
        if (!sig_proto_peer_id(&e->to, &fields[SIG_FIELD_TO])) {
            return SIG_INVALID_PEER_ID;
        }

    } else if (!sig_proto_channel(&e->channel, &fields[SIG_FIELD_CHANNEL])) {
        return SIG_INVALID_CHANNEL;
    }

    if (e->type == SIG_TYPE_SEND || e->type == SIG_TYPE_PUBLISH) {
        if (fields[SIG_FIELD_DATA].data == NULL) {
            return SIG_MISSING_DATA;
        }

        if (fields[SIG_FIELD_DATA].len > max_data) {
            return SIG_DATA_TOO_BIG;
        }

        e->data = fields[SIG_FIELD_DATA];
    }

    if ((e->type == SIG_TYPE_SUBSCRIBE || e->type == SIG_TYPE_PUBLISH)
        && access_channel_reserved(&e->channel))
    {
        return SIG_CHANNEL_RESERVED;
    }

    return SIG_OK;
}


const char *
sig_proto_read_publish(sig_publish_t *e, u_char *p, size_t len)
{
    slice_t  fields[SIG_FIELDS];

    memset(e, 0, sizeof(sig_publish_t));

    if (len == 0 || !sig_proto_cut(fields, p, p + len)) {
        return "the body is no JSON object";
    }

    if (fields[SIG_FIELD_DATA].data == NULL) {
        return "the member \"data\" is missing";
    }

    if (fields[SIG_FIELD_FROM].data != NULL
        && !sig_proto_peer_id(&e->from, &fields[SIG_FIELD_FROM]))
    {
        return "\"from\" has to be a string of 1 to 128 printable ASCII "
               "characters";
    }

    if (fields[SIG_FIELD_PEER_METADATA].data != NULL
        && *fields[SIG_FIELD_PEER_METADATA].data != '{')
    {
        return "\"peerMetadata\" has to be an object";
    }

    e->data = fields[SIG_FIELD_DATA];
    e->metadata = fields[SIG_FIELD_PEER_METADATA];

    return NULL;
}


/*
 * Validates the message and notes the value of each member that has a
 * meaning; of several with one name the last.  A member that is not there
 * has no data.  Returns 1, or 0 if the message is not an object.
 */

static int
sig_proto_cut(slice_t *fields, const u_char *p, const u_char *end)
{
    unsigned  i;

    for (i = 0; i < SIG_FIELDS; i++) {
        fields[i].data = NULL;
    }

    p = sig_json_space(p, end);

    if (p == end || *p != '{') {
        return 0;
    }

    p = sig_json_space(p + 1, end);

    if (p < end && *p == '}') {
        return sig_json_space(p + 1, end) == end;
    }

    for ( ;; ) {
        p = sig_proto_member(fields, p, end);
        if (p == NULL) {
            return 0;
        }

        p = sig_json_space(p, end);

        if (p == end) {
            return 0;
        }

        if (*p == '}') {
            return sig_json_space(p + 1, end) == end;
        }

        if (*p != ',') {
            return 0;
        }

        p = sig_json_space(p + 1, end);
    }
}


/* passes over one name and its value, and notes that */

static const u_char *
sig_proto_member(slice_t *fields, const u_char *p, const u_char *end)
{
    slice_t        name, *value;
    const u_char  *start;

    if (p == end || *p != '"') {
        return NULL;
    }

    start = p + 1;

    p = sig_json_string(start, end);
    if (p == NULL) {
        return NULL;
    }

    name.data = (u_char *) start;
    name.len = (size_t) (p - 1 - start);

    p = sig_json_space(p, end);

    if (p == end || *p != ':') {
        return NULL;
    }

    start = sig_json_space(p + 1, end);

    p = sig_json_value(start, end, SIG_PROTO_DEPTH - 1);
    if (p == NULL) {
        return NULL;
    }

    value = &fields[sig_proto_field(&name)];
    value->data = (u_char *) start;
    value->len = (size_t) (p - start);

    return p;
}


static sig_field_e
sig_proto_field(const slice_t *name)
{
    switch (name->len) {

    case sizeof("to") - 1:
        if (sig_proto_is(name, "to")) {
            return SIG_FIELD_TO;
        }

        return SIG_FIELD_OTHER;

    case sizeof("type") - 1:
        if (sig_proto_is(name, "type")) {
            return SIG_FIELD_TYPE;
        }

        if (sig_proto_is(name, "data")) {
            return SIG_FIELD_DATA;
        }

        if (sig_proto_is(name, "from")) {
            return SIG_FIELD_FROM;
        }

        return SIG_FIELD_OTHER;

    case sizeof("channel") - 1:
        if (sig_proto_is(name, "channel")) {
            return SIG_FIELD_CHANNEL;
        }

        break;

    case sizeof("requestId") - 1:
        if (sig_proto_is(name, "requestId")) {
            return SIG_FIELD_REQUEST_ID;
        }

        break;

    case sizeof("peerMetadata") - 1:
        if (sig_proto_is(name, "peerMetadata")) {
            return SIG_FIELD_PEER_METADATA;
        }

        break;

    case sizeof("includeSenderMetadata") - 1:
        if (sig_proto_is(name, "includeSenderMetadata")) {
            return SIG_FIELD_SENDER_METADATA;
        }

        break;
    }

    return sig_proto_escaped_field(name);
}


static sig_field_e
sig_proto_escaped_field(const slice_t *name)
{
    unsigned  i;

    if (name->len == 0 || memchr(name->data, '\\', name->len) == NULL) {
        return SIG_FIELD_OTHER;
    }

    for (i = SIG_FIELD_OTHER + 1; i < SIG_FIELDS; i++) {
        if (sig_json_equal(name, &sig_proto_fields[i])) {
            return (sig_field_e) i;
        }
    }

    return SIG_FIELD_OTHER;
}


/* returns 1 and what is between the quotes if the value is a string */

static int
sig_proto_inside(slice_t *inside, const slice_t *value)
{
    if (value->data == NULL || *value->data != '"') {
        return 0;
    }

    inside->data = value->data + 1;
    inside->len = value->len - 2;

    return 1;
}


static int
sig_proto_request_id(slice_t *id, const slice_t *value)
{
    slice_t        inside;
    int32_t        c;
    unsigned       units;
    const u_char  *p, *end;

    if (!sig_proto_inside(&inside, value) || inside.len == 0) {
        return 0;
    }

    if (sig_json_plain(&inside) == inside.len) {
        if (inside.len > SIG_PROTO_REQUEST_ID) {
            return 0;
        }

        *id = inside;
        return 1;
    }

    p = inside.data;
    end = p + inside.len;

    for (units = 0; p < end; units += (c > 0xffff) ? 2 : 1) {

        if (units >= SIG_PROTO_REQUEST_ID) {
            return 0;
        }

        c = sig_json_char(&p, end);
        if (c == -1) {
            return 0;
        }
    }

    if (units > SIG_PROTO_REQUEST_ID) {
        return 0;
    }

    *id = inside;

    return 1;
}


static sig_type_e
sig_proto_type(const slice_t *value)
{
    slice_t   inside;
    unsigned  i;

    if (!sig_proto_inside(&inside, value)) {
        return SIG_TYPE_UNKNOWN;
    }

    for (i = SIG_TYPE_PING; i > SIG_TYPE_UNKNOWN; i--) {
        if (sig_json_equal(&inside, &sig_proto_types[i])) {
            return (sig_type_e) i;
        }
    }

    return SIG_TYPE_UNKNOWN;
}


static int
sig_proto_channel(slice_t *name, const slice_t *value)
{
    slice_t  inside;

    if (!sig_proto_inside(&inside, value)
        || !sig_json_unescape(&inside)
        || !sig_proto_channel_valid(&inside))
    {
        return 0;
    }

    *name = inside;

    return 1;
}


static int
sig_proto_peer_id(slice_t *id, const slice_t *value)
{
    slice_t  inside;

    if (!sig_proto_inside(&inside, value)
        || !sig_json_unescape(&inside)
        || !access_peer_id_valid(&inside))
    {
        return 0;
    }

    *id = inside;

    return 1;
}


int
sig_proto_channel_valid(const slice_t *name)
{
    uint32_t  state;

    if (name->len > ACCESS_CHANNEL_BYTES) {
        return 0;
    }

    state = 0;

    return sig_utf8_check(&state, name->data, name->len)
           && state == 0
           && access_channel_valid(name);
}


int
sig_proto_json(const u_char *p, size_t len)
{
    int            first;
    const u_char  *end;

    if (len == 0) {
        return 0;
    }

    end = p + len;
    p = sig_json_space(p, end);

    if (p == end) {
        return 0;
    }

    first = *p;

    p = sig_json_value(p, end, SIG_PROTO_DEPTH);

    if (p == NULL || sig_json_space(p, end) != end) {
        return 0;
    }

    return first;
}
