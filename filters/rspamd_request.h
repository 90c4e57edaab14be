#ifndef POSTERN_RSPAMD_REQUEST_H
#define POSTERN_RSPAMD_REQUEST_H

/*
 * What rspamd is told beside the message: the fields of the request, and the
 * texts in them made safe.
 */

#include "gateway/filter.h"

struct rspamd_conf {
	struct opt_list servers;
	int64_t try;
	int64_t pause;
	const char *password;
	int64_t max_size;
	const char *settings_id;
	const char *mta_name;
	const char *ca;
	bool verify;
	const char *spam_header;
	const char *pem; /* of ca; read once */
};

struct rspamd_request {
	struct http_request http;
	char **fields; /* owned */
	size_t count;
	char url[300];
};

/* http is good until rspamd_request_free(). */
void rspamd_request(struct rspamd_request *rq, struct filter_call *fc,
    const struct rspamd_conf *conf, size_t server);
void rspamd_request_free(struct rspamd_request *rq);

/* A field's value as RFC 2047 wants it, folded; for free(). */
char *rspamd_encode(const char *text);

/* The text of a file, for as long as the process runs; NULL, and why. */
char *rspamd_read_file(const char *path, char *say, size_t size);

#endif
