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

/* smtp_client.c: sends EHLO or LHLO. */
enum progress smtp_client_hello(struct delivery *dl);

/* smtp_client_link.c: the reply to EHLO was read. */
enum progress smtp_client_secure(struct delivery *dl);
/* The link is as encrypted as it is going to be. */
enum progress smtp_client_introduce(struct delivery *dl);

/* smtp_client_envelope.c: the server is greeted.  From here on pooled and
 * fresh links are alike. */
enum progress smtp_client_begin(struct delivery *dl);
/* Begins the transaction itself. */
enum progress smtp_client_transaction(struct delivery *dl);

/* smtp_client_bdat.c */

/* Does the message go by BDAT? */
bool smtp_client_by_bdat(const struct delivery *dl);
/* With MAIL and RCPT in one write? */
bool smtp_client_may_send_at_once(const struct delivery *dl);
/* Adds it to what is sent. */
void smtp_client_send_at_once(struct delivery *dl);
/* Waits for what the server says to it; RCPT was answered. */
enum progress smtp_client_expect_chunk(struct delivery *dl);
/* The recipients were accepted: sends it. */
enum progress smtp_client_send_chunk(struct delivery *dl);
/* Is it worth to find out whether this server may get it in one write? */
bool smtp_client_wants_probe(const struct delivery *dl);
enum progress smtp_client_probe(struct delivery *dl);

/* smtp_client_params.c: what the server offers, made use of. */
/* Sends the parameters of MAIL, and those of RCPT for a recipient, each with a
 * blank in front. */
void smtp_client_mail_params(struct delivery *dl);
void smtp_client_rcpt_params(struct delivery *dl, size_t i);

/* smtp_client_data.c: the reply to DATA. */
enum progress smtp_client_got_data(struct delivery *dl, const struct reply *r);
/* Those behind the message: one, or in LMTP one per recipient. */
enum progress smtp_client_got_final(struct delivery *dl, const struct reply *r);

/* smtp_client_end.c */

/* A 4xx or 5xx that decides for all recipients that are left. */
enum progress smtp_client_refused(
    struct delivery *dl, enum dl_stage stage, const struct reply *r);
/* 421: the server closes the connection. */
enum progress smtp_client_closing(
    struct delivery *dl, enum dl_stage stage, const struct reply *r);
/* May a refusal be another recipient's, or that of another command?  What a
 * server says unasked on a pooled link shifts all replies behind it.  One
 * recipient still gets what was said to it; of several, each would get what was
 * said to the one before, and DATA what was said to the last. */
bool smtp_client_is_doubtful(const struct delivery *dl);
/* Then a fresh link has to tell. */
enum progress smtp_client_doubt(struct delivery *dl);
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
