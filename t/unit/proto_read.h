
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * What the tests of sig_proto_read() share: its verdict on a message that
 * ends where the memory does.
 */


#ifndef _PROTO_READ_H_INCLUDED_
#define _PROTO_READ_H_INCLUDED_


#include "guard.h"
#include "sig_proto.h"


#define PROTO_MAX_DATA   100
#define PROTO_ROOM       8192


static inline int slice_is(const slice_t *s, const char *text);
static inline sig_code_e outcome(const char *message);
static inline sig_code_e outcome_n(const char *message, size_t n,
    size_t max_data);
static inline void repeat(char *to, const char *text, unsigned times);


/* NULL: no text at all */

static inline int
slice_is(const slice_t *s, const char *text)
{
    if (text == NULL) {
        return s->data == NULL && s->len == 0;
    }

    return s->data != NULL
           && s->len == strlen(text)
           && memcmp(s->data, text, s->len) == 0;
}


static inline sig_code_e
outcome(const char *message)
{
    return outcome_n(message, strlen(message), PROTO_MAX_DATA);
}


static inline sig_code_e
outcome_n(const char *message, size_t n, size_t max_data)
{
    sig_envelope_t  e;

    return sig_proto_read(&e, guard_last(message, n), n, max_data);
}


static inline void
repeat(char *to, const char *text, unsigned times)
{
    size_t  len;

    len = strlen(text);

    while (times--) {
        memcpy(to, text, len);
        to += len;
    }

    *to = '\0';
}


#endif /* _PROTO_READ_H_INCLUDED_ */
