#ifndef POSTERN_SESSION_H
#define POSTERN_SESSION_H

/*
 * One SMTP session from accept() to close: PROXY header, greeting, commands,
 * transactions.  The life of a mail is told in docs/architecture.md; here is
 * the session's own:
 *
 *	HEADER -> GREETING -> COMMAND <-> DATA -> ... -> CLOSED
 *
 * session_advance() is the only loop: while the state allows it and nothing is
 * pending, it takes a command or a piece of data and acts on it.  Everything
 * that completes (chain, relay, input) ends by calling it.  session_close()
 * only marks; the loop's reaper frees.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headers.h"
#include "net.h"
#include "opt.h"

struct account;
struct chain;
struct inflight;
struct journal;
struct loop;
struct rates;
struct relay;
struct router;
struct route_conf;
struct services;
struct session;
struct spool;
struct stats;
struct tls_context;

struct limits_conf {
	int64_t connections;  /* sessions at once, all workers */
	int64_t reserve;      /* of them for unlimited ones; by conf.c */
	int64_t per_client;   /* of one client network; 0: no limit */
	struct opt_rate rate; /* its new connections */
	struct opt_rate message_rate;
	int64_t message_size; /* octets of content */
	int64_t recipients;   /* of one transaction */
	int64_t memory;	      /* octets, all workers */
	struct headers_limits headers;
	int64_t command_timeout; /* ms for the client's next command */
	int64_t data_timeout;	 /* ms for the next piece of data */
	int64_t data_rate;	 /* octets a second that a message must have */
	int64_t proxy_timeout;	 /* ms for the PROXY header */
	int64_t tls_timeout;	 /* ms for a TLS handshake */
	int64_t reply_deadline;	 /* ms from the end of data to our reply */
	int64_t errors;		 /* failed commands of one session, then 421 */
	int64_t noops;		 /* idle talk of one session, then 421 */
	int64_t messages;	 /* of one session; 0: any number */
	int64_t session_timeout; /* ms that a session may last */
	int64_t auth_attempts;	 /* failed ones of one session, then 421 */
	struct opt_rate auth_rate; /* failed ones of one client network */
};
extern const struct opt limits_options[];     /* a listener's, too */
extern const struct opt limits_all_options[]; /* the global ones only */

enum early_talkers { EARLY_REFUSE, EARLY_NOTE };

struct listener_conf {
	const char *name;
	struct opt_addrs address;
	const char *socket_mode; /* of unix sockets, octal; NULL: any */
	const char *socket_user;
	const char *socket_group;
	struct net_owner socket_owner; /* of these, by conf.c */
	const char *greeting;	    /* behind "220 "; NULL: "HOSTNAME ESMTP" */
	int64_t greeting_delay;	    /* ms */
	int early_talkers;	    /* enum early_talkers */
	const char *hostname;	    /* NULL: the global one */
	struct net_list proxy_from; /* peers that must send a PROXY header */
	struct net_list probe_from; /* whose sessions are health checks */
	struct net_list xclient_from;	/* who may use XCLIENT */
	bool xclient_login;		/* its LOGIN counts as authentication */
	struct net_list xforward_from;	/* who may use XFORWARD */
	struct net_list normalise_from; /* whose bare CR, LF, NUL we repair */
	struct net_list unlimited;	/* clients that may use any share */
	/* The global ones but for what its own section says, and connections:
	 * those of this listener, 0: any number.  Filled by conf.c. */
	struct limits_conf limits;
	bool counts_apart;	      /* clients: a limit on them is its own */
	const char *starttls_name;    /* tls block to offer STARTTLS with */
	const char *tls_name;	      /* tls block for TLS from the start */
	struct tls_context *starttls; /* resolved by conf.c; NULL: none */
	struct tls_context *tls;
	bool require_tls;		    /* no mail in clear */
	const char *auth_name;		    /* filter that authenticates */
	const struct filter_instance *auth; /* by conf.c; NULL: no AUTH */
	bool auth_plaintext;		    /* AUTH without TLS as well */
	bool require_auth;		    /* no mail without AUTH */
	const char *authserv_id;	    /* NULL: the hostname */
	struct opt_list strip_headers;	    /* fields that do not pass */
	int received;			    /* enum received_style */
	struct opt_list filter_names;
	const struct filter_instance **filters; /* resolved by conf.c */
	size_t filter_count;
};
extern const struct opt listener_options[];
struct filter_instance;

TAILQ_HEAD(session_list, session);

/* Whose sessions are shown to an operator, and until when (loop_now()).  side
 * is 'C' for the client, 'S' for us, '*' for what happens, and what
 * relay_set_show() says; secrets and messages are not in the text. */
struct transcript {
	struct net_list who;
	int64_t until;
	void (*line)(
	    void *ctx, const char *id, char side, const char *text, size_t len);
	void *ctx;
};

/* What all sessions of a worker share.  Filled by worker.c; all borrowed. */
struct front {
	struct loop *loop;
	const struct limits_conf
	    *limits; /* of all; most: listener_conf.limits */
	const char *hostname;
	struct spool *spool;
	struct relay *relay;
	struct dns *dns;
	struct router *router;
	const struct route_conf *routes;
	size_t route_count;
	struct journal *journal;   /* may be NULL */
	struct inflight *inflight; /* may be NULL */
	unsigned inflight_column;
	struct stats *stats;
	unsigned worker;
	bool all_sessions;		 /* are logged, see log_conf.sessions */
	const struct services *services; /* of filters; may be NULL */
	const struct transcript *transcript; /* NULL: nobody is shown */
	struct rates *rates;
	unsigned rates_column;
	struct account *account;  /* may be NULL */
	int memory_level;	  /* enum account_level, when last looked at */
	int64_t memory_say_again; /* loop_now() */
	/* This process's; at the head who was silent longest. */
	struct session_list open;
	unsigned sessions;   /* how many they are */
	bool draining;	     /* 421 at the next command */
	bool retired;	     /* the same, behind a first transaction */
	bool closing;	     /* the process ends now */
	uint32_t id_counter; /* for ids */
	uint32_t id_salt;
};

/* Takes the descriptor of an accepted client, which came from peer to local. */
struct session *session_new(struct front *f, const struct listener_conf *lc,
    struct chain *chain, int fd, const struct net_addr *peer,
    const struct net_addr *local);
/* Tells every session that idle ones have to go (drain), or (now) closes all
 * of them. */
void session_drain_all(struct front *f, bool now);
/* There are no descriptors left: closes the session that was idle longest;
 * false if there is none that can be spared. */
bool session_shed(struct front *f);

/* Of a front that has a relay: transcripts show the servers' side, too. */
void session_show_relayed(struct front *f);
/* For the operator: a row for each session, but not for more than most; returns
 * how many were left out. */
struct control_text;
unsigned session_tell(
    const struct front *f, unsigned most, struct control_text *t);
/* Closes a session; false: there is none with this id. */
bool session_kill(struct front *f, const char *id);

#endif
