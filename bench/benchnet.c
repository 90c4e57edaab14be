/*
 * Sockets, clock, buffer and command line numbers for the bench tools.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "benchnet.h"

#define BUF_KEEP 65536 /* larger ones are given back */

static void
parse_unix(const char *path, struct bench_addr *a)
{
	struct sockaddr_un un;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (*path == '\0' || strlen(path) >= sizeof(un.sun_path))
		errx(2, "bad socket path: %s", path);
	memcpy(un.sun_path, path, strlen(path));
	memcpy(&a->ss, &un, sizeof(un));
	a->len = sizeof(un);
}

/* host:port, [v6]:port, unix:/path */
void
net_parse(const char *s, struct bench_addr *a)
{
	struct addrinfo hints, *res;
	char host[256];
	const char *colon;
	size_t n;
	int e;

	memset(a, 0, sizeof(*a));
	if (strncmp(s, "unix:", 5) == 0) {
		parse_unix(s + 5, a);
		return;
	}
	if ((colon = strrchr(s, ':')) == NULL || colon == s)
		errx(2, "not host:port: %s", s);
	n = (size_t)(colon - s);
	if (s[0] == '[' && s[n - 1] == ']') {
		s++;
		n -= 2;
	}
	if (n == 0 || n >= sizeof(host))
		errx(2, "bad host name");
	memcpy(host, s, n);
	host[n] = '\0';
	memset(&hints, 0, sizeof(hints));
	hints.ai_socktype = SOCK_STREAM;
	if ((e = getaddrinfo(host, colon + 1, &hints, &res)) != 0)
		errx(2, "%s: %s", s, gai_strerror(e));
	memcpy(&a->ss, res->ai_addr, res->ai_addrlen);
	a->len = res->ai_addrlen;
	freeaddrinfo(res);
}

int
net_is_unix(const struct bench_addr *a)
{
	return a->ss.ss_family == AF_UNIX;
}

static int
socket_prepare(int fd)
{
	int on = 1, flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	/* Fails on a unix socket, which needs it not. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int
net_listen(struct bench_addr *a)
{
	struct sockaddr_un un;
	int fd, on = 1;

	if (net_is_unix(a)) {
		memcpy(&un, &a->ss, sizeof(un));
		(void)unlink(un.sun_path);
	}
	if ((fd = socket(a->ss.ss_family, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a->ss, a->len) == -1)
		err(1, "bind");
	if (listen(fd, 4096) == -1)
		err(1, "listen");
	if (socket_prepare(fd) == -1)
		err(1, "fcntl");
	return fd;
}

int
net_accept(int lfd)
{
	int fd, on = 1;

#ifdef __linux__
	fd = accept4(lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
#else
	(void)on;
	fd = accept(lfd, NULL, NULL);
	if (fd != -1 && socket_prepare(fd) == -1) {
		close(fd);
		return -1;
	}
#endif
	return fd;
}

/* A socket whose connection is under way, or -1 with errno. */
int
net_connect(const struct bench_addr *a)
{
	int fd, e;

	if ((fd = socket(a->ss.ss_family, SOCK_STREAM, 0)) == -1)
		return -1;
	if (socket_prepare(fd) == -1 ||
	    (connect(fd, (const struct sockaddr *)&a->ss, a->len) == -1 &&
		errno != EINPROGRESS)) {
		e = errno;
		close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

unsigned
net_port(int fd)
{
	struct sockaddr_storage ss;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		err(1, "getsockname");
	if (ss.ss_family == AF_INET) {
		memcpy(&in, &ss, sizeof(in));
		return ntohs(in.sin_port);
	}
	if (ss.ss_family == AF_INET6) {
		memcpy(&in6, &ss, sizeof(in6));
		return ntohs(in6.sin6_port);
	}
	return 0;
}

void
net_reset_on_close(int fd)
{
	struct linger l;

	l.l_onoff = 1;
	l.l_linger = 0;
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

void
net_ignore_sigpipe(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sigemptyset(&sa.sa_mask);
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &sa, NULL);
}

void
net_raise_nofile(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

uint64_t
net_now_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	size_t cap;
	char *data;

	if (n > b->cap - b->len) {
		for (cap = b->cap ? b->cap : 512; cap - b->len < n; cap *= 2)
			;
		if ((data = realloc(b->data, cap)) == NULL)
			err(1, "out of memory");
		b->data = data;
		b->cap = cap;
	}
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_clear(struct buf *b)
{
	b->off = b->len = 0;
	if (b->cap > BUF_KEEP)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

uint64_t
parse_number(const char *what, const char *s, uint64_t max)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (*s < '0' || *s > '9' || *end != '\0' || errno != 0 || n > max)
		errx(2, "bad %s: %s", what, s);
	return n;
}

/* A number with an optional K or M. */
uint64_t
parse_size(const char *what, const char *s)
{
	char digits[24];
	size_t n = strlen(s);
	uint64_t unit = 1;

	if (n == 0 || n >= sizeof(digits))
		errx(2, "bad %s: %s", what, s);
	memcpy(digits, s, n + 1);
	if (s[n - 1] == 'K' || s[n - 1] == 'k')
		unit = 1024;
	else if (s[n - 1] == 'M' || s[n - 1] == 'm')
		unit = 1024 * 1024;
	if (unit != 1)
		digits[n - 1] = '\0';
	return parse_number(what, digits, UINT32_MAX / unit) * unit;
}
