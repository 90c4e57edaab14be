/*
 * Plays a transcript once: see run.h.
 *
 * Between two steps the loop runs until it is idle: a few turns in a row in
 * which nothing came out of postern.  Everything is in one process and on unix
 * sockets, where what is written is readable at once, so a few are enough
 * (an idle turn happens inside postern when a connection was established).
 */

#include "run.h"

#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "loop.h"
#include "player.h"

#define EVERY_OCTET 5000 /* at the ends of what is sent one by one */
#define AFTERWARDS_MS (2 * 3600 * 1000)

/* Clients. */

static bool
play_client(struct player *p)
{
	struct peer *peer = player_peer(p);
	char address[120];
	int fd;

	if (p->cut)
		return true;
	if (peer->fd != -1 && !peer->ended)
		return player_fail(p, "client %d is still there", p->step->who);
	snprintf(address, sizeof(address), "%s%s", p->step->text, ":40000");
	fd = gate_connect(&p->gate, address);
	if (fd == -1)
		return player_fail(p, "%s is no address", p->step->text);
	peer_connected(peer, fd);
	player_settle(p);
	return true;
}

static void
cut_clients(struct player *p)
{
	int i;

	p->cut = true;
	for (i = 0; i < CLIENTS_MAX; i++)
		peer_close(&p->peers->clients[i]);
	player_settle(p);
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
			count_ends(&p->ends, text + at, done);
		at += done;
		stuck = done == 0 ? stuck + 1 : 0;
		player_settle(p);
		if (stuck > 2)
			return player_fail(p, "postern does not read");
	}
	return true;
}

static bool
play_send(struct player *p)
{
	const struct step *st = p->step;
	struct peer *peer = player_peer(p);
	size_t len = st->len;

	if (st->side == SIDE_BACKEND && !peer->connected)
		return player_is_cutting(p) ||
		    player_fail(p, "there is no connection B%d", st->who);
	if (st->side == SIDE_CLIENT && p->cut)
		return true;
	/* Octets that are sent in pieces get their replies in between. */
	if ((p->way->mode == PLAY_WRITTEN ||
		p->way->mode == PLAY_BACKEND_BYTES) &&
	    !expect_all_read(p, peer, "before this is sent"))
		return false;
	if (st->side == SIDE_CLIENT && player_is_cutting(p) &&
	    p->way->cut_at - p->sent <= len)
		len = p->way->cut_at - p->sent;
	if (!send_all(p, peer, st->text, len))
		return false;
	if (st->side != SIDE_CLIENT)
		return true;
	p->sent += len;
	if (player_is_cutting(p) && p->sent == p->way->cut_at)
		cut_clients(p);
	return true;
}

static bool
play_dns(struct player *p)
{
	struct fake_dns *dns = p->peers->dns;
	const char *text = p->step->text;

	if (strcmp(text, "forget") == 0)
		fake_dns_forget(dns);
	else if (strcmp(text, "stop") == 0)
		fake_dns_stop(dns);
	else if (strcmp(text, "start") == 0)
		fake_dns_start(dns);
	else if (!fake_dns_add(dns, text))
		return player_fail(p, "not understood: dns %s", text);
	return true;
}

/* One step. */

static bool
play_step(struct player *p)
{
	struct peer *peer = p->step->side != SIDE_NONE ? player_peer(p) : NULL;

	switch (p->step->kind) {
	case STEP_CONNECT:
		return p->step->side == SIDE_CLIENT ? play_client(p)
						    : expect_connected(p);
	case STEP_SEND:
		return play_send(p);
	case STEP_EXPECT:
		return expect_line(p);
	case STEP_MANY:
		return expect_many(p);
	case STEP_OCTETS:
		return expect_octets(p);
	case STEP_RECEIVED:
		return expect_received(p);
	case STEP_CLOSED:
		return expect_closed(p);
	case STEP_NOTHING:
		return expect_nothing(p);
	case STEP_CLOSE:
		peer_close(peer);
		break;
	case STEP_SHUT:
		peer_shut(peer);
		break;
	case STEP_SECURE:
		/* A client that has left begins nothing. */
		if (!p->cut || p->step->side != SIDE_CLIENT)
			peer_secure(p->peers, peer);
		break;
	case STEP_DEAF:
	case STEP_HEAR:
		peer->deaf = p->step->kind == STEP_DEAF;
		break;
	case STEP_WAIT:
		loop_advance(p->gate.front.loop, p->step->number);
		break;
	case STEP_LOG:
		return expect_log(p);
	case STEP_SESSIONS:
		return expect_sessions(p);
	case STEP_REFUSED:
		p->refused += (unsigned)p->step->number;
		break;
	case STEP_RETIRE:
		gate_drain(&p->gate, true);
		break;
	case STEP_DRAIN:
	case STEP_ENABLE:
		if (*p->step->text == '\0')
			gate_drain(&p->gate, false);
		else if (!gate_server(&p->gate, p->step->text,
			     p->step->kind == STEP_DRAIN))
			return player_fail(
			    p, "there is no server %s", p->step->text);
		break;
	case STEP_DNS:
		return play_dns(p);
	case STEP_OFFERS:
		if (!gate_offers(&p->gate, p->step->text))
			return player_fail(p, "offers BACKEND/SERVER ...");
		break;
	}
	player_settle(p);
	return true;
}

/* What a play that is cut leaves out. */
static bool
is_left_out(struct player *p)
{
	const struct step *st = p->step;

	if (!player_is_cutting(p))
		return false;
	if (st->side == SIDE_BACKEND && player_peer(p)->lost)
		return true;
	switch (st->kind) {
	case STEP_EXPECT:
	case STEP_MANY:
	case STEP_OCTETS:
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
	case STEP_SECURE:
	case STEP_DEAF:
	case STEP_HEAR:
	case STEP_WAIT:
	case STEP_REFUSED:
	case STEP_RETIRE:
	case STEP_DRAIN:
	case STEP_DNS:
	case STEP_ENABLE:
	case STEP_OFFERS:
		break;
	}
	return false;
}

/* The end. */

static bool
all_read(struct player *p)
{
	int i;

	if (player_is_cutting(p))
		return true;
	for (i = 0; i < CLIENTS_MAX; i++)
		if (!expect_all_read(p, &p->peers->clients[i], "at the end"))
			return false;
	for (i = 0; i < p->peers->backend_count; i++) {
		if (!p->peers->backends[i].asked)
			return player_fail(p, "B%d was connected to", i + 1);
		if (!expect_all_read(p, &p->peers->backends[i], "at the end"))
			return false;
	}
	return true;
}

/* A message that no client has sent to its end must not be complete at a
 * backend, and none must get to one twice. */
static bool
no_message_too_much(struct player *p)
{
	size_t known = p->gate.config->backend_count;
	unsigned came = 0;
	int i;

	for (i = 0; i < p->peers->backend_count; i++)
		came += p->peers->backends[i].ends.count;
	if (came <= (p->ends.count + p->refused) * known)
		return true;
	return player_fail(p, "%zu backends got %u messages, clients sent %u",
	    known, came, p->ends.count);
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
	player_settle(p);
	if ((left = gate_leftover(&p->gate)) != NULL)
		return player_fail(p, "%s", left);
	for (i = 0; i < p->peers->backend_count; i++)
		peer_close(&p->peers->backends[i]);
	player_settle(p);
	if (!no_message_too_much(p))
		return false;
	if ((left = gate_close(&p->gate)) != NULL)
		return player_fail(p, "after closing, %s", left);
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
