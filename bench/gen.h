#ifndef GEN_H
#define GEN_H

/*
 * smtpgen, from the command line to the wire:
 *
 *	gen.c		options, the loop, the end
 *	gen_job.c	which message is next, what became of it, retries
 *	gen_conn.c	slots: connections, reads and writes
 *	gen_reply.c	the form of replies
 *	gen_talk.c	the dialogue: what follows which reply
 *	gen_send.c	commands and content, PROXY headers
 *	gen_stat.c	counters, latency, report
 *
 * A slot owns its jobs until it gives them to gen_job.c with a result.
 */

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "benchmsg.h"
#include "benchnet.h"

#define REPLY_MAX 512 /* RFC 5321 4.5.3.1.5, with CRLF */
#define TO_MAX 16
enum rcpt_state {
	RCPT_OPEN,
	RCPT_ACCEPTED, /* RCPT got 2xx in this attempt */
	RCPT_TEMP,     /* 4xx in this attempt */
	RCPT_FAILED,   /* 5xx: final */
	RCPT_DONE      /* 2xx after the dot: final */
};

struct job {
	struct job *next;
	uint64_t number;
	uint64_t due; /* when to be tried again */
	unsigned tries;
	unsigned char rcpt[]; /* enum rcpt_state */
};

/* What the next reply will be an answer to. */
enum await {
	AWAIT_BANNER,
	AWAIT_EHLO,
	AWAIT_MAIL,
	AWAIT_RCPT,
	AWAIT_DATA,
	AWAIT_CHUNK, /* BDAT without LAST */
	AWAIT_DOT,   /* final dot, or BDAT LAST */
	AWAIT_RSET,
	AWAIT_QUIT,
	AWAIT_EOF,    /* 221 was read */
	AWAIT_NOTHING /* held idle */
};

/* Where the client misbehaves. */
enum fault {
	FAULT_NONE,
	FAULT_CONNECT,
	FAULT_EHLO,
	FAULT_MAIL,
	FAULT_RCPT,
	FAULT_DATA,
	FAULT_BODY,
	FAULT_DOT,
	FAULT_RANDOM
};

#define CAP_PIPELINING 1U
#define CAP_SIZE 2U
#define CAP_ENHANCED 4U
#define CAP_CHUNKING 8U

/* Output: buf with one stretch of shared text let in at ref_at. */
struct out {
	struct buf buf;
	const char *ref; /* borrowed, or NULL */
	size_t ref_len, ref_off;
	size_t ref_at;
	size_t flushed; /* buf.len at the last write */
};

struct slot {
	struct event ev_read, ev_write;
	struct slot *next_free;
	int fd; /* -1: no connection */
	enum await await;
	struct job *job;   /* owned, or NULL */
	struct job *ahead; /* owned: envelope already sent */
	unsigned i;	   /* recipient of the next reply */
	unsigned accepted;
	int mail_code;		/* refusal of MAIL, or 0 */
	size_t sent;		/* BDAT: content octets put */
	unsigned chunks_due;	/* replies to chunks before LAST */
	unsigned long messages; /* done on this connection */
	unsigned caps;
	enum fault fault;
	int close_flushed; /* close on purpose once written */
	uint64_t start;	   /* of the message, for latency */
	uint64_t progress; /* last sign of life */
	int line_code;	   /* of a multi-line reply, or 0 */
	struct buf in;	   /* part of a reply line */
	struct out out;
};

enum proxy { PROXY_NONE, PROXY_V1, PROXY_V2 };

struct gen {
	struct event_base *base;
	struct bench_addr addr;
	struct msg_maker *maker;
	uint64_t total, first, size;
	uint64_t deadline; /* 0: none */
	unsigned seconds, concurrency, rcpts, idle, timeout, retries;
	unsigned retry_ms, fault_every, nto;
	uint64_t per_conn; /* messages; 0: any number */
	size_t chunk;
	int lmtp, bdat, pipelined, dots, fault_reset, verbose;
	int check_status; /* enhanced status codes */
	enum fault fault;
	enum proxy proxy;
	const char *helo, *from, *client_address, *acked;
	const char *to[TO_MAX];
};

extern struct gen gen;

enum stat {
	STAT_OK,
	STAT_TEMP,
	STAT_PERM,
	STAT_LOST,
	STAT_TIMEOUT,
	STAT_PROTO,
	STAT_FAULTED,
	STAT_RETRIED,
	STAT_FAILED,
	STAT_CONNECTIONS,
	STAT_NO_CONNECT,
	STAT_RCPT_OK,
	STAT_RCPT_TEMP,
	STAT_RCPT_PERM,
	STAT_COUNT
};

enum outcome { OUTCOME_REPLIED, OUTCOME_LOST, OUTCOME_PROTO, OUTCOME_FAULTED };

/* gen_job.c */
void job_init(void);
void job_free(void);
struct job *job_take(void);
void job_untake(struct job *);
void job_end(struct job *, enum outcome, uint64_t start);
int job_left(void);
void job_stop(void);
unsigned job_next_rcpt(const struct job *, unsigned from, enum rcpt_state);

/* gen_conn.c */
void conn_init(void);
void conn_run(void);
void conn_stop(void);
void conn_lost(struct slot *, const char *why);
void conn_protocol(struct slot *, const char *why);
void conn_refused(struct slot *);
void conn_done(struct slot *);
void conn_idle(void);
int conn_unsent(const struct slot *);
void conn_free(void);

/* gen_reply.c */
int reply_line(struct slot *, const char *, size_t);

/* gen_talk.c */
void talk_start(struct slot *);
void talk_capability(struct slot *, const char *, size_t);
void talk_reply(struct slot *, int code);

/* gen_send.c */
void send_init(void);
void send_free(void);
void send_proxy(struct slot *);
void send_text(struct slot *, const char *);
void send_hello(struct slot *);
void send_mail(struct slot *);
void send_rcpt(struct slot *, unsigned i);
void send_envelope(struct slot *, const struct job *);
void send_data(struct slot *);
void send_content(struct slot *);
int send_chunk(struct slot *);

/* gen_stat.c */
void stat_add(enum stat);
unsigned long stat_get(enum stat);
void stat_latency(uint64_t us);
void stat_print(uint64_t us);

#endif
