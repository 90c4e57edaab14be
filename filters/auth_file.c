/*
 * auth-file: authenticates by a list of users with crypt(3) hashes; mechanisms
 * PLAIN (RFC 4616) and LOGIN.
 *
 * crypt(3) takes as long as the hash wants it to, which is the point of such a
 * hash; so it is called in a process of its own (filter->check), and the
 * workers forget the hashes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/filter.h"

#define USER_MAX 255
#define PASSWORD_MAX 1000

struct auth_file_conf {
	struct opt_list users; /* "name:hash", sorted by name */
	int64_t fail_delay;    /* ms */
};

struct exchange { /* of one AUTH; in the session's state */
	char user[USER_MAX + 1];
};

#define CONF(field) offsetof(struct auth_file_conf, field)
static const struct opt options[] = {
	{ .name = "users",
	    .type = OPT_LIST,
	    .offset = CONF(users),
	    .required = true,
	    .help = "user:hash, the hash as crypt(3) has it; mostly from a "
		    "file" },
	{ .name = "fail-delay",
	    .type = OPT_DURATION,
	    .offset = CONF(fail_delay),
	    .def = "2s",
	    .min = 0,
	    .max = 60000,
	    .help = "how much later a wrong password is answered" },
	{ .name = NULL },
};

/* The list. */

static size_t
name_len(const char *entry)
{
	return strcspn(entry, ":");
}

static int
compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	size_t n = name_len(*x), m = name_len(*y);
	int c = memcmp(*x, *y, n < m ? n : m);

	return c != 0 ? c : (n > m) - (n < m);
}

/* What crypt(3) of some system makes of it is found out when it is asked; here
 * is what is none anywhere, above all a password in clear. */
static bool
is_hash(const char *hash)
{
	size_t len = strcspn(hash, ":");

	if (strncmp(hash, "$1$", 3) == 0) /* MD5: for nobody any more */
		return false;
	return hash[0] == '$' && len >= 20 && memchr(hash + 1, '$', len - 1);
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct auth_file_conf *conf = arg;
	const char **list = conf->users.list;
	size_t i, n;

	for (i = 0; i < conf->users.count; i++) {
		n = name_len(list[i]);
		if (n == 0 || n > USER_MAX || list[i][n] != ':' ||
		    !is_hash(list[i] + n + 1)) {
			/* Not the entry: it may be a password. */
			snprintf(say, size,
			    "users: entry %zu is not name:$id$..., a hash of "
			    "crypt(3) (yescrypt, bcrypt, SHA-512)",
			    i + 1);
			return false;
		}
	}
	qsort(list, conf->users.count, sizeof(*list), compare);
	for (i = 1; i < conf->users.count; i++)
		if (compare(&list[i - 1], &list[i]) == 0) {
			snprintf(say, size, "users: '%.*s' stands there twice",
			    (int)name_len(list[i]), list[i]);
			return false;
		}
	return true;
}

/* The hash has the name of its method and its cost in front, and perhaps other
 * fields behind it. */
static bool
is_password(const char *entry, const char *password)
{
	const char *hash = entry + name_len(entry) + 1, *made;
	size_t len = strcspn(hash, ":"), i;
	unsigned char differs = 0;
	char setting[256];

	if (len >= sizeof(setting))
		return false;
	memcpy(setting, hash, len);
	setting[len] = '\0';
	made = crypt(password, setting);
	if (made == NULL || strlen(made) != len)
		return false;
	for (i = 0; i < len; i++)
		differs |= (unsigned char)(made[i] ^ setting[i]);
	return differs == 0;
}

/* Who is not there takes as long as who is. */
static bool
check(const void *arg, const char *user, const char *password)
{
	const struct auth_file_conf *conf = arg;
	const char **found;

	if (user[0] == '\0' || strchr(user, ':') != NULL)
		return false;
	found = bsearch(&user, conf->users.list, conf->users.count,
	    sizeof(*conf->users.list), compare);
	if (found != NULL)
		return is_password(*found, password);
	if (conf->users.count > 0)
		(void)is_password(conf->users.list[0], password);
	return false;
}

static void
forget(void *arg)
{
	struct auth_file_conf *conf = arg;
	size_t i;

	for (i = 0; i < conf->users.count; i++)
		fc_wipe((char *)(uintptr_t)conf->users.list[i],
		    strlen(conf->users.list[i]));
	conf->users.count = 0;
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct auth_file_conf *conf = arg;

	if (conf->fail_delay >= timeout)
		return "fail-delay is not shorter than timeout: a wrong "
		       "password would be answered as trouble (454)";
	return NULL;
}

/* The exchange. */

static void
mechanisms(const void *conf, struct helper *h, bool tls, char *buf, size_t size)
{
	(void)conf;
	(void)h;
	(void)tls;
	snprintf(buf, size, "PLAIN LOGIN");
}

static enum verdict
refuse(struct filter_call *fc)
{
	return fc_reject(fc, 535, "5.7.8", "authentication failed");
}

static enum verdict
refuse_later(struct filter_call *fc)
{
	const struct auth_file_conf *conf = fc_conf(fc);

	return conf->fail_delay > 0 ? fc_wait(fc, conf->fail_delay, refuse)
				    : refuse(fc);
}

static enum verdict
checked(struct filter_call *fc, enum check result)
{
	const struct exchange *x = fc_session_state(fc);

	if (result == CHECK_TROUBLE)
		return fc_unknown(fc, "no process could check the password");
	if (result == CHECK_GOOD)
		return fc_auth_accept(fc, x->user);
	return refuse_later(fc);
}

static enum verdict
check_password(struct filter_call *fc, const char *user, const char *password)
{
	struct exchange *x = fc_session_state(fc);

	if (user[0] == '\0' || strlen(user) > USER_MAX ||
	    strlen(password) > PASSWORD_MAX)
		return refuse_later(fc);
	memcpy(x->user, user, strlen(user) + 1);
	fc_auth_name(fc, user);
	return fc_check(fc, user, password, checked);
}

/* [authorization identity] NUL user NUL password */
static enum verdict
got_plain(struct filter_call *fc)
{
	char buf[3 * USER_MAX + PASSWORD_MAX], *user, *password;
	ssize_t len = fc_auth_decode(fc, buf, sizeof(buf));
	enum verdict v;

	user = len > 0 ? memchr(buf, '\0', (size_t)len) : NULL;
	password = user == NULL
	    ? NULL
	    : memchr(user + 1, '\0', (size_t)(buf + len - user - 1));
	if (password == NULL ||
	    strlen(password + 1) != (size_t)(buf + len - password - 1))
		v = fc_reject(fc, 501, "5.5.2",
		    "PLAIN is [authorization identity] NUL user NUL password");
	else if (buf[0] != '\0' && strcmp(buf, user + 1) != 0)
		v = refuse_later(fc); /* to act for somebody else */
	else
		v = check_password(fc, user + 1, password + 1);
	fc_wipe(buf, sizeof(buf));
	return v;
}

static enum verdict
got_password(struct filter_call *fc)
{
	const struct exchange *x = fc_session_state(fc);
	char buf[PASSWORD_MAX + 2], user[USER_MAX + 1];
	ssize_t len = fc_auth_decode(fc, buf, sizeof(buf));
	enum verdict v;

	memcpy(user, x->user, sizeof(user));
	v = len == -1 || strlen(buf) != (size_t)len
	    ? refuse_later(fc)
	    : check_password(fc, user, buf);
	fc_wipe(buf, sizeof(buf));
	return v;
}

static enum verdict
got_user(struct filter_call *fc)
{
	struct exchange *x = fc_session_state(fc);
	ssize_t len = fc_auth_decode(fc, x->user, sizeof(x->user));

	if (len <= 0 || strlen(x->user) != (size_t)len)
		x->user[0] = '\0'; /* refused behind the password */
	return fc_auth_challenge(fc, "UGFzc3dvcmQ6", got_password);
}

static enum verdict
on_auth(struct filter_call *fc)
{
	bool here = fc_auth_response(fc) != NULL;

	if (strcmp(fc_auth_mechanism(fc), "PLAIN") == 0)
		return here ? got_plain(fc)
			    : fc_auth_challenge(fc, "", got_plain);
	if (strcmp(fc_auth_mechanism(fc), "LOGIN") == 0)
		return here ? got_user(fc)
			    : fc_auth_challenge(fc, "VXNlcm5hbWU6", got_user);
	return fc_reject(fc, 504, "5.5.4", "unknown authentication mechanism");
}

const struct filter filter_auth_file = {
	.name = "auth-file",
	.summary = "authenticate by a list of users with hashed passwords",
	.on = { [PHASE_AUTH] = on_auth },
	.options = options,
	.conf_size = sizeof(struct auth_file_conf),
	.session_size = sizeof(struct exchange),
	.mechanisms = mechanisms,
	.prepare = prepare,
	.check = check,
	.forget = forget,
	.warn = warn,
};
