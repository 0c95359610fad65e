
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of key files: the syntax, which is that of nginx, the line of every
 * mistake, and what becomes of the blocks.  The directives themselves and
 * their errors are those of the configuration, see t/keys.test.mjs.
 */


#include <stdio.h>

#include "key_source.h"
#include "tap.h"


#define LONG_SECRET  "0123456789abcdef0123456789abcdef"


typedef struct {
    const char  *text;
    uint32_t     line;
    const char  *error;         /* its beginning */
} mistake_t;


static void test_whole(void);
static void test_syntax(void);
static void test_mistakes(void);
static void test_cut(void);
static void test_zero_byte(void);
static void test_known(void);
static void test_many(void);
static void test_no_memory(void);
static void test_warnings(void);
static void test_trim(void);
static int parse(source_t *s, const char *text);
static int has(const access_key_t *key, const char *pattern);
static int is(const slice_t *s, const char *text);


static const char  pem[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";


static const source_file_t  files[] = {
    { "secret", { sizeof(LONG_SECRET), (u_char *) LONG_SECRET "\n" } },
    { "a b;c", { sizeof(LONG_SECRET) + 1, (u_char *) LONG_SECRET "\r\n" } },
    { "newline", { 1, (u_char *) "\n" } },
    { "ed.pem", { sizeof(pem) - 1, (u_char *) pem } },
    { NULL, { 0, NULL } }
};


static void
test_whole(void)
{
    source_t       s;
    access_key_t  *key;

    source_init(&s, files);

    ok(parse(&s, "# keys of the shop\n"
                 "publishable_key pk_live_demo {\n"
                 "    origins   https://a.example.com https://b.example.com;\n"
                 "    channels  demo-room-* lobby;\n"
                 "    actions   subscribe send;   # no more than that\n"
                 "    require_origin off;\n"
                 "    turn off; app shop;\n"
                 "}\n"
                 "\n"
                 "secret_key sk_one { secret_file secret; channels **; }\n"
                 "secret_key sk_two { channels **; algorithm EdDSA;\n"
                 "  public_key_file ed.pem; }\n") == 0
       && s.reader.keys.nelts == 3, "a whole file");

    key = s.reader.keys.elts[0];

    ok(is(&key->id, "pk_live_demo") && key->type == ACCESS_PUBLISHABLE
       && key->norigins == 2 && is(&key->origins[1], "https://b.example.com")
       && key->nchannels == 2 && is(&key->channels[1], "lobby")
       && key->actions == (ACCESS_SUBSCRIBE|ACCESS_SEND)
       && !key->require_origin && !key->turn && is(&key->app, "shop"),
       "a publishable key");

    key = s.reader.keys.elts[1];

    ok(is(&key->id, "sk_one") && key->type == ACCESS_SECRET
       && is(&key->secret, LONG_SECRET) && key->algorithm == ACCESS_HS256
       && key->public_key == NULL && key->norigins == 0
       && key->actions == ACCESS_ALL && key->turn && is(&key->app, "default"),
       "a secret key, its secret without the newline");

    key = s.reader.keys.elts[2];

    ok(is(&key->id, "sk_two") && key->algorithm == ACCESS_EDDSA
       && key->secret.len == 0 && key->public_key != NULL && s.nowned == 1
       && s.warnings == 0, "a public key");

    source_done(&s);
}


static void
test_syntax(void)
{
    size_t    i;
    source_t  s;

    static const char  *none[] = {
        "", "\n", " \t\r\n", "# a comment", "# a comment\n\n#{;}\n"
    };

    /* the file, and a pattern that it has */

    static const char  *one[][2] = {
        { "publishable_key a{origins *;channels x;}", "x" },
        { "publishable_key a{origins\n*;channels x\ny;}#", "y" },
        { "\"publishable_key\" 'a' { 'origins' '*'; \"channels\" \"x y\"; }",
          "x y" },
        { "publishable_key a { origins *; channels \"a;b{c}\" '#d' e#f; }",
          "#d" },
        { "publishable_key a { origins *; channels \"a;b{c}\" '#d' e#f; }",
          "e#f" },
        { "publishable_key a { origins *; channels \"a\nb\\n\" ; }", NULL },
        { "publishable_key a { origins *; channels a\\\"b 'a\\'b' ; }",
          "a\"b" },
        { "publishable_key a { origins *; channels a\\\"b 'a\\'b' ; }",
          "a'b" },
        { "publishable_key a { origins *; channels \\*\\\\ ; }", "\\*\\" },
        { "publishable_key a { origins *; channels a\\;b\\ c ; }",
          "a\\;b\\ c" },
        { "publishable_key a { origins *; channels a}b }; }", "}b" },
        { "publishable_key a { origins *; channels a\"b a'b; }", "a'b" },
        { "publishable_key a { origins *; channels ${x} a${y}z; }",
          "a${y}z" }
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        source_init(&s, NULL);
        ok(parse(&s, none[i]) == 0 && s.reader.keys.nelts == 0, "no key");
        source_done(&s);
    }

    for (i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
        source_init(&s, NULL);

        if (one[i][1] == NULL) {
            ok(parse(&s, one[i][0]) == -1, "a newline within a word");

        } else if (i == 10) {
            ok(parse(&s, one[i][0]) == -1 && s.reader.line == 1,
               "a brace closes at the beginning of a word only");

        } else {
            ok(parse(&s, one[i][0]) == 0 && s.reader.keys.nelts == 1
               && has(s.reader.keys.elts[0], one[i][1]), one[i][0]);
        }

        source_done(&s);
    }
}


static void
test_mistakes(void)
{
    size_t    i;
    source_t  s;

    static const mistake_t  mistakes[] = {
        { "}", 1, "unexpected \"}\"" },
        { "\n;", 2, "unexpected \";\"" },
        { "# {\n\n{", 3, "unexpected \"{\"" },
        { "publishable_key", 1, "unexpected end of file, expecting \";\"" },
        { "publishable_key a", 1, "unexpected end of file, expecting \";\"" },
        { "publishable_key a {\n", 2, "unexpected end of file, expecting "
          "\"}\"" },
        { "publishable_key a { origins *", 1, "unexpected end of file" },
        { "publishable_key 'a", 1, "unexpected end of file" },
        { "publishable_key a\\", 1, "unexpected end of file" },
        { "publishable_key 'a'b {", 1, "unexpected \"b\"" },
        { "publishable_key 'a'} {", 1, "unexpected \"}\"" },
        { "publishable_key a {\n origins * }", 2, "unexpected \"}\"" },
        { "publishable_key a {\n turn { on; } }", 2, "unexpected \"{\"" },
        { "publishable_key a {\n turn on; turn off; }", 2,
          "\"turn\" directive is duplicate in" },
        { "publishable_key a { channels a; channels b; }", 1,
          "\"channels\" directive is duplicate in" },
        { "publishable_key a { turn; }", 1, "invalid number of arguments" },
        { "publishable_key a { turn on off; }", 1,
          "invalid number of arguments" },
        { "publishable_key a { channels; }", 1,
          "invalid number of arguments" },
        { "publishable_key a { turn 1; }", 1, "invalid value \"1\" in" },
        { "publishable_key a { actions send send; }", 1,
          "duplicate action \"send\"" },
        { "publishable_key a { app b/c; }", 1, "invalid name \"b/c\"" },
        { "secret_key a { secret ''; }", 1, "empty value in \"secret\"" },
        { "secret_key a { secret " LONG_SECRET "; secret_file secret; }", 1,
          "\"secret\" and \"secret_file\" in one" },
        { "secret_key a { algorithm none; }", 1, "unknown value \"none\"" },
        { "secret_key a { algorithm ES256; channels **;\n secret x; }", 2,
          "a secret in \"secret_key a\"" },
        { "secret_key a { algorithm ES256; channels **; }", 1,
          "no public key in \"secret_key a\"" },
        { "secret_key a { public_key_file ed.pem; channels **; }", 1,
          "\"public_key_file\" in \"secret_key a\"" },
        { "publishable_key a;", 1, "directive \"publishable_key\" has no "
          "opening \"{\"" },
        { "publishable_key { }", 1, "invalid number of arguments in "
          "\"publishable_key\" directive, write an ID" },
        { "secret_key a b { }", 1, "invalid number of arguments in "
          "\"secret_key\"" },
        { "\n\ninclude other;", 3, "unknown directive \"include\" in a key "
          "file, write \"publishable_key id { ... }\" or \"secret_key id { "
          "... }\"" },
        { "server { }", 1, "unknown directive \"server\" in a key file" },
        { "publishable_key a:b { }", 1, "invalid key ID \"a:b\"" },
        { "publishable_key a { include x; }", 1, "unknown directive "
          "\"include\" in \"publishable_key\"" },
        { "publishable_key a { origins *;\nchannels **; }\n"
          "secret_key a { secret s; channels **; }", 3,
          "duplicate key \"a\" in \"secret_key\"" },
        { "publishable_key a {\n origins *;\n}", 3, "no \"channels\" in" },
        { "publishable_key a {\n channels *;\n\n}", 4, "no \"origins\" in" },
        { "secret_key a {\n channels *;\n\n}", 4, "no secret in" },
        { "secret_key a {\n secret_file missing;\n}", 2,
          "cannot open \"missing\" for \"secret_file\" (secret)" },
        { "secret_key a { public_key_file missing; }", 1,
          "cannot open \"missing\" for \"public_key_file\" (public)" },
        { "secret_key a { secret_file newline; }", 1,
          "no secret in \"newline\" for \"secret_file\"" },
        { "secret_key a { algorithm ES256; public_key_file ed.pem;\n }", 2,
          "\"ed.pem\" of \"public_key_file\" has no key of the curve P-256" },
        { "publishable_key a {\n origins '*\n\n';\n}", 4,
          "invalid origin" },
        { "publishable_key a {\n actions \\\n\n;\n}", 4, "unknown action" }
    };

    for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        source_init(&s, files);

        ok(parse(&s, mistakes[i].text) == -1
           && s.reader.line == mistakes[i].line
           && strncmp(s.reader.error, mistakes[i].error,
                      strlen(mistakes[i].error)) == 0,
           mistakes[i].error);

        if (s.reader.line != mistakes[i].line) {
            printf("# line %u: %s\n", s.reader.line, s.reader.error);
        }

        source_done(&s);
    }
}


/* a file cut off anywhere is a mistake, but between two blocks */

static void
test_cut(void)
{
    int       wrong;
    char      text[256];
    size_t    i;
    source_t  s;

    static const char  whole[] =
        "publishable_key a { origins *; channels 'x y'; }\n"
        "secret_key b { secret " LONG_SECRET "; channels **; }";

    wrong = 0;

    for (i = 0; i < sizeof(whole); i++) {
        memcpy(text, whole, i);
        text[i] = '\0';

        source_init(&s, NULL);

        wrong += ((parse(&s, text) == 0)
                  != (i == 0 || i == 48 || i == 49 || i == sizeof(whole) - 1));

        source_done(&s);
    }

    ok(wrong == 0, "a file that is cut off");
}


static void
test_zero_byte(void)
{
    slice_t   text;
    source_t  s;

    static const char  zero[] = "publishable_key a {\n origins *\0; }";

    text.data = (u_char *) zero;
    text.len = sizeof(zero) - 1;

    source_init(&s, NULL);

    ok(access_key_file(&s.reader, &text) == -1 && s.reader.line == 2
       && strcmp(s.reader.error, "a zero byte, write text") == 0,
       "a zero byte");

    source_done(&s);
}


/* keys that are known before stay first, and their list as it was */

static void
test_known(void)
{
    source_t       s;
    access_key_t   key, *elts[1];

    static const slice_t  id = slice("static");

    memset(&key, 0, sizeof(access_key_t));

    key.id = id;
    elts[0] = &key;

    source_init(&s, NULL);

    s.reader.keys.elts = elts;
    s.reader.keys.nelts = 1;

    ok(parse(&s, "publishable_key a { origins *; channels **; }") == 0
       && s.reader.keys.nelts == 2 && s.reader.keys.elts[0] == &key
       && is(&s.reader.keys.elts[1]->id, "a") && s.reader.keys.elts != elts,
       "keys are added to those known");

    source_done(&s);
    source_init(&s, NULL);

    s.reader.keys.elts = elts;
    s.reader.keys.nelts = 1;

    ok(parse(&s, "publishable_key static { origins *; channels **; }") == -1
       && strncmp(s.reader.error, "duplicate key \"static\"", 22) == 0,
       "no key may have the ID of one known");

    source_done(&s);
}


static void
test_many(void)
{
    int        n, good;
    char       id[16], *text;
    size_t     len;
    source_t   s;
    uint32_t   i;

    text = malloc(1000 * 120);
    if (text == NULL) {
        abort();
    }

    len = 0;

    for (i = 0; i < 1000; i++) {
        n = sprintf(text + len, "publishable_key k%u { origins *;\n"
                    " channels a b c d e f g h i j k l m n o p q r; }\n", i);
        len += (size_t) n;
    }

    source_init(&s, NULL);

    good = (parse(&s, text) == 0 && s.reader.keys.nelts == 1000
            && s.reader.line == 2001);

    for (i = 0; good && i < 1000; i++) {
        (void) sprintf(id, "k%u", i);
        good = is(&s.reader.keys.elts[i]->id, id)
               && s.reader.keys.elts[i]->nchannels == 18
               && has(s.reader.keys.elts[i], "r");
    }

    ok(good, "a thousand keys with many patterns");

    source_done(&s);
    free(text);
}


static void
test_no_memory(void)
{
    int       rc, wrong;
    size_t    i;
    source_t  s;

    wrong = 0;
    rc = -1;

    for (i = 0; rc == -1; i++) {
        source_init(&s, files);
        s.left = i;

        rc = parse(&s, "publishable_key a { origins *; channels x; }\n"
                       "secret_key b { algorithm EdDSA; channels y;\n"
                       "public_key_file ed.pem; }\n");

        if (rc == -1 && strcmp(s.reader.error, "no memory") != 0) {
            wrong++;
        }

        source_done(&s);
    }

    ok(wrong == 0 && i > 10, "memory runs out anywhere");
}


static void
test_warnings(void)
{
    source_t  s;

    source_init(&s, NULL);

    ok(parse(&s, "secret_key a { secret short; channels **; }\n") == 0
       && s.warnings == 1
       && strcmp(s.warning, "the secret of \"secret_key a\" is shorter than "
                 "its \"algorithm\" asks for, write one of at least 32 bytes")
          == 0
       && s.reader.inlined == 1, "a short secret is accepted with a warning");

    source_done(&s);
    source_init(&s, files);

    ok(parse(&s, "secret_key a { algorithm HS512; secret_file 'a b;c';"
                 " channels **; }\n") == 0
       && s.warnings == 1 && strstr(s.warning, "at least 64 bytes") != NULL
       && is(&s.reader.keys.elts[0]->secret, LONG_SECRET)
       && s.reader.inlined == 0, "a secret from a file is not in the text");

    source_done(&s);
}


static void
test_trim(void)
{
    int       good;
    size_t    i;
    slice_t   secret;

    static const char  *secrets[][2] = {
        { "", "" }, { "\n", "" }, { "\r\n", "" }, { "\n\n", "\n" },
        { "a", "a" }, { "a\r", "a\r" }, { "a\r\n", "a" }, { "a \n", "a " }
    };

    good = 1;

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        secret.data = (u_char *) secrets[i][0];
        secret.len = strlen(secrets[i][0]);

        access_secret_trim(&secret);

        good &= is(&secret, secrets[i][1]);
    }

    ok(good, "one newline comes off a secret");
}


/* the text ends where the sanitizer sees what is read behind it */

static int
parse(source_t *s, const char *text)
{
    int      rc;
    slice_t  copy;

    copy.len = strlen(text);
    copy.data = malloc(copy.len != 0 ? copy.len : 1);

    if (copy.data == NULL) {
        abort();
    }

    memcpy(copy.data, text, copy.len);

    rc = access_key_file(&s->reader, &copy);

    /* nothing of it is kept */

    memset(copy.data, 0, copy.len);
    free(copy.data);

    return rc;
}


static int
has(const access_key_t *key, const char *pattern)
{
    uint32_t  i;

    for (i = 0; i < key->nchannels; i++) {
        if (is(&key->channels[i], pattern)) {
            return 1;
        }
    }

    return 0;
}


static int
is(const slice_t *s, const char *text)
{
    return s->len == strlen(text)
           && (s->len == 0 || memcmp(s->data, text, s->len) == 0);
}


int
main(void)
{
    test_whole();
    test_syntax();
    test_mistakes();
    test_cut();
    test_zero_byte();
    test_known();
    test_many();
    test_no_memory();
    test_warnings();
    test_trim();

    return tap_done();
}
