
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzing of sig_proto against jansson: both must agree on what is JSON and
 * on what a message says.  They may differ only where jansson has limits of
 * its own, and those are ironed out of a copy before it is asked, or told
 * from its error.
 */


#include <jansson.h>
#include <strings.h>

#include "fuzz.h"
#include "sig_proto.h"


#define FUZZ_MAX_DATA  64
#define FUZZ_FLAGS     (JSON_DECODE_ANY|JSON_ALLOW_NUL|JSON_DECODE_INT_AS_REAL)


typedef enum {
    FUZZ_NOT_JSON = 0,
    FUZZ_JSON,
    FUZZ_UNSURE                        /* jansson can not say */
} fuzz_verdict_e;


static fuzz_verdict_e fuzz_judge(const u_char *p, size_t n, int *first);
static void fuzz_iron(u_char *p, size_t n);
static unsigned fuzz_depth(const u_char *p, size_t n);
static void fuzz_read(const u_char *p, size_t n, fuzz_verdict_e verdict,
    int first);
static void fuzz_untouched(const sig_envelope_t *e, sig_code_e code,
    const u_char *before, const u_char *after, size_t n);
static void fuzz_inside(const slice_t *s, const u_char *p, size_t n);
static void fuzz_tree(const sig_envelope_t *e, sig_code_e code,
    const json_t *root);
static sig_code_e fuzz_expected(const json_t *root);
static sig_type_e fuzz_type(const json_t *root);
static int fuzz_request_id(const json_t *root);
static sig_code_e fuzz_channel(const json_t *name);
static int fuzz_reserved(const json_t *name);
static sig_code_e fuzz_peer_id(const json_t *name);
static size_t fuzz_units(const json_t *string);
static int fuzz_string_is(const json_t *string, const slice_t *s);
static void fuzz_answer(const sig_envelope_t *e, const json_t *root);


static slice_t  fuzz_from = slice("\"alice\"");
static slice_t  fuzz_metadata = slice("{\"name\":\"Alice\"}");


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int              first, meant;
    u_char          *copy;
    fuzz_verdict_e   verdict;

    copy = fuzz_slice(p, n).data;
    first = sig_proto_json(copy, n);

    fuzz_check(memcmp(copy, p, n) == 0);
    free(copy);

    verdict = fuzz_judge(p, n, &meant);

    if (verdict == FUZZ_JSON && fuzz_depth(p, n) > SIG_PROTO_DEPTH) {
        verdict = FUZZ_NOT_JSON;
    }

    if (verdict != FUZZ_UNSURE) {
        fuzz_check(first == (verdict == FUZZ_JSON ? meant : 0));
    }

    fuzz_read(p, n, verdict, meant);

    return 0;
}


/* what jansson says, and the first byte a value of this kind has */

static fuzz_verdict_e
fuzz_judge(const u_char *p, size_t n, int *first)
{
    u_char        *copy;
    json_t        *tree;
    json_error_t   error;

    *first = 0;

    /* jansson loses one after a literal; there is no place for it in JSON */

    if (memchr(p, '\0', n) != NULL) {
        return FUZZ_NOT_JSON;
    }

    copy = fuzz_slice(p, n).data;
    fuzz_iron(copy, n);

    tree = json_loadb((const char *) copy, n, FUZZ_FLAGS, &error);

    free(copy);

    if (tree == NULL) {
        return (json_error_code(&error) == json_error_numeric_overflow)
               ? FUZZ_UNSURE : FUZZ_NOT_JSON;
    }

    *first = p[strspn((const char *) p, " \t\r\n")];

    fuzz_check((*first == '{') == json_is_object(tree));
    fuzz_check((*first == '[') == json_is_array(tree));
    fuzz_check((*first == '"') == json_is_string(tree));
    fuzz_check((*first == 't') == json_is_true(tree));
    fuzz_check((*first == 'f') == json_is_false(tree));
    fuzz_check((*first == 'n') == json_is_null(tree));

    json_decref(tree);

    return FUZZ_JSON;
}


/*
 * jansson refuses escaped surrogates without their other half, NUL in names,
 * and numbers that do not fit.  None of them changes what is JSON.
 */

static void
fuzz_iron(u_char *p, size_t n)
{
    int                string, exponent;
    char               hex[5];
    char              *end;
    size_t             i;
    unsigned           c;
    static const char  plain[4] = { '0', '0', '4', '1' };

    string = 0;
    exponent = 0;

    for (i = 0; i < n; i++) {

        if (p[i] == '\\') {
            if (n - i >= 6 && p[i + 1] == 'u') {
                memcpy(hex, p + i + 2, 4);
                hex[4] = '\0';

                c = (unsigned) strtoul(hex, &end, 16);

                if (end == hex + 4
                    && hex[0] != '-' && hex[0] != '+' && hex[0] != ' '
                    && strpbrk(hex, "xX\t\n\v\f\r") == NULL
                    && (c == 0 || (c >= 0xd800 && c <= 0xdfff)))
                {
                    memcpy(p + i + 2, plain, 4);
                }
            }

            i++;
            continue;
        }

        if (p[i] == '"') {
            string = !string;
            exponent = 0;
            continue;
        }

        if (string) {
            continue;
        }

        if (p[i] == 'e' || p[i] == 'E') {
            exponent = 1;

        } else if (p[i] >= '0' && p[i] <= '9') {
            if (exponent) {
                p[i] = '0';
            }

        } else if (p[i] != '+' && p[i] != '-') {
            exponent = 0;
        }
    }
}


/* the depth of nesting of what is known to be JSON */

static unsigned
fuzz_depth(const u_char *p, size_t n)
{
    int       string;
    size_t    i;
    unsigned  depth, deepest;

    string = 0;
    depth = 0;
    deepest = 0;

    for (i = 0; i < n; i++) {

        if (string && p[i] == '\\') {
            i++;

        } else if (p[i] == '"') {
            string = !string;

        } else if (!string && (p[i] == '[' || p[i] == '{')) {
            depth++;
            deepest = (depth > deepest) ? depth : deepest;

        } else if (!string && (p[i] == ']' || p[i] == '}')) {
            depth--;
        }
    }

    return deepest;
}


static void
fuzz_read(const u_char *p, size_t n, fuzz_verdict_e verdict, int first)
{
    u_char          *copy, *again;
    json_t          *tree;
    sig_code_e       code, limited;
    json_error_t     error;
    sig_envelope_t   e, l;

    copy = fuzz_slice(p, n).data;
    code = sig_proto_read(&e, copy, n, n);

    fuzz_check(code != SIG_DATA_TOO_BIG);
    fuzz_untouched(&e, code, p, copy, n);

    again = fuzz_slice(p, n).data;
    limited = sig_proto_read(&l, again, n, FUZZ_MAX_DATA);

    if (code == SIG_OK && e.data.len > FUZZ_MAX_DATA) {
        fuzz_check(limited == SIG_DATA_TOO_BIG);

    } else {
        fuzz_check(limited == code
                   || (limited == SIG_DATA_TOO_BIG
                       && code == SIG_CHANNEL_RESERVED));
    }

    free(again);

    tree = json_stringn((const char *) p, n);

    if (tree == NULL) {
        fuzz_check(code == SIG_NOT_UTF8);
        fuzz_check(verdict != FUZZ_JSON);

    } else {
        fuzz_check(code != SIG_NOT_UTF8);
    }

    json_decref(tree);

    if (verdict == FUZZ_NOT_JSON || (verdict == FUZZ_JSON && first != '{')) {
        fuzz_check(code == SIG_MALFORMED_MESSAGE || code == SIG_NOT_UTF8);
        fuzz_check(e.request_id.data == NULL);
    }

    tree = json_loadb((const char *) p, n, FUZZ_FLAGS, &error);

    if (verdict == FUZZ_JSON && json_is_object(tree)) {
        fuzz_tree(&e, code, tree);
    }

    json_decref(tree);
    free(copy);
}


/* nothing but the name that counts may have been written to */

static void
fuzz_untouched(const sig_envelope_t *e, sig_code_e code,
    const u_char *before, const u_char *after, size_t n)
{
    size_t          from, to;
    const slice_t  *name;

    fuzz_inside(&e->request_id, after, n);

    if (code != SIG_OK) {
        switch (code) {

        case SIG_NOT_UTF8:
        case SIG_MALFORMED_MESSAGE:
        case SIG_UNKNOWN_TYPE:
            fuzz_check(memcmp(before, after, n) == 0);
            break;

        default:
            break;
        }

        return;
    }

    fuzz_inside(&e->channel, after, n);
    fuzz_inside(&e->to, after, n);
    fuzz_inside(&e->data, after, n);

    name = (e->type == SIG_TYPE_SEND) ? &e->to : &e->channel;

    if (name->data == NULL) {
        fuzz_check(e->type == SIG_TYPE_PING);
        fuzz_check(memcmp(before, after, n) == 0);
        return;
    }

    from = (size_t) (name->data - after);
    fuzz_check(from > 0 && before[from - 1] == '"');

    for (to = from; before[to] != '"'; to++) {
        if (before[to] == '\\') {
            to++;
        }
    }

    fuzz_check(name->len <= to - from);
    fuzz_check(memcmp(before, after, from) == 0);
    fuzz_check(memcmp(before + to, after + to, n - to) == 0);
}


static void
fuzz_inside(const slice_t *s, const u_char *p, size_t n)
{
    if (s->data == NULL) {
        fuzz_check(s->len == 0);
        return;
    }

    fuzz_check(s->data >= p && s->data <= p + n
               && s->len <= (size_t) (p + n - s->data));
}


static void
fuzz_tree(const sig_envelope_t *e, sig_code_e code, const json_t *root)
{
    json_t        *data;
    json_error_t   error;

    fuzz_check(code == fuzz_expected(root));

    fuzz_check(fuzz_request_id(root) == (e->request_id.data != NULL));

    if (code != SIG_OK) {
        return;
    }

    fuzz_check(e->type == fuzz_type(root));

    if (e->channel.data != NULL) {
        fuzz_check(fuzz_string_is(json_object_get(root, "channel"),
                                  &e->channel));
        fuzz_check(sig_proto_channel_valid(&e->channel));
    }

    if (e->to.data != NULL) {
        fuzz_check(fuzz_string_is(json_object_get(root, "to"), &e->to));
        fuzz_check(access_peer_id_valid(&e->to));
    }

    if (e->data.data != NULL) {
        data = json_loadb((const char *) e->data.data, e->data.len,
                          FUZZ_FLAGS, &error);

        fuzz_check(data != NULL);
        fuzz_check(json_equal(data, json_object_get(root, "data")));

        json_decref(data);
    }

    if (e->type != SIG_TYPE_PING) {
        fuzz_check(e->sender_metadata
                   == json_is_true(json_object_get(root,
                                                   "includeSenderMetadata")));
    }

    fuzz_answer(e, root);
}


/* docs/protocol.md 3.1 once more, from a tree and without a size of data */

static sig_code_e
fuzz_expected(const json_t *root)
{
    sig_code_e     code;
    sig_type_e     type;
    const json_t  *channel;

    if (json_object_get(root, "requestId") != NULL && !fuzz_request_id(root)) {
        return SIG_MALFORMED_MESSAGE;
    }

    if (!json_is_string(json_object_get(root, "type"))) {
        return SIG_MALFORMED_MESSAGE;
    }

    type = fuzz_type(root);
    channel = json_object_get(root, "channel");

    switch (type) {

    case SIG_TYPE_UNKNOWN:
        return SIG_UNKNOWN_TYPE;

    case SIG_TYPE_PING:
        return SIG_OK;

    case SIG_TYPE_SEND:
        code = fuzz_peer_id(json_object_get(root, "to"));
        break;

    default:
        code = fuzz_channel(channel);
    }

    if (code != SIG_OK) {
        return code;
    }

    if ((type == SIG_TYPE_SEND || type == SIG_TYPE_PUBLISH)
        && json_object_get(root, "data") == NULL)
    {
        return SIG_MISSING_DATA;
    }

    if ((type == SIG_TYPE_SUBSCRIBE || type == SIG_TYPE_PUBLISH)
        && fuzz_reserved(channel))
    {
        return SIG_CHANNEL_RESERVED;
    }

    return SIG_OK;
}


static sig_type_e
fuzz_type(const json_t *root)
{
    size_t         i;
    slice_t        s;
    const json_t  *type;

    static const char  *names[] = { "subscribe", "unsubscribe", "publish",
                                    "send", "ping" };

    type = json_object_get(root, "type");

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        s.data = (u_char *) names[i];
        s.len = strlen(names[i]);

        if (fuzz_string_is(type, &s)) {
            return (sig_type_e) (SIG_TYPE_SUBSCRIBE + i);
        }
    }

    return SIG_TYPE_UNKNOWN;
}


static int
fuzz_request_id(const json_t *root)
{
    size_t         units;
    const json_t  *id;

    id = json_object_get(root, "requestId");

    if (!json_is_string(id)) {
        return 0;
    }

    units = fuzz_units(id);

    return units >= 1 && units <= SIG_PROTO_REQUEST_ID;
}


static sig_code_e
fuzz_channel(const json_t *name)
{
    size_t         i, n;
    const u_char  *p;

    if (!json_is_string(name)) {
        return SIG_INVALID_CHANNEL;
    }

    p = (const u_char *) json_string_value(name);
    n = json_string_length(name);

    for (i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0)) {
            return SIG_INVALID_CHANNEL;
        }
    }

    return (n == 0 || fuzz_units(name) > ACCESS_CHANNEL_UNITS)
           ? SIG_INVALID_CHANNEL : SIG_OK;
}


static int
fuzz_reserved(const json_t *name)
{
    const char  *p;

    p = json_string_value(name);

    return strncasecmp(p, "_metered/", 9) == 0
           || strncasecmp(p, "_internal/", 10) == 0
           || strncasecmp(p, "_system/", 8) == 0;
}


static sig_code_e
fuzz_peer_id(const json_t *name)
{
    size_t         i, n;
    const u_char  *p;

    if (!json_is_string(name)) {
        return SIG_INVALID_PEER_ID;
    }

    p = (const u_char *) json_string_value(name);
    n = json_string_length(name);

    for (i = 0; i < n; i++) {
        if (p[i] < 0x20 || p[i] > 0x7e) {
            return SIG_INVALID_PEER_ID;
        }
    }

    return (n == 0 || n > ACCESS_PEER_ID) ? SIG_INVALID_PEER_ID : SIG_OK;
}


static size_t
fuzz_units(const json_t *string)
{
    size_t         i, n, units;
    const u_char  *p;

    p = (const u_char *) json_string_value(string);
    n = json_string_length(string);

    units = 0;

    for (i = 0; i < n; i++) {
        units += (p[i] < 0x80 || p[i] >= 0xc0) + (p[i] >= 0xf0);
    }

    return units;
}


static int
fuzz_string_is(const json_t *string, const slice_t *s)
{
    return json_is_string(string)
           && json_string_length(string) == s->len
           && memcmp(json_string_value(string), s->data, s->len) == 0;
}


/* what would be sent on must be JSON and say the same */

static void
fuzz_answer(const sig_envelope_t *e, const json_t *root)
{
    size_t         len;
    u_char        *p, quoted[2 + 2 * ACCESS_CHANNEL_BYTES];
    json_t        *frame;
    slice_t        channel;
    json_error_t   error;

    if (e->request_id.data != NULL) {
        len = sig_proto_ack_len(&e->request_id);
        p = malloc(len);
        fuzz_check(p != NULL && sig_proto_ack(p, &e->request_id) == p + len);

        frame = json_loadb((const char *) p, len, FUZZ_FLAGS, &error);
        fuzz_check(json_equal(json_object_get(frame, "requestId"),
                              json_object_get(root, "requestId")));

        json_decref(frame);
        free(p);
    }

    if (e->type != SIG_TYPE_PUBLISH) {
        return;
    }

    channel.len = sig_proto_quote_len(&e->channel);
    fuzz_check(channel.len <= sizeof(quoted));

    channel.data = quoted;
    fuzz_check(sig_proto_quote(quoted, &e->channel) == quoted + channel.len);

    len = sig_proto_message_len(&channel, &fuzz_from, &e->data,
                                &fuzz_metadata);
    p = malloc(len);

    fuzz_check(p != NULL
               && sig_proto_message(p, &channel, &fuzz_from, &e->data,
                                    &fuzz_metadata) == p + len);

    frame = json_loadb((const char *) p, len, FUZZ_FLAGS, &error);

    fuzz_check(json_object_size(frame) == 5);
    fuzz_check(json_equal(json_object_get(frame, "channel"),
                          json_object_get(root, "channel")));
    fuzz_check(json_equal(json_object_get(frame, "data"),
                          json_object_get(root, "data")));

    json_decref(frame);
    free(p);
}
