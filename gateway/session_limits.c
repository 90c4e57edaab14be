/*
 * What a client may use of us: connections, messages, commands, time.  It is
 * counted by the address that the connection has behind the PROXY header or
 * XCLIENT; proxies and their health checks are not counted.
 */

#include <stdio.h>

#include "auth.h"
#include "conn.h"
#include "loop.h"
#include "rates.h"
#include "session_priv.h"
#include "stats.h"

#define CONFIRM_MS 10000  /* a message is kept for so long behind its 250 */
#define SHED_IDLE_MS 1000 /* who said something since then is not idle */
#define SHED_TX_MS 5000	  /* nor, in a transaction or in AUTH, since then */

/* Besides the clients of the option: a proxy as long as it speaks for nobody;
 * its address says nothing about who uses us. */
static bool
is_unlimited(const struct session *s)
{
	const struct listener_conf *lc = s->listener;
	const struct client *c = &s->client;

	return c->is_probe || net_list_has(&lc->unlimited, &c->addr) ||
	    (s->may_xclient && !s->spoke_for) ||
	    (!c->proxied && net_list_has(&lc->proxy_from, &c->peer));
}

/* Of all connections.  Health checks must tell that we live. */
static bool
is_crowded(const struct session *s)
{
	const struct limits_conf *limits = s->front->limits;
	int64_t max =
	    limits->connections - (s->unlimited ? 0 : limits->reserve);

	return !s->client.is_probe && stats_all_sessions(s->front->stats) > max;
}

/* Limits of its own on clients are for what they do on this listener. */
static uint64_t
network_key(const struct session *s)
{
	const struct rates *r = s->front->rates;
	uint64_t key = rates_key(r, &s->client.addr);

	return key != 0 && s->listener->counts_apart
	    ? rates_key_apart(r, key, s->listener->name)
	    : key;
}

static enum reply_id
enter_network(struct session *s)
{
	const struct limits_conf *limits = &s->listener->limits;
	const struct opt_rate *rate = &limits->rate;
	struct front *f = s->front;
	int64_t now = loop_now(f->loop);

	s->network = rates_enter(f->rates, f->rates_column, s->network_key,
	    limits->per_client > 0 ? limits->per_client : INT64_MAX, now);
	if (s->network == RATES_FULL)
		return REPLY_CLIENT_CONNECTIONS;
	if (s->network >= 0 && rate->count > 0 &&
	    !rates_count(f->rates, s->network, RATES_CONNECTIONS, rate->count,
		rate->period, now))
		return REPLY_CLIENT_RATE;
	return REPLY_NONE;
}

static enum reply_id
enter_listener(struct session *s)
{
	const struct listener_conf *lc = s->listener;
	struct front *f = s->front;

	if (lc->limits.connections == 0 || s->listener_slot >= 0)
		return REPLY_NONE;
	s->listener_slot = rates_enter(f->rates, f->rates_column,
	    rates_key_name(f->rates, lc->name), lc->limits.connections,
	    loop_now(f->loop));
	return s->listener_slot == RATES_FULL ? REPLY_TOO_MANY_CONNECTIONS
					      : REPLY_NONE;
}

enum reply_id
session_admit(struct session *s)
{
	struct front *f = s->front;
	bool first = !s->admitted;
	enum reply_id no;
	uint64_t key;

	s->unlimited = is_unlimited(s);
	s->admitted = true;
	if (first && is_crowded(s))
		return REPLY_TOO_MANY_CONNECTIONS;
	if (first && session_relieve(f) >= ACCOUNT_CROWDED && !s->unlimited)
		return REPLY_NO_MEMORY;
	key = s->unlimited ? 0 : network_key(s);
	if (!first && key == s->network_key)
		return REPLY_NONE;
	rates_leave(f->rates, f->rates_column, s->network);
	s->network = RATES_UNKNOWN;
	s->network_key = key;
	if (s->unlimited)
		return REPLY_NONE;
	no = enter_network(s);
	return no != REPLY_NONE ? no : enter_listener(s);
}

void
session_release(struct session *s)
{
	struct front *f = s->front;

	rates_leave(f->rates, f->rates_column, s->network);
	rates_leave(f->rates, f->rates_column, s->listener_slot);
	rates_leave(f->rates, f->rates_column, s->login_slot);
	s->network = s->listener_slot = s->login_slot = RATES_UNKNOWN;
}

void
session_limit(struct session *s, enum reply_id id, const char *why)
{
	const struct own_reply *r = reply_own(id);

	s->limited = true;
	if (s->state == SESSION_HEADER) /* TLS was to come first */
		txlog_note_reply(s, r->code, r->enhanced, r->text);
	else
		session_reply(s, id);
	session_close(s, why);
}

/* Its messages count for its login from now on: many users may come from one
 * network, and one user from many. */
void
session_count_login(struct session *s)
{
	char name[AUTH_LOGIN_MAX + 10];
	struct front *f = s->front;
	uint64_t key;

	rates_leave(f->rates, f->rates_column, s->login_slot);
	s->login_slot = RATES_UNKNOWN;
	/* No listener has a blank in its name and is taken for it. */
	snprintf(name, sizeof(name), " login %s", s->client.login);
	if (s->unlimited)
		return;
	key = rates_key_name(f->rates, name);
	if (s->listener->counts_apart)
		key = rates_key_apart(f->rates, key, s->listener->name);
	s->login_slot = rates_enter(
	    f->rates, f->rates_column, key, INT64_MAX, loop_now(f->loop));
}

enum reply_id
session_may_send(struct session *s)
{
	const struct opt_rate *rate = &s->listener->limits.message_rate;

	int slot = s->authenticated ? s->login_slot : s->network;

	if (session_relieve(s->front) == ACCOUNT_FULL && !s->unlimited &&
	    s->client.login == NULL) {
		s->limited = true;
		return REPLY_NO_MEMORY_NOW;
	}
	if (rate->count == 0 || slot < 0 ||
	    rates_count(s->front->rates, slot, RATES_MESSAGES, rate->count,
		rate->period, loop_now(s->front->loop)))
		return REPLY_NONE;
	s->limited = true;
	return REPLY_MESSAGE_RATE;
}

bool
session_idle_talk(struct session *s)
{
	if (s->unlimited || ++s->noops <= s->listener->limits.noops)
		return true;
	session_limit(s, REPLY_TOO_MUCH_TALK, "too-many-noops");
	return false;
}

bool
session_outlived(const struct session *s)
{
	return !s->tx.envelope.has_sender &&
	    loop_now(s->front->loop) >=
	    s->began + s->listener->limits.session_timeout;
}

void
session_heard(struct session *s)
{
	s->heard = loop_now(s->front->loop);
	TAILQ_REMOVE(&s->front->open, s, entry);
	TAILQ_INSERT_TAIL(&s->front->open, s, entry);
}

/*
 * Deadlines are absolute: a command has its time from the end of the one
 * before, whatever trickles in; a message has a little more time for each
 * octet that came.
 */
void
session_set_deadline(struct session *s)
{
	const struct limits_conf *limits = &s->listener->limits;
	int64_t now = loop_now(s->front->loop), at, end;

	s->moved = false;
	if (s->state == SESSION_DATA || s->state == SESSION_CHUNK) {
		at = now + limits->data_timeout;
		end = s->data_began + limits->data_timeout +
		    s->data_received * 1000 / limits->data_rate;
		conn_deadline(s->conn, at < end ? at : end);
	} else if (s->state == SESSION_COMMAND || s->state == SESSION_AUTH) {
		at = now + limits->command_timeout;
		end = s->began + limits->session_timeout;
		if (at > end && (s->confirming || !s->tx.envelope.has_sender))
			at = end;
		s->command_by = at;
		if (s->confirming && at > now + CONFIRM_MS)
			at = now + CONFIRM_MS;
		conn_deadline(s->conn, at);
	}
}

/* Who has not even come to the end of a handshake is idle as well, and can not
 * be told. */
static bool
has_no_words(const struct session *s)
{
	return s->state == SESSION_TLS ||
	    (s->state == SESSION_HEADER && s->header_unwanted);
}

/* In AUTH only the client is waited for: a filter at work is WAIT_CHAIN. */
static bool
is_idle(const struct session *s, int64_t now)
{
	bool amid = s->tx.envelope.has_sender || s->state == SESSION_AUTH;
	int64_t latest = now - (amid ? SHED_TX_MS : SHED_IDLE_MS);
	size_t left;

	if (s->unlimited || s->client.login != NULL || s->confirming ||
	    s->wait != WAIT_NOTHING || s->heard > latest)
		return false;
	if (s->state != SESSION_COMMAND && s->state != SESSION_AUTH)
		return has_no_words(s);
	conn_input(s->conn, &left);
	return left == 0 && conn_unsent(s->conn) == 0;
}

/* The list begins with who was silent longest, so the first that is not busy
 * is the one. */
bool
session_shed(struct front *f)
{
	int64_t now = loop_now(f->loop);
	struct session *s;

	TAILQ_FOREACH (s, &f->open, entry) {
		if (s->heard > now - SHED_IDLE_MS)
			return false;
		if (!is_idle(s, now))
			continue;
		if (!has_no_words(s))
			session_reply(s, REPLY_NO_DESCRIPTORS);
		/* The listener says how many; each would fill the log. */
		s->last_reply = NULL;
		session_close(s, "shed");
		stats_count(f->stats, f->worker, STATS_SHED);
		return true;
	}
	return false;
}
