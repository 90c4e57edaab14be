/*
 * What filters that speak to Dovecot share: see dovecot.h.
 */

#include "dovecot.h"

#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#define ESCAPE '\001'
#define MAJOR 1

/* A client's VERSION is 1.x with any x: fields that we do not know are left
 * alone by both sides. */

static char *
unescape(char *text)
{
	static const char from[] = "1trn", to[] = "\001\t\r\n";
	const char *known;
	char *in = text, *out = text;

	for (; *in != '\0'; in++) {
		if (*in == ESCAPE && in[1] == '0')
			break;
		if (*in == ESCAPE && in[1] != '\0' &&
		    (known = strchr(from, in[1])) != NULL) {
			*out++ = to[known - from];
			in++;
		} else
			*out++ = *in;
	}
	*out = '\0';
	return text;
}

char *
dovecot_field(char **rest)
{
	char *field = *rest, *tab;

	if (field == NULL)
		return NULL;
	tab = strchr(field, '\t');
	*rest = NULL;
	if (tab != NULL) {
		*tab = '\0';
		*rest = tab + 1;
	}
	return unescape(field);
}

static bool
append(char *buf, size_t size, const char *text, size_t len)
{
	size_t at = strlen(buf);

	if (len >= size - at)
		return false;
	memcpy(buf + at, text, len);
	buf[at + len] = '\0';
	return true;
}

bool
dovecot_add(char *buf, size_t size, const char *text, const char *value)
{
	static const char from[] = "\001\t\r\n", to[] = "1trn";
	size_t before = strlen(buf), plain;
	char escaped[2] = { ESCAPE, 0 };
	bool good = (before == 0 || append(buf, size, "\t", 1)) &&
	    append(buf, size, text, strlen(text));

	while (good && value != NULL && *value != '\0') {
		plain = strcspn(value, from);
		good = append(buf, size, value, plain);
		value += plain;
		if (good && *value != '\0') {
			escaped[1] = to[strchr(from, *value++) - from];
			good = append(buf, size, escaped, 2);
		}
	}
	if (!good)
		buf[before] = '\0';
	return good;
}

bool
dovecot_number(const char *text, uint32_t *number_r)
{
	uint64_t n = 0;

	if (text == NULL || *text == '\0' || strlen(text) > 10)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (uint64_t)(*text - '0');
	}
	*number_r = (uint32_t)n;
	return n <= UINT32_MAX;
}

bool
dovecot_version(char *rest)
{
	uint32_t version;

	return dovecot_number(dovecot_field(&rest), &version) &&
	    version == MAJOR;
}

/* Where packages put it: below the base_dir, and where Postfix in its chroot
 * looks. */
static const char *const places[] = { "/var/run/dovecot", "/run/dovecot",
	"/var/dovecot", "/usr/local/var/run/dovecot",
	"/var/spool/postfix/private" };

static bool
is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

bool
dovecot_socket(const char *text, const char *name, struct net_addr *addr_r,
    char *say, size_t size)
{
	const char *err = "no address";
	char path[NET_TEXT_MAX];
	size_t i, n = sizeof(places) / sizeof(places[0]);

	if (text != NULL) {
		snprintf(path, sizeof(path), "%s%s",
		    text[0] == '/' ? "unix:" : "", text);
		if (strlen(text) < sizeof(path) - 6 &&
		    net_parse(path, addr_r, &err) == 0)
			return true;
		snprintf(say, size, "socket \"%s\": %s", text, err);
		return false;
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "unix:%s/%s", places[i], name);
		if (is_socket(path + 5))
			break;
	}
	if (i == n)
		snprintf(path, sizeof(path), "unix:%s/%s", places[0], name);
	snprintf(say, size,
	    i < n ? "%s is used"
		  : "no socket of Dovecot is "
		    "found; %s is used",
	    path + 5);
	return net_parse(path, addr_r, &err) == 0;
}
