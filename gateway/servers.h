#ifndef POSTERN_SERVERS_H
#define POSTERN_SERVERS_H

/*
 * What is known of the backends' servers: up or down, why and since when, and
 * whether an operator drains them.  In shared memory that the master maps once:
 * all workers and the process that checks see the same, a worker that dies
 * takes nothing with it, and a reload finds what it had by name and address.
 *
 * Lock-free: each field is an atomic of its own, and only who makes a server go
 * up or down (one process, by compare and swap) writes why and since.  Times
 * are monotonic milliseconds, as loop_now().
 *
 * A server is down when it has failed `fall` times with no success in between:
 * checks and deliveries count alike.  With checks that run, only they bring it
 * up again, by `rise` good ones.  Without, one delivery is sent there now and
 * then, as a trial: first after a second, later after up to ten.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVERS_MAX                                              \
	512 /* slots: servers and backends of two configurations \
	     */
#define SERVERS_NAME_MAX 160
#define SERVERS_WHY_MAX 96

struct servers;

/* NULL when the memory can not be had. */
struct servers *servers_new(void);
void servers_free(struct servers **sp);
/* Slots of an earlier program's configurations are in it. */
bool servers_carried(const struct servers *s);

/* Slots, for the master alone.  The same name and address have the same slot
 * as long as anybody holds it; a new address begins anew, but is drained when
 * its name is.  A slot's number is that of its cells in stats.h.  -1: no room.
 */
int servers_take(struct servers *s, const char *name, const char *address);
/* Has it one holder, who has just taken it?  Then it began anew. */
bool servers_is_new(const struct servers *s, unsigned slot);
void servers_give(struct servers *s, unsigned slot);

/* What the configuration says of a drain (drain = yes). */
void servers_configure(
    struct servers *s, unsigned slot, bool drain, int64_t now);

/* How a backend wants its servers to be judged. */
struct servers_policy {
	int64_t fall;	    /* failures in a row */
	int64_t rise;	    /* good checks in a row */
	int64_t interval;   /* ms between checks; 0: there are none */
	int64_t slow_start; /* ms */
};

/* One more failure; why is for people.  True: it went down by this. */
bool servers_failed(struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now, const char *why);
/* A delivery went well (on a connection that was new: fresh).  True: it came
 * up by this. */
bool servers_worked(struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now, bool fresh);
/* A check went well. */
bool servers_checked(struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now);
/* A check has ended, well or not: they run. */
void servers_check_ended(struct servers *s, unsigned slot, int64_t now);

/* Is it about to go down or to come up? */
bool servers_wavers(const struct servers *s, unsigned slot);

/* Is it up, and not drained? */
bool servers_usable(const struct servers *s, unsigned slot);
bool servers_drained(const struct servers *s, unsigned slot);
/* It is down, but somebody should try. */
bool servers_trial_due(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now);
/* The caller is the one who tries. */
bool servers_try(struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now);
/* The part of its weight that it gets now, 1 to 100: less while it starts
 * slowly. */
unsigned servers_share(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now);

/* Drained servers get nothing new.  name is "backend/server"; false: there is
 * none. */
bool servers_drain(struct servers *s, const char *name, int64_t now);
bool servers_enable(struct servers *s, const char *name, int64_t now);

enum servers_state {
	SERVERS_UP,
	SERVERS_STARTING, /* up, with less than its weight */
	SERVERS_DRAINING,
	SERVERS_DOWN
};
struct servers_status {
	const char *name; /* borrowed */
	const char *address;
	enum servers_state state;
	int64_t since;		   /* 0: from the start on */
	int64_t failures;	   /* in a row */
	char why[SERVERS_WHY_MAX]; /* it is, or was last, down */
};
/* False: nobody holds the slot.  For display. */
bool servers_status(const struct servers *s, unsigned slot,
    const struct servers_policy *p, int64_t now, struct servers_status *st_r);
const char *servers_state_name(enum servers_state state);

#endif
