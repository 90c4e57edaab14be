/*
 * The names of faults: see fault.h.
 */

#include "fault.h"

#include <stddef.h>

static const char *const names[FAULTS] = {
	[FAULT_TLS_MISSING] = "tls-missing",
	[FAULT_TLS_LOST] = "tls-lost",
	[FAULT_TLS_REFUSED] = "tls-refused",
	[FAULT_TLS_INJECTED] = "tls-injected",
	[FAULT_TLS_HANDSHAKE] = "tls-handshake",
	[FAULT_TLS_UNTRUSTED] = "tls-untrusted",
	[FAULT_TLS_EXPIRED] = "tls-expired",
	[FAULT_TLS_NAME] = "tls-name",
	[FAULT_TLS_PIN] = "tls-pin",
	[FAULT_TLS_UNVERIFIED] = "tls-unverified",
	[FAULT_AUTH_CLEAR] = "auth-clear",
	[FAULT_AUTH_MISSING] = "auth-missing",
	[FAULT_AUTH_REFUSED] = "auth-refused",
	[FAULT_AUTH_TEMPORARY] = "auth-temporary",
	[FAULT_BDAT_UNSWALLOWED] = "bdat-unswallowed",
	[FAULT_XCLIENT_MISSING] = "xclient-missing",
	[FAULT_XCLIENT_REFUSED] = "xclient-refused",
};

const char *
fault_name(enum fault f)
{
	return names[f];
}
