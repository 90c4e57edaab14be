/*
 * The life of a session: see session.h.  Functions stand in the order in which
 * they happen.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth.h"
#include "chain.h"
#include "compat.h"
#include "conn.h"
#include "log.h"
#include "loop.h"
#include "session_priv.h"
#include "stats.h"

#define SESSION_MAGIC 0x73657373u

static void on_input(void *ctx);
static void on_drained(void *ctx);
static void on_end(void *ctx, enum conn_end why, int error);
static void on_judged(void *ctx, const struct judgement *j);
static void reap(struct task *t);

static const struct conn_ops ops = { .on_input = on_input,
	.on_drained = on_drained,
	.on_secured = session_secured,
	.on_end = on_end };

/* 13 characters that sort by time: 40 bits of milliseconds, 9 of the process,
 * 15 of a counter, in base 32. */
static void
make_id(struct front *f, char *id)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint64_t ms = (uint64_t)loop_wall_ms(f->loop);
	uint64_t v = (ms & 0xffffffffffu) << 24 |
	    (uint64_t)(f->id_salt & 0x1ff) << 15 | (f->id_counter++ & 0x7fff);
	int i;

	for (i = 12; i >= 0; i--) {
		id[i] = digits[v & 31];
		v >>= 5;
	}
	id[13] = '\0';
}

const char *
session_hostname(const struct session *s)
{
	return s->listener->hostname != NULL ? s->listener->hostname
					     : s->front->hostname;
}

struct session *
session_new(struct front *f, const struct listener_conf *lc,
    struct chain *chain, int fd, const struct net_addr *peer,
    const struct net_addr *local)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->magic = SESSION_MAGIC;
	s->front = f;
	s->listener = lc;
	s->began = loop_now(f->loop);
	s->client.peer = *peer;
	s->client.addr = *peer;
	s->client.local = *local;
	net_ip(peer, s->client.ip, sizeof(s->client.ip));
	make_id(f, s->id);
	s->client.session = s->id;
	arena_init(&s->arena, 256);
	s->chain = chain;
	session_new_run(s);
	s->conn = conn_new(f->loop, fd, &ops, s);
	s->network = s->listener_slot = s->login_slot = -1;
	s->heard = s->began;
	session_forget_offer(s);
	TAILQ_INSERT_TAIL(&f->open, s, entry);
	f->sessions++;
	stats_sessions(f->stats, f->worker, 1);
	session_account(s);
	if (net_list_has(&lc->proxy_from, peer)) {
		s->state = SESSION_HEADER;
		conn_set_raw(s->conn, true);
		conn_deadline(s->conn, s->began + lc->limits.proxy_timeout);
	} else
		session_begin(s);
	return s;
}

void
session_new_run(struct session *s)
{
	chain_run_free(&s->run);
	s->last_reply = s->forwarded = NULL; /* they live in tx */
	tx_free(&s->tx);
	tx_init(&s->tx, &s->arena);
	s->run = chain_run_new(s->chain, &s->tx, &s->client, on_judged, s);
}

void
session_begin(struct session *s)
{
	const struct listener_conf *lc = s->listener;

	session_show(s, '*', "connected to listener %s", lc->name);
	s->may_xclient = net_list_has(&lc->xclient_from, &s->client.addr);
	s->may_xforward = net_list_has(&lc->xforward_from, &s->client.addr);
	if (net_list_has(&lc->probe_from, &s->client.addr))
		s->client.is_probe = true;
	s->refusal = session_admit(s);
	if (s->listener->tls == NULL)
		session_greet(s);
	else if (s->refusal == REPLY_NONE)
		session_expect_tls(s);
	else /* not worth a handshake, and in clear it could not be read */
		session_limit(s, s->refusal, "refused");
}

/* Filters. */

static void
judged(struct session *s, const struct judgement *j)
{
	switch (s->state) {
	case SESSION_GREETING:
		session_greeting_judged(s, j);
		break;
	case SESSION_COMMAND:
		verb_judged(s, j);
		break;
	case SESSION_JUDGING:
		intake_judged(s, j);
		break;
	case SESSION_HEADER:
	case SESSION_TLS:
	case SESSION_AUTH:
	case SESSION_DATA:
	case SESSION_CHUNK:
	case SESSION_CLOSED:
		abort(); /* no filters run in these states */
	}
}

void
session_judge(struct session *s, enum phase phase, const struct address *rcpt)
{
	const struct judgement *j = chain_run_phase(s->run, phase, rcpt);

	if (j != NULL)
		judged(s, j);
	else if (s->state != SESSION_AUTH) /* there the client is to talk */
		s->wait = WAIT_CHAIN;
}

static void
on_judged(void *ctx, const struct judgement *j)
{
	struct session *s = ctx;

	assert(s->magic == SESSION_MAGIC && s->wait == WAIT_CHAIN);
	s->wait = WAIT_NOTHING;
	s->moved = true;
	judged(s, j);
	session_advance(s);
}

/* Commands. */

/* AUTH has secrets in it, and may be longer (RFC 4954 section 4). */
static bool
is_auth(const char *line, size_t len)
{
	return len > 5 && strncasecmp(line, "AUTH", 4) == 0 &&
	    (line[4] == ' ' || line[4] == '\t');
}

static size_t
line_max(const char *line, size_t len)
{
	return is_auth(line, len) ? AUTH_LINE_MAX : COMMAND_LINE_MAX;
}

/* It has to go: between transactions; not before the first one if others have
 * only taken over, for it has come to us and not to them. */
static bool
goes(const struct session *s, const char *line, size_t len)
{
	const struct front *f = s->front;

	if (s->tx.envelope.has_sender ||
	    !(f->draining || (f->retired && s->tx_count > 0)))
		return false;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	return smtp_parse_command(line, len).verb != SMTP_QUIT;
}

static void
run_line(struct session *s, const char *line, size_t len)
{
	session_confirmed(s);
	if (s->skip_line) {
		s->skip_line = false;
		return;
	}
	session_show_command(s, line, len);
	if (goes(s, line, len)) {
		session_reply(s, REPLY_SHUTDOWN);
		session_close(s, "shutdown");
		return;
	}
	if (session_outlived(s)) {
		session_limit(s, REPLY_SESSION_TOO_LONG, "session-timeout");
		return;
	}
	if (len == 0 || line[len - 1] != '\r') {
		session_reply(s, REPLY_LINE_BARE_LF);
		if (smtp_parse_command(line, len).verb == SMTP_BDAT)
			session_close(s, "out-of-step");
	} else if (len - 1 > line_max(line, len))
		session_reply(s, REPLY_LINE_TOO_LONG);
	else
		verb_run(s, line, len - 1);
}

/* A line, or the beginning of one.  What follows BDAT is not to be read as
 * commands, however long it is. */
static void
too_long(struct session *s, const char *line, size_t len)
{
	if (s->skip_line)
		return;
	session_reply(s, REPLY_LINE_TOO_LONG);
	if (smtp_parse_command(line, len).verb == SMTP_BDAT)
		session_close(s, "out-of-step");
}

/* Takes one command.  False: there is none yet. */
static bool
next_command(struct session *s)
{
	size_t len, used, have;
	const char *line;
	char copy[AUTH_LINE_MAX + 2];

	if (!s->spoke && session_foreign_header(s))
		return false;
	if (!conn_line(s->conn, &line, &len, &used)) {
		line = conn_input(s->conn, &have);
		if (have > line_max(line, have) + 1) { /* its CR */
			too_long(s, line, have);
			s->skip_line = true;
			if (s->conn != NULL)
				conn_consume(s->conn, have);
		}
		return false;
	}
	if (len > line_max(line, len) + 1) {
		too_long(s, line, len);
		s->skip_line = false;
		if (s->conn != NULL)
			conn_consume(s->conn, used);
		return true;
	}
	/* A copy, because the input moves while the command is at work. */
	memcpy(copy, line, len);
	if (is_auth(line, len)) {
		conn_consume_secret(s->conn, used);
		run_line(s, copy, len);
		compat_wipe(copy, len);
	} else {
		conn_consume(s->conn, used);
		run_line(s, copy, len);
	}
	return true;
}

static void
too_many_errors(struct session *s)
{
	session_reply(s, REPLY_TOO_MANY_ERRORS);
	session_close(s, "too-many-errors");
}

/*
 * The only loop.  Whatever completes ends by calling it; a call from inside
 * itself changes nothing, because the loop goes on anyway.
 */
void
session_advance(struct session *s)
{
	const struct limits_conf *limits = &s->listener->limits;
	bool more = true;

	if (s->advancing)
		return;
	s->advancing = true;
	while (more && s->wait == WAIT_NOTHING) {
		if (s->errors >= limits->errors && s->state == SESSION_COMMAND)
			too_many_errors(s);
		if (s->state == SESSION_COMMAND)
			more = next_command(s);
		else if (s->state == SESSION_AUTH)
			more = session_auth_line(s);
		else if (s->state == SESSION_DATA)
			more = intake_more(s);
		else if (s->state == SESSION_CHUNK)
			more = chunk_more(s);
		else
			more = false;
		s->moved = s->moved || more;
	}
	s->advancing = false;
	session_account(s);
	if (s->conn == NULL)
		return;
	conn_flush(s->conn);
	if (s->wait != WAIT_NOTHING)
		return;
	if (conn_at_eof(s->conn))
		session_close(s, "client-gone");
	else if (s->moved) {
		session_heard(s);
		session_set_deadline(s);
	}
}

/* What the connection tells. */

static void
on_input(void *ctx)
{
	struct session *s = ctx;

	assert(s->magic == SESSION_MAGIC);
	if (s->state == SESSION_HEADER)
		session_read_header(s);
	else if (s->greeting_waits)
		session_early_input(s);
	else
		session_advance(s);
}

static void
on_drained(void *ctx)
{
	(void)ctx; /* replies are buffered by the connection */
}

/* The client closed its side.  What it sent before is still carried out; with
 * nothing left to do, or an answer pending and no further command, it is
 * gone. */
static void
client_left(struct session *s)
{
	const char *line;
	size_t len, used;

	if (s->state == SESSION_HEADER)
		session_header_failed(s, "connection closed");
	else if (s->wait == WAIT_NOTHING)
		session_advance(s);
	else if (!conn_line(s->conn, &line, &len, &used))
		session_close(s, "client-gone");
}

static void
timed_out(struct session *s)
{
	if (s->state == SESSION_HEADER && !s->header_unwanted)
		session_header_failed(s, "no header in time");
	else if (s->state == SESSION_HEADER || s->state == SESSION_TLS)
		session_tls_failed(s, "no handshake in time");
	else if (s->greeting_waits)
		session_say_greeting(s);
	else if (s->confirming && s->command_by > loop_now(s->front->loop)) {
		session_unconfirmed(s);
		conn_deadline(s->conn, s->command_by);
	} else if (s->wait != WAIT_NOTHING)
		intake_timeout(s);
	else if (s->state == SESSION_COMMAND && session_outlived(s))
		session_limit(s, REPLY_SESSION_TOO_LONG, "session-timeout");
	else {
		session_reply(s, REPLY_TIMEOUT);
		session_close(s, "timeout");
	}
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	struct session *s = ctx;

	(void)error;
	assert(s->magic == SESSION_MAGIC);
	switch (why) {
	case CONN_EOF:
		client_left(s);
		break;
	case CONN_ERROR:
		if (s->state == SESSION_TLS)
			session_tls_failed(s, conn_tls_error(s->conn));
		else
			session_close(s, "client-lost");
		break;
	case CONN_DEADLINE:
		timed_out(s);
		break;
	}
}

/* The end. */

/* A delivery whose commit byte was sent goes on without the client. */
static bool
may_go(struct session *s)
{
	if (s->dispatch != NULL)
		return dispatch_abandon(&s->dispatch);
	if (s->delivery == NULL)
		return true;
	return relay_abandon(&s->delivery);
}

void
session_gone(struct session *s)
{
	if (s->tx.envelope.has_sender)
		session_end_tx(s, "aborted");
	if (s->client.is_probe)
		stats_count(s->front->stats, s->front->worker, STATS_PROBES);
	chain_run_phase(s->run, PHASE_CLOSE, NULL);
	txlog_session(s);
	s->task.run = reap;
	loop_reap(s->front->loop, &s->task);
}

/* Both sides know that it is over, or must not keep the descriptor. */
static bool
ends_both(const char *why)
{
	return strcmp(why, "quit") == 0 || strcmp(why, "shed") == 0;
}

void
session_close(struct session *s, const char *why)
{
	bool gone =
	    strcmp(why, "client-gone") == 0 || strcmp(why, "client-lost") == 0;

	if (s->state == SESSION_CLOSED)
		return;
	s->end_reason = why;
	session_show(s, '*', "closed: %s", why);
	session_unconfirmed(s);
	s->state = SESSION_CLOSED;
	if (s->wait == WAIT_CHAIN) {
		chain_run_cancel(s->run);
		s->wait = WAIT_NOTHING;
	}
	session_auth_end(s);
	if (!gone)
		conn_flush(s->conn);
	if (gone || (ends_both(why) && conn_unsent(s->conn) == 0))
		conn_close(&s->conn);
	else
		conn_linger(&s->conn);
	if (!may_go(s))
		return; /* the relay's outcome ends it */
	s->wait = WAIT_NOTHING;
	session_gone(s);
}

static void
reap(struct task *t)
{
	struct session *s = container_of(t, struct session, task);

	assert(s->magic == SESSION_MAGIC && s->conn == NULL);
	TAILQ_REMOVE(&s->front->open, s, entry);
	session_release(s);
	session_account_end(s);
	s->front->sessions--;
	stats_sessions(s->front->stats, s->front->worker, -1);
	chain_run_free(&s->run);
	tx_free(&s->tx);
	arena_free(&s->arena);
	s->magic = 0;
	free(s);
}

void
session_drain_all(struct front *f, bool now)
{
	struct session *s, *next;

	TAILQ_FOREACH_SAFE (s, &f->open, entry, next) {
		if (s->state == SESSION_CLOSED || !now)
			continue;
		session_reply(s, REPLY_SHUTDOWN);
		session_close(s, "shutdown");
	}
}
