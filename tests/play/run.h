#ifndef POSTERN_PLAY_RUN_H
#define POSTERN_PLAY_RUN_H

/*
 * Plays a transcript once, in one of several ways, and looks at what is left.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct peers;
struct script;

enum play_mode {
	PLAY_WRITTEN, /* every write as the transcript has it */
	PLAY_CLIENT_BYTES,
	PLAY_BACKEND_BYTES,
	PLAY_RANDOM, /* clients and backends, at random places */
	PLAY_CUT     /* clients go after so many octets, whatever comes */
};

struct play_way {
	enum play_mode mode;
	uint32_t seed;
	size_t cut_at;
};

/* False after having said on stdout what went wrong; the gateway is then left
 * as it is and no other play is possible. */
bool play(const struct script *s, const struct config *c, struct peers *peers,
    const struct play_way *way);

/* The way as text, in static storage. */
const char *play_name(const struct play_way *way);

#endif
