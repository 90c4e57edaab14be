#ifndef POSTERN_HTTP_H
#define POSTERN_HTTP_H

/*
 * An HTTP client of a worker: libcurl's multi interface on our loop.  It never
 * blocks: names are looked up by our own resolver, bodies are read piece by
 * piece, and nothing of the environment (proxies, .netrc) counts.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns;
struct dns_hosts;
struct http;
struct http_exchange;
struct loop;

#define HTTP_HOST_SIZE 256
#define HTTP_ANSWER_MAX (4 * 1024 * 1024) /* octets of an answer in memory */

struct http_request {
	const char *url;    /* http://HOST[:PORT]/PATH, or https */
	const char *socket; /* of a unix socket, instead of HOST; or NULL */
	const char *const *fields; /* "Name: value"; NULL at the end */
	const char *ca;		   /* PEM; needed for https with verify */
	bool verify;		   /* the server's certificate */
	int64_t timeout;	   /* ms, for all of it; 0: none */
	/* Name of a field of the answer: its number is an offset in the
	 * answer's body, from which on that goes to rest().  NULL: none. */
	const char *split;
};

/* What a request carries and what takes the rest of the answer; called until
 * the exchange ends. */
struct http_body {
	uint64_t size;
	/* Octets read, 0 at the end, -1: can not be read. */
	ssize_t (*read)(void *ctx, char *buf, size_t size);
	bool (*rewind)(void *ctx);
	bool (*rest)(void *ctx, const char *data, size_t len);
	void *ctx;
};

struct http_answer {
	int status;	   /* 200 ...; 0: there is no answer */
	const char *fault; /* why; NULL: there is one */
	const char *body;  /* never NULL; with a NUL behind it */
	size_t len;
	bool split; /* something went to rest() */
};

/* NULL: it is an address that can be asked; else what is wrong with it. */
const char *http_url_fault(const char *url);
/* Its host, a name or an address; false: it has none. */
bool http_url_host(const char *url, char *host, size_t size);

/* Names that are not among hosts (by the text of http_url_host()) are asked of
 * dns.  Both are borrowed. */
struct http *http_new(
    struct loop *l, struct dns *dns, const struct dns_hosts *hosts);
/* Nobody may be waiting any more. */
void http_free(struct http **hp);

/* A server (borrowed, a text of the configuration) that did not answer as it
 * should is to be spared for ms; 0: it answered. */
void http_spare(struct http *h, const char *server, int64_t ms);
bool http_is_spared(const struct http *h, const char *server);

/* Sends a POST.  Strings are copied, body's ctx is borrowed.  done is called
 * once, from the loop, never from inside; then the answer is there until
 * http_end(). */
struct http_exchange *http_start(struct http *h, const struct http_request *rq,
    const struct http_body *body, void (*done)(void *ctx), void *ctx);
const struct http_answer *http_answer_of(const struct http_exchange *x);
/* Cancels, if it is not done, and frees. */
void http_end(struct http_exchange **xp);

#endif
