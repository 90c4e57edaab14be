#ifndef BENCHMSG_H
#define BENCHMSG_H

/*
 * The numbered, checksummed messages that smtpgen sends and smtpsink checks.
 *
 * A message carries its own number, the length of its body and the CRC-32C
 * of its body in three X-Bench headers, so that a receiver needs no state
 * to tell a damaged message from a good one, and a relay may add headers of
 * its own.  The body begins and ends with a line that names the number, and
 * between them stands one of a few pseudo-random texts: parts of different
 * messages cannot be exchanged without changing the checksum.
 */

#include <stddef.h>
#include <stdint.h>

#define MSG_VARIANTS 8
#define MSG_ADDR_MAX 255
#define MSG_HEAD_MAX 2048
#define MSG_TAIL_MAX 64

struct msg_opts {
	const char *from;
	const char *to;
	const char *host; /* right side of the Message-ID */
	size_t size;	  /* total octets wanted */
	int dots;	  /* lines that begin with a dot */
};

/* A message as three stretches of octets; mid is shared by all messages. */
struct msg_parts {
	char head[MSG_HEAD_MAX];
	size_t headlen;
	const char *mid; /* borrowed from the maker */
	size_t midlen;
	char tail[MSG_TAIL_MAX];
	size_t taillen;
};

enum msg_result {
	MSG_GOOD,
	MSG_DAMAGED,
	MSG_FOREIGN, /* has no X-Bench headers */
	MSG_EMPTY    /* no octets at all */
};

struct msg_check {
	char line[80];	/* start of a header line */
	size_t linelen; /* may be larger than line[] */
	uint64_t number;
	uint64_t want_len;
	uint64_t body_len;
	uint64_t total;
	uint32_t want_crc;
	uint32_t crc;
	unsigned found; /* X-Bench headers seen */
	int in_body;
	int bad;
};

struct msg_maker;

struct msg_maker *msg_maker_new(const struct msg_opts *);
void msg_maker_free(struct msg_maker **);
size_t msg_maker_size(const struct msg_maker *);
void msg_build(
    const struct msg_maker *, uint64_t number, int stuffed, struct msg_parts *);

void msg_check_start(struct msg_check *);
void msg_check_feed(struct msg_check *, const char *, size_t);
enum msg_result msg_check_end(struct msg_check *);

uint32_t crc32c(uint32_t crc, const void *, size_t);

/* The register alone, without inversion: linear, hence good for combining. */
uint32_t crc32c_raw(uint32_t reg, const void *, size_t);

#endif
