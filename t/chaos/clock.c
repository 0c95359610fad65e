
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Preloaded into nginx: the wall clock, and no other, is off by as many
 * seconds as the file says that CLOCK_FILE names, eight bytes that a test
 * may change at any time.  That is what setting the clock does to a process.
 */


#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


static int64_t  *offset;


__attribute__((constructor))
static void
clock_open(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("CLOCK_FILE");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

    (void) close(fd);

    if (p != MAP_FAILED) {
        offset = p;
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    if (syscall(SYS_clock_gettime, id, ts) == -1) {
        return -1;
    }

    if (offset != NULL && (id == CLOCK_REALTIME
                           || id == CLOCK_REALTIME_COARSE))
    {
        ts->tv_sec += __atomic_load_n(offset, __ATOMIC_RELAXED);
    }

    return 0;
}


int
gettimeofday(struct timeval *tv, void *tz)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return (time_t) -1;
    }

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
