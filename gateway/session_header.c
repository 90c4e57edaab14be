/*
 * The PROXY header in front of a session.  It is peeked at and taken exactly,
 * because what follows it may have to be read by somebody else (TLS).
 */

#include <errno.h>
#include <string.h>

#include "conn.h"
#include "log.h"
#include "proxyhdr.h"
#include "session_priv.h"

void
session_header_failed(struct session *s, const char *why)
{
	log_event(LEVEL_WARN,
	    "listener %s: no valid PROXY header from %s, which proxy-from "
	    "says must send one (%s); is send-proxy set in the proxy?",
	    s->listener->name, s->client.ip, why);
	session_close(s, "proxy-header");
}

/* A TLV's text, as far as it can be written into headers and logs. */
static const char *
keep(struct session *s, const char *text, size_t len)
{
	char *copy, *p;

	if (text == NULL || len == 0)
		return NULL;
	copy = arena_strndup(&s->arena, text, len);
	for (p = copy; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
	return copy;
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
	s->client.is_probe = h->kind == PROXYHDR_LOCAL;
	if (h->ssl) {
		s->client.tls = s->client.tls_by_proxy = true;
		s->client.tls_version =
		    keep(s, h->ssl_version, h->ssl_version_len);
		s->client.tls_cipher =
		    keep(s, h->ssl_cipher, h->ssl_cipher_len);
		if (h->ssl_cert)
			s->client.tls_subject =
			    keep(s, h->ssl_cn, h->ssl_cn_len);
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
		session_close(s, "client-gone");
		return;
	}
	if (n <= 0) {
		session_header_failed(s, "connection closed");
		return;
	}
	switch (proxyhdr_parse(buf, have + (size_t)n, &h)) {
	case PROXYHDR_MORE:
		keep_part(s, buf, have + (size_t)n);
		return;
	case PROXYHDR_BAD:
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
