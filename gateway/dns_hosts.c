/*
 * hosts(5): see dns_hosts.h.
 */

#include "dns_hosts.h"

#include <stdio.h>
#include <string.h>

#include "dns_answer.h"
#include "dns_name.h"

#define LINE_SIZE 4096
#define BLANKS " \t\r\n"

static bool is_localhost(const char *);
static bool parse_line(char *, const char *, struct net_addr *);
static bool parse_address(const char *, struct net_addr *);

int
dns_hosts_find(
    const char *path, const char *name, struct net_addr *list, int max)
{
	char line[LINE_SIZE];
	int count = 0;
	FILE *f;

	if (is_localhost(name)) {
		count +=
		    count < max && parse_address("127.0.0.1", &list[count]);
		count += count < max && parse_address("::1", &list[count]);
		return count;
	}
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	while (count < max && fgets(line, sizeof(line), f) != NULL)
		count += parse_line(line, name, &list[count]);
	fclose(f);
	return count;
}

const struct dns_host *
dns_hosts_get(const struct dns_hosts *hosts, const char *name)
{
	size_t i;

	for (i = 0; i < hosts->count; i++)
		if (strcmp(hosts->list[i].name, name) == 0)
			return &hosts->list[i];
	return NULL;
}

static bool
is_localhost(const char *name)
{
	static const char word[] = ".localhost";
	size_t len = strlen(name), n = sizeof(word) - 1;

	return strcmp(name, word + 1) == 0 ||
	    (len > n && strcmp(name + len - n, word) == 0);
}

/* "ADDRESS NAME NAME...": is the name among them? */
static bool
parse_line(char *line, const char *name, struct net_addr *addr)
{
	char plain[DNS_NAME_SIZE], *p = line, *end;

	line[strcspn(line, "#")] = '\0';
	p += strspn(p, BLANKS);
	end = p + strcspn(p, BLANKS);
	if (*end == '\0')
		return false;
	*end++ = '\0';
	if (!parse_address(p, addr))
		return false;
	for (;;) {
		p = end + strspn(end, BLANKS);
		if (*p == '\0')
			return false;
		end = p + strcspn(p, BLANKS);
		if (*end != '\0')
			*end++ = '\0';
		if (dns_name_ascii(p, plain, sizeof(plain)) &&
		    strcmp(plain, name) == 0)
			return true;
	}
}

static bool
parse_address(const char *text, struct net_addr *addr)
{
	char full[NET_TEXT_MAX];
	const char *err;

	snprintf(full, sizeof(full),
	    strchr(text, ':') != NULL ? "[%s]:1" : "%s:1", text);
	return net_parse(full, addr, &err) == 0 &&
	    (addr->ss.ss_family == AF_INET || addr->ss.ss_family == AF_INET6);
}
