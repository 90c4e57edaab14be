/*
 * TLS towards servers: what is found wrong with their certificates, and which
 * sessions are resumed.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_tls.h"
#include "tls_client.h"

static struct block server;
static char pin[45];

struct end { /* our end of a connection */
	struct tls *ours;
	struct tls *theirs;
	int fds[2];
	bool done;
};

static struct tls_client *
make_client(bool verify, const char *ca, const char *pinned)
{
	struct tls_client_policy policy = { .verify = verify,
		.ca = ca,
		.pins = &pinned,
		.pin_count = pinned != NULL };
	struct tls_client *c = tls_client_new(&policy, err, sizeof(err));

	if (c == NULL)
		fail_msg("%s", err);
	return c;
}

static void
open_end(
    struct end *e, struct tls_client *c, const char *name, const char *place)
{
	bool want_write;
	int i, a = 0, b = 0;
	char junk[10];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, e->fds), 0);
	assert_int_equal(net_nonblock(e->fds[0]), 0);
	assert_int_equal(net_nonblock(e->fds[1]), 0);
	e->ours = tls_connect(c, e->fds[0], name, place);
	e->theirs = tls_accept(server.conf.context, e->fds[1]);
	for (i = 0; i < 100 && (a == 0 || b == 0); i++) {
		if (a == 0)
			a = tls_handshake(e->ours, &want_write);
		if (b == 0)
			b = tls_handshake(e->theirs, &want_write);
	}
	assert_int_equal(a, 1);
	assert_int_equal(b, 1);
	/* Tickets come behind the handshake. */
	assert_int_equal(tls_read(e->ours, junk, sizeof(junk)), -1);
}

static void
close_end(struct end *e)
{
	tls_shutdown(e->ours); /* as conn_close() does */
	tls_free(&e->ours);
	tls_free(&e->theirs);
	close(e->fds[0]);
	close(e->fds[1]);
}

static void
expect_fault(enum fault want, const char *name, bool verify, const char *ca,
    const char *pinned)
{
	struct tls_client *c = make_client(verify, ca, pinned);
	const char *why = NULL;
	struct end e;

	open_end(&e, c, name, "here");
	assert_int_equal(tls_server_fault(e.ours, &why), want);
	assert_non_null(why);
	tls_server_pin(e.ours, pin);
	close_end(&e);
	tls_client_free(&c);
	assert_null(c);
}

static void
test_faults(void **state)
{
	static const char other[] =
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	const char *one = file("one.crt"), *two = file("two.crt");
	char right[45];

	(void)state;
	expect_fault(FAULT_NONE, "one.example.org", true, one, NULL);
	expect_fault(FAULT_TLS_NAME, "two.example.org", true, one, NULL);
	expect_fault(FAULT_TLS_NAME, "192.0.2.1", true, one, NULL);
	expect_fault(FAULT_TLS_UNTRUSTED, "one.example.org", true, two, NULL);
	expect_fault(FAULT_TLS_UNTRUSTED, "one.example.org", true, NULL, NULL);
	/* Not looked at. */
	expect_fault(FAULT_NONE, "two.example.org", false, two, NULL);
	assert_int_equal(strlen(pin), 44);
	memcpy(right, pin, sizeof(right));
	expect_fault(FAULT_NONE, NULL, false, NULL, right);
	expect_fault(FAULT_TLS_PIN, NULL, false, NULL, other);
	expect_fault(FAULT_TLS_PIN, "one.example.org", true, one, other);
	expect_fault(FAULT_TLS_NAME, "two.example.org", true, one, right);
}

static void
expect_resumed(struct tls_client *c, const char *name, const char *place,
    bool resumed, enum fault fault)
{
	struct tls_info info;
	const char *why;
	struct end e;

	open_end(&e, c, name, place);
	tls_get_info(e.ours, &info);
	assert_int_equal(info.resumed, resumed);
	assert_int_equal(tls_server_fault(e.ours, &why), fault);
	close_end(&e);
}

/* A resumed session shows no certificate: it is as good as the one it began
 * with, and never good for another name or place. */
static void
test_sessions(void **state)
{
	struct tls_client *c = make_client(true, file("one.crt"), NULL);
	char place[20];
	int i;

	(void)state;
	expect_resumed(c, "one.example.org", "a", false, FAULT_NONE);
	expect_resumed(c, "one.example.org", "a", true, FAULT_NONE);
	expect_resumed(c, "one.example.org", "b", false, FAULT_NONE);
	expect_resumed(c, "two.example.org", "a", false, FAULT_TLS_NAME);
	expect_resumed(c, "two.example.org", "a", true, FAULT_TLS_NAME);
	/* More places than are kept. */
	for (i = 0; i < 40; i++) {
		snprintf(place, sizeof(place), "%d", i);
		expect_resumed(c, "one.example.org", place, false, FAULT_NONE);
	}
	expect_resumed(c, "one.example.org", "39", true, FAULT_NONE);
	tls_client_free(&c);
}

static void
expect_no_client(const struct tls_client_policy *policy, const char *what)
{
	assert_null(tls_client_new(policy, err, sizeof(err)));
	if (strstr(err, what) == NULL)
		fail_msg("\"%s\" has no \"%s\"", err, what);
}

static void
test_files(void **state)
{
	(void)state;
	expect_no_client(
	    &(struct tls_client_policy){ .ca = file("junk") }, "ca ");
	expect_no_client(
	    &(struct tls_client_policy){ .ca = "/nonexistent" }, "ca ");
	expect_no_client(
	    &(struct tls_client_policy){
		.certificate = file("one.crt"), .key = file("two.key") },
	    "does not belong");
}

/* Servers that ask for a certificate see ours. */
static void
test_own_certificate(void **state)
{
	const struct tls_client_policy policy = {
		.certificate = file("client.crt"),
		.key = file("client.key"),
	};
	struct tls_client *c;
	struct tls_info info;
	struct end e;

	(void)state;
	tls_unload(&server.conf);
	server.conf.client_ca = file("one.crt");
	server.conf.verify_client = TLS_VERIFY_REQUIRED;
	load(&server);
	c = tls_client_new(&policy, err, sizeof(err));
	assert_non_null(c);
	open_end(&e, c, NULL, "here");
	tls_get_info(e.theirs, &info);
	assert_non_null(info.client_subject);
	assert_non_null(strstr(info.client_subject, "client.example.net"));
	close_end(&e);
	tls_client_free(&c);
}

static int
set_up(void **state)
{
	static struct tls_tickets *tickets;

	if (make_files(state) != 0)
		return -1;
	block_init(&server, "one.crt", "one.key");
	load(&server);
	tickets = tls_tickets_new();
	*state = tickets;
	tls_share_tickets(&server.conf, tickets);
	return 0;
}

static int
tear_down(void **state)
{
	struct tls_tickets *tickets = *state;

	tls_unload(&server.conf);
	tls_tickets_free(&tickets);
	return remove_files(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_own_certificate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
