/*
 * The checker process: see checker.h.
 */

#include "checker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "chain.h"
#include "compat.h"
#include "net.h"

#define QUESTION_MAX 4096
#define QUESTION_MS 1000 /* it should be there already */
#define WORDS 3

/* They end when the last process that could ask is gone, as the agent. */
static void
ignore_signals(void)
{
	static const int list[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2,
		SIGPIPE };
	struct sigaction ignore;
	size_t i;

	memset(&ignore, 0, sizeof(ignore));
	ignore.sa_handler = SIG_IGN;
	sigemptyset(&ignore.sa_mask);
	for (i = 0; i < nitems(list); i++)
		sigaction(list[i], &ignore, NULL);
}

/* Workers talk to the network: their questions are not trusted either. */
static bool
read_question(int fd, char *buf, size_t size, const char **words)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0, i, count = 0;
	ssize_t n;

	while (count < WORDS && len < size) {
		if (poll(&pfd, 1, QUESTION_MS) <= 0)
			return false;
		n = read(fd, buf + len, size - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		for (count = i = 0; i < len; i++)
			count += buf[i] == '\0';
	}
	if (count != WORDS || buf[len - 1] != '\0')
		return false;
	for (i = 0; i < WORDS; i++) {
		words[i] = buf;
		buf += strlen(buf) + 1;
	}
	return true;
}

static const struct filter_instance *
find(const struct filter_instance *list, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (list[i].type->check != NULL &&
		    strcmp(list[i].name, name) == 0)
			return &list[i];
	return NULL;
}

static void
answer(int fd, const struct filter_instance *list, size_t count)
{
	const struct filter_instance *fi;
	const char *words[WORDS];
	char buf[QUESTION_MAX];

	if (read_question(fd, buf, sizeof(buf), words) &&
	    (fi = find(list, count, words[0])) != NULL)
		(void)!write(fd,
		    fi->type->check(fi->conf, words[1], words[2]) ? "1" : "0",
		    1);
	compat_wipe(buf, sizeof(buf));
}

bool
checker_turn(int control_fd, const struct filter_instance *list, size_t count)
{
	int fd = net_recv_fd(control_fd);

	if (fd == -1)
		return false;
	answer(fd, list, count);
	close(fd);
	return true;
}

/* A descriptor that got lost costs its worker an answer, no more. */
int
checker_run(int control_fd, const struct filter_instance *list, size_t count)
{
	ignore_signals();
	for (;;) {
		errno = 0;
		if (!checker_turn(control_fd, list, count) && errno != EINTR &&
		    errno != EBADMSG && errno != EMFILE && errno != ENFILE &&
		    errno != EMSGSIZE)
			return EX_OK;
	}
}
