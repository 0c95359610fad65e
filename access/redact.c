
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "redact.h"


#define REDACT_HMAC_LEN   28    /* base64 of a HMAC-SHA1, with its "=" */
#define REDACT_JWT_MIN    8     /* shorter ones are words that have "eyJ" */
#define REDACT_BASIC_MIN  8     /* the shortest "user:pw" in base64 */


typedef struct {
    u_char             *start;
    u_char             *last;

    /* the run of base64 that ends at the position, percent-decoded */
    u_char             *base64;
    size_t              nbase64;
    size_t              skip;           /* hex digits yet to come */
} redact_scan_t;


static void redact_at(const redact_scan_t *scan, u_char *p);
static void redact_base64(redact_scan_t *scan, u_char *p);
static int redact_is_base64(const redact_scan_t *scan, const u_char *p);
static int redact_is(const redact_scan_t *scan, const u_char *p,
    const char *word, size_t len);
static int redact_is_first(const redact_scan_t *scan, const u_char *p);
static int redact_is_alnum(u_char c);
static u_char *redact_blanks(const redact_scan_t *scan, u_char *p);
static int redact_closes(const redact_scan_t *scan, const u_char *p);
static void redact_authorization(const redact_scan_t *scan, u_char *p);
static void redact_header(const redact_scan_t *scan, u_char *p);
static void redact_basic(const redact_scan_t *scan, u_char *p);
static void redact_argument(const redact_scan_t *scan, u_char *p);
static void redact_value(const redact_scan_t *scan, u_char *p, u_char stop);
static void redact_pair(const redact_scan_t *scan, u_char *p);
static void redact_jwt(const redact_scan_t *scan, u_char *p);
static void redact_member(const redact_scan_t *scan, u_char *p);
static void redact_quoted(const redact_scan_t *scan, u_char *p);


static const slice_t  redact_members[] = {
    slice("\"credential\""),
    slice("\"password\""),
    slice("\"secret\""),
    slice("\"secretKey\""),
    slice("\"token\""),
    { 0, NULL }
};


/* the ones whose name says nothing of what is secret */

static const slice_t  redact_schemes[] = {
    slice("Bearer "),
    slice("Basic "),
    slice("Digest "),
    slice("Negotiate "),
    { 0, NULL }
};


/* of bytes: what a form may begin with, and what they are in base64 */

#define REDACT_FIRST   1
#define REDACT_BASE64  2
#define REDACT_OTHER   4        /* padding, or percent-encoded */

static const u_char  redact_kinds[256] = {
    ['0' ... '9'] = REDACT_BASE64,
    ['+'] = REDACT_BASE64,
    ['/'] = REDACT_BASE64,
    ['='] = REDACT_OTHER,
    ['%'] = REDACT_OTHER,
    ['"'] = REDACT_FIRST,

    ['A'] = REDACT_BASE64|REDACT_FIRST,
    ['B'] = REDACT_BASE64|REDACT_FIRST,
    ['C' ... 'J'] = REDACT_BASE64,
    ['K'] = REDACT_BASE64|REDACT_FIRST,
    ['L' ... 'R'] = REDACT_BASE64,
    ['S'] = REDACT_BASE64|REDACT_FIRST,
    ['T'] = REDACT_BASE64|REDACT_FIRST,
    ['U' ... 'Z'] = REDACT_BASE64,

    ['a'] = REDACT_BASE64|REDACT_FIRST,
    ['b'] = REDACT_BASE64|REDACT_FIRST,
    ['c' ... 'd'] = REDACT_BASE64,
    ['e'] = REDACT_BASE64|REDACT_FIRST,
    ['f' ... 'j'] = REDACT_BASE64,
    ['k'] = REDACT_BASE64|REDACT_FIRST,
    ['l' ... 'r'] = REDACT_BASE64,
    ['s'] = REDACT_BASE64|REDACT_FIRST,
    ['t'] = REDACT_BASE64|REDACT_FIRST,
    ['u' ... 'z'] = REDACT_BASE64
};


#define redact_word(scan, p, word)                                            \
    redact_is(scan, p, word, sizeof(word) - 1)


/*
 * What is found is overwritten from there on, and the scan goes on behind the
 * first byte of it: asterisks are part of nothing that is looked for.
 */

void
access_redact(u_char *p, size_t len)
{
    u_char         kind;
    redact_scan_t  scan;

    if (len == 0) {
        return;
    }

    scan.start = p;
    scan.last = p + len;
    scan.base64 = p;
    scan.nbase64 = 0;
    scan.skip = 0;

    for ( /* void */ ; p < scan.last; p++) {

        if (redact_kinds[*p] & REDACT_FIRST) {
            redact_at(&scan, p);
        }

        /* it may be an asterisk now */

        kind = redact_kinds[*p];

        if (scan.skip != 0 || kind & REDACT_OTHER) {
            redact_base64(&scan, p);

        } else if (!(kind & REDACT_BASE64)) {
            scan.nbase64 = 0;

        } else if (scan.nbase64++ == 0) {
            scan.base64 = p;
        }
    }
}


static void
redact_at(const redact_scan_t *scan, u_char *p)
{
    switch (*p) {

    case 'a':
    case 'A':
        if (redact_word(scan, p, "authorization:")) {
            redact_authorization(scan, p + sizeof("authorization:") - 1);

        } else if (redact_word(scan, p, "apiKey=")) {
            redact_argument(scan, p);
        }

        break;

    case 'b':
    case 'B':
        if (redact_word(scan, p, "Bearer ")) {
            redact_header(scan, p + sizeof("Bearer ") - 1);

        } else if (redact_word(scan, p, "Basic ")) {
            redact_basic(scan, p + sizeof("Basic ") - 1);
        }

        break;

    case 'e':
        if (redact_word(scan, p, "encrypted: \"")) {
            redact_quoted(scan, p + sizeof("encrypted: \"") - 1);

        } else {
            redact_jwt(scan, p);
        }

        break;

    case 'k':
    case 'K':
        if (redact_word(scan, p, "key=")) {
            redact_argument(scan, p);
        }

        break;

    case 's':
    case 'S':
        if (redact_word(scan, p, "sk_")) {
            redact_pair(scan, p);

        } else if (redact_word(scan, p, "secretKey=")) {
            redact_argument(scan, p);

        } else if (redact_word(scan, p, "signaling.bearer.")) {
            redact_value(scan, p + sizeof("signaling.bearer.") - 1, ',');

        } else if (redact_word(scan, p, "salt: \"")) {
            redact_quoted(scan, p + sizeof("salt: \"") - 1);
        }

        break;

    case 't':
    case 'T':
        if (redact_word(scan, p, "token=")) {
            redact_argument(scan, p);
        }

        break;

    case '"':
        redact_member(scan, p);
        break;
    }
}


/* keeps the run of base64 and overwrites it when it is a HMAC */

static void
redact_base64(redact_scan_t *scan, u_char *p)
{
    int      kind;
    size_t   width;
    u_char  *next;

    if (scan->skip > 0) {
        scan->skip--;
        return;
    }

    kind = redact_is_base64(scan, p);
    width = (*p == '%') ? 3 : 1;

    if (kind == 0) {
        scan->nbase64 = 0;
        return;
    }

    if (kind != '=') {

        if (scan->nbase64++ == 0) {
            scan->base64 = p;
        }

        scan->skip = width - 1;
        return;
    }

    /* an asterisk may have been base64 before */

    next = p + width;

    if (scan->nbase64 == REDACT_HMAC_LEN - 1
        && redact_is_base64(scan, next) == 0
        && !redact_word(scan, next, "*"))
    {
        memset(scan->base64, '*', (size_t) (next - scan->base64));
    }

    scan->nbase64 = 0;
}


/* 0: not in the alphabet; '=': the padding; else any other number */

static int
redact_is_base64(const redact_scan_t *scan, const u_char *p)
{
    if (p >= scan->last) {
        return 0;
    }

    if (redact_is_alnum(*p) || *p == '+' || *p == '/' || *p == '=') {
        return *p;
    }

    if (*p != '%') {
        return 0;
    }

    if (redact_word(scan, p, "%3D")) {
        return '=';
    }

    return redact_word(scan, p, "%2B") || redact_word(scan, p, "%2F");
}


/* 1 when the word is there, in any case */

static int
redact_is(const redact_scan_t *scan, const u_char *p, const char *word,
    size_t len)
{
    u_char  a, b;
    size_t  i;

    if ((size_t) (scan->last - p) < len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        a = p[i];
        b = (u_char) word[i];

        if (a == b) {
            continue;
        }

        if ((a ^ b) != 0x20 || !redact_is_alnum(a) || !redact_is_alnum(b)) {
            return 0;
        }
    }

    return 1;
}


/* a name begins here: at the start, behind what is no name, or behind %XX */

static int
redact_is_first(const redact_scan_t *scan, const u_char *p)
{
    if (p == scan->start) {
        return 1;
    }

    if (p - scan->start >= 3 && p[-3] == '%') {
        return 1;
    }

    return !redact_is_alnum(p[-1]) && p[-1] != '_' && p[-1] != '-';
}


static int
redact_is_alnum(u_char c)
{
    return (c >= '0' && c <= '9')
           || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


static u_char *
redact_blanks(const redact_scan_t *scan, u_char *p)
{
    while (p < scan->last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p;
}


/* a quote of the log's own, which is not one within the value */

static int
redact_closes(const redact_scan_t *scan, const u_char *p)
{
    if (*p != '"') {
        return 0;
    }

    return p + 1 == scan->last
           || p[1] == ' ' || p[1] == ',' || p[1] == '\r' || p[1] == '\n';
}


static void
redact_authorization(const redact_scan_t *scan, u_char *p)
{
    const slice_t  *scheme;

    p = redact_blanks(scan, p);

    for (scheme = redact_schemes; scheme->data; scheme++) {
        if (redact_is(scan, p, (char *) scheme->data, scheme->len)) {
            p += scheme->len;
            break;
        }
    }

    redact_header(scan, p);
}


/* up to the end of the line or of the quoted header */

static void
redact_header(const redact_scan_t *scan, u_char *p)
{
    p = redact_blanks(scan, p);

    for ( /* void */ ; p < scan->last; p++) {

        if (*p == '\r' || *p == '\n' || redact_closes(scan, p)) {
            return;
        }

        *p = '*';
    }
}


static void
redact_basic(const redact_scan_t *scan, u_char *p)
{
    u_char  *end;

    p = redact_blanks(scan, p);

    for (end = p; end < scan->last; end++) {
        if (!redact_is_alnum(*end)
            && *end != '+' && *end != '/' && *end != '=')
        {
            break;
        }
    }

    if (end - p >= REDACT_BASIC_MIN) {
        memset(p, '*', (size_t) (end - p));
    }
}


static void
redact_argument(const redact_scan_t *scan, u_char *p)
{
    if (!redact_is_first(scan, p)) {
        return;
    }

    p = (u_char *) memchr(p, '=', (size_t) (scan->last - p)) + 1;

    if (scan->last - p >= 3 && memcmp(p, "pk_", 3) == 0) {
        return;
    }

    redact_value(scan, p, '&');
}


static void
redact_value(const redact_scan_t *scan, u_char *p, u_char stop)
{
    for ( /* void */ ; p < scan->last; p++) {

        if (*p <= ' ' || *p == stop || redact_closes(scan, p)) {
            return;
        }

        *p = '*';
    }
}


static void
redact_pair(const redact_scan_t *scan, u_char *p)
{
    if (!redact_is_first(scan, p)) {
        return;
    }

    while (p < scan->last
           && (redact_is_alnum(*p) || *p == '_' || *p == '-' || *p == '.'))
    {
        p++;
    }

    if (redact_word(scan, p, ":")) {
        redact_value(scan, p + 1, '&');

    } else if (redact_word(scan, p, "%3A")) {
        redact_value(scan, p + 3, '&');
    }
}


static void
redact_jwt(const redact_scan_t *scan, u_char *p)
{
    u_char  *end;

    if (scan->last - p < REDACT_JWT_MIN || memcmp(p, "eyJ", 3) != 0) {
        return;
    }

    for (end = p; end < scan->last; end++) {
        if (!redact_is_alnum(*end)
            && *end != '_' && *end != '-' && *end != '.')
        {
            break;
        }
    }

    if (end - p >= REDACT_JWT_MIN) {
        memset(p, '*', (size_t) (end - p));
    }
}


static void
redact_member(const redact_scan_t *scan, u_char *p)
{
    const slice_t  *name;

    for (name = redact_members; name->data; name++) {
        if (redact_is(scan, p, (char *) name->data, name->len)) {
            break;
        }
    }

    if (name->data == NULL) {
        return;
    }

    p = redact_blanks(scan, p + name->len);

    if (p == scan->last || *p != ':') {
        return;
    }

    p = redact_blanks(scan, p + 1);

    if (p < scan->last && *p == '"') {
        redact_quoted(scan, p + 1);
    }
}


/* up to the quote that no backslash is before, or the end */

static void
redact_quoted(const redact_scan_t *scan, u_char *p)
{
    for ( /* void */ ; p < scan->last && *p != '"'; p++) {

        if (*p == '\\' && p + 1 < scan->last) {
            *p++ = '*';
        }

        *p = '*';
    }
}
