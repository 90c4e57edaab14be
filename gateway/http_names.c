/*
 * The addresses of a server that has a name: from hosts(5) as it was at the
 * start, or from our resolver, for libcurl's would wait.  It gets them by
 * CURLOPT_RESOLVE.
 */

#include <stdio.h>

#include "compat.h"
#include "dns_hosts.h"
#include "http_impl.h"
#include "net.h"

static void got_first(struct dns_wait *, struct dns_answer *);
static void got_second(struct dns_wait *, struct dns_answer *);
static void resolved(struct http_exchange *);

void
http_look_up(struct http_exchange *x)
{
	static const enum dns_type types[2] = { DNS_A, DNS_AAAA };
	size_t i;

	if (x->host[0] == '[') {
		http_fail(x, "the host's address is not known");
		return;
	}
	if (dns_hosts_get(x->http->hosts, x->host) != NULL) {
		resolved(x);
		return;
	}
	x->missing = 2;
	x->waits[0].got = got_first;
	x->waits[1].got = got_second;
	for (i = 0; i < 2; i++) {
		x->found[i] =
		    dns_ask(x->http->dns, &x->waits[i], x->host, types[i]);
		if (x->found[i] != NULL)
			x->missing--;
	}
	if (x->missing == 0)
		resolved(x);
}

static void
got(struct http_exchange *x, size_t i, struct dns_answer *a)
{
	x->found[i] = a;
	if (--x->missing == 0)
		resolved(x);
}

static void
got_first(struct dns_wait *w, struct dns_answer *a)
{
	got(container_of(w, struct http_exchange, waits[0]), 0, a);
}

static void
got_second(struct dns_wait *w, struct dns_answer *a)
{
	got(container_of(w, struct http_exchange, waits[1]), 1, a);
}

static size_t
put_address(
    char *line, size_t size, size_t len, bool first, const struct net_addr *a)
{
	char ip[NET_TEXT_MAX];

	if (len + NET_TEXT_MAX >= size)
		return len;
	return len +
	    (size_t)snprintf(line + len, size - len, "%s%s", first ? "" : ",",
		net_ip(a, ip, sizeof(ip)));
}

static void
resolved(struct http_exchange *x)
{
	const struct dns_host *known = dns_hosts_get(x->http->hosts, x->host);
	const struct dns_answer *a;
	char line[2000];
	size_t i, k, len, start;

	start = len =
	    (size_t)snprintf(line, sizeof(line), "+%s:%d:", x->host, x->port);
	for (i = 0; known != NULL && (int)i < known->count; i++)
		len = put_address(
		    line, sizeof(line), len, len == start, &known->addrs[i]);
	for (i = 0; i < 2 && known == NULL; i++) {
		a = x->found[i];
		for (k = 0; k < a->count; k++)
			len = put_address(line, sizeof(line), len, len == start,
			    &a->records[k].addr);
	}
	if (len == start) {
		a = x->found[x->found[0]->status != DNS_UNKNOWN];
		snprintf(line, sizeof(line), "%s has no address%s%s", x->host,
		    a->reason != NULL ? ": " : "",
		    a->reason != NULL ? a->reason : "");
		http_fail(x, line);
		return;
	}
	x->resolve = curl_slist_append(NULL, line);
	curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->resolve);
	http_begin(x);
}
