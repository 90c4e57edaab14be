#ifndef POSTERN_FAULT_H
#define POSTERN_FAULT_H

/*
 * What can be wrong between us and a server before mail is spoken of: one name
 * for each, which is what the log calls it (fault=...) and under which it is
 * counted (stats.h).  The names are documented in postern-log(5).
 */

enum fault {
	FAULT_NONE,
	FAULT_TLS_MISSING,    /* STARTTLS is not offered */
	FAULT_TLS_LOST,	      /* it was offered before; mail went in clear */
	FAULT_TLS_REFUSED,    /* STARTTLS was answered with a refusal */
	FAULT_TLS_INJECTED,   /* something in clear came behind the 220 */
	FAULT_TLS_HANDSHAKE,  /* no TLS came about */
	FAULT_TLS_UNTRUSTED,  /* the certificate is signed by nobody we know */
	FAULT_TLS_EXPIRED,    /* or not valid yet */
	FAULT_TLS_NAME,	      /* it has another name */
	FAULT_TLS_PIN,	      /* it has another key */
	FAULT_TLS_UNVERIFIED, /* one of these four, but mail went on */
	FAULT_AUTH_CLEAR,     /* the secret would have to go without TLS */
	FAULT_AUTH_MISSING,   /* no mechanism that we have is offered */
	FAULT_AUTH_REFUSED,
	FAULT_AUTH_TEMPORARY,	/* refused with a 4xx */
	FAULT_BDAT_UNSWALLOWED, /* a refused BDAT's octets became commands */
	FAULT_XCLIENT_MISSING,	/* XCLIENT is not offered */
	FAULT_XCLIENT_REFUSED,	/* the server does not want this client */
	FAULTS
};

/* "tls-name"; NULL for FAULT_NONE. */
const char *fault_name(enum fault f);

#endif
