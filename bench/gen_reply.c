/*
 * The form of a reply, checked to the letter: three digits, one code for
 * all lines, CR LF, at most 512 octets, printable text, and an enhanced
 * status code of the same class where the server promised one.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <string.h>

#include "gen.h"

static int
digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One number of a status code; returns its length or 0. */
static size_t
status_number(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < 4 && digit(p[i]); i++)
		;
	return i > 3 || (i > 1 && p[0] == '0') ? 0 : i;
}

/* "2.1.5 text" with the class of the reply code. */
static int
status_valid(const char *p, size_t n, char class)
{
	size_t len;

	if (n < 5 || p[0] != class || p[1] != '.')
		return 0;
	p += 2;
	n -= 2;
	if ((len = status_number(p, n)) == 0 || len >= n || p[len] != '.')
		return 0;
	p += len + 1;
	n -= len + 1;
	if ((len = status_number(p, n)) == 0)
		return 0;
	return len == n || p[len] == ' ';
}

static int
status_due(const struct slot *s, const char *line)
{
	return gen.check_status && (s->caps & CAP_ENHANCED) &&
	    s->await != AWAIT_BANNER && s->await != AWAIT_EHLO &&
	    line[0] != '3';
}

static const char *
line_fault(const struct slot *s, const char *p, size_t n, int code)
{
	size_t i;

	if (n > REPLY_MAX - 2)
		return "reply line too long";
	for (i = 0; i < n; i++)
		if (((unsigned char)p[i] < ' ' && p[i] != '\t') ||
		    (unsigned char)p[i] > '~')
			return "octet not allowed in a reply";
	if (n < 3 || code < 200 || code > 559 || p[1] > '5')
		return "not a reply";
	if (n > 3 && p[3] != ' ' && p[3] != '-')
		return "neither space nor hyphen after the code";
	if (s->line_code != 0 && s->line_code != code)
		return "codes of a multi-line reply differ";
	if (status_due(s, p) && (n < 9 || !status_valid(p + 4, n - 4, p[0])))
		return "no enhanced status code of the right class";
	return NULL;
}

/* A line without its CR LF.  Returns -1 if the slot is gone or reused. */
int
reply_line(struct slot *s, const char *p, size_t n)
{
	const char *why;
	int code = 0;

	if (n >= 3 && digit(p[0]) && digit(p[1]) && digit(p[2]))
		code = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	if ((why = line_fault(s, p, n, code)) != NULL) {
		conn_protocol(s, why);
		return -1;
	}
	if (s->await == AWAIT_EHLO && s->line_code != 0 && n > 4)
		talk_capability(s, p + 4, n - 4);
	if (n > 3 && p[3] == '-') {
		s->line_code = code;
		return 0;
	}
	s->line_code = 0;
	talk_reply(s, code);
	return s->fd == -1 ? -1 : 0;
}
