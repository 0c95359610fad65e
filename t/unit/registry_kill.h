
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Parent and worker of registry_kill_test and registry_sigkill_test.  The lock
 * is as nginx's: it holds the pid of its owner, and the parent frees it when
 * it learns that the owner is dead.
 */


#ifndef _REGISTRY_KILL_H_INCLUDED_
#define _REGISTRY_KILL_H_INCLUDED_


#include "registry_worker.h"


/*
 * The whole test; usual: deaths when argv says nothing.  Returns the status
 * to exit with.
 */
int kill_parent(int argc, char **argv, uint32_t usual);

/* a handle that takes the lock in the ledger */
int kill_attach(sig_registry_t *r, ledger_t *ledger, u_char *region,
    size_t size);

/*
 * What a process does from fork to exit; returns its status.  With faulty it
 * dies by itself after some time.
 */
int kill_worker(ledger_t *ledger, u_char *region, size_t size, uint32_t index,
    uint64_t seed, int faulty);


#endif /* _REGISTRY_KILL_H_INCLUDED_ */
