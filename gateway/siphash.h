#ifndef POSTERN_SIPHASH_H
#define POSTERN_SIPHASH_H

/*
 * SipHash-2-4 with 128 bits (Aumasson and Bernstein): a hash with a key, for
 * what is looked up in shared memory.  Some hundred nanoseconds for the length
 * of an address; who does not know the key can not make two texts meet.
 */

#include <stddef.h>

#define SIPHASH_SIZE 16

void siphash(const unsigned char key[SIPHASH_SIZE], const void *in, size_t len,
    unsigned char out[SIPHASH_SIZE]);

#endif
