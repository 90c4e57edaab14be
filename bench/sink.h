#ifndef SINK_H
#define SINK_H

/*
 * smtpsink, from the network to the count:
 *
 *	sink_conn.c	connections: reads, writes, timers
 *	sink_cmd.c	the dialogue, one handler per verb
 *	sink_arg.c	arguments of MAIL and RCPT
 *	sink_data.c	message octets: end of data, dots, control octets
 *	sink_store.c	which message arrived, how often, in what state
 *	sink_fault.c	misbehaviour asked for on the command line
 */

#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "benchmsg.h"
#include "benchnet.h"

enum stage {
	STAGE_CONNECT,
	STAGE_BANNER,
	STAGE_EHLO,
	STAGE_MAIL,
	STAGE_RCPT,
	STAGE_DATA,
	STAGE_DOT,
	STAGE_RSET,
	STAGE_QUIT,
	STAGE_COUNT
};

enum action {
	ACTION_NONE,
	ACTION_CLOSE,
	ACTION_RESET, /* close with RST */
	ACTION_HANG,  /* no reply, no reading, ever */
	ACTION_SLOW,  /* reply after arg ms */
	ACTION_CODE,  /* reply arg instead */
	ACTION_GARBAGE,
	ACTION_LONG, /* reply text > 5000 octets */
	ACTION_MULTI,
	ACTION_DROP,  /* one reply too few */
	ACTION_EXTRA, /* one reply too many */
	ACTION_PART   /* half of the reply, then close */
};

struct fault {
	enum stage stage;
	enum action action;
	int after; /* at STAGE_DOT: store, then act */
	unsigned arg;
	unsigned long every, seen;
	const char *text; /* borrowed from argv */
};

enum scan_state {
	SCAN_LINE_START,
	SCAN_TEXT,
	SCAN_CR,  /* a CR whose LF is due */
	SCAN_DOT, /* a dot that began a line */
	SCAN_DOT_CR
};

/* The message that is being received. */
struct intake {
	enum scan_state state;
	int raw;   /* BDAT: no dots, no end */
	int stray; /* bare CR, bare LF or NUL seen */
	struct msg_check check;
};

enum phase {
	PHASE_COMMAND,
	PHASE_DATA,
	PHASE_CHUNK /* octets of a BDAT chunk */
};

struct rcpt {
	uint32_t hash;
	int code; /* LMTP: reply after the dot */
};

struct conn {
	struct event ev_read, ev_write, ev_timer;
	struct conn *prev, *next;
	int fd;
	enum phase phase;
	int paused;  /* reads nothing for now */
	int closing; /* free when output is written */
	int greeted;
	int mail;    /* MAIL accepted */
	int refused; /* a MAIL or RCPT was refused */
	int chunks;  /* BDAT began: no DATA, no MAIL */
	int chunk_last;
	int chunk_discard;
	int chunk_tries; /* whether a refused one is thrown away */
	uint64_t chunk_left;
	unsigned nrcpt, rcpt_cap;
	struct rcpt *rcpt; /* owned */
	unsigned long transactions;
	struct buf in; /* not yet used input */
	struct buf out;
	struct buf late; /* reply that a timer holds back */
	struct intake intake;
};

#define KEYWORDS_MAX 8

struct settings {
	struct event_base *base;
	int lmtp, pipelining, eightbit, size, enhanced, chunking, xforward;
	int verbose;
	unsigned exit_after; /* seconds without activity */
	uint64_t max_size;
	const char *hostname;
	const char *keywords[KEYWORDS_MAX + 1]; /* more EHLO lines; NULL */
	unsigned keyword_count;
};

extern struct settings settings;

/* sink_conn.c */
void conn_listen(int fd);
void conn_answer(struct conn *, const struct fault *, struct buf *reply);
void conn_close(struct conn *);
void conn_free_all(void);
unsigned long conn_open_count(void);

/* sink_cmd.c */
void cmd_banner(struct conn *);
size_t cmd_input(struct conn *, const char *, size_t);
void cmd_free(struct conn *);

/* sink_arg.c */
const char *arg_path(
    const char *, const char *word, size_t *len_r, const char **params_r);
int arg_mail_parameters(const char *);

/* sink_data.c */
void intake_start(struct intake *, int raw);
size_t intake_feed(struct intake *, const char *, size_t, int *end_r);
void intake_end(struct intake *);

/* sink_store.c */
enum count {
	COUNT_CONNECTIONS,
	COUNT_TRANSACTIONS,
	COUNT_PROTOCOL,
	COUNT_FAULTS,
	COUNT_MAX_TRANSACTIONS,
	COUNT_MAX_OPEN,
	COUNT_MESSAGES,
	COUNT_RECIPIENTS,
	COUNT_DUPLICATES,
	COUNT_DAMAGED,
	COUNT_STRAY,
	COUNT_FOREIGN,
	COUNT_EMPTY,
	COUNT_LAST
};

void store_init(const char *received, uint64_t first, uint64_t expect);
void store_message(struct intake *, const struct rcpt *, unsigned nrcpt);
void store_count(enum count);
void store_max(enum count, unsigned long);
unsigned long store_activity(void);
void store_print(void);

/* sink_fault.c */
void fault_add(const char *spec);
const struct fault *fault_at(enum stage);
void fault_rule_add(int after_dot, const char *spec);
int fault_rule(int after_dot, const char *addr, size_t len);

#endif
