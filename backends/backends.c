/*
 * The table of all backends.  Each is one file; add yours here.
 */

#include "gateway/backend.h"

extern const struct backend backend_discard;
extern const struct backend backend_lmtp;
extern const struct backend backend_maildir;
extern const struct backend backend_sendmail;
extern const struct backend backend_smtp;

const struct backend *const backends[] = {
	&backend_discard,
	&backend_lmtp,
	&backend_maildir,
	&backend_sendmail,
	&backend_smtp,
	NULL,
};
