/*
 * Header fields that are added to a message, and content that is left out.
 * Only its readers see them: what is stored does not change.  See message.h.
 */

#include <assert.h>
#include <string.h>

#include "mem.h"
#include "message.h"
#include "message_impl.h"

static struct edit *new_edit(struct message *, uint64_t, const char *, size_t);
static bool is_header(const char *, size_t);

void
message_take_edits(struct message *m, struct message *from)
{
	STAILQ_CONCAT(&m->edits, &from->edits);
	STAILQ_CONCAT(&m->cuts, &from->cuts);
	m->last_cut = from->last_cut;
	m->edits_size = from->edits_size;
	m->cuts_size = from->cuts_size;
	from->last_cut = NULL;
	from->edits_size = from->cuts_size = 0;
}

void
message_prepend(struct message *m, const char *text, size_t len)
{
	struct edit *e = new_edit(m, 0, text, len);

	STAILQ_INSERT_HEAD(&m->edits, e, entry);
}

void
message_insert(struct message *m, uint64_t offset, const char *text, size_t len)
{
	struct edit *e, *before = NULL;

	assert(offset <= m->size);
	STAILQ_FOREACH (e, &m->edits, entry)
		if (e->offset <= offset)
			before = e;
	e = new_edit(m, offset, text, len);
	if (before == NULL)
		STAILQ_INSERT_HEAD(&m->edits, e, entry);
	else
		STAILQ_INSERT_AFTER(&m->edits, before, e, entry);
}

static struct edit *
new_edit(struct message *m, uint64_t offset, const char *text, size_t len)
{
	struct edit *e = xmalloc(sizeof(*e) + len);

	assert(is_header(text, len));
	e->offset = offset;
	e->len = len;
	memcpy(e->text, text, len);
	m->edits_size += len;
	return e;
}

/* Whole lines, none of which would need a dot in front. */
static bool
is_header(const char *text, size_t len)
{
	const char *end = text + len, *line, *lf;

	if (len < 2 || memcmp(end - 2, "\r\n", 2) != 0)
		return false;
	for (line = text; line < end; line = lf + 1) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (*line == '.' || lf == line || lf[-1] != '\r')
			return false;
	}
	return true;
}

void
message_remove(struct message *m, uint64_t offset, uint64_t len)
{
	struct cut *c, *before = NULL, *new;

	assert(len > 0 && offset <= m->size && len <= m->size - offset);
	c = m->last_cut;
	if (c != NULL && c->from < offset) {
		before = c; /* the usual order */
		c = NULL;
	} else
		STAILQ_FOREACH (c, &m->cuts, entry) {
			if (c->from >= offset)
				break;
			before = c;
		}
	assert(before == NULL || before->from + before->len <= offset);
	assert(c == NULL || offset + len <= c->from);
	new = xcalloc(1, sizeof(*new));
	new->from = offset;
	new->len = len;
	if (before == NULL)
		STAILQ_INSERT_HEAD(&m->cuts, new, entry);
	else
		STAILQ_INSERT_AFTER(&m->cuts, before, new, entry);
	if (c == NULL)
		m->last_cut = new;
	m->cuts_size += len;
}

uint64_t
message_wire_size(const struct message *m)
{
	return m->edits_size + m->size - m->cuts_size;
}

uint64_t
message_header_end(const struct message *m, uint64_t parsed)
{
	size_t n = parsed < 4 ? (size_t)parsed : 4;
	char end[4];

	if (message_copy(m, parsed - n, end + 4 - n, n) == -1 || n < 2 ||
	    memcmp(end + 2, "\r\n", 2) != 0)
		return 0;
	return n == 2 || memcmp(end, "\r\n", 2) == 0 ? parsed - 2 : parsed;
}

uint64_t
message_kept_size(const struct message *m)
{
	return m->size - m->cuts_size;
}
