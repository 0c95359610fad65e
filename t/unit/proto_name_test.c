
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_proto_read(): the syntax and the length of names, request IDs
 * and data, docs/protocol.md 3.1 and 7.
 */


#include "proto_read.h"
#include "tap.h"


static void test_names(void);
static void test_name_controls(void);
static void test_request_ids(void);
static void test_peer_ids(void);
static void test_data_size(void);
static void test_given_names(void);
static void test_given_bytes(void);


#define count(a)  (sizeof(a) / sizeof((a)[0]))


static void
test_names(void)
{
    int          pass;
    char         name[PROTO_ROOM], message[PROTO_ROOM + 64];
    size_t       i;
    sig_code_e   code;

    static const struct {
        const char  *character;
        unsigned     most;
    } tests[] = {
        { "a", 256 },
        { "\xc3\xa9", 256 },
        { "\xe2\x82\xac", 256 },
        { "\xf0\x9f\x98\x80", 128 },
        { "\\u0061", 256 },
        { "\\u20ac", 256 },
        { "\\ud83d\\ude00", 128 },
        { "\\\"", 256 }
    };

    pass = 1;

    for (i = 0; i < count(tests); i++) {
        repeat(name, tests[i].character, tests[i].most);
        snprintf(message, sizeof(message),
                 "{\"type\":\"unsubscribe\",\"channel\":\"%s\"}", name);

        code = outcome(message);

        if (code != SIG_OK) {
            printf("# %u of %s are refused\n", tests[i].most,
                   tests[i].character);
            pass = 0;
        }

        repeat(name, tests[i].character, tests[i].most + 1);
        snprintf(message, sizeof(message),
                 "{\"type\":\"unsubscribe\",\"channel\":\"%s\"}", name);

        code = outcome(message);

        if (code != SIG_INVALID_CHANNEL) {
            printf("# %u of %s are accepted\n", tests[i].most + 1,
                   tests[i].character);
            pass = 0;
        }
    }

    ok(pass, "channel: 256 UTF-16 units, by characters and by escapes");

    /* 254 units and a pair fit, 255 and a pair do not */

    repeat(name, "a", 254);
    snprintf(message, sizeof(message),
             "{\"type\":\"unsubscribe\",\"channel\":\"%s\xf0\x9f\x98\x80\"}",
             name);
    code = outcome(message);

    repeat(name, "a", 255);
    snprintf(message, sizeof(message),
             "{\"type\":\"unsubscribe\",\"channel\":\"%s\xf0\x9f\x98\x80\"}",
             name);

    ok(code == SIG_OK && outcome(message) == SIG_INVALID_CHANNEL,
       "channel: a pair at the limit");
}


static void
test_name_controls(void)
{
    int         pass;
    char        message[128], raw[4];
    unsigned    c, control;
    sig_code_e  code;

    pass = 1;

    for (c = 0; c < 0x120; c++) {
        control = (c < 0x20 || (c >= 0x7f && c <= 0x9f));

        snprintf(message, sizeof(message),
                 "{\"type\":\"subscribe\",\"channel\":\"ab\\u%04xcd\"}", c);

        code = outcome(message);

        if (code != (control ? SIG_INVALID_CHANNEL : SIG_OK)) {
            printf("# U+%04X by escape: %d\n", c, (int) code);
            pass = 0;
        }

        if (c < 0x20 || c == '"' || c == '\\') {
            continue;
        }

        raw[0] = (char) ((c < 0x80) ? c : (0xc0 | c >> 6));
        raw[1] = (char) ((c < 0x80) ? '-' : (0x80 | (c & 0x3f)));
        raw[2] = '\0';

        snprintf(message, sizeof(message),
                 "{\"type\":\"subscribe\",\"channel\":\"%scd\"}", raw);

        code = outcome(message);

        if (code != (control ? SIG_INVALID_CHANNEL : SIG_OK)) {
            printf("# U+%04X: %d\n", c, (int) code);
            pass = 0;
        }
    }

    ok(pass, "channel: no control characters, by byte or by escape");

    for (c = 1; c < 0x20; c++) {
        snprintf(message, sizeof(message),
                 "{\"type\":\"subscribe\",\"channel\":\"a%cb\"}", c);

        pass &= (outcome(message) == SIG_MALFORMED_MESSAGE);
    }

    ok(pass, "channel: bare control characters are not JSON");
}


static void
test_request_ids(void)
{
    int             pass;
    char            id[PROTO_ROOM], message[PROTO_ROOM + 64];
    size_t          i;
    unsigned        n;
    sig_code_e      code;
    sig_envelope_t  e;

    static const struct {
        const char  *character;
        unsigned     most;
    } tests[] = {
        { "a", 128 },
        { "\xc3\xa9", 128 },
        { "\xe2\x82\xac", 128 },
        { "\xf0\x9f\x98\x80", 64 },
        { "\\n", 128 },
        { "\\u20ac", 128 },
        { "\\ud83d\\ude00", 64 }
    };

    pass = 1;

    for (i = 0; i < count(tests); i++) {
        for (n = 1; n <= tests[i].most + 2; n++) {
            repeat(id, tests[i].character, n);
            snprintf(message, sizeof(message),
                     "{\"requestId\":\"%s\",\"type\":\"ping\"}", id);

            code = sig_proto_read(&e, guard_last(message, strlen(message)),
                                  strlen(message), PROTO_MAX_DATA);

            if (n <= tests[i].most) {
                if (code != SIG_OK || !slice_is(&e.request_id, id)) {
                    printf("# %u of %s\n", n, tests[i].character);
                    pass = 0;
                }

            } else if (code != SIG_MALFORMED_MESSAGE
                       || e.request_id.data != NULL)
            {
                printf("# %u of %s\n", n, tests[i].character);
                pass = 0;
            }
        }
    }

    ok(pass, "request id: 128 UTF-16 units, kept as sent");

    /* a pair that begins within the limit and ends behind it */

    repeat(id, "a", 127);
    snprintf(message, sizeof(message),
             "{\"requestId\":\"%s\xf0\x9f\x98\x80\",\"type\":\"ping\"}", id);

    ok(outcome(message) == SIG_MALFORMED_MESSAGE,
       "request id: a pair over the limit");
}


static void
test_peer_ids(void)
{
    int         pass;
    char        id[PROTO_ROOM], message[PROTO_ROOM + 64];
    unsigned    c;
    sig_code_e  code;

    pass = 1;

    for (c = 0; c < 0x100; c++) {
        snprintf(message, sizeof(message),
                 "{\"type\":\"send\",\"to\":\"a\\u%04x\",\"data\":1}", c);

        code = outcome(message);

        if (code != ((c >= 0x20 && c <= 0x7e) ? SIG_OK
                                              : SIG_INVALID_PEER_ID))
        {
            printf("# U+%04X: %d\n", c, (int) code);
            pass = 0;
        }
    }

    ok(pass, "to: printable ASCII only");

    ok(outcome("{\"type\":\"send\",\"to\":\"\x7f\",\"data\":1}")
       == SIG_INVALID_PEER_ID
       && outcome("{\"type\":\"send\",\"to\":\"b\xc3\xb6\",\"data\":1}")
       == SIG_INVALID_PEER_ID, "to: by byte as well");

    repeat(id, "a", 128);
    snprintf(message, sizeof(message),
             "{\"type\":\"send\",\"to\":\"%s\",\"data\":1}", id);
    code = outcome(message);

    repeat(id, "a", 129);
    snprintf(message, sizeof(message),
             "{\"type\":\"send\",\"to\":\"%s\",\"data\":1}", id);

    ok(code == SIG_OK && outcome(message) == SIG_INVALID_PEER_ID,
       "to: 128 bytes");

    repeat(id, "\\u0041", 128);
    snprintf(message, sizeof(message),
             "{\"type\":\"send\",\"to\":\"%s\",\"data\":1}", id);

    ok(outcome(message) == SIG_OK, "to: 128 bytes by escapes");
}


static void
test_data_size(void)
{
    int                pass;
    char               data[PROTO_ROOM], message[PROTO_ROOM + 128];
    size_t             i, n, max;
    sig_code_e         code;
    static const char *types[] = { "send\",\"to", "publish\",\"channel" };

    pass = 1;

    for (i = 0; i < count(types); i++) {
        for (max = 2; max < 120; max++) {
            repeat(data, "a", (unsigned) max - 2);

            n = (size_t) snprintf(message, sizeof(message),
                                  "{\"type\":\"%s\":\"b\",\"data\":   \"%s\" "
                                  "\n,\"x\":\"%s\"}", types[i], data, data);

            code = outcome_n(message, n, max);

            if (code != SIG_OK
                || outcome_n(message, n, max - 1) != SIG_DATA_TOO_BIG)
            {
                printf("# limit %zu: %d\n", max, (int) code);
                pass = 0;
            }
        }
    }

    ok(pass, "data: its size, without the space around it");

    repeat(data, "a", 200);

    snprintf(message, sizeof(message),
             "{\"type\":\"subscribe\",\"channel\":\"c\",\"data\":\"%s\"}",
             data);

    ok(outcome(message) == SIG_OK, "data: no limit where it means nothing");

    snprintf(message, sizeof(message),
             "{\"type\":\"publish\",\"channel\":\"\",\"data\":\"%s\"}", data);

    ok(outcome(message) == SIG_INVALID_CHANNEL,
       "data: its size comes after the channel");

    snprintf(message, sizeof(message),
             "{\"type\":\"publish\",\"channel\":\"_system/\",\"data\":\"%s\"}",
             data);

    ok(outcome(message) == SIG_DATA_TOO_BIG,
       "data: its size comes before reserved channels");
}


static void
test_given_names(void)
{
    int      pass;
    size_t   i;
    slice_t  s;

    static const struct {
        const char  *text;
        int          channel;
        int          peer_id;
    } tests[] = {
        { "", 0, 0 },
        { "a", 1, 1 },
        { "room \"42\"\\", 1, 1 },
        { "_metered/x", 1, 1 },
        { "\xe6\x97\xa5", 1, 0 },
        { "a\nb", 0, 0 },
        { "a\x7f", 0, 0 },
        { "a\xc2\x9f", 0, 0 },
        { "a\xc2\xa0", 1, 0 },
        { "a\xc2", 0, 0 },
        { "\xed\xa0\x80", 0, 0 },
        { "\xff", 0, 0 }
    };

    pass = 1;

    for (i = 0; i < count(tests); i++) {
        s.len = strlen(tests[i].text);
        s.data = guard_last(tests[i].text, s.len);

        if (sig_proto_channel_valid(&s) != tests[i].channel
            || access_peer_id_valid(&s) != tests[i].peer_id)
        {
            printf("# name %zu\n", i);
            pass = 0;
        }
    }

    ok(pass, "names that do not come from a message");
}


/* every byte at every place of names around the size of a word */

static void
test_given_bytes(void)
{
    int       pass, printable, control;
    u_char    name[24];
    size_t    i, len;
    slice_t   s;
    unsigned  c;

    pass = 1;

    for (len = 1; len <= sizeof(name); len++) {
        for (i = 0; i < len; i++) {
            for (c = 0; c < 256; c++) {
                memset(name, 'z', sizeof(name));
                name[i] = (u_char) c;

                s.len = len;
                s.data = guard_last(name, len);

                printable = (c >= 0x20 && c <= 0x7e);
                control = (c < 0x20 || c == 0x7f);

                if (access_peer_id_valid(&s) != printable
                    || sig_proto_channel_valid(&s)
                       != (c < 0x80 && !control))
                {
                    printf("# byte %02x at %zu of %zu\n", c, i, len);
                    pass = 0;
                }
            }
        }
    }

    ok(pass, "every byte in a name");
}


int
main(void)
{
    guard_create();

    test_names();
    test_name_controls();
    test_request_ids();
    test_peer_ids();
    test_data_size();
    test_given_names();
    test_given_bytes();

    return tap_done();
}
