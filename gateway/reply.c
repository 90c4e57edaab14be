/*
 * Replies of servers: one line at a time in, code, enhanced code and a text
 * that may be shown to a client out.
 */

#include "reply.h"

#include <string.h>

#define ENHANCED_MIN 5 /* "2.1.5" */

static int code_of(const char *, size_t);
static size_t enhanced_len(const char *, size_t);
static size_t subcode_len(const char *, size_t);
static void add_text(struct reply *, const char *, size_t);
static bool is_digit(char);
static bool is_blank(char);

void
reply_init(struct reply *r)
{
	memset(r, 0, sizeof(*r));
}

/* CR, LF and NUL inside a line are no SMTP: who sends them may mean something
 * else by them than we do, so there is no telling where the reply ends. */
enum reply_status
reply_feed(struct reply *r, const char *line, size_t len)
{
	size_t at, n;
	int code;

	if (len > REPLY_LINE_MAX || r->lines >= REPLY_LINES_MAX)
		return REPLY_BAD;
	code = code_of(line, len);
	if (code == 0 || (r->lines > 0 && code != r->code))
		return REPLY_BAD;
	if (len > 3 && line[3] != ' ' && line[3] != '-')
		return REPLY_BAD;
	if (memchr(line, '\0', len) != NULL ||
	    memchr(line, '\r', len) != NULL || memchr(line, '\n', len) != NULL)
		return REPLY_BAD;
	r->code = code;
	r->lines++;
	at = len > 3 ? 4 : 3;
	n = enhanced_len(line + at, len - at);
	if (n > 0) {
		/* One of the wrong class is dropped and not kept as text: the
		 * client would take it for the real one. */
		if (line[at] == line[0] && r->enhanced[0] == '\0')
			memcpy(r->enhanced, line + at, n);
		at += n;
	}
	add_text(r, line + at, len - at);
	return len > 3 && line[3] == '-' ? REPLY_MORE : REPLY_DONE;
}

/* The code at the beginning of a line, 0 if there is none. */
static int
code_of(const char *line, size_t len)
{
	if (len < 3 || line[0] < '2' || line[0] > '5' || !is_digit(line[1]) ||
	    !is_digit(line[2]))
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* Length of the enhanced status code (RFC 3463) a text begins with, 0 if it
 * does not.  A blank or the end must follow. */
static size_t
enhanced_len(const char *s, size_t len)
{
	size_t subject, detail, end;

	if (len < ENHANCED_MIN || (s[0] != '2' && s[0] != '4' && s[0] != '5') ||
	    s[1] != '.')
		return 0;
	subject = subcode_len(s + 2, len - 2);
	if (subject == 0 || 2 + subject == len || s[2 + subject] != '.')
		return 0;
	end = 2 + subject + 1;
	detail = subcode_len(s + end, len - end);
	end += detail;
	if (detail == 0 || (end < len && !is_blank(s[end])))
		return 0;
	return end;
}

/* One to three digits without a leading zero. */
static size_t
subcode_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && n < 4 && is_digit(s[n]))
		n++;
	if (n > 3 || (n > 1 && s[0] == '0'))
		return 0;
	return n;
}

/* Adds the text of a line behind what there is, as far as it fits. */
static void
add_text(struct reply *r, const char *s, size_t len)
{
	size_t have = strlen(r->text);
	size_t i;

	while (len > 0 && is_blank(s[0])) {
		s++;
		len--;
	}
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	if (len == 0 || have + 1 >= REPLY_TEXT_MAX)
		return;
	if (have > 0)
		r->text[have++] = ' ';
	for (i = 0; i < len && have < REPLY_TEXT_MAX; i++) {
		if (s[i] == '\t')
			r->text[have++] = ' ';
		else if (s[i] < ' ' || s[i] > '~')
			r->text[have++] = '?';
		else
			r->text[have++] = s[i];
	}
	r->text[have] = '\0';
}

bool
reply_line(const char *in, size_t len, size_t *line_len_r, size_t *used_r)
{
	const char *lf = len > 0 ? memchr(in, '\n', len) : NULL;

	if (lf == NULL)
		return false;
	*used_r = (size_t)(lf - in) + 1;
	*line_len_r = lf > in && lf[-1] == '\r' ? *used_r - 2 : *used_r;
	return true;
}

int
reply_class(int code)
{
	return code / 100;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}
