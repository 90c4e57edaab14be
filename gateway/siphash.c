/*
 * SipHash-2-4, 128 bits: see siphash.h.
 */

#include "siphash.h"

#include <stdint.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
load(const unsigned char *p, size_t len)
{
	uint64_t x = 0;
	size_t i;

	for (i = 0; i < len; i++)
		x |= (uint64_t)p[i] << (8 * i);
	return x;
}

static void
store(unsigned char *p, uint64_t x)
{
	size_t i;

	for (i = 0; i < 8; i++)
		p[i] = (unsigned char)(x >> (8 * i));
}

static uint64_t
rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static void
rounds(struct sip *s, int n)
{
	while (n-- > 0) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void
take(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	rounds(s, 2);
	s->v0 ^= m;
}

void
siphash(const unsigned char key[SIPHASH_SIZE], const void *in, size_t len,
    unsigned char out[SIPHASH_SIZE])
{
	uint64_t k0 = load(key, 8), k1 = load(key + 8, 8);
	struct sip s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	const unsigned char *p = in;
	size_t left;

	for (left = len; left >= 8; left -= 8, p += 8)
		take(&s, load(p, 8));
	take(&s, (uint64_t)len << 56 | load(p, left));
	s.v2 ^= 0xee;
	rounds(&s, 4);
	store(out, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
	s.v1 ^= 0xdd;
	rounds(&s, 4);
	store(out + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
