
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_proto_read(): docs/protocol.md 3, rule by rule.  Names and
 * sizes have a file of their own.
 */


#include "proto_read.h"
#include "tap.h"


typedef struct {
    const char  *text;
    const char  *message;
    sig_code_e   code;
    const char  *request_id;       /* NULL: none */
    sig_type_e   type;             /* from here on with SIG_OK only */
    const char  *name;             /* channel or to */
    const char  *data;
    unsigned     sender_metadata;
} proto_test_t;


static void test_messages(const proto_test_t *tests, size_t n);
static int message_is(const proto_test_t *t);
static void test_depth(void);
static void test_not_utf8(void);
static void test_untouched(void);


#define count(a)  (sizeof(a) / sizeof((a)[0]))


static const proto_test_t  good_tests[] = {

    { "subscribe",
      "{\"type\":\"subscribe\",\"channel\":\"room-42\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "room-42", NULL, 0 },

    { "subscribe with everything",
      "{\"type\":\"subscribe\",\"channel\":\"room-42\",\"requestId\":\"r1\","
      "\"includeSenderMetadata\":true}",
      SIG_OK, "r1", SIG_TYPE_SUBSCRIBE, "room-42", NULL, 1 },

    { "includeSenderMetadata is false",
      "{\"includeSenderMetadata\":false,\"type\":\"subscribe\","
      "\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "c", NULL, 0 },

    { "includeSenderMetadata is 1",
      "{\"includeSenderMetadata\":1,\"type\":\"subscribe\","
      "\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "c", NULL, 0 },

    { "includeSenderMetadata is \"true\"",
      "{\"includeSenderMetadata\":\"true\",\"type\":\"subscribe\","
      "\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "c", NULL, 0 },

    { "includeSenderMetadata is not true any more",
      "{\"includeSenderMetadata\":true,\"type\":\"subscribe\","
      "\"channel\":\"c\",\"includeSenderMetadata\":null}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "c", NULL, 0 },

    { "unsubscribe",
      "{\"requestId\":\"u\",\"channel\":\"a/b\",\"type\":\"unsubscribe\"}",
      SIG_OK, "u", SIG_TYPE_UNSUBSCRIBE, "a/b", NULL, 0 },

    { "unsubscribe from a reserved channel",
      "{\"channel\":\"_metered/x\",\"type\":\"unsubscribe\"}",
      SIG_OK, NULL, SIG_TYPE_UNSUBSCRIBE, "_metered/x", NULL, 0 },

    { "publish",
      "{\"type\":\"publish\",\"channel\":\"c\",\"data\":{\"a\":[1,2]}}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "{\"a\":[1,2]}", 0 },

    { "publish null",
      "{\"type\":\"publish\",\"channel\":\"c\",\"data\":null}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "null", 0 },

    { "publish false",
      "{\"type\":\"publish\",\"channel\":\"c\",\"data\":false}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "false", 0 },

    { "publish 0",
      "{\"type\":\"publish\",\"data\":0,\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "0", 0 },

    { "publish an empty string",
      "{\"type\":\"publish\",\"data\":\"\",\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "\"\"", 0 },

    { "publish what only looks wrong",
      "{\"type\":\"publish\",\"data\":[\"\\ud800\",1e999,\"\\u0000\"],"
      "\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "[\"\\ud800\",1e999,\"\\u0000\"]",
      0 },

    { "data keeps its inner space and loses the outer",
      " { \"type\" : \"publish\" , \"data\" :\n\t[ 1 , 2 ]\r\n, "
      "\"channel\" : \"c\" } ",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "[ 1 , 2 ]", 0 },

    { "send",
      "{\"type\":\"send\",\"to\":\"b7e1\",\"data\":{\"type\":\"rtc-ice\","
      "\"candidate\":null},\"requestId\":\"s-1\"}",
      SIG_OK, "s-1", SIG_TYPE_SEND, "b7e1",
      "{\"type\":\"rtc-ice\",\"candidate\":null}", 0 },

    { "send with a bad channel, which means nothing",
      "{\"type\":\"send\",\"to\":\"b\",\"data\":1,\"channel\":7}",
      SIG_OK, NULL, SIG_TYPE_SEND, "b", "1", 0 },

    { "publish with a bad to, which means nothing",
      "{\"type\":\"publish\",\"to\":\"\",\"data\":1,\"channel\":\"c\"}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "c", "1", 0 },

    { "ping",
      "{\"type\":\"ping\"}",
      SIG_OK, NULL, SIG_TYPE_PING, NULL, NULL, 0 },

    { "ping with anything",
      "{\"type\":\"ping\",\"requestId\":\"p\",\"channel\":\"\",\"to\":1}",
      SIG_OK, "p", SIG_TYPE_PING, NULL, NULL, 0 },

    { "unknown members",
      "{\"v\":1,\"\":{},\"typ\":0,\"types\":[],\"type\":\"send\","
      "\"To\":3,\"to\":\"b\",\"data\":1,\"x\":\"\\udfff\",\"\\ud800\":1}",
      SIG_OK, NULL, SIG_TYPE_SEND, "b", "1", 0 },

    { "the members of members mean nothing",
      "{\"a\":{\"type\":\"publish\",\"requestId\":1},\"type\":\"send\","
      "\"data\":{\"to\":7,\"data\":8,\"requestId\":null},\"to\":\"b\"}",
      SIG_OK, NULL, SIG_TYPE_SEND, "b",
      "{\"to\":7,\"data\":8,\"requestId\":null}", 0 },

    { "escapes in every name",
      "{\"t\\u0079pe\":\"sub\\u0073cribe\",\"\\u0063hannel\":\"\\u0063\","
      "\"request\\u0049d\":\"\\u0041\",\"includeSenderMetadat\\u0061\":true}",
      SIG_OK, "\\u0041", SIG_TYPE_SUBSCRIBE, "c", NULL, 1 },

    { "escapes in every name of a send",
      "{\"type\":\"\\u0073\\u0065\\u006e\\u0064\",\"\\u0074\\u006f\":\"a\\/b"
      "\\\"\\\\\",\"\\u0064ata\":\"\\u0041\"}",
      SIG_OK, NULL, SIG_TYPE_SEND, "a/b\"\\", "\"\\u0041\"", 0 },

    { "a channel of escapes",
      "{\"type\":\"publish\",\"channel\":\"\\u00e9\\ud83d\\ude00\\/\\\"\","
      "\"data\":\"\\u00e9\"}",
      SIG_OK, NULL, SIG_TYPE_PUBLISH, "\xc3\xa9\xf0\x9f\x98\x80/\"",
      "\"\\u00e9\"", 0 },

    { "duplicates: the last one wins",
      "{\"type\":\"ping\",\"channel\":7,\"requestId\":0,\"data\":\"x\","
      "\"type\":\"publish\",\"channel\":\"\\u0061\",\"data\":[],"
      "\"requestId\":\"1\",\"channel\":\"\\u0062\",\"data\":{},"
      "\"requestId\":\"2\"}",
      SIG_OK, "2", SIG_TYPE_PUBLISH, "b", "{}", 0 },

    { "duplicates: by escapes as well",
      "{\"type\":\"send\",\"to\":\"a\",\"\\u0074o\":\"b\",\"data\":1,"
      "\"dat\\u0061\":2}",
      SIG_OK, NULL, SIG_TYPE_SEND, "b", "2", 0 },

    { "not quite a reserved channel",
      "{\"type\":\"subscribe\",\"channel\":\"_metered\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "_metered", NULL, 0 },

    { "not quite a reserved channel either",
      "{\"type\":\"subscribe\",\"channel\":\"x_system/\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "x_system/", NULL, 0 },

    { "reserved with the long s of Unicode is not reserved",
      "{\"type\":\"subscribe\",\"channel\":\"_\xc5\xbfystem/\"}",
      SIG_OK, NULL, SIG_TYPE_SUBSCRIBE, "_\xc5\xbfystem/", NULL, 0 },

    { "a request id with control characters by escape",
      "{\"type\":\"ping\",\"requestId\":\"\\u0000\\n\"}",
      SIG_OK, "\\u0000\\n", SIG_TYPE_PING, NULL, NULL, 0 },

    { "a peer id with a space",
      "{\"type\":\"send\",\"to\":\" ~\",\"data\":1}",
      SIG_OK, NULL, SIG_TYPE_SEND, " ~", "1", 0 }
};


/* the order of the members tells the order of the checks */

static const proto_test_t  bad_tests[] = {

    { "nothing", "", SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "garbage", "hello", SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "an array", "[{\"type\":\"ping\"}]",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "neither array nor object", "[\"type\":\"ping\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "a string", "\"ping\"", SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "null", "null", SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "two objects", "{\"type\":\"ping\"}{}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "an object and a comma", "{\"type\":\"ping\",}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "an object that does not end", "{\"type\":\"ping\",\"requestId\":\"r\"",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "a mistake in data", "{\"requestId\":\"r\",\"type\":\"send\","
      "\"to\":\"b\",\"data\":[01]}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "a mistake in an unknown member", "{\"type\":\"ping\",\"x\":tru}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "no colon", "{\"type\" \"ping\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "no comma", "{\"type\":\"ping\" \"a\":1}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "a name without quotes", "{type:\"ping\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },

    { "an empty object", "{}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "no type", "{\"requestId\":\"r\"}",
      SIG_MALFORMED_MESSAGE, "r", 0, NULL, NULL, 0 },
    { "type is a number", "{\"type\":1,\"requestId\":\"r\"}",
      SIG_MALFORMED_MESSAGE, "r", 0, NULL, NULL, 0 },
    { "type is null, at last", "{\"type\":\"ping\",\"requestId\":\"r\","
      "\"type\":null}",
      SIG_MALFORMED_MESSAGE, "r", 0, NULL, NULL, 0 },
    { "no type, and a bad request id", "{\"requestId\":\"\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "request id is null", "{\"type\":\"ping\",\"requestId\":null}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "request id is a number", "{\"type\":\"ping\",\"requestId\":7}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "request id is empty", "{\"type\":\"ping\",\"requestId\":\"\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "request id with half a surrogate pair",
      "{\"type\":\"ping\",\"requestId\":\"a\\ud83d\"}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },
    { "request id comes before the type is known",
      "{\"type\":\"nonsense\",\"requestId\":7}",
      SIG_MALFORMED_MESSAGE, NULL, 0, NULL, NULL, 0 },

    { "unknown type", "{\"type\":\"join\",\"requestId\":\"r\","
      "\"channel\":7}", SIG_UNKNOWN_TYPE, "r", 0, NULL, NULL, 0 },
    { "unknown type, empty", "{\"type\":\"\"}",
      SIG_UNKNOWN_TYPE, NULL, 0, NULL, NULL, 0 },
    { "unknown type, by its case", "{\"type\":\"Ping\"}",
      SIG_UNKNOWN_TYPE, NULL, 0, NULL, NULL, 0 },
    { "unknown type, longer", "{\"type\":\"ping\\u0000\"}",
      SIG_UNKNOWN_TYPE, NULL, 0, NULL, NULL, 0 },
    { "unknown type, a frame of the server", "{\"type\":\"welcome\"}",
      SIG_UNKNOWN_TYPE, NULL, 0, NULL, NULL, 0 },
    { "unknown type, half a surrogate pair", "{\"type\":\"\\ud800\"}",
      SIG_UNKNOWN_TYPE, NULL, 0, NULL, NULL, 0 },

    { "no channel", "{\"type\":\"subscribe\",\"requestId\":\"r\"}",
      SIG_INVALID_CHANNEL, "r", 0, NULL, NULL, 0 },
    { "channel is a number", "{\"type\":\"subscribe\",\"channel\":42}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },
    { "channel is null", "{\"type\":\"unsubscribe\",\"channel\":null}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },
    { "channel is empty", "{\"type\":\"unsubscribe\",\"channel\":\"\"}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },
    { "channel comes before data", "{\"type\":\"publish\",\"channel\":[]}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },
    { "channel with half a surrogate pair",
      "{\"type\":\"subscribe\",\"channel\":\"a\\ud83d\"}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },
    { "channel with a line feed",
      "{\"type\":\"subscribe\",\"channel\":\"a\\nb\"}",
      SIG_INVALID_CHANNEL, NULL, 0, NULL, NULL, 0 },

    { "no to", "{\"type\":\"send\",\"data\":1,\"requestId\":\"r\"}",
      SIG_INVALID_PEER_ID, "r", 0, NULL, NULL, 0 },
    { "to is an object", "{\"type\":\"send\",\"to\":{},\"data\":1}",
      SIG_INVALID_PEER_ID, NULL, 0, NULL, NULL, 0 },
    { "to is empty", "{\"type\":\"send\",\"to\":\"\",\"data\":1}",
      SIG_INVALID_PEER_ID, NULL, 0, NULL, NULL, 0 },
    { "to comes before data", "{\"type\":\"send\",\"to\":\"\\u00e9\"}",
      SIG_INVALID_PEER_ID, NULL, 0, NULL, NULL, 0 },
    { "to with half a surrogate pair", "{\"type\":\"send\","
      "\"to\":\"\\udc00\"}", SIG_INVALID_PEER_ID, NULL, 0, NULL, NULL, 0 },

    { "publish without data", "{\"type\":\"publish\",\"channel\":\"c\","
      "\"requestId\":\"r\"}", SIG_MISSING_DATA, "r", 0, NULL, NULL, 0 },
    { "send without data", "{\"type\":\"send\",\"to\":\"b\"}",
      SIG_MISSING_DATA, NULL, 0, NULL, NULL, 0 },
    { "missing data comes before reserved channels",
      "{\"type\":\"publish\",\"channel\":\"_system/x\"}",
      SIG_MISSING_DATA, NULL, 0, NULL, NULL, 0 },

    { "reserved: _metered/", "{\"type\":\"publish\",\"data\":1,"
      "\"channel\":\"_metered/\",\"requestId\":\"r\"}",
      SIG_CHANNEL_RESERVED, "r", 0, NULL, NULL, 0 },
    { "reserved: _INTERNAL/", "{\"type\":\"subscribe\","
      "\"channel\":\"_INTERNAL/a\"}",
      SIG_CHANNEL_RESERVED, NULL, 0, NULL, NULL, 0 },
    { "reserved: _System/", "{\"type\":\"subscribe\","
      "\"channel\":\"_System/a/b\"}",
      SIG_CHANNEL_RESERVED, NULL, 0, NULL, NULL, 0 },
    { "reserved, by escapes", "{\"type\":\"subscribe\","
      "\"channel\":\"\\u005f\\u006Detered\\/a\"}",
      SIG_CHANNEL_RESERVED, NULL, 0, NULL, NULL, 0 }
};


static void
test_messages(const proto_test_t *tests, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        ok(message_is(&tests[i]), tests[i].text);
    }
}


static int
message_is(const proto_test_t *t)
{
    size_t           n;
    u_char          *p;
    sig_code_e       code;
    sig_envelope_t   e;

    n = strlen(t->message);
    p = guard_last(t->message, n);

    memset(&e, 0x55, sizeof(e));

    code = sig_proto_read(&e, p, n, PROTO_MAX_DATA);

    if (code != t->code) {
        printf("# %s instead of %s\n",
               (char *) sig_proto_code_name(code)->data,
               (char *) sig_proto_code_name(t->code)->data);
        return 0;
    }

    if (!slice_is(&e.request_id, t->request_id)) {
        printf("# request id %.*s\n", (int) e.request_id.len,
               (char *) e.request_id.data);
        return 0;
    }

    if (code != SIG_OK) {
        return 1;
    }

    return e.type == t->type
           && slice_is(&e.channel, e.type == SIG_TYPE_SEND ? NULL : t->name)
           && slice_is(&e.to, e.type == SIG_TYPE_SEND ? t->name : NULL)
           && slice_is(&e.data, t->data)
           && e.sender_metadata == t->sender_metadata;
}


static void
test_depth(void)
{
    int          pass;
    char         open[PROTO_ROOM], close[PROTO_ROOM];
    char         message[3 * PROTO_ROOM];
    size_t       n;
    unsigned     depth;
    sig_code_e   code, expected;

    pass = 1;

    for (depth = 1; depth <= 130; depth++) {
        expected = (depth < SIG_PROTO_DEPTH) ? SIG_OK : SIG_MALFORMED_MESSAGE;

        repeat(open, "[", depth);
        repeat(close, "]", depth);

        n = (size_t) snprintf(message, sizeof(message),
                              "{\"type\":\"send\",\"to\":\"b\",\"data\":%s%s}",
                              open, close);

        code = outcome_n(message, n, PROTO_ROOM);

        n = (size_t) snprintf(message, sizeof(message),
                              "{\"type\":\"ping\",\"x\":%s%s}", open, close);

        pass &= (code == expected
                 && outcome_n(message, n, PROTO_ROOM) == expected);

        repeat(open, "{\"a\":", depth);
        repeat(close, "}", depth);

        n = (size_t) snprintf(message, sizeof(message),
                              "{\"data\":%s1%s,\"type\":\"ping\"}",
                              open, close);

        pass &= (outcome_n(message, n, PROTO_ROOM) == expected);
    }

    ok(pass, "depth: 128, the object of the message included");
}


static void
test_not_utf8(void)
{
    int     pass;
    size_t  i;

    static const char  *tests[] = {
        "\xff",
        "\xc3",
        "{\"type\":\"ping\"}\xc3",
        "{\"type\":\"ping\",\"x\":\"\xc3\"}",
        "{\"type\":\"ping\",\"x\":\"\xed\xa0\x80\"}",
        "{\"type\":\"ping\",\"x\":\"abcdefghijklmnopqrst\xf0\x9f\x98\"}",
        "{\"ty\xff\":\"ping\"}",
        "{\"type\":\"ping\",\"x\":01,\"y\":\"\x80\"}",
        "{\"x\":\"\n\xe2\x82",
        "[[[[\xc0\x80"
    };

    pass = 1;

    for (i = 0; i < count(tests); i++) {
        if (outcome(tests[i]) != SIG_NOT_UTF8) {
            printf("# message %zu\n", i);
            pass = 0;
        }
    }

    ok(pass, "what is not UTF-8 is nothing else");

    ok(outcome("{\"x\":\xc3\xa9}") == SIG_MALFORMED_MESSAGE
       && outcome("\xef\xbb\xbf{\"type\":\"ping\"}") == SIG_MALFORMED_MESSAGE,
       "UTF-8 in the wrong place is malformed");
}


/* what is relayed later must not be changed by what is read now */

static void
test_untouched(void)
{
    size_t           n;
    u_char          *p;
    const char      *before, *after;
    sig_envelope_t   e;
    static const char  message[] =
        "{\"type\":\"publish\",\"channel\":\"\\u0041\\u0041\",\"data\":"
        "[\"\\u0041\"],\"channel\":\"\\u0042\\u0042\",\"requestId\":"
        "\"\\u0041\",\"to\":\"\\u0041\",\"x\":\"\\u0041\"}";

    n = sizeof(message) - 1;
    p = guard_last(message, n);

    before = strstr(message, "\\u0042");
    after = strstr(message, "\",\"requestId");

    ok(sig_proto_read(&e, p, n, PROTO_MAX_DATA) == SIG_OK
       && slice_is(&e.channel, "BB")
       && e.channel.data == p + (before - message)
       && memcmp(p, message, (size_t) (before - message)) == 0
       && memcmp(p + (after - message), after,
                 n - (size_t) (after - message)) == 0,
       "only the name that counts is written to");
}


int
main(void)
{
    guard_create();

    test_messages(good_tests, count(good_tests));
    test_messages(bad_tests, count(bad_tests));
    test_depth();
    test_not_utf8();
    test_untouched();

    return tap_done();
}
