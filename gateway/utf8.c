/*
 * UTF-8: see utf8.h.
 */

#include "utf8.h"

#include <stdint.h>

size_t
utf8_len(const char *s, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = p[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4, i;

	if (n == 1)
		return 1;
	if (c < 0xc0 || c >= 0xf8 || n > len)
		return 0;
	c &= 0x7fU >> n;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* (the last are surrogates) */
	return c < least[n] || c > 0x10ffff || (c >> 11) == 0x1b ? 0 : n;
}

bool
utf8_is_ascii(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s > 0x7f)
			return false;
	return true;
}

bool
utf8_is_text(const char *s, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n)
		if ((n = utf8_len(s + i, len - i)) == 0)
			return false;
	return true;
}
