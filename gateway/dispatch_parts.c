/*
 * The parts of a transaction: see dispatch_impl.h.
 */

#include "dispatch_impl.h"

#include "envelope.h"
#include "mem.h"

static bool has_room(const struct dispatch *, const struct part *);
static struct part *part_for(struct dispatch *, const struct recipient *);
static void sort_parts(struct dispatch *);

/* Each recipient that has to get the message goes to the part of its backend.
 */
void
dispatch_divide(struct dispatch *d)
{
	const struct envelope *e = d->order.envelope;
	struct part *p;
	size_t i;

	d->parts = xcalloc(e->count, sizeof(*d->parts));
	for (i = 0; i < e->count; i++) {
		if (e->rcpts[i].backend_name == NULL) {
			d->discarded++;
			continue;
		}
		if (d->known != NULL && d->known[i])
			continue;
		p = part_for(d, &e->rcpts[i]);
		if (p->rcpts == NULL)
			p->rcpts = xcalloc(e->count - i, sizeof(*p->rcpts));
		p->rcpts[p->count++] = i;
	}
	sort_parts(d);
}

/* The client was told at RCPT when its recipients were more than the backend
 * takes at once; of those that filters added it knows nothing. */
static bool
has_room(const struct dispatch *d, const struct part *p)
{
	uint32_t max;

	if (!p->added)
		return true;
	max = relay_rcpt_max(d->order.relay, p->backend);
	return max == 0 || p->count < max;
}

static struct part *
part_for(struct dispatch *d, const struct recipient *r)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (d->parts[i].backend == r->backend &&
		    d->parts[i].added == r->added && has_room(d, &d->parts[i]))
			return &d->parts[i];
	d->parts[i].dispatch = d;
	d->parts[i].backend = r->backend;
	d->parts[i].added = r->added;
	d->count++;
	return &d->parts[i];
}

static bool
is_before(const struct part *a, const struct part *b)
{
	return a->added != b->added ? b->added : a->backend < b->backend;
}

static void
sort_parts(struct dispatch *d)
{
	struct part p;
	size_t i, k;

	for (i = 1; i < d->count; i++) {
		p = d->parts[i];
		for (k = i; k > 0 && is_before(&p, &d->parts[k - 1]); k--)
			d->parts[k] = d->parts[k - 1];
		d->parts[k] = p;
	}
}
