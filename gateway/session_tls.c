/*
 * TLS of a session, from its first byte or behind STARTTLS (RFC 3207).
 */

#include <string.h>

#include "conn.h"
#include "log.h"
#include "session_priv.h"
#include "tls.h"
#include "verbs.h"

enum reply_id
verb_check_starttls(struct session *s, struct slice arg)
{
	size_t left;

	if (arg.len > 0)
		return REPLY_NO_ARGUMENT;
	if (s->client.tls)
		return REPLY_TLS_ALREADY;
	if (s->listener->starttls == NULL)
		return REPLY_NOT_IMPLEMENTED;
	/* What was sent in clear behind STARTTLS was sent by somebody who
	 * wants it to be taken for the client's own words under TLS. */
	conn_input(s->conn, &left);
	return left > 0 ? REPLY_TLS_INJECTED : REPLY_NONE;
}

void
verb_act_starttls(struct session *s)
{
	session_reply(s, REPLY_START_TLS);
	conn_flush(s->conn);
	if (conn_unsent(s->conn) > 0)
		session_close(s, "client-lost");
	else
		session_start_tls(s, s->listener->starttls);
}

void
session_start_tls(struct session *s, struct tls_context *context)
{
	s->state = SESSION_TLS;
	conn_deadline(s->conn,
	    loop_now(s->front->loop) + s->listener->limits.tls_timeout);
	conn_start_tls(s->conn, context);
}

static const char *
keep(struct session *s, const char *text)
{
	return text != NULL ? arena_strndup(&s->arena, text, strlen(text))
			    : NULL;
}

/* Everything that was said in clear is forgotten (RFC 3207 4.2). */
void
session_secured(void *ctx)
{
	struct session *s = ctx;
	struct tls_info info;
	bool at_start = !s->greeted;

	conn_tls_info(s->conn, &info);
	s->tls_started = true;
	session_show(s, '*', "TLS: %s %s", info.version, info.cipher);
	s->client.tls = true;
	s->client.tls_by_proxy = false;
	s->client.tls_version = keep(s, info.version);
	s->client.tls_cipher = keep(s, info.cipher);
	s->client.tls_subject = keep(s, info.client_subject);
	s->client.server_name = info.server_name == NULL
	    ? NULL
	    : session_keep(s, info.server_name, strlen(info.server_name));
	s->client.helo = NULL;
	s->helo_refused = 0;
	s->client.esmtp = false;
	session_forget_offer(s);
	s->forwarded = NULL;
	session_forget_login(s);
	if (at_start) {
		session_greet(s);
		return;
	}
	s->state = SESSION_COMMAND;
	s->moved = true;
	session_advance(s);
}

void
session_tls_failed(struct session *s, const char *why)
{
	log_event(
	    LEVEL_INFO, "%s: TLS with %s failed: %s", s->id, s->client.ip, why);
	session_close(s, "client-lost");
}
