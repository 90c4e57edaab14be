/*
 * BDAT (RFC 3030 CHUNKING): content in chunks of a length that is told before.
 * The octets of a chunk are read to its end whatever becomes of it, because
 * they must never be taken for commands; only then comes the reply.
 */

#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "conn.h"
#include "message.h"
#include "session_priv.h"

/* "BDAT 123", "BDAT 123 LAST".  False: malformed. */
static bool
parse(struct session *s, struct slice arg)
{
	struct slice number = arg, rest;
	const char *blank = arg.len > 0 ? memchr(arg.ptr, ' ', arg.len) : NULL;

	s->chunk_last = false;
	if (blank != NULL) {
		number.len = (size_t)(blank - arg.ptr);
		rest.ptr = blank;
		rest.len = arg.len - number.len;
		while (rest.len > 0 && *rest.ptr == ' ') {
			rest.ptr++;
			rest.len--;
		}
		if (!slice_is(rest, "LAST"))
			return false;
		s->chunk_last = true;
	}
	return smtp_parse_number(number, INT64_MAX, &s->chunk_left);
}

static void
set_refusal(struct session *s, int code, const char *enhanced, const char *text)
{
	s->chunk_code = code;
	snprintf(s->chunk_enhanced, sizeof(s->chunk_enhanced), "%s", enhanced);
	s->chunk_text = arena_strndup(&s->tx.arena, text, strlen(text));
}

static void
set_own_refusal(struct session *s, enum reply_id id)
{
	const struct own_reply *r = reply_own(id);

	set_refusal(s, r->code, r->enhanced, r->text);
}

enum reply_id
chunk_check(struct session *s, struct slice arg)
{
	const struct envelope *e = &s->tx.envelope;

	s->chunk_code = 0;
	s->chunk_closes = false;
	if (!parse(s, arg))
		return REPLY_BAD_CHUNK;
	if (!e->has_sender)
		set_own_refusal(s, REPLY_MAIL_FIRST);
	else if (e->count == 0)
		set_own_refusal(s,
		    s->rcpts_refused > 0 ? REPLY_NO_VALID_RECIPIENT
					 : REPLY_RCPT_FIRST);
	else if (s->listener->require_tls && !s->client.tls)
		set_own_refusal(s, REPLY_TLS_FIRST);
	s->chunk_judged = s->chunk_code != 0 || s->tx.message != NULL;
	return REPLY_NONE;
}

/* The octets follow, whether they are wanted or not. */
static void
begin(struct session *s)
{
	s->state = SESSION_CHUNK;
	intake_clock(s);
}

/* The DATA filters are asked before the first chunk is kept. */
void
chunk_act(struct session *s)
{
	if (!s->chunk_judged) {
		s->chunk_judged = true;
		session_judge(s, PHASE_DATA, NULL);
		return;
	}
	if (s->chunk_code == 0 && s->tx.message == NULL)
		intake_begin(s);
	begin(s);
}

void
chunk_refuse(struct session *s, const struct judgement *j)
{
	set_refusal(s, j->code, j->enhanced, j->text);
	s->chunk_closes = j->verdict == VERDICT_DISCONNECT;
	begin(s);
}

static void
refused(struct session *s)
{
	s->stage = "BDAT";
	session_answer(s, s->chunk_code, s->chunk_enhanced, s->chunk_text);
	s->errors += s->chunk_code >= 500;
	if (s->tx.envelope.has_sender && s->tx.envelope.count > 0)
		session_end_tx(
		    s, s->chunk_code >= 500 ? "rejected" : "deferred");
	if (s->chunk_closes)
		session_close(s, "disconnected");
}

static void
chunk_over(struct session *s)
{
	char text[80];

	s->state = SESSION_COMMAND;
	if (s->chunk_code != 0) {
		refused(s);
	} else if (s->chunk_last) {
		/* Without a final CRLF the sender has to look how it ends. */
		if (!smtp_data_check_end(&s->data))
			s->data.leading_dot = true;
		intake_complete(s);
	} else if (intake_refusal(s) != REPLY_NONE) {
		intake_complete(s); /* it refuses */
	} else {
		snprintf(text, sizeof(text), "%llu octets so far",
		    (unsigned long long)message_size(s->tx.message));
		session_answer(s, 250, "2.0.0", text);
	}
}

/*
 * Content of a chunk.  With BODY=BINARYMIME every octet is content, and no
 * octet can be an end; but header fields are lines all the same, or filters
 * would read others than the backend.
 */
static void
take(struct session *s, const char *in, size_t len)
{
	const char *lf;
	size_t n = len;

	for (; len > 0; in += n, len -= n) {
		n = len;
		if (s->tx.envelope.body == BODY_BINARYMIME) {
			if (s->tx.headers.over) {
				intake_append(s, in, len);
				return;
			}
			lf = memchr(in, '\n', len);
			if (lf != NULL)
				n = (size_t)(lf - in) + 1;
		}
		smtp_data_check(&s->data, in, n);
		intake_append(s, in, n);
	}
}

bool
chunk_more(struct session *s)
{
	const char *in;
	size_t len;

	in = conn_input(s->conn, &len);
	if (len == 0 && s->chunk_left > 0)
		return false;
	if (len > s->chunk_left)
		len = (size_t)s->chunk_left;
	if (s->chunk_code == 0)
		take(s, in, len);
	conn_consume(s->conn, len);
	s->chunk_left -= len;
	s->data_received += (int64_t)len;
	if (s->chunk_left == 0)
		chunk_over(s);
	return true;
}
