/*
 * What a delivery knows of its link and does to it, besides talking: TLS, the
 * client's identity, faults.  See backend.h.
 */

#include <sys/socket.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "conn.h"
#include "delivery.h"
#include "link_conf.h"
#include "log.h"
#include "mem.h"
#include "proxyhdr.h"

/* TLS. */

enum dl_tls
dl_link_tls(const struct delivery *dl)
{
	return dl->link->tls;
}

const struct link_tls_conf *
dl_tls_conf(const struct delivery *dl)
{
	return &dl->conf->tls;
}

const struct link_auth_conf *
dl_auth_conf(const struct delivery *dl)
{
	return &dl->conf->auth;
}

bool
dl_server_had_tls(const struct delivery *dl)
{
	return pool_had_tls(dl->link);
}

bool
dl_server_had_fault(const struct delivery *dl, enum fault f)
{
	return pool_had_fault(dl->link, f);
}

/* What came in clear behind the reply to STARTTLS would be taken for the
 * server's words under TLS (RFC 3207 section 6). */
enum progress
dl_start_tls(struct delivery *dl, backend_fn *next)
{
	const struct link_tls_conf *conf = &dl->conf->tls;
	const struct link *link = dl->link;
	char place[NET_TEXT_MAX];
	size_t left;

	conn_input(link->conn, &left);
	if (left > 0)
		return dl_fault(dl, FAULT_TLS_INJECTED,
		    "the server sent more behind its reply to STARTTLS");
	conn_flush(link->conn);
	if (conn_unsent(link->conn) > 0)
		return dl_fail(dl, "the server takes nothing");
	dl->secured = next;
	delivery_set_deadline(dl, dl->conf->reply_timeout);
	conn_start_tls_client(link->conn, conf->client,
	    conf->name != NULL ? conf->name : link->server->host,
	    net_text(link->addr, place, sizeof(place)));
	return DELIVERY_PENDING;
}

void
delivery_secured(void *ctx)
{
	struct delivery *dl = ctx;
	const struct link_tls_conf *conf = &dl->conf->tls;
	backend_fn *next = dl->secured;
	const char *why = NULL;
	enum fault f = conn_tls_fault(dl->link->conn, &why);

	dl->secured = NULL;
	pool_secured(dl->link);
	dl->link->tls = dl->tls = f == FAULT_NONE && conf->verify
	    ? DL_TLS_VERIFIED
	    : DL_TLS_UNVERIFIED;
	delivery_show(dl, "TLS, %s",
	    dl->tls == DL_TLS_VERIFIED ? "verified" : "unverified");
	if (f != FAULT_NONE && conf->mode != LINK_TLS_OPPORTUNISTIC) {
		delivery_progress(dl, dl_fault(dl, f, "%s", why));
		return;
	}
	if (f != FAULT_NONE)
		dl_note_fault(dl, FAULT_TLS_UNVERIFIED, why);
	delivery_progress(dl, next(dl));
}

/* Faults. */

static void
report(struct delivery *dl, enum fault f, const char *text)
{
	dl->fault = f;
	pool_fault(dl->link, f);
	log_event(LEVEL_WARN, "%s: backend %s, server %s: %s: %s", dl->order.id,
	    dl->conf->name, dl->link->server->name, fault_name(f), text);
}

void
dl_note_fault(struct delivery *dl, enum fault f, const char *text)
{
	report(dl, f, text);
}

enum progress
dl_fault(struct delivery *dl, enum fault f, const char *fmt, ...)
{
	static const struct reply problem = {
		.code = 451,
		.enhanced = "4.3.0",
		.lines = 0, /* nobody said it */
	};
	char text[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(dl, f, text);
	dl_result_rest(dl, DL_STAGE_SESSION, &problem);
	return dl_fail(dl, "%s: %s", fault_name(f), text);
}

/* The client's identity. */

enum dl_identify
dl_identify(const struct delivery *dl)
{
	return (enum dl_identify)dl->conf->identify;
}

/* All that a server may be told by XCLIENT. */
char *
delivery_identity(const struct delivery *dl)
{
	const struct client *c = dl->order.client;
	char addr[NET_TEXT_MAX], local[NET_TEXT_MAX], *text;
	const char *name, *helo, *login;
	size_t size;

	if (dl->conf->identify != DL_IDENTIFY_XCLIENT)
		return NULL;
	name = c->name != NULL ? c->name : "";
	helo = c->helo != NULL ? c->helo : "";
	login = c->login != NULL ? c->login : "";
	size = sizeof(addr) + sizeof(local) + strlen(name) + strlen(helo) +
	    strlen(login) + 20;
	text = xmalloc(size);
	snprintf(text, size, "%s\n%s\n%s\n%s\n%s\n%d\n%d",
	    net_text(&c->addr, addr, sizeof(addr)),
	    net_text(&c->local, local, sizeof(local)), name, helo, login,
	    c->esmtp, c->naming == CLIENT_NAME_TEMPORARY);
	return text;
}

bool
dl_link_told(const struct delivery *dl)
{
	return dl->link->told != NULL && dl->identity != NULL &&
	    strcmp(dl->link->told, dl->identity) == 0;
}

void
dl_link_tell(struct delivery *dl)
{
	free(dl->link->told);
	dl->link->told = dl->identity != NULL ? xstrdup(dl->identity) : NULL;
}

void
dl_link_bind(struct delivery *dl)
{
	dl->link->bound = true;
}

/* Where the client connected to is not known of one that came over a unix
 * socket or by an XCLIENT that does not say it; then it is as if it had
 * connected to the server. */
static void
find_destination(const struct delivery *dl, struct net_addr *to)
{
	const struct client *c = dl->order.client;
	int family = c->addr.ss.ss_family;

	*to = c->local;
	if (to->ss.ss_family != AF_INET && to->ss.ss_family != AF_INET6)
		*to = *dl->link->addr;
	if (to->ss.ss_family == AF_INET || to->ss.ss_family == AF_INET6)
		return;
	memset(to, 0, sizeof(*to)); /* no address, no port */
	to->ss.ss_family = (sa_family_t)family;
}

/* A check speaks for ourselves.  Version 2 has LOCAL for that; what version 1
 * has, UNKNOWN, Postfix answers with 421. */
static bool
find_ourselves(const struct delivery *dl, struct net_addr *from)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (dl->greeted == NULL || dl->conf->identify != DL_IDENTIFY_PROXY_V1 ||
	    getsockname(
		conn_fd(dl->link->conn), (struct sockaddr *)&ss, &len) == -1)
		return false;
	net_from_sockaddr(from, (struct sockaddr *)&ss, len);
	return true;
}

void
dl_send_proxy(struct delivery *dl)
{
	char header[PROXYHDR_WRITE_MAX];
	struct net_addr from, to;
	size_t len;

	if (find_ourselves(dl, &from)) {
		to = *dl->link->addr;
	} else {
		from = dl->order.client->addr;
		find_destination(dl, &to);
	}
	len = proxyhdr_write(header,
	    dl->conf->identify == DL_IDENTIFY_PROXY_V1 ? 1 : 2,
	    (const struct sockaddr *)&from.ss, (const struct sockaddr *)&to.ss);
	conn_put(dl->link->conn, header, len);
	delivery_show(dl, "[PROXY header, %zu octets]", len);
}

/* The link. */

void
dl_link_limit(struct delivery *dl, uint64_t uses)
{
	if (uses < dl->link->max_uses)
		dl->link->max_uses = uses;
}

int64_t
dl_link_silence(const struct delivery *dl)
{
	return loop_now(dl->deadline.loop) - dl->link->heard;
}

bool
dl_chunking(const struct delivery *dl)
{
	return dl->conf->chunking;
}
