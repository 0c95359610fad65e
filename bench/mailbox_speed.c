
/*
 * Copyright (C) The ngx_signaling authors
 *
 * How many records a second go one way between two processes through
 * sig_mailbox, woken by an eventfd, how many of them had to wake, and what
 * processor time a record takes in both together.
 *
 *     mailbox_speed [seconds [bytes [records in a burst [pause, usec]]]]
 *
 * Without a burst the sender posts as fast as the receiver reads.
 */


#define _GNU_SOURCE

#include "sig_mailbox.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define ARENA       262144
#define RING        64
#define BYTES_MAX   (ARENA / 4)


typedef struct {
    uint64_t          posted;
    uint64_t          woken;
    uint64_t          full;
} count_t;


static int receive(sig_mailbox_t *mb, int wake);
static void send_for(sig_mailbox_t *mb, int wake, double seconds, size_t len,
    unsigned burst, unsigned pause, count_t *count);
static double now(void);
static double cpu(int who);


int
main(int argc, char **argv)
{
    int             rc, wake, status;
    pid_t           pid;
    size_t          len, size;
    double          seconds, start;
    u_char         *base;
    count_t         count;
    unsigned        burst, pause;
    sig_mailbox_t   mb;

    seconds = (argc > 1) ? strtod(argv[1], NULL) : 2;
    len = (argc > 2) ? strtoul(argv[2], NULL, 10) : 512;
    burst = (argc > 3) ? (unsigned) strtoul(argv[3], NULL, 10) : 0;
    pause = (argc > 4) ? (unsigned) strtoul(argv[4], NULL, 10) : 0;

    size = sig_mailbox_size(2, RING, ARENA);
    base = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_ANON|MAP_SHARED, -1, 0);
    wake = eventfd(0, EFD_NONBLOCK);

    if (base == MAP_FAILED || wake == -1 || len == 0 || len > BYTES_MAX
        || sig_mailbox_create(base, size, 2, RING, ARENA) != SIG_MAILBOX_OK
        || sig_mailbox_attach(&mb, base, size) != SIG_MAILBOX_OK)
    {
        fprintf(stderr, "no memory, or not 1 to %d bytes\n", BYTES_MAX);
        return 2;
    }

    pid = fork();

    if (pid == -1) {
        perror("fork");
        return 2;
    }

    if (pid == 0) {
        sig_mailbox_open(&mb, 1);
        _exit(receive(&mb, wake));
    }

    sig_mailbox_open(&mb, 0);

    while (!sig_mailbox_is_open(&mb, 1)) {
        (void) sched_yield();
    }

    memset(&count, 0, sizeof(count));
    start = now();
    send_for(&mb, wake, seconds, len, burst, pause, &count);
    seconds = now() - start;

    rc = waitpid(pid, &status, 0);

    if (rc == -1 || status != 0) {
        fprintf(stderr, "the receiver has failed\n");
        return 1;
    }

    printf("%zu bytes: %.2f million records/s, %.0f ns of processor each, "
           "%.2f %% had to wake, %llu times full\n", len,
           (double) count.posted / seconds / 1e6,
           (cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN)) * 1e9
           / (double) count.posted,
           100.0 * (double) count.woken / (double) count.posted,
           (unsigned long long) count.full);

    return 0;
}


/* copies each record, as who writes it to a socket would; ends at a "!" */

static int
receive(sig_mailbox_t *mb, int wake)
{
    int                 ep;
    slice_t             record;
    uint32_t            src;
    struct epoll_event  ee;
    static u_char       copy[BYTES_MAX];

    ep = epoll_create1(0);

    memset(&ee, 0, sizeof(ee));
    ee.events = EPOLLIN|EPOLLET;

    if (ep == -1 || epoll_ctl(ep, EPOLL_CTL_ADD, wake, &ee) == -1) {
        return 1;
    }

    for ( ;; ) {
        if (epoll_wait(ep, &ee, 1, 1000) == 0) {
            sig_mailbox_begin(mb, 1);

        } else {
            sig_mailbox_begin(mb, 0);
        }

        while (sig_mailbox_next(mb, &src, &record)) {
            memcpy(copy, record.data, record.len);

            if (copy[0] == '!') {
                return 0;
            }
        }
    }
}


static void
send_for(sig_mailbox_t *mb, int wake, double seconds, size_t len,
    unsigned burst, unsigned pause, count_t *count)
{
    double           end;
    u_char          *p;
    uint64_t         one;
    static u_char    data[BYTES_MAX];
    struct timespec  ts;

    one = 1;
    end = now() + seconds;
    ts.tv_sec = pause / 1000000;
    ts.tv_nsec = (long) (pause % 1000000) * 1000;

    while (data[0] != '!') {

        if (count->posted % 1024 == 0 && now() > end) {
            data[0] = '!';
        }

        p = sig_mailbox_reserve(mb, len);

        if (p != NULL) {
            memcpy(p, data, len);
        }

        while (p == NULL || sig_mailbox_post(mb, 1) != SIG_MAILBOX_OK) {
            count->full++;
            (void) sched_yield();

            if (p == NULL) {
                p = sig_mailbox_reserve(mb, len);

                if (p != NULL) {
                    memcpy(p, data, len);
                }
            }
        }

        count->posted++;

        if (sig_mailbox_call(mb, 1)) {
            count->woken++;

            if (write(wake, &one, sizeof(one)) == -1) {
                perror("write to an eventfd");
                return;
            }
        }

        if (burst != 0 && count->posted % burst == 0) {
            (void) nanosleep(&ts, NULL);
        }
    }
}


static double
now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


static double
cpu(int who)
{
    struct rusage  ru;

    (void) getrusage(who, &ru);

    return (double) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec)
           + (double) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
}
