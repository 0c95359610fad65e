
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * A few pages of memory between two that can not be read, so that a scanner
 * that reads one byte too many dies, with a sanitizer or without.  The memory
 * is the test's until it exits.
 */


#ifndef _GUARD_H_INCLUDED_
#define _GUARD_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>


#define GUARD_PAGES  4


static u_char  *guard;
static size_t   guard_size;


static inline void guard_create(void);
static inline u_char *guard_last(const void *from, size_t n);


static inline void
guard_create(void)
{
    size_t   page;
    u_char  *p;

    page = (size_t) sysconf(_SC_PAGESIZE);
    guard_size = GUARD_PAGES * page;

    p = mmap(NULL, guard_size + 2 * page, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED
        || mprotect(p, page, PROT_NONE) == -1
        || mprotect(p + page + guard_size, page, PROT_NONE) == -1)
    {
        printf("Bail out! no memory\n");
        exit(1);
    }

    guard = p + page;
}


/* copies n bytes against the end and returns their place */

static inline u_char *
guard_last(const void *from, size_t n)
{
    u_char  *p;

    p = guard + guard_size - n;

    if (n != 0) {
        memcpy(p, from, n);
    }

    return p;
}


#endif /* _GUARD_H_INCLUDED_ */
