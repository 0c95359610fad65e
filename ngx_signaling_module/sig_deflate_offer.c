
/*
 * Copyright (C) The ngx_signaling authors
 *
 * The negotiation of permessage-deflate, RFC 7692 7.1, in a header of the
 * form of RFC 6455 9.1.
 */


#include "sig_deflate.h"


#define SIG_DEFLATE_NAME       "permessage-deflate"
#define SIG_DEFLATE_TAKEOVERS  "; server_no_context_takeover"                 \
                               "; client_no_context_takeover"
#define SIG_DEFLATE_BITS       "; server_max_window_bits="


typedef enum {
    SIG_DEFLATE_SERVER_TAKEOVER = 0,
    SIG_DEFLATE_CLIENT_TAKEOVER,
    SIG_DEFLATE_SERVER_BITS,
    SIG_DEFLATE_CLIENT_BITS,
    SIG_DEFLATE_UNKNOWN
} sig_deflate_param_e;


/* a value without quotes and escapes, as far as it matters */

typedef struct {
    size_t      len;                   /* 0 when there is none */
    u_char      text[2];
} sig_deflate_value_t;


static int sig_deflate_extension(slice_t *s, sig_deflate_terms_t *terms);
static int sig_deflate_param(slice_t *s, slice_t *name,
    sig_deflate_value_t *value);
static int sig_deflate_quoted(slice_t *s, sig_deflate_value_t *value);
static void sig_deflate_add(sig_deflate_value_t *value, u_char c);
static int sig_deflate_agree(sig_deflate_terms_t *terms, unsigned *seen,
    const slice_t *name, const sig_deflate_value_t *value);
static unsigned sig_deflate_bits(const sig_deflate_value_t *value);
static int sig_deflate_token(slice_t *s, slice_t *token);
static int sig_deflate_is_token(u_char c);
static void sig_deflate_space(slice_t *s);
static int sig_deflate_next(slice_t *s, u_char c);


static const slice_t  sig_deflate_params[] = {
    slice("server_no_context_takeover"),
    slice("client_no_context_takeover"),
    slice("server_max_window_bits"),
    slice("client_max_window_bits")
};


int
sig_deflate_negotiate(const slice_t *value, sig_deflate_terms_t *terms)
{
    int                  rc, found;
    slice_t              s;
    sig_deflate_terms_t  offer;

    s = *value;
    found = 0;

    for ( ;; ) {

        /* elements of a list may be missing */

        do {
            sig_deflate_space(&s);
        } while (sig_deflate_next(&s, ','));

        if (s.len == 0) {
            return found;
        }

        rc = sig_deflate_extension(&s, &offer);

        if (rc < 0 || (s.len && s.data[0] != ',')) {
            return -1;
        }

        if (rc && !found) {
            *terms = offer;
            found = 1;
        }
    }
}


/* 1: an offer that can be accepted, 0: something else, -1: malformed */

static int
sig_deflate_extension(slice_t *s, sig_deflate_terms_t *terms)
{
    int                  ours;
    slice_t              name;
    unsigned             seen;
    sig_deflate_value_t  value;

    static const slice_t  deflate = slice(SIG_DEFLATE_NAME);

    if (!sig_deflate_token(s, &name)) {
        return -1;
    }

    ours = slice_eq(&name, &deflate);
    seen = 0;

    terms->window = MAX_WBITS;
    terms->asked = 0;

    for ( ;; ) {
        sig_deflate_space(s);

        if (!sig_deflate_next(s, ';')) {
            return ours;
        }

        if (!sig_deflate_param(s, &name, &value)) {
            return -1;
        }

        if (ours) {
            ours = sig_deflate_agree(terms, &seen, &name, &value);
        }
    }
}


static int
sig_deflate_param(slice_t *s, slice_t *name, sig_deflate_value_t *value)
{
    size_t   i;
    slice_t  token;

    value->len = 0;

    sig_deflate_space(s);

    if (!sig_deflate_token(s, name)) {
        return 0;
    }

    sig_deflate_space(s);

    if (!sig_deflate_next(s, '=')) {
        return 1;
    }

    sig_deflate_space(s);

    if (sig_deflate_next(s, '"')) {
        return sig_deflate_quoted(s, value);
    }

    if (!sig_deflate_token(s, &token)) {
        return 0;
    }

    for (i = 0; i < token.len; i++) {
        sig_deflate_add(value, token.data[i]);
    }

    return 1;
}


/* behind the first quote; without quotes and escapes it has to be a token */

static int
sig_deflate_quoted(slice_t *s, sig_deflate_value_t *value)
{
    while (s->len) {

        if (sig_deflate_next(s, '"')) {
            return value->len != 0;
        }

        (void) sig_deflate_next(s, '\\');

        if (s->len == 0 || !sig_deflate_is_token(s->data[0])) {
            return 0;
        }

        sig_deflate_add(value, s->data[0]);

        s->data++;
        s->len--;
    }

    return 0;
}


/* no value that means something is longer than the room for it */

static void
sig_deflate_add(sig_deflate_value_t *value, u_char c)
{
    if (value->len < sizeof(value->text)) {
        value->text[value->len] = c;
    }

    value->len++;
}


/* whether an offer can still be accepted, RFC 7692 7.1 */

static int
sig_deflate_agree(sig_deflate_terms_t *terms, unsigned *seen,
    const slice_t *name, const sig_deflate_value_t *value)
{
    unsigned  param;

    for (param = 0; param < SIG_DEFLATE_UNKNOWN; param++) {
        if (slice_eq(name, &sig_deflate_params[param])) {
            break;
        }
    }

    if (*seen & 1u << param) {
        return 0;
    }

    *seen |= 1u << param;

    switch (param) {

    case SIG_DEFLATE_SERVER_TAKEOVER:
    case SIG_DEFLATE_CLIENT_TAKEOVER:
        return value->len == 0;

    case SIG_DEFLATE_SERVER_BITS:
        terms->window = sig_deflate_bits(value);
        terms->asked = 1;

        return terms->window != 0;

    case SIG_DEFLATE_CLIENT_BITS:

        /* any window will do, so that nothing is to be answered */

        return value->len == 0 || sig_deflate_bits(value) != 0;

    default:
        return 0;
    }
}


/* 8..15 without leading zeros, or 0 */

static unsigned
sig_deflate_bits(const sig_deflate_value_t *value)
{
    const u_char  *p;

    p = value->text;

    if (value->len == 1 && (p[0] == '8' || p[0] == '9')) {
        return (unsigned) (p[0] - '0');
    }

    if (value->len == 2 && p[0] == '1' && p[1] >= '0' && p[1] <= '5') {
        return (unsigned) (10 + p[1] - '0');
    }

    return 0;
}


static int
sig_deflate_token(slice_t *s, slice_t *token)
{
    token->data = s->data;

    while (s->len && sig_deflate_is_token(s->data[0])) {
        s->data++;
        s->len--;
    }

    token->len = (size_t) (s->data - token->data);

    return token->len != 0;
}


/* RFC 2616 2.2: no control, no separator */

static int
sig_deflate_is_token(u_char c)
{
    return c > 0x20 && c < 0x7f && strchr("()<>@,;:\\\"/[]?={}", c) == NULL;
}


static void
sig_deflate_space(slice_t *s)
{
    while (s->len && (s->data[0] == ' ' || s->data[0] == '\t')) {
        s->data++;
        s->len--;
    }
}


/* takes the character when it is the next one */

static int
sig_deflate_next(slice_t *s, u_char c)
{
    if (s->len == 0 || s->data[0] != c) {
        return 0;
    }

    s->data++;
    s->len--;

    return 1;
}


size_t
sig_deflate_answer(u_char *p, const sig_deflate_terms_t *terms)
{
    size_t    n;
    unsigned  window;

    static const char  text[] = SIG_DEFLATE_NAME SIG_DEFLATE_TAKEOVERS
                                SIG_DEFLATE_BITS;

    n = sizeof(SIG_DEFLATE_NAME SIG_DEFLATE_TAKEOVERS) - 1;

    if (!terms->asked) {
        memcpy(p, text, n);
        return n;
    }

    n = sizeof(text) - 1;
    memcpy(p, text, n);

    window = terms->window;

    if (window > SIG_DEFLATE_WINDOW) {
        window = SIG_DEFLATE_WINDOW;
    }

    if (window >= 10) {
        p[n++] = '1';
        window -= 10;
    }

    p[n++] = (u_char) ('0' + window);

    return n;
}
