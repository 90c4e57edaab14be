/*
 * Replies of a session: see session_priv.h.
 */

#include <string.h>

#include "chain.h"
#include "conn.h"
#include "session_priv.h"

#define REPLY_LINE_SIZE 512 /* RFC 5321 4.5.3.1.5, CRLF included */

void
session_raw(struct session *s, const char *text, size_t len)
{
	session_show_reply(s, text, len);
	session_hidden(s, text, len);
}

void
session_hidden(struct session *s, const char *text, size_t len)
{
	if (s->conn != NULL)
		conn_put(s->conn, text, len);
}

/* A line of 512 octets in the making; what does not fit is left out. */
struct reply_line {
	size_t len;
	char buf[REPLY_LINE_SIZE];
};

static void
add(struct reply_line *l, const char *text)
{
	size_t n = strlen(text), room = sizeof(l->buf) - 2 - l->len;

	if (n > room)
		n = room;
	memcpy(l->buf + l->len, text, n);
	l->len += n;
}

void
session_answer(
    struct session *s, int code, const char *enhanced, const char *text)
{
	struct reply_line l = { 4,
		{ (char)('0' + code / 100), (char)('0' + code / 10 % 10),
		    (char)('0' + code % 10), ' ' } };

	if (enhanced != NULL) {
		add(&l, enhanced);
		add(&l, " ");
	}
	add(&l, *text != '\0' ? text : "ok");
	if (code >= 400) {
		if (l.len > REPLY_LINE_SIZE - TX_ID_MAX - 5)
			l.len = REPLY_LINE_SIZE - TX_ID_MAX - 5;
		add(&l, " [");
		add(&l, s->tx.envelope.has_sender ? s->tx.id : s->id);
		add(&l, "]");
		txlog_note_reply(s, code, enhanced, text);
	}
	memcpy(l.buf + l.len, "\r\n", 2);
	session_raw(s, l.buf, l.len + 2);
}

void
session_reply(struct session *s, enum reply_id id)
{
	const struct own_reply *r = reply_own(id);

	session_answer(s, r->code, r->enhanced, r->text);
	s->errors += r->code >= 500;
}

void
session_answer_judgement(struct session *s, const struct judgement *j)
{
	session_answer(s, j->code, j->enhanced, j->text);
	s->errors += j->code >= 500;
	if (j->verdict != VERDICT_DISCONNECT)
		return;
	if (s->tx.envelope.has_sender)
		session_end_tx(s, "deferred");
	session_close(s, "disconnected");
}
