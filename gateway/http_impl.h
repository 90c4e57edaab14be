#ifndef POSTERN_HTTP_IMPL_H
#define POSTERN_HTTP_IMPL_H

/*
 * Private to http*.c.
 *
 * http.c	an exchange: what is sent, what is taken, its end
 * http_multi.c	libcurl on our loop: its sockets and its timer
 * http_names.c	the addresses of a server, from our resolver
 */

#include "http.h"

#include <curl/curl.h>

#include "dns.h"
#include "loop.h"

#define HTTP_SPARED_MAX 32

struct http {
	struct loop *loop; /* borrowed, as the next two */
	struct dns *dns;
	const struct dns_hosts *hosts;
	CURLM *multi; /* owned; made at the first use */
	struct timer timer;
	struct task kick; /* it wants to be called at once */
	struct {
		const char *server; /* borrowed; NULL: free */
		int64_t until;
	} spared[HTTP_SPARED_MAX]; /* who fails when it is full is not */
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
	char host[HTTP_HOST_SIZE];
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

/* The ends of an exchange: done is told from the loop, once. */
void http_fail(struct http_exchange *x, const char *why);
void http_finish(struct http_exchange *x);
/* Has an address: libcurl gets it. */
void http_begin(struct http_exchange *x);

/* Makes the multi handle if there is none; false: it can not be had. */
bool http_multi_open(struct http *h);

/* Asks for the host's addresses, then http_begin() or http_fail(). */
void http_look_up(struct http_exchange *x);

#endif
