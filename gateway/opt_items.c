/*
 * Items of list options, from the configuration and from files.
 */

#include "opt_items.h"

#include <sys/types.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns_name.h"
#include "mem.h"
#include "utf8.h"

#define FILE_PREFIX "file:"
#define WORD_SIZE 1200 /* of an address: more than any has */

static int read_file(struct opt_items *, const char *, char *, size_t);
static int read_lines(struct opt_items *, FILE *, const char *, char *, size_t);
static bool is_file(const char *);
static char *trim(char *);
static bool add_item(struct opt_items *, const char *);

int
opt_items_add(
    struct opt_items *items, const char *text, char *err, size_t err_size)
{
	if (text[0] == '\0') {
		snprintf(err, err_size, "has an empty item");
		return -1;
	}
	if (!opt_is_clean(text)) {
		snprintf(err, err_size, "must not contain control characters");
		return -1;
	}
	if (is_file(text))
		return read_file(
		    items, text + strlen(FILE_PREFIX), err, err_size);
	if (!add_item(items, text)) {
		snprintf(err, err_size, "\"%s\" has no valid domain", text);
		return -1;
	}
	return 0;
}

void
opt_items_free(struct opt_items *items)
{
	size_t i;

	for (i = 0; i < items->count; i++)
		free(items->list[i]);
	free(items->list);
	memset(items, 0, sizeof(*items));
}

bool
opt_is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static int
read_file(struct opt_items *items, const char *path, char *err, size_t err_size)
{
	size_t before = items->count;
	FILE *f = fopen(path, "re");
	int rc;

	if (f == NULL) {
		snprintf(err, err_size, "can not read \"%s\": %s", path,
		    strerror(errno));
		return -1;
	}
	rc = read_lines(items, f, path, err, err_size);
	fclose(f);
	if (rc == 0 && items->count == before) {
		snprintf(err, err_size, "\"%s\" has no entries", path);
		return -1;
	}
	return rc;
}

static int
read_lines(struct opt_items *items, FILE *f, const char *path, char *err,
    size_t err_size)
{
	char *line = NULL, *text;
	size_t space = 0, number = 0;
	ssize_t len;
	int rc = 0;

	while (rc == 0 && (len = getline(&line, &space, f)) != -1) {
		number++;
		/* Before trim(), which puts a NUL behind the text. */
		if (strlen(line) != (size_t)len)
			rc = -1;
		text = trim(line);
		if (!opt_is_clean(text) || is_file(text))
			rc = -1;
		if (rc == -1)
			snprintf(err, err_size,
			    "\"%s\" line %zu is not an entry", path, number);
		else if (text[0] != '\0' && !add_item(items, text)) {
			snprintf(err, err_size,
			    "\"%s\" line %zu has no valid domain", path,
			    number);
			rc = -1;
		}
	}
	if (ferror(f)) {
		snprintf(err, err_size, "can not read \"%s\": %s", path,
		    strerror(errno));
		rc = -1;
	}
	free(line);
	return rc;
}

static bool
is_file(const char *text)
{
	return strncmp(text, FILE_PREFIX, strlen(FILE_PREFIX)) == 0;
}

/* Blanks at both ends and a comment go.  A comment begins at the start of the
 * line or behind a blank, since an address may contain a '#'. */
static char *
trim(char *line)
{
	static const char blanks[] = " \t\r\n";
	char *end;

	line += strspn(line, blanks);
	for (end = line; *end != '\0'; end++)
		if (*end == '#' &&
		    (end == line || strchr(blanks, end[-1]) != NULL))
			break;
	while (end > line && strchr(blanks, end[-1]) != NULL)
		end--;
	*end = '\0';
	return line;
}

static bool
add_item(struct opt_items *items, const char *text)
{
	char *item = opt_items_plain(text, items->domains_from);

	if (item == NULL)
		return false;
	if (items->count == items->space) {
		items->space = items->space > 0 ? items->space * 2 : 16;
		items->list =
		    xrealloc(items->list, items->space * sizeof(*items->list));
	}
	items->list[items->count++] = item;
	return true;
}

char *
opt_items_plain(const char *text, unsigned domains_from)
{
	static const char blanks[] = " \t";
	char word[WORD_SIZE], plain[WORD_SIZE], *out;
	const char *found = word;
	size_t space = strlen(text) + 1, at = 0, len;
	unsigned number = 0;

	if (domains_from == 0 || utf8_is_ascii(text))
		return xstrdup(text);
	out = xmalloc(space);
	for (; *text != '\0' && found != NULL; text += len) {
		len = strspn(text, blanks);
		if (len == 0) {
			len = strcspn(text, blanks);
			number++;
		}
		found = snprintf(word, sizeof(word), "%.*s", (int)len, text) <
			(int)sizeof(word)
		    ? word
		    : NULL;
		if (found != NULL && number >= domains_from)
			found = dns_name_plain(word, plain, sizeof(plain));
		if (found == NULL)
			continue;
		space += strlen(found);
		out = xrealloc(out, space);
		at += (size_t)snprintf(out + at, space - at, "%s", found);
	}
	if (found == NULL) {
		free(out);
		return NULL;
	}
	return out;
}
