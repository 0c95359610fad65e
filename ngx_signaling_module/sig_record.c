
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "sig_record.h"

#include <stdatomic.h>


/* how long parts may be, bytes */

typedef struct {
    uint32_t    first_min;
    uint32_t    first_max;
    uint32_t    second_max;
} sig_record_limits_t;


/* no padding: a head is copied whole, and no byte of it is left unset */

_Static_assert(sizeof(sig_record_t) == 32, "record");


/* by type; there is no type 0, and no length that it may have */

static const sig_record_limits_t  sig_record_limits[] = {
    { 1, 0, 0 },
    { 1, UINT32_MAX, SIG_METADATA_LEN },       /* MESSAGE */
    { 1, UINT32_MAX, 0 },                      /* DIRECT */
    { 1, SIG_PEER_LEN, SIG_METADATA_LEN },     /* JOINED */
    { 1, SIG_PEER_LEN, SIG_METADATA_LEN },     /* TAKEOVER */
    { 1, SIG_PEER_LEN, 0 },                    /* LEFT */
    { 0, 0, 0 },                               /* PROBE */
    { 0, 0, 0 }                                /* KICK */
};

#define SIG_RECORD_TYPES                                                      \
    (sizeof(sig_record_limits) / sizeof(sig_record_limits[0]))


void
sig_record_write(u_char *p, const sig_record_t *rec, const slice_t *first,
    const slice_t *second)
{
    p = sig_record_write_head(p, rec, first->len, second->len);

    if (first->len) {
        memcpy(p, first->data, first->len);
        p += first->len;
    }

    if (second->len) {
        memcpy(p, second->data, second->len);
    }
}


u_char *
sig_record_write_head(u_char *p, const sig_record_t *rec, size_t first,
    size_t second)
{
    sig_record_t  *head;

    head = (void *) p;

    *head = *rec;
    head->first = (uint32_t) first;
    head->second = (uint32_t) second;

    return p + sizeof(sig_record_t);
}


int
sig_record_read(sig_record_t *rec, const slice_t *text, slice_t *first,
    slice_t *second)
{
    const sig_record_limits_t  *limits;

    if (text->len < sizeof(sig_record_t)) {
        return 0;
    }

    memcpy(rec, text->data, sizeof(sig_record_t));

    /* from here on a compiler has to look at rec, not at the text again */
    atomic_signal_fence(memory_order_seq_cst);

    if (rec->type >= SIG_RECORD_TYPES
        || (uint64_t) rec->first + rec->second
           != text->len - sizeof(sig_record_t))
    {
        return 0;
    }

    limits = &sig_record_limits[rec->type];

    if (rec->first < limits->first_min
        || rec->first > limits->first_max
        || rec->second > limits->second_max)
    {
        return 0;
    }

    first->data = text->data + sizeof(sig_record_t);
    first->len = rec->first;

    second->data = first->data + first->len;
    second->len = rec->second;

    return 1;
}
