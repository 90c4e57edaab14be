/*
 * What one of the systems lacks.
 */

#include "compat.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "log.h"

#define ENTROPY_MAX 256 /* getentropy() gives no more at once */

size_t
compat_strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src), n;

	if (size > 0) {
		n = len < size ? len : size - 1;
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

void
compat_bind_late(int fd)
{
#if defined(IP_BIND_ADDRESS_NO_PORT) && !defined(COMPAT_FORCE)
	int on = 1;

	(void)setsockopt(
	    fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
#else
	(void)fd;
#endif
}

void
compat_wipe(void *buf, size_t len)
{
	if (buf == NULL)
		return;
#if defined(COMPAT_FORCE)
	/* What it calls is not known before it is called. */
	static void *(*const volatile set)(void *, int, size_t) = memset;

	(void)set(buf, 0, len);
#elif defined(__NetBSD__)
	explicit_memset(buf, 0, len);
#else
	explicit_bzero(buf, len);
#endif
}

/* Every BSD has arc4random_buf(), which can not fail; NetBSD 9 lacks
 * getentropy().  With Linux it is the other way round, but for a new glibc. */
#if defined(COMPAT_FORCE) && defined(__GLIBC__)
#define HAS_ARC4RANDOM __GLIBC_PREREQ(2, 36)
#elif defined(__linux__)
#define HAS_ARC4RANDOM 0
#else
#define HAS_ARC4RANDOM 1
#endif

void
compat_random(void *buf, size_t len)
{
#if !HAS_ARC4RANDOM
	unsigned char *at = buf;
	size_t n;

	for (; len > 0; at += n, len -= n) {
		n = len < ENTROPY_MAX ? len : ENTROPY_MAX;
		if (getentropy(at, n) == -1) {
			log_event(LEVEL_ERROR, "no random numbers");
			log_flush();
			abort();
		}
	}
#else
	arc4random_buf(buf, len);
#endif
}

/* FreeBSD has objects without names, NetBSD keeps those with one in memory;
 * OpenBSD's are files in /tmp. */
int
compat_memory_fd(size_t size, bool secret)
{
	int fd = -1;

#if defined(__linux__)
	(void)secret;
	fd = memfd_create("postern", MFD_CLOEXEC);
#elif defined(SHM_ANON)
	(void)secret;
	fd = shm_open(SHM_ANON, O_RDWR | O_CLOEXEC, 0600);
#else
	char name[40];
	uint64_t number;

#if defined(__OpenBSD__)
	if (secret)
		return -1;
#else
	(void)secret;
#endif
	compat_random(&number, sizeof(number));
	snprintf(
	    name, sizeof(name), "/postern.%016llx", (unsigned long long)number);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1)
		(void)shm_unlink(name);
#endif
	if (fd == -1 || ftruncate(fd, (off_t)size) == 0)
		return fd;
	close(fd);
	return -1;
}
