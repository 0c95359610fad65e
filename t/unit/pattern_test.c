
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of access: patterns, docs/protocol.md 5.2.
 */


#include <string.h>

#include "access.h"
#include "pattern_model.h"
#include "random.h"
#include "tap.h"


#define RANDOM_ROUNDS   300000
#define RANDOM_PATTERN  9
#define RANDOM_NAME     12


typedef struct {
    const char  *pattern;
    const char  *name;
    int          match;
} pattern_test_t;


static void test_patterns(void);
static void test_random_patterns(void);
static void test_long_patterns(void);


/* every run tries the same */

static uint64_t  state;


static const pattern_test_t  pattern_tests[] = {
    /* the table of 5.2 */
    { "room-*", "room-42", 1 },
    { "room-*", "room-", 1 },
    { "room-*", "room-42/chat", 0 },
    { "room-*", "admin-1", 0 },
    { "*", "lobby", 1 },
    { "*", "a/b", 0 },
    { "**", "a/b/c", 1 },
    { "acme/*", "acme/room-1", 1 },
    { "acme/*", "acme/sub/deep", 0 },
    { "acme/**", "acme/sub/deep", 1 },
    { "acme/**", "acme", 0 },
    { "devices/*/events", "devices/7/events", 1 },
    { "devices/*/events", "devices/7/8/events", 0 },
    { "a\\*b", "a*b", 1 },
    { "a\\*b", "axb", 0 },
    { "Room-*", "room-1", 0 },

    /* its rules */
    { "lobby", "lobby", 1 },
    { "lobby", "lobby1", 0 },
    { "lobby", "lobb", 0 },
    { "lobby", "", 0 },
    { "", "", 1 },
    { "", "a", 0 },
    { "*", "", 1 },
    { "**", "", 1 },
    { "***", "a/b", 1 },
    { "*****", "a/b", 1 },
    { "a***b", "a/x/b", 1 },
    { "a\\\\b", "a\\b", 1 },
    { "a\\\\*", "a\\xyz", 1 },
    { "a\\", "a\\", 1 },
    { "a\\", "a", 0 },
    { "\\", "\\", 1 },
    { "\\a", "a", 1 },
    { "\\a", "\\a", 0 },
    { "*\\**", "x*y", 1 },
    { "*\\**", "xy", 0 },
    { "**\\*", "a/b*", 1 },
    { "a?c", "abc", 0 },
    { "[ab]", "a", 0 },
    { "a.c", "abc", 0 },

    /* several stars */
    { "*/*", "a/b", 1 },
    { "*/*", "ab", 0 },
    { "*/*", "a/b/c", 0 },
    { "*-*-*", "a-b-c", 1 },
    { "*-*-*", "a--", 1 },
    { "*-*-*", "a-b", 0 },
    { "**/x*", "a/b/xyz", 1 },
    { "**/x*", "a/b/xy/z", 0 },
    { "**/x/*", "x/x/x/y", 1 },
    { "*b*/c", "abab/c", 1 },
    { "*a*b", "a/ab", 0 },
    { "**a*b", "a/ab", 1 },
    { "**a*b**", "a/acb/z", 1 },
    { "*ab", "aab", 1 },
    { "*aab", "aaaab", 1 }
};


static void
test_patterns(void)
{
    char     text[128];
    size_t   i;
    slice_t  pattern, name;

    const pattern_test_t  *t;

    for (i = 0; i < sizeof(pattern_tests) / sizeof(pattern_tests[0]); i++) {
        t = &pattern_tests[i];

        pattern = text_slice(t->pattern);
        name = text_slice(t->name);

        snprintf(text, sizeof(text), "pattern %s %s %s",
                 t->pattern, t->match ? "admits" : "refuses", t->name);

        ok(access_pattern_match(&pattern, &name) == t->match
           && model_match(pattern.data, pattern.len, name.data, name.len)
              == t->match,
           text);
    }
}


static void
test_random_patterns(void)
{
    int       expected, matches, wrong;
    size_t    i, n;
    u_char    p[RANDOM_PATTERN], s[RANDOM_NAME];
    slice_t   pattern, name;

    static const char  letters[] = "**ab/\\";

    matches = 0;
    wrong = 0;

    pattern.data = p;
    name.data = s;

    for (i = 0; i < RANDOM_ROUNDS; i++) {
        pattern.len = random_below(&state, RANDOM_PATTERN + 1);
        name.len = random_below(&state, RANDOM_NAME + 1);

        for (n = 0; n < pattern.len; n++) {
            p[n] = (u_char) letters[random_below(&state, 6)];
        }

        for (n = 0; n < name.len; n++) {
            s[n] = (u_char) letters[1 + random_below(&state, 5)];
        }

        expected = model_match(p, pattern.len, s, name.len);
        matches += expected;

        if (access_pattern_match(&pattern, &name) != expected) {
            printf("# \"%.*s\" and \"%.*s\": %d expected\n",
                   (int) pattern.len, p, (int) name.len, s, expected);
            wrong++;
        }
    }

    ok(wrong == 0, "random patterns: as the model says");
    ok(matches > RANDOM_ROUNDS / 100, "random patterns: enough that match");
}


/* with a matcher that goes back, these would not end */

static void
test_long_patterns(void)
{
    size_t   i;
    u_char   p[2 * ACCESS_NAME_MAX], s[ACCESS_NAME_MAX + 1];
    slice_t  pattern, name;

    memset(s, 'a', sizeof(s));

    for (i = 0; i < sizeof(p); i += 2) {
        p[i] = '*';
        p[i + 1] = 'a';
    }

    pattern.data = p;
    pattern.len = sizeof(p);
    name.data = s;
    name.len = ACCESS_NAME_MAX;

    ok(access_pattern_match(&pattern, &name), "long pattern: as many letters");

    p[sizeof(p) - 1] = 'b';
    ok(!access_pattern_match(&pattern, &name), "long pattern: one is wrong");

    pattern = text_slice("**a*aaaaaaaaaaaaaaaaaaaaaaab");
    ok(!access_pattern_match(&pattern, &name), "both stars, no match");

    pattern = text_slice("**");
    ok(access_pattern_match(&pattern, &name), "the longest name");

    name.len = ACCESS_NAME_MAX + 1;
    ok(!access_pattern_match(&pattern, &name), "a name longer than any");
}


int
main(void)
{
    test_patterns();
    test_random_patterns();
    test_long_patterns();

    return tap_done();
}
