/*
 * posternctl: asks the running posternd, over its control socket.
 */

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "show.h"

#define SOCKET_PATH "/var/run/postern/control.sock"
#define ANSWER_SECONDS 10
#define RELOAD_SECONDS 60
#define ANSWER_LINE_MAX (64 * 1024)

static int usage(void);
static bool make_request(char **, int, char *, struct control_request *);
static int open_socket(const char *);
static void set_patience(int, const struct control_request *);
static int say(int, const char *);
static int hear(FILE *, struct show *);

int
main(int argc, char **argv)
{
	char line[CONTROL_LINE_MAX];
	const char *path = SOCKET_PATH;
	struct control_request request;
	struct show *show;
	bool json = false;
	FILE *in;
	int fd, code, i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
			path = argv[++i];
		else if (strcmp(argv[i], "-v") == 0)
			return printf("posternctl %s\n", POSTERN_VERSION) < 0;
		else
			return usage();
	}
	/* Behind the command, too. */
	if (argc > i && strcmp(argv[argc - 1], "--json") == 0) {
		json = true;
		argc--;
	}
	if (i == argc)
		return usage();
	if (!make_request(argv + i, argc - i, line, &request))
		return EX_USAGE;
	fd = open_socket(path);
	if (fd == -1)
		return errno == EACCES || errno == EPERM ? EX_NOPERM
							 : EX_UNAVAILABLE;
	set_patience(fd, &request);
	if (say(fd, line) == -1 || (in = fdopen(fd, "r")) == NULL) {
		fprintf(stderr, "posternctl: %s\n", strerror(errno));
		return EX_IOERR;
	}
	show = show_new(request.command, json);
	code = hear(in, show);
	show_end(&show);
	fclose(in);
	if (fflush(stdout) == EOF || ferror(stdout))
		return EX_IOERR;
	return code;
}

static int
usage(void)
{
	fputs("usage: posternctl [--json] [-s socket] command\n"
	      "       posternctl -v\n"
	      "commands:\n"
	      "\tstatus\n"
	      "\tsessions\n"
	      "\tkill SESSION\n"
	      "\tbackends\n"
	      "\tdrain BACKEND/SERVER\n"
	      "\tenable BACKEND/SERVER\n"
	      "\tpause LISTENER\n"
	      "\tresume LISTENER\n"
	      "\tlog error|warn|info|debug|configured\n"
	      "\ttranscript ADDRESS [SECONDS]\n"
	      "\treload\n",
	    stderr);
	return EX_USAGE;
}

/* What posternd would refuse is refused here already. */
static bool
make_request(
    char **words, int count, char *line, struct control_request *request)
{
	const char *why = "too long";
	size_t len = 0, n;
	int i;

	for (i = 0; i < count; i++) {
		n = strlen(words[i]);
		if (len + n + 2 > CONTROL_LINE_MAX)
			break;
		if (i > 0)
			line[len++] = ' ';
		memcpy(line + len, words[i], n);
		len += n;
	}
	if (i < count || !control_parse(line, len, request, &why)) {
		fprintf(stderr, "posternctl: %s: %s\n", words[0], why);
		return false;
	}
	memcpy(line + len, "\n", 2);
	return true;
}

static int
open_socket(const char *path)
{
	struct sockaddr_un un;
	int fd, error;

	memset(&un, 0, sizeof(un));
	un.sun_family = AF_UNIX;
	if (compat_strlcpy(un.sun_path, path, sizeof(un.sun_path)) >=
	    sizeof(un.sun_path)) {
		fprintf(stderr, "posternctl: %s: too long\n", path);
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd != -1 &&
	    connect(fd, (const struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	error = errno;
	fprintf(stderr, "posternctl: %s: %s%s\n", path, strerror(error),
	    error == ENOENT || error == ECONNREFUSED
		? " (does posternd run, with an admin section?)"
		: "");
	if (fd != -1)
		close(fd);
	errno = error;
	return -1;
}

/* Workers that hang cost two seconds, and a trial at a reload may take twenty.
 * Beyond that it is the admin process itself that hangs, or is not there. */
static void
set_patience(int fd, const struct control_request *request)
{
	struct timeval tv = { .tv_sec = ANSWER_SECONDS };

	if (request->command == CONTROL_RELOAD)
		tv.tv_sec = RELOAD_SECONDS;
	else if (request->command == CONTROL_TRANSCRIPT)
		tv.tv_sec += (time_t)request->seconds;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int
say(int fd, const char *line)
{
	size_t len = strlen(line), done = 0;
	ssize_t n;

	while (done < len) {
		n = send(fd, line + done, len - done, MSG_NOSIGNAL);
		if (n == -1 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The code of the answer's last line. */
static int
hear(FILE *in, struct show *show)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n = 0;
	int error;
	int code = EX_PROTOCOL;
	bool over = false;

	while (!over && (n = getline(&line, &size, in)) > 0) {
		if (n > ANSWER_LINE_MAX || line[n - 1] != '\n' ||
		    !show_line(show, line, line + n - 1, &over, &code))
			break;
	}
	error = errno;
	free(line);
	if (n == -1 && (error == EAGAIN || error == EWOULDBLOCK)) {
		fprintf(stderr, "posternctl: no answer from posternd\n");
		return EX_TEMPFAIL;
	}
	if (!over) {
		fprintf(stderr,
		    "posternctl: posternd closed the connection before its "
		    "answer was complete\n");
		return EX_PROTOCOL;
	}
	return code;
}
