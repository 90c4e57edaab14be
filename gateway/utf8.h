#ifndef POSTERN_UTF8_H
#define POSTERN_UTF8_H

/*
 * Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing
 * beyond U+10FFFF.  Pure.
 */

#include <stdbool.h>
#include <stddef.h>

/* Octets of the character that s begins with, of len there are (at least 1);
 * 0: it is none.  A NUL is one octet. */
size_t utf8_len(const char *s, size_t len);
bool utf8_is_ascii(const char *s);
/* Are all len octets such characters? */
bool utf8_is_text(const char *s, size_t len);

#endif
