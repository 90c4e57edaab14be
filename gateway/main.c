/*
 * posternd: a queueless SMTP gateway.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "conf.h"
#include "master.h"
#include "priv.h"

#ifdef POSTERN_SYSCONFDIR
#define CONF_DIR POSTERN_SYSCONFDIR "/postern"
#else
#define CONF_DIR "/usr/local/etc/postern"
#endif
#define CONF_FILE CONF_DIR "/postern.conf"

#ifndef POSTERN_VERSION
#define POSTERN_VERSION "(unknown version)"
#endif

static int usage(void);
static int start(const char *, const char *, bool, char **);
static int check(const char *);

int
main(int argc, char *argv[])
{
	const char *file = CONF_FILE, *pid_file = NULL;
	bool foreground = false, only_check = false;
	int c;

	while ((c = getopt(argc, argv, "Ldf:np:v")) != -1)
		switch (c) {
		case 'L':
			conf_list(stdout);
			return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
		case 'd':
			foreground = true;
			break;
		case 'f':
			file = optarg;
			break;
		case 'n':
			only_check = true;
			break;
		case 'p':
			pid_file = optarg;
			break;
		case 'v':
			printf("posternd %s\n", POSTERN_VERSION);
			return EX_OK;
		default:
			return usage();
		}
	if (optind != argc)
		return usage();
	if (getenv(MASTER_HANDOVER_ENV) != NULL)
		return only_check ? master_try(file)
				  : master_take_over(file, pid_file, argv);
	return only_check ? check(file)
			  : start(file, pid_file, foreground, argv);
}

static int
usage(void)
{
	fprintf(stderr, "usage: posternd [-Ldnv] [-f file] [-p pid-file]\n");
	return EX_USAGE;
}

static int
check(const char *file)
{
	struct config *config = conf_load(file, stderr);

	if (config == NULL)
		return EX_CONFIG;
	conf_look_up(config, stderr);
	conf_free(&config);
	printf("configuration is good\n");
	return EX_OK;
}

static int
start(const char *file, const char *pid_file, bool foreground, char **argv)
{
	struct config *config = conf_load(file, stderr);

	if (config == NULL)
		return EX_CONFIG;
	/* A daemon has no standard error. */
	if (!foreground && config->log.to == LOG_TO_STDERR) {
		fprintf(stderr,
		    "%s: log to stderr needs -d (stay in the foreground)\n",
		    file);
		conf_free(&config);
		return EX_CONFIG;
	}
	if (config->log.to < 0) /* log{} does not say */
		config->log.to = foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG;
	if (!foreground && priv_daemonize() == -1) {
		fprintf(stderr, "posternd: %s\n", strerror(errno));
		conf_free(&config);
		return EX_OSERR;
	}
	return master_run(&config, pid_file, argv);
}
