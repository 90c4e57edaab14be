/*
 * The calls of filters that change the envelope: see filter.h.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "filter_call.h"
#include "mem.h"
#include "smtp_parse.h"
#include "tx.h"

#define PATH_SIZE 520

/* The parser of the commands is the judge of what an address is. */
static bool
parse(struct filter_call *fc, const char *text, bool sender,
    struct address *addr_r)
{
	size_t len = strlen(text);
	bool bracketed = len > 0 && text[0] == '<';
	struct smtp_params params;
	struct smtp_path path;
	char buf[PATH_SIZE];
	struct slice arg = { .ptr = buf };
	int n = snprintf(buf, sizeof(buf), "%s:%s%s%s", sender ? "FROM" : "TO",
	    bracketed ? "" : "<", text, bracketed ? "" : ">");

	if (n < 0 || (size_t)n >= sizeof(buf))
		return false;
	arg.len = (size_t)n;
	if ((sender ? smtp_parse_mail(arg, &path, &params)
		    : smtp_parse_rcpt(arg, &path, &params)) != SMTP_PATH_GOOD ||
	    params.count > 0)
		return false;
	*addr_r = envelope_address(&fc->tx->arena, &path);
	return true;
}

static bool
is_same(const struct address *a, const struct address *b)
{
	return strcmp(a->local, b->local) == 0 &&
	    strcmp(a->plain, b->plain) == 0;
}

bool
fc_set_sender(struct filter_call *fc, const char *text)
{
	struct address addr;

	assert(fc->tx->envelope.has_sender);
	if (!parse(fc, text, true, &addr))
		return false;
	if (!fc->instance->chain.observe)
		fc->tx->envelope.sender = addr;
	return true;
}

bool
fc_add_recipient(struct filter_call *fc, const char *text)
{
	struct envelope *e = &fc->tx->envelope;
	struct address addr;
	size_t i;

	if (!parse(fc, text, false, &addr))
		return false;
	for (i = 0; i < e->count; i++)
		if (is_same(&e->rcpts[i].addr, &addr))
			return true;
	if (!fc->instance->chain.observe)
		envelope_add_extra(e, &addr);
	return true;
}

bool
fc_remove_recipient(struct filter_call *fc, const char *text)
{
	struct envelope *e = &fc->tx->envelope;
	struct address addr;
	size_t i;

	assert(fc->phase > PHASE_RCPT);
	if (!parse(fc, text, false, &addr))
		return false;
	for (i = 0; i < e->count; i++)
		if (is_same(&e->rcpts[i].addr, &addr)) {
			if (!fc->instance->chain.observe)
				e->rcpts[i].removed = true;
			return true;
		}
	return false;
}

bool
fc_rewrite_recipient(struct filter_call *fc, const char *text)
{
	struct envelope *e = &fc->tx->envelope;
	struct recipient *r;
	struct address addr;

	assert(fc->phase == PHASE_RCPT && e->count > 0);
	if (!parse(fc, text, false, &addr))
		return false;
	r = &e->rcpts[e->count - 1];
	if (fc->instance->chain.observe || is_same(&r->addr, &addr))
		return true;
	r->addr = addr;
	r->moved = true;
	return true;
}
