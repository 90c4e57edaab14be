#ifndef POSTERN_LOG_RECORD_H
#define POSTERN_LOG_RECORD_H

/*
 * The text of one record, as logfmt or as JSON (RFC 8259, one object in one
 * line, UTF-8).  Private to log.c.  Pure: it builds in the record's buffer.
 */

#include "log.h"

/* Empty; keys come next. */
void record_clear(
    struct record *r, enum log_format format, enum log_level level);
/* A key whose value is text. */
void record_add(struct record *r, const char *key, const char *value);
/* Says if something was cut, ends the object; NUL-terminates. */
void record_close(struct record *r);

#endif
