/*
 * TLS connections: see tls.h.  Contexts are made in tls_conf.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "compat.h"
#include "mem.h"
#include "tls.h"
#include "tls_context.h"

struct tls *
tls_accept(struct tls_context *context, int fd)
{
	struct tls *t = xcalloc(1, sizeof(*t));

	t->ssl = SSL_new(context->list[0]);
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		abort(); /* no memory */
	SSL_set_accept_state(t->ssl);
	return t;
}

void
tls_free(struct tls **tp)
{
	struct tls *t = *tp;

	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t->key);
	free(t);
	*tp = NULL;
}

/* Turns the library's result into errno; returns -1, or 0 for the end. */
static int
failed(struct tls *t, int result)
{
	int saved = errno, kind = SSL_get_error(t->ssl, result);
	unsigned long code = ERR_peek_error();

	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
		errno = EAGAIN;
		return -1;
	}
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	if (kind == SSL_ERROR_SYSCALL && code == 0) {
		/* A peer that closes without close_notify is just gone. */
		errno = saved;
		return saved == 0 ? 0 : -1;
	}
	if (code != 0)
		ERR_error_string_n(code, t->error, sizeof(t->error));
	errno = EPROTO;
	return -1;
}

int
tls_handshake(struct tls *t, bool *want_write_r)
{
	int n;

	*want_write_r = false;
	ERR_clear_error();
	errno = 0;
	n = SSL_do_handshake(t->ssl);
	if (n == 1)
		return 1;
	if (failed(t, n) == -1 && errno == EAGAIN) {
		*want_write_r =
		    SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_WRITE;
		return 0;
	}
	if (t->error[0] == '\0')
		compat_strlcpy(t->error, "the peer closed the connection",
		    sizeof(t->error));
	return -1;
}

static int
clip(size_t len)
{
	return len > 1 << 30 ? 1 << 30 : (int)len;
}

ssize_t
tls_read(struct tls *t, void *buf, size_t len)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_read(t->ssl, buf, clip(len));
	return n > 0 ? n : failed(t, n);
}

ssize_t
tls_write(struct tls *t, const void *buf, size_t len)
{
	int n;

	ERR_clear_error();
	errno = 0;
	n = SSL_write(t->ssl, buf, clip(len));
	if (n > 0)
		return n;
	if (failed(t, n) == 0)
		errno = EPIPE;
	return -1;
}

size_t
tls_pending(const struct tls *t)
{
	return (size_t)SSL_pending(t->ssl);
}

void
tls_shutdown(struct tls *t)
{
	ERR_clear_error();
	if (SSL_is_init_finished(t->ssl))
		(void)SSL_shutdown(t->ssl);
}

const char *
tls_error(const struct tls *t)
{
	return t->error[0] != '\0' ? t->error : "no error";
}

/* The subject of a certificate that was asked for, sent, and verified. */
static const char *
verified_subject(const struct tls *t)
{
	X509 *cert = SSL_get_peer_certificate(t->ssl);
	char *subject = ((struct tls *)(uintptr_t)t)->subject;

	if (cert == NULL)
		return NULL;
	if (SSL_get_verify_result(t->ssl) == X509_V_OK)
		X509_NAME_oneline(X509_get_subject_name(cert), subject,
		    (int)sizeof(t->subject));
	X509_free(cert);
	return subject[0] != '\0' ? subject : NULL;
}

void
tls_get_info(const struct tls *t, struct tls_info *info_r)
{
	*info_r = (struct tls_info){
		.version = SSL_get_version(t->ssl),
		.cipher = SSL_get_cipher_name(t->ssl),
		.server_name =
		    SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name),
		.client_subject = verified_subject(t),
		.resumed = SSL_session_reused(t->ssl) == 1,
	};
}
