#ifndef POSTERN_CONF_SAID_H
#define POSTERN_CONF_SAID_H

/*
 * A configuration from a string, and what conf_load() says of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/compat.h"
#include "gateway/conf.h"

#define LISTEN "listen mx { address = {\"127.0.0.1:1\"} }\n"
#define OPEN "listen mx { address = {\"0.0.0.0:1\"} }\n"
#define BACKEND "backend d { protocol = discard }\n"
#define ROUTE "route all { backend = d }\n"
#define REST LISTEN BACKEND ROUTE
#define HASH "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"
#define PEOPLE "auth-file people { users = \"a:" HASH "\" }"

static char file[64];
static char *said; /* what conf_load() wrote */

static inline struct config *
load(const char *text, size_t len)
{
	struct config *c;
	size_t size;
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(said);
	said = NULL;
	f = open_memstream(&said, &size);
	assert_non_null(f);
	c = conf_load(file, f);
	fclose(f);
	return c;
}

/* Is the line "FILE" rest a line of what was said, from its beginning? */
static inline bool
says(const char *rest)
{
	char want[600];
	const char *p = said;
	size_t len;

	snprintf(want, sizeof(want), "%s%s", file, rest);
	len = strlen(want);
	while (*p != '\0' && strncmp(p, want, len) != 0) {
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return *p != '\0';
}

static inline size_t
lines(void)
{
	const char *p = said;
	size_t n = 0;

	while ((p = strchr(p, '\n')) != NULL) {
		n++;
		p++;
	}
	return n;
}

static inline void
assert_good(const char *text, struct config **c_r)
{
	*c_r = load(text, strlen(text));
	if (*c_r == NULL)
		fail_msg("refused: %s\n%s", text, said);
}

static inline void
assert_bad(const char *text, const char *rest)
{
	struct config *c = load(text, strlen(text));

	if (c != NULL)
		fail_msg("taken: %s", text);
	if (!says(rest))
		fail_msg("%s\nnot \"%s\" but:\n%s", text, rest, said);
}

/* rest: the warning, NULL: nothing is said.  Not of this machine's name. */
static inline void
assert_fair(const char *text, const char *rest)
{
	char whole[1000];
	struct config *c;

	snprintf(whole, sizeof(whole), "hostname = a.example %s", text);
	assert_good(whole, &c);
	conf_free(&c);
	if (rest == NULL)
		assert_string_equal(said, "");
	else if (!says(rest))
		fail_msg("%s\nnot \"%s\" but:\n%s", whole, rest, said);
}

static inline int
set_up(void **state)
{
	int fd;

	(void)state;
	compat_strlcpy(file, "/tmp/test_conf.XXXXXX", sizeof(file));
	fd = mkstemp(file);
	return fd == -1 ? -1 : close(fd);
}

static inline int
tear_down(void **state)
{
	(void)state;
	free(said);
	return unlink(file);
}

#endif
