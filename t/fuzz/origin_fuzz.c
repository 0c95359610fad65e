
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Fuzzes origins.  The input is an entry of a list, a line feed and the header
 * of a request.  What is well formed is said by a regular expression, what
 * matches by the parts that it finds.
 */


#include <regex.h>
#include <strings.h>

#include "access.h"
#include "fuzz.h"


#define FUZZ_LABEL   "[0-9A-Za-z_-]+"
#define FUZZ_ORIGIN                                                           \
    "^([A-Za-z.+-][0-9A-Za-z.+-]*)://"                                        \
    "(\\*?(\\.?" FUZZ_LABEL "(\\." FUZZ_LABEL ")*\\.?)"                       \
    "|\\[[0-9A-Za-z:.]*\\])"                                                  \
    "(:0*([1-9][0-9]{0,4}))?$"


typedef struct {
    const char  *scheme;
    const char  *host;
    size_t       scheme_len;
    size_t       host_len;
    long         port;                 /* 0: that of the scheme, if any */
    int          wildcard;
} fuzz_origin_t;


int LLVMFuzzerInitialize(int *argc, char ***argv);
static char *fuzz_text(const uint8_t *data, size_t size);
static int fuzz_parse(fuzz_origin_t *o, const char *text);
static long fuzz_port(const char *scheme, size_t len);
static int fuzz_match(const char *entry, const char *origin);


static regex_t  fuzz_regex;


int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_check(regcomp(&fuzz_regex, FUZZ_ORIGIN, REG_EXTENDED) == 0);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             good;
    char           *left, *right;
    slice_t         entry, origin;
    const uint8_t  *end;
    fuzz_origin_t   o;

    end = size ? memchr(data, '\n', size) : NULL;

    if (end == NULL || memchr(data, '\0', size) != NULL) {
        return 0;
    }

    entry = fuzz_slice(data, (size_t) (end - data));
    origin = fuzz_slice(end + 1, size - entry.len - 1);

    left = fuzz_text(entry.data, entry.len);
    right = fuzz_text(origin.data, origin.len);

    good = strcmp(left, "*") == 0 || strcmp(left, "null") == 0
           || fuzz_parse(&o, left);

    fuzz_check((access_origin_check(&entry) == NULL) == good);
    fuzz_check(access_origin_match(&entry, &origin)
               == fuzz_match(left, right));

    free(left);
    free(right);
    free(entry.data);
    free(origin.data);

    return 0;
}


static char *
fuzz_text(const uint8_t *data, size_t size)
{
    char  *text;

    text = malloc(size + 1);
    fuzz_check(text != NULL);

    memcpy(text, data, size);
    text[size] = '\0';

    return text;
}


static int
fuzz_parse(fuzz_origin_t *o, const char *text)
{
    regmatch_t  m[7];

    if (regexec(&fuzz_regex, text, 7, m, 0) != 0) {
        return 0;
    }

    o->scheme = text;
    o->scheme_len = (size_t) m[1].rm_eo;
    o->host = text + m[2].rm_so;
    o->host_len = (size_t) (m[2].rm_eo - m[2].rm_so);
    o->wildcard = o->host[0] == '*';

    /* the star and a dot, or neither */

    if (o->host[0] == '.' || (o->wildcard && o->host[1] != '.')) {
        return 0;
    }

    o->host += o->wildcard;
    o->host_len -= (size_t) o->wildcard;

    o->port = m[6].rm_so != -1 ? strtol(text + m[6].rm_so, NULL, 10)
                               : fuzz_port(o->scheme, o->scheme_len);

    return o->port <= 65535;
}


static long
fuzz_port(const char *scheme, size_t len)
{
    size_t  i;

    static const char  *names[] = { "http", "ws", "https", "wss" };

    for (i = 0; i < 4; i++) {
        if (len == strlen(names[i]) && strncasecmp(scheme, names[i], len) == 0)
        {
            return i < 2 ? 80 : 443;
        }
    }

    return 0;
}


static int
fuzz_match(const char *entry, const char *origin)
{
    fuzz_origin_t  e, o;

    if (strcmp(entry, "*") == 0) {
        return 1;
    }

    if (strcmp(entry, "null") == 0 || strcmp(origin, "null") == 0) {
        return strcmp(entry, origin) == 0;
    }

    if (!fuzz_parse(&e, entry) || !fuzz_parse(&o, origin) || o.wildcard) {
        return 0;
    }

    if (e.port != o.port || e.scheme_len != o.scheme_len
        || strncasecmp(e.scheme, o.scheme, e.scheme_len) != 0)
    {
        return 0;
    }

    /* a wildcard stands for something */

    if (o.host_len < e.host_len
        || (o.host_len > e.host_len) != e.wildcard)
    {
        return 0;
    }

    return strncasecmp(o.host + o.host_len - e.host_len, e.host, e.host_len)
           == 0;
}
