
/*
 * Copyright (C) The ngx_signaling authors
 */


#include "mailbox_points.h"
#include "sig_mailbox_region.h"


#undef atomic_load_explicit
#undef atomic_store_explicit
#undef atomic_exchange_explicit
#undef atomic_fetch_or_explicit
#undef atomic_fetch_add_explicit
#undef atomic_thread_fence

#define point()                                                               \
    ((mailbox_point != NULL) ? mailbox_point() : (void) 0)

/* the same object without _Atomic, which the compiler's functions want */
#define plain(p)               ((volatile __typeof__(*(p) + 0) *) (p))

#define atomic_load_explicit(p, order)                                        \
    (point(), __atomic_load_n(plain(p), order))
#define atomic_store_explicit(p, v, order)                                    \
    (point(), __atomic_store_n(plain(p), v, order))
#define atomic_exchange_explicit(p, v, order)                                 \
    (point(), __atomic_exchange_n(plain(p), v, order))
#define atomic_fetch_or_explicit(p, v, order)                                 \
    (point(), __atomic_fetch_or(plain(p), v, order))
#define atomic_fetch_add_explicit(p, v, order)                                \
    (point(), __atomic_fetch_add(plain(p), v, order))
#define atomic_thread_fence(order)                                            \
    (point(), __atomic_thread_fence(order))


void  (*mailbox_point)(void);


/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "sig_mailbox.c"
#include "sig_mailbox_arena.c"
#include "sig_mailbox_send.c"
/* NOLINTEND(bugprone-suspicious-include) */
