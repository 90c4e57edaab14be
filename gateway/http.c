/*
 * HTTP requests: see http.h.
 *
 * libcurl calls nothing of ours but what moves octets, so that an exchange
 * never ends inside of it.
 */

#include "http_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compat.h"
#include "mem.h"
#include "net.h"

#define IDLE_SECONDS 30L

static const char *parse_url(const char *, char *, size_t, int *);
static void set_options(struct http_exchange *, const struct http_request *);
static void set_body(struct http_exchange *);
static size_t read_body(char *, size_t, size_t, void *);
static int rewind_body(void *, curl_off_t, int);
static size_t take_field(char *, size_t, size_t, void *);
static size_t take_body(char *, size_t, size_t, void *);
static bool keep(struct http_exchange *, const char *, size_t);
static void on_deadline(void *);
static void tell(struct task *);

const char *
http_url_fault(const char *url)
{
	char host[HTTP_HOST_SIZE];
	int port;

	return parse_url(url, host, sizeof(host), &port);
}

bool
http_url_host(const char *url, char *host, size_t size)
{
	int port;

	return parse_url(url, host, size, &port) == NULL;
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

void
http_spare(struct http *h, const char *server, int64_t ms)
{
	int64_t now = loop_now(h->loop);
	size_t i, at = HTTP_SPARED_MAX;

	for (i = 0; i < HTTP_SPARED_MAX; i++) {
		if (h->spared[i].server == NULL ||
		    strcmp(h->spared[i].server, server) == 0 ||
		    h->spared[i].until <= now)
			h->spared[i].server = NULL;
		if (h->spared[i].server == NULL && at == HTTP_SPARED_MAX)
			at = i;
	}
	if (ms == 0 || at == HTTP_SPARED_MAX)
		return;
	h->spared[at].server = server;
	h->spared[at].until = now + ms;
}

bool
http_is_spared(const struct http *h, const char *server)
{
	int64_t now = loop_now(h->loop);
	size_t i;

	for (i = 0; i < HTTP_SPARED_MAX; i++)
		if (h->spared[i].server != NULL &&
		    strcmp(h->spared[i].server, server) == 0)
			return h->spared[i].until > now;
	return false;
}

struct http_exchange *
http_start(struct http *h, const struct http_request *rq,
    const struct http_body *body, void (*done)(void *ctx), void *ctx)
{
	struct http_exchange *x = xcalloc(1, sizeof(*x));
	struct net_addr numeric;
	char text[HTTP_HOST_SIZE + 8];
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
	    (!http_multi_open(h) || (x->easy = curl_easy_init()) == NULL))
		why = "no memory for libcurl";
	if (why != NULL) {
		http_fail(x, why);
		return x;
	}
	set_options(x, rq);
	snprintf(text, sizeof(text), "%s:%d", x->host, x->port);
	if (rq->socket != NULL || net_parse(text, &numeric, &why) == 0)
		http_begin(x);
	else
		http_look_up(x);
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

void
http_begin(struct http_exchange *x)
{
	if (curl_multi_add_handle(x->http->multi, x->easy) != CURLM_OK) {
		http_fail(x, "libcurl does not take the request");
		return;
	}
	x->added = true;
}

/* The end. */

static void
on_deadline(void *arg)
{
	http_fail(arg, "timed out");
}

void
http_fail(struct http_exchange *x, const char *why)
{
	if (x->ended)
		return;
	snprintf(x->fault, sizeof(x->fault), "%s", why);
	x->answer.fault = x->fault;
	x->answer.status = 0;
	http_finish(x);
}

void
http_finish(struct http_exchange *x)
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
