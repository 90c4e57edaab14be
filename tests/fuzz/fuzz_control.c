/*
 * The control socket's lines: whatever comes, a request is clean or refused, a
 * line of an answer ends, and what is written can be read.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_request(const char *in, size_t size)
{
	struct control_request r;
	const char *why = NULL;
	size_t i;

	if (!control_parse(in, size, &r, &why)) {
		assert(why != NULL);
		return;
	}
	assert(strlen(r.name) < CONTROL_LINE_MAX);
	for (i = 0; r.name[i] != '\0'; i++)
		assert(r.name[i] > ' ' && r.name[i] <= '~');
	assert(r.seconds >= 0 && r.seconds <= CONTROL_SECONDS_MAX);
	assert(r.level >= -1 && r.level <= 3);
}

static void
check_answer(const char *in, size_t size)
{
	const char *end = in + size, *at, *before;
	struct control_field f;
	int more;

	(void)control_kind(in, end, &at);
	do {
		assert(at >= in && at <= end);
		before = at;
		more = control_field(&at, end, &f);
		if (more == 1) {
			assert(at > before);
			assert(f.len < sizeof(f.value) && f.key[0] != '\0');
			assert(f.value[f.len] == '\0');
		}
	} while (more == 1);
}

static void
check_round(const char *in, size_t size)
{
	struct control_text t = { .text = NULL };
	struct control_field f;
	const char *at;

	if (size > CONTROL_VALUE_MAX - 1)
		size = CONTROL_VALUE_MAX - 1;
	control_row(&t);
	control_put_octets(&t, "text", in, size);
	control_row_end(&t);
	assert(memchr(t.text, '\n', t.len) == t.text + t.len - 1);
	assert(control_kind(t.text, t.text + t.len - 1, &at) == CONTROL_ROW);
	assert(control_field(&at, t.text + t.len - 1, &f) == 1);
	assert(f.len == size && memcmp(f.value, in, size) == 0);
	assert(control_field(&at, t.text + t.len - 1, &f) == 0);
	control_text_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;

	check_request(in, size);
	check_answer(in, size);
	check_round(in, size);
	return 0;
}
