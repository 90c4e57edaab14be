#ifndef POSTERN_FAKE_CONN_TLS_H
#define POSTERN_FAKE_CONN_TLS_H

/*
 * The rig of fake_conn.h with TLS, and a client at its other end.
 */

#include "fake_conn.h"
#include "fake_tls.h"

static struct block block;
static struct tls_peer client;

static inline int
make_context(void **state)
{
	if (make_files(state) != 0)
		return -1;
	block_init(&block, "one.crt", "one.key");
	load(&block);
	return 0;
}

static inline int
free_context(void **state)
{
	tls_unload(&block.conf);
	return remove_files(state);
}

static inline int
setup_tls(void **state)
{
	static const struct tls_peer_conf conf = { .max_version = 0 };
	int rc = setup(state), small = 5000;

	setsockopt(rig.peer, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(
	    conn_fd(rig.conn), SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	tls_peer_open(&client, rig.peer, &conf);
	return rc;
}

static inline int
teardown_tls(void **state)
{
	tls_peer_close(&client);
	return teardown(state);
}
#define TLS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)

static inline void
exchange(void)
{
	int idle = 0;

	while (idle < 3) {
		idle = tls_peer_pump(&client) ? 0 : idle + 1;
		turn();
	}
}

static inline void
shake(void)
{
	int i, done = 0;

	conn_start_tls(rig.conn, block.conf.context);
	for (i = 0; i < 10000 && (done == 0 || rig.trace[0] == '\0'); i++) {
		if (done == 0)
			done = tls_peer_handshake(&client);
		tls_peer_pump(&client);
		turn();
	}
	assert_int_equal(done, 1);
	exchange();
}

static inline void
shaken(void)
{
	shake();
	assert_string_equal(rig.trace, "s");
	memset(rig.trace, 0, sizeof(rig.trace));
}

static inline void
client_says(const char *text)
{
	assert_int_equal(
	    SSL_write(client.ssl, text, (int)strlen(text)), (int)strlen(text));
	exchange();
}

static inline bool
client_got(const char *text)
{
	char buf[1000];
	int n;

	exchange();
	n = SSL_read(client.ssl, buf, sizeof(buf));
	return n == (int)strlen(text) && memcmp(buf, text, strlen(text)) == 0;
}

#endif
