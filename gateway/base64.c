/*
 * Base64: see base64.h.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base64.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int
value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four characters; the number of octets, or 0. */
static int
decode_group(const char *in, bool last, unsigned char *out)
{
	uint32_t bits = 0;
	int i, v, octets = 3;

	if (last && in[3] == '=')
		octets = in[2] == '=' ? 1 : 2;
	for (i = 0; i < 4; i++) {
		v = i <= octets ? value_of(in[i]) : 0;
		if (v == -1)
			return 0;
		bits = bits << 6 | (uint32_t)v;
	}
	out[0] = (unsigned char)(bits >> 16);
	out[1] = (unsigned char)(bits >> 8);
	out[2] = (unsigned char)bits;
	/* What the octets do not need must be 0. */
	if ((octets == 1 && (bits & 0xffff) != 0) ||
	    (octets == 2 && (bits & 0xff) != 0))
		return 0;
	return octets;
}

ssize_t
base64_decode(const char *in, size_t len, void *out, size_t size)
{
	unsigned char group[3], *to = out;
	size_t i, done = 0;
	int n, k;

	if (len % 4 != 0)
		return -1;
	for (i = 0; i < len; i += 4) {
		n = decode_group(in + i, i + 4 == len, group);
		if (n == 0 || (to != NULL && done + (size_t)n > size))
			return -1;
		for (k = 0; to != NULL && k < n; k++)
			to[done + (size_t)k] = group[k];
		done += (size_t)n;
	}
	return (ssize_t)done;
}

bool
base64_check(const char *in, size_t len)
{
	return base64_decode(in, len, NULL, 0) != -1;
}

void
base64_encode(const void *in, size_t len, char *out, size_t size)
{
	const unsigned char *at = in;
	uint32_t bits;

	assert(size >= len / 3 * 4 + 5);
	for (; len > 0; at += 3) {
		bits = (uint32_t)at[0] << 16;
		if (len > 1)
			bits |= (uint32_t)at[1] << 8;
		if (len > 2)
			bits |= at[2];
		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = len > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = len > 2 ? alphabet[bits & 63] : '=';
		len -= len > 3 ? 3 : len;
	}
	*out = '\0';
}
