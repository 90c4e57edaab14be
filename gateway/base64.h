#ifndef POSTERN_BASE64_H
#define POSTERN_BASE64_H

/*
 * Base64 (RFC 4648 section 4) as SMTP's AUTH wants it (RFC 4954 section 4):
 * strict.  Nothing but the alphabet, padding where it belongs and nowhere
 * else, and no bits behind the last octet, so that every value has one form.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Is it good?  The empty text is. */
bool base64_check(const char *in, size_t len);
/* The octets, at most size of them: their number, or -1 when it is not good or
 * does not fit.  What was written before the fault stays. */
ssize_t base64_decode(const char *in, size_t len, void *out, size_t size);
/* The text with a NUL; size must be at least BASE64_SIZE(len). */
#define BASE64_SIZE(len) ((len) / 3 * 4 + 5)
void base64_encode(const void *in, size_t len, char *out, size_t size);

#endif
