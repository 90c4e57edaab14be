#ifndef POSTERN_SMTP_CLIENT_IMPL_H
#define POSTERN_SMTP_CLIENT_IMPL_H

/*
 * What the parts of the SMTP client share; nobody else includes this.  Each
 * function gets a delivery whose state is struct smtp_client_state and returns
 * what its caller is to return.
 */

#include <stdbool.h>
#include <stddef.h>

#include "gateway/backend.h"

/* smtp_client_envelope.c: the server is greeted.  From here on pooled and
 * fresh links are alike. */
enum progress smtp_client_begin(struct delivery *dl);

/* smtp_client_data.c: the reply to DATA. */
enum progress smtp_client_got_data(struct delivery *dl, const struct reply *r);

/* smtp_client_end.c */

/* A 4xx or 5xx that decides for all recipients that are left. */
enum progress smtp_client_refused(
    struct delivery *dl, enum dl_stage stage, const struct reply *r);
/* 421: the server closes the connection. */
enum progress smtp_client_closing(
    struct delivery *dl, enum dl_stage stage, const struct reply *r);
/* A reply that can not be: the link has lost step.  what: to which command. */
enum progress smtp_client_unexpected(
    struct delivery *dl, const char *what, const struct reply *r);
/* Every reply was read and every recipient has its result. */
enum progress smtp_client_finish(struct delivery *dl, bool needs_reset);
/* The first recipient from i on that has no result; their count if there is
 * none. */
size_t smtp_client_first_open(const struct delivery *dl, size_t i);
/* Has none a result? */
bool smtp_client_all_open(const struct delivery *dl);
/* Is it a 4xx or 5xx? */
bool smtp_client_is_refusal(const struct reply *r);

#endif
