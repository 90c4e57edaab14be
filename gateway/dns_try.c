/*
 * One question to one server: see dns_try.h.
 */

#include "dns_try.h"

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "compat.h"
#include "conn.h"
#include "loop.h"
#include "mem.h"

#define PACKET_MAX 4096 /* we asked for less (DNS_WIRE_UDP_MAX) */
#define PACKETS_PER_TURN 16
#define LENGTH 2	 /* octets in front of a message over TCP */
#define PORT_FIRST 16384 /* of the ports that queries are sent from */
#define PORT_TRIES 8

struct dns_try {
	struct dns_query q;
	struct event *ev; /* owned; NULL when UDP is over */
	int fd;		  /* owned; of UDP, or -1 */
	struct conn *tcp; /* owned; NULL while UDP */
	uint16_t id;
	unsigned char query[LENGTH + DNS_WIRE_QUERY_MAX];
	size_t len; /* of it, without the length */
};

static int open_udp(const struct net_addr *);
static int bind_random(int, int);
static void on_readable(evutil_socket_t, short, void *);
static bool read_reply(struct dns_try *, const unsigned char *, size_t);
static void end(struct dns_try *, enum dns_try_end, struct dns_wire_note *);
static void lost(struct dns_try *, const char *);
static void begin_tcp(struct dns_try *);
static void close_udp(struct dns_try *);
static void on_connect(void *);
static void on_input(void *);
static void on_end(void *, enum conn_end, int);

static const struct conn_ops tcp_ops = {
	.on_connect = on_connect,
	.on_input = on_input,
	.on_end = on_end,
};

struct dns_try *
dns_try_new(const struct dns_query *q)
{
	struct dns_try *t = xcalloc(1, sizeof(*t));
	int saved;

	t->q = *q;
	compat_random(&t->id, sizeof(t->id));
	t->len = dns_wire_query(
	    t->query + LENGTH, t->id, q->name, q->answer->type, q->edns);
	assert(t->len > 0);
	t->query[0] = (unsigned char)(t->len >> 8);
	t->query[1] = (unsigned char)(t->len & 0xff);
	t->fd = open_udp(q->server);
	if (t->fd == -1 ||
	    send(t->fd, t->query + LENGTH, t->len, MSG_NOSIGNAL) == -1) {
		saved = errno;
		close_udp(t);
		free(t);
		errno = saved;
		return NULL;
	}
	q->counters->queries++;
	t->ev = event_new(
	    loop_base(q->loop), t->fd, EV_READ | EV_PERSIST, on_readable, t);
	if (t->ev == NULL || event_add(t->ev, NULL) == -1)
		abort(); /* no memory */
	return t;
}

void
dns_try_free(struct dns_try **tp)
{
	struct dns_try *t = *tp;

	if (t == NULL)
		return;
	close_udp(t);
	conn_close(&t->tcp);
	free(t);
	*tp = NULL;
}

/* Connected, so that the system drops what others send. */
static int
open_udp(const struct net_addr *server)
{
	int fd = socket(server->ss.ss_family, SOCK_DGRAM, 0), saved;

	if (fd == -1)
		return -1;
	if (net_nonblock(fd) == 0 && net_cloexec(fd) == 0 &&
	    bind_random(fd, server->ss.ss_family) == 0 &&
	    connect(fd, (const struct sockaddr *)&server->ss, server->len) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Some systems count their ports up, so we choose (RFC 5452 9.2). */
static int
bind_random(int fd, int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *sa = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	uint16_t port;
	int i;

	if (family == AF_INET6) {
		sa = (struct sockaddr *)&in6;
		len = sizeof(in6);
	}
	for (i = 0; i < PORT_TRIES; i++) {
		do
			compat_random(&port, sizeof(port));
		while (port < PORT_FIRST);
		in.sin_port = in6.sin6_port = htons(port);
		if (bind(fd, sa, len) == 0)
			return 0;
	}
	in.sin_port = in6.sin6_port = 0; /* the system's choice */
	return bind(fd, sa, len);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct dns_try *t = arg;
	unsigned char buf[PACKET_MAX + 1];
	ssize_t n;
	int i;

	(void)what;
	for (i = 0; i < PACKETS_PER_TURN; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n == -1 &&
		    (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		if (n == -1) { /* a port that is closed, and the like */
			lost(t, strerror(errno));
			return;
		}
		if (n <= PACKET_MAX && read_reply(t, buf, (size_t)n))
			return;
		t->q.counters->ignored++;
	}
}

/* False: it is to be ignored.  Else the try may be gone. */
static bool
read_reply(struct dns_try *t, const unsigned char *msg, size_t len)
{
	struct dns_wire_note note;

	switch (dns_wire_read(msg, len, t->id, t->q.name, t->q.answer, &note)) {
	case DNS_WIRE_FOREIGN:
		return false;
	case DNS_WIRE_TRUNCATED:
		if (t->tcp != NULL)
			return false;
		begin_tcp(t);
		break;
	case DNS_WIRE_FAILED:
		end(t, DNS_TRY_FAILED, &note);
		break;
	case DNS_WIRE_ALIAS:
		end(t, DNS_TRY_ALIAS, &note);
		break;
	case DNS_WIRE_ANSWER:
		end(t, DNS_TRY_ANSWER, &note);
		break;
	}
	return true;
}

static void
end(struct dns_try *t, enum dns_try_end why, struct dns_wire_note *note)
{
	if (why == DNS_TRY_FAILED)
		t->q.counters->failed++;
	close_udp(t);
	t->q.done(t->q.ctx, why, note);
}

/* The reason of strerror() is as good as static: it is kept for a number. */
static void
lost(struct dns_try *t, const char *why)
{
	struct dns_wire_note note = { .reason = why };

	end(t, DNS_TRY_LOST, &note);
}

static void
begin_tcp(struct dns_try *t)
{
	close_udp(t);
	t->tcp =
	    conn_connect(t->q.loop, (const struct sockaddr *)&t->q.server->ss,
		t->q.server->len, &tcp_ops, t);
	if (t->tcp == NULL) {
		lost(t, "no TCP connection to the server");
		return;
	}
	t->q.counters->queries++;
	t->q.counters->tcp++;
}

static void
close_udp(struct dns_try *t)
{
	if (t->ev != NULL)
		event_free(t->ev);
	t->ev = NULL;
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
}

static void
on_connect(void *ctx)
{
	struct dns_try *t = ctx;

	conn_put(t->tcp, t->query, LENGTH + t->len);
	conn_flush(t->tcp);
}

static void
on_input(void *ctx)
{
	struct dns_try *t = ctx;
	const unsigned char *in;
	size_t len, want;

	in = (const unsigned char *)conn_input(t->tcp, &len);
	if (len < LENGTH)
		return;
	want = (size_t)(in[0] << 8 | in[1]);
	if (len - LENGTH < want || read_reply(t, in + LENGTH, want))
		return;
	t->q.counters->ignored++;
	lost(t, "nonsense over TCP");
}

static void
on_end(void *ctx, enum conn_end why, int error)
{
	(void)why;
	(void)error;
	lost(ctx, "the server closed the TCP connection");
}
