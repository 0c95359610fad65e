
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * sig_mailbox for tests: the same source, on the memory of weak_memory.c.
 */


#include "sig_mailbox_region.h"
#include "weak_memory.h"


#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_add_explicit
#undef atomic_thread_fence

/* the number of this place, as a pointer */

#define site(word, order)                                                     \
    (__extension__ ({                                                         \
        static uint32_t  number;                                              \
                                                                              \
        if (number == 0) {                                                    \
            number = weak_site(__func__, word, order);                        \
        }                                                                     \
                                                                              \
        &number;                                                              \
    }))

#define atomic_load_explicit(p, order)                                        \
    ((__typeof__(*(p) + 0)) weak_load(p, sizeof(*(p)), order,                 \
                                      site(#p, order)))
#define atomic_store_explicit(p, v, order)                                    \
    weak_store(p, sizeof(*(p)), v, order, site(#p, order))
#define atomic_exchange_explicit(p, v, order)                                 \
    weak_exchange(p, sizeof(*(p)), v, order, site(#p, order))
#define atomic_fetch_or_explicit(p, v, order)                                 \
    weak_fetch_or(p, sizeof(*(p)), v, order, site(#p, order))
#define atomic_fetch_add_explicit(p, v, order)                                \
    weak_fetch_add(p, sizeof(*(p)), v, order, site(#p, order))
#define atomic_thread_fence(order)                                            \
    weak_fence(order, site("fence", order))

#define memcpy(dst, src, len)                                                 \
    (weak_read(src, len), weak_write(dst, len), memcpy(dst, src, len))


/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "sig_mailbox.c"
#include "sig_mailbox_arena.c"
#include "sig_mailbox_send.c"
/* NOLINTEND(bugprone-suspicious-include) */
