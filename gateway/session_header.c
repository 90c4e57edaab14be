/*
 * The PROXY header in front of a session.  It is peeked at and taken exactly,
 * because what follows it may have to be read by somebody else (TLS).
 *
 * The two mistakes that are made with it look alike to clients, so each is
 * counted and says in the log what to do: a trusted proxy sends no header, or
 * somebody sends one who is not trusted.
 */

#include <errno.h>
#include <string.h>

#include "conn.h"
#include "log.h"
#include "proxyhdr.h"
#include "session_priv.h"
#include "stats.h"

void
session_header_failed(struct session *s, const char *why)
{
	int64_t times;

	if (s->header_unwanted) {
		session_tls_failed(s, why);
		return;
	}
	times =
	    stats_count(s->front->stats, s->front->worker, STATS_PROXY_MISSING);
	log_event(LEVEL_WARN,
	    "listener %s: header missing from a trusted proxy: no valid PROXY "
	    "header from %s (%s); add send-proxy-v2 to the server line of the "
	    "proxy, or take %s out of proxy-from; %lld times so far",
	    s->listener->name, s->client.ip, why, s->client.ip,
	    (long long)times);
	session_close(s, "proxy-header");
}

/* Whoever forwards the clients makes the mistake, not they: 4xx, so that their
 * mail waits until it is found. */
static void
header_untrusted(struct session *s)
{
	int64_t times = stats_count(
	    s->front->stats, s->front->worker, STATS_PROXY_UNTRUSTED);

	if (s->header_taken)
		log_event(LEVEL_WARN,
		    "listener %s: header from an untrusted peer: a second "
		    "PROXY header from %s, behind that of the proxy; if it is "
		    "a proxy too, let one of the two send none; %lld times so "
		    "far",
		    s->listener->name, s->client.ip, (long long)times);
	else
		log_event(LEVEL_WARN,
		    "listener %s: header from an untrusted peer: PROXY header "
		    "from %s; if it is a proxy of yours, add its address to "
		    "proxy-from of this listener; %lld times so far",
		    s->listener->name, s->client.ip, (long long)times);
	if (!s->header_unwanted)
		session_reply(s, REPLY_FOREIGN_HEADER);
	session_close(s, "proxy-untrusted");
}

/* There is one, so it is of no use to say how to get one. */
static void
header_too_long(struct session *s)
{
	log_event(LEVEL_WARN,
	    "listener %s: PROXY header from %s is too long: addresses and TLVs "
	    "may have %d octets; let the proxy send fewer or shorter TLVs; "
	    "%lld times so far that a header was not valid",
	    s->listener->name, s->client.ip, PROXYHDR_MAX - 16,
	    (long long)stats_count(
		s->front->stats, s->front->worker, STATS_PROXY_MISSING));
	session_close(s, "proxy-header");
}

bool
session_foreign_header(struct session *s)
{
	size_t len;
	const char *in = conn_input(s->conn, &len);
	int begins = len > 0 ? proxyhdr_begins(in, len) : 0;

	if (begins == 1) {
		s->spoke = true;
		header_untrusted(s);
	} else if (begins == -1 || (len > 0 && conn_at_eof(s->conn)))
		s->spoke = true;
	return !s->spoke || begins == 1;
}

const char *
session_keep(struct session *s, const char *text, size_t len)
{
	char *copy;
	size_t i;

	if (text == NULL || len == 0)
		return NULL;
	copy = arena_strndup(&s->arena, text, len);
	for (i = 0; i < len; i++)
		if (copy[i] <= ' ' || copy[i] > '~')
			copy[i] = '?';
	return copy;
}

/* A health check of the proxy: with version 1 it names itself as the client, or
 * nobody. */
static bool
is_check(const struct session *s, const struct proxyhdr *h)
{
	struct net_addr src;

	if (h->kind != PROXYHDR_CLIENT)
		return h->kind == PROXYHDR_LOCAL || h->version == 1;
	net_from_sockaddr(
	    &src, (const struct sockaddr *)&h->src, sizeof(h->src));
	return h->version == 1 && net_same_ip(&src, &s->client.peer);
}

static void
use_header(struct session *s, const struct proxyhdr *h)
{
	if (h->kind == PROXYHDR_CLIENT) {
		net_from_sockaddr(&s->client.addr,
		    (const struct sockaddr *)&h->src, sizeof(h->src));
		net_from_sockaddr(&s->client.local,
		    (const struct sockaddr *)&h->dst, sizeof(h->dst));
		net_ip(&s->client.addr, s->client.ip, sizeof(s->client.ip));
		s->client.proxied = true;
	}
	s->header_taken = true;
	s->client.is_probe = is_check(s, h);
	s->client.proxy_id = session_keep(s, h->unique_id, h->unique_id_len);
	s->client.server_name = session_keep(s, h->authority, h->authority_len);
	if (h->ssl) {
		s->client.tls = s->client.tls_by_proxy = true;
		s->client.tls_version =
		    session_keep(s, h->ssl_version, h->ssl_version_len);
		s->client.tls_cipher =
		    session_keep(s, h->ssl_cipher, h->ssl_cipher_len);
		if (h->ssl_cert)
			s->client.tls_subject =
			    session_keep(s, h->ssl_cn, h->ssl_cn_len);
	}
	conn_set_raw(s->conn, false);
	session_begin(s);
}

/* A header that came in parts: the parts are taken, because a socket with
 * unread input would wake us again and again. */
static void
keep_part(struct session *s, const char *buf, size_t len)
{
	if (s->header == NULL)
		s->header = arena_alloc(&s->arena, PROXYHDR_MAX);
	memcpy(s->header + s->header_len, buf + s->header_len,
	    len - s->header_len);
	if (conn_take(s->conn, s->header + s->header_len,
		len - s->header_len) != (ssize_t)(len - s->header_len))
		session_header_failed(s, "connection lost");
	else
		s->header_len = len;
}

/* TLS begins with neither of the octets that a header begins with. */
static void
look_for_tls(struct session *s, const char *buf, size_t len)
{
	int begins = proxyhdr_begins(buf, len);

	if (begins == 1)
		header_untrusted(s);
	else if (begins == 0)
		keep_part(s, buf, len);
	else if (s->header_len > 0)
		session_tls_failed(s, "no TLS");
	else {
		conn_set_raw(s->conn, false);
		session_start_tls(s, s->listener->tls);
	}
}

void
session_expect_tls(struct session *s)
{
	if (s->header_taken) {
		session_start_tls(s, s->listener->tls);
		return;
	}
	s->state = SESSION_HEADER;
	s->header_unwanted = true;
	conn_set_raw(s->conn, true);
	conn_deadline(s->conn,
	    loop_now(s->front->loop) + s->listener->limits.tls_timeout);
}

void
session_read_header(struct session *s)
{
	size_t have = s->header_len;
	char buf[PROXYHDR_MAX];
	struct proxyhdr h;
	ssize_t n;

	if (have > 0)
		memcpy(buf, s->header, have);
	n = conn_peek(s->conn, buf + have, sizeof(buf) - have);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Who comes and goes without a word is the proxy's simple check. */
	if (n <= 0 && have == 0) {
		s->client.is_probe = !s->header_unwanted;
		session_close(s, "client-gone");
		return;
	}
	if (n <= 0) {
		session_header_failed(s, "connection closed");
		return;
	}
	if (s->header_unwanted) {
		look_for_tls(s, buf, have + (size_t)n);
		return;
	}
	switch (proxyhdr_parse(buf, have + (size_t)n, &h)) {
	case PROXYHDR_MORE:
		keep_part(s, buf, have + (size_t)n);
		return;
	case PROXYHDR_BAD:
		if (h.too_long)
			header_too_long(s);
		else
			session_header_failed(s, h.error);
		return;
	case PROXYHDR_DONE:
		break;
	}
	if (conn_take(s->conn, buf + have, h.len - have) ==
	    (ssize_t)(h.len - have))
		use_header(s, &h);
	else
		session_header_failed(s, "connection lost");
}
