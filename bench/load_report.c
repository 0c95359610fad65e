
/*
 * Copyright (C) The ngx_signaling authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>
#include <sys/resource.h>

#include "load.h"


/*
 * The sum of the fields 14 and 15, utime and stime, of /proc/<pid>/stat: all
 * threads of the process, in ticks of 10 ms on nearly every kernel.  The name
 * in field 2 may hold spaces and parentheses; the last ")" ends it.
 */

double
load_server_cpu(load_t *load)
{
    char      *p, name[64], buf[1024];
    FILE      *file;
    size_t     n;
    uint32_t   i;
    uint64_t   ticks;

    ticks = 0;

    for (i = 0; i < load->npids; i++) {

        (void) snprintf(name, sizeof(name), "/proc/%d/stat",
                        (int) load->pids[i]);

        file = fopen(name, "r");
        if (file == NULL) {
            load_fail(load, NULL, "the server has gone: %s: %s", name,
                      strerror(errno));
        }

        n = fread(buf, 1, sizeof(buf) - 1, file);
        (void) fclose(file);

        buf[n] = '\0';
        p = strrchr(buf, ')');

        for (n = 2; p != NULL && n < 14; n++) {
            p = strchr(p + 1, ' ');
        }

        if (p == NULL) {
            load_fail(load, NULL, "%s can not be read", name);
        }

        ticks += strtoull(p, &p, 10);
        ticks += strtoull(p, &p, 10);
    }

    return (double) ticks / (double) sysconf(_SC_CLK_TCK);
}


double
load_own_cpu(void)
{
    struct rusage  usage;

    if (getrusage(RUSAGE_SELF, &usage) == -1) {
        return 0;
    }

    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}


void
load_report(load_t *load)
{
    printf("{\"dialect\":\"%s\",\"mode\":\"%s\",\"connections\":%u,"
           "\"rooms\":%u,\"bytes\":%u,\"window\":%u,"
           "\"opening_seconds\":%.3f,\"opening_cpu\":%.2f",
           load->dialect->name, load->mode->name, load->nclients, load->rooms,
           load->bytes, load->window,
           (double) (load->joined_at - load->opened_at) / 1e9,
           load->opening_cpu);

    if (load->mode->traffic) {
        printf(",\"messages\":%llu,\"seconds\":%.6f,\"server_cpu\":%.2f,"
               "\"load_cpu\":%.2f,\"verified\":%llu,\"acks\":%llu,"
               "\"quick_acks\":%u",
               (unsigned long long) load->messages,
               (double) load->measured_ns / 1e9, load->server_cpu,
               load->load_cpu, (unsigned long long) load->received,
               (unsigned long long) load->acked, load->quick);
    }

    if (load->mode->due != NULL) {
        printf(",\"rate\":%u,\"latency_us\":{\"count\":%llu,\"p50\":%.1f,"
               "\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
               load->rate, (unsigned long long) load->latencies,
               load_pace_quantile(load, 0.5), load_pace_quantile(load, 0.99),
               load_pace_quantile(load, 0.999), (double) load->slowest / 1e3);
    }

    printf("}\n");

    if (fflush(stdout) != 0) {
        load_fail(load, NULL, "stdout: %s", strerror(errno));
    }
}
