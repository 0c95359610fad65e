
/*
 * Copyright (C) The ngx_signaling authors
 *
 * Workers that are killed at random moments, with the lock and without, while
 * they connect, join, leave and reap each other.  Every now and then those
 * who live stop between two operations, and every invariant is checked.
 * Half of them die at a chosen place between two stores: the registry is
 * compiled with SIG_FAULT.
 *
 *     registry_kill_test [deaths [workers [seed]]]
 */


#include "registry_kill.h"


int
main(int argc, char **argv)
{
    return kill_parent(argc, argv, 10000);
}
