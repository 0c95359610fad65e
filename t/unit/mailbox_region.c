
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "mailbox_region.h"


static int  tests;
static int  failures;


void
ok(int pass, const char *text)
{
    if (!pass) {
        failures++;
    }

    printf("%sok %d - %s\n", pass ? "" : "not ", ++tests, text);
}


int
plan(void)
{
    printf("1..%d\n", tests);

    return failures ? 1 : 0;
}


void
region_make(region_t *r, uint32_t nslots, size_t arena)
{
    region_make_rings(r, nslots, REGION_RING, arena);
}


void
region_make_rings(region_t *r, uint32_t nslots, uint32_t ring, size_t arena)
{
    uint32_t  i;

    r->nslots = nslots;
    r->size = sig_mailbox_size(nslots, ring, arena);

    /* exactly as long as needed, so that ASan sees every byte beyond */

    if (posix_memalign((void **) &r->base, 64, r->size) != 0) {
        abort();
    }

    memset(r->base, 0, r->size);

    if (sig_mailbox_create(r->base, r->size, nslots, ring, arena)
        != SIG_MAILBOX_OK)
    {
        abort();
    }

    r->mb = calloc(nslots, sizeof(sig_mailbox_t));

    if (r->mb == NULL) {
        abort();
    }

    for (i = 0; i < nslots; i++) {
        if (sig_mailbox_attach(&r->mb[i], r->base, r->size)
            != SIG_MAILBOX_OK)
        {
            abort();
        }

        sig_mailbox_open(&r->mb[i], i);
    }
}


void
region_free(region_t *r)
{
    free(r->mb);
    free(r->base);
}


int
region_post(sig_mailbox_t *mb, uint32_t dst, int *wake)
{
    int  rc;

    rc = sig_mailbox_post(mb, dst);

    *wake = (rc == SIG_MAILBOX_OK) ? sig_mailbox_call(mb, dst) : 0;

    return rc;
}


int
send_byte(sig_mailbox_t *mb, uint32_t dst, int byte, int *wake)
{
    u_char  *p;

    p = sig_mailbox_reserve(mb, 1);
    if (p == NULL) {
        return SIG_MAILBOX_AGAIN;
    }

    *p = (u_char) byte;

    return region_post(mb, dst, wake);
}


int
read_byte(sig_mailbox_t *mb, uint32_t *src)
{
    slice_t  record;

    if (!sig_mailbox_next(mb, src, &record)) {
        return -1;
    }

    return (record.len == 1) ? record.data[0] : -2;
}


int
drain(sig_mailbox_t *mb, int all)
{
    int       n;
    slice_t   record;
    uint32_t  src;

    sig_mailbox_begin(mb, all);

    for (n = 0; sig_mailbox_next(mb, &src, &record); n++) { /* void */ }

    return n;
}


u_char
pattern_byte(uint32_t number, size_t i)
{
    return (u_char) (number * (size_t) 31 + i * 7 + (i >> 8));
}


void
pattern_write(u_char *p, size_t len, uint32_t number)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        p[i] = pattern_byte(number, i);
    }
}


int
pattern_is(slice_t *record, size_t len, uint32_t number)
{
    size_t  i;

    if (record->len != len || (uintptr_t) record->data % 8 != 0) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        if (record->data[i] != pattern_byte(number, i)) {
            return 0;
        }
    }

    return 1;
}
