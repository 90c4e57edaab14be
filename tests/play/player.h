#ifndef POSTERN_PLAY_PLAYER_H
#define POSTERN_PLAY_PLAYER_H

/*
 * One play of a transcript: what run.c, which takes the steps, and expect.c,
 * which compares, have in common.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate.h"
#include "peer.h"
#include "run.h"
#include "script.h"

struct player {
	const struct script *script;
	const struct play_way *way;
	struct gate gate;
	struct peers *peers;
	const struct step *step;
	uint32_t random;
	size_t sent;	  /* octets by clients */
	bool cut;	  /* the clients are gone */
	struct ends ends; /* of messages that clients sent */
	unsigned refused; /* came to a backend, which did not want them */
};

/* player.c */
/* Says where and why on stdout; returns false. */
bool player_fail(const struct player *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Octets of a peer, escaped, in a line of its own. */
void player_show(const char *label, const char *text, size_t len);
/* Runs the loop until it is idle. */
void player_settle(struct player *p);
/* The peer of this step. */
struct peer *player_peer(struct player *p);
bool player_is_cutting(const struct player *p);

/* expect.c: what a step expects; false after having said that it is not so. */
bool expect_line(struct player *p);
bool expect_many(struct player *p);
bool expect_octets(struct player *p);
bool expect_received(struct player *p);
bool expect_connected(struct player *p);
bool expect_closed(struct player *p);
bool expect_nothing(struct player *p);
bool expect_log(struct player *p);
bool expect_sessions(struct player *p);
bool expect_all_read(
    struct player *p, const struct peer *peer, const char *when);

#endif
