/*
 * The envelope: addresses made from parsed paths, a growing array of
 * recipients.
 */

#include "envelope.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "dns_answer.h"
#include "dns_name.h"
#include "ehlo.h"
#include "mem.h"

/* Of the extensions that parameters belong to: a server without SIZE is not
 * told the size, one without AUTH not who submitted, and nothing is lost. */
#define NOT_NEEDED (EHLO_SIZE | EHLO_AUTH)

#define FIRST_SPACE 4 /* most mail has fewer recipients */

void
envelope_init(struct envelope *e, struct arena *a)
{
	memset(e, 0, sizeof(*e));
	e->arena = a;
	e->sender = (struct address){ "", "", "", "" };
}

/* The domain of U-labels in A-labels. */
static const char *
plain_domain(struct arena *a, const char *domain)
{
	char buf[DNS_NAME_SIZE];
	const char *plain = dns_name_plain(domain, buf, sizeof(buf));

	return plain == buf ? arena_strndup(a, buf, strlen(buf)) : domain;
}

/* A domain means the same in every case, a local part does not. */
struct address
envelope_address(struct arena *a, const struct smtp_path *path)
{
	struct address addr = { "", "", "", "" };
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
	addr.plain = plain_domain(a, domain);
	addr.text = arena_printf(a, "%s@%s", addr.local, domain);
	return addr;
}

const char *
address_plain(const struct address *a, char *buf, size_t size)
{
	bool quoted = a->local[0] == '"';
	const char *p = a->local + quoted;
	size_t n = 0;

	if (!quoted && a->plain == a->domain)
		return a->text;
	for (; *p != '\0' && !(quoted && *p == '"') && n + 1 < size; p++) {
		if (quoted && *p == '\\' && p[1] != '\0')
			p++;
		buf[n++] = *p;
	}
	snprintf(buf + n, size - n, "@%s", a->plain);
	return buf;
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

static const char *
keep(struct envelope *e, const char *text)
{
	return arena_strndup(e->arena, text, strlen(text));
}

void
envelope_mail_params(struct envelope *e, const struct smtp_mail_params *params)
{
	e->size = params->size;
	e->body = params->body;
	e->ret = params->ret;
	e->needs = params->uses & ~(unsigned)NOT_NEEDED;
	if (params->body == BODY_BINARYMIME)
		e->needs |= EHLO_CHUNKING;
	e->envid = params->has_envid ? keep(e, params->envid) : NULL;
	e->auth = params->has_auth ? keep(e, params->auth) : NULL;
}

void
envelope_rcpt_params(struct envelope *e, struct recipient *r,
    const struct smtp_rcpt_params *params)
{
	r->needs = params->uses;
	r->notify = params->notify;
	if (params->orcpt_type[0] == '\0')
		return;
	r->orcpt_type = keep(e, params->orcpt_type);
	r->orcpt = keep(e, params->orcpt);
}

void
envelope_add_extra(struct envelope *e, const struct address *addr)
{
	struct extra *larger;
	size_t space;

	if (e->extra_count == e->extra_space) {
		space = e->extra_space > 0 ? e->extra_space * 2 : FIRST_SPACE;
		larger = arena_alloc(e->arena, space * sizeof(*larger));
		if (e->extra_count > 0)
			memcpy(larger, e->extras,
			    e->extra_count * sizeof(*larger));
		e->extras = larger;
		e->extra_space = space;
	}
	e->extras[e->extra_count++] =
	    (struct extra){ .addr = *addr, .owner = e->count };
}

void
envelope_drop_last(struct envelope *e)
{
	assert(e->count > 0);
	while (e->extra_count > 0 &&
	    e->extras[e->extra_count - 1].owner == e->count)
		e->extra_count--;
	e->count--;
}
