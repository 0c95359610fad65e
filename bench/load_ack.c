
/*
 * Copyright (C) The ngx_signaling authors
 */

/*
 * Who pays for the ACKs of those who only listen.
 *
 * A socket that has answered the other side a few times is in the kernel's
 * interactive mode: what it reads is acknowledged late, by the softirq that
 * brings it the next segment.  Over loopback that is the server's CPU time,
 * 0.2 us of a delivery.  One that was never asked anything acknowledges as it
 * reads, which is the generator's.  So a protocol in which a room is asked for
 * would look slower than one that has it in the URL, by what the clients'
 * kernel does.  With --quick-acks all are in the same mode.  Who sends between
 * what it reads comes into the interactive one in any case.
 */


#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "load.h"


void
load_acks_set(load_t *load)
{
    int       on;
    uint32_t  i;

    if (load->quick_acks == LOAD_ACKS_KERNEL) {
        return;
    }

    on = (load->quick_acks == LOAD_ACKS_QUICK);

    for (i = 0; i < load->nclients; i++) {
        if (setsockopt(load->clients[i].fd, IPPROTO_TCP, TCP_QUICKACK, &on,
                       sizeof(int))
            == -1)
        {
            load_fail(load, &load->clients[i], "setsockopt(TCP_QUICKACK): %s",
                      strerror(errno));
        }
    }
}


/* how many acknowledge as they read */

uint32_t
load_acks_quick(load_t *load)
{
    int        on;
    uint32_t   i, n;
    socklen_t  len;

    n = 0;

    for (i = 0; i < load->nclients; i++) {

        len = sizeof(int);

        if (getsockopt(load->clients[i].fd, IPPROTO_TCP, TCP_QUICKACK, &on,
                       &len)
            == -1)
        {
            load_fail(load, &load->clients[i], "getsockopt(TCP_QUICKACK): %s",
                      strerror(errno));
        }

        n += (on != 0);
    }

    return n;
}
