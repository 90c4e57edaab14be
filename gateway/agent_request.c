/*
 * The head of a request to the agent.
 */

#include "agent_request.h"

#include <stdbool.h>
#include <string.h>

#include "compat.h"

static const char *take_kind(struct agent_request *, const char *, size_t);
static enum agent_request_line next_line(const struct agent_request *);
static const char *take_value(struct agent_request *, const char *, size_t);
static bool decode(char *, size_t, const char *, size_t);
static int hex(char);
static bool is_word(const char *);
static bool is_option(const struct agent_request *, const char *);
static bool climbs(const char *);
static bool number(const char *, size_t, uint64_t *);

static const char *const kinds[] = {
	[AGENT_MAILDIR] = "maildir ",
	[AGENT_PROGRAM] = "sendmail ",
	[AGENT_QUARANTINE] = "quarantine ",
};

static const char *const words[] = {
	[AGENT_LINE_FROM] = "from ",
	[AGENT_LINE_TO] = "to ",
	[AGENT_LINE_ID] = "id ",
	[AGENT_LINE_SIZE] = "size ",
	[AGENT_LINE_END] = "",
};

void
agent_request_init(struct agent_request *rq)
{
	memset(rq, 0, sizeof(*rq));
}

enum agent_request_status
agent_request_feed(
    struct agent_request *rq, const char *line, size_t len, const char **why_r)
{
	const char *word = rq->expected == AGENT_LINE_WHERE
	    ? take_kind(rq, line, len)
	    : words[rq->expected];
	size_t word_len = strlen(word);

	if (len < word_len || memcmp(line, word, word_len) != 0)
		*why_r = "unknown request";
	else
		*why_r = take_value(rq, line + word_len, len - word_len);
	if (*why_r != NULL)
		return AGENT_REQUEST_BAD;
	if (rq->expected == AGENT_LINE_END)
		return AGENT_REQUEST_DONE;
	rq->expected = next_line(rq);
	return AGENT_REQUEST_MORE;
}

/* The word that it begins with, or one that it should. */
static const char *
take_kind(struct agent_request *rq, const char *line, size_t len)
{
	size_t i, n;

	for (i = 0; i < nitems(kinds); i++) {
		n = strlen(kinds[i]);
		if (len < n || memcmp(line, kinds[i], n) != 0)
			continue;
		rq->kind = (enum agent_request_kind)i;
		return kinds[i];
	}
	return kinds[AGENT_MAILDIR];
}

static enum agent_request_line
next_line(const struct agent_request *rq)
{
	switch (rq->expected) {
	case AGENT_LINE_WHERE:
		return rq->kind == AGENT_QUARANTINE ? AGENT_LINE_ID
						    : AGENT_LINE_FROM;
	case AGENT_LINE_FROM:
		return AGENT_LINE_TO;
	case AGENT_LINE_TO:
	case AGENT_LINE_ID:
		return AGENT_LINE_SIZE;
	case AGENT_LINE_SIZE:
	case AGENT_LINE_END:
		break;
	}
	return AGENT_LINE_END;
}

/* Returns what is wrong with the value, or NULL. */
static const char *
take_value(struct agent_request *rq, const char *s, size_t len)
{
	switch (rq->expected) {
	case AGENT_LINE_WHERE:
		if (!decode(rq->where, sizeof(rq->where), s, len))
			return "bad path";
		if (rq->where[0] == '\0')
			return "empty path";
		return rq->kind == AGENT_MAILDIR && climbs(rq->where)
		    ? "path goes up"
		    : NULL;
	case AGENT_LINE_FROM:
		if (!decode(rq->from, sizeof(rq->from), s, len))
			return "bad sender";
		return is_option(rq, rq->from) ? "bad sender" : NULL;
	case AGENT_LINE_TO:
		if (!decode(rq->to, sizeof(rq->to), s, len))
			return "bad recipient";
		if (is_option(rq, rq->to))
			return "bad recipient";
		return rq->to[0] == '\0' ? "empty recipient" : NULL;
	case AGENT_LINE_ID:
		if (!decode(rq->id, sizeof(rq->id), s, len))
			return "bad id";
		return is_word(rq->id) ? NULL : "bad id";
	case AGENT_LINE_SIZE:
		return number(s, len, &rq->size) ? NULL : "bad size";
	case AGENT_LINE_END:
		break;
	}
	return len == 0 ? NULL : "unknown request";
}

/* Undoes %XX.  What had to be encoded and was not, an encoded NUL and a value
 * that does not fit are refused. */
static bool
decode(char *out, size_t size, const char *s, size_t len)
{
	size_t i, n = 0;
	int high, low;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c == 0x7f)
			return false;
		if (c == '%') {
			if (len - i < 3)
				return false;
			high = hex(s[i + 1]);
			low = hex(s[i + 2]);
			if (high < 0 || low < 0 || high + low == 0)
				return false;
			c = (unsigned char)(high * 16 + low);
			i += 2;
		}
		if (n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* It becomes the name of a file. */
static bool
is_word(const char *id)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len;

	for (;; id += len + 1) {
		len = strspn(id, plain);
		if (len == 0)
			return false;
		if (id[len] == '\0')
			return true;
		if (id[len] != '.' && id[len] != '-')
			return false;
	}
}

/* What a program could take for one. */
static bool
is_option(const struct agent_request *rq, const char *address)
{
	return rq->kind == AGENT_PROGRAM && address[0] == '-';
}

/* Is one of the path's components ".."? */
static bool
climbs(const char *path)
{
	size_t len;

	for (;; path += len + 1) {
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
		if (path[len] == '\0')
			return false;
	}
}

static bool
number(const char *s, size_t len, uint64_t *value_r)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(s[i] - '0');
	}
	*value_r = value;
	return len > 0;
}
