/*
 * Whole sessions: what a client sends goes through the real session, filters,
 * chain, relay and a backend that throws mail away, with a scripted clock.
 * Whatever it was, postern's replies are well formed, and two hours later
 * nothing is left.
 *
 * The first octet: bits 0 and 1 choose the client (nobody special, a proxy, one
 * with XCLIENT and XFORWARD, one for whom the filters take their time), bits 2
 * to 4 how its octets are cut, bits 5 and 6 how it ends (it closes, it shuts
 * down and listens, it stays, it never reads).  With bit 7 the client means
 * what it says with STARTTLS: it does the handshake, and what follows goes
 * inside.
 */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "gate.h"
#include "log.h"
#include "loop.h"
#include "net.h"
#include "tls_peer.h"

#define LINE_MAX_OCTETS 512
#define TWO_HOURS (2 * 3600 * 1000)

enum ending { END_CLOSE, END_SHUT, END_STAY, END_DEAF };

struct fuzzed {
	struct gate gate;
	int fd; /* the client's end */
	enum ending ending;
	bool slow;
	bool speaks_tls;
	bool go;     /* the server waits for the handshake */
	bool secure; /* the handshake is done; then tls is open, as in go */
	bool secret; /* behind STARTTLS: octets that say nothing */
	struct tls_peer tls;
	bool ended;
	size_t len; /* of a line that is not over */
	char line[LINE_MAX_OCTETS + 1];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "hostname = \"mx.test\"\n"
    "limits { message-size = 64K recipients = 3 errors = 20 }\n"
    "listen in {\n"
    "	address = {\"127.0.0.1:25\"}\n"
    "	proxy-from = {\"10.0.0.1\"}\n"
    "	xclient-from = {\"10.0.0.2\"}\n"
    "	xclient-login = true\n"
    "	xforward-from = {\"10.0.0.2\"}\n"
    "	starttls = own\n"
    "	auth = people\n"
    "	auth-plaintext = true\n"
    "	normalise-from = {\"198.51.100.1\"}\n"
    "	filters = {friends, slow, judge}\n"
    "}\n"
    "tls own { certificate = {@CERT@} key = {@KEY@} }\n"
    "told judge { }\n"
    "auth-file people { users = \"alice:$2b$04$"
    "abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\" }\n"
    "access friends { deny = {\"203.0.113.0/24\"} }\n"
    "delay slow {\n"
    "	connect = 1s helo = 1s mail = 1s rcpt = 1s message = 1s\n"
    "	except = {\"192.0.2.0/24\", \"10.0.0.0/24\"}\n"
    "}\n"
    "backend sink { protocol = discard }\n"
    "backend other { protocol = discard }\n"
    "route in { rcpt-domain = {\"example.org\"} backend = sink }\n"
    "route out { rcpt-domain = {\"example.com\"} backend = other }\n";

static struct config *
load(void)
{
	static const struct log_conf none = { .to = LOG_TO_STDERR,
		.level = LEVEL_DEBUG };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	char dir[] = "/tmp/fuzz.XXXXXX";
	struct config *c;

	sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(dir) == NULL)
		abort();
	log_open(&none);
	c = gate_config(dir, "fuzz_session", text, NULL, 0);
	if (c == NULL)
		abort();
	rmdir(dir);
	return c;
}

static void
check_line(struct fuzzed *f)
{
	const char *l = f->line;
	size_t i;

	assert(f->len >= 6 && l[f->len - 2] == '\r');
	assert(l[0] >= '2' && l[0] <= '5' && l[1] >= '0' && l[1] <= '9' &&
	    l[2] >= '0' && l[2] <= '9' && (l[3] == ' ' || l[3] == '-'));
	for (i = 0; i + 2 < f->len; i++)
		assert(l[i] >= ' ' && l[i] <= '~');
	if (f->len != 29 || memcmp(l, "220 2.0.0 go ahead with TLS", 27) != 0)
		return;
	assert(!f->secure);
	if (f->speaks_tls)
		f->go = true;
	else
		f->secret = true;
}

static void
check_output(struct fuzzed *f, const char *out, size_t len)
{
	size_t i;

	for (i = 0; i < len && !f->secret; i++) {
		assert(!f->go); /* nothing behind the 220 */
		assert(f->len < LINE_MAX_OCTETS);
		f->line[f->len++] = out[i];
		if (out[i] != '\n')
			continue;
		check_line(f);
		f->len = 0;
	}
}

/* Is there anything to go on with? */
static bool
hear_tls(struct fuzzed *f)
{
	char buf[4096];
	bool moved = tls_peer_pump(&f->tls);
	int n;

	if (!f->secure) {
		n = tls_peer_handshake(&f->tls);
		f->secure = n == 1;
		f->ended = n == -1 || f->tls.eof;
		assert(n != -1 || f->tls.eof); /* we do nothing wrong */
		return moved;
	}
	n = SSL_read(f->tls.ssl, buf, (int)sizeof(buf));
	if (n > 0)
		check_output(f, buf, (size_t)n);
	f->ended = n <= 0 && f->tls.eof;
	return moved || n > 0;
}

static bool
hear(struct fuzzed *f)
{
	static const struct tls_peer_conf conf = { .server_name = "mx.test" };
	char buf[4096];
	ssize_t n;

	if (f->fd == -1 || f->ended || f->ending == END_DEAF)
		return false;
	if (f->secure || f->tls.ssl != NULL)
		return hear_tls(f);
	if (f->go) {
		f->go = false;
		tls_peer_open(&f->tls, f->fd, &conf);
		return true;
	}
	n = read(f->fd, buf, sizeof(buf));
	if (n == -1 && errno == EAGAIN)
		return false;
	f->ended = n <= 0;
	if (n > 0)
		check_output(f, buf, (size_t)n);
	return true;
}

static void
settle(struct fuzzed *f)
{
	int quiet = 0;

	while (quiet < 3) {
		loop_turn(f->gate.front.loop, false);
		quiet = hear(f) || gate_work(&f->gate) ? 0 : quiet + 1;
	}
}

static size_t
piece(unsigned how, uint32_t *seed, size_t left)
{
	static const size_t most[8] = { 0, 1, 3, 20, 100, 700, 5000, 7 };
	size_t n;

	if (most[how] == 0)
		return left;
	*seed = *seed * 1664525u + 1013904223u;
	n = 1 + (*seed >> 8) % most[how];
	return n < left ? n : left;
}

/* Whoever means it waits behind STARTTLS: *found_r. */
static size_t
until_starttls(const uint8_t *data, size_t len, bool *found_r)
{
	static const char line[] = "STARTTLS\r\n";
	const size_t most = sizeof(line) - 1;
	size_t i;

	*found_r = false;
	for (i = 0; i + most <= len && !*found_r; i++)
		*found_r = memcmp(data + i, line, most) == 0;
	return *found_r ? i - 1 + most : len;
}

static ssize_t
send_some(struct fuzzed *f, const uint8_t *data, size_t len)
{
	int n;

	if (!f->secure)
		return write(f->fd, data, len);
	n = SSL_write(f->tls.ssl, data, (int)len);
	errno = f->ended ? EPIPE : EAGAIN;
	return n > 0 ? n : -1;
}

static void
say(struct fuzzed *f, unsigned how, const uint8_t *data, size_t size)
{
	uint32_t seed = (uint32_t)size;
	size_t at = 0, len;
	bool waits;
	int stuck = 0;
	ssize_t n;

	while (at < size && stuck < 3) {
		/* In clear, nothing is to be said now. */
		if (f->tls.ssl != NULL && !f->secure)
			break;
		len = piece(how, &seed, size - at);
		waits = false;
		if (f->speaks_tls)
			len = until_starttls(data + at, len, &waits);
		n = send_some(f, data + at, len);
		if (n == -1 && errno != EAGAIN)
			break;
		stuck = n > 0 ? 0 : stuck + 1;
		at += n > 0 ? (size_t)n : 0;
		settle(f);
		if (f->slow)
			loop_advance(f->gate.front.loop, waits ? 5000 : 400);
		if (f->slow && waits)
			settle(f);
	}
	settle(f);
}

static void
end(struct fuzzed *f)
{
	if (f->slow && f->ending != END_CLOSE) {
		loop_advance(f->gate.front.loop, 20000);
		settle(f);
	}
	if (f->ending == END_SHUT) {
		if (f->secure)
			SSL_shutdown(f->tls.ssl);
		(void)hear(f);
		shutdown(f->fd, SHUT_WR);
		settle(f);
	}
	if (f->ending == END_CLOSE) {
		close(f->fd);
		f->fd = -1;
	}
	settle(f);
	loop_advance(f->gate.front.loop, TWO_HOURS);
	settle(f);
	if (f->fd != -1)
		close(f->fd);
	if (f->tls.ssl != NULL)
		tls_peer_close(&f->tls);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const clients[] = { "192.0.2.1:40000",
		"10.0.0.1:40000", "10.0.0.2:40000", "198.51.100.1:40000" };
	static struct config *config;
	struct fuzzed f = { .fd = -1 };
	const char *left;

	if (size == 0)
		return 0;
	if (config == NULL)
		config = load();
	f.slow = (data[0] & 3) == 3;
	f.ending = (enum ending)(data[0] >> 5 & 3);
	f.speaks_tls = data[0] >> 7 != 0;
	gate_open(&f.gate, config);
	f.fd = gate_connect(&f.gate, clients[data[0] & 3]);
	if (f.fd == -1 || net_nonblock(f.fd) == -1)
		abort();
	settle(&f);
	say(&f, data[0] >> 2 & 7, data + 1, size - 1);
	end(&f);
	left = gate_leftover(&f.gate);
	if (left == NULL)
		left = gate_close(&f.gate);
	if (left != NULL) {
		fprintf(stderr, "%s\n", left);
		abort();
	}
	return 0;
}
