/*
 * play: plays transcripts of SMTP sessions against postern's own code, each in
 * many ways.  See tests/scripts/README.md.
 *
 *	play [-v] [-j jobs] FILE...
 *	play -r FORMAT:RECORDS [-j jobs] FILE...
 *
 * With -r each is played once whole and a few times cut, and the log lines go
 * to the file RECORDS, as "json" or "logfmt".  What the transcripts say about
 * the log is not compared then.
 *
 * Each transcript has a process of its own, so that one that makes postern
 * crash fails alone.
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include <ftw.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "gate.h"
#include "log.h"
#include "mem.h"
#include "peer.h"
#include "run.h"
#include "script.h"

#define RANDOM_PLAYS 5
#define CUTS_MAX 1500 /* above, not after every octet */
#define CUTS_MIN 25
#define CUTS_OCTETS 6000000 /* sent in all cuts together */
#define EVERY_OCTET 20
#define CUTS_VALGRIND 25 /* valgrind needs fifty times the time */
#define CUTS_RECORDS 8

struct job {
	pid_t pid;
	FILE *out; /* what it says */
	int status;
	bool over;
};

static bool verbose;
static const char *records; /* FORMAT:FILE, or NULL */

static bool
play_one(const struct script *s, const struct config *c, struct peers *peers,
    struct play_way way)
{
	if (verbose)
		fprintf(stderr, "%s: %s\n", s->file, play_name(&way));
	return play(s, c, peers, &way);
}

static bool
play_cuts(const struct script *s, const struct config *c, struct peers *peers)
{
	const char *valgrind = getenv("VALGRIND");
	size_t max =
	    valgrind != NULL && *valgrind != '\0' ? CUTS_VALGRIND : CUTS_MAX;
	size_t step, n;

	if (max > CUTS_MIN && s->sent_len * max > CUTS_OCTETS)
		max = CUTS_OCTETS / s->sent_len;
	if (max < CUTS_MIN)
		max = CUTS_MIN;
	step = s->sent_len / max + 1;
	for (n = 0; n <= s->sent_len; n += step) {
		if (!play_one(s, c, peers,
			(struct play_way){ .mode = PLAY_CUT, .cut_at = n }))
			return false;
		/* At the end every octet counts. */
		if (step > 1 && n + step + EVERY_OCTET > s->sent_len) {
			if (n + EVERY_OCTET < s->sent_len)
				n = s->sent_len - EVERY_OCTET;
			step = 1;
		}
	}
	return true;
}

static bool
play_all_ways(
    const struct script *s, const struct config *c, struct peers *peers)
{
	uint32_t seed;

	if (!play_one(s, c, peers, (struct play_way){ .mode = PLAY_WRITTEN }) ||
	    !play_one(
		s, c, peers, (struct play_way){ .mode = PLAY_CLIENT_BYTES }))
		return false;
	if (s->replied_len > 0 &&
	    !play_one(
		s, c, peers, (struct play_way){ .mode = PLAY_BACKEND_BYTES }))
		return false;
	for (seed = 1; seed <= RANDOM_PLAYS; seed++)
		if (!play_one(s, c, peers,
			(struct play_way){
			    .mode = PLAY_RANDOM, .seed = seed * 7919 }))
			return false;
	return play_cuts(s, c, peers);
}

static bool
play_for_records(
    const struct script *s, const struct config *c, struct peers *peers)
{
	size_t n;

	if (!play_one(s, c, peers, (struct play_way){ .mode = PLAY_WRITTEN }))
		return false;
	for (n = 1; n <= CUTS_RECORDS; n++)
		if (!play_one(s, c, peers,
			(struct play_way){ .mode = PLAY_CUT,
			    .cut_at = s->sent_len * n / CUTS_RECORDS }))
			return false;
	return true;
}

static bool
play_file(const char *file, const char *dir)
{
	struct script *s = script_read(file);
	struct config *c = NULL;
	struct peers peers;
	bool good = false;

	if (peers_listen(&peers, dir) == -1) {
		perror(dir);
		return false;
	}
	if (s != NULL)
		c = gate_config(
		    dir, file, s->config, fake_dns_addr(peers.dns), peers.port);
	if (c == NULL)
		return false;
	good = records != NULL ? play_for_records(s, c, &peers)
			       : play_all_ways(s, c, &peers);
	/* What a failed play leaves is no news. */
	fflush(stdout);
	if (!good)
		_exit(1);
	peers_close(&peers);
	conf_free(&c);
	script_free(&s);
	return good;
}

/* Jobs. */

static void
work(const char *file, const char *dir, FILE *out)
{
	struct log_conf all = {
		.to = LOG_TO_STDERR,
		.level = LEVEL_DEBUG,
	};
	static char line[LOG_LINE_MAX + 2];
	FILE *f;

	if (dup2(fileno(out), STDOUT_FILENO) == -1)
		_exit(1);
	dup2(STDOUT_FILENO, STDERR_FILENO); /* sanitizers, asserts */
	fclose(out);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (records != NULL) {
		if (strncmp(records, "json:", 5) == 0)
			all.format = LOG_JSON;
		f = fopen(strchr(records, ':') + 1, "a");
		if (f == NULL) {
			perror(records);
			_exit(1);
		}
		/* Others append to it: a line is one write. */
		setvbuf(f, line, _IOLBF, sizeof(line));
		gate_records(f);
	}
	log_open(&all);
	exit(play_file(file, dir) ? 0 : 1);
}

static void
dir_of(const char *base, int number, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%d", base, number);
}

static void
start(struct job *j, const char *file, const char *base, int number)
{
	char dir[120];

	dir_of(base, number, dir, sizeof(dir));
	j->out = tmpfile();
	if (j->out == NULL || mkdir(dir, 0700) == -1) {
		perror(dir);
		exit(1);
	}
	fflush(stdout);
	j->pid = fork();
	if (j->pid == -1) {
		perror("fork");
		exit(1);
	}
	if (j->pid == 0)
		work(file, dir, j->out);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static void
clean(const char *base, int number)
{
	char dir[120];

	dir_of(base, number, dir, sizeof(dir));
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Waits for any job. */
static void
reap(struct job *jobs, int count, const char *base)
{
	int i, status;
	pid_t pid = wait(&status);

	for (i = 0; i < count; i++) {
		if (jobs[i].pid != pid || jobs[i].over)
			continue;
		jobs[i].status = status;
		jobs[i].over = true;
		clean(base, i);
	}
}

static bool
report(struct job *j, const char *file)
{
	bool good = WIFEXITED(j->status) && WEXITSTATUS(j->status) == 0;
	char buf[4096];
	size_t n;

	rewind(j->out);
	while ((n = fread(buf, 1, sizeof(buf), j->out)) > 0)
		fwrite(buf, 1, n, stdout);
	fclose(j->out);
	if (WIFSIGNALED(j->status))
		printf("%s: killed by signal %d\n", file, WTERMSIG(j->status));
	printf("%s %s\n", good ? "ok" : "not ok", file);
	return good;
}

static int
play_files(char **files, int count, long limit, const char *base)
{
	struct job *jobs = xcalloc((size_t)count, sizeof(*jobs));
	int started = 0, said = 0, running = 0, passed = 0;

	while (said < count) {
		while (started < count && running < limit) {
			start(&jobs[started], files[started], base, started);
			started++;
			running++;
		}
		reap(jobs, started, base);
		running--;
		for (; said < started && jobs[said].over; said++)
			passed += report(&jobs[said], files[said]);
	}
	free(jobs);
	printf("%d passed, %d failed\n", passed, count - passed);
	return passed == count ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	long limit = sysconf(_SC_NPROCESSORS_ONLN);
	char base[] = "/tmp/play.XXXXXX";
	int c, rc;

	while ((c = getopt(argc, argv, "j:r:v")) != -1) {
		if (c == 'j')
			limit = strtol(optarg, NULL, 10);
		else if (c == 'r' && strchr(optarg, ':') != NULL)
			records = optarg;
		else if (c == 'v')
			verbose = true;
		else
			optind = argc;
	}
	if (optind >= argc) {
		fprintf(stderr,
		    "usage: play [-v] [-j jobs] [-r FORMAT:RECORDS] "
		    "FILE...\n");
		return 64;
	}
	sigaction(SIGPIPE, &ignore, NULL);
	if (mkdtemp(base) == NULL) {
		perror(base);
		return 1;
	}
	rc = play_files(
	    argv + optind, argc - optind, limit > 0 ? limit : 1, base);
	rmdir(base);
	return rc;
}
