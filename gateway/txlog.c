/*
 * The record: one line in the log for each transaction, and one for a session
 * that ended badly without any.  The fields are documented in
 * postern-log(5), and in etc/log.schema.json.
 */

#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "chain.h"
#include "compat.h"
#include "log.h"
#include "message.h"
#include "session_priv.h"

#define RECIPIENTS_LOGGED 20
#define REFUSALS_MAX 1000

void
txlog_note_reply(
    struct session *s, int code, const char *enhanced, const char *text)
{
	s->last_reply =
	    arena_printf(&s->tx.arena, "%d %s %s", code, enhanced, text);
}

void
txlog_note_refusal(
    struct session *s, int code, const char *address, const char *text)
{
	const char *old = s->refusals != NULL ? s->refusals : "";

	s->rcpts_refused++;
	s->rcpts_deferred = s->rcpts_deferred || code < 500;
	s->stage = "RCPT";
	if (strlen(old) < REFUSALS_MAX)
		s->refusals = arena_printf(&s->tx.arena, "%s%s%s: %d %s", old,
		    *old != '\0' ? ", " : "", address, code,
		    text != NULL ? text : "refused");
}

static void
put_recipients(struct record *r, const struct envelope *e)
{
	char list[1500] = "";
	size_t i, at = 0;
	int n;

	for (i = 0; i < e->count && i < RECIPIENTS_LOGGED; i++) {
		n = snprintf(list + at, sizeof(list) - at, "%s%s",
		    i > 0 ? "," : "", e->rcpts[i].addr.text);
		if (n < 0 || (size_t)n >= sizeof(list) - at)
			break;
		at += (size_t)n;
	}
	record_str(r, "to", list);
	record_num(r, "recipients", (int64_t)e->count);
}

/* The promises that the client made use of. */
static void
put_extensions(struct record *r, const struct envelope *e)
{
	unsigned needs = e->needs;
	char names[100];
	size_t i;

	for (i = 0; i < e->count; i++)
		needs |= e->rcpts[i].needs;
	if (needs == 0)
		return;
	ehlo_names(needs, names, sizeof(names));
	record_str(r, "esmtp", names);
	record_str(r, "envid", e->envid);
}

static void
put_client(struct record *r, const struct session *s)
{
	char peer[NET_TEXT_MAX];

	record_str(r, "listener", s->listener->name);
	record_str(r, "client", s->client.ip);
	if (s->client.proxied)
		record_str(
		    r, "proxy", net_ip(&s->client.peer, peer, sizeof(peer)));
	record_str(r, "proxy_id", s->client.proxy_id);
	if (s->client.early_talker)
		record_str(r, "early", "yes");
	record_str(r, "helo", s->client.helo);
	record_str(r, "name", s->client.name);
	record_str(r, "login", s->client.login);
	record_str(r, "xforward", s->forwarded);
	if (s->client.tls) {
		record_str(r, "tls",
		    s->client.tls_version != NULL ? s->client.tls_version
						  : "yes");
		record_str(r, "cipher", s->client.tls_cipher);
		record_str(r, "subject", s->client.tls_subject);
	}
	record_str(r, "sni", s->client.server_name);
}

/* What the filters found out. */
static void
put_notes(struct record *r, const struct tx *tx)
{
	char flags[500] = "";
	const struct note *n;
	size_t at = 0;

	STAILQ_FOREACH (n, &tx->notes, entry) {
		if (tx_hides(tx, n))
			continue;
		if (n->text != NULL)
			record_str(r, n->key, n->text);
		if (n->flag && at < sizeof(flags))
			at += (size_t)snprintf(flags + at, sizeof(flags) - at,
			    "%s%s", at > 0 ? "," : "", n->key);
	}
	if (flags[0] != '\0')
		record_str(r, "flags", flags);
	if (tx->karma < 0 || tx->karma > 0) {
		record_real(r, "karma", tx->karma);
		record_str(r, "karma_for", tx->karma_for);
	}
}

static void
put_part(struct record *r, const struct relay_outcome *o)
{
	record_str(r, "backend", o->backend);
	record_str(r, "server", o->server);
	if (o->said[0] != '\0' && o->error[0] == '\0')
		record_str(r, "said", o->said);
	if (o->refusals[0] != '\0')
		record_str(r, "relay_refusals", o->refusals);
	if (o->error[0] != '\0')
		record_str(r, "error", o->error);
	if (o->server != NULL)
		record_str(r, "link", o->reused ? "pooled" : "new");
	record_str(r, "fault", o->fault);
	if (o->tls != DL_TLS_NONE)
		record_str(r, "link_tls",
		    o->tls == DL_TLS_VERIFIED ? "verified" : "unverified");
	if (o->uncertain)
		record_str(r, "uncertain", "yes");
	record_num(r, "relay_ms", o->ms);
}

/* Several backends: each with its server, recipients that have it and that have
 * not, and what it said. */
static void
put_parts(struct record *r, const struct dispatch_outcome *o)
{
	char list[1500] = "", names[300] = "";
	const struct relay_outcome *p;
	size_t i, at = 0, names_at = 0;
	int64_t ms = 0;
	int n;

	for (i = 0; i < o->count; i++) {
		p = &o->parts[i];
		if (p->ms > ms)
			ms = p->ms;
		n = snprintf(names + names_at, sizeof(names) - names_at, "%s%s",
		    i > 0 ? "," : "", p->backend);
		if (n > 0 && (size_t)n < sizeof(names) - names_at)
			names_at += (size_t)n;
		n = snprintf(list + at, sizeof(list) - at,
		    "%s%s%s%s accepted=%zu refused=%zu%s: %s",
		    i > 0 ? "; " : "", p->backend, p->server != NULL ? "/" : "",
		    p->server != NULL ? p->server : "", p->accepted, p->refused,
		    p->uncertain ? " uncertain" : "",
		    p->error[0] != '\0'		 ? p->error
			: p->refusals[0] != '\0' ? p->refusals
			: p->said[0] != '\0'	 ? p->said
						 : p->text);
		if (n > 0 && (size_t)n < sizeof(list) - at)
			at += (size_t)n;
	}
	record_str(r, "backend", names);
	record_str(r, "parts", list);
	if (o->all.uncertain)
		record_str(r, "uncertain", "yes");
	record_num(r, "relay_ms", ms);
}

static void
put_outcome(struct record *r, const struct dispatch_outcome *o)
{
	if (o->count == 1)
		put_part(r, &o->parts[0]);
	else if (o->count > 1)
		put_parts(r, o);
	if (o->all.known > 0)
		record_num(r, "known", (int64_t)o->all.known);
	if (o->again > 0)
		record_num(r, "again", (int64_t)o->again);
	if (o->busy)
		record_str(r, "busy", "yes");
	if (o->discarded > 0)
		record_num(r, "discarded", (int64_t)o->discarded);
}

static enum log_level
level_of(const struct session *s)
{
	if (s->outcome == NULL)
		return LEVEL_INFO;
	if (s->outcome->all.alarm || s->outcome->all.error[0] != '\0')
		return LEVEL_WARN;
	return LEVEL_INFO;
}

void
txlog_transaction(struct session *s, const char *result)
{
	const struct dispatch_outcome *o = s->outcome;
	const struct tx *tx = &s->tx;
	struct record r;

	if (!log_wants(level_of(s)))
		return;
	record_start(&r, level_of(s), "mail");
	record_str(&r, "id", tx->id);
	record_str(&r, "result", result);
	put_client(&r, s);
	record_str(&r, "from", tx->envelope.sender.text);
	put_recipients(&r, &tx->envelope);
	put_extensions(&r, &tx->envelope);
	if (s->refusals != NULL) {
		record_num(&r, "refused", (int64_t)s->rcpts_refused);
		record_str(&r, "refusals", s->refusals);
	}
	if (tx->message != NULL)
		record_num(&r, "size", (int64_t)message_size(tx->message));
	if (tx->message != NULL && s->normalise && s->data.faults != 0)
		record_str(&r, "normalised", "yes");
	record_str(&r, "stage", s->stage);
	record_str(&r, "filter", tx->filter);
	record_str(&r, "reason", tx->reason);
	put_notes(&r, tx);
	if (o == NULL || o->all.code >= 400)
		record_str(&r, "reply", s->last_reply);
	if (o != NULL)
		put_outcome(&r, o);
	if (s->state == SESSION_CLOSED)
		record_str(&r, "end", s->end_reason);
	record_num(&r, "ms", loop_now(s->front->loop) - tx->began_ms);
	record_end(&r);
}

void
txlog_session(struct session *s)
{
	enum log_level level = LEVEL_DEBUG;
	struct record r;

	/* What went well is told by the transactions; connections that come
	 * and go without a word are probes, whoever sends them. */
	if (s->limited || (s->front->all_sessions && !s->client.is_probe) ||
	    (!s->client.is_probe && s->tx_count == 0 &&
		(s->errors > 0 || s->last_reply != NULL ||
		    strcmp(s->end_reason, "timeout") == 0)))
		level = LEVEL_INFO;
	if (!log_wants(level))
		return;
	record_start(&r, level, "session");
	record_str(&r, "id", s->id);
	put_client(&r, s);
	if (s->client.is_probe)
		record_str(&r, "probe", "yes");
	record_str(&r, "end", s->end_reason);
	record_str(&r, "filter", s->tx.filter);
	record_str(&r, "reason", s->tx.reason);
	put_notes(&r, &s->tx);
	record_str(&r, "reply", s->last_reply);
	record_num(&r, "errors", s->errors);
	record_num(&r, "transactions", s->tx_count);
	record_num(&r, "ms", loop_now(s->front->loop) - s->began);
	record_end(&r);
}

/* Who somebody else says to be is told as "tried". */
void
txlog_auth(struct session *s, const char *result, const char *reason)
{
	const struct auth_exchange *x = s->auth;
	struct record r;

	if (!log_wants(LEVEL_INFO))
		return;
	record_start(&r, LEVEL_INFO, "auth");
	record_str(&r, "id", s->id);
	record_str(&r, "result", result);
	put_client(&r, s);
	record_str(&r, "mechanism", x->mechanism);
	if (s->client.login == NULL && x->login[0] != '\0')
		record_str(&r, "tried", x->login);
	record_str(&r, "filter", s->listener->auth->name);
	record_str(&r, "reason", reason);
	record_end(&r);
}
