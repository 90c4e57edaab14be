/*
 * The grammar of command lines: verbs, paths, parameters.
 *
 * Paths are read from left to right by a cursor (struct scan) over the
 * argument; each of the scan_ functions takes one element of the grammar or
 * leaves the cursor alone and says no.
 */

#include "smtp_parse.h"

#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "utf8.h"

struct scan {
	const char *at;
	const char *end;
};

/* In the order of enum smtp_verb. */
static const char *const verbs[SMTP_UNKNOWN] = { "HELO", "EHLO", "LHLO", "MAIL",
	"RCPT", "DATA", "BDAT", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT",
	"STARTTLS", "AUTH", "XCLIENT", "XFORWARD" };

static enum smtp_path_fault parse_envelope(
    struct slice, const char *, struct smtp_path *, struct smtp_params *);
static enum smtp_path_fault scan_path(struct scan *, struct smtp_path *);
static bool scan_route(struct scan *);
static bool scan_local(struct scan *, struct smtp_path *);
static bool scan_quoted(struct scan *);
static bool scan_dot_string(struct scan *);
static bool scan_domain(struct scan *, struct slice *, bool *);
static enum smtp_path_fault scan_params(struct scan *, struct smtp_params *);
static bool scan_param(struct scan *, struct smtp_param *);
static bool is_labels(const char *, size_t, bool);
static bool is_label(const char *, size_t, bool);
static bool skip_blanks(struct scan *);
static bool skip_char(struct scan *, char);
static bool same(const char *, const char *, size_t);

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool
is_print(char c)
{
	return c >= ' ' && c <= '~';
}

static bool
is_high(char c)
{
	return (unsigned char)c > 127;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

/* What may stand in a label; the underscore is no letter of RFC 5321. */
static bool
is_ldh(char c)
{
	return is_alnum(c) || is_high(c) || c == '-' || c == '_';
}

static bool
is_atext(char c)
{
	return is_alnum(c) || is_high(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

enum smtp_line_fault
smtp_line_check(const char *line, size_t len)
{
	bool high = false;
	size_t i;

	for (i = 0; i < len; i++) {
		if (is_high(line[i]))
			high = true;
		else if (!is_print(line[i]) && line[i] != '\t')
			return SMTP_LINE_CONTROL;
	}
	return high ? SMTP_LINE_8BIT : SMTP_LINE_GOOD;
}

struct smtp_command
smtp_parse_command(const char *line, size_t len)
{
	struct smtp_command cmd = { SMTP_UNKNOWN, { line, 0 }, { NULL, 0 } };
	size_t i;

	while (len > 0 && is_blank(line[len - 1]))
		len--;
	while (cmd.name.len < len && !is_blank(line[cmd.name.len]))
		cmd.name.len++;
	i = cmd.name.len;
	while (i < len && is_blank(line[i]))
		i++;
	if (i < len) {
		cmd.arg.ptr = line + i;
		cmd.arg.len = len - i;
	}
	for (i = 0; i < SMTP_UNKNOWN; i++) {
		if (slice_is(cmd.name, verbs[i]))
			cmd.verb = (enum smtp_verb)i;
	}
	return cmd;
}

enum smtp_path_fault
smtp_parse_mail(
    struct slice arg, struct smtp_path *path_r, struct smtp_params *params_r)
{
	enum smtp_path_fault fault;

	fault = parse_envelope(arg, "FROM:", path_r, params_r);
	if (fault == SMTP_PATH_GOOD && !path_r->is_null &&
	    path_r->domain.len == 0)
		return SMTP_PATH_NEEDS_DOMAIN;
	return fault;
}

enum smtp_path_fault
smtp_parse_rcpt(
    struct slice arg, struct smtp_path *path_r, struct smtp_params *params_r)
{
	enum smtp_path_fault fault;

	fault = parse_envelope(arg, "TO:", path_r, params_r);
	if (fault != SMTP_PATH_GOOD)
		return fault;
	if (path_r->is_null)
		return SMTP_PATH_SYNTAX;
	if (path_r->domain.len == 0 && !slice_is(path_r->local, "postmaster"))
		return SMTP_PATH_NEEDS_DOMAIN;
	return SMTP_PATH_GOOD;
}

static enum smtp_path_fault
parse_envelope(struct slice arg, const char *word, struct smtp_path *path_r,
    struct smtp_params *params_r)
{
	struct scan sc = { arg.ptr, arg.ptr };
	enum smtp_path_fault fault;
	size_t n = strlen(word);

	memset(path_r, 0, sizeof(*path_r));
	memset(params_r, 0, sizeof(*params_r));
	if (arg.len < n || !same(arg.ptr, word, n) ||
	    !utf8_is_text(arg.ptr, arg.len))
		return SMTP_PATH_SYNTAX;
	sc.at = arg.ptr + n;
	sc.end = arg.ptr + arg.len;
	skip_blanks(&sc);
	fault = scan_path(&sc, path_r);
	if (fault != SMTP_PATH_GOOD)
		return fault;
	return scan_params(&sc, params_r);
}

static enum smtp_path_fault
scan_path(struct scan *sc, struct smtp_path *path)
{
	const char *start = sc->at;

	if (!skip_char(sc, '<'))
		return SMTP_PATH_SYNTAX;
	if (skip_char(sc, '>')) {
		path->is_null = true;
	} else {
		path->had_route = scan_route(sc);
		if (!scan_local(sc, path))
			return SMTP_PATH_SYNTAX;
		if (skip_char(sc, '@')) {
			if (!scan_domain(sc, &path->domain, &path->is_literal))
				return SMTP_PATH_SYNTAX;
		} else if (path->had_route) {
			return SMTP_PATH_SYNTAX;
		}
		if (!skip_char(sc, '>'))
			return SMTP_PATH_SYNTAX;
	}
	if (sc->at < sc->end && !is_blank(*sc->at))
		return SMTP_PATH_SYNTAX;
	if (path->local.len > SMTP_LOCALPART_MAX ||
	    path->domain.len > SMTP_DOMAIN_MAX ||
	    (size_t)(sc->at - start) > SMTP_PATH_MAX)
		return SMTP_PATH_LONG;
	return SMTP_PATH_GOOD;
}

/* A source route with its colon. */
static bool
scan_route(struct scan *sc)
{
	struct scan try = *sc;
	struct slice hop;
	bool literal;

	do {
		if (!skip_char(&try, '@') || !scan_domain(&try, &hop, &literal))
			return false;
	} while (skip_char(&try, ','));
	if (!skip_char(&try, ':'))
		return false;
	*sc = try;
	return true;
}

static bool
scan_local(struct scan *sc, struct smtp_path *path)
{
	const char *start = sc->at;

	path->is_quoted = scan_quoted(sc);
	if (!path->is_quoted && !scan_dot_string(sc))
		return false;
	path->local.ptr = start;
	path->local.len = (size_t)(sc->at - start);
	return true;
}

static bool
scan_quoted(struct scan *sc)
{
	const char *p = sc->at;

	if (p == sc->end || *p != '"')
		return false;
	for (p++; p < sc->end && *p != '"'; p++) {
		/* A backslash takes away the meaning of the next octet, which
		 * must be ASCII (RFC 6531 leaves quoted-pairSMTP as it is). */
		if (*p == '\\' && (++p == sc->end || is_high(*p)))
			return false;
		if (!is_high(*p) && !is_print(*p))
			return false;
	}
	if (p == sc->end)
		return false;
	sc->at = p + 1;
	return true;
}

static bool
scan_dot_string(struct scan *sc)
{
	const char *p = sc->at;
	const char *atom;

	for (;;) {
		atom = p;
		while (p < sc->end && is_atext(*p))
			p++;
		if (p == atom)
			return false;
		if (p == sc->end || *p != '.')
			break;
		p++;
	}
	sc->at = p;
	return true;
}

static bool
scan_domain(struct scan *sc, struct slice *domain, bool *is_literal)
{
	const char *p = sc->at;
	size_t len;

	*is_literal = p < sc->end && *p == '[';
	if (*is_literal) {
		while (p < sc->end && *p++ != ']')
			;
	} else {
		while (p < sc->end && (*p == '.' || is_ldh(*p)))
			p++;
	}
	len = (size_t)(p - sc->at);
	/* One that is only too long is not a matter of syntax. */
	if (*is_literal ? !smtp_is_literal(sc->at, len)
			: !is_labels(sc->at, len, true))
		return false;
	domain->ptr = sc->at;
	domain->len = len;
	sc->at = p;
	return true;
}

static enum smtp_path_fault
scan_params(struct scan *sc, struct smtp_params *params)
{
	struct smtp_param *param;
	size_t i;

	while (skip_blanks(sc) && sc->at < sc->end) {
		param = &params->list[params->count];
		if (params->count == SMTP_PARAMS_MAX || !scan_param(sc, param))
			return SMTP_PATH_PARAMS;
		for (i = 0; i < params->count; i++) {
			if (params->list[i].name.len == param->name.len &&
			    same(params->list[i].name.ptr, param->name.ptr,
				param->name.len))
				return SMTP_PATH_PARAMS; /* repeated */
		}
		params->count++;
	}
	return sc->at == sc->end ? SMTP_PATH_GOOD : SMTP_PATH_PARAMS;
}

/* keyword ["=" value] */
static bool
scan_param(struct scan *sc, struct smtp_param *param)
{
	const char *p = sc->at;

	param->name.ptr = p;
	while (p < sc->end && (is_alnum(*p) || (p > sc->at && *p == '-')))
		p++;
	param->name.len = (size_t)(p - sc->at);
	if (param->name.len == 0)
		return false;
	sc->at = p;
	if (!skip_char(sc, '='))
		return true;
	p = sc->at;
	while (p < sc->end && *p != '=' && *p != ' ' &&
	    (is_high(*p) || is_print(*p)))
		p++;
	param->value.ptr = sc->at;
	param->value.len = (size_t)(p - sc->at);
	sc->at = p;
	return param->value.len > 0;
}

bool
smtp_is_domain(const char *s, size_t len, bool allow_utf8)
{
	return len > 0 && len <= SMTP_DOMAIN_MAX && utf8_is_text(s, len) &&
	    is_labels(s, len, allow_utf8);
}

/* Labels with dots between them, of any length together. */
static bool
is_labels(const char *s, size_t len, bool allow_utf8)
{
	const char *end = s + len;
	const char *dot;

	while ((dot = memchr(s, '.', (size_t)(end - s))) != NULL) {
		if (!is_label(s, (size_t)(dot - s), allow_utf8))
			return false;
		s = dot + 1;
	}
	return is_label(s, (size_t)(end - s), allow_utf8);
}

static bool
is_label(const char *s, size_t len, bool allow_utf8)
{
	bool high = false;
	size_t i;

	if (len == 0 || s[0] == '-' || s[len - 1] == '-')
		return false;
	for (i = 0; i < len; i++) {
		if (!is_ldh(s[i]))
			return false;
		high = high || is_high(s[i]);
	}
	/* 63 octets are a limit of the ASCII form (RFC 5890 4.2): a U-label
	 * may have more. */
	return high ? allow_utf8 : len <= 63;
}

bool
smtp_is_literal(const char *s, size_t len)
{
	char buf[INET6_ADDRSTRLEN];
	struct in6_addr addr; /* of either family */
	int family = AF_INET;

	if (len < 2 || s[0] != '[' || s[len - 1] != ']')
		return false;
	s++;
	len -= 2;
	if (len > 5 && same(s, "IPv6:", 5)) {
		family = AF_INET6;
		s += 5;
		len -= 5;
	}
	if (len >= sizeof(buf) || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return inet_pton(family, buf, &addr) == 1;
}

bool
smtp_parse_number(struct slice s, uint64_t max, uint64_t *value_r)
{
	uint64_t value = 0, digit;
	size_t i;

	if (s.len == 0)
		return false;
	for (i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return false;
		digit = (uint64_t)(s.ptr[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*value_r = value;
	return true;
}

bool
slice_is(struct slice s, const char *word)
{
	return strlen(word) == s.len && same(s.ptr, word, s.len);
}

/* False if there was no blank. */
static bool
skip_blanks(struct scan *sc)
{
	const char *start = sc->at;

	while (sc->at < sc->end && is_blank(*sc->at))
		sc->at++;
	return sc->at > start;
}

static bool
skip_char(struct scan *sc, char c)
{
	if (sc->at == sc->end || *sc->at != c)
		return false;
	sc->at++;
	return true;
}

/* Are the first len octets the same, without case?  Not by the C library's
 * functions: they depend on the locale. */
static bool
same(const char *a, const char *b, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}
