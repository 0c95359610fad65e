
/*
 * Copyright (C) The ngx_signaling authors
 *
 * The load generator: many WebSocket or HTTP clients in one thread, over
 * epoll.
 *
 *   load.c            beginning and end
 *   load_phase.c      the event loop, phases of a run
 *   load_option.c     the command line
 *   load_client.c     one client: connect, handshake, bytes in and out
 *   load_frame.c      WebSocket frames in and out
 *   load_tls.c        the same bytes over TLS 1.3
 *   load_dialect.c    how a server is joined, and what a message looks like
 *   load_signaling.c  the dialect of our own protocol
 *   load_member.c     who has been heard of by whom
 *   load_node.c       the dialects of Socket.IO and PeerServer
 *   load_http.c       the dialect that asks by GET and keeps the connection
 *   load_json.c       as much of JSON as dialects need
 *   load_mode.c       who sends when
 *   load_pace.c       the mode that sends by the clock, its latencies
 *   load_message.c    the check of every message
 *   load_token.c      the JSON Web Tokens that clients show
 *   load_report.c     the server's CPU time, the line of JSON
 *
 * A dialect says how to speak to one kind of server, a mode says what
 * traffic to make; neither knows the other.  Nothing is shared between
 * threads, there is but one.  A load_t owns its clients and its buffers, a
 * client owns its two leftovers and its TLS session.  Whatever goes wrong ends
 * the process with status 1 and one line on stderr: a benchmark that lost a
 * message has no result.
 */


#ifndef _LOAD_H_INCLUDED_
#define _LOAD_H_INCLUDED_


#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>


#define LOAD_ID_LEN         128         /* of a peer ID, as the server allows */
#define LOAD_MIN_BYTES      32          /* two quotes, index, number, padding */
#define LOAD_MAX_BYTES      65536
#define LOAD_FRAME_HEAD     14          /* the longest header, with its mask */
#define LOAD_OVERHEAD       1024        /* what a dialect may put around data */
#define LOAD_READ_SIZE      262144
#define LOAD_MAX_FRAME      1048576     /* of the server */
#define LOAD_PATTERN        4096        /* period of the padding */
#define LOAD_PIDS           64
#define LOAD_TARGET_MAX     4096        /* of a request, with its token */
#define LOAD_ID_DIGITS      16          /* of a requestId */

/* what a dialect can do, and what a mode asks for */

#define LOAD_RELAYS         0x01        /* messages, from client to client */
#define LOAD_VISITS         0x02        /* a Close is answered by one */
#define LOAD_ANSWERS        0x04        /* a request has one answer */
#define LOAD_ROOMS          0x08        /* of more than two */
#define LOAD_ACKS           0x10        /* a message may ask for an ack */

/* what a client sends and gets, RFC 6455, section 5.2 */

#define LOAD_TEXT           0x1
#define LOAD_BINARY         0x2
#define LOAD_CLOSE          0x8
#define LOAD_PING           0x9
#define LOAD_PONG           0xa

#define LOAD_NORMAL         1000        /* of a Close, RFC 6455, 7.4.1 */

/* latencies: so many steps for each doubling, up to 2^LOAD_OCTAVES ns */

#define LOAD_STEPS          64
#define LOAD_OCTAVES        40

#define load_is(s, text)                                                     \
    ((s)->len == sizeof(text) - 1                                            \
     && memcmp((s)->p, text, sizeof(text) - 1) == 0)


typedef struct load_s          load_t;
typedef struct load_client_s   load_client_t;
typedef struct load_dialect_s  load_dialect_t;
typedef struct load_mode_s     load_mode_t;
typedef struct load_token_s    load_token_t;


typedef struct {
    u_char                *p;
    size_t                 len;
} load_slice_t;


typedef enum {
    LOAD_CLIENT_NEW = 0,
    LOAD_CLIENT_CONNECTING,
    LOAD_CLIENT_SECURING,           /* the handshake of TLS */
    LOAD_CLIENT_HANDSHAKE,
    LOAD_CLIENT_OPEN,               /* 101 seen */
    LOAD_CLIENT_SETTLED,            /* in its room, maybe without the others */
    LOAD_CLIENT_JOINED,             /* everyone of the room is known */
    LOAD_CLIENT_LEAVING,            /* our Close is sent */
    LOAD_CLIENT_LEFT                /* the server's Close has come */
} load_client_e;


typedef enum {
    LOAD_OPENING = 0,
    LOAD_HALF,                      /* --halves: until a line on stdin */
    LOAD_WARMUP,
    LOAD_MEASURE,
    LOAD_DRAIN,
    LOAD_HOLD,                      /* idle: until stdin ends */
    LOAD_DONE
} load_phase_e;


/* --halves: who is opened before a line on stdin, and who after it */

typedef enum {
    LOAD_WHOLE = 0,
    LOAD_BY_ROOM,                   /* the first half of the rooms */
    LOAD_BY_MEMBER                  /* the first member of each room */
} load_halves_e;


/* --quick-acks: how those who only listen acknowledge, see load_ack.c */

typedef enum {
    LOAD_ACKS_KERNEL = 0,           /* as the kernel has it */
    LOAD_ACKS_LATE,
    LOAD_ACKS_QUICK
} load_acks_e;


struct load_client_s {
    int                    fd;
    uint32_t               index;
    load_client_e          state;

    uint32_t               known;       /* other members heard of */
    uint32_t               owed;        /* messages to be sent now */
    uint32_t               visits;      /* that are over, of mode connect */
    uint8_t                dirty;       /* is in the list of those who owe */
    uint8_t                writing;     /* EPOLLOUT is on */
    uint8_t                step;        /* of the dialect's way to joined */
    uint8_t                id_len;

    uint64_t               sent;
    uint64_t               received;
    uint64_t               acked;       /* of those sent, with --acks */
    uint64_t               heard;       /* by all others, of a speaker */

    void                  *tls;         /* or NULL */

    u_char                *in;          /* an incomplete frame */
    size_t                 in_len;
    size_t                 in_size;

    u_char                *out;         /* what the socket did not take */
    size_t                 out_len;
    size_t                 out_size;

    load_client_t         *next;        /* in the list of those who owe */

    char                   id[LOAD_ID_LEN];
};


struct load_token_s {
    const char            *id;          /* the peer ID that it stands for */
    const char            *text;
};


struct load_dialect_s {
    const char            *name;
    uint8_t                can;         /* LOAD_RELAYS and so on */

    /* writes the request target; returns its length */
    size_t               (*target)(load_t *load, load_client_t *c,
                                   char *buf, size_t size);

    /*
     * The 101 has arrived.  Says load_settled() when the server knows of c,
     * and load_joined() when c knows of the others; the latter includes the
     * former.
     */
    void                 (*opened)(load_t *load, load_client_t *c);

    /*
     * One text message of the server.  Returns 1 with the slice of the
     * application's data when it is a relayed message, 0 when it was about
     * something else.
     */
    int                  (*frame)(load_t *load, load_client_t *c, u_char *p,
                                  size_t len, u_char **data, size_t *data_len);

    /* puts the envelope around data; returns the length of the message */
    size_t               (*message)(load_t *load, load_client_t *c,
                                    u_char *data, size_t len, u_char *buf);

    /*
     * Not NULL: no WebSocket.  Takes one answer from the bytes of the server,
     * returns its length, or 0 when it is incomplete.
     */
    size_t               (*answer)(load_t *load, load_client_t *c, u_char *p,
                                   size_t len);

    /* with "answer": sends one request */
    void                 (*ask)(load_t *load, load_client_t *c);
};


struct load_mode_s {
    const char            *name;
    uint8_t                needs;       /* of the dialect, LOAD_RELAYS... */
    uint8_t                traffic;     /* 0: holds until stdin ends */
    uint8_t                speaker;     /* the first of a room, to the others */
    uint32_t               window;      /* default of --window */
    uint32_t               clients;     /* of --clients; 0: there are rooms */

    /* all have joined; NULL: nothing is sent */
    void                 (*start)(load_t *load);

    /* c has got one message or answer, already checked */
    void                 (*received)(load_t *load, load_client_t *c);

    /*
     * c has come in again, after the opening: has its welcome, or with --join
     * its room.
     */
    void                 (*welcomed)(load_t *load, load_client_t *c);

    /* both sides have said Close, and c has no connection any more */
    void                 (*left)(load_t *load, load_client_t *c);

    /*
     * Not NULL: sends what is due by the clock.  Returns when the next one is
     * due, in ns.
     */
    uint64_t             (*due)(load_t *load, uint64_t now);
};


struct load_s {
    const load_dialect_t  *dialect;
    const load_mode_t     *mode;

    /* options */
    const char            *host;
    const char            *key;
    const char            *path;
    const char            *origin;
    const char            *expect;      /* in a welcome or body, or NULL */
    load_token_t          *tokens;      /* of one file; none: a key is shown */
    char                  *token_text;
    uint32_t               ntokens;
    uint32_t               alone;       /* clients of a mode without rooms */
    uint16_t               port;
    uint32_t               rooms;
    uint32_t               room_size;
    uint32_t               window;
    uint32_t               bytes;
    uint32_t               sources;
    uint32_t               opening;     /* connection attempts at a time */
    uint32_t               active;      /* rooms that speak */
    uint32_t               rate;        /* messages per second, of all */
    uint32_t               say;         /* messages of each before holding */
    uint8_t                acks;        /* every message has a requestId */
    uint8_t                secure;      /* TLS 1.3 */
    uint8_t                join;        /* a visit includes the room */
    load_halves_e          halves;
    load_acks_e            quick_acks;
    double                 warmup;
    double                 seconds;
    double                 timeout;
    int                    run;         /* in names: nobody of another run */
    pid_t                  pids[LOAD_PIDS];
    uint32_t               npids;

    /* the run */
    int                    ep;
    load_phase_e           phase;
    load_client_t         *clients;
    uint32_t               nclients;
    uint32_t               started;     /* connect() called */
    uint32_t               settled;
    uint32_t               joined;
    uint64_t               deadline;    /* ns, of the phase */
    uint64_t               next_due;    /* ns, of a mode with a clock */
    load_client_t         *dirty;

    uint32_t               quick;       /* who acknowledge as they read */
    uint64_t               sent;        /* what is to arrive, in all */
    uint64_t               received;
    uint64_t               asked;       /* acks that are to come */
    uint64_t               acked;

    uint64_t              *seen;        /* load_member.c: who by whom */
    uint32_t              *names;       /* and a table of peer IDs */
    uint32_t               nnames;

    void                  *tls;

    u_char                *read_buf;    /* one frame + LOAD_READ_SIZE */
    size_t                 read_size;
    u_char                *out_buf;
    size_t                 out_len;
    size_t                 out_size;
    u_char                *data_buf;    /* data as sent, or as expected */
    u_char                *message_buf;
    char                  *pattern;
    uint32_t               mask;        /* state of the mask generator */

    /* the figures */
    uint64_t               opened_at;
    uint64_t               joined_at;
    uint64_t               measure_at;
    uint64_t               measured_ns;
    uint64_t               measure_from;        /* received, at the start */
    uint64_t               messages;
    double                 server_cpu;
    double                 load_cpu;
    double                 opening_cpu;

    uint64_t               said;        /* of mode idle */

    uint64_t               paced_from;  /* ns, of the first message */
    uint64_t               paced;       /* messages sent */
    uint64_t               latencies;   /* counted below */
    uint64_t               slowest;     /* ns */
    uint64_t               latency[LOAD_OCTAVES * LOAD_STEPS];
};


/* load.c */

/* ns, monotonic */
uint64_t load_now(void);

/* prints "load: ..." on stderr and exits with status 1 */
void load_fail(load_t *load, load_client_t *c, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));


/* load_phase.c */

/* opens all, makes the traffic or holds, and returns when it is over */
void load_run(load_t *load);

/* the server knows of c, which may wait for others; for dialects */
void load_settled(load_t *load, load_client_t *c);

/* c has learned of everyone in its room; for dialects */
void load_joined(load_t *load, load_client_t *c);

/* c shall send n messages more in this turn; for modes */
void load_owe(load_t *load, load_client_t *c, uint32_t n);


/* load_option.c */

/* fills in the options; exits with a text when they make no sense */
void load_options(load_t *load, int argc, char **argv);


/* load_ack.c: before the traffic, and how many are in that mode */

void load_acks_set(load_t *load);
uint32_t load_acks_quick(load_t *load);


/* load_client.c */

/* begins to connect; the rest happens in load_client_event() */
void load_client_connect(load_t *load, load_client_t *c);

/* handles what epoll reported for c */
void load_client_event(load_t *load, load_client_t *c, uint32_t events);

/* writes what was queued since the last flush, all of it for c */
void load_client_flush(load_t *load, load_client_t *c);


/* load_frame.c */

/*
 * Handles one frame of the server at p.  Returns its length, or 0 when it is
 * incomplete.
 */
size_t load_frame_take(load_t *load, load_client_t *c, u_char *p, size_t len);

/* appends one masked frame to what load_client_flush() will write */
void load_frame_queue(load_t *load, u_char opcode, u_char *p, size_t len);

/* says Close; the mode is told when the server has closed the connection */
void load_frame_leave(load_t *load, load_client_t *c);


/* load_tls.c: the OpenSSL session of c, over its socket */

void load_tls_init(load_t *load);
void load_tls_done(load_t *load);

void load_tls_open(load_t *load, load_client_t *c);
void load_tls_close(load_client_t *c);

/* returns 1 when the handshake is over, 0 when it waits for the server */
int load_tls_handshake(load_t *load, load_client_t *c);

/* as recv() and send() of a socket that does not block */
ssize_t load_tls_recv(load_t *load, load_client_t *c, u_char *p, size_t len);
ssize_t load_tls_send(load_t *load, load_client_t *c, u_char *p, size_t len);


/* load_dialect.c */

const load_dialect_t *load_dialect_find(const char *name);

/* the other one of a room of two */
load_client_t *load_partner(load_t *load, load_client_t *c);

/* who sends what c gets: the partner, or the speaker of its room */
load_client_t *load_sender(load_t *load, load_client_t *c);


/* load_signaling.c, load_node.c, load_http.c: see load_dialect_s */

extern const load_dialect_t  load_signaling;
extern const load_dialect_t  load_socketio;
extern const load_dialect_t  load_peerjs;
extern const load_dialect_t  load_http;


/* load_member.c */

void load_member_init(load_t *load);
void load_member_done(load_t *load);

/* c has its peer ID now, and knows nobody yet */
void load_member_named(load_t *load, load_client_t *c);

/* c was told of a member; fails when it is a stranger or known already */
void load_member_joined(load_t *load, load_client_t *c, load_slice_t *id);


/* load_json.c: text without white space between tokens, as servers write it */

/* returns the end of the value at p, or NULL */
u_char *load_json_skip(u_char *p, u_char *end);

/*
 * Takes the next member of the object that begins at *pos.  Strings, the name
 * too, come with their quotes.  Returns 1, 0 at the end, -1 on bad syntax.
 */
int load_json_member(u_char **pos, u_char *end, load_slice_t *name,
    load_slice_t *value);

/* takes the quotes from a string */
void load_json_unquote(load_slice_t *value);


/* load_token.c */

/* reads a file with lines of a peer ID, a space and a token */
void load_tokens(load_t *load, const char *file);

/*
 * The token of c, or NULL when it shows a key.  Client n takes line n at its
 * first visit and goes on by as many lines as there are clients, so that no
 * line is used again before all were; after the last one comes the first.
 */
load_token_t *load_token(load_t *load, load_client_t *c);


/* load_mode.c */

const load_mode_t *load_mode_find(const char *name);


/* load_pace.c */

void load_pace_start(load_t *load);
void load_pace_received(load_t *load, load_client_t *c);
uint64_t load_pace_due(load_t *load, uint64_t now);

/* the latency in us that the part "share" of all messages did not exceed */
double load_pace_quantile(load_t *load, double share);


/* load_message.c */

/* sends one message of c */
void load_message_send(load_t *load, load_client_t *c);

/* checks that data is the message that c has to get next, and counts it */
void load_message_receive(load_t *load, load_client_t *c, u_char *data,
    size_t len);

/* checks that the ack is the one that c has to get next, and counts it */
void load_message_acked(load_t *load, load_client_t *c, load_slice_t *id);

/* the requestId of the message that c sends now: 16 digits */
void load_message_id(load_client_t *c, u_char *p);


/* load_report.c */

/* seconds of CPU time that the server has used; 0 without --server-pid */
double load_server_cpu(load_t *load);

/* the same of this process */
double load_own_cpu(void);

/* one line of JSON on stdout */
void load_report(load_t *load);


#endif /* _LOAD_H_INCLUDED_ */
