/*
 * Mailboxes: the parser moves on and ends, and what it finds is an address that
 * it finds again.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1), buf[200], again[200];
	const char *at = value, *before, *p;
	enum mailbox_found found;

	assert(value != NULL);
	memcpy(value, data, size);
	value[size] = '\0';
	do {
		before = at;
		found = mailbox_next(&at, buf, sizeof(buf));
		assert(at >= before && at <= value + strlen(value));
		if (found != MAILBOX_FOUND)
			break;
		assert(at > before && strchr(buf, '@') != NULL);
		p = buf;
		assert(mailbox_next(&p, again, sizeof(again)) == MAILBOX_FOUND);
		assert(strcmp(buf, again) == 0);
	} while (*at != '\0');
	free(value);
	return 0;
}
