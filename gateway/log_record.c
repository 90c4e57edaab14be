/*
 * Records as text.
 *
 * logfmt: key=value, quoted when needed, octets outside of ASCII as \xNN.
 * JSON: strings, and numbers as such.  JSON can not carry octets that are not
 * UTF-8: each of them becomes U+FFFD.
 */

#include "log_record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define CUT " cut=yes"
#define CUT_JSON ",\"cut\":\"yes\"}"
/* Octets of a record before what ends it, and the line end. */
#define RECORD_MAX (LOG_LINE_MAX - (sizeof(CUT_JSON) - 1) - 1)
#define UNIT_MAX 6 /* "\x7f", "\u007f" */

static void add(struct record *, const char *, const char *, bool);
static bool add_name(struct record *, const char *);
static void add_plain(struct record *, const char *);
static void add_quoted(struct record *, const char *);
static bool is_plain(const char *);
static size_t escape(const struct record *, const char **, char *);
static size_t escape_octet(unsigned char, char *);
static size_t escape_json(const char **, char *);

void
record_clear(struct record *r, enum log_format format, enum log_level level)
{
	r->format = format;
	r->level = level;
	r->cut = false;
	r->len = 0;
	if (format == LOG_JSON)
		r->buf[r->len++] = '{';
}

void
record_add(struct record *r, const char *key, const char *value)
{
	add(r, key, value, false);
}

void
record_str(struct record *r, const char *key, const char *value)
{
	if (value != NULL)
		add(r, key, value, false);
}

void
record_num(struct record *r, const char *key, int64_t value)
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	char text[24], *p = text + sizeof(text) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		*--p = '-';
	add(r, key, p, true);
}

void
record_real(struct record *r, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%g", value);
	/* "inf" and "nan" are no numbers in JSON. */
	add(r, key, text, strpbrk(text, "in") == NULL);
}

/* What is cut off here would not fit into the record either. */
void
record_fmt(struct record *r, const char *key, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add(r, key, text, false);
}

void
record_close(struct record *r)
{
	const char *end = r->format == LOG_JSON ? "}" : "";

	if (r->cut)
		end = r->format == LOG_JSON ? CUT_JSON : CUT;
	memcpy(r->buf + r->len, end, strlen(end) + 1);
	r->len += strlen(end);
}

static void
add(struct record *r, const char *key, const char *value, bool number)
{
	if (r->cut || !add_name(r, key))
		return;
	if (number || (r->format == LOG_LOGFMT && is_plain(value)))
		add_plain(r, value);
	else
		add_quoted(r, value);
}

/* The key with what parts it from the value.  A key whose value would have no
 * room is left out. */
static bool
add_name(struct record *r, const char *key)
{
	bool json = r->format == LOG_JSON;
	size_t len = strlen(key);

	/* The longest: a comma, quotes, a colon, an empty value, or a number.
	 */
	if (r->len + len + 4 + 24 > RECORD_MAX) {
		r->cut = true;
		return false;
	}
	if (r->len > (json ? 1 : 0))
		r->buf[r->len++] = json ? ',' : ' ';
	if (json)
		r->buf[r->len++] = '"';
	memcpy(r->buf + r->len, key, len);
	r->len += len;
	if (json)
		r->buf[r->len++] = '"';
	r->buf[r->len++] = json ? ':' : '=';
	return true;
}

static void
add_plain(struct record *r, const char *value)
{
	size_t len = strlen(value);

	if (len > RECORD_MAX - r->len) {
		len = RECORD_MAX - r->len;
		r->cut = true;
	}
	memcpy(r->buf + r->len, value, len);
	r->len += len;
}

static void
add_quoted(struct record *r, const char *value)
{
	char unit[UNIT_MAX];
	size_t n;

	r->buf[r->len++] = '"';
	while (*value != '\0') {
		n = escape(r, &value, unit);
		if (r->len + n > RECORD_MAX - 1) {
			r->cut = true;
			break;
		}
		memcpy(r->buf + r->len, unit, n);
		r->len += n;
	}
	r->buf[r->len++] = '"';
}

static bool
is_plain(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '=' ||
		    *s == '\\')
			return false;
	return true;
}

/* Takes one character off the value; returns the octets that stand for it. */
static size_t
escape(const struct record *r, const char **value, char *out)
{
	if (r->format == LOG_JSON)
		return escape_json(value, out);
	return escape_octet((unsigned char)*(*value)++, out);
}

static size_t
escape_octet(unsigned char c, char *out)
{
	static const char hex[] = "0123456789abcdef";
	static const char special[] = "\"\\\n\r\t", letters[] = "\"\\nrt";
	const char *found = strchr(special, c);

	if (found != NULL) {
		out[0] = '\\';
		out[1] = letters[found - special];
		return 2;
	}
	if (c >= ' ' && c <= '~') {
		out[0] = (char)c;
		return 1;
	}
	memcpy(out, "\\x", 2);
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

static size_t
escape_json(const char **value, char *out)
{
	size_t n = utf8_len(*value, strnlen(*value, 4));
	char octet[UNIT_MAX];

	if (n == 0) {
		memcpy(out, "\\ufffd", 6);
		(*value)++;
		return 6;
	}
	if (n > 1) {
		memcpy(out, *value, n);
		*value += n;
		return n;
	}
	n = escape_octet((unsigned char)*(*value)++, octet);
	if (n == 4) { /* "\x01" is "\u0001" here */
		memcpy(out, "\\u00", 4);
		memcpy(out + 4, octet + 2, 2);
		return 6;
	}
	memcpy(out, octet, n);
	return n;
}
