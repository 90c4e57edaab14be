#ifndef POSTERN_POOL_H
#define POSTERN_POOL_H

/*
 * Backends' servers and the pool of connections to them, which outlives client
 * sessions.  A link is a connection with what its protocol knows about it.
 *
 * A link is busy (it has an owner), clean (every reply was read and the last
 * transaction ended with a 2xx), or needs a reset (which travels with the next
 * MAIL).  An idle link that becomes readable is closed: the server left or
 * said 421.  max and idle are totals of the gateway over all workers.
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

struct loop;
struct stats;

#define SERVER_ADDRS_MAX 8

struct server_conf {
	const char *name;
	const char *address;			 /* as configured */
	const char *host;			 /* in it; NULL: it is a path */
	struct net_addr addrs[SERVER_ADDRS_MAX]; /* resolved at the start */
	int addr_count;
	unsigned index; /* in the shared memory */
};

struct pool_conf {
	int64_t max;	      /* connections to one server */
	int64_t idle;	      /* of them kept idle */
	int64_t idle_timeout; /* ms */
	int64_t max_age;      /* ms */
	int64_t max_uses;     /* transactions on one connection */
	int64_t wait;	      /* ms a delivery waits for a free one */
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
};
extern const struct opt backend_options[];
extern const struct opt server_options[];
extern const struct opt pool_options[];

struct link {
	struct conn *conn;		  /* owned */
	struct pool *pool;		  /* borrowed; NULL for the agent's */
	const struct server_conf *server; /* borrowed; NULL for the agent's */
	const struct net_addr *addr;	  /* borrowed; where it leads */
	void *state;			  /* owned; the protocol's */
	bool fresh;			  /* nothing was read from it yet */
	bool connected;
	bool needs_reset;
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
    struct stats *stats, unsigned worker);
void pool_free(struct pool **pp);

/* A delivery that wants a link.  Embedded in its owner; the owner sets got. */
struct pool_wait {
	TAILQ_ENTRY(pool_wait) entry;
	struct pool *pool; /* not NULL while it waits */
	int64_t until;	   /* loop_now() milliseconds */
	bool fresh;
	const char *identity; /* of the client, borrowed, NULL: none; links
			       * bound to another one are left alone */
	uint32_t tried;	      /* see pool_get() */
	const char *why;      /* static: it failed already */
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
/* A new link could not be used: its server is avoided for a while, as long as
 * there are others. */
void pool_blame(const struct link *l);
/* Counts what was wrong with a server. */
void pool_fault(const struct link *l, enum fault f);
bool pool_had_fault(const struct link *l, enum fault f);
/* TLS came about; had it ever, with this server? */
void pool_secured(const struct link *l);
bool pool_had_tls(const struct link *l);
/* Is there a target left that is not in tried? */
bool pool_has_other(const struct pool *p, uint32_t tried);
void pool_cancel(struct pool_wait *w);
/* Gives a link back for others, or closes it. */
void pool_put(struct link **lp, bool needs_reset);
void pool_drop(struct link **lp);
/* Closes idle links (drain). */
void pool_close_idle(struct pool *p);

#endif
