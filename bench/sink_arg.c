/*
 * Arguments of MAIL and RCPT.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "sink.h"

/*
 * The address in "FROM:<address>" or "TO:<address>", without a space after
 * the colon.  Parameters begin at *params_r.
 */
const char *
arg_path(
    const char *arg, const char *word, size_t *len_r, const char **params_r)
{
	size_t n = strlen(word);
	const char *end;

	if (strncasecmp(arg, word, n) != 0 || arg[n] != '<')
		return NULL;
	arg += n + 1;
	if ((end = strchr(arg, '>')) == NULL || end - arg > 254 ||
	    (end[1] != '\0' && end[1] != ' '))
		return NULL;
	*len_r = (size_t)(end - arg);
	*params_r = end + 1;
	return arg;
}

/* One of --keyword, without a value: SMTPUTF8, REQUIRETLS. */
static int
is_keyword(const char *p, size_t len)
{
	unsigned i;

	for (i = 0; settings.keywords[i] != NULL; i++)
		if (strlen(settings.keywords[i]) == len &&
		    strncasecmp(settings.keywords[i], p, len) == 0)
			return 1;
	return 0;
}

/* 0 if known and allowed, else the code to answer. */
static int
mail_parameter(const char *p, size_t len)
{
	uint64_t n = 0;
	size_t i;

	if (settings.size && len > 5 && strncasecmp(p, "SIZE=", 5) == 0) {
		for (i = 5; i < len; i++) {
			if (p[i] < '0' || p[i] > '9' || i > 24)
				return 501;
			n = n * 10 + (uint64_t)(p[i] - '0');
		}
		return n > settings.max_size ? 552 : 0;
	}
	if (settings.eightbit &&
	    ((len == 13 && strncasecmp(p, "BODY=8BITMIME", len) == 0) ||
		(len == 9 && strncasecmp(p, "BODY=7BIT", len) == 0)))
		return 0;
	return is_keyword(p, len) ? 0 : 555;
}

int
arg_mail_parameters(const char *p)
{
	size_t len;
	int code;

	while (*p == ' ') {
		len = strcspn(++p, " ");
		if ((code = mail_parameter(p, len)) != 0)
			return code;
		p += len;
	}
	return 0;
}
