#ifndef POSTERN_LINK_CONF_H
#define POSTERN_LINK_CONF_H

/*
 * How connections to a backend's servers are secured: its tls and auth
 * sections.  Keys and the secret are read by the master before it drops its
 * rights; workers hold them in memory.
 */

#include <stdbool.h>
#include <stddef.h>

#include "opt.h"

struct arena;
struct tls_client;

enum link_tls_mode {
	LINK_TLS_OFF,
	LINK_TLS_OPPORTUNISTIC, /* if the server offers it, whoever it is */
	LINK_TLS_REQUIRED,	/* STARTTLS, and the server proves who it is */
	LINK_TLS_IMPLICIT	/* the same, from the first octet on */
};

struct link_tls_conf {
	int mode;		 /* enum link_tls_mode */
	const char *ca;		 /* PEM; NULL: the system's authorities */
	const char *name;	 /* NULL: that of the server's address */
	struct opt_list pins;	 /* base64 of SHA-256 of a public key */
	const char *certificate; /* ours; NULL: none */
	const char *key;
	int min_version;	   /* index: 1.2, 1.3 */
	bool verify;		   /* no: any certificate will do */
	struct tls_client *client; /* owned; made by link_tls_load() */
};
extern const struct opt link_tls_options[];

/* Checks what belongs together, and reads the files.  0, or -1 with the reason
 * in err, and in *option_r the option whose fault it is. */
int link_tls_load(struct link_tls_conf *conf, const char **option_r, char *err,
    size_t err_size);
void link_tls_unload(struct link_tls_conf *conf);
/* Has the server's certificate to have a name? */
bool link_tls_checks_name(const struct link_tls_conf *conf);

enum link_auth_mechanism { LINK_AUTH_ANY, LINK_AUTH_PLAIN, LINK_AUTH_LOGIN };

struct link_auth_conf {
	const char *user; /* NULL: no AUTH */
	const char *secret_file;
	int mechanism; /* enum link_auth_mechanism */
	bool clear;    /* also without TLS */
	const char *secret;
};
extern const struct opt link_auth_options[];

/* Reads the secret; as link_tls_load(). */
int link_auth_load(struct link_auth_conf *conf, struct arena *a,
    const char **option_r, char *err, size_t err_size);

#endif
