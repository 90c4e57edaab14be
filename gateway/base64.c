/*
 * Base64: see base64.h.
 */

#include "base64.h"

#include <stdint.h>

void
base64_encode(const void *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = in;
	uint32_t three;
	size_t i;

	for (i = 0; i < len; i += 3) {
		three = (uint32_t)p[i] << 16;
		if (i + 1 < len)
			three |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			three |= p[i + 2];
		*out++ = digits[three >> 18];
		*out++ = digits[three >> 12 & 63];
		*out++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[three & 63] : '=';
	}
	*out = '\0';
}
