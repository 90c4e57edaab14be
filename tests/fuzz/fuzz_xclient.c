/*
 * XCLIENT's attributes: values are clean and within their limits, the parser
 * always moves on, and xtext goes there and back.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "xclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_attribute(const struct xclient_attr *a)
{
	char coded[XCLIENT_VALUE_MAX * 3 + 4], back[XCLIENT_VALUE_MAX + 1];
	struct slice in = { coded, 0 };
	size_t i, len;

	assert(a->name >= 0 && a->name < XCLIENT_NAMES);
	if (a->state != XCLIENT_VALUE) {
		assert(a->len == 0 && a->value[0] == '\0');
		return;
	}
	assert(a->len > 0 && a->len <= XCLIENT_VALUE_MAX);
	assert(strlen(a->value) == a->len);
	for (i = 0; i < a->len; i++)
		assert((unsigned char)a->value[i] > ' ' &&
		    a->value[i] != '\177' &&
		    ((unsigned char)a->value[i] < 127 ||
			a->name == XCLIENT_LOGIN));
	in.len = xtext_encode(a->value, coded, sizeof(coded));
	assert(in.len >= a->len && in.len == strlen(coded));
	for (i = 0; i < in.len; i++)
		assert(coded[i] > ' ' && coded[i] <= '~' && coded[i] != '=');
	assert(xtext_decode(in, back, sizeof(back), &len));
	assert(len == a->len && memcmp(back, a->value, len) == 0);
	/* One octet less than needed is too little. */
	assert(xtext_encode(a->value, coded, in.len) == 0);
	assert(!xtext_decode(in, back, len, &len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	struct slice rest = { in, size }, all = { in, size };
	struct xclient_attr a;
	char out[300];
	size_t left, len;
	int more;

	do {
		left = rest.len;
		more = xclient_next(&rest, &a);
		assert(rest.len <= left);
		assert(rest.ptr + rest.len == in + size);
		if (more == 1) {
			assert(rest.len < left);
			check_attribute(&a);
		}
	} while (more == 1);
	assert(more == -1 || rest.len == 0);
	if (xtext_decode(all, out, sizeof(out), &len))
		assert(len <= size && len < sizeof(out) && out[len] == '\0');
	return 0;
}
