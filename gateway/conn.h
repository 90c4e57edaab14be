#ifndef POSTERN_CONN_H
#define POSTERN_CONN_H

/*
 * A stream connection on a non-blocking descriptor, for clients, SMTP and LMTP
 * servers and the agent alike: input buffer, output buffer, deadline.
 *
 * Plain libevent events are used, not bufferevents: reads of 128 KiB into one
 * buffer that all connections of the process share, writes at once, a write
 * event only after EAGAIN.  An idle connection holds no buffer.
 *
 * Callbacks come from the event loop only, never from inside a call made here.
 * A connection never closes itself: after on_end its owner calls conn_close(),
 * which is allowed in any callback.  Nothing is called after conn_close().
 */

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

struct conn;
struct loop;
struct tls_client;
struct tls_context;
struct tls_info;

#define CONN_INPUT_MAX                                       \
	(128 * 1024) /* reading stops at so many octets that \
		      * nobody consumed */

enum conn_end {
	CONN_EOF,     /* the peer closed its side; input may be left */
	CONN_ERROR,   /* an errno is given */
	CONN_DEADLINE /* conn_deadline() passed */
};

struct conn_ops {
	/* An outgoing connection is established. */
	void (*on_connect)(void *ctx);
	/* Input has grown (or is readable, in raw mode). */
	void (*on_input)(void *ctx);
	/* All output is written, after a write that could not be completed. */
	void (*on_drained)(void *ctx);
	/* TLS is set up, after conn_start_tls(). */
	void (*on_secured)(void *ctx);
	/* A failed handshake is CONN_ERROR with EPROTO. */
	void (*on_end)(void *ctx, enum conn_end why, int error);
};

/* Takes the descriptor (makes it non-blocking is the caller's duty).  Reading
 * starts at once. */
struct conn *conn_new(
    struct loop *l, int fd, const struct conn_ops *ops, void *ctx);
/* Starts to connect.  Errors are reported by on_end, from the loop.  Returns
 * NULL with errno when no socket can be had. */
struct conn *conn_connect(struct loop *l, const struct sockaddr *sa,
    socklen_t sa_len, const struct conn_ops *ops, void *ctx);
/* The same, from an own address (port 0) or, NULL, from any. */
struct net_addr;
struct conn *conn_connect_from(struct loop *l, const struct net_addr *source,
    const struct net_addr *to, const struct conn_ops *ops, void *ctx);
/* Hands the connection to another owner. */
void conn_set_ops(struct conn *c, const struct conn_ops *ops, void *ctx);
/* Closes now; output that is not written yet is lost.  Sets *cp to NULL. */
void conn_close(struct conn **cp);

/* Closes after the peer has got what was written: output is flushed, our side
 * shut down, input thrown away until the peer closes or two seconds are over.
 * A plain close with input unread would reset the connection and could take
 * our last reply away.  Nothing is called any more; sets *cp to NULL. */
void conn_linger(struct conn **cp);

/* Raw mode: nothing is read; on_input says that the socket is readable, and
 * the owner peeks and takes.  For the PROXY header, behind which TLS may
 * start. */
void conn_set_raw(struct conn *c, bool raw);
ssize_t conn_peek(struct conn *c, void *buf, size_t len);
ssize_t conn_take(struct conn *c, void *buf, size_t len);

/* The unconsumed input, one contiguous piece; valid until the callback in
 * which it was asked for returns, or conn_consume(). */
const char *conn_input(const struct conn *c, size_t *len_r);
void conn_consume(struct conn *c, size_t len);
/* The same, and overwrites it: it was a secret. */
void conn_consume_secret(struct conn *c, size_t len);
/* The first line of the input, up to its LF but without it: a proper line's
 * last octet is CR.  *used_r octets are to be consumed for it.  False if there
 * is no LF yet. */
bool conn_line(
    const struct conn *c, const char **line_r, size_t *len_r, size_t *used_r);
/* The peer has closed its side and no more input will come. */
bool conn_at_eof(const struct conn *c);

/* Adds to the output; written by conn_flush() or when 64 KiB are there. */
void conn_put(struct conn *c, const void *buf, size_t len);
void conn_flush(struct conn *c);
/* From now on output is overwritten when it was sent: there are secrets in
 * it. */
void conn_keep_secret(struct conn *c);
/* Writes without a copy what the socket takes now (0 when it takes nothing or
 * earlier output waits); on_drained follows when it is less than all.  Write
 * errors count as taken; on_end reports them. */
size_t conn_writev(struct conn *c, const struct iovec *iov, int count);
size_t conn_unsent(const struct conn *c);
/* on_drained follows when the output that waits is written. */
void conn_want_drained(struct conn *c);

/* Becomes the server's side of TLS.  No input may be left (what a client sent
 * in clear behind STARTTLS must not be taken for commands under TLS: the caller
 * refuses it), and no output may wait.  on_secured follows. */
void conn_start_tls(struct conn *c, struct tls_context *context);
/* The client's side, towards a server with this name (see tls_connect()).
 * Behind on_secured, and before anything is said, the caller asks for the
 * fault in the server's certificate. */
void conn_start_tls_client(struct conn *c, struct tls_client *client,
    const char *name, const char *place);
enum fault conn_tls_fault(const struct conn *c, const char **why_r);
/* False without TLS. */
bool conn_tls_info(const struct conn *c, struct tls_info *info_r);
/* Why the handshake failed. */
const char *conn_tls_error(const struct conn *c);

/* Absolute, in loop_now() milliseconds; 0 for none.  Costs nothing to move. */
void conn_deadline(struct conn *c, int64_t at_ms);

int conn_fd(const struct conn *c);
/* Connections that exist in this process, for tests. */
unsigned conn_outstanding(void);

#endif
