/*
 * OpenSSL as if it were LibreSSL, for "make lint": the headers without what
 * LibreSSL does not have, and with its version.  Whoever uses such a thing
 * needs a guard: #if defined(LIBRESSL_VERSION_NUMBER), or #ifdef for a
 * constant.
 */
#ifndef POSTERN_LINT_LIBRESSL_H
#define POSTERN_LINT_LIBRESSL_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define LIBRESSL_VERSION_NUMBER 0x3080000fL

#undef ERR_SYSTEM_ERROR
#undef ERR_SYSTEM_FLAG
#undef SSL_OP_ALLOW_CLIENT_RENEGOTIATION
#undef SSL_OP_ENABLE_KTLS
#undef SSL_OP_IGNORE_UNEXPECTED_EOF
#undef SSL_OP_NO_RENEGOTIATION

#pragma GCC poison EVP_MAC EVP_MAC_CTX EVP_MAC_CTX_set_params EVP_MAC_fetch
#pragma GCC poison EVP_MD_fetch EVP_CIPHER_fetch EVP_Q_digest EVP_Q_mac
#pragma GCC poison OSSL_PARAM OSSL_PARAM_construct_end
#pragma GCC poison OSSL_PARAM_construct_octet_string
#pragma GCC poison OSSL_PARAM_construct_utf8_string OSSL_LIB_CTX
#pragma GCC poison SSL_CTX_set_tlsext_ticket_key_evp_cb SSL_CTX_new_ex
#pragma GCC poison SSL_get0_peer_certificate SSL_get1_peer_certificate
#pragma GCC poison SSL_read_early_data SSL_write_early_data SSL_sendfile
#pragma GCC poison SSL_CTX_load_verify_file SSL_CTX_load_verify_dir

#endif
