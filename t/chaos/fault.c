
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Linked into a build of the modules that is for tests only: a worker kills
 * itself at the n-th place inside the lock where a test may stop it, when a
 * file says so.  See sig_fault() in sig_store.h.
 *
 * SIG_FAULT_FILE names the file, which holds four orders of 64 bytes.  The
 * test writes the process number last; the one who dies leaves the place.
 */


#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>


#define FAULT_ORDERS  4


typedef struct {
    uint32_t         pid;
    int32_t          left;             /* places to pass, the last is fatal */
    uint32_t         line;             /* of the place, by the one who dies */
    char             file[52];
} fault_order_t;


void sig_fault_at(const char *file, int line);

static fault_order_t *fault_orders(void);
static void fault_die(fault_order_t *order, const char *file, int line);


__attribute__((visibility("hidden")))
void
sig_fault_at(const char *file, int line)
{
    int             i;
    uint32_t        pid;
    fault_order_t  *orders;

    orders = fault_orders();

    if (orders == NULL) {
        return;
    }

    pid = (uint32_t) getpid();

    for (i = 0; i < FAULT_ORDERS; i++) {

        if (__atomic_load_n(&orders[i].pid, __ATOMIC_ACQUIRE) == pid
            && --orders[i].left == 0)
        {
            fault_die(&orders[i], file, line);
        }
    }
}


/* the master has no such variable; its workers do */

static fault_order_t *
fault_orders(void)
{
    int          fd;
    void        *p;
    const char  *name;

    static fault_order_t  *orders;

    if (orders != NULL) {
        return orders;
    }

    name = getenv("SIG_FAULT_FILE");

    if (name == NULL) {
        return NULL;
    }

    fd = open(name, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        return NULL;
    }

    p = mmap(NULL, FAULT_ORDERS * sizeof(fault_order_t),
             PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    (void) close(fd);

    if (p == MAP_FAILED) {
        return NULL;
    }

    orders = p;

    return orders;
}


static void
fault_die(fault_order_t *order, const char *file, int line)
{
    const char  *base;

    base = strrchr(file, '/');

    strncpy(order->file, base != NULL ? base + 1 : file,
            sizeof(order->file) - 1);
    __atomic_store_n(&order->line, (uint32_t) line, __ATOMIC_RELEASE);

    (void) kill(getpid(), SIGKILL);
}
