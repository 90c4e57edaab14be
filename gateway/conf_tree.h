#ifndef POSTERN_CONF_TREE_H
#define POSTERN_CONF_TREE_H

/*
 * Private to conf*.c: a configuration file as it was written, with the line of
 * each section and option; what may be written; and the list of complaints.
 * The way of a file:
 *
 *	conf_text.c	the text, without comments, fit for libconfuse
 *	conf.c		libconfuse makes a tree of it
 *	conf_fill.c	the tree becomes struct config, by the option tables
 *	conf_check.c	what the parts mean together
 *	conf_route.c	the same of routes
 */

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>

#include "conf.h"
#include "opt.h"

struct conf_item { /* an option as written */
	STAILQ_ENTRY(conf_item) entry;
	const char *name;
	int line;
	const char **texts;
	size_t count;
};

struct conf_block { /* a section as written */
	STAILQ_ENTRY(conf_block) entry;
	STAILQ_HEAD(conf_items, conf_item) items;
	STAILQ_HEAD(conf_blocks, conf_block) blocks;
	struct conf_block *parent;
	const char *type;
	const char *title; /* NULL: has none */
	int line;	   /* of its brace; 0 for the whole file */
};

struct conf_section {	  /* a section as it may be written */
	const char *name; /* NULL ends a table of sections */
	bool titled;	  /* has a title, and there may be many */
	const char *summary;
	const struct opt *const *tables; /* NULL at the end */
	const struct conf_section *sections;
};

struct conf_complaint {
	STAILQ_ENTRY(conf_complaint) entry;
	int line; /* 0: about the file as a whole */
	bool warning;
	const char *text;
};

struct conf_reader {
	const char *file;
	struct config *config;
	struct arena *arena; /* the configuration's */
	const struct conf_section *schema;
	struct conf_block root;
	struct conf_block *block; /* that is being parsed */
	STAILQ_HEAD(conf_complaints, conf_complaint) complaints;
	bool failed;
};

/* One mistake.  The same text is kept once per line. */
void conf_complain(struct conf_reader *r, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void conf_warn(struct conf_reader *r, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "listen 'mx' needs 'address'" */
void conf_needs(
    struct conf_reader *r, const struct conf_block *b, const char *option);

/* Blanks out comments, and complains of what libconfuse would swallow. */
void conf_clean(struct conf_reader *r, char *text, size_t len);

/* conf_link.c: the tls and auth sections of a backend, and what goes with
 * identify. */
void conf_check_link(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc);

/* All that may be written; the first and only element is the file. */
const struct conf_section *conf_schema(struct arena *a);
/* Index of a facility of log{} to its number. */
int conf_facility(int index);

void conf_fill(struct conf_reader *r);
void conf_check(struct conf_reader *r);
void conf_check_tls(struct conf_reader *r);
void conf_check_chroot(struct conf_reader *r);
void conf_check_directory(struct conf_reader *r, const struct conf_block *b,
    const struct filter_instance *fi);
void conf_check_control(struct conf_reader *r);
/* The addresses of a server, or its name. */
void conf_fill_address(struct conf_reader *r, struct server_conf *sc);
/* Also completes the resolver: reads resolv.conf. */
void conf_check_dns(struct conf_reader *r);
void conf_find_hosts(struct conf_reader *r); /* behind the filters */
void conf_check_servers(
    struct conf_reader *r, const struct conf_block *b, struct backend_conf *bc);
/* Finds the filter that authenticates; it becomes the last of lc's filters,
 * which have room for it. */
void conf_check_auth(struct conf_reader *r, const struct conf_block *b,
    struct listener_conf *lc);
void conf_check_routes(struct conf_reader *r);
/* conf_socket.c: who may connect to unix sockets. */
void conf_check_sockets(struct conf_reader *r, const struct conf_block *b,
    struct listener_conf *lc);
/* conf_relay.c */
void conf_check_relay(struct conf_reader *r, const struct conf_block *b,
    const struct route_conf *rc);
/* Is a large part of the Internet among them? */
bool conf_is_anybody(const struct net_list *nets);

/* The option as written, or NULL. */
struct conf_item *conf_item(const struct conf_block *b, const char *name);
/* Its line, or that of the section. */
int conf_line(const struct conf_block *b, const char *name);
/* The next section of a type behind prev (NULL: the first). */
const struct conf_block *conf_next(const struct conf_block *parent,
    const char *type, const struct conf_block *prev);
/* NULL: there is none. */
const struct filter_instance *conf_filter_named(
    const struct config *c, const char *name);
/* Is it a section of a filter? */
const struct filter *conf_filter_type(const struct conf_block *b);

#endif
