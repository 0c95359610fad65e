
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "key_directive.h"
#include "key_file.h"


#define ACCESS_WORDS_SIZE      16


typedef enum {
    ACCESS_TOKEN_ERROR = 0,
    ACCESS_TOKEN_DIRECTIVE,     /* words, and a semicolon */
    ACCESS_TOKEN_BLOCK,         /* words, and an opening brace */
    ACCESS_TOKEN_END,           /* a closing brace */
    ACCESS_TOKEN_DONE           /* the end of the text */
} access_token_e;


typedef struct {
    access_reader_t    *reader;
    u_char             *p;
    u_char             *last;

    slice_t            *words;
    uint32_t            nwords;
    uint32_t            size;
} access_text_t;


static int access_file_begin(access_text_t *t, access_token_e token);
static int access_file_inner(access_text_t *t, access_token_e token);
static access_token_e access_next(access_text_t *t);
static access_token_e access_word(access_text_t *t);
static u_char *access_word_end(access_text_t *t, u_char quote);
static int access_word_add(access_text_t *t, const u_char *start,
    const u_char *end);
static size_t access_unquote(u_char *dst, const u_char *src,
    const u_char *end);
static access_token_e access_unexpected(access_text_t *t, u_char c);
static int access_is_space(u_char c);


int
access_key_file(access_reader_t *reader, const slice_t *text)
{
    int             rc, inside;
    access_text_t   t;
    access_token_e  token;

    memset(&t, 0, sizeof(access_text_t));

    t.reader = reader;
    t.p = text->data;
    t.last = text->len != 0 ? text->data + text->len : text->data;

    reader->line = 1;

    inside = 0;

    do {
        token = access_next(&t);

        if (token == ACCESS_TOKEN_ERROR) {
            rc = -1;

        } else if (token == ACCESS_TOKEN_DONE && !inside) {
            return 0;

        } else if (!inside) {
            rc = access_file_begin(&t, token);
            inside = 1;

        } else {
            rc = access_file_inner(&t, token);
            inside = (token != ACCESS_TOKEN_END);
        }

    } while (rc == 0);

    return -1;
}


static int
access_file_begin(access_text_t *t, access_token_e token)
{
    static const slice_t  publishable = slice("publishable_key"),
                          secret = slice("secret_key");

    if (token == ACCESS_TOKEN_END) {
        return access_reader_error(t->reader, "unexpected \"}\"");
    }

    if (!slice_eq(&t->words[0], &publishable)
        && !slice_eq(&t->words[0], &secret))
    {
        return access_reader_error(t->reader, "unknown directive \"%.*s\" in "
                                   "a key file, write \"publishable_key id { "
                                   "... }\" or \"secret_key id { ... }\"",
                                   slice_arg(&t->words[0]));
    }

    if (token != ACCESS_TOKEN_BLOCK) {
        return access_reader_error(t->reader, "directive \"%.*s\" has no "
                                   "opening \"{\"", slice_arg(&t->words[0]));
    }

    return access_block_begin(t->reader, t->words, t->nwords);
}


static int
access_file_inner(access_text_t *t, access_token_e token)
{
    switch (token) {

    case ACCESS_TOKEN_DIRECTIVE:
        return access_block_directive(t->reader, t->words, t->nwords);

    case ACCESS_TOKEN_BLOCK:
        return access_reader_error(t->reader, "unexpected \"{\"");

    case ACCESS_TOKEN_END:
        return access_block_end(t->reader);

    default:
        return access_reader_error(t->reader, "unexpected end of file, "
                                   "expecting \"}\"");
    }
}


/* the words up to a semicolon or a brace, as nginx finds them */

static access_token_e
access_next(access_text_t *t)
{
    access_token_e  token;

    t->nwords = 0;

    for ( ;; ) {

        while (t->p < t->last && access_is_space(*t->p)) {
            t->reader->line += (*t->p == '\n');
            t->p++;
        }

        if (t->p == t->last) {

            if (t->nwords == 0) {
                return ACCESS_TOKEN_DONE;
            }

            (void) access_reader_error(t->reader, "unexpected end of file, "
                                       "expecting \";\" or \"}\"");
            return ACCESS_TOKEN_ERROR;
        }

        switch (*t->p) {

        case '#':
            while (t->p < t->last && *t->p != '\n') {
                t->p++;
            }

            break;

        case ';':
        case '{':
        case '}':

            if ((*t->p == '}') != (t->nwords == 0)) {
                return access_unexpected(t, *t->p);
            }

            token = (*t->p == ';') ? ACCESS_TOKEN_DIRECTIVE
                    : (*t->p == '{') ? ACCESS_TOKEN_BLOCK : ACCESS_TOKEN_END;
            t->p++;

            return token;

        default:
            token = access_word(t);

            if (token == ACCESS_TOKEN_ERROR) {
                return token;
            }
        }
    }
}


/* gives ACCESS_TOKEN_DIRECTIVE for a word that is well formed */

static access_token_e
access_word(access_text_t *t)
{
    u_char   quote, *start, *end;

    quote = (*t->p == '"' || *t->p == '\'') ? *t->p : 0;

    if (quote) {
        t->p++;
    }

    start = t->p;
    end = access_word_end(t, quote);

    if (end == NULL) {
        (void) access_reader_error(t->reader, "unexpected end of file, "
                                   "expecting \";\" or \"}\"");
        return ACCESS_TOKEN_ERROR;
    }

    if (end != start && memchr(start, '\0', (size_t) (end - start)) != NULL) {
        (void) access_reader_error(t->reader, "a zero byte, write text");
        return ACCESS_TOKEN_ERROR;
    }

    t->p = end;

    if (quote) {
        t->p++;

        if (t->p < t->last && !access_is_space(*t->p)
            && *t->p != ';' && *t->p != '{')
        {
            return access_unexpected(t, *t->p);
        }
    }

    if (access_word_add(t, start, end) == -1) {
        (void) access_reader_error(t->reader, "no memory");
        return ACCESS_TOKEN_ERROR;
    }

    return ACCESS_TOKEN_DIRECTIVE;
}


/*
 * Where the word ends: at its quote, or else at a space, a semicolon or a
 * brace that opens, but for that of "${".  NULL when the text ends before.
 */

static u_char *
access_word_end(access_text_t *t, u_char quote)
{
    u_char  *p, before;

    before = 0;

    for (p = t->p; p < t->last; p++) {

        if (*p == '\\') {
            before = 0;

            if (++p == t->last) {
                break;
            }

            t->reader->line += (*p == '\n');
            continue;
        }

        if (quote) {
            if (*p == quote) {
                return p;
            }

        } else if (access_is_space(*p) || *p == ';'
                   || (*p == '{' && before != '$'))
        {
            return p;
        }

        t->reader->line += (*p == '\n');
        before = *p;
    }

    return NULL;
}


static int
access_word_add(access_text_t *t, const u_char *start, const u_char *end)
{
    u_char                       *copy;
    uint32_t                      size;
    slice_t                      *words;
    const access_reader_hooks_t  *hooks;

    hooks = t->reader->hooks;

    if (t->nwords == t->size) {
        size = t->size ? t->size * 2 : ACCESS_WORDS_SIZE;

        words = hooks->alloc(t->reader->data, size * sizeof(slice_t));
        if (words == NULL) {
            return -1;
        }

        if (t->nwords != 0) {
            memcpy(words, t->words, t->nwords * sizeof(slice_t));
        }

        t->words = words;
        t->size = size;
    }

    copy = hooks->alloc(t->reader->data, (size_t) (end - start) + 1);
    if (copy == NULL) {
        return -1;
    }

    t->words[t->nwords].data = copy;
    t->words[t->nwords].len = access_unquote(copy, start, end);
    t->nwords++;

    return 0;
}


/* adds a zero byte; returns the length without it */

static size_t
access_unquote(u_char *dst, const u_char *src, const u_char *end)
{
    u_char  *start;

    start = dst;

    while (src < end) {

        if (*src == '\\' && src + 1 < end) {

            switch (src[1]) {

            case '"':
            case '\'':
            case '\\':
                *dst++ = src[1];
                src += 2;
                continue;

            case 't':
                *dst++ = '\t';
                src += 2;
                continue;

            case 'r':
                *dst++ = '\r';
                src += 2;
                continue;

            case 'n':
                *dst++ = '\n';
                src += 2;
                continue;
            }
        }

        *dst++ = *src++;
    }

    *dst = '\0';

    return (size_t) (dst - start);
}


static access_token_e
access_unexpected(access_text_t *t, u_char c)
{
    (void) access_reader_error(t->reader, "unexpected \"%c\"", c);

    return ACCESS_TOKEN_ERROR;
}


static int
access_is_space(u_char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
