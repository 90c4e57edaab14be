/*
 * How a delivery sends the message: see dl_send_message() in backend.h.
 */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "conn.h"
#include "delivery.h"
#include "message.h"

#define BODY_IOV 16 /* pieces of one write */
#define STUFF_PIECE                                               \
	65536 /* octets that go through the output buffer at once \
	       */

static void pump(struct delivery *dl);

enum progress
dl_send_message(struct delivery *dl, enum dl_body how, reply_fn *next)
{
	assert(dl->reader == NULL);
	dl->reader = message_reader_new(dl->order.message);
	dl->left = message_wire_size(dl->order.message);
	dl->how = how;
	smtp_stuff_init(&dl->stuff);
	delivery_show(
	    dl, "[message, %llu octets]", (unsigned long long)dl->left);
	dl_expect(dl, next);
	conn_deadline(dl->link->conn, dl->order.deadline);
	pump(dl);
	return DELIVERY_PENDING;
}

static bool
needs_stuffing(const struct delivery *dl)
{
	return dl->how == DL_BODY_DOTTED &&
	    message_has_leading_dot(dl->order.message);
}

bool
dl_message_fits(const struct delivery *dl, size_t max)
{
	const struct message *m = dl->order.message;

	return m != NULL && !message_in_file(m) && message_wire_size(m) <= max;
}

void
dl_put_message(struct delivery *dl)
{
	struct message_reader *reader = message_reader_new(dl->order.message);
	const char *data;
	size_t len;

	delivery_show(dl, "[message, %llu octets]",
	    (unsigned long long)message_wire_size(dl->order.message));
	/* What is in memory can be read. */
	while (message_reader_peek(reader, &data, &len) == 0 && len > 0) {
		conn_put(dl->link->conn, data, len);
		message_reader_skip(reader, len);
	}
	message_reader_free(&reader);
}

static void *
writable(const char *p)
{
	return (void *)(uintptr_t)p; /* iovec has no const */
}

/* All of the message is written, or waits in the connection's buffer. */
static void
sent_all(struct delivery *dl)
{
	message_reader_free(&dl->reader);
	conn_flush(dl->link->conn);
}

/*
 * The common case: nothing in the message needs a dot, so pieces go to the
 * socket as they are stored, the end of data in the same write.  True: go on.
 */
static bool
pump_plain(struct delivery *dl)
{
	const char *tail = dl->how == DL_BODY_DOTTED ? ".\r\n" : "";
	size_t sent, total = 0, tail_len = strlen(tail);
	struct iovec iov[BODY_IOV + 1];
	int i, n;

	n = message_reader_gather(dl->reader, iov, BODY_IOV);
	if (n == -1) {
		delivery_link_lost(
		    dl, "can not read the spool: %s", strerror(errno));
		return false;
	}
	for (i = 0; i < n; i++)
		total += iov[i].iov_len;
	if (total < dl->left)
		tail_len = 0;
	iov[n].iov_base = writable(tail);
	iov[n].iov_len = tail_len;
	sent = conn_writev(dl->link->conn, iov, n + 1);
	message_reader_skip(dl->reader, sent < total ? sent : total);
	dl->left -= sent < total ? sent : total;
	if (sent < total)
		return false;
	if (dl->left > 0)
		return true;
	conn_put(
	    dl->link->conn, tail + (sent - total), tail_len - (sent - total));
	sent_all(dl);
	return false;
}

/* Some line begins with a dot: every content piece is looked through, and
 * goes out by the connection's buffer. */
static bool
pump_stuffed(struct delivery *dl)
{
	struct smtp_data_step step = { .used = 0 };
	const char *data, *tail;
	size_t len;

	if (message_reader_peek(dl->reader, &data, &len) == -1) {
		delivery_link_lost(
		    dl, "can not read the spool: %s", strerror(errno));
		return false;
	}
	if (len == 0) {
		tail = smtp_stuff_end(&dl->stuff);
		conn_put(dl->link->conn, tail, strlen(tail));
		sent_all(dl);
		return false;
	}
	if (len > STUFF_PIECE)
		len = STUFF_PIECE;
	if (message_reader_in_content(dl->reader))
		step = smtp_stuff_next(&dl->stuff, data, len);
	else
		step = (struct smtp_data_step){ len, data, len };
	conn_put(dl->link->conn, step.run, step.run_len);
	message_reader_skip(dl->reader, step.used);
	return true;
}

static void
pump(struct delivery *dl)
{
	bool more = true;

	while (more && dl->reader != NULL) {
		if (conn_unsent(dl->link->conn) >= STUFF_PIECE) {
			conn_flush(dl->link->conn);
			if (conn_unsent(dl->link->conn) > 0) {
				conn_want_drained(dl->link->conn);
				return;
			}
		}
		more = needs_stuffing(dl) ? pump_stuffed(dl) : pump_plain(dl);
	}
}

void
delivery_drained(void *ctx)
{
	struct delivery *dl = ctx;

	if (dl->reader != NULL)
		pump(dl);
}
