#ifndef POSTERN_POOL_IMPL_H
#define POSTERN_POOL_IMPL_H

/*
 * Private to pool*.c:
 *
 *	pool.c		links: opened, idle, used again, closed
 *	pool_choose.c	which server, which of its addresses
 *	pool_servers.c	the servers' slots in shared memory
 *	pool_targets.c	the addresses of the servers
 *	pool_wait.c	deliveries that want a link, in a row
 *	pool_opts.c	options
 */

#include "balance.h"
#include "loop.h"
#include "pool.h"
#include "stats.h"

#define TARGETS_MAX 32 /* bits of tried */

TAILQ_HEAD(link_list, link);
TAILQ_HEAD(wait_list, pool_wait);

/* One address of a server. */
struct target {
	unsigned server;
	struct net_addr addr;  /* stays while there are links */
	bool gone;	       /* the server does not have it any more */
	unsigned links;	       /* to it, idle or not */
	struct link_list idle; /* the last used first: the oldest may expire */
	int64_t avoid_until;   /* loop_now(); others are preferred until then */
	unsigned failures;     /* in a row */
};

struct pool {
	struct loop *loop;
	const struct backend_conf *conf;
	struct pool_shared shared;
	struct servers_policy policy;
	struct target targets[TARGETS_MAX];
	unsigned count;
	struct balance_entry entries[TARGETS_MAX]; /* of servers */
	unsigned server_count;
	unsigned turn; /* of a server's addresses */
	uint64_t random;
	struct wait_list waits;
	struct pool_wait *next; /* to be served, while waiters are served */
	struct task task;	/* serves the waiters */
	struct timer timer;	/* for them */
	int64_t waiting;	/* how many there are */
	bool yielding;		/* room is made for another worker */
	unsigned given;		/* times that another worker was thought of */
	struct timer upkeep;	/* while there are idle links */
	pool_open_fn *open;
	void *open_ctx;
	bool closing;
};

/* pool.c */
/* An idle link of the target, or NULL. */
struct link *pool_take_idle(
    struct pool *p, const struct pool_wait *w, unsigned target);
/* A new one; an idle one, which can not be of use, makes room for it.  NULL
 * with EAGAIN when the server has max, else the address is of no use. */
struct link *pool_open_link(struct pool *p, unsigned target);

/* Closes its idle links. */
void pool_close_target(struct pool *p, unsigned target);

/* pool_targets.c */
/* Is there a server whose name was not answered yet? */
bool pool_is_resolving(const struct pool *p);

/* pool_choose.c */
void pool_choose_init(struct pool *p);
/* The servers that may still be asked for w, whether or not they have room. */
uint32_t pool_candidates(const struct pool *p, uint32_t tried);
/* The next server, none of those in out; -1: none, or only such as w has to
 * wait for. */
int pool_choose(struct pool *p, const struct pool_wait *w, uint32_t out);
/* One of its targets that w has not tried. */
int pool_choose_target(struct pool *p, unsigned server, uint32_t tried);
/* Does nobody want new links to it? */
bool pool_is_drained(const struct pool *p, const struct server_conf *sc);
/* May links to it be kept? */
bool pool_is_usable(const struct pool *p, unsigned server);
/* A link of this target was of use. */
void pool_praise(struct pool *p, unsigned target, bool fresh);
void pool_blame_target(struct pool *p, unsigned target, const char *why);
/* Why there is nobody, for people. */
void pool_say_why(const struct pool *p, uint32_t tried, char *buf, size_t size);

/* pool_wait.c */
void pool_wait_init(struct pool *p);
/* There may be room. */
void pool_wake(struct pool *p);

#endif
