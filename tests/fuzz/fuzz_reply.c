/*
 * Replies: whatever a server sends, code and text are fit to be shown to a
 * client.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_reply(const struct reply *r)
{
	size_t i, len = strlen(r->text);

	assert(r->code >= 200 && r->code <= 599);
	assert(reply_class(r->code) == r->code / 100);
	assert(r->lines >= 1 && r->lines <= REPLY_LINES_MAX);
	assert(len <= REPLY_TEXT_MAX);
	for (i = 0; i < len; i++)
		assert(r->text[i] >= ' ' && r->text[i] <= '~');
	if (len > 0)
		assert(r->text[0] != ' ');
	len = strlen(r->enhanced);
	assert(len < sizeof(r->enhanced));
	assert(len == 0 || (len >= 5 && r->enhanced[0] == '0' + r->code / 100));
	/* fits a line: "250 2.1.5 text" CRLF */
	assert(4 + len + 1 + strlen(r->text) + 2 <= 512);
}

/* A line end is the same, however much is behind it. */
static void
check_line(const char *in, size_t line_len, size_t used)
{
	size_t a, b;

	assert(line_len + 2 == used || line_len == used);
	assert(in[used - 1] == '\n');
	assert(memchr(in, '\n', used - 1) == NULL);
	assert(reply_line(in, used, &a, &b) && a == line_len && b == used);
	assert(!reply_line(in, used - 1, &a, &b));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data;
	size_t line_len, used, at = 0;
	struct reply r;
	enum reply_status status;

	reply_init(&r);
	while (reply_line(in + at, size - at, &line_len, &used)) {
		assert(used <= size - at);
		check_line(in + at, line_len, used);
		status = reply_feed(&r, in + at, line_len);
		if (status == REPLY_BAD)
			break;
		check_reply(&r);
		if (status == REPLY_DONE)
			reply_init(&r);
		at += used;
	}
	return 0;
}
