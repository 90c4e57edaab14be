/*
 * The admin section.
 */

#include <sys/socket.h>
#include <sys/un.h>

#include <string.h>

#include "conf_tree.h"

void
conf_check_control(struct conf_reader *r)
{
	const struct conf_block *b = conf_next(&r->root, "admin", NULL);
	const char *path = r->config->admin.control;
	struct sockaddr_un un;
	int line;

	if (b == NULL)
		return;
	line = conf_line(b, "control");
	if (path == NULL)
		conf_needs(r, b, "control");
	else if (path[0] != '/')
		conf_complain(
		    r, line, "control %s: not an absolute path", path);
	else if (strlen(path) >= sizeof(un.sun_path))
		conf_complain(r, line,
		    "control: longer than a socket's path can be (%zu octets)",
		    sizeof(un.sun_path) - 1);
	else if (path[strlen(path) - 1] == '/' || strrchr(path, '/') == path)
		conf_complain(r, line,
		    "control %s: needs a directory and a name in it", path);
}
