
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: origins, docs/protocol.md 2.4.
 */


#include <string.h>

#include "access.h"
#include "tap.h"


typedef struct {
    const char  *entry;
    const char  *origin;
    int          match;
} origin_test_t;


static void test_origin_match(void);
static void test_origin_check(void);


static const origin_test_t  origin_tests[] = {
    { "https://example.com", "https://example.com", 1 },
    { "https://example.com", "https://EXAMPLE.com", 1 },
    { "HTTPS://Example.COM", "https://example.com", 1 },
    { "https://example.com", "http://example.com", 0 },
    { "https://example.com", "https://example.org", 0 },
    { "https://example.com", "https://www.example.com", 0 },
    { "https://example.com", "https://example.com.evil.org", 0 },
    { "https://example.com", "https://example.co", 0 },

    /* a default port equals an omitted one */
    { "https://example.com", "https://example.com:443", 1 },
    { "https://example.com:443", "https://example.com", 1 },
    { "https://example.com", "https://example.com:80", 0 },
    { "http://example.com", "http://example.com:80", 1 },
    { "http://example.com:80", "http://example.com", 1 },
    { "http://example.com", "http://example.com:443", 0 },
    { "http://localhost:8080", "http://localhost:8080", 1 },
    { "http://localhost:8080", "http://localhost", 0 },
    { "http://localhost", "http://localhost:8080", 0 },
    { "capacitor://localhost", "capacitor://localhost", 1 },
    { "capacitor://localhost:80", "capacitor://localhost", 0 },

    /* no path */
    { "https://example.com", "https://example.com/", 0 },
    { "https://example.com", "https://example.com/x", 0 },
    { "https://example.com", "https://user@example.com", 0 },
    { "https://example.com", "https://example.com?x", 0 },
    { "https://example.com", "https://example.com#x", 0 },
    { "https://example.com", "example.com", 0 },
    { "https://example.com", "", 0 },
    { "https://example.com", " https://example.com", 0 },

    /* any non-empty prefix of labels */
    { "https://*.example.com", "https://a.example.com", 1 },
    { "https://*.example.com", "https://a.b.example.com", 1 },
    { "https://*.example.com", "https://A.EXAMPLE.com:443", 1 },
    { "https://*.example.com", "https://example.com", 0 },
    { "https://*.example.com", "https://.example.com", 0 },
    { "https://*.example.com", "https://aexample.com", 0 },
    { "https://*.example.com", "http://a.example.com", 0 },
    { "https://*.example.com", "https://a.example.com:8443", 0 },
    { "https://*.example.com", "https://a.example.com.evil.org", 0 },
    { "https://*.example.com", "https://*.example.com", 0 },
    { "https://*.example.com", "https://*.a.example.com", 0 },
    { "https://*.example.com:8443", "https://a.example.com:8443", 1 },

    /* what stands for more than one */
    { "*", "https://example.com", 1 },
    { "*", "null", 1 },
    { "*", "", 1 },
    { "*", "anything at all", 1 },
    { "null", "null", 1 },
    { "null", "NULL", 0 },
    { "null", "https://example.com", 0 },
    { "https://example.com", "null", 0 },

    { "http://[::1]:8080", "http://[::1]:8080", 1 },
    { "http://[::1]", "http://[::1]:80", 1 },
    { "http://[::1]", "http://[::2]", 0 },
    { "http://127.0.0.1", "http://127.0.0.1", 1 }
};


static const char  *good_origins[] = {
    "*", "null", "https://example.com", "http://localhost:8080",
    "https://*.example.com", "https://*.a.b.example.com:8443",
    "http://127.0.0.1:1", "http://[::1]", "http://[2001:db8::1]:65535",
    "capacitor://localhost", "moz-extension://0f1e-2d", "https://a_b.example",
    "https://example.com.", "https://xn--bcher-kva.example"
};


static const char  *bad_origins[] = {
    "", "**", "Null", "example.com", "https", "https:", "https:/", "https://",
    "://example.com", "https:example.com", "1https://example.com",
    "https://example.com/", "https://example.com/path",
    "https://example.com:", "https://example.com:0",
    "https://example.com:65536", "https://example.com:99999999999",
    "https://example.com:80a", "https://example.com:*",
    "https://:443", "https://*", "https://*.", "https://*.:443",
    "https://*example.com",
    "https://a.*.com", "https://www.*", "https://.example.com",
    "https://a..example.com", "https://*..example.com",
    "https://user@example.com", "https://exa mple.com",
    "https://h\xc3\xb6her.example", "https://example.com?x",
    "https://example.com,https://example.org", "https://[", "https://[::1",
    "https://[::1]x", "https://[::1!]", "*.example.com"
};


static void
test_origin_match(void)
{
    char     text[160];
    size_t   i;
    slice_t  entry, origin;

    const origin_test_t  *t;

    for (i = 0; i < sizeof(origin_tests) / sizeof(origin_tests[0]); i++) {
        t = &origin_tests[i];

        entry = text_slice(t->entry);
        origin = text_slice(t->origin);

        snprintf(text, sizeof(text), "origins %s %s %s",
                 t->entry, t->match ? "admits" : "refuses", t->origin);

        ok(access_origin_check(&entry) == NULL
           && access_origin_match(&entry, &origin) == t->match, text);
    }
}


static void
test_origin_check(void)
{
    char         text[160];
    size_t       i;
    slice_t      entry;
    const char  *err;

    for (i = 0; i < sizeof(good_origins) / sizeof(good_origins[0]); i++) {
        entry = text_slice(good_origins[i]);

        snprintf(text, sizeof(text), "well formed: %s", good_origins[i]);
        ok(access_origin_check(&entry) == NULL, text);
    }

    for (i = 0; i < sizeof(bad_origins) / sizeof(bad_origins[0]); i++) {
        entry = text_slice(bad_origins[i]);

        snprintf(text, sizeof(text), "malformed: %s", bad_origins[i]);
        err = access_origin_check(&entry);
        ok(err != NULL && strlen(err) > 10, text);
    }
}


int
main(void)
{
    test_origin_match();
    test_origin_check();

    return tap_done();
}
