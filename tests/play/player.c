/*
 * What all steps of a play need: see player.h.
 */

#include "player.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "loop.h"

#define QUIET_TURNS 4

const char *
play_name(const struct play_way *way)
{
	static char name[80];

	switch (way->mode) {
	case PLAY_WRITTEN:
		return "as written";
	case PLAY_CLIENT_BYTES:
		return "clients byte by byte";
	case PLAY_BACKEND_BYTES:
		return "backends byte by byte";
	case PLAY_RANDOM:
		snprintf(name, sizeof(name), "split at random, seed %u",
		    (unsigned)way->seed);
		break;
	case PLAY_CUT:
		snprintf(name, sizeof(name), "clients cut after %zu octets",
		    way->cut_at);
		break;
	}
	return name;
}

bool
player_fail(const struct player *p, const char *fmt, ...)
{
	va_list ap;

	if (p->step != NULL)
		printf("%s:%d: ", p->step->file, p->step->line);
	else
		printf("%s: ", p->script->file);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (p->step != NULL && strcmp(p->step->file, p->script->file) != 0)
		printf(", included by %s", p->script->file);
	printf(" (%s)\n", play_name(p->way));
	return false;
}

void
player_show(const char *label, const char *text, size_t len)
{
	size_t i;

	printf("\t%-9s ", label);
	for (i = 0; i < len && i < 700; i++) {
		if (text[i] == '\r')
			printf("\\r");
		else if (text[i] == '\n')
			printf("\\n");
		else if (isprint((unsigned char)text[i]))
			putchar(text[i]);
		else
			printf("\\x%02x", (unsigned char)text[i]);
	}
	putchar('\n');
}

void
player_settle(struct player *p)
{
	int quiet = 0;

	while (quiet < QUIET_TURNS) {
		loop_turn(p->gate.front.loop, false);
		quiet =
		    peers_poll(p->peers) || gate_work(&p->gate) ? 0 : quiet + 1;
	}
}

struct peer *
player_peer(struct player *p)
{
	return peers_find(p->peers, p->step->side, p->step->who);
}

bool
player_is_cutting(const struct player *p)
{
	return p->way->mode == PLAY_CUT;
}
