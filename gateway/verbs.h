#ifndef POSTERN_VERBS_H
#define POSTERN_VERBS_H

/*
 * The parts of the verb table (verbs.c) that stand in files of their own:
 * check takes the argument over, act carries the command out when no filter
 * objects, undo takes back what check took over when one does.
 */

#include "replies.h"
#include "smtp_parse.h"

struct judgement;
struct session;

enum reply_id verb_check_mail(struct session *s, struct slice arg);
void verb_act_mail(struct session *s);
void verb_undo_mail(struct session *s);
enum reply_id verb_check_rcpt(struct session *s, struct slice arg);
void verb_act_rcpt(struct session *s);
void verb_undo_rcpt(struct session *s);
enum reply_id verb_check_starttls(struct session *s, struct slice arg);
void verb_act_starttls(struct session *s);
enum reply_id verb_check_auth(struct session *s, struct slice arg);
void verb_act_auth(struct session *s);
void verb_refuse_auth(struct session *s, const struct judgement *j);

#endif
