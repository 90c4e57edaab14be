#ifndef POSTERN_CONN_IMPL_H
#define POSTERN_CONN_IMPL_H

/*
 * Behind the opaque struct conn: for conn*.c alone.
 */

#include <event2/event.h>
#include <event2/event_struct.h>

#include "conn.h"
#include "loop.h"

#define CONN_MAGIC 0x636f6e6eu

enum { /* flags */
	F_RAW = 1,
	F_EOF = 2,
	F_CONNECTING = 4,
	F_CLOSED = 8,
	F_WANT_DRAINED = 16,
	F_READING = 32,	   /* the read event is added */
	F_WRITING = 64,	   /* the write event is added */
	F_ENDED = 128,	   /* on_end was called for an error */
	F_HANDSHAKE = 256, /* TLS is being set up */
	F_SECRET = 1024,   /* output is overwritten behind its use */
	F_TLS_END = 512	   /* behind the input is an end or an error */
};

struct conn {
	unsigned magic;
	unsigned flags;
	int fd;	   /* owned */
	int error; /* errno of a failed write, reported from the loop */
	struct loop *loop;
	const struct conn_ops *ops;
	void *ctx;
	const char *in; /* input; into own or into the shared buffer */
	size_t in_len;
	char *own; /* owned; NULL when no input is left over */
	size_t own_size;
	char *out; /* owned; NULL when all is written */
	size_t out_len;
	size_t out_done;
	size_t out_size;
	size_t counted;	 /* octets of own and out that the account has */
	struct tls *tls; /* owned; NULL without TLS */
	struct event read_ev;
	struct event *write_ev; /* owned; made when first needed */
	struct timer deadline;
	struct task task; /* a write error to report, or the reaper */
};

/* The buffers have changed: tells the account of memory. */
void conn_impl_count(struct conn *c);
void conn_impl_reading(struct conn *c, bool on);
void conn_impl_writing(struct conn *c, bool on);
/* conn_out.c: the write event. */
void conn_impl_writable(evutil_socket_t fd, short what, void *arg);
/* Tells the owner; nothing is read after anything but CONN_EOF. */
void conn_impl_end(struct conn *c, enum conn_end why, int error);

/* conn_tls.c: in the place of read() and write(). */
ssize_t conn_impl_read(struct conn *c, void *buf, size_t len);
ssize_t conn_impl_write(struct conn *c, const void *buf, size_t len);
/* One step of the handshake; the connection may be closed afterwards. */
void conn_impl_handshake(struct conn *c);
/* The event loop does not see what the library has read already: decrypted
 * input, or an end behind it.  If there is such, reading goes on. */
void conn_impl_pending(struct conn *c);

#endif
