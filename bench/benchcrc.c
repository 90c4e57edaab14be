/*
 * CRC-32C (Castagnoli).  At gigabytes per second of bench mail the checksum
 * must not become the thing that is measured, so the processor's own
 * instruction is used where it can be found at run time.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "benchmsg.h"

#define POLYNOMIAL 0x82f63b78U /* reflected */

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_CRC_INSN 1
#else
#define HAVE_CRC_INSN 0
#endif

static uint32_t table[8][256];
static int ready;

static void
table_fill(void)
{
	uint32_t c;
	unsigned i, k;

	for (i = 0; i < 256; i++) {
		c = i;
		for (k = 0; k < 8; k++)
			c = (c & 1) ? (c >> 1) ^ POLYNOMIAL : c >> 1;
		table[0][i] = c;
	}
	for (k = 1; k < 8; k++)
		for (i = 0; i < 256; i++) {
			c = table[k - 1][i];
			table[k][i] = (c >> 8) ^ table[0][c & 0xff];
		}
	ready = 1;
}

/* Eight octets a step, one table for each (slicing by eight). */
static uint32_t
raw_table(uint32_t r, const unsigned char *p, size_t n)
{
	uint32_t lo, hi;

	if (!ready)
		table_fill();
	for (; n >= 8; p += 8, n -= 8) {
		lo = r ^
		    ((uint32_t)p[0] | (uint32_t)p[1] << 8 |
			(uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
		hi = (uint32_t)p[4] | (uint32_t)p[5] << 8 |
		    (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
		r = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^
		    table[5][lo >> 16 & 0xff] ^ table[4][lo >> 24] ^
		    table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		    table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	for (; n > 0; p++, n--)
		r = (r >> 8) ^ table[0][(r ^ *p) & 0xff];
	return r;
}

#if HAVE_CRC_INSN
__attribute__((target("sse4.2"))) static uint32_t
raw_insn(uint32_t r, const unsigned char *p, size_t n)
{
	unsigned long long wide, word;

	wide = r;
	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	r = (uint32_t)wide;
	for (; n > 0; p++, n--)
		r = __builtin_ia32_crc32qi(r, *p);
	return r;
}
#endif

uint32_t
crc32c_raw(uint32_t reg, const void *data, size_t n)
{
	const unsigned char *p = data;

#if HAVE_CRC_INSN
	if (__builtin_cpu_supports("sse4.2"))
		return raw_insn(reg, p, n);
#endif
	return raw_table(reg, p, n);
}

uint32_t
crc32c(uint32_t crc, const void *data, size_t n)
{
	return ~crc32c_raw(~crc, data, n);
}
