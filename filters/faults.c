/*
 * Lists of faults: see faults.h.
 */

#include "filters/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 1000

/* The index of a name; -1: there is none. */
static int
find(const struct fault *table, const char *name, size_t len)
{
	int i;

	for (i = 0; table[i].name != NULL; i++)
		if (strncmp(table[i].name, name, len) == 0 &&
		    table[i].name[len] == '\0')
			return i;
	return -1;
}

static bool
refuse(const struct fault *table, const char *option, const char *item,
    char *say, size_t size)
{
	int n = snprintf(say, size, "%s: \"%.60s\" is none of:", option, item);

	for (; table->name != NULL && n >= 0 && (size_t)n < size; table++)
		n += snprintf(say + n, size - (size_t)n, " %s", table->name);
	return false;
}

static bool
make_set(const struct opt_list *list, const struct fault *table,
    const char *option, unsigned *set, char *say, size_t size)
{
	size_t i;
	int at;

	for (i = 0; i < list->count; i++) {
		at = find(table, list->list[i], strlen(list->list[i]));
		if (at == -1)
			return refuse(table, option, list->list[i], say, size);
		*set |= 1u << at;
	}
	return true;
}

static bool
make_points(
    struct faults_conf *conf, const struct fault *table, char *say, size_t size)
{
	const char *item, *colon;
	unsigned long points;
	char *end;
	size_t i;
	int at;

	for (i = 0; i < conf->karma.count; i++) {
		item = conf->karma.list[i];
		colon = item + strcspn(item, ":");
		at = find(table, item, (size_t)(colon - item));
		if (at == -1)
			return refuse(table, "karma", item, say, size);
		points = 1;
		if (*colon != '\0') {
			points = strtoul(colon + 1, &end, 10);
			if (colon[1] < '1' || colon[1] > '9' || *end != '\0' ||
			    points > POINTS_MAX) {
				snprintf(say, size,
				    "karma: \"%.60s\": points are a number "
				    "from 1 to %d",
				    item, POINTS_MAX);
				return false;
			}
		}
		conf->points[at] = (unsigned)points;
		conf->tested |= 1u << at;
	}
	return true;
}

bool
faults_prepare(
    struct faults_conf *conf, const struct fault *table, char *say, size_t size)
{
	if (!make_set(&conf->deny, table, "deny", &conf->denied, say, size) ||
	    !make_set(&conf->flag, table, "flag", &conf->flagged, say, size) ||
	    !make_points(conf, table, say, size))
		return false;
	conf->tested |= conf->denied | conf->flagged;
	return true;
}

enum verdict
faults_judge(struct filter_call *fc, const struct faults_conf *conf,
    const struct fault *table, unsigned found, unsigned *charged,
    const char *fact, int code)
{
	const struct fault *denied = NULL, *f;
	char list[300] = "";
	size_t at = 0;
	unsigned bit;
	int i;

	for (i = 0; table[i].name != NULL; i++) {
		f = &table[i];
		bit = 1u << i;
		if ((found & bit) == 0)
			continue;
		if (at < sizeof(list))
			at += (size_t)snprintf(list + at, sizeof(list) - at,
			    "%s%s", at > 0 ? "," : "", f->name);
		if (conf->flagged & bit)
			fc_set_flag(fc, f->flag);
		if (conf->points[i] > 0 &&
		    (charged == NULL || (*charged & bit) == 0))
			fc_add_karma(fc, -(double)conf->points[i], f->name);
		if (charged != NULL)
			*charged |= bit;
		if (denied == NULL && (conf->denied & bit) != 0)
			denied = f;
	}
	if (fact != NULL && (found != 0 || fc_fact(fc, fact) != NULL))
		fc_set_fact(fc, fact, list);
	if (denied == NULL)
		return VERDICT_PASS;
	return fc_reject(fc, code, denied->enhanced, "%s", denied->text);
}
