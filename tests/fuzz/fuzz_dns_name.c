/*
 * Domains, of clients and of lists: a plain one is ASCII, has a name's size,
 * and stays what it is.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns_answer.h"
#include "dns_name.h"
#include "utf8.h"

#define NAME_OCTETS 253

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_ascii(const char *text)
{
	char name[DNS_NAME_SIZE], again[DNS_NAME_SIZE];
	size_t i;

	if (!dns_name_ascii(text, name, sizeof(name))) {
		assert(name[0] == '\0');
		return;
	}
	assert(name[0] != '\0' && strlen(name) <= NAME_OCTETS);
	for (i = 0; name[i] != '\0'; i++)
		assert(name[i] > ' ' && name[i] <= '~' && name[i] != '\\' &&
		    !(name[i] >= 'A' && name[i] <= 'Z'));
	assert(dns_name_ascii(name, again, sizeof(again)));
	assert(strcmp(name, again) == 0);
	assert(!dns_name_ascii(name, again, strlen(name)));
}

static void
check_plain(const char *text)
{
	size_t size = strlen(text) + DNS_NAME_SIZE;
	char *buf = malloc(size);
	const char *plain, *at;

	assert(buf != NULL);
	plain = dns_name_plain(text, buf, size);
	if (plain == buf) {
		at = strrchr(plain, '@');
		assert((at != NULL) == (strchr(text, '@') != NULL));
		assert(utf8_is_ascii(at != NULL ? at : plain));
		assert(dns_name_plain(plain, buf, size) == plain);
	} else
		assert(plain == NULL || plain == text);
	free(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), name[DNS_NAME_SIZE];

	assert(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_ascii(text);
	check_plain(text);
	if (dns_name_is_host(text))
		assert(dns_name_ascii(text, name, sizeof(name)));
	free(text);
	return 0;
}
