#ifndef POSTERN_SHOW_H
#define POSTERN_SHOW_H

/*
 * Shows an answer of posternd: tables for people, or JSON (RFC 8259).
 *
 * As JSON, status is an object, sessions and backends are an array of objects,
 * a transcript is an object in each line, and everything else is one object
 * with code, text and, if there are any, notes.  What goes wrong is an object
 * with code and text, too.  Times are in milliseconds.
 */

#include <stdbool.h>

#include "control.h"

struct show;

struct show *show_new(enum control_command command, bool json);
/* A line of the answer.  False: it is none.  Behind the last one, over is true
 * and code what posternctl exits with. */
bool show_line(
    struct show *s, const char *line, const char *end, bool *over, int *code);
void show_end(struct show **sp);

#endif
