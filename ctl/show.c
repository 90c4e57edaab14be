/*
 * Answers as tables or as JSON: see show.h.
 */

#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "compat.h"
#include "log_record.h"
#include "mem.h"

#define COLUMNS_MAX 32

struct cell {
	char *text; /* owned */
	bool number;
};

struct row {
	STAILQ_ENTRY(row) entry;
	struct cell cells[COLUMNS_MAX];
};

struct show {
	enum control_command command;
	bool json;
	size_t rows;
	/* Of a table, which is printed at the end. */
	char *titles[COLUMNS_MAX]; /* owned */
	size_t columns;
	STAILQ_HEAD(, row) list;
	char *notes; /* owned */
	size_t notes_len;
	FILE *notes_out;
};

struct show *
show_new(enum control_command command, bool json)
{
	struct show *s = xcalloc(1, sizeof(*s));

	s->command = command;
	s->json = json;
	STAILQ_INIT(&s->list);
	s->notes_out = open_memstream(&s->notes, &s->notes_len);
	if (s->notes_out == NULL)
		abort(); /* no memory */
	return s;
}

static bool
is_list(const struct show *s)
{
	return s->command == CONTROL_SESSIONS || s->command == CONTROL_BACKENDS;
}

/* Times: "250ms", "12s", "3m05s", "2h07m", "4d03h"; "-": it was never else. */
static void
time_text(int64_t ms, char *buf, size_t size)
{
	long long s = (long long)ms / 1000;

	if (ms < 0)
		snprintf(buf, size, "-");
	else if (s == 0)
		snprintf(buf, size, "%lldms", (long long)ms);
	else if (s < 60)
		snprintf(buf, size, "%llds", s);
	else if (s < 3600)
		snprintf(buf, size, "%lldm%02llds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%lldh%02lldm", s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%lldd%02lldh", s / 86400, s / 3600 % 24);
}

/* Nothing that comes from a client may move a terminal's cursor. */
static char *
plain(const struct control_field *f)
{
	char buf[64], *text;
	size_t i;

	if (f->type == '~') {
		time_text(f->number, buf, sizeof(buf));
		return xstrdup(buf);
	}
	text = xmalloc(f->len + 1);
	for (i = 0; i < f->len; i++)
		text[i] =
		    f->value[i] < ' ' || f->value[i] > '~' ? '?' : f->value[i];
	text[f->len] = '\0';
	return text;
}

static void
put_json(struct record *r, const struct control_field *f)
{
	if (f->type == '=')
		record_add(r, f->key, f->value);
	else if (f->type == '~' && f->number < 0)
		record_add(r, f->key, "");
	else
		record_num(r, f->key, f->number);
}

static bool
row_as_json(struct show *s, const char *at, const char *end)
{
	struct control_field f;
	struct record r;
	int more;

	record_clear(&r, LOG_JSON, LEVEL_INFO);
	while ((more = control_field(&at, end, &f)) == 1)
		put_json(&r, &f);
	record_close(&r);
	if (is_list(s))
		fputs(s->rows == 0 ? "[" : ",\n ", stdout);
	fwrite(r.buf, 1, r.len, stdout);
	if (!is_list(s))
		putchar('\n');
	return more == 0;
}

/* A transcript is read while it goes on. */
static bool
row_as_line(const char *at, const char *end)
{
	struct control_field f;
	int more, n = 0;
	char *text;

	while ((more = control_field(&at, end, &f)) == 1) {
		text = plain(&f);
		printf("%s%s", n++ == 0 ? "" : " ", text);
		free(text);
	}
	putchar('\n');
	return more == 0;
}

/* One value a line. */
static bool
row_as_list(const char *at, const char *end)
{
	struct control_field f;
	char *text;
	int more;

	while ((more = control_field(&at, end, &f)) == 1) {
		text = plain(&f);
		printf("%-16s%s\n", f.key, *text == '\0' ? "-" : text);
		free(text);
	}
	return more == 0;
}

static bool
row_for_table(struct show *s, const char *at, const char *end)
{
	struct row *row = xcalloc(1, sizeof(*row));
	struct control_field f;
	size_t i = 0;
	int more;

	STAILQ_INSERT_TAIL(&s->list, row, entry);
	while ((more = control_field(&at, end, &f)) == 1) {
		if (i == COLUMNS_MAX)
			return false;
		if (i == s->columns)
			s->titles[s->columns++] = xstrdup(f.key);
		row->cells[i].number = f.type != '=';
		row->cells[i++].text = plain(&f);
	}
	return more == 0;
}

static bool
show_row(struct show *s, const char *at, const char *end)
{
	bool good;

	if (s->json)
		good = row_as_json(s, at, end);
	else if (s->command == CONTROL_TRANSCRIPT)
		good = row_as_line(at, end);
	else if (is_list(s))
		good = row_for_table(s, at, end);
	else
		good = row_as_list(at, end);
	s->rows++;
	if (s->command == CONTROL_TRANSCRIPT)
		fflush(stdout);
	return good;
}

static void
print_table(struct show *s)
{
	size_t width[COLUMNS_MAX], i, len;
	const struct row *row;
	const char *text;

	for (i = 0; i < s->columns; i++)
		width[i] = strlen(s->titles[i]);
	STAILQ_FOREACH (row, &s->list, entry)
		for (i = 0; i < s->columns; i++) {
			text = row->cells[i].text;
			len = text != NULL ? strlen(text) : 0;
			if (len > width[i])
				width[i] = len;
		}
	for (i = 0; i < s->columns; i++)
		printf("%-*s%s", i + 1 < s->columns ? (int)width[i] : 0,
		    s->titles[i], i + 1 < s->columns ? "  " : "\n");
	STAILQ_FOREACH (row, &s->list, entry)
		for (i = 0; i < s->columns; i++) {
			text = row->cells[i].text;
			if (text == NULL || *text == '\0')
				text = "-";
			printf(row->cells[i].number ? "%*s%s" : "%-*s%s",
			    i + 1 < s->columns || row->cells[i].number
				? (int)width[i]
				: 0,
			    text, i + 1 < s->columns ? "  " : "\n");
		}
}

/* What is in the last line, and the notes. */
static void
end_as_json(struct show *s, int code, const char *text)
{
	struct record r;

	if (is_list(s) && code == EX_OK) {
		puts(s->rows == 0 ? "[]" : "]");
		return;
	}
	if (is_list(s) && s->rows > 0)
		puts("]");
	if (code == EX_OK && s->rows > 0)
		return;
	record_clear(&r, LOG_JSON, LEVEL_INFO);
	record_num(&r, "code", code);
	record_add(&r, "text", text);
	if (s->notes_len > 0)
		record_add(&r, "notes", s->notes);
	record_close(&r);
	fwrite(r.buf, 1, r.len, stdout);
	putchar('\n');
}

static bool
show_last(struct show *s, const char *at, const char *end, int *code)
{
	struct control_field f;
	char *text = xstrdup("");
	int more;

	*code = EX_PROTOCOL;
	while ((more = control_field(&at, end, &f)) == 1) {
		if (f.type == '#' && strcmp(f.key, "code") == 0)
			*code = (int)(f.number & 0x7f);
		if (f.type == '=' && strcmp(f.key, "text") == 0) {
			free(text);
			text = plain(&f);
		}
	}
	fflush(s->notes_out);
	if (s->json)
		end_as_json(s, *code, text);
	else {
		if (is_list(s) && s->rows > 0)
			print_table(s);
		if (*text != '\0')
			fprintf(*code == EX_OK ? stdout : stderr, "%s%s\n",
			    *code == EX_OK ? "" : "posternctl: ", text);
	}
	free(text);
	return more == 0;
}

static bool
show_note(struct show *s, const char *at, const char *end)
{
	struct control_field f;
	char *text;
	int more;

	while ((more = control_field(&at, end, &f)) == 1) {
		text = plain(&f);
		fprintf(s->notes_out, "%s%s",
		    ftell(s->notes_out) > 0 ? "\n" : "", text);
		if (!s->json || is_list(s))
			fprintf(stderr, "%s\n", text);
		free(text);
	}
	return more == 0;
}

bool
show_line(
    struct show *s, const char *line, const char *end, bool *over, int *code)
{
	const char *at;

	switch (control_kind(line, end, &at)) {
	case CONTROL_ROW:
		return show_row(s, at, end);
	case CONTROL_NOTE:
		return show_note(s, at, end);
	case CONTROL_END:
		*over = true;
		return show_last(s, at, end, code);
	case CONTROL_STRANGE:
		break;
	}
	return false;
}

void
show_end(struct show **sp)
{
	struct show *s = *sp;
	struct row *row, *next;
	size_t i;

	*sp = NULL;
	STAILQ_FOREACH_SAFE (row, &s->list, entry, next) {
		for (i = 0; i < COLUMNS_MAX; i++)
			free(row->cells[i].text);
		free(row);
	}
	for (i = 0; i < s->columns; i++)
		free(s->titles[i]);
	fclose(s->notes_out);
	free(s->notes);
	free(s);
}
