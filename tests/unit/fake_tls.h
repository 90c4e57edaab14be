#ifndef POSTERN_FAKE_TLS_H
#define POSTERN_FAKE_TLS_H

/*
 * What the tests of TLS share: files with certificates, tls blocks, and both
 * ends of a connection.
 */

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert.h"
#include "compat.h"
#include "net.h"
#include "tls.h"
#include "tls_conf.h"
#include "tls_peer.h"

#define PATH_SIZE 80

static char dir[] = "/tmp/test_tls.XXXXXX";
static const char *const files[] = { "one.crt", "one.key", "two.crt", "two.key",
	"rsa.crt", "rsa.key", "locked.crt", "locked.key", "client.crt",
	"client.key", "stranger.crt", "stranger.key", "junk" };

static inline const char *
file(const char *name)
{
	static char paths[8][PATH_SIZE];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, PATH_SIZE, "%s/%s", dir, name);
	return path;
}

static inline void
make(const char *name, const char *subject, bool rsa, const char *pass,
    const char *ca)
{
	char cert[PATH_SIZE], key[PATH_SIZE], ca_cert[PATH_SIZE],
	    ca_key[PATH_SIZE];

	snprintf(cert, sizeof(cert), "%s/%s.crt", dir, name);
	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	snprintf(ca_cert, sizeof(ca_cert), "%s/%s.crt", dir, ca);
	snprintf(ca_key, sizeof(ca_key), "%s/%s.key", dir, ca);
	cert_make(&(struct cert){ .name = subject,
	    .cert = cert,
	    .key = key,
	    .rsa = rsa,
	    .pass = pass,
	    .ca_cert = *ca != '\0' ? ca_cert : NULL,
	    .ca_key = *ca != '\0' ? ca_key : NULL });
}

static inline int
make_files(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	FILE *f;

	(void)state;
	sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(dir) == NULL)
		return -1;
	make("one", "one.example.org", false, NULL, "");
	make("two", "two.example.org", false, NULL, "");
	make("rsa", "rsa.example.org", true, NULL, "");
	make("locked", "locked.example.org", false, "secret", "");
	make("client", "client.example.net", false, NULL, "one");
	make("stranger", "stranger.example.net", false, NULL, "");
	f = fopen(file("junk"), "w");
	if (f == NULL)
		return -1;
	fputs("this is no certificate\n", f);
	return fclose(f);
}

static inline int
remove_files(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < nitems(files); i++)
		unlink(file(files[i]));
	return rmdir(dir);
}

/* Contexts. */

static char err[300];

/* A tls block with up to two certificates. */
struct block {
	struct tls_conf conf;
	char path[4][PATH_SIZE];
	const char *certs[2];
	const char *keys[2];
};

static inline void
block_add(struct block *b, const char *cert, const char *key)
{
	size_t i = b->conf.certificates.count;

	snprintf(b->path[i], PATH_SIZE, "%s/%s", dir, cert);
	snprintf(b->path[i + 2], PATH_SIZE, "%s/%s", dir, key);
	b->certs[i] = b->path[i];
	b->keys[i] = b->path[i + 2];
	b->conf.certificates = (struct opt_list){ b->certs, i + 1 };
	b->conf.keys = (struct opt_list){ b->keys, i + 1 };
}

static inline void
block_init(struct block *b, const char *cert, const char *key)
{
	memset(b, 0, sizeof(*b));
	b->conf.name = "own";
	block_add(b, cert, key);
}

static inline void
load(struct block *b)
{
	if (tls_load(&b->conf, err, sizeof(err)) == -1)
		fail_msg("%s", err);
}

static inline void
expect_no_load(struct block *b, const char *first, const char *second)
{
	err[0] = '\0';
	assert_int_equal(tls_load(&b->conf, err, sizeof(err)), -1);
	assert_null(b->conf.context);
	if (strstr(err, first) == NULL || strstr(err, second) == NULL)
		fail_msg("\"%s\" has no \"%s\" and \"%s\"", err, first, second);
}

struct wire {
	struct tls *server;
	struct tls_peer peer;
	int fds[2];
	int served; /* as tls_handshake() */
	int came;   /* as tls_peer_handshake() */
};

static inline void
wire_open(struct wire *w, struct block *b, const struct tls_peer_conf *conf)
{
	static const struct tls_peer_conf plain = { .max_version = 0 };

	memset(w, 0, sizeof(*w));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds), 0);
	assert_int_equal(net_nonblock(w->fds[0]), 0);
	assert_int_equal(net_nonblock(w->fds[1]), 0);
	w->server = tls_accept(b->conf.context, w->fds[0]);
	tls_peer_open(&w->peer, w->fds[1], conf != NULL ? conf : &plain);
}

static inline void
wire_shake(struct wire *w)
{
	bool want_write;
	int idle = 0;

	while (idle < 3 && (w->served == 0 || w->came == 0)) {
		if (w->came == 0)
			w->came = tls_peer_handshake(&w->peer);
		idle = tls_peer_pump(&w->peer) ? 0 : idle + 1;
		if (w->served == 0)
			w->served = tls_handshake(w->server, &want_write);
	}
	while (tls_peer_pump(&w->peer))
		;
}

static inline void
wire_close(struct wire *w)
{
	tls_free(&w->server);
	assert_null(w->server);
	tls_peer_close(&w->peer);
	close(w->fds[0]);
	close(w->fds[1]);
}

/* What the peer gets, with the tickets in front of it. */
static inline void
expect_peer_reads(struct wire *w, const char *text)
{
	char buf[100];
	int n;

	while (tls_peer_pump(&w->peer))
		;
	n = SSL_read(w->peer.ssl, buf, sizeof(buf));
	assert_int_equal(n, strlen(text));
	assert_memory_equal(buf, text, strlen(text));
}

static inline void
peer_writes(struct wire *w, const char *text)
{
	assert_int_equal(
	    SSL_write(w->peer.ssl, text, (int)strlen(text)), (int)strlen(text));
	while (tls_peer_pump(&w->peer))
		;
}

static inline void
expect_server_reads(struct wire *w, const char *text)
{
	char buf[100];

	assert_int_equal(tls_read(w->server, buf, sizeof(buf)), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	errno = 0;
	assert_int_equal(tls_read(w->server, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EAGAIN);
}

#endif
