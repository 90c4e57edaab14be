/*
 * The configuration file: libconfuse parses it, and its callbacks build a tree
 * of what was written, with lines.  Only this file knows libconfuse.
 */

#include "conf.h"

#include <confuse.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_tree.h"

#define TEXT_MAX ((size_t)16 * 1024 * 1024)
#define ARENA_BLOCK ((size_t)16 * 1024)

/* A hidden list in every section.  libconfuse parses its default value when a
 * section begins, which is the only call it makes there.  No file can set it:
 * conf_text.c refuses control characters. */
#define BEGIN_NAME "\001"

/* libconfuse's callbacks get no context, so here is who reads; NULL when
 * nobody does. */
static struct conf_reader *reading;

static char *read_file(struct conf_reader *, size_t *);
static bool parse(struct conf_reader *, const char *);
static cfg_opt_t *make_options(
    struct conf_reader *, const struct conf_section *);
static size_t add_options(cfg_opt_t *, size_t, const struct conf_section *);
static int on_begin(cfg_t *, cfg_opt_t *, const char *, void *);
static int on_value(cfg_t *, cfg_opt_t *, const char *, void *);
static void add_text(struct conf_reader *, struct conf_item *, const char *);
static int on_end(cfg_t *, cfg_opt_t *);
static void complain_twice(struct conf_reader *, const struct conf_item *, int);
static void on_error(cfg_t *, const char *, va_list)
    __attribute__((format(printf, 2, 0)));
static void report(struct conf_reader *, FILE *);
static void add_complaint(struct conf_reader *, int, bool, const char *,
    va_list) __attribute__((format(printf, 4, 0)));

struct config *
conf_load(const char *file, FILE *err)
{
	struct config *c = xcalloc(1, sizeof(*c));
	struct conf_reader r = { .config = c, .arena = &c->arena };
	size_t len = 0;
	char *text;

	arena_init(&c->arena, ARENA_BLOCK);
	STAILQ_INIT(&r.complaints);
	STAILQ_INIT(&r.root.items);
	STAILQ_INIT(&r.root.blocks);
	c->file = r.file = arena_strndup(r.arena, file, strlen(file));
	r.schema = conf_schema(r.arena);
	text = read_file(&r, &len);
	if (!r.failed)
		conf_clean(&r, text, len);
	if (!r.failed && parse(&r, text)) {
		conf_fill(&r);
		conf_check(&r);
	}
	report(&r, err);
	if (r.failed)
		conf_free(&c);
	return c;
}

void
conf_free(struct config **cp)
{
	struct config *c = *cp;
	size_t i;

	if (c == NULL)
		return;
	*cp = NULL;
	for (i = 0; i < c->tls_count; i++)
		tls_unload(&c->tls[i]);
	for (i = 0; i < c->backend_count; i++)
		link_tls_unload(&c->backends[i].tls);
	arena_free(&c->arena);
	free(c);
}

static char *
read_file(struct conf_reader *r, size_t *len_r)
{
	FILE *f = fopen(r->file, "r");
	char *text = NULL;
	size_t space = 0, n;

	*len_r = 0;
	if (f == NULL) {
		conf_complain(r, 0, "%s", strerror(errno));
		return NULL;
	}
	do {
		char *bigger;

		space = space == 0 ? 8192 : 2 * space;
		bigger = arena_alloc(r->arena, space + 1);
		if (*len_r > 0)
			memcpy(bigger, text, *len_r);
		text = bigger;
		n = fread(text + *len_r, 1, space - *len_r, f);
		*len_r += n;
	} while (*len_r == space && space < TEXT_MAX);
	if (ferror(f))
		conf_complain(r, 0, "%s", strerror(errno));
	else if (*len_r >= TEXT_MAX)
		conf_complain(r, 0, "the file is too large");
	fclose(f);
	text[*len_r] = '\0';
	return text;
}

/* False: what was written can not be made out. */
static bool
parse(struct conf_reader *r, const char *text)
{
	bool good;
	cfg_t *cfg;

	/* An empty text is an error for some fmemopen()s. */
	if (text[strspn(text, " \t\r\n")] == '\0')
		return true;
	r->block = &r->root;
	reading = r;
	cfg = cfg_init(make_options(r, r->schema), CFGF_NONE);
	if (cfg == NULL)
		abort(); /* no memory */
	cfg_set_error_function(cfg, on_error);
	good = cfg_parse_buf(cfg, text) == CFG_SUCCESS;
	if (!good && !r->failed)
		conf_complain(r, cfg->line, "syntax error");
	cfg_free(cfg);
	reading = NULL;
	return good;
}

/* Everything is a string for libconfuse; opt.c makes values of them. */
static cfg_opt_t *
make_options(struct conf_reader *r, const struct conf_section *s)
{
	/* libconfuse copies it, but wants it writable. */
	static const char begin_default[] = "{begin}";
	char *begin =
	    arena_strndup(r->arena, begin_default, sizeof(begin_default) - 1);
	const cfg_opt_t end = CFG_END();
	const cfg_opt_t first =
	    CFG_STR_LIST_CB(BEGIN_NAME, begin, CFGF_NONE, on_begin);
	const struct conf_section *sub;
	const struct opt *o;
	size_t i, n = 2;
	cfg_opt_t *list;

	for (i = 0; s->tables[i] != NULL; i++)
		for (o = s->tables[i]; o->name != NULL; o++)
			n++;
	for (sub = s->sections; sub != NULL && sub->name != NULL; sub++)
		n++;
	list = arena_alloc(r->arena, n * sizeof(*list));
	n = 0;
	if (s != r->schema)
		list[n++] = first;
	n = add_options(list, n, s);
	for (sub = s->sections; sub != NULL && sub->name != NULL; sub++) {
		const cfg_opt_t sec = CFG_SEC(sub->name, make_options(r, sub),
		    CFGF_MULTI | (sub->titled ? CFGF_TITLE : CFGF_NONE));

		list[n] = sec;
		list[n++].validcb = on_end;
	}
	list[n] = end;
	return list;
}

/* Two protocols may have an option of the same name. */
static size_t
add_options(cfg_opt_t *list, size_t n, const struct conf_section *s)
{
	const struct opt *o;
	size_t i, k;

	for (i = 0; s->tables[i] != NULL; i++)
		for (o = s->tables[i]; o->name != NULL; o++) {
			const cfg_opt_t one = CFG_STR_CB(o->name, NULL,
			    CFGF_NODEFAULT |
				(opt_is_list(o) ? CFGF_LIST : CFGF_NONE),
			    on_value);

			for (k = 0; k < n; k++)
				if (strcmp(list[k].name, o->name) == 0)
					break;
			if (k == n)
				list[n++] = one;
		}
	return n;
}

static int
on_begin(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct conf_reader *r = reading;
	struct conf_block *b = arena_alloc(r->arena, sizeof(*b));

	(void)opt;
	STAILQ_INIT(&b->items);
	STAILQ_INIT(&b->blocks);
	b->parent = r->block;
	b->type = arena_strndup(r->arena, cfg->name, strlen(cfg->name));
	if (cfg->title != NULL)
		b->title =
		    arena_strndup(r->arena, cfg->title, strlen(cfg->title));
	b->line = cfg->line;
	STAILQ_INSERT_TAIL(&r->block->blocks, b, entry);
	r->block = b;
	*(const char **)result = value;
	return 0;
}

static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct conf_reader *r = reading;
	struct conf_item *it = conf_item(r->block, opt->name);
	const unsigned char *p;

	for (p = (const unsigned char *)value; *p != '\0'; p++)
		if (*p < ' ' || *p == 0x7f) {
			conf_complain(r, cfg->line,
			    "control character in the value of '%s'",
			    opt->name);
			return -1;
		}
	if (it == NULL) {
		it = arena_alloc(r->arena, sizeof(*it));
		it->name =
		    arena_strndup(r->arena, opt->name, strlen(opt->name));
		it->line = cfg->line;
		STAILQ_INSERT_TAIL(&r->block->items, it, entry);
		add_text(r, it, value);
	} else if (cfg_opt_size(opt) == 1) {
		/* A list's first value is its only one again after "=". */
		complain_twice(r, it, cfg->line);
	} else {
		add_text(r, it, value);
	}
	*(const char **)result = value;
	return 0;
}

static void
add_text(struct conf_reader *r, struct conf_item *it, const char *text)
{
	const char **more;

	if ((it->count & (it->count - 1)) == 0) { /* full, or nothing yet */
		more = arena_alloc(r->arena,
		    (it->count == 0 ? 1 : 2 * it->count) * sizeof(*more));
		if (it->count > 0)
			memcpy(more, it->texts, it->count * sizeof(*more));
		it->texts = more;
	}
	it->texts[it->count++] = arena_strndup(r->arena, text, strlen(text));
}

/* A section is closed.  An empty list calls nobody, so that it took values
 * away is only seen now. */
static int
on_end(cfg_t *cfg, cfg_opt_t *opt)
{
	struct conf_reader *r = reading;
	struct conf_block *b = r->block;
	cfg_t *sec = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const struct conf_item *it;

	STAILQ_FOREACH (it, &b->items, entry)
		if (sec != NULL && cfg_size(sec, it->name) < it->count)
			complain_twice(r, it, cfg->line);
	r->block = b->parent;
	return 0;
}

static void
complain_twice(struct conf_reader *r, const struct conf_item *it, int line)
{
	conf_complain(r, line, "option '%s' is given twice, first in line %d",
	    it->name, it->line);
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct conf_reader *r = reading;
	char text[200];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (strncmp(fmt, "no such option", strlen("no such option")) != 0)
		conf_complain(r, cfg->line, "%s", text);
	else if (r->block == &r->root)
		conf_complain(r, cfg->line, "unknown section or option %s",
		    text + strlen("no such option "));
	else if (r->block->title == NULL)
		conf_complain(r, cfg->line, "unknown option %s in %s",
		    text + strlen("no such option "), r->block->type);
	else
		conf_complain(r, cfg->line, "unknown option %s in %s '%s'",
		    text + strlen("no such option "), r->block->type,
		    r->block->title);
}

void
conf_complain(struct conf_reader *r, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_complaint(r, line, false, fmt, ap);
	va_end(ap);
	r->failed = true;
}

void
conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_complaint(r, line, true, fmt, ap);
	va_end(ap);
}

/* Kept in the order of the lines. */
static void
add_complaint(
    struct conf_reader *r, int line, bool warning, const char *fmt, va_list ap)
{
	struct conf_complaint *new, *c, *before = NULL;
	char text[600];

	vsnprintf(text, sizeof(text), fmt, ap);
	STAILQ_FOREACH (c, &r->complaints, entry) {
		if (c->line == line && strcmp(c->text, text) == 0)
			return;
		if (c->line <= line)
			before = c;
	}
	new = arena_alloc(r->arena, sizeof(*new));
	new->line = line;
	new->warning = warning;
	new->text = arena_strndup(r->arena, text, strlen(text));
	if (before == NULL)
		STAILQ_INSERT_HEAD(&r->complaints, new, entry);
	else
		STAILQ_INSERT_AFTER(&r->complaints, before, new, entry);
}

void
conf_needs(
    struct conf_reader *r, const struct conf_block *b, const char *option)
{
	if (b->title == NULL)
		conf_complain(r, b->line, "%s needs '%s'", b->type, option);
	else
		conf_complain(r, b->line, "%s '%s' needs '%s'", b->type,
		    b->title, option);
}

static void
report(struct conf_reader *r, FILE *err)
{
	const struct conf_complaint *c;

	STAILQ_FOREACH (c, &r->complaints, entry) {
		fprintf(err, "%s:", r->file);
		if (c->line > 0)
			fprintf(err, "%d:", c->line);
		fprintf(err, "%s %s\n", c->warning ? " warning:" : "", c->text);
	}
}

struct conf_item *
conf_item(const struct conf_block *b, const char *name)
{
	struct conf_item *it;

	STAILQ_FOREACH (it, &b->items, entry)
		if (strcmp(it->name, name) == 0)
			return it;
	return NULL;
}

int
conf_line(const struct conf_block *b, const char *name)
{
	const struct conf_item *it = conf_item(b, name);

	return it != NULL ? it->line : b->line;
}

const struct conf_block *
conf_next(const struct conf_block *parent, const char *type,
    const struct conf_block *prev)
{
	const struct conf_block *b;

	b = prev == NULL ? STAILQ_FIRST(&parent->blocks)
			 : STAILQ_NEXT(prev, entry);
	while (b != NULL && strcmp(b->type, type) != 0)
		b = STAILQ_NEXT(b, entry);
	return b;
}
