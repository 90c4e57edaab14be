/*
 * The contexts of TLS: files and their errors, choice of a certificate, client
 * certificates, session tickets.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_tls.h"

static void
test_files(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "none.crt", "one.key");
	expect_no_load(&b, "certificate /", "none.crt: No such file");
	block_init(&b, "one.crt", "none.key");
	expect_no_load(&b, "key /", "none.key: No such file");
	block_init(&b, "junk", "one.key");
	expect_no_load(&b, "certificate /", "junk: no start line");
	block_init(&b, "one.crt", "junk");
	expect_no_load(&b, "key /", "junk: ");
	block_init(&b, "one.crt", "one.crt");
	expect_no_load(&b, "key /", "one.crt: ");
}

static void
test_keys_that_do_not_match(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "one.crt", "two.key");
	expect_no_load(&b, "two.key does not belong to certificate", "one.crt");
	block_init(&b, "one.crt", "rsa.key");
	expect_no_load(&b, "rsa.key does not belong to certificate", "one.crt");
	block_init(&b, "rsa.crt", "one.key");
	expect_no_load(&b, "one.key does not belong to certificate", "rsa.crt");
	/* The second pair is looked at as well. */
	block_init(&b, "one.crt", "one.key");
	block_add(&b, "two.crt", "one.key");
	expect_no_load(&b, "one.key does not belong to certificate", "two.crt");
	block_init(&b, "one.crt", "one.key");
	b.conf.keys.count = 0;
	expect_no_load(&b, "1 certificates", "0 keys");
}

/* Nobody is asked for a password. */
static void
test_locked_key(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "locked.crt", "locked.key");
	expect_no_load(&b, "key /", "locked.key: ");
}

static void
test_policy_errors(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "one.crt", "one.key");
	b.conf.ciphers = "NOTHING";
	expect_no_load(&b, "ciphers NOTHING: ", "no cipher match");
	b.conf.ciphers = NULL;
	b.conf.ciphersuites = "NOTHING";
	expect_no_load(&b, "ciphersuites NOTHING: ", "");
	b.conf.ciphersuites = NULL;
	b.conf.curves = "nowhere";
	expect_no_load(&b, "curves nowhere: ", "");
	b.conf.curves = NULL;
	b.conf.verify_client = TLS_VERIFY_OPTIONAL;
	expect_no_load(&b, "verify-client needs client-ca", "");
	b.conf.client_ca = file("none");
	expect_no_load(&b, "client-ca /", "none: No such file");
	b.conf.client_ca = file("junk");
	expect_no_load(&b, "client-ca /", "junk: ");
}

/* Certificates. */

static void
expect_server(struct block *b, const char *asked, const char *name)
{
	const struct tls_peer_conf conf = { .server_name = asked };
	struct tls_info info;
	struct wire w;

	wire_open(&w, b, &conf);
	wire_shake(&w);
	assert_int_equal(w.served, 1);
	assert_string_equal(tls_peer_server(&w.peer), name);
	tls_get_info(w.server, &info);
	if (asked != NULL)
		assert_string_equal(info.server_name, asked);
	wire_close(&w);
}

static void
test_server_names(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "one.crt", "one.key");
	block_add(&b, "rsa.crt", "rsa.key");
	load(&b);
	expect_server(&b, NULL, "one.example.org");
	expect_server(&b, "one.example.org", "one.example.org");
	expect_server(&b, "rsa.example.org", "rsa.example.org");
	expect_server(&b, "RSA.example.ORG", "rsa.example.org");
	expect_server(&b, "x.rsa.example.org", "one.example.org");
	expect_server(&b, "elsewhere.test", "one.example.org");
	tls_unload(&b.conf);
}

static void
shake_as(struct block *b, const char *cert, const char *key, int served,
    const char *subject)
{
	const struct tls_peer_conf conf = { .cert = cert, .key = key };
	struct tls_info info;
	struct wire w;

	wire_open(&w, b, &conf);
	wire_shake(&w);
	assert_int_equal(w.served, served);
	if (served == 1) {
		tls_get_info(w.server, &info);
		if (subject == NULL)
			assert_null(info.client_subject);
		else
			assert_string_equal(info.client_subject, subject);
	}
	wire_close(&w);
}

static void
test_client_certificates(void **state)
{
	char crt[PATH_SIZE], key[PATH_SIZE], other[PATH_SIZE],
	    other_key[PATH_SIZE];
	struct block b;

	(void)state;
	compat_strlcpy(crt, file("client.crt"), sizeof(crt));
	compat_strlcpy(key, file("client.key"), sizeof(key));
	compat_strlcpy(other, file("stranger.crt"), sizeof(other));
	compat_strlcpy(other_key, file("stranger.key"), sizeof(other_key));
	block_init(&b, "two.crt", "two.key");
	load(&b);
	shake_as(&b, crt, key, 1, NULL); /* nobody asked */
	tls_unload(&b.conf);
	b.conf.client_ca = file("one.crt");
	b.conf.verify_client = TLS_VERIFY_OPTIONAL;
	load(&b);
	shake_as(&b, NULL, NULL, 1, NULL);
	shake_as(&b, crt, key, 1, "/CN=client.example.net");
	shake_as(&b, other, other_key, 1, NULL); /* mail comes first */
	tls_unload(&b.conf);
	b.conf.client_ca = file("one.crt");
	b.conf.verify_client = TLS_VERIFY_REQUIRED;
	load(&b);
	shake_as(&b, NULL, NULL, -1, NULL);
	shake_as(&b, crt, key, 1, "/CN=client.example.net");
	shake_as(&b, other, other_key, -1, NULL);
	tls_unload(&b.conf);
}

/* Tickets. */

/* A session of the peer's, after some talk (TLS 1.3 sends tickets then). */
static SSL_SESSION *
get_session(struct block *b, int version)
{
	const struct tls_peer_conf conf = { .max_version = version };
	SSL_SESSION *session;
	struct wire w;

	wire_open(&w, b, &conf);
	wire_shake(&w);
	assert_int_equal(w.served, 1);
	assert_int_equal(tls_write(w.server, "x", 1), 1);
	expect_peer_reads(&w, "x");
	session = w.peer.session;
	assert_non_null(session);
	SSL_SESSION_up_ref(session);
	wire_close(&w);
	return session;
}

/* 1 resumed, 0 a whole handshake, -1 refused */
static int
resumes(struct block *b, SSL_SESSION *session)
{
	SSL_SESSION *copy = SSL_SESSION_dup(session);
	const struct tls_peer_conf conf = { .session = copy,
		.max_version = SSL_SESSION_get_protocol_version(session) };
	struct tls_info info = { .resumed = false };
	struct wire w;
	int served;

	wire_open(&w, b, &conf);
	wire_shake(&w);
	served = w.served;
	if (served == 1)
		tls_get_info(w.server, &info);
	wire_close(&w);
	SSL_SESSION_free(copy);
	return served == 1 ? info.resumed : served;
}

static void
check_tickets(int version)
{
	struct tls_tickets *tickets = tls_tickets_new(),
			   *others = tls_tickets_new();
	struct block one, two, other;
	SSL_SESSION *session;

	block_init(&one, "one.crt", "one.key");
	block_init(&two, "one.crt", "one.key");
	block_init(&other, "one.crt", "one.key");
	load(&one);
	load(&two);
	load(&other);
	tls_share_tickets(&one.conf, tickets);
	tls_share_tickets(&two.conf, tickets);
	tls_share_tickets(&other.conf, others);
	session = get_session(&one, version);
	assert_int_equal(resumes(&one, session), 1);
	assert_int_equal(resumes(&two, session), 1); /* another worker */
	assert_int_equal(resumes(&other, session), 0);
	tls_tickets_rotate(tickets);
	assert_int_equal(resumes(&two, session), 1);
	tls_tickets_rotate(tickets);
	assert_int_equal(resumes(&two, session), 0);
	SSL_SESSION_free(session);
	tls_unload(&one.conf);
	tls_unload(&two.conf);
	tls_unload(&other.conf);
	tls_tickets_free(&tickets);
	tls_tickets_free(&others);
	assert_null(tickets);
	tls_tickets_free(&tickets);
}

static void
test_tickets(void **state)
{
	(void)state;
	check_tickets(TLS1_2_VERSION);
	check_tickets(TLS1_3_VERSION);
}

/* A session that began where nobody is verified is none where one must be. */
static void
check_ticket_of_another_policy(int version)
{
	struct tls_tickets *tickets = tls_tickets_new();
	struct block open, closed, same;
	SSL_SESSION *session;

	block_init(&open, "one.crt", "one.key");
	block_init(&closed, "one.crt", "one.key");
	closed.conf.client_ca = file("one.crt");
	closed.conf.verify_client = TLS_VERIFY_REQUIRED;
	block_init(&same, "one.crt", "one.key");
	same.conf.name = "other";
	load(&open);
	load(&closed);
	load(&same);
	tls_share_tickets(&open.conf, tickets);
	tls_share_tickets(&closed.conf, tickets);
	tls_share_tickets(&same.conf, tickets);
	session = get_session(&open, version);
	assert_int_equal(resumes(&open, session), 1);
	assert_int_equal(resumes(&closed, session), -1);
	assert_int_equal(resumes(&same, session), 0);
	SSL_SESSION_free(session);
	tls_unload(&open.conf);
	tls_unload(&closed.conf);
	tls_unload(&same.conf);
	tls_tickets_free(&tickets);
}

static void
test_tickets_of_another_policy(void **state)
{
	(void)state;
	check_ticket_of_another_policy(TLS1_2_VERSION);
	check_ticket_of_another_policy(TLS1_3_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_keys_that_do_not_match),
		cmocka_unit_test(test_locked_key),
		cmocka_unit_test(test_policy_errors),
		cmocka_unit_test(test_server_names),
		cmocka_unit_test(test_client_certificates),
		cmocka_unit_test(test_tickets),
		cmocka_unit_test(test_tickets_of_another_policy),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
