/*
 * Lines of Dovecot: fields end within the line, and what is escaped comes back
 * as it was.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/dovecot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1), *copy = malloc(size + 1);
	char *made = calloc(1, 2 * size + 10), *rest = line, *field;
	uint32_t number;

	assert(line != NULL && copy != NULL && made != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	memcpy(copy, line, size + 1);
	assert(dovecot_add(made, 2 * size + 10, "word", NULL));
	assert(dovecot_add(made, 2 * size + 10, "", copy));
	assert(strpbrk(made + 5, "\t\r\n") == NULL);
	rest = made;
	assert(strcmp(dovecot_field(&rest), "word") == 0);
	assert(strcmp(dovecot_field(&rest), copy) == 0);
	assert(dovecot_field(&rest) == NULL);
	rest = line;
	while ((field = dovecot_field(&rest)) != NULL) {
		assert(field >= line && field + strlen(field) <= line + size);
		(void)dovecot_number(field, &number);
	}
	(void)dovecot_version(copy);
	free(line);
	free(copy);
	free(made);
	return 0;
}
