/*
 * Answers of the DNS: see dns_answer.h.
 */

#include "dns_answer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static const char *copy(struct dns_answer *, const char *, size_t);

struct dns_answer *
dns_answer_new(const char *name, enum dns_type type)
{
	struct dns_answer *a = xcalloc(1, sizeof(*a));

	a->refs = 1;
	a->size = sizeof(*a);
	a->name = copy(a, name, strlen(name));
	a->type = type;
	a->status = DNS_UNKNOWN;
	a->ttl = UINT32_MAX;
	return a;
}

static const char *
copy(struct dns_answer *a, const char *text, size_t len)
{
	char *p = xmalloc(len + 1);

	if (len > 0)
		memcpy(p, text, len);
	p[len] = '\0';
	a->size += len + 1;
	return p;
}

void
dns_answer_add(struct dns_answer *a, const struct dns_record *r)
{
	struct dns_record new = *r;
	size_t at = a->count;

	assert(a->refs == 1 && a->count < DNS_RECORDS_MAX);
	if (r->name != NULL)
		new.name = copy(a, r->name, strlen(r->name));
	if (r->text != NULL)
		new.text = copy(a, r->text, r->len);
	if (a->count == a->space) {
		a->space = a->space == 0 ? 1 : 2 * a->space;
		a->list = xrealloc(a->list, a->space * sizeof(*a->list));
	}
	while (at > 0 && a->list[at - 1].preference > new.preference)
		at--;
	memmove(
	    &a->list[at + 1], &a->list[at], (a->count - at) * sizeof(*a->list));
	a->list[at] = new;
	a->records = a->list;
	a->count++;
	a->size += sizeof(new);
}

struct dns_answer *
dns_answer_ref(struct dns_answer *a)
{
	assert(a->refs > 0);
	a->refs++;
	return a;
}

static void
drop(const char *text)
{
	free((char *)(uintptr_t)text);
}

void
dns_answer_unref(struct dns_answer **ap)
{
	struct dns_answer *a = *ap;
	size_t i;

	*ap = NULL;
	if (a == NULL)
		return;
	assert(a->refs > 0);
	if (--a->refs > 0)
		return;
	for (i = 0; i < a->count; i++) {
		drop(a->list[i].name);
		drop(a->list[i].text);
	}
	free(a->list);
	drop(a->name);
	free(a);
}

const char *
dns_type_name(enum dns_type type)
{
	static const char *const names[] = { [DNS_A] = "A",
		[DNS_AAAA] = "AAAA",
		[DNS_CNAME] = "CNAME",
		[DNS_MX] = "MX",
		[DNS_PTR] = "PTR",
		[DNS_TXT] = "TXT" };

	return names[type];
}
