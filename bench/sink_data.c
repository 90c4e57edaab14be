/*
 * The octets of a message.  Only CR LF . CR LF ends it, a dot that begins a
 * line is removed, and what must not be in mail at all (a CR or LF alone,
 * NUL) is noticed.  The content goes to the checker in stretches as long as
 * possible: between two dots at line starts nothing is copied or cut.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "sink.h"

#ifndef __SSE2__
#define ONES 0x0101010101010101U
#define HIGHS 0x8080808080808080U
#endif
#define BELOW 14 /* CR, LF and NUL are all below */

void
intake_start(struct intake *in, int raw)
{
	in->state = raw ? SCAN_TEXT : SCAN_LINE_START;
	in->raw = raw;
	in->stray = 0;
	msg_check_start(&in->check);
}

/*
 * First octet that may be CR, LF or NUL; a few other control octets stop
 * the scan, too.  The sink must not be what is measured, and with 14,000
 * lines in a MiB this loop is most of its work: hence the vector form.
 */
#ifdef __SSE2__
static const char *
next_special(const char *p, const char *end)
{
	const __m128i limit = _mm_set1_epi8(BELOW - 1);
	__m128i v;
	int mask;

	for (; end - p >= 16; p += 16) {
		v = _mm_loadu_si128((const void *)p);
		v = _mm_cmpeq_epi8(_mm_min_epu8(v, limit), v);
		if ((mask = _mm_movemask_epi8(v)) != 0)
			return p + __builtin_ctz((unsigned)mask);
	}
	while (p < end && (unsigned char)*p >= BELOW)
		p++;
	return p;
}
#else
/*
 * Eight octets at a time: w - 14 in each octet borrows into its high bit
 * just when the octet was below 14, except after another such octet, and
 * that one is found first anyway.
 */
static const char *
next_special(const char *p, const char *end)
{
	uint64_t w;

	while (end - p >= 8) {
		memcpy(&w, p, 8);
		if (((w - ONES * BELOW) & ~w & HIGHS) != 0)
			break;
		p += 8;
	}
	while (p < end && (unsigned char)*p >= BELOW)
		p++;
	return p;
}
#endif

/* To the next octet that needs a thought; returns where to go on. */
static const char *
scan_text(struct intake *in, const char *p, const char *end)
{
	/* Ordinary line ends before a line without a dot need none. */
	for (;;) {
		p = next_special(p, end);
		if (end - p < 3 || p[0] != '\r' || p[1] != '\n' ||
		    (p[2] == '.' && !in->raw))
			break;
		p += 2;
	}
	if (p == end)
		return p;
	if (*p == '\r')
		in->state = SCAN_CR;
	else if (*p == '\n' || *p == '\0')
		in->stray = 1;
	return p + 1;
}

static const char *
scan_cr(struct intake *in, const char *p)
{
	if (*p != '\n') {
		in->stray = 1;
		in->state = SCAN_TEXT;
		return p;
	}
	in->state = in->raw ? SCAN_TEXT : SCAN_LINE_START;
	return p + 1;
}

/*
 * Takes content up to the end of data; returns the octets used.  A stray CR
 * after a dot was not yet given to the checker when the next read comes;
 * the message is damaged then in any case, so it is simply left out.
 */
size_t
intake_feed(struct intake *in, const char *data, size_t n, int *end_r)
{
	const char *p = data, *end = data + n, *run = data;

	*end_r = 0;
	while (p < end && !*end_r) {
		switch (in->state) {
		case SCAN_LINE_START:
			in->state = SCAN_TEXT;
			if (*p != '.')
				break;
			msg_check_feed(&in->check, run, (size_t)(p - run));
			run = ++p;
			in->state = SCAN_DOT;
			break;
		case SCAN_TEXT:
			p = scan_text(in, p, end);
			break;
		case SCAN_CR:
			p = scan_cr(in, p);
			break;
		case SCAN_DOT:
			in->state = *p == '\r' ? SCAN_DOT_CR : SCAN_TEXT;
			if (*p == '\r')
				run = ++p;
			break;
		case SCAN_DOT_CR:
			if (*p == '\n') {
				run = ++p;
				*end_r = 1;
			} else {
				in->stray = 1;
				in->state = SCAN_TEXT;
			}
			break;
		}
	}
	if (!*end_r)
		msg_check_feed(&in->check, run, (size_t)(p - run));
	return (size_t)(p - data);
}

/* A chunk may end anywhere, but not a message after half of a CR LF. */
void
intake_end(struct intake *in)
{
	if (in->state == SCAN_CR)
		in->stray = 1;
}
