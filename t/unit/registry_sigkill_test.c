
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Workers that are killed at random moments, with the lock and without, while
 * they connect, join, leave and reap each other.  Every now and then those
 * who live stop between two operations, and every invariant is checked.
 * The registry is compiled as it is shipped: nothing keeps the compiler from
 * moving stores but what the code itself says.
 *
 *     registry_sigkill_test [deaths [workers [seed]]]
 */


#include "registry_kill.h"


int
main(int argc, char **argv)
{
    return kill_parent(argc, argv, 3000);
}
