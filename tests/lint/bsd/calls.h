/*
 * For the rule "systems": a BSD's name in place of this machine's, behind its
 * own headers, and what the BSDs declare in <stdlib.h>, <string.h> and
 * <unistd.h>.
 */
#include <sys/types.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef __linux__
#if defined(AS_FreeBSD)
#define __FreeBSD__ 14
#define SHM_ANON ((char *)1)
#elif defined(AS_OpenBSD)
#define __OpenBSD__ 1
#else
#define __NetBSD__ 1
#endif

void arc4random_buf(void *, size_t);
void *explicit_memset(void *, int, size_t);
void setproctitle(const char *, ...);
int pledge(const char *, const char *);
int unveil(const char *, const char *);
