/*
 * Looks into log lines: see logline.h.
 */

#include "logline.h"

#include <stdio.h>
#include <string.h>

#include "script.h"

#define VALUE_SIZE 4000

/* The value of a key in a record, unquoted.  False: there is none. */
static bool
log_value(
    const char *line, const char *key, size_t key_len, char *buf, size_t size)
{
	const char *p = line;
	size_t n = 0;
	bool quoted;

	while (strncmp(p, key, key_len) != 0 || p[key_len] != '=' ||
	    (p != line && p[-1] != ' ')) {
		p = strchr(p + 1, key[0]);
		if (p == NULL)
			return false;
	}
	p += key_len + 1;
	quoted = *p == '"';
	for (p += quoted; *p != '\0' && *p != (quoted ? '"' : ' '); p++) {
		if (quoted && *p == '\\')
			p++;
		if (n < size - 1)
			buf[n++] = *p;
	}
	buf[n] = '\0';
	return true;
}

/* The next key=pattern or key="pattern"; false at the end. */
static bool
next_pair(const char **pp, const char **key, size_t *key_len,
    const char **pattern, size_t *len)
{
	const char *p = *pp + strspn(*pp, " ");

	*key = p;
	*key_len = strcspn(p, "=");
	if (p[*key_len] != '=')
		return false;
	p += *key_len + 1;
	if (*p == '"') {
		*pattern = ++p;
		*len = strcspn(p, "\"");
	} else {
		*pattern = p;
		*len = strcspn(p, " ");
	}
	p += *len;
	*pp = p + (*p == '"');
	return true;
}

bool
logline_check(const char *line, const char *pairs, char *buf, size_t size)
{
	const char *key, *pattern;
	size_t key_len, len;
	char value[VALUE_SIZE];

	while (next_pair(&pairs, &key, &key_len, &pattern, &len)) {
		if (!log_value(line, key, key_len, value, sizeof(value)))
			value[0] = '\0';
		if (script_match(pattern, len, value, strlen(value)))
			continue;
		snprintf(buf, size, "%.*s=%.*s", (int)key_len, key, (int)len,
		    pattern);
		return false;
	}
	return true;
}
