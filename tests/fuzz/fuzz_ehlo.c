/*
 * A server's reply to EHLO, line by line: nothing but what there is comes out,
 * in whatever order the lines are, and what was found can be said again.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "ehlo.h"

#define KNOWN (2 * (unsigned)EHLO_AUTH - 1)
#define LIMIT_MAX 999999 /* six digits, RFC 9422 */
#define NAMES_SIZE 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct ehlo *e)
{
	assert((e->have & ~KNOWN) == 0);
	assert(e->rcpt_max <= LIMIT_MAX && e->mail_max <= LIMIT_MAX);
	assert(e->size == 0 || (e->have & EHLO_SIZE) != 0);
}

/* The names, each a line of its own. */
static void
say_again(const struct ehlo *e)
{
	char names[NAMES_SIZE], little[8];
	const char *word;
	size_t len;
	struct ehlo again = { .have = 0 };

	ehlo_names(e->have, names, sizeof(names));
	assert(strlen(names) < sizeof(names) - 1);
	for (word = names; *word != '\0'; word += len + (word[len] == ' ')) {
		len = strcspn(word, " ");
		ehlo_line(&again, word, len);
	}
	assert(again.have == e->have);
	ehlo_names(e->have, little, sizeof(little));
	assert(strncmp(little, names, strlen(little)) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *in = (const char *)data, *end = in + size, *at, *eol;
	struct ehlo e = { .have = 0 }, back = { .have = 0 };
	size_t lines = 0;

	for (at = in; at < end; at = eol + 1) {
		eol = memchr(at, '\n', (size_t)(end - at));
		if (eol == NULL)
			eol = end;
		ehlo_line(&e, at, (size_t)(eol - at));
		check(&e);
		lines++;
	}
	/* From the last to the first. */
	eol = size > 0 && end[-1] == '\n' ? end - 1 : end;
	for (; lines > 0; lines--, eol = at - 1) {
		for (at = eol; at > in && at[-1] != '\n'; at--)
			;
		ehlo_line(&back, at, (size_t)(eol - at));
	}
	assert(back.have == e.have);
	say_again(&e);
	return 0;
}
