/*
 * Base64: what is taken comes out again as it was, and octets survive the way
 * there and back.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	size_t space = size / 3 * 4 + 5;
	char *octets = malloc(size + 1), *text = malloc(space);
	ssize_t n;

	assert(octets != NULL && text != NULL);
	n = base64_decode(in, size, octets, size);
	assert((n != -1) == base64_check(in, size));
	if (n != -1) {
		assert((size_t)n <= size);
		base64_encode(octets, (size_t)n, text, space);
		assert(strlen(text) == size && memcmp(text, in, size) == 0);
	}
	base64_encode(in, size, text, space);
	assert(
	    base64_decode(text, strlen(text), octets, size) == (ssize_t)size);
	assert(size == 0 || memcmp(octets, in, size) == 0);
	free(octets);
	free(text);
	return 0;
}
