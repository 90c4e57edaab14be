/*
 * What sessions do when memory runs short: see account.h for the order.
 */

#include "account.h"
#include "log.h"
#include "loop.h"
#include "session_priv.h"

#define SAY_MS 10000 /* how often it is said */
#define SHED_MAX 16  /* at once, so that the others get their turn */
/* Connection, run of the chain, and their events. */
#define SESSION_REST 1024
/* What the library of TLS holds for an idle connection, about
 * (tests/faults/idle-tls.sh measures it). */
#define TLS_SIZE (14 * 1024)

static void
say(struct front *f, enum account_level level)
{
	static const char *const measures[] = { "",
		"messages go to files as soon as they can",
		"no new connections of clients that are not unlimited",
		"idle sessions of them are closed",
		"no messages of them are taken" };
	int64_t now = loop_now(f->loop);

	if (level == ACCOUNT_EASY ||
	    ((int)level <= f->memory_level && now < f->memory_say_again))
		return;
	f->memory_say_again = now + SAY_MS;
	log_event(level == ACCOUNT_SPILL ? LEVEL_WARN : LEVEL_ERROR,
	    "memory: %lld of %lld octets are in use: %s",
	    (long long)account_used(f->account),
	    (long long)account_limit(f->account), measures[level]);
}

enum account_level
session_relieve(struct front *f)
{
	enum account_level level = account_level(f->account);
	int i;

	say(f, level);
	f->memory_level = (int)level;
	for (i = 0; i < SHED_MAX && level >= ACCOUNT_SHED; i++) {
		if (!session_shed(f))
			break;
		level = account_level(f->account);
	}
	return level;
}

void
session_account(struct session *s)
{
	size_t now = sizeof(*s) + SESSION_REST + arena_held(&s->arena) +
	    arena_held(&s->tx.arena) + (s->tls_started ? TLS_SIZE : 0);

	account_add(s->front->account, (int64_t)now - (int64_t)s->accounted);
	s->accounted = now;
}

void
session_account_end(struct session *s)
{
	account_add(s->front->account, -(int64_t)s->accounted);
	s->accounted = 0;
}
