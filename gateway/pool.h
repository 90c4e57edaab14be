#ifndef POSTERN_POOL_H
#define POSTERN_POOL_H

/*
 * Backends' servers and the pool of connections to them, which outlives client
 * sessions.  A link is a connection with what its protocol knows about it.
 *
 * A link is busy (it has an owner), clean (every reply was read and the last
 * transaction ended with a 2xx), or needs a reset (which travels with the next
 * MAIL).  An idle link that becomes readable is closed, and nobody gets it
 * before that was looked for: the server left, said 421, or spoke unasked.  max
 * and idle are totals of the gateway over all workers.
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend.h"
#include "conn.h"
#include "link_conf.h"
#include "net.h"
#include "opt.h"
#include "servers.h"

struct loop;
struct stats;

#define SERVER_ADDRS_MAX 8

/* Of a server whose address is a name: what the DNS says, in this process. */
struct server_names {
	const char *host; /* of dns_name_ascii()'s */
	int port;
	bool known; /* it has said something, at least once */
	struct net_addr addrs[SERVER_ADDRS_MAX];
	int count;
	const char *why; /* static; why there is none */
};

struct server_conf {
	const char *name;
	const char *address; /* as configured */
	const char *host;    /* in it; NULL: it is a path */
	int line;	     /* of it, in the configuration */
	/* Addresses that do not change: of numbers, and from hosts(5). */
	struct net_addr addrs[SERVER_ADDRS_MAX];
	int addr_count;
	struct server_names *named; /* NULL: it has the above; names.h */
	int64_t weight;
	bool backup;
	bool drain;
	unsigned index; /* in the shared memory; pool_enter_servers() */
};

struct pool_conf {
	int64_t max;	      /* connections to one server */
	int64_t idle;	      /* of them kept idle */
	int64_t min;	      /* opened in advance */
	int64_t idle_timeout; /* ms */
	int64_t max_age;      /* ms */
	int64_t max_uses;     /* transactions on one connection */
	int64_t wait;	      /* ms a delivery waits for a free one */
};

struct check_conf {
	int64_t interval; /* ms; 0: the section is not there */
	int64_t timeout;  /* ms */
	int64_t fall;
	int64_t rise;
};

/* Whether recipients are asked for at RCPT: always; never; or when there are
 * several, because one reply can not tell which of them was refused. */
enum backend_verify { VERIFY_AUTO, VERIFY_YES, VERIFY_NO };

/* Whose words clients read. */
enum backend_reply_text { REPLY_TEXT_BACKEND, REPLY_TEXT_OWN };

struct backend_conf {
	const char *name;
	int protocol; /* index into backends[] */
	const struct backend *type;
	void *conf;	  /* the protocol's own options */
	const char *helo; /* name in EHLO and LHLO; NULL: the hostname */
	struct server_conf *servers;
	size_t server_count;
	struct pool_conf pool;
	struct link_tls_conf tls;
	struct link_auth_conf auth;
	int identify;		 /* enum dl_identify */
	bool chunking;		 /* BDAT, where it is offered */
	int reply_text;		 /* enum backend_reply_text */
	int verify;		 /* enum backend_verify */
	int64_t verify_cache;	 /* ms */
	int64_t connect_timeout; /* ms */
	int64_t reply_timeout;	 /* ms for each reply but the last */
	int balance;		 /* enum balance_mode */
	int64_t slow_start;	 /* ms */
	struct opt_list source_names;
	struct net_addr source4; /* family 0: any */
	struct net_addr source6;
	struct check_conf check;
	unsigned index; /* as that of a server, for what concerns them all */
};
extern const struct opt backend_options[];
extern const struct opt server_options[];
extern const struct opt pool_options[];
extern const struct opt check_options[];

/* Gives servers and backends their slots in the shared memory; false: no room
 * (then none has one).  Before a fork, and once per configuration.  What stats
 * (NULL: new ones will be made) has of other servers, which had these slots, is
 * forgotten. */
bool pool_enter_servers(struct servers *s, struct stats *stats,
    struct backend_conf *conf, size_t count, int64_t now);
void pool_leave_servers(
    struct servers *s, const struct backend_conf *conf, size_t count);
/* What servers_...() want to know of a backend. */
struct servers_policy pool_policy(const struct backend_conf *conf);
/* The own address for connections to a; NULL: any. */
const struct net_addr *pool_source(
    const struct backend_conf *conf, const struct net_addr *a);

/* Logs that a server went up or down; why may be NULL. */
void pool_say_state(const struct backend_conf *conf,
    const struct server_conf *sc, bool up, const char *why);

/* The addresses of a server, as far as they are known. */
const struct net_addr *pool_addrs(const struct server_conf *sc, int *count_r);

/* Is it this machine that can not connect?  A lack of descriptors, memory or
 * ports says nothing about the server. */
bool pool_is_our_trouble(int error);

/* What all pools of a worker share with those of the others. */
struct pool_shared {
	struct stats *stats;	 /* borrowed */
	struct servers *servers; /* borrowed */
	unsigned worker;
};

struct link {
	struct conn *conn;		  /* owned */
	struct pool *pool;		  /* borrowed; NULL: not pooled */
	const struct server_conf *server; /* borrowed; NULL for the agent's */
	const struct net_addr *addr;	  /* borrowed; where it leads */
	void *state;			  /* owned; the protocol's */
	bool fresh;			  /* nothing was read from it yet */
	bool connected;
	bool needs_reset;
	bool finished;	   /* said goodbye */
	int64_t born;	   /* loop_now() */
	int64_t heard;	   /* when the last reply came */
	uint64_t uses;	   /* transactions begun, this one included */
	uint64_t max_uses; /* then it is closed */
	enum dl_tls tls;
	char *told;	 /* owned; which client the server was told of */
	bool bound;	 /* it can not be told of another */
	unsigned target; /* bit number for tried */
	TAILQ_ENTRY(link) entry; /* in the idle list of its server */
};

/* One backend in one worker. */
struct pool;
struct pool *pool_new(struct loop *l, const struct backend_conf *conf,
    const struct pool_shared *shared);
void pool_free(struct pool **pp);
const struct backend_conf *pool_conf_of(const struct pool *p);
/* Who opens the session (banner, EHLO) of links that are opened in advance and
 * then gives them back by pool_put(), or by pool_drop().  Without it there are
 * none.  l is NULL if connecting to the server failed at once. */
typedef void pool_open_fn(
    void *ctx, struct pool *p, const struct server_conf *sc, struct link *l);
void pool_set_opener(struct pool *p, pool_open_fn *open, void *ctx);

/* A delivery that wants a link.  Embedded in its owner; the owner sets got. */
struct pool_wait {
	TAILQ_ENTRY(pool_wait) entry;
	struct pool *pool; /* not NULL while it waits */
	int64_t until;	   /* loop_now() milliseconds */
	bool fresh;
	const char *identity; /* of the client, borrowed, NULL: none; links
			       * bound to another one are left alone */
	uint32_t tried;	      /* see pool_get() */
	uint64_t key;	      /* its owner's, for balance = hash-rcpt */
	bool failed;	      /* already, but that is told later */
	/* A link (still connecting if it is new), or NULL and the reason when
	 * none can be had.  Never called from inside pool_get(). */
	void (*got)(struct pool_wait *w, struct link *link, const char *why);
};

/* Asks for a link: an idle one, or (fresh) always a new one.  tried has a bit
 * for each target (address of a server) that failed this delivery and is not
 * to be used again.  Returns the link if it is there at once; NULL when w->got
 * will be called. */
struct link *pool_get(
    struct pool *p, struct pool_wait *w, bool fresh, uint32_t tried);
/* A new link could not be used: its target is avoided for a while, as long as
 * there are others; often, and its server is down.  why is for people. */
void pool_blame(const struct link *l, const char *why);
/* Counts what was wrong with a server. */
void pool_fault(const struct link *l, enum fault f);
bool pool_had_fault(const struct link *l, enum fault f);
/* TLS came about; had it ever, with this server? */
void pool_secured(const struct link *l);
bool pool_had_tls(const struct link *l);
const struct server_conf *pool_server(const struct pool *p, unsigned target);
/* Is there a target left that is not in tried, of a server that is up? */
bool pool_has_other(const struct pool *p, uint32_t tried);
void pool_cancel(struct pool_wait *w);
/* Gives a link back for others, or closes it. */
void pool_put(struct link **lp, bool needs_reset);
void pool_drop(struct link **lp);
/* The addresses of a server have changed: links to those that are gone are
 * closed as soon as they are idle. */
void pool_set_targets(struct pool *p);
/* Closes idle links, and opens no more in advance (drain). */
void pool_close_idle(struct pool *p);

#endif
