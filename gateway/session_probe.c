/*
 * Health checks: of a proxy (its PROXY header says so, or names the proxy
 * itself) and of who is in probe-from.  They are answered at once, without
 * limits and filters, and not logged.  What they send tells what they are: who
 * begins a message, or anything else that a check does not need, is a client
 * like any other from there on.
 */

#include <string.h>

#include "chain.h"
#include "session_priv.h"

/* More than a check needs. */
static bool
is_for_clients(enum smtp_verb verb)
{
	return verb == SMTP_MAIL || verb == SMTP_AUTH || verb == SMTP_XCLIENT ||
	    verb == SMTP_XFORWARD;
}

bool
session_unmask(
    struct session *s, enum smtp_verb verb, const char *line, size_t len)
{
	enum reply_id no;

	if (!s->client.is_probe || !is_for_clients(verb))
		return false;
	s->client.is_probe = false;
	s->admitted = false;
	no = session_admit(s);
	if (no != REPLY_NONE) {
		session_limit(s, no, "refused");
		return true;
	}
	s->held = arena_strndup(&s->arena, line, len);
	s->held_helo = false;
	s->state = SESSION_GREETING;
	session_judge(s, PHASE_CONNECT, NULL);
	return true;
}

static bool
is_good(const struct judgement *j)
{
	return j->verdict == VERDICT_PASS || j->verdict == VERDICT_DISCARD;
}

void
session_held_judged(struct session *s, const struct judgement *j)
{
	const char *line = s->held;

	if (is_good(j) && !s->held_helo && s->client.helo != NULL) {
		s->held_helo = true;
		session_judge(s, PHASE_HELO, NULL);
		return;
	}
	s->held = NULL;
	s->state = SESSION_COMMAND;
	if (is_good(j)) {
		verb_run(s, line, strlen(line));
		return;
	}
	s->stage = s->held_helo ? "HELO" : "CONNECT";
	session_answer_judgement(s, j);
	session_close(s, "refused");
}
