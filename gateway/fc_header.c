/*
 * The calls of filters about header fields: see filter.h.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "filter_call.h"
#include "mem.h"
#include "message.h"
#include "tx.h"

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

void
fc_add_header(struct filter_call *fc, const char *name, const char *value)
{
	char *line, *p;

	assert(fc->phase == PHASE_MESSAGE && fc->tx->message != NULL);
	if (fc->instance->chain.observe)
		return;
	line = arena_printf(&fc->tx->arena, "%s: %s", name, value);
	for (p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = ' ';
	line = arena_printf(&fc->tx->arena, "%s\r\n", line);
	message_prepend(fc->tx->message, line, strlen(line));
}
