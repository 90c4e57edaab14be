/*
 * Names in HELO: the first line of the input is the name, the rest an address
 * of 4 or 16 octets.  A text is one thing only.
 */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include "dns_tld.h"
#include "filters/helo_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net_addr
address(const uint8_t *data, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct net_addr a;

	if (size >= sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, data, sizeof(in6.sin6_addr));
		net_from_sockaddr(&a, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		memcpy(&in.sin_addr, data,
		    size < sizeof(in.sin_addr) ? size : sizeof(in.sin_addr));
		net_from_sockaddr(&a, (struct sockaddr *)&in, sizeof(in));
	}
	return a;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t len = end != NULL ? (size_t)(end - data) : size;
	char *name = malloc(len + 1);
	struct net_addr a, literal;
	int kinds = 0;

	assert(name != NULL);
	if (len > 0)
		memcpy(name, data, len);
	name[len] = '\0';
	size -= len + (end != NULL);
	a = address(data + len + (end != NULL), size);
	kinds += helo_is_bare_ip(name);
	kinds += helo_is_literal(name, &literal);
	kinds += dns_name_is_host(name);
	assert(kinds <= 1);
	if (helo_is_literal(name, &literal))
		assert(literal.len > 0 && net_port(&literal) == 1);
	(void)helo_is_dynamic(name, &a);
	(void)dns_tld_may_exist(name);
	free(name);
	return 0;
}
