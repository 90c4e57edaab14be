/*
 * What rspamd says: whatever comes, the texts end and the numbers of edits have
 * their limit.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "filters/rspamd_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rspamd_answer a;
	size_t i;

	if (rspamd_answer_parse(&a, (const char *)data, size) == NULL) {
		assert(a.action_name != NULL && a.count <= RSPAMD_EDITS_MAX);
		assert(strlen(a.symbols) < 1500);
		for (i = 0; i < a.count; i++)
			assert(a.edits[i].value != NULL ||
			    a.edits[i].kind == RSPAMD_REMOVE_HEADER);
	}
	rspamd_answer_free(&a);
	return 0;
}
