/*
 * The other side of TLS: see tls_peer.h.
 */

#include "tls_peer.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct tls_peer *p = SSL_get_app_data(ssl);

	SSL_SESSION_free(p->session);
	p->session = session;
	return 1; /* it is ours now */
}

static void
must(bool good)
{
	if (!good)
		abort();
}

void
tls_peer_open(struct tls_peer *p, int fd, const struct tls_peer_conf *conf)
{
	memset(p, 0, sizeof(*p));
	p->fd = fd;
	p->ctx = SSL_CTX_new(
	    conf->server ? TLS_server_method() : TLS_client_method());
	must(p->ctx != NULL);
	if (conf->max_version != 0)
		SSL_CTX_set_max_proto_version(p->ctx, conf->max_version);
	if (conf->old) {
		SSL_CTX_set_min_proto_version(p->ctx, TLS1_VERSION);
		SSL_CTX_set_cipher_list(p->ctx, "ALL:@SECLEVEL=0");
	}
	if (conf->cert != NULL)
		must(SSL_CTX_use_certificate_chain_file(p->ctx, conf->cert) ==
			1 &&
		    SSL_CTX_use_PrivateKey_file(
			p->ctx, conf->key, SSL_FILETYPE_PEM) == 1);
	if (!conf->server)
		SSL_CTX_set_session_cache_mode(p->ctx,
		    SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	if (!conf->server)
		SSL_CTX_sess_set_new_cb(p->ctx, on_session);
	p->ssl = SSL_new(p->ctx);
	must(p->ssl != NULL);
	SSL_set_app_data(p->ssl, p);
	SSL_set_bio(p->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (conf->server)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
	if (conf->server_name != NULL)
		SSL_set_tlsext_host_name(
		    p->ssl, (char *)(uintptr_t)conf->server_name);
	if (conf->session != NULL)
		must(SSL_set_session(p->ssl, conf->session) == 1);
}

static size_t
most(const struct tls_peer *p, size_t len)
{
	return p->piece != 0 && p->piece < len ? p->piece : len;
}

static bool
carry_out(struct tls_peer *p)
{
	BIO *bio = SSL_get_wbio(p->ssl);
	char *data;
	long len = BIO_get_mem_data(bio, &data);
	ssize_t n;
	char skip[4096];

	if (len <= 0)
		return false;
	n = write(p->fd, data,
	    most(p, (size_t)len < sizeof(skip) ? (size_t)len : sizeof(skip)));
	if (n > 0)
		BIO_read(bio, skip, (int)n);
	return n > 0;
}

bool
tls_peer_pump(struct tls_peer *p)
{
	char buf[4096];
	bool any = false;
	ssize_t n;

	ERR_clear_error();
	while (carry_out(p)) {
		any = true;
		if (p->piece != 0)
			break;
	}
	n = read(p->fd, buf, most(p, sizeof(buf)));
	if (n > 0)
		BIO_write(SSL_get_rbio(p->ssl), buf, (int)n);
	if (n == 0)
		p->eof = true;
	return any || n > 0;
}

int
tls_peer_handshake(struct tls_peer *p)
{
	int n, why;

	ERR_clear_error();
	n = SSL_do_handshake(p->ssl);
	if (n == 1)
		return 1;
	why = SSL_get_error(p->ssl, n);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0
									 : -1;
}

const char *
tls_peer_server(const struct tls_peer *p)
{
	static char name[200];
	X509 *cert = SSL_get_peer_certificate(p->ssl);

	name[0] = '\0';
	if (cert != NULL)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert),
		    NID_commonName, name, sizeof(name));
	X509_free(cert);
	return name;
}

const char *
tls_peer_error(void)
{
	static char text[200];

	ERR_error_string_n(ERR_peek_error(), text, sizeof(text));
	return text;
}

void
tls_peer_close(struct tls_peer *p)
{
	/* Else the library would forget the session. */
	SSL_set_shutdown(p->ssl, SSL_SENT_SHUTDOWN);
	SSL_SESSION_free(p->session);
	SSL_free(p->ssl);
	SSL_CTX_free(p->ctx);
	ERR_clear_error();
	memset(p, 0, sizeof(*p));
}
