/*
 * What the agent tells its links: see agent_impl.h.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent_impl.h"
#include "log.h"

static const char *const kinds[] = { [AGENT_MAILDIR] = "maildir",
	[AGENT_PROGRAM] = "backend",
	[AGENT_QUARANTINE] = "quarantine" };

void
agent_failed(struct agent_link *l)
{
	l->error = errno != 0 ? errno : EIO;
	maildir_abort(&l->file);
	log_event(LEVEL_ERROR, "agent: %s %s: %s", kinds[l->request.kind],
	    l->request.where, strerror(l->error));
}

/* A maildir's without the host's name: this text goes to the client. */
void
agent_say_saved(struct agent_link *l)
{
	const char *name = l->file.name;
	size_t len = strcspn(name, ".") + 1;

	if (l->request.kind == AGENT_QUARANTINE) {
		agent_answer(l, "250 2.0.0 %s\r\n", l->path);
		return;
	}
	len += strcspn(name + len, ".");
	agent_answer(l, "250 2.0.0 %.*s saved\r\n", (int)len, name);
}

void
agent_say_failed(struct agent_link *l)
{
	if (l->error == ENOSPC || l->error == EDQUOT || l->error == EFBIG)
		agent_answer(l, "452 4.3.1 no space for the message: %s\r\n",
		    strerror(l->error));
	else if (l->request.kind == AGENT_PROGRAM)
		agent_answer(l, "451 4.3.5 mail command can not be run: %s\r\n",
		    strerror(l->error));
	else if (l->request.kind == AGENT_QUARANTINE)
		agent_answer(l,
		    "451 4.3.0 quarantine can not be written: %s\r\n",
		    strerror(l->error));
	else
		agent_answer(l, "451 4.3.0 mailbox can not be written: %s\r\n",
		    strerror(l->error));
}

void
agent_answer(struct agent_link *l, const char *fmt, ...)
{
	size_t room = sizeof(l->out) - l->out_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->out + l->out_len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		l->state = LINK_CLOSING;
	else
		l->out_len += (size_t)n;
}

bool
agent_write_out(struct agent_link *l)
{
	ssize_t n;

	if (l->out_len == 0)
		return true;
	n = write(l->fd, l->out, l->out_len);
	if (n == -1)
		return errno == EAGAIN || errno == EWOULDBLOCK ||
		    errno == EINTR;
	l->out_len -= (size_t)n;
	memmove(l->out, l->out + n, l->out_len);
	return true;
}
