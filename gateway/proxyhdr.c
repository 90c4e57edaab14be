/*
 * The PROXY protocol header, versions 1 and 2.
 *
 * A start that is no PROXY header is told at its first wrong octet, so that a
 * client that speaks SMTP to a port that expects a proxy does not have to wait
 * for the timer.
 */

#include "proxyhdr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define V1_START "PROXY "
#define V1_START_LEN 6
#define V1_MIN 15 /* "PROXY UNKNOWN\r\n" */
#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_SIGNATURE_LEN 12
#define UNIQUE_ID_MAX 128
#define SSL_FIXED 5 /* one octet of bits, four of verify result */

enum v2_command { V2_LOCAL = 0, V2_PROXY = 1 };

/* Family and transport in one octet. */
enum v2_family { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21 };

enum tlv_type {
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CN = 0x22,
	TLV_SSL_CIPHER = 0x23
};

enum ssl_bits {
	SSL_CLIENT = 0x01,
	SSL_CERT_CONN = 0x02, /* certificate shown on this connection */
	SSL_CERT_SESS = 0x04  /* ... or at the start of the TLS session */
};

struct field {
	const char *ptr;
	size_t len;
};

/* A cursor over binary input.  A read beyond the end sets failed, gives zero
 * or NULL and leaves nothing to read. */
struct reader {
	const char *at;
	size_t left;
	bool failed;
};

struct tlv {
	uint32_t type;
	const char *value;
	size_t len;
};

static enum proxyhdr_status parse_v1(const char *, size_t, struct proxyhdr *);
static const char *v1_line(const char *, size_t, struct proxyhdr *);
static size_t split(const char *, size_t, struct field *, size_t);
static bool v1_tcp(const struct field *, int, struct proxyhdr *);
static bool v1_address(const struct field *, int, void *);
static bool v1_port(const struct field *, in_port_t *);
static enum proxyhdr_status parse_v2(const char *, size_t, struct proxyhdr *);
static const char *v2_body(const char *, struct proxyhdr *);
static void v2_tcp(struct reader *, int, struct proxyhdr *);
static const char *v2_tlvs(const char *, struct reader *, struct proxyhdr *);
static const char *v2_tlv(const char *, const struct tlv *, struct proxyhdr *);
static const char *v2_ssl(const struct tlv *, struct proxyhdr *);
static const char *keep(const struct tlv *, const char **, size_t *);
static bool crc_matches(const char *, size_t, const struct tlv *);
static struct tlv read_tlv(struct reader *);
static const char *read_octets(struct reader *, size_t);
static uint32_t read_number(struct reader *, size_t);
static void store(struct sockaddr_storage *, int, const void *, in_port_t);
static enum proxyhdr_status more(struct proxyhdr *, size_t, size_t);
static enum proxyhdr_status bad(struct proxyhdr *, const char *);

enum proxyhdr_status
proxyhdr_parse(const char *in, size_t len, struct proxyhdr *hdr)
{
	size_t n;

	memset(hdr, 0, sizeof(*hdr));
	if (len == 0)
		return more(hdr, len, V1_MIN);
	n = len < V1_START_LEN ? len : V1_START_LEN;
	if (memcmp(in, V1_START, n) == 0)
		return parse_v1(in, len, hdr);
	n = len < V2_SIGNATURE_LEN ? len : V2_SIGNATURE_LEN;
	if (memcmp(in, V2_SIGNATURE, n) == 0)
		return parse_v2(in, len, hdr);
	return bad(hdr, "no PROXY header");
}

int
proxyhdr_begins(const char *in, size_t len)
{
	size_t n = len < V1_START_LEN ? len : V1_START_LEN;

	if (memcmp(in, V1_START, n) == 0)
		return n == V1_START_LEN;
	n = len < V2_SIGNATURE_LEN ? len : V2_SIGNATURE_LEN;
	if (memcmp(in, V2_SIGNATURE, n) == 0)
		return n == V2_SIGNATURE_LEN;
	return -1;
}

static enum proxyhdr_status
parse_v1(const char *in, size_t len, struct proxyhdr *hdr)
{
	const char *error;
	size_t end = 0;

	/* The first CR or LF decides: alone they end no header. */
	while (end < len && end < PROXYHDR_V1_MAX - 1 && in[end] != '\r' &&
	    in[end] != '\n')
		end++;
	if (end == PROXYHDR_V1_MAX - 1)
		return bad(hdr, "line too long");
	if (end == len)
		return more(hdr, len, V1_MIN);
	if (in[end] == '\n')
		return bad(hdr, "LF without CR");
	if (end + 1 == len)
		return more(hdr, len, V1_MIN);
	if (in[end + 1] != '\n')
		return bad(hdr, "CR without LF");
	hdr->version = 1;
	hdr->len = end + 2;
	error = v1_line(in, end, hdr);
	return error == NULL ? PROXYHDR_DONE : bad(hdr, error);
}

/* The line without CRLF.  Returns what is wrong or NULL. */
static const char *
v1_line(const char *line, size_t len, struct proxyhdr *hdr)
{
	struct field f[6];
	size_t count = split(line, len, f, 6); /* "PROXY " makes it two */
	int family;

	hdr->kind = PROXYHDR_UNKNOWN;
	if (f[1].len == 7 && memcmp(f[1].ptr, "UNKNOWN", 7) == 0)
		return NULL; /* what follows means nothing */
	hdr->kind = PROXYHDR_CLIENT;
	if (f[1].len == 4 && memcmp(f[1].ptr, "TCP4", 4) == 0)
		family = AF_INET;
	else if (f[1].len == 4 && memcmp(f[1].ptr, "TCP6", 4) == 0)
		family = AF_INET6;
	else
		return "unknown protocol family";
	if (count != 6)
		return "wrong number of words";
	if (!v1_tcp(f + 2, family, hdr))
		return "malformed address or port";
	return NULL;
}

/* Splits at single spaces; the last field takes all of the rest. */
static size_t
split(const char *s, size_t len, struct field *f, size_t max)
{
	size_t count = 1, i;

	f[0].ptr = s;
	f[0].len = 0;
	for (i = 0; i < len; i++) {
		if (s[i] == ' ' && count < max) {
			f[count].ptr = s + i + 1;
			f[count++].len = 0;
		} else {
			f[count - 1].len++;
		}
	}
	return count;
}

/* Source, destination, source port, destination port. */
static bool
v1_tcp(const struct field *f, int family, struct proxyhdr *hdr)
{
	unsigned char src[16], dst[16];
	in_port_t sport, dport;

	if (!v1_address(&f[0], family, src) ||
	    !v1_address(&f[1], family, dst) || !v1_port(&f[2], &sport) ||
	    !v1_port(&f[3], &dport))
		return false;
	store(&hdr->src, family, src, sport);
	store(&hdr->dst, family, dst, dport);
	return true;
}

/* inet_pton() takes neither short forms of IPv4 nor leading zeros. */
static bool
v1_address(const struct field *f, int family, void *addr)
{
	char buf[INET6_ADDRSTRLEN];

	if (f->len >= sizeof(buf) || memchr(f->ptr, '\0', f->len) != NULL)
		return false;
	memcpy(buf, f->ptr, f->len);
	buf[f->len] = '\0';
	return inet_pton(family, buf, addr) == 1;
}

static bool
v1_port(const struct field *f, in_port_t *port)
{
	uint32_t value = 0;
	size_t i;

	if (f->len == 0 || f->len > 5 || (f->len > 1 && f->ptr[0] == '0'))
		return false;
	for (i = 0; i < f->len; i++) {
		if (f->ptr[i] < '0' || f->ptr[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(f->ptr[i] - '0');
	}
	if (value > UINT16_MAX)
		return false;
	*port = htons((uint16_t)value);
	return true;
}

static enum proxyhdr_status
parse_v2(const char *in, size_t len, struct proxyhdr *hdr)
{
	struct reader rd = { in, len, false };
	const char *error;
	size_t total;

	if (len < PROXYHDR_V2_FIXED)
		return more(hdr, len, PROXYHDR_V2_FIXED);
	read_octets(&rd, V2_SIGNATURE_LEN + 2);
	total = PROXYHDR_V2_FIXED + read_number(&rd, 2);
	/* Judge the fixed part before waiting for the rest. */
	if (((unsigned char)in[12] >> 4) != 2)
		return bad(hdr, "unknown version");
	if ((in[12] & 15) != V2_LOCAL && (in[12] & 15) != V2_PROXY)
		return bad(hdr, "unknown command");
	if (total > PROXYHDR_MAX) {
		(void)bad(hdr, "header too long");
		hdr->too_long = true;
		return PROXYHDR_BAD;
	}
	if ((in[12] & 15) == V2_PROXY && in[13] != V2_UNSPEC &&
	    in[13] != V2_TCP4 && in[13] != V2_TCP6)
		return bad(hdr, "address family or transport is not TCP");
	if (len < total)
		return more(hdr, len, total);
	hdr->version = 2;
	hdr->len = total;
	if ((in[12] & 15) == V2_LOCAL) {
		/* All that follows is to be skipped, whatever it is. */
		hdr->kind = PROXYHDR_LOCAL;
		return PROXYHDR_DONE;
	}
	error = v2_body(in, hdr);
	return error == NULL ? PROXYHDR_DONE : bad(hdr, error);
}

static const char *
v2_body(const char *in, struct proxyhdr *hdr)
{
	struct reader rd = { in + PROXYHDR_V2_FIXED,
		hdr->len - PROXYHDR_V2_FIXED, false };

	hdr->kind = in[13] == V2_UNSPEC ? PROXYHDR_UNKNOWN : PROXYHDR_CLIENT;
	if (hdr->kind == PROXYHDR_CLIENT)
		v2_tcp(&rd, in[13] == V2_TCP4 ? AF_INET : AF_INET6, hdr);
	if (rd.failed)
		return "too short for its addresses";
	return v2_tlvs(in, &rd, hdr);
}

/* Addresses and ports are in network order on both sides. */
static void
v2_tcp(struct reader *rd, int family, struct proxyhdr *hdr)
{
	size_t size = family == AF_INET ? 4 : 16;
	const char *src = read_octets(rd, size);
	const char *dst = read_octets(rd, size);
	in_port_t sport = htons((uint16_t)read_number(rd, 2));
	in_port_t dport = htons((uint16_t)read_number(rd, 2));

	if (rd->failed)
		return;
	store(&hdr->src, family, src, sport);
	store(&hdr->dst, family, dst, dport);
}

static const char *
v2_tlvs(const char *in, struct reader *rd, struct proxyhdr *hdr)
{
	const char *error = NULL;
	bool crc_seen = false, ssl_seen = false;
	struct tlv tlv;

	while (rd->left > 0 && error == NULL) {
		tlv = read_tlv(rd);
		if (rd->failed)
			return "TLV beyond the end of the header";
		if ((tlv.type == TLV_CRC32C && crc_seen) ||
		    (tlv.type == TLV_SSL && ssl_seen))
			return "repeated TLV";
		crc_seen = crc_seen || tlv.type == TLV_CRC32C;
		ssl_seen = ssl_seen || tlv.type == TLV_SSL;
		error = v2_tlv(in, &tlv, hdr);
	}
	return error;
}

static const char *
v2_tlv(const char *in, const struct tlv *tlv, struct proxyhdr *hdr)
{
	switch (tlv->type) {
	case TLV_CRC32C:
		return crc_matches(in, hdr->len, tlv) ? NULL : "wrong CRC32C";
	case TLV_AUTHORITY:
		if (memchr(tlv->value, '\0', tlv->len) != NULL)
			return "NUL in AUTHORITY";
		return keep(tlv, &hdr->authority, &hdr->authority_len);
	case TLV_UNIQUE_ID:
		if (tlv->len > UNIQUE_ID_MAX)
			return "UNIQUE_ID too long";
		return keep(tlv, &hdr->unique_id, &hdr->unique_id_len);
	case TLV_SSL:
		return v2_ssl(tlv, hdr);
	default:
		return NULL; /* others, and NOOP, are skipped */
	}
}

static const char *
v2_ssl(const struct tlv *ssl, struct proxyhdr *hdr)
{
	struct reader rd = { ssl->value, ssl->len, false };
	const char *error = NULL;
	struct tlv tlv;
	uint32_t bits, verify;

	if (ssl->len < SSL_FIXED)
		return "SSL TLV too short";
	bits = read_number(&rd, 1);
	verify = read_number(&rd, 4);
	hdr->ssl = (bits & SSL_CLIENT) != 0;
	hdr->ssl_cert = hdr->ssl && verify == 0 &&
	    (bits & (SSL_CERT_CONN | SSL_CERT_SESS)) != 0;
	while (rd.left > 0 && error == NULL) {
		tlv = read_tlv(&rd);
		if (rd.failed)
			return "TLV beyond the end of the SSL TLV";
		if (tlv.type == TLV_SSL_VERSION)
			error = keep(
			    &tlv, &hdr->ssl_version, &hdr->ssl_version_len);
		else if (tlv.type == TLV_SSL_CIPHER)
			error =
			    keep(&tlv, &hdr->ssl_cipher, &hdr->ssl_cipher_len);
		else if (tlv.type == TLV_SSL_CN)
			error = keep(&tlv, &hdr->ssl_cn, &hdr->ssl_cn_len);
	}
	return error;
}

/* A second value could say something else to whom takes the last. */
static const char *
keep(const struct tlv *tlv, const char **ptr, size_t *len)
{
	if (*ptr != NULL)
		return "repeated TLV";
	*ptr = tlv->value;
	*len = tlv->len;
	return NULL;
}

/* The sum is over the whole header with the sum itself as zeros. */
static bool
crc_matches(const char *in, size_t len, const struct tlv *tlv)
{
	struct reader rd = { tlv->value, tlv->len, false };
	size_t before = (size_t)(tlv->value - in);
	uint32_t crc;

	if (tlv->len != 4)
		return false;
	crc = crc32c(0, in, before);
	crc = crc32c(crc, "\0\0\0", 4);
	crc = crc32c(crc, tlv->value + 4, len - before - 4);
	return crc == read_number(&rd, 4);
}

/* Four bits at a time: a table of 16 does for 4 KiB per connection. */
uint32_t
crc32c(uint32_t crc, const void *buf, size_t len)
{
	static const uint32_t table[16] = { 0x00000000, 0x105ec76f, 0x20bd8ede,
		0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4,
		0xd3d3e1ab, 0xe330a81a, 0xf36e6f75 };
	const unsigned char *p = buf;
	size_t i;

	crc = ~crc;
	for (i = 0; i < len; i++) {
		crc ^= p[i];
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}
	return ~crc;
}

static struct tlv
read_tlv(struct reader *rd)
{
	struct tlv tlv;

	tlv.type = read_number(rd, 1);
	tlv.len = read_number(rd, 2);
	tlv.value = read_octets(rd, tlv.len);
	return tlv;
}

static const char *
read_octets(struct reader *rd, size_t len)
{
	const char *p = rd->at;

	if (rd->failed || rd->left < len) {
		rd->failed = true;
		rd->left = 0;
		return NULL;
	}
	rd->at += len;
	rd->left -= len;
	return p;
}

/* A big-endian number of at most four octets. */
static uint32_t
read_number(struct reader *rd, size_t len)
{
	const char *p = read_octets(rd, len);
	uint32_t value = 0;
	size_t i;

	for (i = 0; p != NULL && i < len; i++)
		value = value << 8 | (unsigned char)p[i];
	return value;
}

static void
store(struct sockaddr_storage *ss, int family, const void *addr, in_port_t port)
{
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;

	memset(&sin, 0, sizeof(sin));
	memset(&sin6, 0, sizeof(sin6));
	if (family == AF_INET) {
		sin.sin_family = AF_INET;
		sin.sin_port = port;
		memcpy(&sin.sin_addr, addr, 4);
		memcpy(ss, &sin, sizeof(sin));
	} else {
		sin6.sin6_family = AF_INET6;
		sin6.sin6_port = port;
		memcpy(&sin6.sin6_addr, addr, 16);
		memcpy(ss, &sin6, sizeof(sin6));
	}
}

static enum proxyhdr_status
more(struct proxyhdr *hdr, size_t len, size_t need)
{
	hdr->len = need > len ? need : len + 1;
	return PROXYHDR_MORE;
}

static enum proxyhdr_status
bad(struct proxyhdr *hdr, const char *error)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->error = error;
	return PROXYHDR_BAD;
}
