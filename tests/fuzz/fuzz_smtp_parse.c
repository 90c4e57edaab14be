/*
 * Command lines: slices stay inside the line, and what was understood means
 * the same when it is written down again.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_parse.h"

#define MESSAGE_ROOM 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	char buf[MESSAGE_ROOM];
	size_t len;
};

static void
check_inside(struct slice s, const char *in, size_t len)
{
	if (s.ptr == NULL)
		assert(s.len == 0);
	else
		assert(
		    s.ptr >= in && s.len <= len && s.ptr + s.len <= in + len);
}

static void
put(struct text *t, const char *s, size_t len)
{
	assert(t->len + len <= sizeof(t->buf));
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

static void
assert_same(struct slice a, struct slice b)
{
	assert((a.ptr == NULL) == (b.ptr == NULL));
	assert(a.len == b.len);
	assert(a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static void
check_path(const struct smtp_path *p, struct slice arg, bool rcpt)
{
	size_t i;

	check_inside(p->local, arg.ptr, arg.len);
	check_inside(p->domain, arg.ptr, arg.len);
	assert(p->local.len <= SMTP_LOCALPART_MAX);
	assert(p->local.len + p->domain.len + 2 <= SMTP_PATH_MAX);
	assert(p->is_null == (p->local.len == 0));
	assert(!rcpt || !p->is_null);
	for (i = 0; i < p->local.len; i++)
		assert((unsigned char)p->local.ptr[i] >= ' ');
	if (p->is_quoted)
		assert(p->local.ptr[0] == '"');
	if (p->is_literal)
		assert(smtp_is_literal(p->domain.ptr, p->domain.len));
	else if (p->domain.len > 0)
		assert(smtp_is_domain(p->domain.ptr, p->domain.len, true));
	else
		assert(
		    p->is_null || (rcpt && slice_is(p->local, "postmaster")));
}

/* As the relay would write it. */
static void
write_path(struct text *t, const struct smtp_path *p,
    const struct smtp_params *params, bool rcpt)
{
	size_t i;

	put(t, rcpt ? "TO:<" : "FROM:<", rcpt ? 4 : 6);
	if (p->local.len > 0)
		put(t, p->local.ptr, p->local.len);
	if (p->domain.len > 0) {
		put(t, "@", 1);
		put(t, p->domain.ptr, p->domain.len);
	}
	put(t, ">", 1);
	for (i = 0; i < params->count; i++) {
		put(t, " ", 1);
		put(t, params->list[i].name.ptr, params->list[i].name.len);
		if (params->list[i].value.ptr == NULL)
			continue;
		put(t, "=", 1);
		put(t, params->list[i].value.ptr, params->list[i].value.len);
	}
}

static void
check_envelope(struct slice arg, bool rcpt)
{
	static struct text t;
	struct smtp_path p, again;
	struct smtp_params params, params_again;
	enum smtp_path_fault fault;
	struct slice s;
	size_t i;

	fault = rcpt ? smtp_parse_rcpt(arg, &p, &params)
		     : smtp_parse_mail(arg, &p, &params);
	if (fault != SMTP_PATH_GOOD)
		return;
	assert(params.count <= SMTP_PARAMS_MAX);
	check_path(&p, arg, rcpt);
	for (i = 0; i < params.count; i++) {
		check_inside(params.list[i].name, arg.ptr, arg.len);
		check_inside(params.list[i].value, arg.ptr, arg.len);
	}
	if (arg.len > MESSAGE_ROOM)
		return;
	t.len = 0;
	write_path(&t, &p, &params, rcpt);
	s.ptr = t.buf;
	s.len = t.len;
	assert(smtp_line_check(t.buf, t.len) != SMTP_LINE_CONTROL);
	fault = rcpt ? smtp_parse_rcpt(s, &again, &params_again)
		     : smtp_parse_mail(s, &again, &params_again);
	assert(fault == SMTP_PATH_GOOD && !again.had_route);
	assert_same(p.local, again.local);
	assert_same(p.domain, again.domain);
	assert(p.is_null == again.is_null && p.is_quoted == again.is_quoted);
	assert(params.count == params_again.count);
	for (i = 0; i < params.count; i++) {
		assert_same(params.list[i].name, params_again.list[i].name);
		assert_same(params.list[i].value, params_again.list[i].value);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct smtp_command cmd;
	struct slice all = { in, size };
	uint64_t value;

	smtp_line_check(in, size);
	cmd = smtp_parse_command(in, size);
	check_inside(cmd.name, in, size);
	check_inside(cmd.arg, in, size);
	assert(cmd.verb < SMTP_VERBS);
	check_envelope(cmd.arg, cmd.verb == SMTP_RCPT);
	check_envelope(all, false);
	check_envelope(all, true);
	if (smtp_is_domain(in, size, false))
		assert(smtp_line_check(in, size) == SMTP_LINE_GOOD &&
		    smtp_is_domain(in, size, true));
	if (smtp_is_literal(in, size))
		assert(smtp_line_check(in, size) == SMTP_LINE_GOOD);
	if (smtp_parse_number(all, 1000, &value))
		assert(value <= 1000);
	return 0;
}
