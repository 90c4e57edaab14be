/*
 * The parameters of MAIL and RCPT: see smtp_params.h.
 */

#include "smtp_params.h"

#include <stdio.h>
#include <string.h>

#include "ehlo.h"
#include "xclient.h"

static enum smtp_param_fault read_size(struct slice, struct smtp_mail_params *);
static enum smtp_param_fault read_body(struct slice, struct smtp_mail_params *);
static enum smtp_param_fault read_utf8(struct slice, struct smtp_mail_params *);
static enum smtp_param_fault read_ret(struct slice, struct smtp_mail_params *);
static enum smtp_param_fault read_envid(
    struct slice, struct smtp_mail_params *);
static enum smtp_param_fault read_auth(struct slice, struct smtp_mail_params *);

static const struct {
	const char *name;
	unsigned extension;
	enum smtp_param_fault (*read)(struct slice, struct smtp_mail_params *);
} of_mail[] = {
	{ "SIZE", EHLO_SIZE, read_size },
	{ "BODY", 0, read_body },
	{ "SMTPUTF8", EHLO_SMTPUTF8, read_utf8 },
	{ "REQUIRETLS", EHLO_REQUIRETLS, read_utf8 },
	{ "RET", EHLO_DSN, read_ret },
	{ "ENVID", EHLO_DSN, read_envid },
	{ "AUTH", EHLO_AUTH, read_auth },
};
#define OF_MAIL (sizeof(of_mail) / sizeof(of_mail[0]))

enum smtp_param_fault
smtp_read_mail_params(
    const struct smtp_params *params, struct smtp_mail_params *r)
{
	enum smtp_param_fault fault;
	size_t i, k;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < params->count; i++) {
		for (k = 0; k < OF_MAIL; k++)
			if (slice_is(params->list[i].name, of_mail[k].name))
				break;
		if (k == OF_MAIL)
			return SMTP_PARAM_UNKNOWN;
		fault = of_mail[k].read(params->list[i].value, r);
		if (fault != SMTP_PARAM_GOOD)
			return fault;
		r->uses |= of_mail[k].extension;
	}
	return SMTP_PARAM_GOOD;
}

static enum smtp_param_fault
read_size(struct slice value, struct smtp_mail_params *r)
{
	return smtp_parse_number(value, UINT64_MAX, &r->size) ? SMTP_PARAM_GOOD
							      : SMTP_PARAM_SIZE;
}

static enum smtp_param_fault
read_body(struct slice value, struct smtp_mail_params *r)
{
	if (slice_is(value, "7BIT")) {
		r->body = BODY_7BIT;
	} else if (slice_is(value, "8BITMIME")) {
		r->body = BODY_8BITMIME;
		r->uses |= EHLO_8BITMIME;
	} else if (slice_is(value, "BINARYMIME")) {
		r->body = BODY_BINARYMIME;
		r->uses |= EHLO_BINARYMIME;
	} else {
		return SMTP_PARAM_BODY;
	}
	return SMTP_PARAM_GOOD;
}

/* SMTPUTF8 and REQUIRETLS stand alone. */
static enum smtp_param_fault
read_utf8(struct slice value, struct smtp_mail_params *r)
{
	(void)r;
	return value.ptr == NULL ? SMTP_PARAM_GOOD : SMTP_PARAM_HAS_VALUE;
}

static enum smtp_param_fault
read_ret(struct slice value, struct smtp_mail_params *r)
{
	if (slice_is(value, "FULL"))
		r->ret = DSN_RET_FULL;
	else if (slice_is(value, "HDRS"))
		r->ret = DSN_RET_HDRS;
	else
		return SMTP_PARAM_RET;
	return SMTP_PARAM_GOOD;
}

/* xtext that stands for printable ASCII and blanks; not empty. */
static bool
read_xtext(struct slice value, char *buf, size_t size)
{
	size_t i, len;

	if (value.len == 0 || !xtext_decode(value, buf, size, &len))
		return false;
	for (i = 0; i < len; i++)
		if (buf[i] < ' ' || buf[i] > '~') /* or above 127 */
			return false;
	return len > 0;
}

static enum smtp_param_fault
read_envid(struct slice value, struct smtp_mail_params *r)
{
	r->has_envid = true;
	return read_xtext(value, r->envid, sizeof(r->envid)) ? SMTP_PARAM_GOOD
							     : SMTP_PARAM_ENVID;
}

static enum smtp_param_fault
read_auth(struct slice value, struct smtp_mail_params *r)
{
	r->has_auth = true;
	if (value.len > SMTP_AUTH_MAX ||
	    !read_xtext(value, r->auth, sizeof(r->auth)))
		return SMTP_PARAM_AUTH;
	if (strcmp(r->auth, "<>") == 0)
		r->auth[0] = '\0';
	else if (strpbrk(r->auth, "<>") != NULL)
		return SMTP_PARAM_AUTH;
	return SMTP_PARAM_GOOD;
}

/* RCPT */

/* "NEVER", or a list of the others (RFC 3461 4.1). */
static enum smtp_param_fault
read_notify(struct slice value, struct smtp_rcpt_params *r)
{
	static const char *const words[] = { "NEVER", "SUCCESS", "FAILURE",
		"DELAY" };
	const char *comma;
	struct slice word;
	size_t i;

	for (;;) {
		word = value;
		comma =
		    value.len > 0 ? memchr(value.ptr, ',', value.len) : NULL;
		if (comma != NULL)
			word.len = (size_t)(comma - value.ptr);
		for (i = 0; i < 4 && !slice_is(word, words[i]); i++)
			;
		if (i == 4)
			return SMTP_PARAM_NOTIFY;
		r->notify |= 1u << i;
		if (comma == NULL)
			break;
		value.ptr += word.len + 1;
		value.len -= word.len + 1;
	}
	return r->notify == DSN_NEVER || (r->notify & DSN_NEVER) == 0
	    ? SMTP_PARAM_GOOD
	    : SMTP_PARAM_NOTIFY;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* "\x{20AC}": at at the backslash.  Its length; 0 if it is none. */
static size_t
embedded_char(const char *at, const char *end)
{
	const char *p = at + 3;

	if (end - at < 6 || memcmp(at, "\\x{", 3) != 0)
		return 0;
	while (p < end && is_hex(*p))
		p++;
	if (p == end || *p != '}' || p - at < 5 || p - at > 9)
		return 0;
	return (size_t)(p + 1 - at);
}

/* An address of type utf-8 in one of the encodings of RFC 6533 section 3;
 * smtp_parse.c has seen to it that octets above 127 are UTF-8. */
static bool
is_utf8_address(struct slice s, bool utf8)
{
	const char *p = s.ptr, *end = s.ptr + s.len;
	size_t n;

	for (; p < end; p += n) {
		n = 1;
		if (*p == '\\')
			n = embedded_char(p, end);
		else if (*p == '+')
			n = end - p > 2 && is_hex(p[1]) && is_hex(p[2]) ? 3 : 0;
		else if ((unsigned char)*p > 127 && !utf8)
			return false;
		if (n == 0)
			return false;
	}
	return s.len > 0;
}

/* addr-type ";" xtext */
static enum smtp_param_fault
read_orcpt(struct slice value, bool utf8, struct smtp_rcpt_params *r)
{
	const char *semi =
	    value.len > 0 ? memchr(value.ptr, ';', value.len) : NULL;
	struct slice type = value, addr;
	size_t i;
	char c;

	if (semi == NULL || value.len > SMTP_ORCPT_MAX)
		return SMTP_PARAM_ORCPT;
	type.len = (size_t)(semi - value.ptr);
	addr.ptr = semi + 1;
	addr.len = value.len - type.len - 1;
	if (type.len == 0 || type.len > SMTP_ORCPT_TYPE_MAX)
		return SMTP_PARAM_ORCPT;
	for (i = 0; i < type.len; i++) {
		c = type.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-')
			return SMTP_PARAM_ORCPT;
	}
	memcpy(r->orcpt_type, type.ptr, type.len);
	if (!slice_is(type, "utf-8"))
		return read_xtext(addr, r->orcpt, sizeof(r->orcpt))
		    ? SMTP_PARAM_GOOD
		    : SMTP_PARAM_ORCPT;
	if (!is_utf8_address(addr, utf8))
		return SMTP_PARAM_ORCPT;
	memcpy(r->orcpt, addr.ptr, addr.len);
	return SMTP_PARAM_GOOD;
}

enum smtp_param_fault
smtp_read_rcpt_params(
    const struct smtp_params *params, bool utf8, struct smtp_rcpt_params *r)
{
	enum smtp_param_fault fault;
	const struct smtp_param *p;
	size_t i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < params->count; i++) {
		p = &params->list[i];
		if (slice_is(p->name, "NOTIFY"))
			fault = read_notify(p->value, r);
		else if (slice_is(p->name, "ORCPT"))
			fault = read_orcpt(p->value, utf8, r);
		else
			return SMTP_PARAM_UNKNOWN;
		if (fault != SMTP_PARAM_GOOD)
			return fault;
		r->uses |= EHLO_DSN;
	}
	return SMTP_PARAM_GOOD;
}

/* Writing. */

const char *
smtp_body_text(enum body_type body)
{
	static const char *const texts[] = { [BODY_UNSPECIFIED] = "",
		[BODY_7BIT] = "7BIT",
		[BODY_8BITMIME] = "8BITMIME",
		[BODY_BINARYMIME] = "BINARYMIME" };

	return texts[body];
}

const char *
smtp_ret_text(enum dsn_ret ret)
{
	static const char *const texts[] = { [DSN_RET_UNSPECIFIED] = "",
		[DSN_RET_FULL] = "FULL",
		[DSN_RET_HDRS] = "HDRS" };

	return texts[ret];
}

const char *
smtp_notify_text(unsigned notify)
{
	static const char *const texts[] = { "", "SUCCESS", "FAILURE",
		"SUCCESS,FAILURE", "DELAY", "SUCCESS,DELAY", "FAILURE,DELAY",
		"SUCCESS,FAILURE,DELAY" };

	return notify == DSN_NEVER ? "NEVER" : texts[notify >> 1 & 7];
}

size_t
smtp_write_orcpt(const char *type, const char *orcpt, char *buf, size_t size)
{
	char text[3 * SMTP_ORCPT_MAX + 4];
	struct slice s = { type, strlen(type) };
	int n;

	if (type[0] == '\0')
		return 0;
	if (!slice_is(s, "utf-8")) {
		text[xtext_encode(orcpt, text, sizeof(text))] = '\0';
		orcpt = text;
	}
	n = snprintf(buf, size, " ORCPT=%s;%s", type, orcpt);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}
