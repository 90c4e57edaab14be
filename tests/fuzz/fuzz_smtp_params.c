/*
 * The parameters of MAIL and RCPT: what was read is clean, and written down
 * again it means the same.
 */

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "ehlo.h"
#include "smtp_params.h"
#include "utf8.h"
#include "xclient.h"

#define LINE_MAX_OCTETS 8000
#define OF_RCPT ((unsigned)EHLO_DSN)
#define OF_MAIL                                                   \
	((unsigned)(EHLO_SIZE | EHLO_8BITMIME | EHLO_BINARYMIME | \
	    EHLO_SMTPUTF8 | EHLO_REQUIRETLS | EHLO_DSN | EHLO_AUTH))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_clean(const char *s, size_t max)
{
	assert(strlen(s) <= max);
	for (; *s != '\0'; s++)
		assert(*s >= ' ' && *s <= '~');
}

static bool
split(const char *line, size_t len, bool rcpt, struct smtp_params *params)
{
	struct slice arg = { line, len };
	struct smtp_path path;

	return (rcpt ? smtp_parse_rcpt(arg, &path, params)
		     : smtp_parse_mail(arg, &path, params)) == SMTP_PATH_GOOD;
}

static void
check_mail(const char *line, size_t len)
{
	char again[LINE_MAX_OCTETS], coded[3 * SMTP_AUTH_MAX + 4] = "<>";
	struct smtp_mail_params r, back;
	struct smtp_params params;
	size_t at;

	if (!split(line, len, false, &params) ||
	    smtp_read_mail_params(&params, &r) != SMTP_PARAM_GOOD)
		return;
	assert((r.uses & ~OF_MAIL) == 0);
	check_clean(r.envid, SMTP_ENVID_MAX);
	check_clean(r.auth, SMTP_AUTH_MAX);
	assert(strpbrk(r.auth, "<>") == NULL);
	assert(r.has_envid == (r.envid[0] != '\0'));
	assert(r.has_auth || r.auth[0] == '\0');
	at = (size_t)snprintf(again, sizeof(again), "FROM:<> SIZE=%llu",
	    (unsigned long long)r.size);
	if (r.has_auth) {
		if (r.auth[0] != '\0')
			assert(xtext_encode(r.auth, coded, sizeof(coded)) > 0);
		at += (size_t)snprintf(
		    again + at, sizeof(again) - at, " AUTH=%s", coded);
	}
	if (r.has_envid) {
		assert(xtext_encode(r.envid, coded, sizeof(coded)) > 0);
		at += (size_t)snprintf(
		    again + at, sizeof(again) - at, " ENVID=%s", coded);
	}
	assert(split(again, at, false, &params));
	/* What was given decoded may be too long encoded. */
	if (smtp_read_mail_params(&params, &back) != SMTP_PARAM_GOOD)
		return;
	assert(back.size == r.size && back.has_auth == r.has_auth);
	assert(strcmp(back.auth, r.auth) == 0);
	assert(strcmp(back.envid, r.envid) == 0);
}

static void
check_rcpt(const char *line, size_t len, bool utf8)
{
	char again[LINE_MAX_OCTETS], orcpt[SMTP_ORCPT_LINE];
	struct smtp_rcpt_params r, back;
	struct smtp_params params;
	size_t at, n;

	if (!split(line, len, true, &params) ||
	    smtp_read_rcpt_params(&params, utf8, &r) != SMTP_PARAM_GOOD)
		return;
	assert((r.uses & ~OF_RCPT) == 0);
	assert(r.notify == DSN_NEVER || (r.notify & DSN_NEVER) == 0);
	check_clean(r.orcpt_type, SMTP_ORCPT_TYPE_MAX);
	assert((r.orcpt_type[0] == '\0') == (r.orcpt[0] == '\0'));
	if (utf8)
		assert(utf8_is_text(r.orcpt, strlen(r.orcpt)));
	else
		check_clean(r.orcpt, SMTP_ORCPT_MAX);
	n = smtp_write_orcpt(r.orcpt_type, r.orcpt, orcpt, sizeof(orcpt));
	assert((n > 0) == (r.orcpt[0] != '\0'));
	orcpt[n] = '\0';
	at = (size_t)snprintf(again, sizeof(again), "TO:<a@b>%s%s%s",
	    r.notify != 0 ? " NOTIFY=" : "", smtp_notify_text(r.notify), orcpt);
	assert(split(again, at, true, &params));
	if (smtp_read_rcpt_params(&params, utf8, &back) != SMTP_PARAM_GOOD) {
		assert(n > SMTP_ORCPT_MAX);
		return;
	}
	assert(back.notify == r.notify);
	assert(strcmp(back.orcpt_type, r.orcpt_type) == 0);
	assert(strcmp(back.orcpt, r.orcpt) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[LINE_MAX_OCTETS];
	int n;

	if (size > LINE_MAX_OCTETS / 2)
		return 0;
	n = snprintf(line, sizeof(line), "FROM:<> ");
	memcpy(line + n, data, size);
	check_mail(line, (size_t)n + size);
	n = snprintf(line, sizeof(line), "TO:<a@b> ");
	memcpy(line + n, data, size);
	check_rcpt(line, (size_t)n + size, false);
	check_rcpt(line, (size_t)n + size, true);
	return 0;
}
