/*
 * Slots: as many as connections are wanted at once.  A slot makes one
 * connection after the other as long as there are messages.  A connection
 * that ended frees its slot; the next one is begun from the loop (the kick),
 * so that a peer which refuses everything cannot make us recurse.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gen.h"

#define INPUT_SIZE 16384
#define COMPLAINTS_MAX 8
#define PAUSE_US 10000 /* after a failed connection */

static struct slot *slots, *free_slots;
static unsigned nslots, nactive;
static unsigned nidle, idle_failed, idle_begun;
static struct event ev_kick, ev_sweep;
static char input[INPUT_SIZE];

static void slot_flush(struct slot *);

static void
complain(const struct slot *s, const char *kind, const char *why)
{
	static unsigned count;
	static const char *const stages[] = { "banner", "EHLO", "MAIL", "RCPT",
		"DATA", "BDAT", "end of data", "RSET", "QUIT",
		"end of connection", "idle" };

	if (count++ >= COMPLAINTS_MAX && !gen.verbose)
		return;
	fprintf(stderr, "smtpgen: %s at %s", kind, stages[s->await]);
	if (s->job != NULL)
		fprintf(stderr, ", message %llu",
		    (unsigned long long)s->job->number);
	fprintf(stderr, ": %s\n", why);
}

static void
kick(long us)
{
	struct timeval tv;

	tv.tv_sec = 0;
	tv.tv_usec = (suseconds_t)us;
	if (us == 0)
		event_active(&ev_kick, EV_TIMEOUT, 0);
	else if (!evtimer_pending(&ev_kick, NULL))
		evtimer_add(&ev_kick, &tv);
}

/* The connection is over, one way or another. */
static void
slot_close(struct slot *s, enum outcome outcome, long pause)
{
	job_end(s->job, outcome, s->start);
	job_untake(s->ahead);
	s->job = s->ahead = NULL;
	if (s->fd != -1) {
		event_del(&s->ev_read);
		event_del(&s->ev_write);
		close(s->fd);
		s->fd = -1;
	}
	if (gen.idle > 0 && outcome != OUTCOME_FAULTED) {
		if (s->await == AWAIT_NOTHING)
			nidle--;
		idle_failed++;
		stat_add(STAT_FAILED);
	}
	buf_clear(&s->in);
	buf_clear(&s->out.buf);
	s->out.ref = NULL;
	s->out.flushed = 0;
	s->next_free = free_slots;
	free_slots = s;
	nactive--;
	kick(pause);
}

void
conn_done(struct slot *s)
{
	slot_close(s, OUTCOME_REPLIED, 0);
}

void
conn_lost(struct slot *s, const char *why)
{
	if (gen.verbose || (gen.retries == 0 && gen.fault == FAULT_NONE))
		complain(s, "connection lost", why);
	/* Between two messages it is the connection that counts as lost. */
	if (s->job == NULL)
		stat_add(STAT_LOST);
	slot_close(s, OUTCOME_LOST, PAUSE_US);
}

void
conn_protocol(struct slot *s, const char *why)
{
	complain(s, "protocol error", why);
	stat_add(STAT_PROTO);
	slot_close(s, OUTCOME_PROTO, 0);
}

/* The server wants no more of us on this connection: 421, or early 4xx. */
void
conn_refused(struct slot *s)
{
	slot_close(s, OUTCOME_REPLIED, PAUSE_US);
}

/* True if there is output that no write has been tried for. */
int
conn_unsent(const struct slot *s)
{
	return s->out.buf.len != s->out.flushed;
}

static void
slot_eof(struct slot *s, int error)
{
	if (s->await == AWAIT_EOF)
		conn_done(s);
	else if (s->await == AWAIT_QUIT)
		conn_protocol(s, "closed without 221");
	else if (s->await == AWAIT_BANNER && error == ECONNREFUSED) {
		stat_add(STAT_NO_CONNECT);
		conn_lost(s, "connection refused");
	} else
		conn_lost(s, error ? strerror(error) : "closed by the peer");
}

/* Splits the input into lines; what is left waits in s->in. */
static void
slot_lines(struct slot *s, const char *p, size_t n)
{
	const char *nl;
	size_t len;

	while ((nl = memchr(p, '\n', n)) != NULL) {
		len = (size_t)(nl - p);
		if (len == 0 || p[len - 1] != '\r') {
			conn_protocol(s, "bare LF in a reply");
			return;
		}
		if (gen.verbose)
			fprintf(stderr, "%d S: %.*s\n", s->fd, (int)len - 1, p);
		if (reply_line(s, p, len - 1) == -1)
			return;
		p += len + 1;
		n -= len + 1;
	}
	if (n >= REPLY_MAX) {
		conn_protocol(s, "reply line too long");
		return;
	}
	s->in.len = 0;
	if (n > 0)
		buf_add(&s->in, p, n);
	slot_flush(s);
}

static void
on_read(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	size_t left = s->in.len;
	ssize_t n;

	(void)what;
	if (left > 0)
		memcpy(input, s->in.data, left);
	n = read(fd, input + left, sizeof(input) - left);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		slot_eof(s, n == 0 ? 0 : errno);
		return;
	}
	s->progress = net_now_us();
	slot_lines(s, input, left + (size_t)n);
}

static void
on_write(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	slot_flush(arg);
}

/* The pieces that wait, in order; returns their number. */
static int
out_pieces(const struct out *o, struct iovec iov[3])
{
	size_t from = o->buf.off;
	int n = 0;

	if (o->ref != NULL) {
		if (from < o->ref_at) {
			iov[n].iov_base = o->buf.data + from;
			iov[n++].iov_len = o->ref_at - from;
			from = o->ref_at;
		}
		/* struct iovec has no const; writev does not write there. */
		memcpy(&iov[n].iov_base, &o->ref, sizeof(void *));
		iov[n].iov_len = o->ref_len - o->ref_off;
		iov[n].iov_base = (char *)iov[n].iov_base + o->ref_off;
		n++;
	}
	if (from < o->buf.len) {
		iov[n].iov_base = o->buf.data + from;
		iov[n++].iov_len = o->buf.len - from;
	}
	return n;
}

static void
out_consume(struct out *o, size_t n)
{
	size_t part;

	if (o->ref != NULL) {
		part = o->ref_at - o->buf.off;
		if (part > n)
			part = n;
		o->buf.off += part;
		n -= part;
		if (n == 0)
			return;
		part = o->ref_len - o->ref_off;
		if (part > n)
			part = n;
		o->ref_off += part;
		n -= part;
		if (o->ref_off == o->ref_len)
			o->ref = NULL;
	}
	o->buf.off += n;
}

/* All is written: the place to misbehave. */
static void
slot_flushed(struct slot *s)
{
	buf_clear(&s->out.buf);
	s->out.flushed = 0;
	if (!s->close_flushed)
		return;
	if (gen.fault_reset)
		net_reset_on_close(s->fd);
	slot_close(s, OUTCOME_FAULTED, 0);
}

static void
slot_flush(struct slot *s)
{
	struct iovec iov[3];
	ssize_t n;
	int count;

	while ((count = out_pieces(&s->out, iov)) > 0) {
		n = count == 1 ? write(s->fd, iov[0].iov_base, iov[0].iov_len)
			       : writev(s->fd, iov, count);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && (errno == EAGAIN || errno == ENOTCONN)) {
			s->out.flushed = s->out.buf.len;
			event_add(&s->ev_write, NULL);
			return;
		}
		if (n == -1 && s->close_flushed) {
			slot_close(s, OUTCOME_FAULTED, 0);
			return;
		}
		/*
		 * The peer may have said why before it closed: leave it to
		 * the read, which finds the reply, or the end.
		 */
		if (n == -1) {
			s->out.flushed = s->out.buf.len;
			return;
		}
		out_consume(&s->out, (size_t)n);
		s->progress = net_now_us();
	}
	slot_flushed(s);
}

static enum fault
next_fault(void)
{
	static unsigned long count;
	static uint32_t dice = 1;

	if (gen.fault == FAULT_NONE || ++count % gen.fault_every != 0)
		return FAULT_NONE;
	if (gen.fault != FAULT_RANDOM)
		return gen.fault;
	dice = dice * 1664525U + 1013904223U;
	return (enum fault)(
	    FAULT_CONNECT + (dice >> 16) % (FAULT_RANDOM - FAULT_CONNECT));
}

static void
slot_start(struct slot *s, struct job *j)
{
	s->job = j;
	s->fd = net_connect(&gen.addr);
	s->start = s->progress = net_now_us();
	s->close_flushed = 0;
	s->line_code = 0;
	nactive++;
	s->await = AWAIT_BANNER;
	if (s->fd == -1) {
		stat_add(STAT_NO_CONNECT);
		conn_lost(s, strerror(errno));
		return;
	}
	stat_add(STAT_CONNECTIONS);
	event_assign(
	    &s->ev_read, gen.base, s->fd, EV_READ | EV_PERSIST, on_read, s);
	event_assign(&s->ev_write, gen.base, s->fd, EV_WRITE, on_write, s);
	event_add(&s->ev_read, NULL);
	s->fault = next_fault();
	talk_start(s);
	if (s->fault == FAULT_CONNECT)
		s->close_flushed = 1;
	if (s->out.buf.len > 0 || s->close_flushed)
		slot_flush(s);
}

static struct slot *
slot_get(void)
{
	struct slot *s = free_slots;

	if (s != NULL)
		free_slots = s->next_free;
	return s;
}

static void
idle_start(void)
{
	while (nactive - nidle < gen.concurrency && idle_begun < gen.idle) {
		idle_begun++;
		slot_start(slot_get(), NULL);
	}
	if (nidle + idle_failed < gen.idle || gen.deadline != 0)
		return;
	printf("idle=%u failed=%u\n", nidle, idle_failed);
	fflush(stdout);
	gen.deadline = net_now_us() + (uint64_t)gen.seconds * 1000000;
}

void
conn_idle(void)
{
	nidle++;
	kick(0);
}

/* Gives jobs to free slots; notices the end. */
static void
on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct job *j;

	(void)fd;
	(void)what;
	(void)arg;
	if (gen.idle > 0) {
		idle_start();
		return;
	}
	while (free_slots != NULL && (j = job_take()) != NULL)
		slot_start(slot_get(), j);
	if (nactive > 0 && free_slots == NULL)
		return;
	if (job_left())
		kick(PAUSE_US);
	else if (nactive == 0)
		event_base_loopbreak(gen.base);
}

/* Ten times a second: who is late, and is the idle time over? */
static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now = net_now_us();
	unsigned i;

	(void)fd;
	(void)what;
	(void)arg;
	if (gen.idle > 0 && gen.deadline != 0 && now >= gen.deadline) {
		event_base_loopbreak(gen.base);
		return;
	}
	for (i = 0; i < nslots; i++) {
		if (slots[i].fd == -1 || slots[i].await == AWAIT_NOTHING ||
		    now - slots[i].progress < (uint64_t)gen.timeout * 1000000)
			continue;
		stat_add(STAT_TIMEOUT);
		conn_lost(&slots[i], "no reply in time");
	}
}

void
conn_init(void)
{
	unsigned i;

	nslots = gen.idle > 0 ? gen.idle : gen.concurrency;
	if ((slots = calloc(nslots, sizeof(*slots))) == NULL)
		err(1, "out of memory");
	for (i = nslots; i-- > 0;) {
		slots[i].fd = -1;
		slots[i].next_free = free_slots;
		free_slots = &slots[i];
	}
	evtimer_assign(&ev_kick, gen.base, on_kick, NULL);
	event_assign(&ev_sweep, gen.base, -1, EV_PERSIST, on_sweep, NULL);
}

void
conn_run(void)
{
	static const struct timeval tenth = { 0, 100000 };

	event_add(&ev_sweep, &tenth);
	kick(0);
	event_base_dispatch(gen.base);
	if (gen.idle > 0) {
		printf("idle: %u of %u connections held to the end\n", nidle,
		    gen.idle);
		printf("gen idle=%u wanted=%u failed=%u\n", nidle, gen.idle,
		    idle_failed);
	}
}

/* Ends an idle run, or lets the messages under way come to their end. */
void
conn_stop(void)
{
	if (gen.idle > 0)
		event_base_loopbreak(gen.base);
	job_stop();
}

void
conn_free(void)
{
	unsigned i;

	for (i = 0; i < nslots; i++) {
		if (slots[i].fd != -1) {
			event_del(&slots[i].ev_read);
			event_del(&slots[i].ev_write);
			close(slots[i].fd);
		}
		buf_free(&slots[i].in);
		buf_free(&slots[i].out.buf);
		free(slots[i].job);
		free(slots[i].ahead);
	}
	event_del(&ev_kick);
	free(slots);
}
