#ifndef POSTERN_PROXYHDR_H
#define POSTERN_PROXYHDR_H

/*
 * The PROXY protocol header, versions 1 and 2 (HAProxy's proxy-protocol.txt).
 * Pure: the caller peeks at the first bytes of a connection, asks how long the
 * header is, and consumes exactly that many.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PROXYHDR_V1_MAX 107 /* CRLF included */
#define PROXYHDR_V2_FIXED 16
#define PROXYHDR_MAX 4112 /* 16 + addresses and TLVs of at most 4 KiB */

enum proxyhdr_status {
	PROXYHDR_MORE, /* undecided: more bytes are needed */
	PROXYHDR_DONE, /* a valid header of hdr->len bytes */
	PROXYHDR_BAD   /* no header, or a malformed one: hdr->error says why */
};

enum proxyhdr_kind {
	PROXYHDR_LOCAL,	  /* v2 LOCAL: a health check; use the socket's own */
	PROXYHDR_UNKNOWN, /* v1 UNKNOWN, v2 UNSPEC: use the socket's own */
	PROXYHDR_CLIENT	  /* src and dst below are the real end points */
};

struct proxyhdr {
	size_t len;  /* of the whole header */
	int version; /* 1 or 2 */
	enum proxyhdr_kind kind;
	struct sockaddr_storage src; /* AF_INET or AF_INET6 when CLIENT */
	struct sockaddr_storage dst;
	const char *error; /* static text when PROXYHDR_BAD */
	bool too_long;	   /* and this is why: more than PROXYHDR_MAX */

	/* TLVs of version 2; slices of the input, NULL when absent. */
	const char *authority; /* SNI of the client's TLS connection */
	size_t authority_len;
	const char *unique_id; /* at most 128 octets, opaque */
	size_t unique_id_len;
	bool ssl;		 /* the client was on TLS up to the proxy */
	bool ssl_cert;		 /* it showed a certificate (this connection or
				  * session) and it was verified */
	const char *ssl_version; /* such as TLSv1.3 */
	size_t ssl_version_len;
	const char *ssl_cipher;
	size_t ssl_cipher_len;
	const char *ssl_cn;
	size_t ssl_cn_len;
};

/* Parses the start of a connection.  len is what has been peeked so far.  With
 * PROXYHDR_MORE, hdr->len is the number of bytes that are needed before it is
 * worth to look again (at least len + 1).  A CRC32C TLV is verified; a wrong
 * one, a TLV beyond the end, a length over PROXYHDR_MAX, DGRAM or UNIX
 * addresses are PROXYHDR_BAD. */
enum proxyhdr_status proxyhdr_parse(
    const char *in, size_t len, struct proxyhdr *hdr);

/* What the first octets of a connection are to one that expects no header: 1, a
 * header; 0, perhaps, more octets are needed; -1, none. */
int proxyhdr_begins(const char *in, size_t len);

/* The other way: writes the header of a connection from src to dst, of version
 * 1 or 2, to out, which has room for PROXYHDR_WRITE_MAX octets; returns its
 * length.  If an end has no address of the Internet, it says that nothing is
 * known (version 1: UNKNOWN) or that it is our own connection (LOCAL).  With
 * two families, the IPv4 address is written as a mapped one. */
#define PROXYHDR_WRITE_MAX 128
size_t proxyhdr_write(char *out, int version, const struct sockaddr *src,
    const struct sockaddr *dst);

/* CRC-32C (Castagnoli) of a buffer, continuing from crc (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

#endif
