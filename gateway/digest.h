#ifndef POSTERN_DIGEST_H
#define POSTERN_DIGEST_H

/*
 * SHA-256, by the TLS library.  Values are added with their length, so that
 * "ab" and "c" do not make the same digest as "a" and "bc".
 */

#include <stddef.h>

#define DIGEST_SIZE 32

struct digest;

struct digest *digest_new(void);
/* Octets of one long value, in pieces. */
void digest_octets(struct digest *d, const void *octets, size_t len);
/* One whole value. */
void digest_text(struct digest *d, const char *text);
/* Writes the result and frees. */
void digest_end(struct digest **dp, unsigned char out[DIGEST_SIZE]);

#endif
