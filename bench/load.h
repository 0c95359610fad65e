
/*
 * Copyright (C) The ngx_signaling authors
 *
 * The load generator: many WebSocket or HTTP clients in one thread, over
 * epoll.
 *
 *   load.c          the event loop, phases of a run
 *   load_option.c   the command line
 *   load_client.c   one client: connect, handshake, frames in and out
 *   load_dialect.c  how a server is joined, and what a message looks like
 *   load_http.c     the dialect that asks by GET and keeps the connection
 *   load_mode.c     who sends when; the check of every message
 *   load_token.c    the JSON Web Tokens that clients show
 *   load_report.c   the server's CPU time, the line of JSON
 *
 * A dialect says how to speak to one kind of server, a mode says what
 * traffic to make; neither knows the other.  Nothing is shared between
 * threads, there is but one.  A load_t owns its clients and its buffers, a
 * client owns its two leftovers.  Whatever goes wrong ends the process with
 * status 1 and one line on stderr: a benchmark that lost a message has no
 * result.
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

/* what a dialect can do, and what a mode asks for */

#define LOAD_RELAYS         0x01        /* messages, from client to client */
#define LOAD_WELCOMES       0x02        /* a first frame says: you are in */
#define LOAD_ANSWERS        0x04        /* a request has one answer */


typedef struct load_s          load_t;
typedef struct load_client_s   load_client_t;
typedef struct load_dialect_s  load_dialect_t;
typedef struct load_mode_s     load_mode_t;
typedef struct load_token_s    load_token_t;


typedef enum {
    LOAD_CLIENT_NEW = 0,
    LOAD_CLIENT_CONNECTING,
    LOAD_CLIENT_HANDSHAKE,
    LOAD_CLIENT_OPEN,               /* 101 seen */
    LOAD_CLIENT_JOINED,             /* everyone of the room is known */
    LOAD_CLIENT_LEAVING,            /* our Close is sent */
    LOAD_CLIENT_LEFT                /* the server's Close has come */
} load_client_e;


typedef enum {
    LOAD_OPENING = 0,
    LOAD_WARMUP,
    LOAD_MEASURE,
    LOAD_DRAIN,
    LOAD_HOLD,                      /* idle: until stdin ends */
    LOAD_DONE
} load_phase_e;


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

    /* the 101 has arrived; says load_joined() if that is all */
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
    uint32_t               window;      /* default of --window */
    uint32_t               clients;     /* of --clients; 0: there are rooms */

    /* all have joined */
    void                 (*start)(load_t *load);

    /* c has got one message or answer, already checked */
    void                 (*received)(load_t *load, load_client_t *c);

    /* c has its welcome, already checked.  NULL: c goes on to join a room. */
    void                 (*welcomed)(load_t *load, load_client_t *c);

    /* both sides have said Close, and c has no connection any more */
    void                 (*left)(load_t *load, load_client_t *c);
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
    double                 warmup;
    double                 seconds;
    double                 timeout;
    pid_t                  pids[LOAD_PIDS];
    uint32_t               npids;

    /* the run */
    int                    ep;
    load_phase_e           phase;
    load_client_t         *clients;
    uint32_t               nclients;
    uint32_t               started;     /* connect() called */
    uint32_t               joined;
    uint64_t               deadline;    /* ns, of the phase */
    load_client_t         *dirty;

    uint64_t               sent;
    uint64_t               received;

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
};


/* load.c */

/* ns, monotonic */
uint64_t load_now(void);

/* prints "load: ..." on stderr and exits with status 1 */
void load_fail(load_t *load, load_client_t *c, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

/* c has learned of everyone in its room; for dialects */
void load_joined(load_t *load, load_client_t *c);

/* c shall send n messages more in this turn; for modes */
void load_owe(load_t *load, load_client_t *c, uint32_t n);


/* load_option.c */

/* fills in the options; exits with a text when they make no sense */
void load_options(load_t *load, int argc, char **argv);


/* load_client.c */

/* begins to connect; the rest happens in load_client_event() */
void load_client_connect(load_t *load, load_client_t *c);

/* handles what epoll reported for c */
void load_client_event(load_t *load, load_client_t *c, uint32_t events);

/* says Close; the mode is told when the server has closed the connection */
void load_client_leave(load_t *load, load_client_t *c);

/* appends one masked frame to what load_client_flush() will write */
void load_client_queue(load_t *load, u_char opcode, u_char *p, size_t len);

/* writes what was queued since the last flush, all of it for c */
void load_client_flush(load_t *load, load_client_t *c);


/* load_dialect.c */

const load_dialect_t *load_dialect_find(const char *name);


/* load_http.c */

size_t load_http_answer(load_t *load, load_client_t *c, u_char *p, size_t len);
void load_http_ask(load_t *load, load_client_t *c);


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

/*
 * Writes the data of message number "number" of client "index": a JSON string
 * of exactly load->bytes bytes, quotes included.
 */
void load_data(load_t *load, uint32_t index, uint64_t number, u_char *p);

/* sends one message of c */
void load_send(load_t *load, load_client_t *c);

/* checks that data is the message that c has to get next, and counts it */
void load_receive(load_t *load, load_client_t *c, u_char *data, size_t len);


/* load_report.c */

/* seconds of CPU time that the server has used; 0 without --server-pid */
double load_server_cpu(load_t *load);

/* the same of this process */
double load_own_cpu(void);

/* one line of JSON on stdout */
void load_report(load_t *load);


#endif /* _LOAD_H_INCLUDED_ */
