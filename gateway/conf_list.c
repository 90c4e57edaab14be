/*
 * What may be written into the configuration, and posternd -L.
 */

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "backend.h"
#include "compat.h"
#include "conf_tree.h"
#include "filter.h"

#define TABLES_MAX 64 /* of the backends' own options */

#define GLOBAL(field) offsetof(struct config, field)
static const struct opt global_options[] = {
	{ .name = "hostname",
	    .type = OPT_STRING,
	    .offset = GLOBAL(hostname),
	    .help = "our name in greetings and towards backends; default: the "
		    "machine's" },
	{ .name = "user",
	    .type = OPT_STRING,
	    .offset = GLOBAL(user),
	    .help = "whom workers and agent become when started by root" },
	{ .name = "chroot",
	    .type = OPT_PATH,
	    .offset = GLOBAL(chroot),
	    .help = "the root directory of workers, when started by root" },
	{ .name = "pid-file",
	    .type = OPT_PATH,
	    .offset = GLOBAL(pid_file),
	    .help = "for the number of the master process" },
	{ .name = "workers",
	    .type = OPT_NUMBER,
	    .offset = GLOBAL(workers),
	    .def = "0",
	    .min = 0,
	    .max = 256,
	    .help = "worker processes; 0: one per processor" },
	{ .name = "drain",
	    .type = OPT_DURATION,
	    .offset = GLOBAL(drain),
	    .def = "20s",
	    .min = 0,
	    .max = 3600000,
	    .help = "how long a stop waits for running sessions" },
	{ .name = NULL },
};

static const char *const log_targets[] = {
	[LOG_TO_STDERR] = "stderr",
	[LOG_TO_FILE] = "file",
	[LOG_TO_SYSLOG] = "syslog",
	NULL,
};
static const char *const log_levels[] = {
	[LEVEL_ERROR] = "error",
	[LEVEL_WARN] = "warn",
	[LEVEL_INFO] = "info",
	[LEVEL_DEBUG] = "debug",
	NULL,
};
static const char *const log_formats[] = {
	[LOG_LOGFMT] = "logfmt",
	[LOG_JSON] = "json",
	NULL,
};
static const char *const facility_names[] = { "mail", "daemon", "local0",
	"local1", "local2", "local3", "local4", "local5", "local6", "local7",
	NULL };
static const int facilities[] = { LOG_MAIL, LOG_DAEMON, LOG_LOCAL0, LOG_LOCAL1,
	LOG_LOCAL2, LOG_LOCAL3, LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6,
	LOG_LOCAL7 };

#define LOG(field) offsetof(struct log_conf, field)
static const struct opt log_options[] = {
	{ .name = "to",
	    .type = OPT_CHOICE,
	    .offset = LOG(to),
	    .def = "syslog",
	    .values = log_targets,
	    .help = "where lines go; with -d the default is stderr" },
	{ .name = "path",
	    .type = OPT_PATH,
	    .offset = LOG(path),
	    .help =
		"of the file; of the socket, if syslog's is an unusual one" },
	{ .name = "level",
	    .type = OPT_CHOICE,
	    .offset = LOG(level),
	    .def = "info",
	    .values = log_levels,
	    .help = "what is logged: this and what is more important" },
	{ .name = "format",
	    .type = OPT_CHOICE,
	    .offset = LOG(format),
	    .def = "logfmt",
	    .values = log_formats,
	    .help = "of the lines" },
	{ .name = "facility",
	    .type = OPT_CHOICE,
	    .offset = LOG(facility),
	    .def = "mail",
	    .values = facility_names,
	    .help = "of syslog" },
	{ .name = "all-sessions",
	    .type = OPT_BOOL,
	    .offset = LOG(sessions),
	    .def = "no",
	    .help = "a record of each session, not only of those that failed" },
	{ .name = NULL },
};

static const struct opt admin_options[] = {
	{ .name = "control",
	    .type = OPT_PATH,
	    .offset = offsetof(struct admin_conf, control),
	    .help = "where posternctl finds posternd: a socket, in a directory "
		    "that only its owner can write to" },
	{ .name = NULL },
};

static const struct opt *const global_tables[] = { global_options, NULL };
static const struct opt *const log_tables[] = { log_options, NULL };
static const struct opt *const limits_tables[] = { limits_options,
	limits_all_options, NULL };
static const struct opt *const listen_limits_tables[] = { limits_options,
	NULL };
static const struct opt *const resolver_tables[] = { dns_options, NULL };
static const struct opt *const admin_tables[] = { admin_options, NULL };
static const struct opt *const spool_tables[] = { spool_options, NULL };
static const struct opt *const tls_tables[] = { tls_options, NULL };
static const struct opt *const listen_tables[] = { listener_options, NULL };
static const struct opt *const route_tables[] = { route_options, NULL };
static const struct opt *const server_tables[] = { server_options, NULL };
static const struct opt *const pool_tables[] = { pool_options, NULL };
static const struct opt *const check_tables[] = { check_options, NULL };
static const struct opt *const link_tls_tables[] = { link_tls_options, NULL };
static const struct opt *const link_auth_tables[] = { link_auth_options, NULL };

static const struct conf_section backend_sections[] = {
	{ .name = "server",
	    .titled = true,
	    .summary = "a server of the backend",
	    .tables = server_tables },
	{ .name = "pool",
	    .summary = "connections kept to the backend's servers",
	    .tables = pool_tables },
	{ .name = "check",
	    .summary = "asking the servers now and then whether they are up",
	    .tables = check_tables },
	{ .name = "tls",
	    .summary = "TLS towards the backend's servers",
	    .tables = link_tls_tables },
	{ .name = "auth",
	    .summary = "who we are for the backend's servers",
	    .tables = link_auth_tables },
	{ .name = NULL },
};

static const struct conf_section listen_sections[] = {
	{ .name = "limits",
	    .summary = "limits of its own; what is not here is as in limits",
	    .tables = listen_limits_tables },
	{ .name = NULL },
};

static const struct conf_section fixed_sections[] = {
	{ .name = "log", .summary = "the log", .tables = log_tables },
	{ .name = "limits", .summary = "limits", .tables = limits_tables },
	{ .name = "spool",
	    .summary = "where messages are kept while they come in",
	    .tables = spool_tables },
	{ .name = "resolver",
	    .summary = "how the DNS is asked",
	    .tables = resolver_tables },
	{ .name = "admin",
	    .summary = "the control socket",
	    .tables = admin_tables },
	{ .name = "tls",
	    .titled = true,
	    .summary = "certificates and policy of TLS, used by listeners",
	    .tables = tls_tables },
	{ .name = "listen",
	    .titled = true,
	    .summary = "where clients connect to",
	    .tables = listen_tables,
	    .sections = listen_sections },
	{ .name = "route",
	    .titled = true,
	    .summary =
		"which recipients go to which backend; the first one that "
		"matches takes them",
	    .tables = route_tables },
	{ .name = "backend",
	    .titled = true,
	    .summary = "where mail is delivered to",
	    .sections = backend_sections }, /* its tables: backend_tables() */
};

static const struct opt *const *backend_tables(struct arena *);
static const struct opt *protocol_option(struct arena *);
static void list_section(
    FILE *, const struct conf_section *, const char *, const char *);
static void list_table(FILE *, const struct opt *, const char *);
static void list_protocols(FILE *);

const struct conf_section *
conf_schema(struct arena *a)
{
	size_t i, n = nitems(fixed_sections), count = 0;
	struct conf_section *root, *list;

	while (filters[count] != NULL)
		count++;
	list = arena_alloc(a, (n + count + 1) * sizeof(*list));
	memcpy(list, fixed_sections, sizeof(fixed_sections));
	list[n - 1].tables = backend_tables(a);
	for (i = 0; i < count; i++) {
		const struct opt **tables = arena_alloc(a, 3 * sizeof(*tables));

		tables[0] = chain_options;
		tables[1] = filters[i]->options;
		list[n].name = filters[i]->name;
		list[n].titled = true;
		list[n].summary = filters[i]->summary;
		list[n++].tables = tables;
	}
	root = arena_alloc(a, sizeof(*root));
	root->name = "";
	root->tables = global_tables;
	root->sections = list;
	return root;
}

/* The options of all protocols; conf_fill.c refuses those of another one. */
static const struct opt *const *
backend_tables(struct arena *a)
{
	const struct opt **tables =
	    arena_alloc(a, TABLES_MAX * sizeof(*tables));
	size_t i, n = 0;

	tables[n++] = protocol_option(a);
	tables[n++] = backend_options;
	for (i = 0; backends[i] != NULL && n < TABLES_MAX - 1; i++)
		if (backends[i]->options != NULL)
			tables[n++] = backends[i]->options;
	return tables;
}

static const struct opt *
protocol_option(struct arena *a)
{
	struct opt *o = arena_alloc(a, 2 * sizeof(*o));
	size_t i, n = 0;
	const char **names;

	while (backends[n] != NULL)
		n++;
	names = arena_alloc(a, (n + 1) * sizeof(*names));
	for (i = 0; i < n; i++)
		names[i] = backends[i]->name;
	o->name = "protocol";
	o->type = OPT_CHOICE;
	o->offset = offsetof(struct backend_conf, protocol);
	o->values = names;
	o->required = true;
	o->help = "how its servers are spoken to";
	return o;
}

int
conf_facility(int index)
{
	return facilities[index];
}

const struct filter *
conf_filter_type(const struct conf_block *b)
{
	size_t i;

	for (i = 0; filters[i] != NULL; i++)
		if (strcmp(filters[i]->name, b->type) == 0)
			return filters[i];
	return NULL;
}

/* Lines about options have tabs, others have none. */
void
conf_list(FILE *out)
{
	const struct conf_section *root, *s;
	struct arena a;

	arena_init(&a, 4096);
	root = conf_schema(&a);
	list_section(out, root, "", "");
	for (s = root->sections; s->name != NULL; s++) {
		const struct conf_section *sub = s->sections;
		char above[80];

		snprintf(above, sizeof(above), "%s.", s->name);
		list_section(out, s, "", s->name);
		if (s->sections == backend_sections)
			list_protocols(out);
		for (; sub != NULL && sub->name != NULL; sub++)
			list_section(out, sub, above, sub->name);
	}
	fprintf(out, "\nfilter: options of every filter\n");
	list_table(out, chain_options, "filter.");
	arena_free(&a);
}

static void
list_section(FILE *out, const struct conf_section *s, const char *above,
    const char *name)
{
	char prefix[80];
	size_t i;

	snprintf(prefix, sizeof(prefix), "%s%s%s", above, name,
	    name[0] == '\0' ? "" : ".");
	if (s->summary != NULL)
		fprintf(out, "\n%s%s%s: %s\n", above, name,
		    s->titled ? " NAME" : "", s->summary);
	for (i = 0; s->tables[i] != NULL; i++)
		if (s->tables[i] != chain_options)
			list_table(out, s->tables[i], prefix);
}

static void
list_table(FILE *out, const struct opt *o, const char *prefix)
{
	size_t i;

	for (; o->name != NULL; o++) {
		fprintf(out, "%s%s\t%s\t%s\t%s", prefix, o->name,
		    opt_type_name(o->type), o->def != NULL ? o->def : "",
		    o->help);
		for (i = 0; o->values != NULL && o->values[i] != NULL; i++)
			fprintf(
			    out, "%s%s", i == 0 ? " (" : ", ", o->values[i]);
		if (i > 0)
			fputc(')', out);
		fputc('\n', out);
	}
}

static void
list_protocols(FILE *out)
{
	const struct opt *first, *o;
	size_t i;

	for (i = 0; backends[i] != NULL; i++) {
		fprintf(out, "protocol %s: %s", backends[i]->name,
		    backends[i]->summary);
		first = backends[i]->options;
		for (o = first; o != NULL && o->name != NULL; o++)
			fprintf(out, "%s%s", o == first ? " (" : ", ", o->name);
		if (o != first)
			fputc(')', out);
		fputc('\n', out);
	}
}
