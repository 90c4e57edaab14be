/*
 * The envelope of a message that is put aside: see fc_keep_header.h.
 */

#include "fc_keep_header.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "maildate.h"
#include "mem.h"
#include "tx.h"

#define LINE_SIZE 990 /* RFC 5322 2.1.1: 998 without CRLF */

struct text {
	char *buf; /* owned */
	size_t len, room;
};

/* Control characters become '?'; what is too long is cut. */
static void
put(struct text *t, const char *name, const char *before, const char *value,
    const char *behind)
{
	char line[LINE_SIZE];
	size_t i, len;
	int n;

	if (value == NULL)
		return;
	n = snprintf(line, sizeof(line), "X-Quarantine-%s: %s%s%s", name,
	    before, value, behind);
	len = n < 0 ? 0 : (size_t)n;
	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	for (i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == '\177')
			line[i] = '?';
	if (t->len + len + 3 > t->room) {
		t->room = 2 * (t->room + LINE_SIZE);
		t->buf = xrealloc(t->buf, t->room);
	}
	memcpy(t->buf + t->len, line, len);
	memcpy(t->buf + t->len + len, "\r\n", 3);
	t->len += len + 2;
}

static void
put_client(struct text *t, const struct client *c)
{
	char name[400] = "";

	if (c->name != NULL)
		snprintf(name, sizeof(name), " (%s)", c->name);
	put(t, "Client", "", c->ip, name);
	put(t, "Helo", "", c->helo, "");
	put(t, "Login", "", c->login, "");
}

static void
put_facts(struct text *t, const struct tx *tx)
{
	const struct note *n;
	char before[100];

	STAILQ_FOREACH (n, &tx->notes, entry) {
		if (tx_hides(tx, n))
			continue;
		snprintf(before, sizeof(before), "%s=", n->key);
		put(t, "Fact", before, n->text, "");
		if (n->flag)
			put(t, "Flag", "", n->key, "");
	}
}

char *
keep_header(const struct tx *tx, const struct client *c, const char *reason,
    int64_t wall_ms, size_t *len_r)
{
	struct text t = { .buf = NULL };
	char date[MAILDATE_SIZE];
	size_t i;

	maildate_format(date, sizeof(date), wall_ms / 1000);
	put(&t, "Id", "", tx->id, "");
	put(&t, "Date", "", date, "");
	put(&t, "Reason", "", reason, "");
	put_facts(&t, tx);
	put_client(&t, c);
	put(&t, "Sender", "<", tx->envelope.sender.text, ">");
	for (i = 0; i < tx->envelope.count; i++)
		put(&t, "Recipient", "<", tx->envelope.rcpts[i].addr.text, ">");
	*len_r = t.len;
	return t.buf;
}
