/*
 * The directories of filters that keep messages: what would fail with the first
 * message is said before.
 */

#include <sys/stat.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conf_tree.h"
#include "filter.h"
#include "priv.h"

void
conf_check_directory(struct conf_reader *r, const struct conf_block *b,
    const struct filter_instance *fi)
{
	const char *path, *user = r->config->user;
	struct stat st;
	int line;

	if (fi->type->directory == NULL)
		return;
	path = fi->type->directory(fi->conf);
	if (path == NULL)
		return; /* complained of already */
	line = conf_line(b, "directory");
	errno = ENOTDIR;
	if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode)) {
		conf_complain(r, line, "%s '%s': directory %s: %s",
		    fi->type->name, fi->name, path, strerror(errno));
		return;
	}
	if ((st.st_mode & S_IRWXO) != 0)
		conf_warn(r, line,
		    "%s '%s': directory %s: other users than its owner can "
		    "enter it; chmod 0700",
		    fi->type->name, fi->name, path);
	if (priv_may_write(user, path) == 0)
		return;
	/* Somebody who is neither root nor the user only looks. */
	if (user != NULL && geteuid() != 0)
		conf_warn(r, line,
		    "%s '%s': directory %s can not be looked at: %s",
		    fi->type->name, fi->name, path, strerror(errno));
	else
		conf_complain(r, line,
		    "%s '%s': directory %s: user %s can not write to it: %s",
		    fi->type->name, fi->name, path,
		    user != NULL ? user : "(of this process)", strerror(errno));
}
