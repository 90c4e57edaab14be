/*
 * The transcript of a client's sessions: lines of both sides, and those of the
 * servers that its messages go to (delivery_show.c).  What may be a
 * secret is only measured: what stands behind AUTH, challenges and responses,
 * lines that are no command (a password that came at the wrong moment), and
 * messages.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "session_priv.h"

#define NOTE_SIZE 200

static bool
shows(const struct front *f, const struct client *client)
{
	const struct transcript *t = f->transcript;

	return t != NULL && loop_now(f->loop) < t->until &&
	    net_list_has(&t->who, &client->addr);
}

static bool
is_shown(const struct session *s)
{
	return shows(s->front, &s->client);
}

/* What servers are told, and say. */

static bool
wants_relayed(void *ctx, const struct client *client)
{
	return shows(ctx, client);
}

static void
show_relayed(void *ctx, const char *id, char side, const char *text, size_t len)
{
	const struct front *f = ctx;

	f->transcript->line(f->transcript->ctx, id, side, text, len);
}

void
session_show_relayed(struct front *f)
{
	relay_set_show(f->relay,
	    &(struct relay_show){
		.wants = wants_relayed, .line = show_relayed, .ctx = f });
}

/* The client's side. */

static void
show(const struct session *s, char side, const char *text, size_t len)
{
	const struct transcript *t = s->front->transcript;

	t->line(t->ctx, s->id, side, text, len);
}

void
session_show(const struct session *s, char side, const char *fmt, ...)
{
	char text[NOTE_SIZE];
	va_list ap;

	if (!is_shown(s))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show(s, side, text, strlen(text));
}

void
session_show_reply(const struct session *s, const char *text, size_t len)
{
	const char *end = text + len, *next;
	size_t n;

	if (!is_shown(s))
		return;
	for (; text < end; text = next) {
		next = memchr(text, '\n', (size_t)(end - text));
		next = next != NULL ? next + 1 : end;
		n = (size_t)(next - text);
		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		show(s, 'S', text, n);
	}
}

/* The mechanism, or "" if it is none that is known: it might be a password in
 * the wrong place. */
static const char *
mechanism(struct slice arg)
{
	static const char *const names[] = { "PLAIN", "LOGIN", "CRAM-MD5",
		"SCRAM-SHA-1", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2",
		"DIGEST-MD5", "EXTERNAL", "GSSAPI", "NTLM" };
	size_t i, len;

	for (i = 0; i < nitems(names); i++) {
		len = strlen(names[i]);
		if (arg.len >= len &&
		    strncasecmp(arg.ptr, names[i], len) == 0 &&
		    (arg.len == len || arg.ptr[len] == ' '))
			return names[i];
	}
	return "";
}

void
session_show_command(const struct session *s, const char *line, size_t len)
{
	struct smtp_command c;
	const char *name;

	if (!is_shown(s))
		return;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	c = smtp_parse_command(line, len);
	if (c.verb == SMTP_AUTH) {
		name = mechanism(c.arg);
		session_show(s, 'C', "AUTH%s%s%s", *name != '\0' ? " " : "",
		    name, c.arg.len > strlen(name) ? " [not shown]" : "");
	} else if (c.verb == SMTP_UNKNOWN)
		session_show(s, 'C', "[no command, %zu octets]", len);
	else
		show(s, 'C', line, len);
}
