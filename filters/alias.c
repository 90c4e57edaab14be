/*
 * alias: other recipients, blind copies, another sender.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/filter.h"

#define ADDRESS_SIZE 600

struct alias_conf {
	struct opt_list map; /* "address target...", sorted by address */
	struct opt_list recipients;
	struct opt_list bcc;
	const char *sender;
};

#define CONF(field) offsetof(struct alias_conf, field)
static const struct opt options[] = {
	{ .name = "map",
	    .type = OPT_LIST,
	    .offset = CONF(map),
	    .domains_from = 1,
	    .help = "recipient and those that it becomes, blanks between them: "
		    "a@b, @b for all of a domain; mostly from a file" },
	{ .name = "recipients",
	    .type = OPT_LIST,
	    .offset = CONF(recipients),
	    .domains_from = 1,
	    .help = "every recipient becomes these" },
	{ .name = "bcc",
	    .type = OPT_LIST,
	    .offset = CONF(bcc),
	    .domains_from = 1,
	    .help = "get each message as well" },
	{ .name = "sender",
	    .type = OPT_STRING,
	    .offset = CONF(sender),
	    .domains_from = 1,
	    .help =
		"every reverse-path becomes this; \"<>\": the null sender" },
	{ .name = NULL },
};

static const char blanks[] = " \t";

static size_t
word_len(const char *text)
{
	return strcspn(text, blanks);
}

static const char *
next_word(const char *word)
{
	word += word_len(word);
	return word + strspn(word, blanks);
}

/* The first words, without case. */
static int
compare_word(const char *a, const char *b)
{
	size_t n = word_len(a), m = word_len(b);
	int c = strncasecmp(a, b, n < m ? n : m);

	return c != 0 ? c : (n > m) - (n < m);
}

static int
compare(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return compare_word(x, y);
}

/* The whole judgement is the gateway's, at the first use. */
static bool
is_address(const char *text, size_t len, bool whole_domain)
{
	const char *at = memchr(text, '@', len);

	return at != NULL && at < text + len - 1 &&
	    (at > text || whole_domain) && len < ADDRESS_SIZE;
}

static bool
are_addresses(
    const struct opt_list *list, const char *name, char *say, size_t size)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		if (is_address(list->list[i], strlen(list->list[i]), false) &&
		    list->list[i][word_len(list->list[i])] == '\0')
			continue;
		snprintf(say, size, "%s: \"%.100s\" is no address", name,
		    list->list[i]);
		return false;
	}
	return true;
}

static bool
check_map(const struct alias_conf *conf, char *say, size_t size)
{
	const char *entry, *p;
	size_t i;

	for (i = 0; i < conf->map.count; i++) {
		entry = conf->map.list[i];
		p = next_word(entry);
		if (!is_address(entry, word_len(entry), true) || *p == '\0')
			p = entry;
		while (p != entry && *p != '\0' &&
		    is_address(p, word_len(p), false))
			p = next_word(p);
		if (*p != '\0') {
			snprintf(say, size,
			    "map: \"%.100s\" is not a recipient (a@b, @b) and "
			    "what it becomes",
			    entry);
			return false;
		}
		if (i > 0 && compare_word(conf->map.list[i - 1], entry) == 0) {
			snprintf(say, size, "map: \"%.*s\" stands there twice",
			    (int)word_len(entry), entry);
			return false;
		}
	}
	return true;
}

static bool
prepare(void *arg, char *say, size_t size)
{
	struct alias_conf *conf = arg;

	if (conf->map.count > 0)
		qsort(conf->map.list, conf->map.count, sizeof(*conf->map.list),
		    compare);
	if (conf->sender != NULL && strcmp(conf->sender, "<>") != 0 &&
	    !is_address(conf->sender, strlen(conf->sender), false)) {
		snprintf(say, size, "sender: \"%.100s\" is no address",
		    conf->sender);
		return false;
	}
	return check_map(conf, say, size) &&
	    are_addresses(&conf->recipients, "recipients", say, size) &&
	    are_addresses(&conf->bcc, "bcc", say, size);
}

static const char *
find(const struct alias_conf *conf, const char *address)
{
	const char **e = NULL;

	if (conf->map.count > 0)
		e = bsearch(&address, conf->map.list, conf->map.count,
		    sizeof(*conf->map.list), compare);
	return e != NULL ? *e : NULL;
}

static enum verdict
on_mail(struct filter_call *fc)
{
	const struct alias_conf *conf = fc_conf(fc);

	if (conf->sender != NULL && !fc_set_sender(fc, conf->sender))
		return fc_unknown(fc, "%s is no address", conf->sender);
	return VERDICT_PASS;
}

/* The first takes the place of the recipient, and its answer counts. */
static bool
become(struct filter_call *fc, const char *address, bool first)
{
	return first ? fc_rewrite_recipient(fc, address)
		     : fc_add_recipient(fc, address);
}

static enum verdict
on_rcpt(struct filter_call *fc)
{
	const struct alias_conf *conf = fc_conf(fc);
	const struct address *rcpt = fc_recipient(fc);
	char address[ADDRESS_SIZE], buf[ADDRESS_PLAIN_SIZE];
	const char *name = address_plain(rcpt, buf, sizeof(buf)), *p;
	const char *entry = find(conf, name);
	size_t i;

	for (i = 0; i < conf->recipients.count; i++)
		if (!become(fc, conf->recipients.list[i], i == 0))
			return fc_unknown(
			    fc, "%s is no address", conf->recipients.list[i]);
	if (conf->recipients.count > 0)
		return VERDICT_PASS;
	if (entry == NULL && strchr(name, '@') != NULL)
		entry = find(conf, strrchr(name, '@'));
	if (entry == NULL)
		return VERDICT_PASS;
	for (i = 0, p = next_word(entry); *p != '\0'; p = next_word(p), i++) {
		snprintf(address, sizeof(address), "%.*s", (int)word_len(p), p);
		if (!become(fc, address, i == 0))
			return fc_unknown(fc, "%s is no address", address);
	}
	return VERDICT_PASS;
}

static enum verdict
on_message(struct filter_call *fc)
{
	const struct alias_conf *conf = fc_conf(fc);
	size_t i;

	for (i = 0; i < conf->bcc.count; i++)
		if (!fc_add_recipient(fc, conf->bcc.list[i]))
			return fc_unknown(
			    fc, "%s is no address", conf->bcc.list[i]);
	return VERDICT_PASS;
}

static const char *
warn(const void *arg, int64_t timeout)
{
	const struct alias_conf *conf = arg;

	(void)timeout;
	if (conf->map.count + conf->recipients.count + conf->bcc.count == 0 &&
	    conf->sender == NULL)
		return "it has nothing to do";
	if (conf->map.count > 0 && conf->recipients.count > 0)
		return "recipients leaves nothing to the map";
	return NULL;
}

const struct filter filter_alias = {
	.name = "alias",
	.summary = "other recipients, blind copies, another sender",
	.on = { [PHASE_MAIL] = on_mail,
	    [PHASE_RCPT] = on_rcpt,
	    [PHASE_MESSAGE] = on_message },
	.options = options,
	.conf_size = sizeof(struct alias_conf),
	.prepare = prepare,
	.warn = warn,
};
