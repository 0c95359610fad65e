
/*
 * Copyright (C) The ngx_signaling authors
 */


#define _GNU_SOURCE

#include "mailbox_kill.h"

#include <sched.h>


static void accept_record(worker_t *w, uint32_t src, slice_t *record);
static void accept_short(worker_t *w, uint32_t src, slice_t *record);
static void accept_long(worker_t *w, uint32_t src, head_t *head);
static void account(worker_t *w, uint32_t src, uint32_t inc);


int
kill_receive(worker_t *w, unsigned max)
{
    slice_t   record;
    uint32_t  src;
    unsigned  n;

    for (n = 0; n < max; n++) {

        /* next_from() must be as good as next() */

        if (kill_chance(w, 16) == 0) {
            src = kill_other(w);

            if (sig_mailbox_next_from(&w->mb, src, &record)) {
                accept_record(w, src, &record);
            }
        }

        if (!sig_mailbox_next(&w->mb, &src, &record)) {
            return 0;
        }

        accept_record(w, src, &record);
    }

    sig_mailbox_end(&w->mb);

    return 1;
}


void
kill_look(worker_t *w)
{
    int        found;
    uint32_t   i;
    sender_t  *s;

    for (i = 0; i < w->nworkers; i++) {
        s = &w->sender[i];
        s->expected_inc = atomic_load(&w->ledger->inc[i]);
        s->expected_number =
            atomic_load(&w->ledger->sent[i][s->expected_inc][w->slot]);
    }

    found = !kill_sleep(w, 0);

    sig_mailbox_begin(&w->mb, 1);

    found &= kill_receive(w, 1);
    (void) kill_receive(w, 4 * KILL_RING * w->nworkers);

    if (found) {
        atomic_fetch_add(&w->ledger->rescued, 1);
    }

    for (i = 0; i < w->nworkers; i++) {
        s = &w->sender[i];

        if (i == w->slot || s->expected_number == 0
            || s->inc > s->expected_inc)
        {
            continue;
        }

        if (s->inc == s->expected_inc) {
            if (s->number < s->expected_number) {
                kill_fault(w, FAULT_LEFT, i, "numbers after a look");
            }

            continue;
        }

        /* of an incarnation that came later, all has been for us */

        if (atomic_load(&w->ledger->tickets[i][s->expected_inc]) > w->opened) {
            kill_fault(w, FAULT_LEFT, i, "incarnation after a look");
        }
    }
}


static void
accept_record(worker_t *w, uint32_t src, slice_t *record)
{
    u_char   copy[KILL_RECORD];
    head_t  *head;

    atomic_fetch_add(&w->ledger->received, 1);

    if (record->len < sizeof(head_t)) {
        accept_short(w, src, record);
        return;
    }

    head = (void *) record->data;

    if (record->len > sizeof(copy)
        || head->len != record->len
        || head->sum != kill_sum(record->data, record->len))
    {
        kill_fault(w, FAULT_TORN, src, "sum of a long record");
        return;
    }

    if (head->src != src || !(head->to & 1u << w->slot)
        || head->inc >= KILL_INCARNATIONS)
    {
        kill_fault(w, FAULT_FOREIGN, src, "long record");
        return;
    }

    accept_long(w, src, head);

    /* nor may it change as long as it is held */

    if (kill_chance(w, 4) == 0) {
        memcpy(copy, record->data, record->len);
        (void) sched_yield();

        if (memcmp(copy, record->data, record->len) != 0) {
            kill_fault(w, FAULT_TORN, src, "while it was held");
        }
    }
}


static void
accept_short(worker_t *w, uint32_t src, slice_t *record)
{
    size_t     i;
    u_char    *p;
    sender_t  *s;

    p = record->data;
    s = &w->sender[src];

    for (i = 1; i < record->len; i++) {
        if (p[i] != (u_char) (p[0] * 3 + src * 64 + i)) {
            kill_fault(w, FAULT_TORN, src, "pattern of a short record");
            return;
        }
    }

    if (s->inc == 0) {
        return;
    }

    if (record->len == 0 || p[0] != (u_char) s->number) {
        kill_fault(w, FAULT_LOST, src, "number of a short record");
        return;
    }

    s->number++;
}


static void
accept_long(worker_t *w, uint32_t src, head_t *head)
{
    uint32_t   number;
    sender_t  *s;

    s = &w->sender[src];
    number = head->number[w->slot];

    if (head->inc < s->inc) {
        kill_fault(w, FAULT_TWICE, src, "earlier incarnation");
        return;
    }

    if (head->inc != s->inc) {
        account(w, src, head->inc);

        /* it was not here when we opened: the first record is the first */

        if (head->ticket > w->opened && number != 0) {
            kill_fault(w, FAULT_LOST, src, "first records");
        }

        s->inc = head->inc;
        s->number = number;
    }

    if (number != s->number) {
        kill_fault(w, (number < s->number) ? FAULT_TWICE : FAULT_LOST, src,
              "number of a long record");
    }

    s->number = number + 1;

    if (head->token) {
        w->tokens++;
    }
}


/* a sender's slot has a new owner: its predecessors have to be complete */

static void
account(worker_t *w, uint32_t src, uint32_t inc)
{
    uint32_t   i, sent;
    sender_t  *s;

    s = &w->sender[src];

    if (s->inc != 0) {
        sent = atomic_load(&w->ledger->sent[src][s->inc][w->slot]);

        if (s->number != sent && s->number != sent + 1) {
            kill_fault(w, FAULT_LOST, src, "last records of a predecessor");
        }
    }

    for (i = inc - 1; i > s->inc; i--) {
        sent = atomic_load(&w->ledger->tickets[src][i]);

        if (sent != 0 && sent < w->opened) {
            break;
        }

        if (atomic_load(&w->ledger->sent[src][i][w->slot]) != 0) {
            kill_fault(w, FAULT_LOST, src, "all records of a predecessor");
        }
    }
}


void
kill_fault(worker_t *w, fault_e what, uint32_t src, const char *text)
{
    if (atomic_fetch_add(&w->ledger->faults[what], 1) < 5) {
        fprintf(stderr, "# worker %u.%u from %u: %s\n", w->slot, w->inc, src,
                text);
    }
}


uint64_t
kill_sum(const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  n, word;

    n = len;

    for (i = 0; i < len; i += 8) {

        if (i == offsetof(head_t, sum)) {
            continue;
        }

        word = 0;
        memcpy(&word, p + i, (len - i < 8) ? len - i : 8);
        n = (n ^ word) * 0x9e3779b97f4a7c15ULL;
        n ^= n >> 29;
    }

    return n;
}
