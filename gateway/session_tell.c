/*
 * What an operator may know of sessions, and the end that he may give them.
 */

#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "control.h"
#include "session_priv.h"

#define TEXT_MAX 256 /* of what a client has said */

static const char *
state_name(const struct session *s)
{
	switch (s->state) {
	case SESSION_HEADER:
		return "header";
	case SESSION_TLS:
		return "tls";
	case SESSION_GREETING:
		return "greeting";
	case SESSION_COMMAND:
		return "command";
	case SESSION_AUTH:
		return "auth";
	case SESSION_DATA:
	case SESSION_CHUNK:
		return "data";
	case SESSION_JUDGING:
		return "judging";
	case SESSION_CLOSED:
		return "closed";
	}
	return "";
}

/* "backend a,b": all that have some of the recipients from this one on. */
static void
list_backends(const struct envelope *e, size_t i, char *buf, size_t size)
{
	size_t k, len = (size_t)snprintf(buf, size, "backend ");
	const char *name;
	bool first = true;

	for (; i < e->count; i++) {
		name = e->rcpts[i].backend_name;
		for (k = 0; name != NULL && k < i; k++)
			if (e->rcpts[k].backend == e->rcpts[i].backend &&
			    e->rcpts[k].backend_name != NULL && !first)
				name = NULL;
		if (name == NULL || len + strlen(name) + 2 > size)
			continue;
		len += (size_t)snprintf(
		    buf + len, size - len, "%s%s", first ? "" : ",", name);
		first = false;
	}
}

/* Writes what it waits for; returns since when. */
static int64_t
waits_for(const struct session *s, char *buf, size_t size)
{
	const char *filter = NULL;
	int64_t since = s->heard;

	if (s->wait == WAIT_CHAIN)
		filter = chain_run_waits_for(s->run, &since);
	if (filter != NULL) {
		snprintf(buf, size, "filter %s", filter);
		return since;
	}
	if (s->dispatch != NULL || s->delivery != NULL) {
		/* At RCPT it is the newest recipient that is asked for. */
		list_backends(&s->tx.envelope,
		    s->dispatch != NULL ? 0 : s->tx.envelope.count - 1, buf,
		    size);
		return s->relay_since;
	}
	if (s->greeting_waits) {
		snprintf(buf, size, "greeting-delay");
		return s->greeting_began;
	}
	snprintf(buf, size, "client%s",
	    s->state == SESSION_HEADER	  ? " (PROXY header)"
		: s->state == SESSION_TLS ? " (TLS handshake)"
					  : "");
	return since;
}

static void
put(struct control_text *t, const char *key, const char *text)
{
	size_t len = text != NULL ? strlen(text) : 0;

	control_put_octets(t, key, text, len < TEXT_MAX ? len : TEXT_MAX);
}

static void
tell_one(const struct session *s, struct control_text *t)
{
	const struct envelope *e = &s->tx.envelope;
	int64_t now = loop_now(s->front->loop), since;
	char waits[TEXT_MAX];

	since = waits_for(s, waits, sizeof(waits));
	control_row(t);
	control_put(t, "id", s->id);
	put(t, "client", s->client.ip);
	put(t, "listener", s->listener->name);
	control_put_number(t, "worker", s->front->worker);
	control_put(t, "state", state_name(s));
	control_put(t, "waits", waits);
	control_put_ms(t, "since", now - since);
	control_put_ms(t, "age", now - s->began);
	control_put(t, "tls", s->client.tls ? "yes" : "no");
	put(t, "login", s->client.login);
	put(t, "helo", s->client.helo);
	put(t, "from", e->has_sender ? e->sender.text : NULL);
	control_put_number(t, "recipients", (int64_t)e->count);
	control_put_number(t, "messages", s->tx_count);
	control_row_end(t);
}

unsigned
session_tell(const struct front *f, unsigned most, struct control_text *t)
{
	const struct session *s;
	unsigned more = 0;

	TAILQ_FOREACH (s, &f->open, entry) {
		if (most == 0)
			more++;
		else {
			tell_one(s, t);
			most--;
		}
	}
	return more;
}

bool
session_kill(struct front *f, const char *id)
{
	struct session *s;

	TAILQ_FOREACH (s, &f->open, entry)
		if (s->state != SESSION_CLOSED && strcmp(s->id, id) == 0)
			break;
	if (s == NULL)
		return false;
	/* Before the handshake it could not be read. */
	if (s->state != SESSION_HEADER && s->state != SESSION_TLS)
		session_reply(s, REPLY_KILLED);
	session_close(s, "killed");
	return true;
}
