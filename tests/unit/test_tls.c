/*
 * TLS: handshakes, ends, what is refused.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_tls.h"

static void
shake_and_talk(struct block *b, int version, size_t piece, const char *name)
{
	const struct tls_peer_conf conf = { .max_version = version };
	struct tls_info info;
	struct wire w;

	wire_open(&w, b, &conf);
	w.peer.piece = piece;
	wire_shake(&w);
	assert_int_equal(w.served, 1);
	assert_int_equal(w.came, 1);
	tls_get_info(w.server, &info);
	assert_string_equal(info.version, name);
	assert_non_null(info.cipher);
	assert_null(info.server_name);
	assert_null(info.client_subject);
	assert_false(info.resumed);
	assert_int_equal(tls_write(w.server, "220 there\r\n", 11), 11);
	expect_peer_reads(&w, "220 there\r\n");
	peer_writes(&w, "EHLO here\r\n");
	expect_server_reads(&w, "EHLO here\r\n");
	wire_close(&w);
}

static void
test_handshake(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, "one.crt", "one.key");
	load(&b);
	shake_and_talk(&b, 0, 0, "TLSv1.3");
	shake_and_talk(&b, TLS1_2_VERSION, 0, "TLSv1.2");
	shake_and_talk(&b, 0, 1, "TLSv1.3");
	shake_and_talk(&b, TLS1_2_VERSION, 1, "TLSv1.2");
	shake_and_talk(&b, 0, 7, "TLSv1.3");
	tls_unload(&b.conf);
	assert_null(b.conf.context);
	tls_unload(&b.conf); /* twice is no harm */
}

static void
expect_refused(
    struct block *b, const struct tls_peer_conf *conf, const char *why)
{
	struct wire w;

	wire_open(&w, b, conf);
	wire_shake(&w);
	assert_int_equal(w.served, -1);
	if (strstr(tls_error(w.server), why) == NULL)
		fail_msg("\"%s\" has no \"%s\"", tls_error(w.server), why);
	wire_close(&w);
}

static void
test_old_versions(void **state)
{
	const struct tls_peer_conf old = { .max_version = TLS1_1_VERSION,
		.old = true },
				   older = { .max_version = TLS1_2_VERSION };
	struct block b;

	(void)state;
	block_init(&b, "rsa.crt", "rsa.key");
	load(&b);
	expect_refused(&b, &old, "unsupported protocol");
	tls_unload(&b.conf);
	b.conf.min_version = 1;
	load(&b);
	expect_refused(&b, &older, "unsupported protocol");
	shake_and_talk(&b, 0, 0, "TLSv1.3");
	tls_unload(&b.conf);
}

static void
test_no_tls_at_all(void **state)
{
	struct block b;
	struct wire w;
	bool want_write;

	(void)state;
	block_init(&b, "one.crt", "one.key");
	load(&b);
	wire_open(&w, &b, NULL);
	assert_int_equal(write(w.fds[1], "EHLO here\r\nQUIT\r\n", 17), 17);
	assert_int_equal(tls_handshake(w.server, &want_write), -1);
	assert_string_not_equal(tls_error(w.server), "no error");
	wire_close(&w);
	/* Somebody who goes. */
	wire_open(&w, &b, NULL);
	assert_int_equal(tls_handshake(w.server, &want_write), 0);
	assert_false(want_write);
	shutdown(w.fds[1], SHUT_WR);
	assert_int_equal(tls_handshake(w.server, &want_write), -1);
	assert_string_equal(
	    tls_error(w.server), "the peer closed the connection");
	wire_close(&w);
	tls_unload(&b.conf);
}

/* Ends. */

static void
open_shaken(struct wire *w, struct block *b, int version)
{
	const struct tls_peer_conf conf = { .max_version = version };

	wire_open(w, b, &conf);
	wire_shake(w);
	assert_int_equal(w->served, 1);
}

static void
test_ends(void **state)
{
	struct block b;
	struct wire w;
	char buf[10];

	(void)state;
	block_init(&b, "one.crt", "one.key");
	load(&b);
	/* With close_notify; ours is answered. */
	open_shaken(&w, &b, 0);
	SSL_shutdown(w.peer.ssl);
	while (tls_peer_pump(&w.peer))
		;
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), 0);
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), 0);
	tls_shutdown(w.server);
	while (tls_peer_pump(&w.peer))
		;
	assert_true(SSL_read(w.peer.ssl, buf, sizeof(buf)) <= 0);
	assert_int_equal(SSL_get_shutdown(w.peer.ssl),
	    SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	wire_close(&w);
	/* Without. */
	open_shaken(&w, &b, 0);
	peer_writes(&w, "QUIT\r\n");
	shutdown(w.fds[1], SHUT_WR);
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), 6);
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), 0);
	wire_close(&w);
	open_shaken(&w, &b, TLS1_2_VERSION);
	shutdown(w.fds[1], SHUT_WR);
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), 0);
	wire_close(&w);
	tls_unload(&b.conf);
}

static void
test_broken_record(void **state)
{
	static const char junk[] = "\x17\x03\x03\x00\x20"
				   "0123456789012345678901234567890123456789";
	struct block b;
	struct wire w;
	char buf[10];

	(void)state;
	block_init(&b, "one.crt", "one.key");
	load(&b);
	open_shaken(&w, &b, 0);
	assert_true(write(w.fds[1], junk, sizeof(junk)) > 0);
	errno = 0;
	assert_int_equal(tls_read(w.server, buf, sizeof(buf)), -1);
	assert_int_equal(errno, EPROTO);
	assert_string_not_equal(tls_error(w.server), "no error");
	/* Nothing comes of it any more, nor does it crash. */
	assert_true(tls_read(w.server, buf, sizeof(buf)) <= 0);
	tls_shutdown(w.server);
	wire_close(&w);
	/* The other side is gone when we write. */
	open_shaken(&w, &b, 0);
	shutdown(w.fds[1], SHUT_RDWR);
	close(w.fds[1]);
	w.fds[1] = -1;
	assert_int_equal(tls_write(w.server, "x", 1), -1);
	assert_int_not_equal(errno, EAGAIN);
	wire_close(&w);
	tls_unload(&b.conf);
}

static void
test_renegotiation_is_refused(void **state)
{
	struct block b;
	struct wire w;
	char buf[10];
	int i;

	(void)state;
	block_init(&b, "rsa.crt", "rsa.key");
	load(&b);
	open_shaken(&w, &b, TLS1_2_VERSION);
	assert_int_equal(SSL_renegotiate(w.peer.ssl), 1);
	for (i = 0; i < 4; i++) {
		(void)tls_peer_handshake(&w.peer);
		while (tls_peer_pump(&w.peer))
			;
		assert_true(tls_read(w.server, buf, sizeof(buf)) <= 0);
	}
	/* It is told so, and is still asking. */
	assert_int_not_equal(tls_peer_handshake(&w.peer), 1);
	wire_close(&w);
	tls_unload(&b.conf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_no_tls_at_all),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_broken_record),
		cmocka_unit_test(test_renegotiation_is_refused),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
