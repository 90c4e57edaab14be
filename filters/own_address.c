/*
 * own-address: who has authenticated sends in no other name than in his own: in
 * MAIL, and in the From and Sender fields of the message.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/filter.h"

#define ADDRESS_SIZE 600
#define VALUE_SIZE 8192
#define ADDRESSES_MAX 100 /* of one field */

struct own_address_conf {
	struct opt_list map; /* "login address...", sorted by login */
	const char *domain;
	const char *extension;
	bool self;
	bool null_sender;
	bool from;
};

#define CONF(field) offsetof(struct own_address_conf, field)
static const struct opt options[] = {
	{ .name = "map",
	    .type = OPT_LIST,
	    .offset = CONF(map),
	    .domains_from = 2, /* a login may be anything */
	    .help = "login and its addresses, blanks between them: a@b, @b "
		    "for all of a domain, * for any; mostly from a file" },
	{ .name = "self",
	    .type = OPT_BOOL,
	    .offset = CONF(self),
	    .def = "yes",
	    .help = "a login is an address of its own" },
	{ .name = "domain",
	    .type = OPT_STRING,
	    .offset = CONF(domain),
	    .help = "domain of logins that have none" },
	{ .name = "extension",
	    .type = OPT_STRING,
	    .offset = CONF(extension),
	    .help = "characters that begin an extension of a local part, which "
		    "is not compared (\"+\"); default: none" },
	{ .name = "null-sender",
	    .type = OPT_BOOL,
	    .offset = CONF(null_sender),
	    .def = "yes",
	    .help = "MAIL FROM:<> is good (receipts, replies of vacations)" },
	{ .name = "from",
	    .type = OPT_BOOL,
	    .offset = CONF(from),
	    .def = "yes",
	    .help = "the From and Sender fields are looked at as well" },
	{ .name = NULL },
};

/* The map. */

static const char blanks[] = " \t";

static size_t
login_len(const char *entry)
{
	return strcspn(entry, blanks);
}

static int
compare_login(const char *entry, const char *login, size_t len)
{
	size_t n = login_len(entry);
	int c = memcmp(entry, login, n < len ? n : len);

	return c != 0 ? c : (n > len) - (n < len);
}

static int
compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return compare_login(x, y, login_len(y));
}

static bool
is_grant(const char *word, size_t len)
{
	const char *at = memchr(word, '@', len);

	return (len == 1 && *word == '*') ||
	    (at != NULL && at < word + len - 1);
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct own_address_conf *conf = arg;
	const char *p;
	size_t i, n;

	for (i = 0; i < conf->map.count; i++) {
		p = conf->map.list[i];
		n = login_len(p);
		do {
			p += n;
			p += strspn(p, blanks);
			n = strcspn(p, blanks);
			if (!is_grant(p, n)) {
				snprintf(say, size,
				    "map: \"%.100s\" is not a login and its "
				    "addresses (a@b, @b or *)",
				    conf->map.list[i]);
				return false;
			}
		} while (p[n] != '\0');
	}
	if (conf->map.count > 0)
		qsort(conf->map.list, conf->map.count, sizeof(*conf->map.list),
		    compare);
	return true;
}

/* The first entry of a login; the count if there is none. */
static size_t
first_entry(const struct own_address_conf *conf, const char *login)
{
	size_t low = 0, high = conf->map.count, mid, len = strlen(login);

	while (low < high) {
		mid = low + (high - low) / 2;
		if (compare_login(conf->map.list[mid], login, len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Whose is an address? */

/* The same address, whatever the case; an extension of the one that is used
 * does not count. */
static bool
is_same(const struct own_address_conf *conf, const char *granted, size_t len,
    const char *address)
{
	const char *at = strrchr(address, '@'), *granted_at = NULL;
	size_t i, local;

	for (i = 0; i < len; i++)
		if (granted[i] == '@')
			granted_at = granted + i;
	if (granted_at == NULL)
		return len == 1 && *granted == '*';
	if (at == NULL || strlen(at) != (size_t)(granted + len - granted_at) ||
	    strncasecmp(at, granted_at, strlen(at)) != 0)
		return false;
	if (granted_at == granted) /* all of the domain */
		return true;
	local = (size_t)(at - address);
	if (local == (size_t)(granted_at - granted) &&
	    strncasecmp(address, granted, local) == 0)
		return true;
	if (conf->extension == NULL || *address == '"')
		return false;
	i = strcspn(address, conf->extension);
	return i > 0 && i < local && i == (size_t)(granted_at - granted) &&
	    strncasecmp(address, granted, i) == 0;
}

static bool
is_login(
    const struct own_address_conf *conf, const char *login, const char *address)
{
	char own[ADDRESS_SIZE], buf[ADDRESS_SIZE];
	const char *plain;
	int n;

	if (!conf->self)
		return false;
	n = strchr(login, '@') != NULL || conf->domain == NULL
	    ? snprintf(own, sizeof(own), "%s", login)
	    : snprintf(own, sizeof(own), "%s@%s", login, conf->domain);
	if (n <= 0 || (size_t)n >= sizeof(own) || strchr(own, '@') == NULL)
		return false;
	plain = dns_name_plain(own, buf, sizeof(buf));
	return plain != NULL && is_same(conf, plain, strlen(plain), address);
}

static bool
is_own(const struct filter_call *fc, const char *text)
{
	const struct own_address_conf *conf = fc_conf(fc);
	const char *login = fc_client(fc)->login, *p;
	char buf[2 * ADDRESS_SIZE];
	const char *address = dns_name_plain(text, buf, sizeof(buf));
	size_t i, n, len = strlen(login);

	if (address == NULL) /* no name has this domain */
		address = text;
	if (is_login(conf, login, address))
		return true;
	for (i = first_entry(conf, login); i < conf->map.count &&
	     compare_login(conf->map.list[i], login, len) == 0;
	     i++) {
		p = conf->map.list[i] + len;
		for (p += strspn(p, blanks); *p != '\0';
		     p += n, p += strspn(p, blanks)) {
			n = strcspn(p, blanks);
			if (is_same(conf, p, n, address))
				return true;
		}
	}
	return false;
}

static enum verdict
on_mail(struct filter_call *fc)
{
	const struct own_address_conf *conf = fc_conf(fc);
	const char *sender = fc_sender(fc)->text;

	if (fc_client(fc)->login == NULL ||
	    (sender[0] == '\0' && conf->null_sender) ||
	    (sender[0] != '\0' && is_own(fc, sender)))
		return VERDICT_PASS;
	return fc_reject(fc, 553, "5.7.1", "<%s> is no address of user %s",
	    sender, fc_client(fc)->login);
}

static enum verdict
check_value(struct filter_call *fc, const char *name, const char *value)
{
	enum mailbox_found found;
	char address[ADDRESS_SIZE];
	int n = 0;

	while ((found = mailbox_next(&value, address, sizeof(address))) ==
		MAILBOX_FOUND &&
	    ++n <= ADDRESSES_MAX)
		if (!is_own(fc, address))
			return fc_reject(fc, 550, "5.7.1",
			    "%s: <%s> is no address of user %s", name, address,
			    fc_client(fc)->login);
	if (found == MAILBOX_END)
		return VERDICT_PASS;
	return fc_reject(fc, 550, "5.7.1", "%s: not a list of addresses", name);
}

/* All of them: readers differ in which they show. */
static enum verdict
check_fields(struct filter_call *fc, const char *name)
{
	enum verdict v = VERDICT_PASS;
	char value[VALUE_SIZE];
	ssize_t len;
	size_t i, n = fc_header_count(fc, name);

	for (i = 0; i < n && v == VERDICT_PASS; i++) {
		len = fc_header(fc, name, i, value, sizeof(value));
		if (len == -1)
			return fc_unknown(fc, "the spool can not be read");
		if ((size_t)len >= sizeof(value))
			return fc_reject(fc, 550, "5.7.1",
			    "%s: the field is too long", name);
		v = check_value(fc, name, value);
	}
	return v;
}

/* Sender names who has sent it for the one in From (RFC 5322 3.6.2): a lie in
 * it is one as well, and a truth in it makes no other's From good, for that is
 * what readers show. */
static enum verdict
on_message(struct filter_call *fc)
{
	const struct own_address_conf *conf = fc_conf(fc);
	enum verdict v;

	if (!conf->from || fc_client(fc)->login == NULL)
		return VERDICT_PASS;
	v = check_fields(fc, "From");
	return v == VERDICT_PASS ? check_fields(fc, "Sender") : v;
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct own_address_conf *conf = arg;

	(void)timeout;
	if (!conf->self && conf->map.count == 0)
		return "without self and map nobody who has authenticated can "
		       "send anything";
	return NULL;
}

const struct filter filter_own_address = {
	.name = "own-address",
	.summary = "authenticated users send in their own name only",
	.on = { [PHASE_MAIL] = on_mail, [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct own_address_conf),
	.prepare = prepare,
	.warn = warn,
};
