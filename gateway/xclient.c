/*
 * XCLIENT and XFORWARD attributes, and xtext: see xclient.h.
 */

#include <string.h>

#include "utf8.h"
#include "xclient.h"

static const char *const names[XCLIENT_NAMES] = {
	[XCLIENT_NAME] = "NAME",
	[XCLIENT_ADDR] = "ADDR",
	[XCLIENT_PORT] = "PORT",
	[XCLIENT_PROTO] = "PROTO",
	[XCLIENT_HELO] = "HELO",
	[XCLIENT_LOGIN] = "LOGIN",
	[XCLIENT_DESTADDR] = "DESTADDR",
	[XCLIENT_DESTPORT] = "DESTPORT",
	[XCLIENT_REVERSE_NAME] = "REVERSE_NAME",
	[XCLIENT_IDENT] = "IDENT",
	[XCLIENT_SOURCE] = "SOURCE",
};

const char *
xclient_text(enum xclient_name name)
{
	return names[name];
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1; /* RFC 3461 wants capitals */
}

bool
xtext_decode(struct slice in, char *out, size_t size, size_t *len_r)
{
	size_t i = 0, n = 0;
	char c;

	while (i < in.len) {
		c = in.ptr[i++];
		if (c == '+') {
			if (in.len - i < 2 || hex(in.ptr[i]) < 0 ||
			    hex(in.ptr[i + 1]) < 0)
				return false;
			c = (char)(hex(in.ptr[i]) * 16 + hex(in.ptr[i + 1]));
			i += 2;
		}
		if (n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	*len_r = n;
	return true;
}

size_t
xtext_encode(const char *in, char *out, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;
	unsigned char c;

	for (; *in != '\0'; in++) {
		c = (unsigned char)*in;
		if (n + 4 > size)
			return 0;
		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '+';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	if (n + 1 > size)
		return 0;
	out[n] = '\0';
	return n;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice
next_word(struct slice *rest)
{
	struct slice word;

	while (rest->len > 0 && is_blank(*rest->ptr)) {
		rest->ptr++;
		rest->len--;
	}
	word = (struct slice){ rest->ptr, 0 };
	while (word.len < rest->len && !is_blank(rest->ptr[word.len]))
		word.len++;
	if (word.len > 0)
		rest->ptr += word.len;
	rest->len -= word.len;
	return word;
}

static bool
take_value(struct slice in, struct xclient_attr *a)
{
	unsigned char c;
	size_t i;

	a->state = XCLIENT_VALUE;
	if (slice_is(in, "[UNAVAILABLE]"))
		a->state = XCLIENT_UNAVAILABLE;
	else if (slice_is(in, "[TEMPUNAVAIL]"))
		a->state = XCLIENT_TEMPUNAVAIL;
	if (a->state != XCLIENT_VALUE)
		return true;
	if (!xtext_decode(in, a->value, sizeof(a->value), &a->len))
		return false;
	for (i = 0; i < a->len; i++) {
		c = (unsigned char)a->value[i];
		if (c <= ' ' || c == 127 ||
		    (c > 127 && a->name != XCLIENT_LOGIN))
			return false;
	}
	return a->len > 0 && utf8_is_text(a->value, a->len);
}

int
xclient_next(struct slice *rest, struct xclient_attr *attr_r)
{
	struct slice word = next_word(rest), name;
	const char *equals;
	int i;

	if (word.len == 0)
		return 0;
	*attr_r = (struct xclient_attr){ .name = XCLIENT_NAMES };
	equals = memchr(word.ptr, '=', word.len);
	if (equals == NULL)
		return -1;
	name = (struct slice){ word.ptr, (size_t)(equals - word.ptr) };
	for (i = 0; i < XCLIENT_NAMES; i++)
		if (slice_is(name, names[i]))
			attr_r->name = (enum xclient_name)i;
	if (attr_r->name == XCLIENT_NAMES)
		return -1;
	word.ptr = equals + 1;
	word.len -= name.len + 1;
	return take_value(word, attr_r) ? 1 : -1;
}
