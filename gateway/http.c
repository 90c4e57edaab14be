/*
 * HTTP requests: see http.h.
 *
 * libcurl says which sockets it waits for and when it wants to be called again;
 * both become events of our loop.  Nothing of ours is called by it but what
 * moves octets, so that an exchange never ends inside of it.
 */

#include "http.h"

#include <curl/curl.h>
#include <event2/event.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "dns.h"
#include "dns_hosts.h"
#include "loop.h"
#include "mem.h"
#include "net.h"

#define IDLE_CONNECTIONS 16L
#define IDLE_SECONDS 30L
#define HOST_SIZE 256

struct http {
	struct loop *loop; /* borrowed, as the next */
	struct dns *dns;
	CURLM *multi; /* owned; made at the first use */
	struct timer timer;
	struct task kick; /* it wants to be called at once */
};

struct http_exchange {
	struct http *http;
	CURL *easy; /* owned, as the next two */
	struct curl_slist *fields;
	struct curl_slist *resolve;
	struct http_body body;
	void (*done)(void *ctx);
	void *ctx;
	struct timer deadline;
	struct task task; /* calls done */
	bool added;	  /* to the multi */
	bool ended;
	struct dns_wait waits[2];    /* A and AAAA */
	struct dns_answer *found[2]; /* references */
	unsigned missing;	     /* lookups under way */
	char host[HOST_SIZE];
	int port;
	char split_name[64];
	uint64_t split_at;
	uint64_t got; /* octets of the answer's body */
	char *buf;    /* owned */
	size_t room;
	struct http_answer answer;
	char error[CURL_ERROR_SIZE];
	char fault[CURL_ERROR_SIZE + 40];
};

static const char *parse_url(const char *, char *, size_t, int *);
static bool open_multi(struct http *);
static void kick(struct task *);
static void on_timer(void *);
static int set_timer(CURLM *, long, void *);
static int set_socket(CURL *, curl_socket_t, int, void *, void *);
static void on_socket(evutil_socket_t, short, void *);
static void collect(struct http *);
static void set_options(struct http_exchange *, const struct http_request *);
static void set_body(struct http_exchange *);
static size_t read_body(char *, size_t, size_t, void *);
static int rewind_body(void *, curl_off_t, int);
static size_t take_field(char *, size_t, size_t, void *);
static size_t take_body(char *, size_t, size_t, void *);
static bool keep(struct http_exchange *, const char *, size_t);
static void look_up(struct http_exchange *);
static void got_first(struct dns_wait *, struct dns_answer *);
static void got_second(struct dns_wait *, struct dns_answer *);
static void resolved(struct http_exchange *);
static void begin(struct http_exchange *);
static void on_deadline(void *);
static void fail(struct http_exchange *, const char *);
static void finish(struct http_exchange *);
static void tell(struct task *);

const char *
http_url_fault(const char *url)
{
	char host[HOST_SIZE];
	int port;

	return parse_url(url, host, sizeof(host), &port);
}

/* What it needs: http[s]://HOST[:PORT][/PATH], the host a name, an IPv4 address
 * or an IPv6 address in brackets. */
static const char *
parse_url(const char *url, char *host, size_t size, int *port_r)
{
	const char *p, *end, *port;
	size_t len;

	if (strncmp(url, "http://", 7) == 0) {
		p = url + 7;
		*port_r = 80;
	} else if (strncmp(url, "https://", 8) == 0) {
		p = url + 8;
		*port_r = 443;
	} else
		return "begins neither with http:// nor with https://";
	for (end = url; *end != '\0'; end++)
		if (*end <= ' ' || *end > '~' || *end == '@')
			return "has characters that can not be in it";
	end = p + strcspn(p, "/?#");
	port = *p == '[' ? memchr(p, ']', (size_t)(end - p)) : p;
	if (port == NULL)
		return "has a [ without a ]";
	len = strcspn(port, ":/?#");
	port += len;
	len = (size_t)(port - p);
	if (len == 0 || len >= size)
		return "has no host";
	memcpy(host, p, len);
	host[len] = '\0';
	if (*port != ':')
		return NULL;
	len = strspn(port + 1, "0123456789");
	if (len == 0 || len > 5 || port + 1 + len != end)
		return "has a port that is no number";
	*port_r = (int)strtol(port + 1, NULL, 10);
	return *port_r > 0 && *port_r < 65536 ? NULL : "has no such port";
}

struct http *
http_new(struct loop *l, struct dns *dns)
{
	struct http *h = xcalloc(1, sizeof(*h));

	h->loop = l;
	h->dns = dns;
	h->kick.run = kick;
	timer_init(&h->timer, l, on_timer, h);
	return h;
}

void
http_free(struct http **hp)
{
	struct http *h = *hp;

	if (h == NULL)
		return;
	if (h->multi != NULL) {
		curl_multi_cleanup(h->multi);
		curl_global_cleanup();
	}
	timer_clear(&h->timer);
	loop_undefer(h->loop, &h->kick);
	free(h);
	*hp = NULL;
}

static bool
open_multi(struct http *h)
{
	if (h->multi != NULL)
		return true;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	h->multi = curl_multi_init();
	if (h->multi == NULL) {
		curl_global_cleanup();
		return false;
	}
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS);
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return true;
}

/* libcurl's wishes. */

static void
kick(struct task *t)
{
	struct http *h = container_of(t, struct http, kick);

	on_timer(h);
}

static void
on_timer(void *arg)
{
	struct http *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int
set_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	timer_clear(&h->timer);
	if (ms == 0)
		loop_defer(h->loop, &h->kick);
	else if (ms > 0)
		timer_set(&h->timer, loop_now(h->loop) + ms);
	return 0;
}

/* The socket's pointer is its event. */
static int
set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *pointer)
{
	struct http *h = arg;
	struct event *ev = pointer;
	short events = EV_PERSIST;

	(void)easy;
	if (ev != NULL)
		event_free(ev);
	curl_multi_assign(h->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE)
		return 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EV_WRITE;
	ev = event_new(loop_base(h->loop), fd, events, on_socket, h);
	if (ev == NULL || event_add(ev, NULL) == -1)
		abort(); /* no memory */
	curl_multi_assign(h->multi, fd, ev);
	return 0;
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct http *h = arg;
	int running, events = 0;

	if ((what & EV_READ) != 0)
		events |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		events |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, fd, events, &running);
	collect(h);
}

/* What has ended. */
static void
collect(struct http *h)
{
	struct http_exchange *x;
	CURLMsg *m;
	char *private;
	CURLcode result;
	long status;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		result = m->data.result;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
		x = (struct http_exchange *)(void *)private;
		if (x->ended)
			continue;
		if (result != CURLE_OK) {
			fail(x,
			    x->error[0] != '\0' ? x->error
						: curl_easy_strerror(result));
			continue;
		}
		status = 0;
		curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
		x->answer.status = (int)status;
		finish(x);
	}
}

/* An exchange. */

struct http_exchange *
http_start(struct http *h, const struct http_request *rq,
    const struct http_body *body, void (*done)(void *ctx), void *ctx)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	struct net_addr numeric;
	char text[HOST_SIZE + 8];
	const char *why;

	x->http = h;
	x->body = *body;
	x->done = done;
	x->ctx = ctx;
	x->task.run = tell;
	x->split_at = UINT64_MAX;
	x->answer.body = "";
	timer_init(&x->deadline, h->loop, on_deadline, x);
	if (rq->timeout > 0)
		timer_set(&x->deadline, loop_now(h->loop) + rq->timeout);
	if (rq->split != NULL)
		compat_strlcpy(x->split_name, rq->split, sizeof(x->split_name));
	why = parse_url(rq->url, x->host, sizeof(x->host), &x->port);
	if (why == NULL &&
	    (!open_multi(h) || (x->easy = curl_easy_init()) == NULL))
		why = "no memory for libcurl";
	if (why != NULL) {
		fail(x, why);
		return x;
	}
	set_options(x, rq);
	snprintf(text, sizeof(text), "%s:%d", x->host, x->port);
	if (rq->socket != NULL || net_parse(text, &numeric, &why) == 0)
		begin(x);
	else
		look_up(x);
	return x;
}

static void
set_options(struct http_exchange *x, const struct http_request *rq)
{
	CURL *e = x->easy;
	size_t i;

	for (i = 0; rq->fields[i] != NULL; i++)
		x->fields = curl_slist_append(x->fields, rq->fields[i]);
	x->fields = curl_slist_append(x->fields, "Expect:");
	x->fields = curl_slist_append(
	    x->fields, "Content-Type: application/octet-stream");
	curl_easy_setopt(e, CURLOPT_URL, rq->url);
	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->fields);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_field);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	if (rq->socket != NULL)
		curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, rq->socket);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, rq->verify ? 1L : 0L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, rq->verify ? 2L : 0L);
	if (rq->ca != NULL) {
		struct curl_blob blob = { .flags = CURL_BLOB_COPY,
			.len = strlen(rq->ca) };

		blob.data = (void *)(uintptr_t)rq->ca;
		curl_easy_setopt(e, CURLOPT_CAINFO_BLOB, &blob);
	}
	set_body(x);
}

static void
set_body(struct http_exchange *x)
{
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(
	    e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.size);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, read_body);
	curl_easy_setopt(e, CURLOPT_READDATA, x);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, rewind_body);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, x);
}

static size_t
read_body(char *buf, size_t one, size_t count, void *arg)
{
	struct http_exchange *x = arg;
	ssize_t n = x->body.read(x->body.ctx, buf, one * count);

	return n >= 0 ? (size_t)n : CURL_READFUNC_ABORT;
}

/* A connection that was kept and is gone: the body is sent anew. */
static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct http_exchange *x = arg;

	if (offset != 0 || origin != SEEK_SET || !x->body.rewind(x->body.ctx))
		return CURL_SEEKFUNC_FAIL;
	return CURL_SEEKFUNC_OK;
}

static size_t
take_field(char *data, size_t one, size_t count, void *arg)
{
	struct http_exchange *x = arg;
	size_t len = one * count, name = strlen(x->split_name);
	char number[24];

	if (name == 0 || len <= name || data[name] != ':' ||
	    strncasecmp(data, x->split_name, name) != 0)
		return len;
	data += name + 1;
	compat_strlcpy(number, "", sizeof(number));
	if (len - name - 1 < sizeof(number)) {
		memcpy(number, data, len - name - 1);
		number[len - name - 1] = '\0';
	}
	number[strcspn(number, "\r\n")] = '\0';
	data = number + strspn(number, " \t");
	if (*data < '0' || *data > '9' ||
	    data[strspn(data, "0123456789")] != '\0')
		return 0; /* neither way is safe */
	x->split_at = strtoull(data, NULL, 10);
	return len;
}

static size_t
take_body(char *data, size_t one, size_t count, void *arg)
{
	struct http_exchange *x = arg;
	size_t len = one * count, first = len;

	if (x->got + len > x->split_at)
		first =
		    x->got < x->split_at ? (size_t)(x->split_at - x->got) : 0;
	if (!keep(x, data, first))
		return 0;
	x->got += len;
	if (first == len)
		return len;
	x->answer.split = true;
	return x->body.rest != NULL &&
		x->body.rest(x->body.ctx, data + first, len - first)
	    ? len
	    : 0;
}

static bool
keep(struct http_exchange *x, const char *data, size_t len)
{
	size_t need = x->answer.len + len + 1;

	if (need > HTTP_ANSWER_MAX)
		return false;
	if (need > x->room) {
		x->room = need * 2 < 4096 ? 4096 : need * 2;
		x->buf = xrealloc(x->buf, x->room);
	}
	memcpy(x->buf + x->answer.len, data, len);
	x->answer.len += len;
	x->buf[x->answer.len] = '\0';
	x->answer.body = x->buf;
	return true;
}

/* Names. */

static void
look_up(struct http_exchange *x)
{
	static const enum dns_type types[2] = { DNS_A, DNS_AAAA };
	struct net_addr local;
	size_t i;

	if (x->http->dns == NULL || x->host[0] == '[') {
		fail(x, "the host's address is not known");
		return;
	}
	/* (localhost is known without a file or a question) */
	if (dns_hosts_find("", x->host, &local, 1) > 0) {
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
	struct net_addr local[2];
	const struct dns_answer *a;
	char line[2000];
	size_t i, k, len, start;
	int n = dns_hosts_find("", x->host, local, 2);

	start = len =
	    (size_t)snprintf(line, sizeof(line), "+%s:%d:", x->host, x->port);
	for (i = 0; (int)i < n; i++)
		len = put_address(
		    line, sizeof(line), len, len == start, &local[i]);
	for (i = 0; i < 2 && n == 0; i++) {
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
		fail(x, line);
		return;
	}
	x->resolve = curl_slist_append(NULL, line);
	curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->resolve);
	begin(x);
}

static void
begin(struct http_exchange *x)
{
	if (curl_multi_add_handle(x->http->multi, x->easy) != CURLM_OK) {
		fail(x, "libcurl does not take the request");
		return;
	}
	x->added = true;
}

/* The end. */

static void
on_deadline(void *arg)
{
	fail(arg, "timed out");
}

static void
fail(struct http_exchange *x, const char *why)
{
	if (x->ended)
		return;
	snprintf(x->fault, sizeof(x->fault), "%s", why);
	x->answer.fault = x->fault;
	x->answer.status = 0;
	finish(x);
}

static void
finish(struct http_exchange *x)
{
	if (x->ended)
		return;
	x->ended = true;
	timer_clear(&x->deadline);
	loop_defer(x->http->loop, &x->task);
}

static void
tell(struct task *t)
{
	struct http_exchange *x = container_of(t, struct http_exchange, task);

	x->done(x->ctx);
}

const struct http_answer *
http_answer_of(const struct http_exchange *x)
{
	return &x->answer;
}

void
http_end(struct http_exchange **xp)
{
	struct http_exchange *x = *xp;
	size_t i;

	if (x == NULL)
		return;
	*xp = NULL;
	timer_clear(&x->deadline);
	loop_undefer(x->http->loop, &x->task);
	for (i = 0; i < nitems(x->waits); i++) {
		dns_cancel(&x->waits[i]);
		dns_answer_unref(&x->found[i]);
	}
	if (x->added)
		curl_multi_remove_handle(x->http->multi, x->easy);
	curl_easy_cleanup(x->easy);
	curl_slist_free_all(x->fields);
	curl_slist_free_all(x->resolve);
	free(x->buf);
	free(x);
}
