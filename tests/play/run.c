/*
 * Plays a transcript once: see run.h.
 *
 * Between two steps the loop runs until it is idle: a few turns in a row in
 * which nothing came out of postern.  Everything is in one process and on unix
 * sockets, where what is written is readable at once, so a few are enough
 * (an idle turn happens inside postern when a connection was established).
 */

#include "run.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gate.h"
#include "logline.h"
#include "loop.h"
#include "peer.h"
#include "script.h"

#define QUIET_TURNS 4
#define EVERY_OCTET 5000 /* at the ends of what is sent one by one */
#define AFTERWARDS_MS (2 * 3600 * 1000)

struct player {
	const struct script *script;
	const struct play_way *way;
	struct gate gate;
	struct peers *peers;
	const struct step *step;
	uint32_t random;
	size_t sent;	   /* octets by clients */
	bool cut;	   /* the clients are gone */
	unsigned match;	   /* of the end of data */
	unsigned messages; /* ends of data that clients sent */
};

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

static bool __attribute__((format(printf, 2, 3)))
fail(const struct player *p, const char *fmt, ...)
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

static void
put_escaped(const char *label, const char *text, size_t len)
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

static void
settle(struct player *p)
{
	int quiet = 0;

	while (quiet < QUIET_TURNS) {
		loop_turn(p->gate.front.loop, false);
		quiet = peers_poll(p->peers) ? 0 : quiet + 1;
	}
}

static struct peer *
peer_of(struct player *p)
{
	return peers_find(p->peers, p->step->side, p->step->who);
}

static bool
is_cutting(const struct player *p)
{
	return p->way->mode == PLAY_CUT;
}

/* Clients. */

static bool
play_client(struct player *p)
{
	struct peer *peer = peer_of(p);
	char address[120];
	int fd;

	if (p->cut)
		return true;
	if (peer->fd != -1 && !peer->ended)
		return fail(p, "client %d is still there", p->step->who);
	snprintf(address, sizeof(address), "%s%s", p->step->text, ":40000");
	fd = gate_connect(&p->gate, address);
	if (fd == -1)
		return fail(p, "%s is no address", p->step->text);
	peer_connected(peer, fd);
	settle(p);
	return true;
}

static void
cut_clients(struct player *p)
{
	int i;

	p->cut = true;
	for (i = 0; i < CLIENTS_MAX; i++)
		peer_close(&p->peers->clients[i]);
	settle(p);
}

/* How much of len is sent at once. */
static size_t
piece(struct player *p, size_t len)
{
	bool bytes = p->step->side == SIDE_CLIENT
	    ? p->way->mode == PLAY_CLIENT_BYTES
	    : p->way->mode == PLAY_BACKEND_BYTES;
	size_t max;

	if (bytes)
		return len < EVERY_OCTET || p->step->len - len < EVERY_OCTET
		    ? 1
		    : 997;
	if (p->way->mode != PLAY_RANDOM)
		return len;
	p->random = p->random * 1664525u + 1013904223u;
	/* Mostly a few octets; sometimes many, so that big ones end. */
	max = p->random >> 28 == 0 ? 20000 : 24;
	max = 1 + (p->random >> 8) % max;
	return len < max ? len : max;
}

static bool
send_all(struct player *p, struct peer *peer, const char *text, size_t len)
{
	size_t done, n, at = 0;
	int stuck = 0;

	while (at < len) {
		n = piece(p, len - at);
		done = peer_send(peer, text + at, n);
		if (p->step->side == SIDE_CLIENT)
			count_ends(&p->match, &p->messages, text + at, done);
		at += done;
		stuck = done == 0 ? stuck + 1 : 0;
		settle(p);
		if (stuck > 2)
			return fail(p, "postern does not read");
	}
	return true;
}

static bool
nothing_unread(struct player *p, const struct peer *peer, const char *when)
{
	const char *line;
	size_t len;

	line = peer_line(peer, &len);
	if (len == 0)
		return true;
	fail(p, "unexpected from postern %s", when);
	put_escaped("got", line, len);
	return false;
}

static bool
play_send(struct player *p)
{
	const struct step *st = p->step;
	struct peer *peer = peer_of(p);
	size_t len = st->len;

	if (st->side == SIDE_BACKEND && !peer->connected)
		return is_cutting(p) ||
		    fail(p, "there is no connection B%d", st->who);
	if (st->side == SIDE_CLIENT && p->cut)
		return true;
	/* Octets that are sent in pieces get their replies in between. */
	if ((p->way->mode == PLAY_WRITTEN ||
		p->way->mode == PLAY_BACKEND_BYTES) &&
	    !nothing_unread(p, peer, "before this is sent"))
		return false;
	if (st->side == SIDE_CLIENT && is_cutting(p) &&
	    p->way->cut_at - p->sent <= len)
		len = p->way->cut_at - p->sent;
	if (!send_all(p, peer, st->text, len))
		return false;
	if (st->side != SIDE_CLIENT)
		return true;
	p->sent += len;
	if (is_cutting(p) && p->sent == p->way->cut_at)
		cut_clients(p);
	return true;
}

/* Expectations.  A backend whose clients are cut may be asked for less than
 * the transcript has; then it closes and is out of it. */

static bool
missed(struct player *p, struct peer *peer)
{
	const struct step *st = p->step;
	const char *line;
	size_t len;

	if (is_cutting(p)) {
		peer->lost = true;
		peer_close(peer);
		settle(p);
		return true;
	}
	fail(p, "not what was expected");
	if (st->text != NULL)
		put_escaped("expected", st->text, st->len);
	else
		printf("\texpected  %s\n",
		    st->kind == STEP_CONNECT	? "<connect>"
			: st->kind == STEP_CLOSED ? "<closed>"
						  : "<received>");
	line = peer_line(peer, &len);
	if (len > 0)
		put_escaped("got", line, len);
	else
		printf(
		    "\tgot       %s\n", peer->ended ? "<closed>" : "<nothing>");
	return false;
}

static bool
play_expect(struct player *p)
{
	struct peer *peer = peer_of(p);
	const char *line;
	size_t len;

	line = peer_line(peer, &len);
	if (len < 2 || memcmp(line + len - 2, "\r\n", 2) != 0 ||
	    !script_match(p->step->text, p->step->len, line, len - 2))
		return missed(p, peer);
	peer_consume(peer, len);
	return true;
}

static bool
play_received(struct player *p)
{
	struct peer *peer = peer_of(p);
	const char *line;
	size_t len;

	line = peer_line(peer, &len);
	if (len < 10 || memcmp(line, "Received: ", 10) != 0)
		return missed(p, peer);
	do {
		peer_consume(peer, len);
		line = peer_line(peer, &len);
	} while (len > 0 && *line == '\t');
	return true;
}

static bool
play_connected(struct player *p)
{
	struct peer *peer = peer_of(p);

	if (!peer->connected || peer->asked)
		return missed(p, peer);
	peer->asked = true;
	return true;
}

static bool
play_closed(struct player *p)
{
	struct peer *peer = peer_of(p);
	size_t len;

	peer_line(peer, &len);
	if (len > 0 || !peer->ended || !peer->connected)
		return missed(p, peer);
	peer_close(peer);
	settle(p);
	return true;
}

static bool
play_nothing(struct player *p)
{
	struct peer *peer = peer_of(p);

	if (peer->ended)
		return fail(p, "closed, but nothing was expected");
	return nothing_unread(p, peer, "where nothing was expected");
}

/* The log. */

static bool
play_log(struct player *p)
{
	const char *text = p->step->text, *line;
	char event[20] = "mail", missing[300];
	size_t word = strcspn(text, " =");

	if (text[word] != '=' && word < sizeof(event)) {
		memcpy(event, text, word);
		event[word] = '\0';
		text += word;
	}
	line = gate_log(event);
	if (strcmp(text, " none") == 0)
		return line == NULL || fail(p, "logged: %s", line);
	if (line == NULL)
		return fail(p, "nothing was logged");
	if (!logline_check(line, text, missing, sizeof(missing))) {
		fail(p, "not in the log: %s", missing);
		printf("\tgot       %s\n", line);
		return false;
	}
	return true;
}

static bool
play_sessions(struct player *p)
{
	if ((int64_t)p->gate.front.sessions == p->step->number)
		return true;
	return fail(p, "%u sessions are open", p->gate.front.sessions);
}

/* One step. */

static bool
play_step(struct player *p)
{
	struct peer *peer = p->step->side != SIDE_NONE ? peer_of(p) : NULL;

	switch (p->step->kind) {
	case STEP_CONNECT:
		return p->step->side == SIDE_CLIENT ? play_client(p)
						    : play_connected(p);
	case STEP_SEND:
		return play_send(p);
	case STEP_EXPECT:
		return play_expect(p);
	case STEP_RECEIVED:
		return play_received(p);
	case STEP_CLOSED:
		return play_closed(p);
	case STEP_NOTHING:
		return play_nothing(p);
	case STEP_CLOSE:
		peer_close(peer);
		break;
	case STEP_SHUT:
		peer_shut(peer);
		break;
	case STEP_DEAF:
	case STEP_HEAR:
		peer->deaf = p->step->kind == STEP_DEAF;
		break;
	case STEP_WAIT:
		loop_advance(p->gate.front.loop, p->step->number);
		break;
	case STEP_LOG:
		return play_log(p);
	case STEP_SESSIONS:
		return play_sessions(p);
	case STEP_DRAIN:
		gate_drain(&p->gate);
		break;
	}
	settle(p);
	return true;
}

/* What a play that is cut leaves out. */
static bool
is_left_out(struct player *p)
{
	const struct step *st = p->step;

	if (!is_cutting(p))
		return false;
	if (st->side == SIDE_BACKEND && peer_of(p)->lost)
		return true;
	switch (st->kind) {
	case STEP_EXPECT:
	case STEP_RECEIVED:
		return st->side == SIDE_CLIENT;
	case STEP_CLOSED:
	case STEP_NOTHING:
	case STEP_LOG:
	case STEP_SESSIONS:
		return true;
	case STEP_CONNECT:
	case STEP_SEND:
	case STEP_CLOSE:
	case STEP_SHUT:
	case STEP_DEAF:
	case STEP_HEAR:
	case STEP_WAIT:
	case STEP_DRAIN:
		break;
	}
	return false;
}

/* The end. */

static bool
all_read(struct player *p)
{
	int i;

	if (is_cutting(p))
		return true;
	for (i = 0; i < CLIENTS_MAX; i++)
		if (!nothing_unread(p, &p->peers->clients[i], "at the end"))
			return false;
	for (i = 0; i < p->peers->backend_count; i++) {
		if (!p->peers->backends[i].asked)
			return fail(p, "B%d was connected to", i + 1);
		if (!nothing_unread(p, &p->peers->backends[i], "at the end"))
			return false;
	}
	return true;
}

/* A message that no client has sent to its end must not be complete at a
 * backend, and none must get there twice. */
static bool
no_message_too_much(struct player *p)
{
	unsigned came = 0;
	int i;

	for (i = 0; i < p->peers->backend_count; i++)
		came += p->peers->backends[i].messages;
	if (came <= p->messages)
		return true;
	return fail(p, "the backends got %u messages, clients sent %u", came,
	    p->messages);
}

/* Two hours later everything has come to its end, though no backend closed. */
static bool
finish(struct player *p)
{
	const char *left;
	int i;

	p->step = NULL;
	if (!all_read(p))
		return false;
	cut_clients(p);
	loop_advance(p->gate.front.loop, AFTERWARDS_MS);
	settle(p);
	if ((left = gate_leftover(&p->gate)) != NULL)
		return fail(p, "%s", left);
	for (i = 0; i < p->peers->backend_count; i++)
		peer_close(&p->peers->backends[i]);
	settle(p);
	if (!no_message_too_much(p))
		return false;
	if ((left = gate_close(&p->gate)) != NULL)
		return fail(p, "after closing, %s", left);
	peers_reset(p->peers);
	return true;
}

bool
play(const struct script *s, const struct config *c, struct peers *peers,
    const struct play_way *way)
{
	struct player p = {
		.script = s, .way = way, .peers = peers, .random = way->seed
	};
	size_t i;

	gate_open(&p.gate, c);
	for (i = 0; i < s->count; i++) {
		p.step = &s->steps[i];
		if (!is_left_out(&p) && !play_step(&p))
			return false;
	}
	return finish(&p);
}
