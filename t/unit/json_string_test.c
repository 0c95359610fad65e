
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Tests of sig_json: strings, at every place in a block of the scanner, and
 * what is made of their escapes.
 */


#include "json_guard.h"
#include "tap.h"
#include "sig_json.h"


#define JSON_PADS  40
#define JSON_LONG  300              /* beyond what is scanned by wide blocks */


typedef struct {
    const char  *text;
    size_t       n;
} json_text_t;


typedef struct {
    const char  *text;
    size_t       n;
    const char  *result;           /* NULL: not possible */
    size_t       result_n;
} json_escape_test_t;


static void test_strings(void);
static int string_places(const json_text_t *t, const char *pad, int valid);
static void test_bytes(void);
static void test_long_text(void);
static void test_unescape(void);
static void test_equal(void);
static void test_plain(void);


#define bytes(s)  s, sizeof(s) - 1
#define count(a)  (sizeof(a) / sizeof((a)[0]))


/* insides of strings */

static const json_text_t  good_strings[] = {
    { bytes("") },
    { bytes("x") },
    { bytes("\\\\") },
    { bytes("\\\"") },
    { bytes("\\/\\b\\f\\n\\r\\t") },
    { bytes("\\r\\n\\r\\n") },
    { bytes("\\u0aFf") },
    { bytes("\\ud83d\\ude00") },
    { bytes("\\udbff") },
    { bytes(" ") },
    { bytes("\x7f") },
    { bytes("\xc2\x80") },
    { bytes("\xdf\xbf") },
    { bytes("\xe0\xa0\x80") },
    { bytes("\xed\x9f\xbf") },
    { bytes("\xee\x80\x80") },
    { bytes("\xef\xbf\xbf") },
    { bytes("\xf0\x90\x80\x80") },
    { bytes("\xf4\x8f\xbf\xbf") },
    { bytes("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9") },
    { bytes("\xe6\x97\xa5\\n\xe6\x9c\xac") },
    { bytes("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
            "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac") },
    { bytes("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"
            "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80") }
};


static const json_text_t  bad_strings[] = {
    { bytes("\"") },
    { bytes("\\") },
    { bytes("\\x") },
    { bytes("\\a") },
    { bytes("\\'") },
    { bytes("\\0") },
    { bytes("\\N") },
    { bytes("\\U0041") },
    { bytes("\\\n") },
    { bytes("\\\xc3\xa9") },
    { bytes("\\u") },
    { bytes("\\u1") },
    { bytes("\\u12") },
    { bytes("\\u123") },
    { bytes("\\u123g") },
    { bytes("\\u12:4") },
    { bytes("\\u/234") },
    { bytes("\\u@234") },
    { bytes("\\u`234") },
    { bytes("\\u 123") },
    { bytes("\\u-123") },
    { bytes("\\u\x10" "123") },
    { bytes("\n") },
    { bytes("\t") },
    { bytes("\0") },
    { bytes("\x1f") },
    { bytes("\x01") },
    { bytes("\x80") },
    { bytes("\xbf") },
    { bytes("\xc0\x80") },
    { bytes("\xc1\xbf") },
    { bytes("\xc2") },
    { bytes("\xc2\x7f") },
    { bytes("\xc2\xc2") },
    { bytes("\xc3\xa9\xa9") },
    { bytes("\xe0\x9f\xbf") },
    { bytes("\xe1\x80") },
    { bytes("\xe1\x80\xc0") },
    { bytes("\xe1\x80\x80\x80") },
    { bytes("\xed\xa0\x80") },
    { bytes("\xed\xbf\xbf") },
    { bytes("\xf0\x8f\xbf\xbf") },
    { bytes("\xf1\x80\x80") },
    { bytes("\xf1\x80") },
    { bytes("\xf1") },
    { bytes("\xf1\x80\x80\x80\x80") },
    { bytes("\xf4\x90\x80\x80") },
    { bytes("\xf5\x80\x80\x80") },
    { bytes("\xf7\xbf\xbf\xbf") },
    { bytes("\xf8\x88\x80\x80\x80") },
    { bytes("\xfe") },
    { bytes("\xff") }
};


static const json_escape_test_t  escape_tests[] = {
    { bytes(""), bytes("") },
    { bytes("plain"), bytes("plain") },
    { bytes("\xc3\xa9"), bytes("\xc3\xa9") },
    { bytes("a\\\"b\\\\c\\/d"), bytes("a\"b\\c/d") },
    { bytes("\\b\\f\\n\\r\\t"), bytes("\b\f\n\r\t") },
    { bytes("\\u0000x"), bytes("\0x") },
    { bytes("\\u0041\\u007f"), bytes("A\x7f") },
    { bytes("\\u0080\\u07FF"), bytes("\xc2\x80\xdf\xbf") },
    { bytes("\\u0800\\uffff"), bytes("\xe0\xa0\x80\xef\xbf\xbf") },
    { bytes("\\ud7ff\\ue000"), bytes("\xed\x9f\xbf\xee\x80\x80") },
    { bytes("\\ud800\\udc00"), bytes("\xf0\x90\x80\x80") },
    { bytes("\\uDBFF\\uDFFF"), bytes("\xf4\x8f\xbf\xbf") },
    { bytes("\\n\xe2\x82\xac\xf0\x9f\x98\x80\\u00e9"),
      bytes("\n\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9") },
    { bytes("\\\\u0041"), bytes("\\u0041") },
    { bytes("\\ud83d"), NULL, 0 },
    { bytes("\\ude00"), NULL, 0 },
    { bytes("\\ude00\\ud83d"), NULL, 0 },
    { bytes("\\ud83d\\ud83d\\ude00"), NULL, 0 },
    { bytes("\\ud83dx"), NULL, 0 },
    { bytes("\\ud800\\udbff"), NULL, 0 },
    { bytes("\\ud800\\ue000"), NULL, 0 },
    { bytes("\\ud83d\\n12345"), NULL, 0 },
    { bytes("\\ud83d\\u0041"), NULL, 0 },
    { bytes("\\ud83d\xf0\x9f\x98\x80xx"), NULL, 0 },
    { bytes("ab\\ud83d\\ude00\\ud83d"), NULL, 0 }
};


static void
test_strings(void)
{
    int                 pass;
    size_t              i, n;
    static const char  *pads[] = { "z", "\xc3\xa9", "\xe2\x82\xac",
                                   "\xf0\x9f\x98\x80", "z\\n" };

    /* no pad makes a good string out of a bad one */

    for (n = 0; n < count(pads); n++) {
        pass = 1;

        for (i = 0; i < count(good_strings); i++) {
            pass &= string_places(&good_strings[i], pads[n], 1);
        }

        ok(pass, "good strings, at every place in a block");

        pass = 1;

        for (i = 0; i < count(bad_strings); i++) {
            pass &= string_places(&bad_strings[i], pads[n], 0);
        }

        ok(pass, "bad strings, at every place in a block");
    }
}


static int
string_places(const json_text_t *t, const char *pad, int valid)
{
    int      pass;
    size_t   i, before, after, len;
    u_char  *p, text[2 * JSON_PADS * 4 + 64];

    len = strlen(pad);
    pass = 1;

    for (before = 0; before <= JSON_PADS; before++) {
        for (after = 0; after <= JSON_PADS; after++) {

            p = text;
            *p++ = '"';

            for (i = 0; i < before; i++, p += len) {
                memcpy(p, pad, len);
            }

            memcpy(p, t->text, t->n);
            p += t->n;

            for (i = 0; i < after; i++, p += len) {
                memcpy(p, pad, len);
            }

            *p++ = '"';

            if ((guarded(text, (size_t) (p - text)) == '"') != valid) {
                printf("# %s after %zu, before %zu of %s\n",
                       t->text, before, after, pad);
                pass = 0;
            }
        }
    }

    return pass;
}


/* each byte alone at each place of a string of plain text */

static void
test_bytes(void)
{
    int       pass, valid;
    size_t    i;
    u_char    text[JSON_LONG + 2];
    unsigned  c;

    pass = 1;

    for (c = 0; c < 256; c++) {
        valid = (c >= 0x20 && c < 0x80 && c != '"' && c != '\\');

        for (i = 1; i <= JSON_LONG; i++) {
            memset(text, 'z', sizeof(text));
            text[0] = '"';
            text[JSON_LONG + 1] = '"';
            text[i] = (u_char) c;

            if ((guarded(text, sizeof(text)) == '"') != valid) {
                printf("# byte %02x at %zu\n", c, i);
                pass = 0;
            }
        }
    }

    ok(pass, "every byte in a string");
}


static void
test_unescape(void)
{
    int                        pass;
    size_t                     i;
    slice_t                    inside;
    const json_escape_test_t  *t;

    pass = 1;

    for (i = 0; i < count(escape_tests); i++) {
        t = &escape_tests[i];

        inside.len = t->n;
        inside.data = guard_last(t->text, t->n);

        if (sig_json_unescape(&inside) != (t->result != NULL)) {
            printf("# %s\n", t->text);
            pass = 0;
            continue;
        }

        if (t->result != NULL
            && (inside.len != t->result_n
                || inside.data != guard + guard_size - t->n
                || memcmp(inside.data, t->result, t->result_n) != 0))
        {
            printf("# %s gives %.*s\n", t->text, (int) inside.len,
                   (char *) inside.data);
            pass = 0;
        }
    }

    ok(pass, "escapes are resolved in place, unpaired surrogates refused");
}


static void
test_equal(void)
{
    int      pass;
    size_t   i;
    slice_t  inside;

    static const slice_t  text = slice("type");

    static const json_text_t  same[] = {
        { bytes("type") },
        { bytes("t\\u0079pe") },
        { bytes("\\u0074\\u0079\\u0070\\u0065") }
    };

    static const json_text_t  other[] = {
        { bytes("") },
        { bytes("typ") },
        { bytes("Type") },
        { bytes("types") },
        { bytes("t\\u0079p") },
        { bytes("t\\u0079pes") },
        { bytes("\\u0054ype") },
        { bytes("\\ud800ype") },
        { bytes("typ\xc3\xa9") },
        { bytes("t\\type") }
    };

    pass = 1;

    for (i = 0; i < count(same); i++) {
        inside.len = same[i].n;
        inside.data = guard_last(same[i].text, inside.len);

        pass &= sig_json_equal(&inside, &text);
    }

    ok(pass, "names that are the same after their escapes");

    for (i = 0; i < count(other); i++) {
        inside.len = other[i].n;
        inside.data = guard_last(other[i].text, inside.len);

        pass &= !sig_json_equal(&inside, &text);
    }

    ok(pass, "names that are not");
}


static void
test_plain(void)
{
    int                 pass;
    size_t              i, n, len;
    slice_t             inside;
    static const char  *marks[] = { "\\", "\x80", "\xc3", "\xff" };

    pass = 1;

    for (len = 0; len <= JSON_PADS; len++) {
        inside.len = len;
        inside.data = guard + guard_size - len;

        memset(inside.data, 'z', len);

        pass &= (sig_json_plain(&inside) == len);

        for (i = 0; i < len; i++) {
            for (n = 0; n < count(marks); n++) {
                memset(inside.data, 'z', len);
                inside.data[i] = (u_char) *marks[n];

                pass &= (sig_json_plain(&inside) == i);
            }
        }
    }

    ok(pass, "how many bytes stand for themselves");
}


/*
 * Text of every length and mix of characters, so that each of them ends and
 * begins a block; and the same with one byte of it broken.
 */

static void
test_long_text(void)
{
    int                 pass;
    size_t              i, n, mix;
    u_char              text[160], saved;
    const char         *character;
    static const char  *characters[] = { "z", "\xc3\xa9", "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80" };

    pass = 1;

    for (mix = 0; mix < 1024; mix++) {

        text[0] = '"';
        n = 1;

        for (i = 0; n < sizeof(text) - 8; i++) {
            character = characters[mix >> (2 * (i % 5)) & 3];

            memcpy(text + n, character, strlen(character));
            n += strlen(character);
        }

        text[n++] = '"';

        if (guarded(text, n) != '"') {
            printf("# mix %zx is refused\n", mix);
            pass = 0;
        }

        i = 1 + mix % (n - 2);
        saved = text[i];

        /* no byte of a character can be replaced by these */

        text[i] = (saved < 0x80) ? 0x80 : (saved < 0xc0) ? 'z' : 0xbf;

        if (guarded(text, n) != 0) {
            printf("# mix %zx with byte %zu broken is accepted\n", mix, i);
            pass = 0;
        }

        text[i] = saved;
    }

    ok(pass, "mixed text, whole and broken");
}


int
main(void)
{
    guard_create();

    test_strings();
    test_bytes();
    test_long_text();
    test_unescape();
    test_equal();
    test_plain();

    return tap_done();
}
