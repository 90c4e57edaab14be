/*
 * The greeting: the CONNECT filters come first, then perhaps a pause.  Mail
 * servers wait for the greeting (RFC 5321 3.1); many programs that only send
 * spam do not, and the pause gives them the time to show it.
 */

#include <stdio.h>

#include "chain.h"
#include "conn.h"
#include "loop.h"
#include "session_priv.h"
#include "stats.h"

static void greet(struct session *s);

void
session_greet(struct session *s)
{
	const struct limits_conf *limits = &s->listener->limits;

	s->state = SESSION_GREETING;
	s->greeting_began = loop_now(s->front->loop);
	conn_deadline(s->conn, s->greeting_began + limits->command_timeout);
	if (s->front->draining) {
		session_reply(s, REPLY_SHUTDOWN);
		session_close(s, "refused");
	} else if (s->refusal != REPLY_NONE)
		session_limit(s, s->refusal, "refused");
	else if (s->client.is_probe)
		session_say_greeting(s);
	else
		session_judge(s, PHASE_CONNECT, NULL);
}

void
session_greeting_judged(struct session *s, const struct judgement *j)
{
	if (s->held != NULL)
		session_held_judged(s, j);
	else if (j->verdict == VERDICT_PASS || j->verdict == VERDICT_DISCARD)
		greet(s);
	else {
		s->stage = "CONNECT";
		session_answer_judgement(s, j);
		session_close(s, "refused");
	}
}

/* Not for those who may use any share of us, and not under TLS, where the
 * client had to speak first. */
static bool
may_wait(const struct session *s)
{
	return s->listener->greeting_delay > 0 && !s->greeted &&
	    !s->unlimited && s->listener->tls == NULL;
}

static void
greet(struct session *s)
{
	int64_t until = s->greeting_began + s->listener->greeting_delay;

	if (!may_wait(s)) {
		session_say_greeting(s);
		return;
	}
	s->greeting_waits = true;
	conn_deadline(s->conn, until);
	session_early_input(s); /* it may be here already */
	if (s->state == SESSION_GREETING && until <= loop_now(s->front->loop))
		session_say_greeting(s);
}

void
session_early_input(struct session *s)
{
	size_t len;

	conn_input(s->conn, &len);
	if (len == 0 || s->client.early_talker || session_foreign_header(s))
		return;
	s->client.early_talker = true;
	stats_count(s->front->stats, s->front->worker, STATS_EARLY_TALKERS);
	if (s->listener->early_talkers == EARLY_NOTE)
		return;
	session_reply(s, REPLY_EARLY_TALKER);
	session_close(s, "early-talker");
}

void
session_say_greeting(struct session *s)
{
	const char *text = s->listener->greeting;
	char line[600];
	int n;

	s->greeting_waits = false;
	s->state = SESSION_COMMAND;
	s->greeted = true;
	s->moved = true;
	if (text != NULL)
		n = snprintf(line, sizeof(line), "220 %.500s\r\n", text);
	else
		n = snprintf(line, sizeof(line), "220 %.255s ESMTP\r\n",
		    session_hostname(s));
	session_raw(s, line, (size_t)n);
	session_advance(s);
}
