#ifndef BENCHNET_H
#define BENCHNET_H

/*
 * What generator and sink need of the system: addresses, sockets, a clock,
 * and a growing buffer for output.  Functions that cannot go on (no memory,
 * a bad address on the command line) end the program with a message.
 */

#include <sys/socket.h>
#include <stddef.h>
#include <stdint.h>

struct bench_addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* Octets from off to len wait to be written. */
struct buf {
	char *data; /* owned */
	size_t off;
	size_t len;
	size_t cap;
};

void net_parse(const char *, struct bench_addr *);
int net_is_unix(const struct bench_addr *);
int net_listen(struct bench_addr *);
int net_accept(int fd);
int net_connect(const struct bench_addr *);
unsigned net_port(int fd);
void net_reset_on_close(int fd);
void net_ignore_sigpipe(void);
void net_raise_nofile(void);
uint64_t net_now_us(void);

void buf_add(struct buf *, const void *, size_t);
void buf_puts(struct buf *, const char *);
void buf_clear(struct buf *);
void buf_free(struct buf *);

uint64_t parse_number(const char *what, const char *, uint64_t max);
uint64_t parse_size(const char *what, const char *);

#endif
