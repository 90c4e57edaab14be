/*
 * The player's ends of connections: see peer.h.
 */

#include "peer.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mem.h"
#include "net.h"
#include "tls_peer.h"

#define PIECE 65536

static int
listen_tcp(struct peers *p)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&in, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&in, &len) == -1 ||
	    listen(fd, 50) == -1 || net_nonblock(fd) == -1)
		return -1;
	p->listeners[LISTENERS_MAX] = fd;
	p->port = ntohs(in.sin_port);
	return 0;
}

int
peers_listen(struct peers *p, const char *dir)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int i, fd;

	memset(p, 0, sizeof(*p));
	p->dir = dir;
	for (i = 0; i < CLIENTS_MAX; i++)
		p->clients[i].fd = -1;
	for (i = 0; i < BACKENDS_MAX; i++)
		p->backends[i].fd = -1;
	for (i = 0; i < LISTENERS_MAX; i++) {
		snprintf(
		    sun.sun_path, sizeof(sun.sun_path), "%s/b%d", dir, i + 1);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (fd == -1 ||
		    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
		    listen(fd, 50) == -1 || net_nonblock(fd) == -1)
			return -1;
		p->listeners[i] = fd;
	}
	p->dns = fake_dns_new();
	return listen_tcp(p);
}

static void
forget(struct peer *p)
{
	if (p->fd != -1)
		close(p->fd);
	if (p->tls != NULL)
		tls_peer_close(p->tls);
	free(p->tls);
	free(p->in);
	*p = (struct peer){ .fd = -1 };
}

void
peers_reset(struct peers *p)
{
	int i;

	for (i = 0; i < CLIENTS_MAX; i++)
		forget(&p->clients[i]);
	for (i = 0; i < BACKENDS_MAX; i++)
		forget(&p->backends[i]);
	p->backend_count = 0;
	fake_dns_forget(p->dns);
	fake_dns_stop(p->dns);
	fake_dns_start(p->dns);
}

void
peers_close(struct peers *p)
{
	int i;

	for (i = 0; i <= LISTENERS_MAX; i++)
		close(p->listeners[i]);
	fake_dns_free(&p->dns);
}

struct peer *
peers_find(struct peers *p, enum side side, int who)
{
	return side == SIDE_CLIENT ? &p->clients[who - 1]
				   : &p->backends[who - 1];
}

static bool
accept_from(struct peers *p, int listener)
{
	int fd = accept(p->listeners[listener], NULL, NULL), on = 1;

	if (fd == -1)
		return false;
	if (p->backend_count == BACKENDS_MAX || net_nonblock(fd) == -1) {
		close(fd);
		return false;
	}
	if (listener == LISTENERS_MAX) /* octets one by one go at once */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	peer_connected(&p->backends[p->backend_count], fd);
	p->backends[p->backend_count++].listener = listener + 1;
	return true;
}

static void
take(struct peer *p, const char *buf, size_t n)
{
	count_ends(&p->ends, buf, n);
	if (p->in_used == p->in_len)
		p->in_used = p->in_len = 0;
	p->in = xrealloc(p->in, p->in_len + n);
	memcpy(p->in + p->in_len, buf, n);
	p->in_len += n;
}

static bool
poll_tls(struct peer *p)
{
	char buf[PIECE];
	bool any = tls_peer_pump(p->tls);
	int n;

	if (!p->shaken) {
		p->shaken = tls_peer_handshake(p->tls) != 0;
		any |= tls_peer_pump(p->tls);
	}
	while (p->shaken && (n = SSL_read(p->tls->ssl, buf, PIECE)) > 0)
		take(p, buf, (size_t)n);
	if (p->tls->eof)
		p->ended = true;
	return any || p->ended;
}

static bool
poll_peer(struct peer *p)
{
	char buf[PIECE];
	ssize_t n;

	if (p->fd == -1 || p->ended || p->deaf)
		return false;
	if (p->tls != NULL)
		return poll_tls(p);
	n = read(p->fd, buf, sizeof(buf));
	if (n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n <= 0)
		p->ended = true;
	else
		take(p, buf, (size_t)n);
	return true;
}

void
peer_secure(const struct peers *peers, struct peer *p)
{
	char cert[200], key[200];
	const struct tls_peer_conf server = { .server = true,
		.cert = cert,
		.key = key },
				   client = { .server = false };
	bool is_client =
	    p >= peers->clients && p < peers->clients + CLIENTS_MAX;

	snprintf(cert, sizeof(cert), "%s/cert", peers->dir);
	snprintf(key, sizeof(key), "%s/key", peers->dir);
	p->tls = xcalloc(1, sizeof(*p->tls));
	tls_peer_open(p->tls, p->fd, is_client ? &client : &server);
	/* The client may have begun already. */
	if (p->in_len > p->in_used)
		BIO_write(SSL_get_rbio(p->tls->ssl), p->in + p->in_used,
		    (int)(p->in_len - p->in_used));
	p->in_used = p->in_len;
}

bool
peers_poll(struct peers *p)
{
	bool any = false;
	int i;

	for (i = 0; i <= LISTENERS_MAX; i++)
		while (accept_from(p, i))
			any = true;
	for (i = 0; i < CLIENTS_MAX; i++)
		any |= poll_peer(&p->clients[i]);
	for (i = 0; i < p->backend_count; i++)
		any |= poll_peer(&p->backends[i]);
	any |= fake_dns_poll(p->dns);
	return any;
}

void
peer_connected(struct peer *p, int fd)
{
	forget(p);
	p->fd = fd;
	p->connected = true;
}

size_t
peer_send(struct peer *p, const char *text, size_t len)
{
	ssize_t n;

	if (p->fd == -1 || p->ended)
		return len;
	if (p->tls != NULL && !p->shaken)
		return 0;
	if (p->tls != NULL) {
		SSL_write(p->tls->ssl, text, (int)len);
		tls_peer_pump(p->tls);
		return len;
	}
	n = write(p->fd, text, len);
	if (n >= 0)
		return (size_t)n;
	return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : len;
}

void
peer_shut(struct peer *p)
{
	if (p->fd != -1)
		shutdown(p->fd, SHUT_WR);
}

void
peer_close(struct peer *p)
{
	if (p->fd != -1)
		close(p->fd);
	p->fd = -1;
	p->ended = true;
}

const char *
peer_line(const struct peer *p, size_t *len_r)
{
	const char *at = p->in != NULL ? p->in + p->in_used : "", *nl;
	size_t left = p->in_len - p->in_used;

	nl = memchr(at, '\n', left);
	*len_r = nl != NULL ? (size_t)(nl - at) + 1 : left;
	return at;
}

void
peer_consume(struct peer *p, size_t len)
{
	p->in_used += len;
}

static void
end_chunk(struct ends *e)
{
	e->count += e->rcpt;
	e->rcpt = false;
}

/* A line is over: does a chunk begin? */
static void
find_chunk(struct ends *e)
{
	int at = 0;

	e->line[e->line_len] = '\0';
	e->line_len = 0;
	if (strncasecmp(e->line, "MAIL ", 5) == 0)
		e->rcpt = false;
	if (strncasecmp(e->line, "RCPT ", 5) == 0)
		e->rcpt = true;
	if (strncasecmp(e->line, "BDAT ", 5) != 0 ||
	    sscanf(e->line + 5, "%" SCNu64 "%n", &e->chunk, &at) != 1)
		return;
	e->last = strncasecmp(e->line + 5 + at, " LAST", 5) == 0;
	if (e->last && e->chunk == 0)
		end_chunk(e);
}

static void
count_octet(struct ends *e, char c)
{
	static const char end[] = "\r\n.\r\n";

	if (c != end[e->match])
		e->match = c == end[0];
	else if (++e->match == sizeof(end) - 1) {
		e->count++;
		e->match = 2; /* its CRLF may begin the next */
	}
	if (e->chunk > 0) {
		if (--e->chunk == 0 && e->last)
			end_chunk(e);
		return;
	}
	if (e->line_len < sizeof(e->line) - 1)
		e->line[e->line_len++] = c;
	if (c == '\n')
		find_chunk(e);
}

void
count_ends(struct ends *e, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		count_octet(e, text[i]);
}
