/*
 * Session ticket keys in shared memory: see tls.h.  Two keys: the present one
 * seals and opens, the one before only opens.  A generation number in front of
 * each key tells a reader that it was changed under its hands.
 */

#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#if defined(LIBRESSL_VERSION_NUMBER)
#include <openssl/hmac.h>
#else
#include <openssl/core_names.h>
#include <openssl/params.h>
#endif

#include "compat.h"
#include "shared.h"
#include "tls.h"
#include "tls_context.h"

#define LAYOUT "tickets 1" /* see shared.h */
#define NAME_SIZE 16
#define KEY_SIZE 32

struct ticket_key {
	unsigned char name[NAME_SIZE];
	unsigned char cipher[KEY_SIZE];
	unsigned char mac[KEY_SIZE];
};

struct tls_tickets {
	atomic_uint generation; /* odd while the keys are changed */
	struct ticket_key now;
	struct ticket_key before;
};

struct tls_tickets *
tls_tickets_new(void)
{
	bool carried;
	struct tls_tickets *t =
	    shared_new(LAYOUT, sizeof(*t), SHARED_SECRET, &carried);

	if (t == NULL || carried)
		return t;
	atomic_init(&t->generation, 0);
	tls_tickets_rotate(t);
	tls_tickets_rotate(t);
	return t;
}

void
tls_tickets_free(struct tls_tickets **tp)
{
	if (*tp == NULL)
		return;
	OPENSSL_cleanse(*tp, sizeof(**tp));
	shared_free(*tp);
	*tp = NULL;
}

void
tls_tickets_rotate(struct tls_tickets *t)
{
	atomic_fetch_add(&t->generation, 1);
	t->before = t->now;
	compat_random(&t->now, sizeof(t->now));
	atomic_fetch_add(&t->generation, 1);
}

/* A consistent copy of the key for sealing (name NULL) or of the one with this
 * name.  False: unknown, or changed just now. */
static bool
get_key(struct tls_tickets *t, const unsigned char *name,
    struct ticket_key *key_r, bool *is_old_r)
{
	unsigned before = atomic_load(&t->generation);
	struct ticket_key now = t->now, old = t->before;

	if ((before & 1) != 0 || atomic_load(&t->generation) != before)
		return false;
	*is_old_r = false;
	if (name == NULL || memcmp(name, now.name, NAME_SIZE) == 0) {
		*key_r = now;
		return true;
	}
	*is_old_r = true;
	*key_r = old;
	return memcmp(name, old.name, NAME_SIZE) == 0;
}

static int
set_cipher(EVP_CIPHER_CTX *cipher, const struct ticket_key *key,
    const unsigned char *iv, int encrypt)
{
	return EVP_CipherInit_ex(
	    cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt);
}

#if defined(LIBRESSL_VERSION_NUMBER)
typedef HMAC_CTX mac_ctx;

static int
set_mac(mac_ctx *mac, const struct ticket_key *key)
{
	return HMAC_Init_ex(mac, key->mac, KEY_SIZE, EVP_sha256(), NULL);
}
#else
typedef EVP_MAC_CTX mac_ctx;

static int
set_mac(mac_ctx *mac, const struct ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[3];

	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac, KEY_SIZE);
	params[1] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	return EVP_MAC_CTX_set_params(mac, params);
}
#endif

/* As the library wants it: -1 error, 0 no ticket, 1 fine, 2 fine but give the
 * client a new one. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, mac_ctx *mac, int encrypt)
{
	struct tls_tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	struct ticket_key key;
	bool is_old;

	if (!get_key(t, encrypt ? NULL : name, &key, &is_old))
		return 0;
	if (encrypt) {
		memcpy(name, key.name, NAME_SIZE);
		compat_random(
		    iv, (size_t)EVP_CIPHER_iv_length(EVP_aes_256_cbc()));
	}
	if (set_cipher(cipher, &key, iv, encrypt) != 1 ||
	    set_mac(mac, &key) != 1)
		return -1;
	OPENSSL_cleanse(&key, sizeof(key));
	return is_old ? 2 : 1;
}

void
tls_tickets_use(struct tls_tickets *t, SSL_CTX *ctx)
{
	SSL_CTX_set_app_data(ctx, t);
#if defined(LIBRESSL_VERSION_NUMBER)
	SSL_CTX_set_tlsext_ticket_key_cb(ctx, on_ticket);
#else
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
#endif
}
