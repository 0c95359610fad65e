
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of the writers of sig_proto: the length told is the length written,
 * and a JSON parser of other people reads back what was meant.
 */


#ifndef _GNU_SOURCE
#define _GNU_SOURCE                /* memmem() */
#endif

#include <jansson.h>

#include "guard.h"
#include "tap.h"
#include "sig_proto.h"


#define WRITE_PEER  "{\"peerId\":\"alice\"}"
#define WRITE_JOIN  "{\"peerId\":\"alice\",\"metadata\":"                     \
                    "{\"username\":\"Al\xc3\xa9\"}}"


static int frame_is(const u_char *p, const u_char *end, size_t len,
    const char *expected);
static u_char *room(size_t len);
static int quote_is(const char *text, size_t n);
static void test_quote(void);
static void test_welcome(void);
static void test_ack(void);
static void test_error(void);
static int error_is(sig_code_e code, const char *name, const slice_t *id,
    const char *meant_id);
static void test_message(void);
static void test_direct(void);
static void test_presence(void);
static void test_going_away(void);
static void test_numbers(void);


#define count(a)  (sizeof(a) / sizeof((a)[0]))


static const slice_t  none = { 0, NULL };
static const slice_t  peer = slice("\"alice\"");
static const slice_t  channel = slice("\"room \\\"42\\\"\"");
static const slice_t  data = slice("{\"text\":[1.0,\"\\u00e9\"]}");
static const slice_t  metadata = slice("{\"username\":\"Al\xc3\xa9\"}");


/* room for exactly len bytes, followed by a page that kills */

static u_char *
room(size_t len)
{
    memset(guard, 0xee, guard_size);

    return guard + guard_size - len;
}


static int
frame_is(const u_char *p, const u_char *end, size_t len,
    const char *expected)
{
    int            pass;
    json_t        *got, *meant;
    json_error_t   error;

    if ((size_t) (end - p) != len) {
        printf("# %zu bytes instead of %zu\n", (size_t) (end - p), len);
        return 0;
    }

    if (p[-1] != 0xee) {
        printf("# wrote before the begin\n");
        return 0;
    }

    got = json_loadb((const char *) p, len,
                     JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL|JSON_DECODE_ANY,
                     &error);
    if (got == NULL) {
        printf("# %s: %.*s\n", error.text, (int) len, (const char *) p);
        return 0;
    }

    meant = json_loads(expected, JSON_DECODE_ANY, &error);

    pass = (meant != NULL && json_equal(got, meant));

    if (!pass) {
        printf("# %.*s\n", (int) len, (const char *) p);
    }

    json_decref(got);
    json_decref(meant);

    return pass;
}


static int
quote_is(const char *text, size_t n)
{
    int            pass;
    json_t        *got;
    size_t         len;
    u_char        *p, *end;
    slice_t        s;
    json_error_t   error;

    s.len = n;
    s.data = (u_char *) text;

    len = sig_proto_quote_len(&s);
    p = room(len);
    end = sig_proto_quote(p, &s);

    if ((size_t) (end - p) != len) {
        printf("# %zu bytes instead of %zu\n", (size_t) (end - p), len);
        return 0;
    }

    got = json_loadb((const char *) p, len, JSON_ALLOW_NUL|JSON_DECODE_ANY,
                     &error);

    pass = (json_is_string(got)
            && json_string_length(got) == n
            && memcmp(json_string_value(got), text, n) == 0);

    json_decref(got);

    return pass;
}


static void
test_quote(void)
{
    int       pass;
    char      text[2];
    unsigned  c;

    ok(quote_is("", 0), "quote: nothing");
    ok(quote_is("room-42", 7), "quote: plain text");
    ok(quote_is("\"\\\"\\\\", 5), "quote: quotes and backslashes");
    ok(quote_is("\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80", 9), "quote: UTF-8");

    pass = 1;

    for (c = 0; c < 0x80; c++) {
        text[0] = (char) c;
        text[1] = 'x';

        pass &= quote_is(text, 2);
    }

    ok(pass, "quote: every ASCII character");
}


static void
test_welcome(void)
{
    size_t   len;
    u_char  *p;

    len = sig_proto_welcome_len(&peer, -1, 1782000000, 65536, &none);
    p = room(len);

    ok(frame_is(p, sig_proto_welcome(p, &peer, -1, 1782000000, 65536, &none),
                len, "{\"type\":\"welcome\",\"peerId\":\"alice\","
                "\"expiresAt\":null,\"serverTime\":1782000000,"
                "\"maxMessageSize\":65536}"), "welcome: without an expiry");

    len = sig_proto_welcome_len(&peer, 1782003600, 1782000000, 0, &metadata);
    p = room(len);

    ok(frame_is(p, sig_proto_welcome(p, &peer, 1782003600, 1782000000, 0,
                                     &metadata),
                len, "{\"type\":\"welcome\",\"peerId\":\"alice\","
                "\"expiresAt\":1782003600,\"serverTime\":1782000000,"
                "\"maxMessageSize\":0,\"metadata\":{\"username\":"
                "\"Al\xc3\xa9\"}}"), "welcome: with everything");

    len = sig_proto_welcome_len(&peer, 0, 0, 1, &none);
    p = room(len);

    ok(frame_is(p, sig_proto_welcome(p, &peer, 0, 0, 1, &none),
                len, "{\"type\":\"welcome\",\"peerId\":\"alice\","
                "\"expiresAt\":0,\"serverTime\":0,\"maxMessageSize\":1}"),
       "welcome: an expiry of 0 is a number");
}


static void
test_ack(void)
{
    size_t   len;
    u_char  *p;
    slice_t  id = slice("\\u0041-\\\"1");

    len = sig_proto_ack_len(&id);
    p = room(len);

    ok(frame_is(p, sig_proto_ack(p, &id), len,
                "{\"type\":\"ack\",\"requestId\":\"A-\\\"1\"}"), "ack");
}


static void
test_error(void)
{
    int       pass;
    size_t    n;
    slice_t   id = slice("r\\n1");

    static const char  *names[] = {
        "malformed_message", "unknown_type", "invalid_channel",
        "invalid_peer_id", "missing_data", "channel_reserved",
        "action_not_permitted", "channel_not_authorized",
        "channel_limit_exceeded", "over_message_quota", "peer_not_found",
        "backend_error", "internal_error"
    };

    pass = 1;

    for (n = 0; n < count(names); n++) {
        pass &= error_is((sig_code_e) (SIG_MALFORMED_MESSAGE + n), names[n],
                         &none, NULL);
        pass &= error_is((sig_code_e) (SIG_MALFORMED_MESSAGE + n), names[n],
                         &id, "r\n1");
    }

    ok(pass, "error: every code, with and without a request id");

    ok(error_is((sig_code_e) 1000, "internal_error", &none, NULL),
       "error: an impossible code");
}


static int
error_is(sig_code_e code, const char *name, const slice_t *id,
    const char *meant_id)
{
    int            pass;
    json_t        *got;
    size_t         len;
    u_char        *p, *end;
    const char    *got_type, *got_name, *got_text, *got_id;
    json_error_t   error;

    len = sig_proto_error_len(code, id);
    p = room(len);
    end = sig_proto_error(p, code, id);

    if ((size_t) (end - p) != len || p[-1] != 0xee) {
        printf("# %s: %zu bytes instead of %zu\n", name, (size_t) (end - p),
               len);
        return 0;
    }

    got = json_loadb((const char *) p, len, JSON_REJECT_DUPLICATES, &error);
    got_id = NULL;

    pass = (json_unpack_ex(got, &error, JSON_STRICT, "{s:s, s:s, s:s, s?s}",
                           "type", &got_type, "code", &got_name,
                           "message", &got_text, "requestId", &got_id)
            == 0
            && strcmp(got_type, "error") == 0
            && strcmp(got_name, name) == 0
            && strlen(got_text) >= 10
            && ((got_id == NULL || meant_id == NULL)
                ? got_id == meant_id : strcmp(got_id, meant_id) == 0)
            && strcmp((char *) sig_proto_code_name(code)->data, name) == 0
            && sig_proto_code_name(code)->len == strlen(name));

    if (!pass) {
        printf("# %s: %.*s\n", name, (int) len, (const char *) p);
    }

    json_decref(got);

    return pass;
}


static void
test_message(void)
{
    size_t    len;
    u_char   *p;
    slice_t   json;

    len = sig_proto_message_len(&channel, &peer, &data, &none);
    p = room(len);

    ok(frame_is(p, sig_proto_message(p, &channel, &peer, &data, &none), len,
                "{\"type\":\"message\",\"channel\":\"room \\\"42\\\"\","
                "\"from\":\"alice\",\"data\":{\"text\":[1.0,\"\xc3\xa9\"]}}"),
       "message");

    len = sig_proto_message_len(&channel, &peer, &data, &metadata);
    p = room(len);

    ok(frame_is(p, sig_proto_message(p, &channel, &peer, &data, &metadata),
                len,
                "{\"type\":\"message\",\"channel\":\"room \\\"42\\\"\","
                "\"from\":\"alice\",\"data\":{\"text\":[1.0,\"\xc3\xa9\"]},"
                "\"fromMetadata\":{\"username\":\"Al\xc3\xa9\"}}"),
       "message: with metadata");

    /* workers rely on both */

    ok(memmem(p, len, data.data, data.len) != NULL,
       "message: data is not changed");
    ok(memcmp(p + len - metadata.len - 1, metadata.data, metadata.len) == 0,
       "message: the metadata comes last");

    /* added by a worker that was not told it */

    json.len = sig_proto_message_len(&channel, &peer, &data, &none);
    json.data = malloc(json.len);

    if (json.data == NULL) {
        ok(0, "no memory");
        return;
    }

    (void) sig_proto_message(json.data, &channel, &peer, &data, &none);

    ok(sig_proto_message_add_len(&json, &metadata) == len,
       "message: its length with what is added");

    p = room(len);

    ok(frame_is(p, sig_proto_message_add(p, &json, &metadata), len,
                "{\"type\":\"message\",\"channel\":\"room \\\"42\\\"\","
                "\"from\":\"alice\",\"data\":{\"text\":[1.0,\"\xc3\xa9\"]},"
                "\"fromMetadata\":{\"username\":\"Al\xc3\xa9\"}}"),
       "message: metadata is added");

    p = room(json.len);

    ok(sig_proto_message_add(p, &json, &none) == p + json.len
       && memcmp(p, json.data, json.len) == 0, "message: none is added");

    free(json.data);
}


static void
test_direct(void)
{
    size_t   len;
    u_char  *p;

    len = sig_proto_direct_len(&peer, &data, &none);
    p = room(len);

    ok(frame_is(p, sig_proto_direct(p, &peer, &data, &none), len,
                "{\"type\":\"direct\",\"from\":\"alice\","
                "\"data\":{\"text\":[1.0,\"\xc3\xa9\"]}}"), "direct");

    len = sig_proto_direct_len(&peer, &data, &metadata);
    p = room(len);

    ok(frame_is(p, sig_proto_direct(p, &peer, &data, &metadata), len,
                "{\"type\":\"direct\",\"from\":\"alice\","
                "\"data\":{\"text\":[1.0,\"\xc3\xa9\"]},"
                "\"fromMetadata\":{\"username\":\"Al\xc3\xa9\"}}"),
       "direct: with metadata");

    ok(memcmp(p + len - metadata.len - 1, metadata.data, metadata.len) == 0,
       "direct: the metadata comes last");
}


static void
test_presence(void)
{
    char      text[256];
    size_t    len;
    u_char   *p, *end;
    unsigned  joined, left;

    static const char  *joins[] = { "", WRITE_JOIN,
                                    WRITE_JOIN "," WRITE_PEER };
    static const char  *leaves[] = { "", WRITE_PEER,
                                     WRITE_PEER "," WRITE_PEER };

    for (joined = 0; joined < 3; joined++) {
        for (left = 0; left < 3; left++) {

            len = sig_proto_presence_open_len(&channel)
                  + sig_proto_presence_turn_len()
                  + sig_proto_presence_close_len();

            if (joined > 0) {
                len += sig_proto_presence_entry_len(&peer, &metadata, 1);
            }

            if (joined > 1) {
                len += sig_proto_presence_entry_len(&peer, &none, 0);
            }

            if (left > 0) {
                len += sig_proto_presence_entry_len(&peer, &none, 1);
            }

            if (left > 1) {
                len += sig_proto_presence_entry_len(&peer, &none, 0);
            }

            p = room(len);
            end = sig_proto_presence_open(p, &channel);

            if (joined > 0) {
                end = sig_proto_presence_entry(end, &peer, &metadata, 1);
            }

            if (joined > 1) {
                end = sig_proto_presence_entry(end, &peer, &none, 0);
            }

            end = sig_proto_presence_turn(end);

            if (left > 0) {
                end = sig_proto_presence_entry(end, &peer, &none, 1);
            }

            if (left > 1) {
                end = sig_proto_presence_entry(end, &peer, &none, 0);
            }

            end = sig_proto_presence_close(end);

            snprintf(text, sizeof(text),
                     "{\"type\":\"presence\",\"channel\":\"room \\\"42\\\"\","
                     "\"joined\":[%s],\"left\":[%s]}",
                     joins[joined], leaves[left]);

            ok(frame_is(p, end, len, text), text);
        }
    }
}


static void
test_going_away(void)
{
    size_t   len;
    u_char  *p;

    len = sig_proto_going_away_len(1000);
    p = room(len);

    ok(frame_is(p, sig_proto_going_away(p, 1000), len,
                "{\"type\":\"going_away\",\"retryAfterMs\":1000}"),
       "going away");

    len = sig_proto_going_away_len(UINT32_MAX);
    p = room(len);

    ok(frame_is(p, sig_proto_going_away(p, UINT32_MAX), len,
                "{\"type\":\"going_away\",\"retryAfterMs\":4294967295}"),
       "going away: the longest time");

    len = sig_proto_pong.len;
    p = room(len);
    memcpy(p, sig_proto_pong.data, len);

    ok(frame_is(p, p + len, len, "{\"type\":\"pong\"}"), "pong");
}


static void
test_numbers(void)
{
    int             pass;
    char            expected[256];
    size_t          i, len;
    u_char         *p;
    const int64_t   numbers[] = { 0, 9, 10, 99, 100, 999999999, 1000000000,
                                  INT64_MAX - 1, INT64_MAX };

    pass = 1;

    for (i = 0; i < count(numbers); i++) {
        len = sig_proto_welcome_len(&peer, numbers[i], -numbers[i],
                                    (size_t) numbers[i], &none);
        p = room(len);

        snprintf(expected, sizeof(expected),
                 "{\"type\":\"welcome\",\"peerId\":\"alice\","
                 "\"expiresAt\":%lld,\"serverTime\":%lld,"
                 "\"maxMessageSize\":%lld}",
                 (long long) numbers[i], (long long) -numbers[i],
                 (long long) numbers[i]);

        pass &= frame_is(p, sig_proto_welcome(p, &peer, numbers[i],
                                              -numbers[i],
                                              (size_t) numbers[i], &none),
                         len, expected);
    }

    ok(pass, "numbers");
}


int
main(void)
{
    guard_create();

    test_quote();
    test_welcome();
    test_ack();
    test_error();
    test_message();
    test_direct();
    test_presence();
    test_going_away();
    test_numbers();

    return tap_done();
}
