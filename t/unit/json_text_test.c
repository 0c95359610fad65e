
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access/json_text: values taken from a text as they stand there.
 */


#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "tap.h"


typedef struct {
    const char  *text;
    const char  *name;
    const char  *value;            /* NULL: no such member */
} member_test_t;


typedef struct {
    const char  *value;
    const char  *compact;
} compact_test_t;


static void test_members(void);
static void test_compact(void);
static int text_is(const u_char *p, size_t len, const char *text);


static const member_test_t  member_tests[] = {
    { "{\"a\":1}", "a", "1" },
    { "{\"a\":1}", "b", NULL },
    { "{}", "a", NULL },
    { " { \"a\" : 1.50 , \"b\" : 2 } ", "a", " 1.50 " },
    { " { \"a\" : 1.50 , \"b\" : 2 } ", "b", " 2 " },
    { "{\"a\":{\"b\":1},\"b\":[2,{\"b\":3}]}", "b", "[2,{\"b\":3}]" },
    { "{\"a\":\"\\\"b\\\":1,}\",\"b\":\"\\\\\"}", "b", "\"\\\\\"" },
    { "{\"\\u0061\":1,\"b\":2}", "a", "1" },
    { "{\"x\\\\\":1,\"b\":2}", "b", "2" },
    { "{\"a\":[],\"b\":\"]}\"}", "b", "\"]}\"" },
    { "{\"a\":1e400000,\"b\":2}", "zz", NULL }
};


static const compact_test_t  compact_tests[] = {
    { "{}", "{}" },
    { " { \"a b\" :\t1 ,\r\n\"c\\\" d\": [ 1, 2 ] } ",
      "{\"a b\":1,\"c\\\" d\":[1,2]}" },
    { "\" a \"", "\" a \"" },
    { "1.50", "1.50" },
    { "[\"\\\\\" , \" \"]", "[\"\\\\\",\" \"]" },
    { "", "" }
};


int
main(void)
{
    test_members();
    test_compact();

    return tap_done();
}


static void
test_members(void)
{
    int                   rc;
    json_t               *object;
    size_t                i;
    slice_t               text, value;
    const member_test_t  *t;

    for (i = 0; i < sizeof(member_tests) / sizeof(member_tests[0]); i++) {
        t = &member_tests[i];

        text.data = (u_char *) t->text;
        text.len = strlen(t->text);

        object = json_loads(t->text, JSON_REJECT_DUPLICATES, NULL);

        rc = access_json_member(&text, object, t->name, &value);

        ok(t->value == NULL ? rc == -1
                            : rc == 0 && text_is(value.data, value.len,
                                                 t->value),
           t->text);

        json_decref(object);
    }
}


static void
test_compact(void)
{
    size_t                 i;
    u_char                 buf[128], *end;
    slice_t                value;
    const compact_test_t  *t;

    for (i = 0; i < sizeof(compact_tests) / sizeof(compact_tests[0]); i++) {
        t = &compact_tests[i];

        value.data = (u_char *) t->value;
        value.len = strlen(t->value);

        end = access_json_compact(buf, &value);

        ok(text_is(buf, (size_t) (end - buf), t->compact), t->value);
    }
}


static int
text_is(const u_char *p, size_t len, const char *text)
{
    return len == strlen(text) && memcmp(p, text, len) == 0;
}
