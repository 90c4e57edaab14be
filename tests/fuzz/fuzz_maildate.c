/*
 * Dates: the parser ends, and what is a date lies between 1900 and 9999.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "maildate.h"

#define YEAR (INT64_C(366) * 86400)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *value = malloc(size + 1);
	int64_t seconds;

	assert(value != NULL);
	if (size > 0)
		memcpy(value, data, size);
	value[size] = '\0';
	if (maildate_parse(value, &seconds))
		assert(seconds > -71 * YEAR && seconds < 8031 * YEAR);
	free(value);
	return 0;
}
