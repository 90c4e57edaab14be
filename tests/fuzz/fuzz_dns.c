/*
 * DNS replies to a question about x.test; the first octet chooses the type and
 * how many aliases were followed already.  What is no answer leaves nothing
 * behind; what is one is within its bounds, printable where it says so, and
 * the same each time.
 */

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "dns_name.h"
#include "dns_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ID 0x1234
#define NAME "x.test"

static void
check_record(const struct dns_record *r, enum dns_type type)
{
	const char *p;

	if (type == DNS_A)
		assert(r->addr.ss.ss_family == AF_INET);
	else if (type == DNS_AAAA) /* mapped addresses become IPv4 */
		assert(r->addr.ss.ss_family == AF_INET6 ||
		    r->addr.ss.ss_family == AF_INET);
	else if (type == DNS_TXT)
		assert(r->text != NULL && r->text[r->len] == '\0');
	else {
		assert(r->name != NULL);
		for (p = r->name; *p != '\0'; p++)
			assert(
			    *p > ' ' && *p <= '~' && !(*p >= 'A' && *p <= 'Z'));
	}
}

static void
check_answer(const struct dns_answer *a, unsigned before)
{
	size_t i;

	assert(a->status != DNS_UNKNOWN && a->reason == NULL);
	assert((a->count > 0) == (a->status == DNS_FOUND));
	assert(a->count <= DNS_RECORDS_MAX);
	assert(a->aliases >= before && a->aliases <= DNS_ALIASES_MAX);
	assert(a->ttl <= INT32_MAX);
	for (i = 0; i < a->count; i++) {
		check_record(&a->records[i], a->type);
		assert(i == 0 ||
		    a->records[i - 1].preference <= a->records[i].preference);
	}
}

static void
check_alias(const struct dns_wire_note *note)
{
	char again[DNS_NAME_SIZE];
	unsigned char query[DNS_WIRE_QUERY_MAX];

	assert(dns_name_ascii(note->alias, again, sizeof(again)));
	assert(strcmp(again, note->alias) == 0);
	assert(dns_wire_query(query, ID, again, DNS_A, true) > 0);
}

static enum dns_wire_found
read_once(const uint8_t *data, size_t size, struct dns_answer **a_r)
{
	unsigned before = (data[0] >> 4) % (DNS_ALIASES_MAX + 1);
	struct dns_answer *a =
	    dns_answer_new(NAME, (enum dns_type)((data[0] & 15) % 6));
	struct dns_wire_note note;
	enum dns_wire_found found;

	*a_r = a;
	a->aliases = before;
	found = dns_wire_read(data + 1, size - 1, ID, NAME, a, &note);
	if (found == DNS_WIRE_ANSWER) {
		check_answer(a, before);
		return found;
	}
	assert(a->status == DNS_UNKNOWN && a->count == 0);
	if (found == DNS_WIRE_ALIAS)
		check_alias(&note);
	else
		assert(a->aliases == before && a->ttl == UINT32_MAX);
	if (found == DNS_WIRE_FAILED)
		assert(note.reason != NULL);
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_answer *a, *b;

	if (size < 1)
		return 0;
	assert(read_once(data, size, &a) == read_once(data, size, &b));
	assert(a->status == b->status && a->count == b->count);
	assert(a->ttl == b->ttl && a->size == b->size);
	dns_answer_unref(&a);
	dns_answer_unref(&b);
	return 0;
}
