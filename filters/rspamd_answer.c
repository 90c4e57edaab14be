/*
 * What rspamd says of a message: see rspamd_answer.h.
 */

#include "rspamd_answer.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

#define DEPTH_MAX 40
#define SYMBOLS_SIZE 1500
#define PLACE_MAX 1000000

static bool is_shallow(const char *, size_t);
static char *clean(const char *, size_t);
static const char *take(struct rspamd_answer *, const json_t *);
static const char *string(const json_t *, const char *);
static enum rspamd_action find_action(const char *);
static void put_symbols(struct rspamd_answer *, const json_t *);
static void take_milter(struct rspamd_answer *, const json_t *);
static void take_verdict(struct rspamd_answer *, const json_t *);
static void add_headers(struct rspamd_answer *, const json_t *);
static void add_header(struct rspamd_answer *, const char *, const json_t *);
static void remove_headers(struct rspamd_answer *, const json_t *);
static int64_t whole(const json_t *);
static void spam_header(struct rspamd_answer *, const json_t *);
static void each_string(
    struct rspamd_answer *, const json_t *, enum rspamd_edit_kind);
static struct rspamd_edit *edit(struct rspamd_answer *, enum rspamd_edit_kind);

const char *
rspamd_answer_parse(struct rspamd_answer *a, const char *text, size_t len)
{
	json_error_t error;
	json_t *root;
	char *copy;

	memset(a, 0, sizeof(*a));
	if (!is_shallow(text, len))
		return "the answer is nested too deeply";
	copy = clean(text, len);
	if (copy == NULL)
		return "no memory for the answer";
	root = json_loadb(copy, len, JSON_ALLOW_NUL, &error);
	free(copy);
	a->json = root;
	if (root == NULL || !json_is_object(root))
		return "the answer is not JSON";
	a->edits = calloc(RSPAMD_EDITS_MAX, sizeof(*a->edits));
	a->symbols = calloc(1, SYMBOLS_SIZE);
	if (a->edits == NULL || a->symbols == NULL)
		return "no memory for the answer";
	return take(a, root);
}

void
rspamd_answer_free(struct rspamd_answer *a)
{
	json_decref(a->json);
	free(a->edits);
	free(a->symbols);
	memset(a, 0, sizeof(*a));
}

/* A parser that calls itself for each [ and { must not be given too many. */
static bool
is_shallow(const char *text, size_t len)
{
	bool quoted = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\\' && quoted)
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (text[i] == '[' || text[i] == '{')
			depth++;
		else if (text[i] == ']' || text[i] == '}')
			depth--;
		if (depth > DEPTH_MAX)
			return false;
	}
	return true;
}

/* Texts of the message are in it, and those need not be UTF-8. */
static char *
clean(const char *text, size_t len)
{
	char *copy = malloc(len + 1);
	size_t i, n;

	if (copy == NULL)
		return NULL;
	for (i = 0; i < len; i += n) {
		n = utf8_len(text + i, len - i);
		if (n > 0)
			memcpy(copy + i, text + i, n);
		else
			copy[i] = '?';
		n += n == 0;
	}
	copy[len] = '\0';
	return copy;
}

static const char *
take(struct rspamd_answer *a, const json_t *root)
{
	const json_t *score = json_object_get(root, "score");

	a->action_name = string(root, "action");
	if (a->action_name == NULL || !json_is_number(score))
		return "the answer has no action or no score";
	a->action = find_action(a->action_name);
	a->score = json_number_value(score);
	a->required =
	    json_number_value(json_object_get(root, "required_score"));
	a->subject = string(root, "subject");
	a->text = string(json_object_get(root, "messages"), "smtp_message");
	put_symbols(a, json_object_get(root, "symbols"));
	take_milter(a, json_object_get(root, "milter"));
	take_verdict(a, json_object_get(root, "milter"));
	each_string(
	    a, json_object_get(root, "dkim-signature"), RSPAMD_SIGNATURE);
	return NULL;
}

static const char *
string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static enum rspamd_action
find_action(const char *name)
{
	static const char *const names[] = { [RSPAMD_NO_ACTION] = "no action",
		[RSPAMD_GREYLIST] = "greylist",
		[RSPAMD_ADD_HEADER] = "add header",
		[RSPAMD_REWRITE_SUBJECT] = "rewrite subject",
		[RSPAMD_SOFT_REJECT] = "soft reject",
		[RSPAMD_REJECT] = "reject",
		[RSPAMD_QUARANTINE] = "quarantine",
		[RSPAMD_DISCARD] = "discard" };
	int i;

	for (i = 0; i < RSPAMD_OTHER; i++)
		if (strcmp(names[i], name) == 0)
			return (enum rspamd_action)i;
	return RSPAMD_OTHER;
}

static void
put_symbols(struct rspamd_answer *a, const json_t *symbols)
{
	size_t at = 0;
	const char *key;
	json_t *value;
	double score;
	int n;

	/* (The library's iterators are not for const.) */
	json_object_foreach((json_t *)(uintptr_t)symbols, key, value)
	{
		score = json_number_value(json_object_get(value, "score"));
		n = snprintf(a->symbols + at, SYMBOLS_SIZE - at,
		    "%s%.100s(%.2f)", at > 0 ? "," : "", key, score);
		if (n < 0 || (size_t)n >= SYMBOLS_SIZE - at) {
			a->symbols[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}

/* First what goes, then what comes. */
static void
take_milter(struct rspamd_answer *a, const json_t *milter)
{
	remove_headers(a, json_object_get(milter, "remove_headers"));
	add_headers(a, json_object_get(milter, "add_headers"));
	spam_header(a, json_object_get(milter, "spam_header"));
	each_string(
	    a, json_object_get(milter, "change_from"), RSPAMD_CHANGE_FROM);
	each_string(a, json_object_get(milter, "add_rcpt"), RSPAMD_ADD_RCPT);
	each_string(a, json_object_get(milter, "del_rcpt"), RSPAMD_DEL_RCPT);
}

/* "no_action" leaves the action alone, not the edits; "reject" says what is to
 * be done instead of rejecting, and nothing about other actions: a rule may set
 * it for every message. */
static void
take_verdict(struct rspamd_answer *a, const json_t *milter)
{
	const char *instead = string(milter, "reject");

	if (json_is_true(json_object_get(milter, "no_action")))
		a->action = RSPAMD_NO_ACTION;
	if (a->action == RSPAMD_REJECT && instead != NULL &&
	    strcmp(instead, "quarantine") == 0)
		a->action = RSPAMD_QUARANTINE;
	if (a->action == RSPAMD_REJECT && instead != NULL &&
	    strcmp(instead, "discard") == 0)
		a->action = RSPAMD_DISCARD;
}

static void
add_headers(struct rspamd_answer *a, const json_t *headers)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		if (!json_is_array(value)) {
			add_header(a, name, value);
			continue;
		}
		json_array_foreach(value, i, item)
		{
			add_header(a, name, item);
		}
	}
}

static void
add_header(struct rspamd_answer *a, const char *name, const json_t *value)
{
	const json_t *order = json_object_get(value, "order");
	const json_t *place =
	    order != NULL ? order : json_object_get(value, "index");
	const char *text = json_is_object(value) ? string(value, "value")
						 : json_string_value(value);
	struct rspamd_edit *e;

	if (text == NULL || (e = edit(a, RSPAMD_INSERT_HEADER)) == NULL)
		return;
	e->name = name;
	e->value = text;
	e->number = json_is_number(place) ? whole(place) : -1;
}

static void
remove_headers(struct rspamd_answer *a, const json_t *headers)
{
	struct rspamd_edit *e;
	const char *name;
	json_t *value, *item;
	size_t i, n;

	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		n = json_is_array(value) ? json_array_size(value) : 1;
		for (i = 0; i < n; i++) {
			item = json_is_array(value) ? json_array_get(value, i)
						    : value;
			if (!json_is_number(item) ||
			    (e = edit(a, RSPAMD_REMOVE_HEADER)) == NULL)
				continue;
			e->name = name;
			e->number = whole(item);
		}
	}
}

/* A place in the header, which somebody may have written as 1e300. */
static int64_t
whole(const json_t *number)
{
	double d = json_number_value(number);

	return d >= PLACE_MAX ? PLACE_MAX
	    : d <= -PLACE_MAX ? -PLACE_MAX
			      : (int64_t)d;
}

/* What our field shall say, or names and their values. */
static void
spam_header(struct rspamd_answer *a, const json_t *header)
{
	struct rspamd_edit *e;
	const char *name;
	json_t *value;

	if (json_is_string(header) &&
	    (e = edit(a, RSPAMD_SPAM_HEADER)) != NULL) {
		e->name = NULL;
		e->value = json_string_value(header);
	}
	json_object_foreach((json_t *)(uintptr_t)header, name, value)
	{
		if (!json_is_string(value) ||
		    (e = edit(a, RSPAMD_SPAM_HEADER)) == NULL)
			continue;
		e->name = name;
		e->value = json_string_value(value);
	}
}

static void
each_string(
    struct rspamd_answer *a, const json_t *list, enum rspamd_edit_kind kind)
{
	size_t i, n = json_is_array(list) ? json_array_size(list) : 1;
	struct rspamd_edit *e;
	const char *text;

	for (i = 0; i < n; i++) {
		text = json_string_value(
		    json_is_array(list) ? json_array_get(list, i) : list);
		if (text != NULL && (e = edit(a, kind)) != NULL)
			e->value = text;
	}
}

static struct rspamd_edit *
edit(struct rspamd_answer *a, enum rspamd_edit_kind kind)
{
	struct rspamd_edit *e;

	if (a->count == RSPAMD_EDITS_MAX)
		return NULL;
	e = &a->edits[a->count++];
	e->kind = kind;
	return e;
}
