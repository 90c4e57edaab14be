/*
 * Dates of header fields: see maildate.h.
 */

#include "maildate.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "compat.h"

#define YEAR_MIN 1900
#define DIGITS_MAX 4

static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const struct {
	const char *name;
	int hours;
} zones[] = {
	{ "UT", 0 },
	{ "GMT", 0 },
	{ "EST", -5 },
	{ "EDT", -4 },
	{ "CST", -6 },
	{ "CDT", -5 },
	{ "MST", -7 },
	{ "MDT", -6 },
	{ "PST", -8 },
	{ "PDT", -7 },
};

/* Blanks and comments, which nest.  False: a comment has no end. */
static bool
skip(const char **at)
{
	int depth = 0;

	for (;; (*at)++) {
		if (**at == '(')
			depth++;
		else if (**at == ')' && depth > 0)
			depth--;
		else if (**at == '\\' && depth > 0 && (*at)[1] != '\0')
			(*at)++;
		else if (**at == '\0')
			return depth == 0;
		else if (depth == 0 && **at != ' ' && **at != '\t')
			return true;
	}
}

/* A number of min to max digits. */
static bool
take_number(const char **at, size_t min, size_t max, int *value_r)
{
	size_t n;

	*value_r = 0;
	for (n = 0; **at >= '0' && **at <= '9'; n++, (*at)++) {
		if (n == max)
			return false;
		*value_r = *value_r * 10 + (**at - '0');
	}
	return n >= min;
}

static size_t
letters(const char *s)
{
	size_t n = 0;

	while ((s[n] >= 'a' && s[n] <= 'z') || (s[n] >= 'A' && s[n] <= 'Z'))
		n++;
	return n;
}

/* The index of a word; -1: none of these. */
static int
take_word(const char **at, const char *const *words, size_t count)
{
	size_t n = letters(*at), i;

	for (i = 0; i < count; i++)
		if (strlen(words[i]) == n &&
		    strncasecmp(words[i], *at, n) == 0) {
			*at += n;
			return (int)i;
		}
	return -1;
}

static bool
take_char(const char **at, char c)
{
	if (!skip(at) || **at != c)
		return false;
	(*at)++;
	return skip(at);
}

/* Minutes east of Greenwich.  Unknown names are 0 (RFC 5322 4.3). */
static bool
take_zone(const char **at, int *minutes_r)
{
	bool west = **at == '-';
	size_t n, i;
	int v;

	*minutes_r = 0;
	if (west || **at == '+') {
		(*at)++;
		if (!take_number(at, 4, 4, &v) || v % 100 > 59)
			return false;
		*minutes_r = (v / 100 * 60 + v % 100) * (west ? -1 : 1);
		return true;
	}
	n = letters(*at);
	for (i = 0; i < nitems(zones); i++)
		if (strlen(zones[i].name) == n &&
		    strncasecmp(zones[i].name, *at, n) == 0)
			*minutes_r = zones[i].hours * 60;
	*at += n;
	return n > 0;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days since 1970, or false: there is no such day. */
static bool
day_number(int year, int month, int day, int64_t *days_r)
{
	static const int length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	int64_t y = year - 1, n;
	int i;

	if (day < 1 ||
	    day > length[month] + (month == 1 && is_leap(year) ? 1 : 0))
		return false;
	n = y * 365 + y / 4 - y / 100 + y / 400; /* since 1 January of 1 */
	for (i = 0; i < month; i++)
		n += length[i] + (i == 1 && is_leap(year) ? 1 : 0);
	*days_r = n + day - 1 - 719162;
	return true;
}

static bool
take_year(const char **at, int *year_r)
{
	const char *from = *at;

	if (!take_number(at, 2, DIGITS_MAX, year_r))
		return false;
	if (*at - from == 2)
		*year_r += *year_r < 50 ? 2000 : 1900;
	else if (*at - from == 3)
		*year_r += 1900;
	return *year_r >= YEAR_MIN;
}

static bool
take_date(const char **at, int64_t *days_r)
{
	int day, month, year;

	if (!skip(at))
		return false;
	if (letters(*at) > 0 &&
	    (take_word(at, days, nitems(days)) == -1 || !take_char(at, ',')))
		return false;
	if (!take_number(at, 1, 2, &day) || !skip(at))
		return false;
	month = take_word(at, months, nitems(months));
	return month != -1 && skip(at) && take_year(at, &year) && skip(at) &&
	    day_number(year, month, day, days_r);
}

static bool
take_time(const char **at, int *seconds_r)
{
	int hour, minute, second = 0;

	if (!take_number(at, 2, 2, &hour) || !take_char(at, ':') ||
	    !take_number(at, 2, 2, &minute) || !skip(at))
		return false;
	if (**at == ':' &&
	    (!take_char(at, ':') || !take_number(at, 2, 2, &second) ||
		!skip(at)))
		return false;
	*seconds_r = hour * 3600 + minute * 60 + second;
	return hour < 24 && minute < 60 && second <= 60;
}

bool
maildate_parse(const char *value, int64_t *seconds_r)
{
	int64_t day;
	int second, zone;

	if (!take_date(&value, &day) || !take_time(&value, &second) ||
	    !take_zone(&value, &zone) || !skip(&value) || *value != '\0')
		return false;
	*seconds_r = day * 86400 + second - zone * 60;
	return true;
}

/* strftime() would ask the locale. */
void
maildate_format(char *buf, size_t size, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(buf, size, "%s, %d %s %d %02d:%02d:%02d +0000",
	    days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}
