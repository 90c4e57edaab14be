#ifndef POSTERN_BASE64_H
#define POSTERN_BASE64_H

/*
 * Base64 (RFC 4648 section 4), in one line, with padding.  Pure.
 */

#include <stddef.h>

#define BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1) /* of the text, with NUL */

/* out has room for BASE64_SIZE(len) octets. */
void base64_encode(const void *in, size_t len, char *out);

#endif
