#ifndef POSTERN_TLS_PEER_H
#define POSTERN_TLS_PEER_H

/*
 * The other side of TLS for tests.  It works in memory; tls_peer_pump()
 * carries octets to and from a non-blocking descriptor, as few at a time as a
 * test wants.
 */

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

struct tls_peer_conf {
	bool server;		 /* cert and key are its own; else a client */
	const char *server_name; /* SNI; NULL: none */
	int max_version;	 /* TLS1_2_VERSION ...; 0: whatever there is */
	bool old;		 /* offers what is forbidden today, too */
	const char *cert;	 /* PEM files; NULL: none */
	const char *key;
	SSL_SESSION *session; /* to be resumed; NULL */
};

struct tls_peer {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;	      /* borrowed */
	size_t piece; /* octets carried at a time; 0: all */
	bool eof;
	SSL_SESSION *session; /* the last that the server gave; owned */
};

void tls_peer_open(
    struct tls_peer *p, int fd, const struct tls_peer_conf *conf);
/* Moves what can be moved; was there anything? */
bool tls_peer_pump(struct tls_peer *p);
/* 1 when it is through, 0 not yet, -1 failed. */
int tls_peer_handshake(struct tls_peer *p);
/* The name in the server's certificate, in static storage. */
const char *tls_peer_server(const struct tls_peer *p);
/* Why it failed, in static storage. */
const char *tls_peer_error(void);
void tls_peer_close(struct tls_peer *p);

#endif
