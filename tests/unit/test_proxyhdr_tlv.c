/*
 * TLVs of the PROXY protocol, version 2, and CRC-32C.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proxyhdr.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xc0\x00\x02\x01\xc6\x33\x64\x02\x30\x39\x00\x19"

/* A header under construction. */
struct header {
	char buf[8192];
	size_t len;
};

static void
begin(struct header *h)
{
	memcpy(h->buf, SIGNATURE "\x21\x11\0\0" V4, 28);
	h->len = 28;
}

static void
add(struct header *h, int type, const char *value, size_t len)
{
	h->buf[h->len] = (char)type;
	h->buf[h->len + 1] = (char)(len >> 8);
	h->buf[h->len + 2] = (char)(len & 0xff);
	memcpy(h->buf + h->len + 3, value, len);
	h->len += 3 + len;
}

/* The result keeps pointing into h, so that slices can be checked. */
static enum proxyhdr_status
finish(struct header *h, struct proxyhdr *p)
{
	char *copy;
	enum proxyhdr_status status, again;

	h->buf[14] = (char)((h->len - 16) >> 8);
	h->buf[15] = (char)((h->len - 16) & 0xff);
	copy = malloc(h->len);
	assert_non_null(copy);
	memcpy(copy, h->buf, h->len);
	status = proxyhdr_parse(copy, h->len, p); /* for the sanitizers */
	free(copy);
	again = proxyhdr_parse(h->buf, h->len, p);
	assert_int_equal(status, again);
	return status;
}

static void
assert_value(const char *ptr, size_t len, const char *want)
{
	assert_non_null(ptr);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(ptr, want, len);
}

static void
test_crc32c(void **state)
{
	char buf[32];
	uint32_t crc;
	int i;

	(void)state;
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	/* RFC 3720, B.4 */
	memset(buf, 0, sizeof(buf));
	assert_int_equal(crc32c(0, buf, 32), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(crc32c(0, buf, 32), 0x62a8ab43);
	for (i = 0; i < 32; i++)
		buf[i] = (char)i;
	assert_int_equal(crc32c(0, buf, 32), 0x46dd794e);
	for (i = 0; i < 32; i++)
		buf[i] = (char)(31 - i);
	assert_int_equal(crc32c(0, buf, 32), 0x113fdb5c);
	/* in parts */
	for (i = 0; i <= 9; i++) {
		crc = crc32c(0, "123456789", (size_t)i);
		crc = crc32c(crc, &"123456789"[i], 9 - (size_t)i);
		assert_int_equal(crc, 0xe3069283);
	}
}

static void
test_known_and_unknown(void **state)
{
	struct header h;
	struct proxyhdr p;

	(void)state;
	begin(&h);
	add(&h, 0x04, "\0\0\0", 3); /* NOOP */
	add(&h, 0x04, "", 0);
	add(&h, 0x01, "smtp", 4); /* ALPN */
	add(&h, 0x02, "mx.example.org", 14);
	add(&h, 0x05, "\0id\xff", 4);
	add(&h, 0xe0, "x", 1);
	add(&h, 0xe0, "y", 1);
	add(&h, 0x30, "ns", 2);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	assert_int_equal(p.len, h.len);
	assert_int_equal(p.kind, PROXYHDR_CLIENT);
	assert_value(p.authority, p.authority_len, "mx.example.org");
	assert_int_equal(p.unique_id_len, 4);
	assert_memory_equal(p.unique_id, "\0id\xff", 4);
	assert_false(p.ssl || p.ssl_cert);
	assert_null(p.ssl_version);
	assert_null(p.ssl_cipher);
	assert_null(p.ssl_cn);
}

/* UNSPEC has no addresses, but may have TLVs. */
static void
test_unspec_with_tlvs(void **state)
{
	struct header h;
	struct proxyhdr p;

	(void)state;
	begin(&h);
	h.buf[13] = 0;
	h.len = 16;
	add(&h, 0x05, "id", 2);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	assert_int_equal(p.kind, PROXYHDR_UNKNOWN);
	assert_value(p.unique_id, p.unique_id_len, "id");
	h.len--;
	assert_int_equal(finish(&h, &p), PROXYHDR_BAD);
}

static void
test_truncated(void **state)
{
	struct header h, part;
	struct proxyhdr p;
	size_t i;

	(void)state;
	begin(&h);
	add(&h, 0x05, "unique", 6);
	add(&h, 0x20, "\1\0\0\0\0\x21\0\7TLSv1.3", 15);
	add(&h, 0x02, "a.b", 3);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	for (i = 0; i < h.len; i++) { /* not all there yet */
		char *copy = malloc(i > 0 ? i : 1);

		assert_non_null(copy);
		memcpy(copy, h.buf, i);
		assert_int_equal(proxyhdr_parse(copy, i, &p), PROXYHDR_MORE);
		assert_true(p.len > i && p.len <= h.len);
		free(copy);
	}
	for (i = 28; i <= h.len; i++) { /* all there, but cut */
		part = h;
		part.len = i;
		assert_int_equal(finish(&part, &p),
		    i == 28 || i == 37 || i == 55 || i == h.len ? PROXYHDR_DONE
								: PROXYHDR_BAD);
	}
}

static void
test_unique_id_limit(void **state)
{
	struct header h;
	struct proxyhdr p;
	char id[129];

	(void)state;
	memset(id, 'x', sizeof(id));
	begin(&h);
	add(&h, 0x05, id, 128);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	assert_int_equal(p.unique_id_len, 128);
	begin(&h);
	add(&h, 0x05, id, 129);
	assert_int_equal(finish(&h, &p), PROXYHDR_BAD);
	begin(&h);
	add(&h, 0x05, "", 0);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	assert_int_equal(p.unique_id_len, 0);
}

static void
test_bad_values(void **state)
{
	static const struct {
		int type;
		const char *value;
		size_t len;
	} rows[] = {
		{ 0x02, "a\0b", 3 }, { 0x03, "", 0 }, { 0x03, "\0\0\0", 3 },
		{ 0x03, "\0\0\0\0\0", 5 }, { 0x20, "", 0 },
		{ 0x20, "\1\0\0\0", 4 }, { 0x20, "\1\0\0\0\0\x21", 6 },
		{ 0x20, "\1\0\0\0\0\x21\0", 7 },
		{ 0x20, "\1\0\0\0\0\x21\0\1", 8 },
		{ 0x20, "\1\0\0\0\0\x99\xff\xffx", 9 },
		{ 0x20, "\1\0\0\0\0\x22\0\1a\x22\0\1b", 13 }, /* twice */
	};
	struct header h;
	struct proxyhdr p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&h);
		add(&h, rows[i].type, rows[i].value, rows[i].len);
		assert_int_equal(finish(&h, &p), PROXYHDR_BAD);
		assert_non_null(p.error);
		assert_null(p.ssl_cn);
		assert_false(p.ssl);
	}
}

static void
test_repeated(void **state)
{
	static const int types[] = { 0x02, 0x05, 0x20 };
	struct header h;
	struct proxyhdr p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin(&h);
		add(&h, types[i], "\1\1\1\1\1", 5);
		assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
		add(&h, types[i], "\1\1\1\1\1", 5);
		assert_int_equal(finish(&h, &p), PROXYHDR_BAD);
	}
}

static void
test_ssl(void **state)
{
	static const char value[] = "\7\0\0\0\0"
				    "\x21\0\7TLSv1.3"
				    "\x23\0\x16TLS_AES_256_GCM_SHA384"
				    "\x22\0\6client"
				    "\x24\0\3sig"
				    "\x99\0\0";
	struct header h;
	struct proxyhdr p;

	(void)state;
	begin(&h);
	add(&h, 0x20, value, sizeof(value) - 1);
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
	assert_true(p.ssl);
	assert_true(p.ssl_cert);
	assert_value(p.ssl_version, p.ssl_version_len, "TLSv1.3");
	assert_value(p.ssl_cipher, p.ssl_cipher_len, "TLS_AES_256_GCM_SHA384");
	assert_value(p.ssl_cn, p.ssl_cn_len, "client");
}

/* Authenticated only with a certificate that was verified. */
static void
test_ssl_certificate(void **state)
{
	struct header h;
	struct proxyhdr p;
	char value[5];
	int bits, octet;

	(void)state;
	for (bits = 0; bits < 256; bits++) {
		for (octet = 0; octet <= 4; octet++) {
			memset(value, 0, sizeof(value));
			value[octet] = 1; /* verify failed */
			value[0] = (char)bits;
			begin(&h);
			add(&h, 0x20, value, 5);
			assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
			assert_int_equal(p.ssl, (bits & 1) != 0);
			assert_int_equal(p.ssl_cert,
			    octet == 0 && (bits & 1) != 0 && (bits & 6) != 0);
		}
	}
}

static void
put_crc(struct header *h, size_t at)
{
	uint32_t crc;
	int i;

	memset(h->buf + at, 0, 4);
	h->buf[14] = (char)((h->len - 16) >> 8);
	h->buf[15] = (char)((h->len - 16) & 0xff);
	crc = crc32c(0, h->buf, h->len);
	for (i = 0; i < 4; i++)
		h->buf[at + (size_t)i] = (char)(crc >> (24 - 8 * i));
}

static void
test_crc_tlv(void **state)
{
	struct header h, wrong;
	struct proxyhdr p;
	size_t at, i;
	int where;

	(void)state;
	for (where = 0; where < 2; where++) {
		begin(&h);
		if (where == 1)
			add(&h, 0x05, "before", 6);
		at = h.len + 3;
		add(&h, 0x03, "\0\0\0\0", 4);
		add(&h, 0xe0, "behind", 6);
		put_crc(&h, at);
		assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
		/* addresses, the sum and other values count */
		for (i = 16; i < h.len; i++) {
			/* types and lengths may make it another header */
			if (i >= 28 && (i < at || i >= at + 4) && i < h.len - 6)
				continue;
			wrong = h;
			wrong.buf[i] ^= 0x10;
			assert_int_equal(finish(&wrong, &p), PROXYHDR_BAD);
		}
		/* even a second one that is right */
		wrong = h;
		memcpy(wrong.buf + wrong.len, h.buf + at - 3, 7);
		wrong.len += 7;
		put_crc(&wrong, at);
		assert_int_equal(finish(&wrong, &p), PROXYHDR_BAD);
	}
}

/* A sum by the definition, bit by bit, instead of by our own function. */
static void
test_crc_independent(void **state)
{
	struct header h;
	struct proxyhdr p;
	uint32_t crc = 0xffffffff;
	size_t i;
	int k;

	(void)state;
	begin(&h);
	add(&h, 0x03, "\0\0\0\0", 4);
	h.buf[14] = 0;
	h.buf[15] = (char)(h.len - 16);
	for (i = 0; i < h.len; i++) {
		crc ^= (unsigned char)h.buf[i];
		for (k = 0; k < 8; k++)
			crc =
			    (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
	}
	crc = ~crc;
	for (i = 0; i < 4; i++)
		h.buf[31 + i] = (char)(crc >> (24 - 8 * i));
	assert_int_equal(finish(&h, &p), PROXYHDR_DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32c),
		cmocka_unit_test(test_known_and_unknown),
		cmocka_unit_test(test_unspec_with_tlvs),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_unique_id_limit),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_ssl),
		cmocka_unit_test(test_ssl_certificate),
		cmocka_unit_test(test_crc_tlv),
		cmocka_unit_test(test_crc_independent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
