/*
 * The calls of filters about header fields: see filter.h.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter_call.h"
#include "mem.h"
#include "message.h"
#include "tx.h"

static char *make_field(
    struct filter_call *, const char *, const char *, size_t *);
static bool is_fold(const char *);

static const struct headers *
fields(const struct filter_call *fc)
{
	assert(fc->phase == PHASE_MESSAGE && fc->tx->message != NULL);
	return &fc->tx->headers;
}

size_t
fc_header_count(const struct filter_call *fc, const char *name)
{
	const struct headers *h = fields(fc);
	size_t i, n = 0;

	for (i = 0; i < h->count; i++)
		n += !h->list[i].removed && headers_item_is(&h->list[i], name);
	return n;
}

ssize_t
fc_header(const struct filter_call *fc, const char *name, size_t index,
    char *buf, size_t size)
{
	const struct headers_item *item = headers_find(fields(fc), name, index);
	ssize_t rc = -1;
	size_t len;
	char *raw;

	if (size > 0)
		buf[0] = '\0';
	if (item == NULL)
		return -1;
	len = item->len - item->value;
	raw = xmalloc(len + 1);
	if (message_copy(
		fc->tx->message, item->offset + item->value, raw, len) == 0)
		rc = (ssize_t)header_unfold(raw, len, buf, size);
	free(raw);
	return rc;
}

void
fc_remove_header(struct filter_call *fc, const char *name, size_t index)
{
	const struct headers *h = fields(fc);
	struct headers_item *item;

	if (fc->instance->chain.observe)
		return;
	do {
		item = headers_find(h, name, index == FC_ALL ? 0 : index);
		if (item == NULL)
			return;
		message_remove(fc->tx->message, item->offset, item->len);
		item->removed = true;
	} while (index == FC_ALL);
}

/* One field, with its line ends: those in the value that fold it stay, what
 * else could end a line becomes a blank. */
static char *
make_field(
    struct filter_call *fc, const char *name, const char *value, size_t *len_r)
{
	size_t at = strlen(name) + 2, max = at + strlen(value) * 2 + 3;
	char *line = arena_alloc(&fc->tx->arena, max);
	const char *p;

	snprintf(line, max, "%s: ", name);
	for (p = value; *p != '\0'; p++) {
		if (*p == '\r' && p[1] == '\n' && is_fold(p + 2))
			continue;
		if (*p == '\n' && is_fold(p + 1)) {
			line[at++] = '\r';
			line[at++] = '\n';
		} else if (((unsigned char)*p < ' ' && *p != '\t') ||
		    *p == '\177')
			line[at++] = ' ';
		else
			line[at++] = *p;
	}
	line[at++] = '\r';
	line[at++] = '\n';
	*len_r = at;
	return line;
}

/* A line that begins with a blank and is not made of blanks only. */
static bool
is_fold(const char *p)
{
	return (*p == ' ' || *p == '\t') &&
	    (unsigned char)p[strspn(p, " \t\r")] > ' ';
}

void
fc_add_header(struct filter_call *fc, const char *name, const char *value)
{
	size_t len;
	char *line;

	assert(fc->phase == PHASE_MESSAGE && fc->tx->message != NULL);
	if (fc->instance->chain.observe || !header_is_name(name))
		return;
	line = make_field(fc, name, value, &len);
	message_prepend(fc->tx->message, line, len);
}

void
fc_insert_header(
    struct filter_call *fc, const char *name, const char *value, int64_t place)
{
	const struct headers *h = fields(fc);
	uint64_t at;
	size_t len;
	char *line;

	if (place < 0)
		place += (int64_t)h->count + 1;
	if (place >= (int64_t)h->count)
		at = message_header_end(fc->tx->message, h->parser.pos);
	else
		at = place > 0 ? h->list[place].offset : 0;
	if (fc->instance->chain.observe || !header_is_name(name))
		return;
	if (at == 0) {
		fc_add_header(fc, name, value);
		return;
	}
	line = make_field(fc, name, value, &len);
	message_insert(fc->tx->message, at, line, len);
}
