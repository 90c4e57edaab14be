/*
 * Content with line ends that are none, made good: see smtp_data.h.
 *
 * What a CR is depends on what follows it, so CRs are held back until that is
 * known; never many, so that nobody can make us write for long at once.
 */

#include "smtp_data.h"

#include <string.h>

#define CRS_MAX 8

static const char line_end[] = "\r\n";

void
smtp_repair_init(struct smtp_repair *r)
{
	memset(r, 0, sizeof(*r));
	r->at_start = true;
}

static struct smtp_data_step
end_line(struct smtp_repair *r, size_t used)
{
	r->at_start = true;
	return (struct smtp_data_step){ used, line_end, 2 };
}

/* What to do about the CRs that are held back, when c follows them. */
static struct smtp_data_step
behind_cr(struct smtp_repair *r, char c)
{
	if (c == '\n') {
		r->crs = 0;
		return end_line(r, 1);
	}
	if (c == '\r' && r->crs < CRS_MAX) {
		r->crs++;
		return (struct smtp_data_step){ 1, NULL, 0 };
	}
	r->crs--;
	return end_line(r, 0);
}

/* Text and good line ends, from in on: how much that is. */
static size_t
good_run(struct smtp_repair *r, const char *in, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (in[at] == '\r' && len - at > 1 && in[at + 1] == '\n') {
			at += 2;
			r->at_start = true;
			continue;
		}
		if (in[at] == '\r' || in[at] == '\n' || in[at] == '\0')
			break;
		if (r->at_start && in[at] == '.')
			r->leading_dot = true;
		r->at_start = false;
		at++;
	}
	return at;
}

struct smtp_data_step
smtp_repair_next(struct smtp_repair *r, const char *in, size_t len)
{
	struct smtp_data_step step = { 0, NULL, 0 };

	if (len == 0)
		return step;
	if (r->crs > 0)
		return behind_cr(r, in[0]);
	step.used = good_run(r, in, len);
	if (step.used > 0) {
		step.run = in;
		step.run_len = step.used;
		return step;
	}
	if (in[0] == '\n')
		return end_line(r, 1);
	r->crs += in[0] == '\r';
	step.used = 1; /* a CR to be held back, or a NUL */
	return step;
}

struct smtp_data_step
smtp_repair_end(struct smtp_repair *r)
{
	if (r->crs == 0)
		return (struct smtp_data_step){ 0, NULL, 0 };
	r->crs--;
	return end_line(r, 0);
}
