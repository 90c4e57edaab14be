/*
 * The table of a message's header fields: see headers.h.
 */

#include "headers.h"

#include <string.h>
#include <strings.h>

#include "mem.h"

#define FIRST_SPACE 32

static void add(struct headers *, const struct headers_limits *);
static void check(struct headers *, const struct headers_limits *);

void
headers_init(struct headers *h, struct arena *a)
{
	memset(h, 0, sizeof(*h));
	h->arena = a;
	header_init(&h->parser);
}

void
headers_feed(struct headers *h, const struct headers_limits *limits,
    const char *data, size_t len)
{
	enum header_found found = HEADER_FIELD;
	size_t used = 0;

	while (!h->over && h->fault == HEADERS_GOOD && found == HEADER_FIELD) {
		found = header_next(&h->parser, data, len, &used);
		if (found == HEADER_FIELD)
			add(h, limits);
		else
			check(h, limits);
		h->over = found == HEADER_END;
	}
}

void
headers_finish(struct headers *h, const struct headers_limits *limits)
{
	if (!h->over && h->fault == HEADERS_GOOD &&
	    header_finish(&h->parser) == HEADER_FIELD)
		add(h, limits);
	h->over = true;
}

static void
add(struct headers *h, const struct headers_limits *limits)
{
	const struct header_field *f = &h->parser.field;
	struct headers_item *list;

	h->size += f->len;
	h->received += header_name_is(f, "Received");
	if (h->count == h->space) {
		h->space = h->space == 0 ? FIRST_SPACE : h->space * 2;
		list = arena_alloc(h->arena, h->space * sizeof(*list));
		if (h->count > 0)
			memcpy(list, h->list, h->count * sizeof(*list));
		h->list = list;
	}
	h->list[h->count++] = (struct headers_item){
		.name = arena_strndup(h->arena, f->name, strlen(f->name)),
		.offset = f->offset,
		.value = (uint32_t)f->value,
		.len = (uint32_t)f->len,
		.cut = f->name_len > HEADER_NAME_MAX,
	};
	check(h, limits);
}

/* The field that is still coming counts for the size: it must not grow without
 * an end. */
static void
check(struct headers *h, const struct headers_limits *limits)
{
	if (h->received > limits->received)
		h->fault = HEADERS_LOOP;
	else if (h->count > (uint64_t)limits->count)
		h->fault = HEADERS_TOO_MANY;
	else if (h->size + header_open_len(&h->parser) > (uint64_t)limits->size)
		h->fault = HEADERS_TOO_BIG;
}

struct headers_item *
headers_find(const struct headers *h, const char *name, size_t index)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (!h->list[i].removed && headers_item_is(&h->list[i], name) &&
		    index-- == 0)
			return &h->list[i];
	return NULL;
}

bool
headers_item_is(const struct headers_item *item, const char *name)
{
	return !item->cut && strcasecmp(item->name, name) == 0;
}
