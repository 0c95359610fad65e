
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of turn_api_key: docs/protocol.md 13.6.
 */


#include <string.h>

#include "tap.h"
#include "turn_api_key.h"


#define EXPIRY  1893456000


static void test_vector(void);
static void test_limits(void);
static void test_changed(void);


/* made with Python: struct, hmac, hashlib.sha256 */

static const char  vector[] = "0000000070dbd8800123456789abcdef"
                              "045c2dbbfd14290fdade3919cd1e67de";

static const u_char  id[] = "0123456789abcdef";


static void
test_vector(void)
{
    int      pass;
    u_char   key[TURN_API_KEY_LEN + 1];
    int64_t  expiry;
    slice_t  secret, text, found;

    secret = text_slice("north-star-secret");
    key[TURN_API_KEY_LEN] = '!';

    ok(turn_api_key_write(key, &secret, EXPIRY, id) == 0
       && memcmp(key, vector, TURN_API_KEY_LEN) == 0
       && key[TURN_API_KEY_LEN] == '!', "the vector is written");

    text = text_slice(vector);

    pass = turn_api_key_read(&text, &secret, &expiry, &found) == 0;

    ok(pass && expiry == EXPIRY && found.len == TURN_API_KEY_ID_LEN
       && memcmp(found.data, id, found.len) == 0, "and read");

    secret = text_slice("north-star-secreu");
    pass = turn_api_key_read(&text, &secret, &expiry, &found) == -1;

    secret = text_slice("");
    pass = pass && turn_api_key_read(&text, &secret, &expiry, &found) == -1;

    ok(pass && turn_api_key_write(key, &secret, EXPIRY, id) == -1,
       "with no other secret, nor without one");
}


static void
test_limits(void)
{
    int      pass;
    size_t   i;
    u_char   key[TURN_API_KEY_LEN];
    int64_t  expiry;
    slice_t  secret, text, found;

    static const int64_t  expiries[] = {
        0, 1, 255, 256, INT64_C(0x7fffffff), INT64_C(0x100000000), INT64_MAX
    };

    secret = text_slice("s");
    text.data = key;
    text.len = sizeof(key);
    pass = 1;

    for (i = 0; i < sizeof(expiries) / sizeof(expiries[0]); i++) {
        pass = pass
               && turn_api_key_write(key, &secret, expiries[i], id) == 0
               && turn_api_key_read(&text, &secret, &expiry, &found) == 0
               && expiry == expiries[i];
    }

    ok(pass, "every expiry comes back");

    ok(turn_api_key_write(key, &secret, -1, id) == -1
       && turn_api_key_write(key, &secret, 1,
                             (u_char *) "0123456789ABCDEF") == -1
       && turn_api_key_write(key, &secret, 1,
                             (u_char *) "0123456789abcdeg") == -1,
       "a negative expiry and a wrong ID are refused");
}


static void
test_changed(void)
{
    int      pass;
    size_t   i;
    u_char   key[TURN_API_KEY_LEN + 1];
    int64_t  expiry;
    slice_t  secret, text, found;

    secret = text_slice("north-star-secret");
    text.data = key;
    text.len = TURN_API_KEY_LEN;
    pass = 1;

    for (i = 0; i < TURN_API_KEY_LEN; i++) {
        memcpy(key, vector, sizeof(key));

        key[i] = (key[i] == '0') ? '1' : '0';
        pass = pass
               && turn_api_key_read(&text, &secret, &expiry, &found) == -1;

        key[i] = 'x';
        pass = pass
               && turn_api_key_read(&text, &secret, &expiry, &found) == -1;
    }

    ok(pass, "every digit counts");

    memcpy(key, vector, sizeof(key));
    pass = 1;

    for (i = 0; i < TURN_API_KEY_LEN; i++) {
        text.len = i;
        pass = pass
               && turn_api_key_read(&text, &secret, &expiry, &found) == -1;
    }

    text.len = sizeof(key);
    pass = pass && turn_api_key_read(&text, &secret, &expiry, &found) == -1;

    text.len = TURN_API_KEY_LEN;

    for (i = 0; i < TURN_API_KEY_LEN; i++) {
        if (key[i] >= 'a') {
            key[i] = (u_char) (key[i] - 0x20);
            break;
        }
    }

    ok(pass && turn_api_key_read(&text, &secret, &expiry, &found) == -1,
       "no other length, and no upper case");
}


int
main(void)
{
    test_vector();
    test_limits();
    test_changed();

    return tap_done();
}
