/*
 * What steps expect: see player.h.
 */

#include <stdio.h>
#include <string.h>

#include "logline.h"
#include "player.h"

/* Expectations.  A backend whose clients are cut may be asked for less than
 * the transcript has; then it closes and is out of it. */

static bool
missed(struct player *p, struct peer *peer)
{
	const struct step *st = p->step;
	const char *line;
	size_t len;

	if (player_is_cutting(p)) {
		peer->lost = true;
		peer_close(peer);
		player_settle(p);
		return true;
	}
	player_fail(p, "not what was expected");
	if (st->text != NULL)
		player_show("expected", st->text, st->len);
	else
		printf("\texpected  %s\n",
		    st->kind == STEP_CONNECT	  ? "<connect>"
			: st->kind == STEP_CLOSED ? "<closed>"
						  : "<received>");
	line = peer_line(peer, &len);
	if (len > 0)
		player_show("got", line, len);
	else
		printf(
		    "\tgot       %s\n", peer->ended ? "<closed>" : "<nothing>");
	return false;
}

bool
expect_line(struct player *p)
{
	struct peer *peer = player_peer(p);
	const char *line;
	size_t len, end;

	line = peer_line(peer, &len);
	end = p->step->lf ? 1 : 2;
	if (len < end || memcmp(line + len - end, &"\r\n"[2 - end], end) != 0 ||
	    !script_match(p->step->text != NULL ? p->step->text : "",
		p->step->len, line, len - end))
		return missed(p, peer);
	peer_consume(peer, len);
	return true;
}

bool
expect_octets(struct player *p)
{
	struct peer *peer = player_peer(p);
	size_t have = peer->in_len - peer->in_used, len = p->step->len;

	if (have < len ||
	    memcmp(peer->in + peer->in_used, p->step->text, len) != 0)
		return missed(p, peer);
	peer_consume(peer, len);
	return true;
}

bool
expect_many(struct player *p)
{
	struct peer *peer = player_peer(p);
	const char *line;
	size_t len;

	for (;;) {
		line = peer_line(peer, &len);
		if (len < 2 ||
		    !script_match(p->step->text, p->step->len, line, len - 2))
			return true;
		peer_consume(peer, len);
	}
}

bool
expect_received(struct player *p)
{
	struct peer *peer = player_peer(p);
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

bool
expect_connected(struct player *p)
{
	struct peer *peer = player_peer(p);

	if (!peer->connected || peer->asked)
		return missed(p, peer);
	if (p->step->number != 0 && p->step->number != peer->listener &&
	    !player_is_cutting(p))
		return player_fail(
		    p, "it is connected to server %d", peer->listener);
	peer->asked = true;
	return true;
}

bool
expect_closed(struct player *p)
{
	struct peer *peer = player_peer(p);
	size_t len;

	peer_line(peer, &len);
	if (len > 0 || !peer->ended || !peer->connected)
		return missed(p, peer);
	peer_close(peer);
	player_settle(p);
	return true;
}

bool
expect_nothing(struct player *p)
{
	struct peer *peer = player_peer(p);

	if (peer->ended)
		return player_fail(p, "closed, but nothing was expected");
	return expect_all_read(p, peer, "where nothing was expected");
}

bool
expect_all_read(struct player *p, const struct peer *peer, const char *when)
{
	const char *line;
	size_t len;

	line = peer_line(peer, &len);
	if (len == 0)
		return true;
	player_fail(p, "unexpected from postern %s", when);
	player_show("got", line, len);
	return false;
}

/* The log. */

bool
expect_log(struct player *p)
{
	const char *text = p->step->text, *line;
	char event[20] = "mail", missing[300];
	size_t word = strcspn(text, " =");

	if (gate_records_all())
		return true;
	if (text[word] != '=' && word < sizeof(event)) {
		memcpy(event, text, word);
		event[word] = '\0';
		text += word;
	}
	line = gate_log(event);
	if (strcmp(text, " none") == 0)
		return line == NULL || player_fail(p, "logged: %s", line);
	if (line == NULL)
		return player_fail(p, "nothing was logged");
	if (!logline_check(line, text, missing, sizeof(missing))) {
		player_fail(p, "not in the log: %s", missing);
		printf("\tgot       %s\n", line);
		return false;
	}
	return true;
}

bool
expect_sessions(struct player *p)
{
	if ((int64_t)p->gate.front.sessions == p->step->number)
		return true;
	return player_fail(p, "%u sessions are open", p->gate.front.sessions);
}
