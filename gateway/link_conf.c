/*
 * TLS and AUTH towards servers, as configured: see link_conf.h.
 */

#include "link_conf.h"

#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"
#include "tls_client.h"

#define PIN_LEN 44   /* base64 of 32 octets */
#define AUTH_MAX 255 /* octets of a user's name, and of a secret (RFC 4616) */

static const char *const mode_names[] = { [LINK_TLS_OFF] = "off",
	[LINK_TLS_OPPORTUNISTIC] = "opportunistic",
	[LINK_TLS_REQUIRED] = "required",
	[LINK_TLS_IMPLICIT] = "implicit",
	NULL };
static const char *const version_names[] = { "1.2", "1.3", NULL };
static const char *const mechanism_names[] = { [LINK_AUTH_ANY] = "any",
	[LINK_AUTH_PLAIN] = "plain",
	[LINK_AUTH_LOGIN] = "login",
	NULL };

#define TLS(field) offsetof(struct link_tls_conf, field)
const struct opt link_tls_options[] = {
	{ .name = "mode",
	    .type = OPT_CHOICE,
	    .offset = TLS(mode),
	    .def = "required",
	    .values = mode_names,
	    .help = "whether connections are encrypted; without a tls section: "
		    "off" },
	{ .name = "ca",
	    .type = OPT_PATH,
	    .offset = TLS(ca),
	    .help = "PEM file of the authorities that sign servers' "
		    "certificates; default: the system's" },
	{ .name = "name",
	    .type = OPT_STRING,
	    .offset = TLS(name),
	    .domains_from = 1,
	    .help = "name that servers' certificates must have; default: the "
		    "host in the server's address" },
	{ .name = "pin",
	    .type = OPT_LIST,
	    .offset = TLS(pins),
	    .help = "base64 of the SHA-256 of servers' public keys; others are "
		    "refused" },
	{ .name = "certificate",
	    .type = OPT_PATH,
	    .offset = TLS(certificate),
	    .help = "PEM file with our certificate and its chain" },
	{ .name = "key",
	    .type = OPT_PATH,
	    .offset = TLS(key),
	    .help = "PEM file with its key" },
	{ .name = "min-version",
	    .type = OPT_CHOICE,
	    .offset = TLS(min_version),
	    .def = "1.2",
	    .values = version_names,
	    .help = "the oldest version of TLS that is spoken" },
	{ .name = "verify",
	    .type = OPT_BOOL,
	    .offset = TLS(verify),
	    .def = "yes",
	    .help = "look at servers' certificates" },
	{ .name = NULL },
};

#define AUTH(field) offsetof(struct link_auth_conf, field)
const struct opt link_auth_options[] = {
	{ .name = "user",
	    .type = OPT_STRING,
	    .offset = AUTH(user),
	    .required = true,
	    .help = "whom we say to be" },
	{ .name = "secret-file",
	    .type = OPT_PATH,
	    .offset = AUTH(secret_file),
	    .required = true,
	    .help = "file with the password in its first line, for nobody else "
		    "to read" },
	{ .name = "mechanism",
	    .type = OPT_CHOICE,
	    .offset = AUTH(mechanism),
	    .def = "any",
	    .values = mechanism_names,
	    .help = "the one to be used; any: PLAIN, else LOGIN" },
	{ .name = "clear",
	    .type = OPT_BOOL,
	    .offset = AUTH(clear),
	    .def = "no",
	    .help = "send the password without TLS, too" },
	{ .name = NULL },
};

static int
complain(const char **option_r, const char *option, char *err, size_t size,
    const char *text)
{
	*option_r = option;
	snprintf(err, size, "%s", text);
	return -1;
}

static bool
is_pin(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return strlen(s) == PIN_LEN && strspn(s, digits) == PIN_LEN - 1 &&
	    s[PIN_LEN - 1] == '=';
}

/* A pinned key is proof enough, unless an authority was named besides. */
static bool
looks_at_chain(const struct link_tls_conf *c)
{
	return c->verify && (c->pins.count == 0 || c->ca != NULL);
}

bool
link_tls_checks_name(const struct link_tls_conf *c)
{
	return c->mode != LINK_TLS_OFF && looks_at_chain(c);
}

int
link_tls_load(
    struct link_tls_conf *c, const char **option_r, char *err, size_t size)
{
	const struct tls_client_policy policy = {
		.verify = looks_at_chain(c),
		.ca = c->ca,
		.pins = c->pins.list,
		.pin_count = c->pins.count,
		.certificate = c->certificate,
		.key = c->key,
		.tls13_only = c->min_version == 1,
	};
	size_t i;

	*option_r = "mode";
	if (c->mode == LINK_TLS_OFF)
		return 0;
	for (i = 0; i < c->pins.count; i++)
		if (!is_pin(c->pins.list[i]))
			return complain(option_r, "pin", err, size,
			    "pin is not the base64 of a SHA-256");
	if (!c->verify && (c->pins.count > 0 || c->ca != NULL))
		return complain(option_r, "verify", err, size,
		    "verify = no makes nothing of ca and pin");
	if ((c->certificate == NULL) != (c->key == NULL))
		return complain(option_r,
		    c->certificate != NULL ? "certificate" : "key", err, size,
		    "certificate and key go together");
	*option_r = c->ca != NULL ? "ca" : "certificate";
	c->client = tls_client_new(&policy, err, size);
	return c->client != NULL ? 0 : -1;
}

void
link_tls_unload(struct link_tls_conf *c)
{
	tls_client_free(&c->client);
}

/* The first line. */
static int
read_secret(FILE *f, char *buf, size_t size)
{
	size_t len;

	if (fgets(buf, (int)size, f) == NULL)
		return -1;
	len = strcspn(buf, "\r\n");
	if (buf[len] == '\0' && len == size - 1)
		return -1;
	buf[len] = '\0';
	return len > 0 ? 0 : -1;
}

int
link_auth_load(struct link_auth_conf *c, struct arena *a, const char **option_r,
    char *err, size_t size)
{
	char secret[AUTH_MAX + 2] = "";
	struct stat st;
	FILE *f;

	if (c->user[0] == '\0' || strlen(c->user) > AUTH_MAX)
		return complain(
		    option_r, "user", err, size, "user is empty or too long");
	*option_r = "secret-file";
	f = fopen(c->secret_file, "r");
	if (f == NULL) {
		snprintf(err, size, "%s: %s", c->secret_file, strerror(errno));
		return -1;
	}
	if (fstat(fileno(f), &st) == -1 || (st.st_mode & 077) != 0)
		snprintf(err, size,
		    "%s can be read by others than its owner: it needs mode "
		    "0600",
		    c->secret_file);
	else if (read_secret(f, secret, sizeof(secret)) == -1)
		snprintf(err, size,
		    "%s: its first line is no password of 1 to %d octets",
		    c->secret_file, AUTH_MAX);
	else
		c->secret = arena_strndup(a, secret, strlen(secret));
	fclose(f);
	return c->secret != NULL ? 0 : -1;
}
