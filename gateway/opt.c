/*
 * Texts to values.  One function per type; what they have in common is struct
 * place: where the value goes, and where the reason goes when it can not.
 */

#include "opt.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "mem.h"
#include "opt_items.h"
#include "opt_rate.h"

#define DEF_ITEMS_MAX 16 /* of a list in a table's default */
#define DEF_TEXT_MAX 256
#define LIMIT_TEXT_MAX 32

struct place {
	const struct opt *o;
	void *value;
	struct arena *arena;
	const char *const *texts;
	size_t count;
	char *err;
	size_t err_size;
};

struct unit {
	const char *name;
	int64_t factor; /* the largest first */
};
static const struct unit duration_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};
static const struct unit size_units[] = {
	{ "G", INT64_C(1) << 30 },
	{ "M", 1 << 20 },
	{ "K", 1 << 10 },
};

static int set_bool(const struct place *);
static int set_number(const struct place *);
static int set_size(const struct place *);
static int set_duration(const struct place *);
static int set_string(const struct place *);
static int set_path(const struct place *);
static int set_choice(const struct place *);
static int set_list(const struct place *);
static int set_nets(const struct place *);
static int set_address(const struct place *);
static int set_addresses(const struct place *);
static int set_rate(const struct place *);

static const struct {
	const char *name;
	int (*set)(const struct place *);
	size_t size; /* of the value */
	bool is_list;
} types[] = {
	[OPT_BOOL] = { "yes/no", set_bool, sizeof(bool), false },
	[OPT_NUMBER] = { "number", set_number, sizeof(int64_t), false },
	[OPT_SIZE] = { "size", set_size, sizeof(int64_t), false },
	[OPT_DURATION] = { "duration", set_duration, sizeof(int64_t), false },
	[OPT_STRING] = { "string", set_string, sizeof(char *), false },
	[OPT_PATH] = { "path", set_path, sizeof(char *), false },
	[OPT_CHOICE] = { "choice", set_choice, sizeof(int), false },
	[OPT_LIST] = { "list", set_list, sizeof(struct opt_list), true },
	[OPT_NETS] = { "networks", set_nets, sizeof(struct net_list), true },
	[OPT_ADDRESS] = { "address", set_address, sizeof(struct net_addr),
	    false },
	[OPT_ADDRESSES] = { "addresses", set_addresses,
	    sizeof(struct opt_addrs), true },
	[OPT_RATE] = { "rate", set_rate, sizeof(struct opt_rate), false },
};

static size_t split(char *, const char **);
static int fail(const struct place *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
static int parse_digits(const char *, int64_t *, const char **);
static int multiply(
    const struct place *, int64_t *, const char *, const struct unit *, size_t);
static int check_range(
    const struct place *, int64_t, const struct unit *, size_t);
static const char *readable(int64_t, const struct unit *, size_t, char *);
static int collect(const struct place *, struct opt_items *);

void
opt_defaults(const struct opt *table, void *conf, struct arena *a)
{
	const char *texts[DEF_ITEMS_MAX];
	char buf[DEF_TEXT_MAX], err[DEF_TEXT_MAX];
	const struct opt *o;
	size_t count, len;
	int rc;

	for (o = table; o->name != NULL; o++) {
		memset((char *)conf + o->offset, 0, types[o->type].size);
		if (o->def == NULL)
			continue;
		len = compat_strlcpy(buf, o->def, sizeof(buf));
		assert(len < sizeof(buf));
		texts[0] = buf;
		count = opt_is_list(o) ? split(buf, texts) : 1;
		rc = opt_set(o, conf, a, texts, count, err, sizeof(err));
		assert(rc == 0);
		(void)rc;
		(void)len;
	}
}

/* The default of a list: items between blanks or commas. */
static size_t
split(char *text, const char **items)
{
	static const char between[] = " ,";
	size_t count = 0;

	for (text += strspn(text, between); *text != '\0';
	     text += strspn(text, between)) {
		assert(count < DEF_ITEMS_MAX);
		items[count++] = text;
		text += strcspn(text, between);
		if (*text != '\0')
			*text++ = '\0';
	}
	return count;
}

const struct opt *
opt_find(const struct opt *table, const char *name)
{
	const struct opt *o;

	for (o = table; o->name != NULL; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

int
opt_set(const struct opt *o, void *conf, struct arena *a,
    const char *const *texts, size_t count, char *err, size_t err_size)
{
	struct place p = {
		.o = o,
		.value = (char *)conf + o->offset,
		.arena = a,
		.texts = texts,
		.count = count,
		.err = err,
		.err_size = err_size,
	};

	if (!opt_is_list(o) && count != 1)
		return fail(&p, "takes one value, not %zu", count);
	return types[o->type].set(&p);
}

bool
opt_is_list(const struct opt *o)
{
	return types[o->type].is_list;
}

const char *
opt_type_name(enum opt_type type)
{
	return types[type].name;
}

static int
fail(const struct place *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, p->err_size, fmt, ap);
	va_end(ap);
	return -1;
}

static int
set_bool(const struct place *p)
{
	static const char *const words[] = { "no", "yes", "false", "true",
		"off", "on" };
	size_t i;

	for (i = 0; i < nitems(words); i++) {
		if (strcmp(p->texts[0], words[i]) == 0) {
			*(bool *)p->value = i % 2 == 1;
			return 0;
		}
	}
	return fail(p, "must be yes or no, not \"%s\"", p->texts[0]);
}

static int
set_number(const struct place *p)
{
	const char *text = p->texts[0], *rest;
	bool negative = text[0] == '-';
	int64_t v;
	int rc = parse_digits(negative ? text + 1 : text, &v, &rest);

	if (rc == -1 && errno == ERANGE)
		return fail(p, "is too large: \"%s\"", text);
	if (rc == -1 || *rest != '\0')
		return fail(p, "must be a number, not \"%s\"", text);
	if (negative)
		v = -v;
	if (check_range(p, v, NULL, 0) == -1)
		return -1;
	*(int64_t *)p->value = v;
	return 0;
}

static int
set_size(const struct place *p)
{
	const char *text = p->texts[0], *rest;
	int64_t v;
	int rc = parse_digits(text, &v, &rest);

	if (rc == -1 && errno == ERANGE)
		return fail(p, "is too large: \"%s\"", text);
	if (rc == -1)
		return fail(
		    p, "must be a size like 10K, 50M or 1G, not \"%s\"", text);
	if (*rest != '\0' &&
	    multiply(p, &v, rest, size_units, nitems(size_units)) == -1)
		return -1;
	if (check_range(p, v, size_units, nitems(size_units)) == -1)
		return -1;
	*(int64_t *)p->value = v;
	return 0;
}

static int
set_duration(const struct place *p)
{
	const char *text = p->texts[0], *rest;
	size_t units = nitems(duration_units);
	int64_t v;
	int rc = parse_digits(text, &v, &rest);

	if (rc == -1 && errno == ERANGE)
		return fail(p, "is too large: \"%s\"", text);
	if (rc == -1)
		return fail(p,
		    "must be a duration like 500ms, 10s or 5m, "
		    "not \"%s\"",
		    text);
	if (*rest == '\0' && v != 0)
		return fail(p, "needs a unit (ms s m h d): \"%s\"", text);
	if (*rest != '\0' && multiply(p, &v, rest, duration_units, units) == -1)
		return -1;
	if (check_range(p, v, duration_units, units) == -1)
		return -1;
	*(int64_t *)p->value = v;
	return 0;
}

/* -1 with ERANGE or EINVAL. */
static int
parse_digits(const char *s, int64_t *v_r, const char **rest_r)
{
	int64_t v = 0;

	errno = EINVAL;
	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (INT64_MAX - (*s - '0')) / 10) {
			errno = ERANGE;
			return -1;
		}
		v = v * 10 + (*s - '0');
	}
	*v_r = v;
	*rest_r = s;
	return 0;
}

static int
multiply(const struct place *p, int64_t *v, const char *name,
    const struct unit *units, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(name, units[i].name) != 0)
			continue;
		if (*v > INT64_MAX / units[i].factor)
			return fail(p, "is too large: \"%s\"", p->texts[0]);
		*v *= units[i].factor;
		return 0;
	}
	return fail(p, "has an unknown unit \"%s\" (there are %s): \"%s\"",
	    name, units == size_units ? "K M G" : "ms s m h d", p->texts[0]);
}

static int
check_range(
    const struct place *p, int64_t v, const struct unit *units, size_t count)
{
	const struct opt *o = p->o;
	char min[LIMIT_TEXT_MAX], max[LIMIT_TEXT_MAX];
	bool any_max = o->max < o->min || o->max == INT64_MAX;

	if ((o->min == 0 && o->max == 0) ||
	    (v >= o->min && (any_max || v <= o->max)))
		return 0;
	readable(o->min, units, count, min);
	readable(o->max, units, count, max);
	if (any_max)
		return fail(p, "must be at least %s, not %s", min, p->texts[0]);
	return fail(
	    p, "must be between %s and %s, not %s", min, max, p->texts[0]);
}

/* In the largest unit without a remainder. */
static const char *
readable(int64_t v, const struct unit *units, size_t count, char *buf)
{
	const char *name = "";
	size_t i;

	for (i = 0; i < count && v != 0; i++) {
		if (v % units[i].factor == 0) {
			v /= units[i].factor;
			name = units[i].name;
			break;
		}
	}
	snprintf(buf, LIMIT_TEXT_MAX, "%lld%s", (long long)v, name);
	return buf;
}

static int
set_string(const struct place *p)
{
	const char *text = p->texts[0];
	char *plain;

	if (!opt_is_clean(text))
		return fail(p, "must not contain control characters");
	plain = opt_items_plain(text, p->o->domains_from);
	if (plain == NULL)
		return fail(p, "\"%s\" has no valid domain", text);
	*(const char **)p->value =
	    arena_strndup(p->arena, plain, strlen(plain));
	free(plain);
	return 0;
}

static int
set_path(const struct place *p)
{
	if (p->texts[0][0] == '\0')
		return fail(p, "must not be empty");
	return set_string(p);
}

static int
set_choice(const struct place *p)
{
	char known[DEF_TEXT_MAX] = "";
	size_t len = 0;
	int i;

	for (i = 0; p->o->values[i] != NULL; i++) {
		if (strcmp(p->texts[0], p->o->values[i]) == 0) {
			*(int *)p->value = i;
			return 0;
		}
		if (len < sizeof(known))
			len +=
			    (size_t)snprintf(known + len, sizeof(known) - len,
				"%s%s", i > 0 ? ", " : "", p->o->values[i]);
	}
	return fail(p, "must be one of: %s; not \"%s\"", known, p->texts[0]);
}

static int
set_list(const struct place *p)
{
	struct opt_list *l = p->value;
	struct opt_items items;
	size_t i;

	if (collect(p, &items) == -1)
		return -1;
	l->count = items.count;
	l->list = arena_alloc(p->arena, items.count * sizeof(*l->list));
	for (i = 0; i < items.count; i++)
		l->list[i] = arena_strndup(
		    p->arena, items.list[i], strlen(items.list[i]));
	opt_items_free(&items);
	return 0;
}

static int
set_nets(const struct place *p)
{
	struct net_list *l = p->value;
	struct net_prefix *list;
	struct opt_items items;
	const char *err;
	size_t i;
	int rc = 0;

	if (collect(p, &items) == -1)
		return -1;
	list = arena_alloc(p->arena, items.count * sizeof(*list));
	for (i = 0; i < items.count && rc == 0; i++)
		if (net_prefix_parse(items.list[i], &list[i], &err) == -1)
			rc = fail(p, "\"%s\": %s", items.list[i], err);
	if (rc == 0) {
		l->list = list;
		l->count = items.count;
		net_list_sort(l);
	}
	opt_items_free(&items);
	return rc;
}

static int
set_address(const struct place *p)
{
	struct net_addr a;
	const char *err;

	if (net_parse(p->texts[0], &a, &err) == -1)
		return fail(p, "\"%s\": %s", p->texts[0], err);
	*(struct net_addr *)p->value = a;
	return 0;
}

static int
set_addresses(const struct place *p)
{
	struct opt_addrs *l = p->value;
	struct net_addr *list;
	struct opt_items items;
	const char *err;
	size_t i;
	int rc = 0;

	if (collect(p, &items) == -1)
		return -1;
	list = arena_alloc(p->arena, items.count * sizeof(*list));
	for (i = 0; i < items.count && rc == 0; i++)
		if (net_parse(items.list[i], &list[i], &err) == -1)
			rc = fail(p, "\"%s\": %s", items.list[i], err);
	if (rc == 0) {
		l->list = list;
		l->count = items.count;
	}
	opt_items_free(&items);
	return rc;
}

static int
set_rate(const struct place *p)
{
	return opt_rate_parse(p->o, p->texts[0], p->value, p->err, p->err_size);
}

static int
collect(const struct place *p, struct opt_items *items)
{
	size_t i;
	int rc = 0;

	memset(items, 0, sizeof(*items));
	items->domains_from = p->o->domains_from;
	for (i = 0; i < p->count && rc == 0; i++)
		rc = opt_items_add(items, p->texts[i], p->err, p->err_size);
	if (rc == -1)
		opt_items_free(items);
	return rc;
}
