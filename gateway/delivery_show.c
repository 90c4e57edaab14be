/*
 * What a delivery says to its server and hears from it, line by line, for an
 * operator who wants to see the client (relay_set_show()).  Commands are sent
 * in pieces; a line is shown when it is complete.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "delivery.h"
#include "mem.h"
#include "relay_impl.h"

#define SHOWN_MAX 1000 /* octets of a line */

struct shown_line {
	size_t len;
	char text[SHOWN_MAX];
};

static bool
is_shown(const struct delivery *dl)
{
	const struct relay_show *show = &dl->relay->show;

	return show->wants != NULL && show->wants(show->ctx, dl->order.client);
}

/* "BACKEND/SERVER TEXT" */
static void
show(const struct delivery *dl, char side, const char *text, size_t len)
{
	const struct relay_show *to = &dl->relay->show;
	char line[SHOWN_MAX + 200];
	int n;

	n = snprintf(line, sizeof(line), "%s%s%s %.*s", dl->conf->name,
	    dl->server != NULL ? "/" : "", dl->server != NULL ? dl->server : "",
	    (int)(len < SHOWN_MAX ? len : SHOWN_MAX), text);
	if (n > 0)
		to->line(to->ctx, dl->order.id, side, line,
		    (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

void
delivery_show(const struct delivery *dl, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (!is_shown(dl))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	show(dl, '*', text, strlen(text));
}

void
delivery_show_sent(struct delivery *dl, const char *text)
{
	struct shown_line *l = dl->shown;

	if (!is_shown(dl))
		return;
	if (l == NULL)
		l = dl->shown = xcalloc(1, sizeof(*l));
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			if (l->len > 0)
				show(dl, '>', l->text, l->len);
			l->len = 0;
		} else if (*text != '\r' && l->len < sizeof(l->text))
			l->text[l->len++] = *text;
	}
}

/* A challenge may be anything. */
void
delivery_show_reply(const struct delivery *dl, const char *line, size_t len)
{
	if (!is_shown(dl))
		return;
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	if (len > 4 && strncmp(line, "334", 3) == 0)
		show(dl, '<', "334 [not shown]", 15);
	else
		show(dl, '<', line, len);
}

void
delivery_show_forget(struct delivery *dl)
{
	free(dl->shown);
	dl->shown = NULL;
}

void
dl_send_secret(struct delivery *dl, const char *text)
{
	conn_put(dl->link->conn, text, strlen(text));
	delivery_show_sent(dl, "[not shown]");
}
