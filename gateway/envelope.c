/*
 * The envelope: addresses made from parsed paths, a growing array of
 * recipients.
 */

#include "envelope.h"

#include <assert.h>
#include <string.h>

#include "mem.h"
#include "smtp_parse.h"

#define FIRST_SPACE 4 /* most mail has fewer recipients */

void
envelope_init(struct envelope *e, struct arena *a)
{
	memset(e, 0, sizeof(*e));
	e->arena = a;
	e->sender.text = e->sender.local = e->sender.domain = "";
}

/* A domain means the same in every case, a local part does not. */
struct address
envelope_address(struct arena *a, const struct smtp_path *path)
{
	struct address addr = { .text = "", .local = "", .domain = "" };
	char *domain;
	size_t i;

	if (path->is_null)
		return addr;
	addr.local = arena_strndup(a, path->local.ptr, path->local.len);
	addr.text = addr.local;
	if (path->domain.len == 0)
		return addr;
	domain = arena_strndup(a, path->domain.ptr, path->domain.len);
	for (i = 0; i < path->domain.len; i++)
		if (domain[i] >= 'A' && domain[i] <= 'Z')
			domain[i] = (char)(domain[i] + ('a' - 'A'));
	addr.domain = domain;
	addr.text = arena_printf(a, "%s@%s", addr.local, domain);
	return addr;
}

/* The arena keeps the smaller arrays; together they are no larger than the
 * last one. */
struct recipient *
envelope_add(struct envelope *e, const struct address *addr)
{
	struct recipient *larger, *r;
	size_t space;

	if (e->count == e->space) {
		space = e->space > 0 ? e->space * 2 : FIRST_SPACE;
		larger = arena_alloc(e->arena, space * sizeof(*larger));
		if (e->count > 0)
			memcpy(larger, e->rcpts, e->count * sizeof(*larger));
		e->rcpts = larger;
		e->space = space;
	}
	r = &e->rcpts[e->count++];
	memset(r, 0, sizeof(*r));
	r->addr = *addr;
	return r;
}

void
envelope_drop_last(struct envelope *e)
{
	assert(e->count > 0);
	e->count--;
}
