
/*
 * Copyright (C) The ngx_signaling authors
 *
 * What one client message costs before anything is done with it: unmasking
 * and reading the envelope, beside jansson and memcpy on the same bytes.
 *
 *     cc -O2 -Iaccess -Ingx_signaling_module bench/scan.c
 *         ngx_signaling_module/sig_{ws,json*,proto}.c access/name.c
 *         -ljansson -lcrypto
 *
 * Each figure is the best of many rounds, since only noise can add to it.
 * With a number as argument it reads only the first message so many times,
 * for a profiler.
 */


#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sig_proto.h"
#include "sig_ws.h"


#define SCAN_ROUNDS  100
#define SCAN_BYTES   (1 << 18)         /* to go through in a round */
#define SCAN_MAX     8192


typedef struct {
    const char   *name;
    u_char        bytes[SCAN_MAX];
    size_t        n;
} scan_message_t;


typedef void (*scan_pt)(const scan_message_t *m);


static void scan_memcpy(const scan_message_t *m);
static void scan_unmask(const scan_message_t *m);
static void scan_read(const scan_message_t *m);
static void scan_jansson(const scan_message_t *m);
static double scan_ns(scan_pt run, const scan_message_t *m);
static void scan_compose(scan_message_t *m, const char *name,
    const char *head, const char *line, const char *tail, size_t n);


static u_char  scan_room[SCAN_MAX];


static void
scan_memcpy(const scan_message_t *m)
{
    memcpy(scan_room, m->bytes, m->n);
    __asm__ volatile ("" : : "r" (scan_room) : "memory");
}


static void
scan_unmask(const scan_message_t *m)
{
    sig_ws_unmask(scan_room, m->n, (const u_char *) "\1\2\3\4", 0);
}


static void
scan_read(const scan_message_t *m)
{
    sig_envelope_t  e;

    if (sig_proto_read(&e, (u_char *) m->bytes, m->n, SCAN_MAX) != SIG_OK) {
        abort();
    }
}


static void
scan_jansson(const scan_message_t *m)
{
    json_t        *tree;
    json_error_t   error;

    tree = json_loadb((const char *) m->bytes, m->n, 0, &error);
    if (tree == NULL) {
        abort();
    }

    json_decref(tree);
}


static double
scan_ns(scan_pt run, const scan_message_t *m)
{
    size_t           i, times, round;
    double           ns, best;
    struct timespec  from, to;

    times = SCAN_BYTES / m->n;
    best = 0;

    for (round = 0; round < SCAN_ROUNDS; round++) {
        clock_gettime(CLOCK_MONOTONIC, &from);

        for (i = 0; i < times; i++) {
            run(m);
        }

        clock_gettime(CLOCK_MONOTONIC, &to);

        ns = ((double) (to.tv_sec - from.tv_sec) * 1e9
              + (double) (to.tv_nsec - from.tv_nsec)) / (double) times;

        if (round == 0 || ns < best) {
            best = ns;
        }
    }

    return best;
}


/* the head, as many lines as make n bytes with the tail, the tail */

static void
scan_compose(scan_message_t *m, const char *name, const char *head,
    const char *line, const char *tail, size_t n)
{
    m->name = name;
    m->n = strlen(head);
    memcpy(m->bytes, head, m->n);

    while (*line != '\0' && m->n + strlen(line) + strlen(tail) <= n) {
        memcpy(m->bytes + m->n, line, strlen(line));
        m->n += strlen(line);
    }

    memcpy(m->bytes + m->n, tail, strlen(tail));
    m->n += strlen(tail);
}


#define SCAN_SEND                                                             \
    "{\"type\":\"send\",\"to\":\"6d0f2f4e-6c8e-4f57-9a53-0d6f8a2f3b11\","     \
    "\"data\":"

#define SCAN_END                                                              \
    ",\"requestId\":\"3f0c9b1e-0a8f-4a53-8d0e-2b1f0f6c7d10\"}"


int
main(int argc, char **argv)
{
    long            i, times;
    double          copy, unmask, read, tree;
    scan_message_t  m[7], *s;

    scan_compose(&m[0], "text, 200 B", SCAN_SEND "\"", "x", "\"" SCAN_END,
                 200);

    scan_compose(&m[1], "candidate, 340 B", SCAN_SEND
                 "{\"type\":\"rtc-ice\",\"candidate\":{\"candidate\":"
                 "\"candidate:842163049 1 udp 1677729535 192.0.2.33 46154 "
                 "typ srflx raddr 0.0.0.0 rport 0 generation 0\",\"sdpMid\":"
                 "\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"Zx1u\"}",
                 "", "}" SCAN_END, 340);

    scan_compose(&m[2], "text, 4 KB", SCAN_SEND "\"", "x", "\"" SCAN_END,
                 4096);

    scan_compose(&m[3], "offer, 4 KB", SCAN_SEND "{\"type\":"
                 "\"rtc-description\",\"description\":{\"type\":\"offer\","
                 "\"sdp\":\"", "a=rtpmap:111 opus/48000/2\\r\\n"
                 "a=rtcp-fb:111 transport-cc\\r\\na=extmap:14 urn:ietf:params"
                 ":rtp-hdrext:toffset\\r\\n", "\"}}" SCAN_END, 4096);

    scan_compose(&m[4], "Russian, 4 KB", SCAN_SEND "\"",
                 "\xd0\xb2\xd1\x81\xd0\xb5 \xd1\x81\xd1\x87\xd0\xb0\xd1\x81"
                 "\xd1\x82\xd0\xbb\xd0\xb8\xd0\xb2\xd1\x8b\xd0\xb5, ",
                 "\"" SCAN_END, 4096);

    scan_compose(&m[5], "Japanese, 4 KB", SCAN_SEND "\"",
                 "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x83"
                 "\x86\xe3\x82\xad\xe3\x82\xb9\xe3\x83\x88", "\"" SCAN_END,
                 4096);

    scan_compose(&m[6], "numbers, 4 KB", SCAN_SEND "[0",
                 ",{\"x\":12.5,\"y\":-301,\"on\":true}", "]" SCAN_END, 4096);

    times = (argc > 1) ? strtol(argv[1], NULL, 10) : 0;

    if (times > 0) {
        for (i = 0; i < times; i++) {
            scan_read(&m[0]);
        }

        return 0;
    }

    printf("%-18s %6s %9s %9s %9s %9s %7s\n", "ns a message", "bytes",
           "memcpy", "unmask", "read", "jansson", "GB/s");

    for (s = m; s < m + sizeof(m) / sizeof(m[0]); s++) {
        copy = scan_ns(scan_memcpy, s);
        unmask = scan_ns(scan_unmask, s);
        read = scan_ns(scan_read, s);
        tree = scan_ns(scan_jansson, s);

        printf("%-18s %6zu %9.1f %9.1f %9.1f %9.1f %7.2f\n", s->name, s->n,
               copy, unmask, read, tree, (double) s->n / (unmask + read));
    }

    return 0;
}
