
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of uuid: RFC 9562, section 4.
 */


#include <ctype.h>
#include <string.h>

#include "name.h"
#include "tap.h"
#include "uuid.h"


#define UUIDS  1000


static void test_fresh(void);
static int uuid_form(const u_char *p);
static void test_bytes(void);
static void test_texts(void);
static void test_others(void);
static int uuid_same(const u_char *bytes, const u_char *text);


static void
test_fresh(void)
{
    int      pass;
    size_t   i;
    u_char   seen[UUIDS][ACCESS_UUID_LEN + 1];
    slice_t  id;

    pass = 1;

    for (i = 0; i < UUIDS; i++) {
        seen[i][ACCESS_UUID_LEN] = '!';

        pass = pass && access_uuid(seen[i]) == 0
               && seen[i][ACCESS_UUID_LEN] == '!'
               && uuid_form(seen[i])
               && (i == 0
                   || memcmp(seen[i], seen[i - 1], ACCESS_UUID_LEN) != 0);

        id.data = seen[i];
        id.len = ACCESS_UUID_LEN;
        pass = pass && access_peer_id_valid(&id);
    }

    ok(pass, "UUIDs are of version 4, and differ");
}


static int
uuid_form(const u_char *p)
{
    size_t  i;

    for (i = 0; i < ACCESS_UUID_LEN; i++) {

        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (p[i] != '-') {
                return 0;
            }

            continue;
        }

        if (!isdigit(p[i]) && (p[i] < 'a' || p[i] > 'f')) {
            return 0;
        }
    }

    return p[14] == '4' && strchr("89ab", p[19]) != NULL;
}


/* the example of RFC 9562, appendix A.3 */

static void
test_bytes(void)
{
    u_char   bytes[ACCESS_UUID_BYTES], text[ACCESS_UUID_LEN];
    slice_t  id;

    static const u_char  example[] = {
        0x91, 0x91, 0x08, 0xf7, 0x52, 0xd1, 0x43, 0x20,
        0x9b, 0xac, 0xf8, 0x47, 0xdb, 0x41, 0x48, 0xa8
    };

    id = text_slice("919108f7-52d1-4320-9bac-f847db4148a8");

    ok(access_uuid_read(bytes, &id) && memcmp(bytes, example, 16) == 0,
       "the bytes of a text");

    access_uuid_write(text, example);

    ok(memcmp(text, id.data, ACCESS_UUID_LEN) == 0, "the text of bytes");
}


/* each digit at each place, and nothing else */

static void
test_texts(void)
{
    int      read, wanted, same, refused, c;
    u_char   bytes[ACCESS_UUID_BYTES], text[ACCESS_UUID_LEN];
    size_t   i;
    slice_t  id;

    same = 1;
    refused = 1;
    id.data = text;
    id.len = ACCESS_UUID_LEN;

    for (i = 0; i < ACCESS_UUID_LEN; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, "01234567-89ab-cdef-0246-8ace13579bdf", id.len);
            text[i] = (u_char) c;

            if (i == 8 || i == 13 || i == 18 || i == 23) {
                wanted = c == '-';

            } else {
                wanted = c != 0 && strchr("0123456789abcdef", c) != NULL;
            }

            read = access_uuid_read(bytes, &id);

            if (wanted) {
                same &= read && uuid_same(bytes, text);

            } else {
                refused &= !read;
            }
        }
    }

    ok(same, "a text is what its bytes give again");
    ok(refused, "any other character anywhere, and upper case, is none");
}


static void
test_others(void)
{
    int      pass;
    u_char   bytes[ACCESS_UUID_BYTES];
    slice_t  id;

    id = text_slice("919108f7-52d1-4320-9bac-f847db4148a81");
    pass = !access_uuid_read(bytes, &id);

    for (id.len = 0; id.len < ACCESS_UUID_LEN; id.len++) {
        pass &= !access_uuid_read(bytes, &id);
    }

    ok(pass, "a text of another length is none");
}


static int
uuid_same(const u_char *bytes, const u_char *text)
{
    u_char  again[ACCESS_UUID_LEN];

    access_uuid_write(again, bytes);

    return memcmp(again, text, ACCESS_UUID_LEN) == 0;
}


int
main(void)
{
    test_fresh();
    test_bytes();
    test_texts();
    test_others();

    return tap_done();
}
