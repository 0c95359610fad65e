
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of name: docs/protocol.md 3.1 and 5.2.  The names that clients send
 * are in proto_name_test.c.
 */


#include <ctype.h>
#include <string.h>

#include "name.h"
#include "tap.h"


static void test_actions(void);
static void test_directive_names(void);
static void test_channels(void);
static void test_reserved(void);


static void
test_actions(void)
{
    int                     pass;
    unsigned                all;
    slice_t                 name;
    const access_action_t  *action;

    all = 0;
    pass = 1;

    for (action = access_actions; action->mask; action++) {
        pass = pass && (all & action->mask) == 0
               && access_action(&action->name) == action->mask;
        all |= action->mask;
    }

    ok(pass && all == ACCESS_ALL, "every action has a name of its own");

    name = text_slice("Send");
    pass = access_action(&name) == 0;

    name = text_slice("sen");
    pass = pass && access_action(&name) == 0;

    name = text_slice("send ");
    pass = pass && access_action(&name) == 0;

    name = text_slice("");
    ok(pass && access_action(&name) == 0, "no other name is one");
}


static void
test_directive_names(void)
{
    int      c, pass;
    u_char   byte;
    slice_t  name;

    pass = 1;
    name.data = &byte;
    name.len = 1;

    for (c = 0; c < 256; c++) {
        byte = (u_char) c;

        pass = pass && access_directive_name(&name, 1)
                       == ((c < 128 && isalnum(c)) || c == '-' || c == '_'
                           || c == '.');
    }

    ok(pass, "names of directives: letters, digits and three more");

    name = text_slice("four");
    pass = access_directive_name(&name, 4) && !access_directive_name(&name, 3);

    name = text_slice("");
    ok(pass && !access_directive_name(&name, 4),
       "names of directives: not empty, not too long");
}


static void
test_channels(void)
{
    int      pass;
    char     text[4 * ACCESS_CHANNEL_UNITS + 1];
    slice_t  name;
    size_t   i;

    memset(text, 'a', sizeof(text));

    name = text_slice("");
    pass = !access_channel_valid(&name);

    name.data = (u_char *) text;
    name.len = ACCESS_CHANNEL_UNITS;
    pass = pass && access_channel_valid(&name);

    name.len++;
    pass = pass && !access_channel_valid(&name);

    ok(pass, "length in ASCII");

    /* U+20AC is one unit, U+1F600 two */

    for (i = 0; i < ACCESS_CHANNEL_UNITS; i++) {
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    }

    name.len = ACCESS_CHANNEL_BYTES;
    pass = access_channel_valid(&name);

    for (i = 0; i < ACCESS_CHANNEL_UNITS / 2; i++) {
        memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 4);
    }

    name.len = 2 * ACCESS_CHANNEL_UNITS;
    pass = pass && access_channel_valid(&name);

    text[name.len++] = 'a';
    ok(pass && !access_channel_valid(&name), "length in UTF-16 units");

    name = text_slice("a\xc2\x9f");
    pass = !access_channel_valid(&name);

    name = text_slice("a\xc2\xa0");
    pass = pass && access_channel_valid(&name);

    name = text_slice("a\n");
    ok(pass && !access_channel_valid(&name), "control characters");
}


static void
test_reserved(void)
{
    int      pass;
    slice_t  name;
    size_t   i;

    static const char  *reserved[] = {
        "_metered/", "_internal/a", "_System/a/b", NULL
    };

    static const char  *others[] = {
        "_", "_metered", "metered/", "a_metered/", "_internals/", NULL
    };

    pass = 1;

    for (i = 0; reserved[i] != NULL; i++) {
        name = text_slice(reserved[i]);
        pass = pass && access_channel_reserved(&name);
    }

    for (i = 0; others[i] != NULL; i++) {
        name = text_slice(others[i]);
        pass = pass && !access_channel_reserved(&name);
    }

    ok(pass, "reserved prefixes, in any case");
}


int
main(void)
{
    test_actions();
    test_directive_names();
    test_channels();
    test_reserved();

    return tap_done();
}
