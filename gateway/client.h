#ifndef POSTERN_CLIENT_H
#define POSTERN_CLIENT_H

/*
 * Who is on the other end of a session: the one identity that filters, log,
 * limits, Received and backends use.  With the PROXY protocol, addr is the
 * true client and peer the proxy; otherwise both are the same.
 */

#include <stdbool.h>

#include "net.h"

/* What is known of the client's name in the DNS. */
enum client_naming {
	CLIENT_NAME_NOT_ASKED, /* nobody has looked */
	CLIENT_NAME_NONE,      /* it has none that is confirmed */
	CLIENT_NAME_TEMPORARY, /* it could not be found out just now */
	CLIENT_NAME_KNOWN      /* the name is there */
};

struct client {
	const char *session;	 /* the session's id, as in the log; or NULL */
	struct net_addr peer;	 /* the TCP peer */
	struct net_addr addr;	 /* the client */
	struct net_addr local;	 /* where it connected to */
	char ip[NET_TEXT_MAX];	 /* addr as text, without the port */
	bool proxied;		 /* a PROXY header named addr */
	bool is_probe;		 /* a health check: never limited, not logged;
				  * no longer when it begins a message */
	bool early_talker;	 /* spoke before our greeting */
	bool esmtp;		 /* greeted with EHLO or LHLO */
	bool tls;		 /* encrypted, up to us or up to the proxy */
	bool tls_by_proxy;	 /* it was the proxy that did it */
	const char *tls_version; /* "TLSv1.3"; NULL if unknown or without */
	const char *tls_cipher;
	const char *tls_subject; /* of a verified client certificate */
	const char *server_name; /* SNI: whom it meant; NULL if unknown */
	const char *proxy_id;	 /* the proxy's id of this connection */
	const char *name;	 /* its verified host name; NULL unless known */
	enum client_naming naming;
	bool name_told;	   /* naming is what XCLIENT said */
	const char *login; /* who it is, if it proved that */
	const char *helo;  /* argument of the greeting; NULL before it */
};

#endif
