#ifndef POSTERN_TLS_H
#define POSTERN_TLS_H

/*
 * TLS on a descriptor, by OpenSSL 3 (or LibreSSL).  conn.c uses it in the
 * place of read() and write(); nobody else but the configuration's loader sees
 * it, and only tls*.c include OpenSSL.
 *
 * A context holds a tls block's certificates and policy.  The master makes it
 * before it forks and drops its rights, so keys are read by the master only
 * (workers hold them in memory).  Renegotiation is off, TLS 1.2 is the oldest
 * version by default, and a peer that closes without close_notify is no error.
 */

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_context; /* certificates and policy; see tls_conf.h */

/* Shared memory with the session ticket keys, so that a session begun with one
 * worker is resumed by another; the master makes it and rotates the keys. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void); /* NULL: no memory */
void tls_tickets_free(struct tls_tickets **tp);
/* A new key for new tickets; the one before stays good for old ones. */
void tls_tickets_rotate(struct tls_tickets *t);

/* What became of one connection's TLS; texts are the library's static ones or
 * live as long as the connection. */
struct tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *server_name;    /* SNI; NULL when none was sent */
	const char *client_subject; /* of a verified certificate; or NULL */
	bool resumed;
};

struct tls;
/* The server's side on a connected, non-blocking descriptor (borrowed). */
struct tls *tls_accept(struct tls_context *context, int fd);
void tls_free(struct tls **tp);
/* 1: done; 0: not yet (*want_write_r says for what); -1: failed. */
int tls_handshake(struct tls *t, bool *want_write_r);
/* As read() and write(): -1 with EAGAIN when nothing can be had now, EPROTO
 * when the peer broke TLS. */
ssize_t tls_read(struct tls *t, void *buf, size_t len);
ssize_t tls_write(struct tls *t, const void *buf, size_t len);
/* Octets that tls_read() can give without the descriptor. */
size_t tls_pending(const struct tls *t);
/* Sends close_notify if that is possible at once. */
void tls_shutdown(struct tls *t);
/* Why the handshake failed, for the log. */
const char *tls_error(const struct tls *t);
void tls_get_info(const struct tls *t, struct tls_info *info_r);

#endif
