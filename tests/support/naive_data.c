/*
 * The reference for message data, and how the tests feed the real one.
 */

#include "naive_data.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "smtp_data.h"

void
naive_data(const char *in, size_t len, struct data_result *r)
{
	bool bol = true;
	size_t i;

	r->content_len = 0;
	r->used = len;
	r->faults = 0;
	r->leading_dot = false;
	r->ended = false;
	for (i = 0; i < len; i++) {
		if (bol && in[i] == '.') {
			if (len - i >= 3 && memcmp(in + i, ".\r\n", 3) == 0) {
				r->ended = true;
				r->used = i + 3;
				return;
			}
			/* Too early to say? */
			if (memcmp(in + i, ".\r\n",
				len - i < 3 ? len - i : 3) == 0)
				return;
			i++;
			if (in[i] == '.')
				r->leading_dot = true;
		}
		r->content[r->content_len++] = in[i];
		bol = i > 0 && in[i - 1] == '\r' && in[i] == '\n';
		if (in[i] == '\r' && i + 1 < len && in[i + 1] != '\n')
			r->faults |= SMTP_DATA_BARE_CR;
		if (in[i] == '\n' && !bol)
			r->faults |= SMTP_DATA_BARE_LF;
		if (in[i] == '\0')
			r->faults |= SMTP_DATA_NUL;
	}
}

void
feed_data(const char *in, size_t len, size_t first, size_t chunk,
    struct data_result *r)
{
	struct smtp_data d;
	struct smtp_data_step step;
	size_t at = 0, stop = first > 0 && first < len ? first : len;

	smtp_data_init(&d);
	r->content_len = 0;
	while (at < len && !d.ended) {
		step = smtp_data_next(&d, in + at, stop - at);
		assert(step.used <= stop - at);
		assert(step.used > 0 || step.run != NULL);
		assert((step.run == NULL) == (step.run_len == 0));
		if (step.used > 0 && step.run != NULL) {
			assert(step.run >= in + at);
			assert(step.run + step.run_len == in + at + step.used);
		} else if (step.run != NULL) {
			assert(step.run_len == 1 && step.run[0] == '\r');
		}
		if (step.run != NULL)
			memcpy(r->content + r->content_len, step.run,
			    step.run_len);
		r->content_len += step.run_len;
		at += step.used;
		if (at == stop)
			stop = len - at < chunk ? len : at + chunk;
	}
	r->used = at;
	r->faults = d.faults;
	r->leading_dot = d.leading_dot;
	r->ended = d.ended;
	if (d.ended) { /* and stays so */
		step = smtp_data_next(&d, "x", 1);
		assert(step.used == 0 && step.run == NULL && d.ended);
	}
}

bool
same_data(const struct data_result *a, const struct data_result *b)
{
	return a->content_len == b->content_len && a->used == b->used &&
	    a->faults == b->faults && a->leading_dot == b->leading_dot &&
	    a->ended == b->ended &&
	    memcmp(a->content, b->content, a->content_len) == 0;
}

size_t
stuff_data(const char *in, size_t len, size_t chunk, char *to)
{
	struct smtp_stuff s;
	struct smtp_data_step step;
	size_t at = 0, stop = chunk < len ? chunk : len, n = 0;

	smtp_stuff_init(&s);
	while (at < len) {
		step = smtp_stuff_next(&s, in + at, stop - at);
		assert(step.used <= stop - at && step.run_len > 0);
		if (step.used > 0)
			assert(
			    step.run == in + at && step.run_len == step.used);
		else
			assert(step.run_len == 1 && step.run[0] == '.');
		memcpy(to + n, step.run, step.run_len);
		n += step.run_len;
		at += step.used;
		if (at == stop)
			stop = len - at < chunk ? len : at + chunk;
	}
	memcpy(to + n, smtp_stuff_end(&s), strlen(smtp_stuff_end(&s)));
	return n + strlen(smtp_stuff_end(&s));
}

static size_t
put_end(char *to, size_t n)
{
	to[n++] = '\r';
	to[n++] = '\n';
	return n;
}

size_t
naive_repair(const char *in, size_t len, char *to, bool *leading_dot_r)
{
	size_t i, n = 0, crs = 0;

	for (i = 0; i < len; i++) {
		if (in[i] == '\r' && crs < 8) {
			crs++;
			continue;
		}
		if (in[i] == '\r' || in[i] == '\n')
			crs = in[i] == '\n' ? 1 : crs; /* one line end */
		for (; crs > 0 && in[i] != '\r'; crs--)
			n = put_end(to, n);
		if (in[i] == '\r')
			n = put_end(to, n);
		else if (in[i] != '\0' && in[i] != '\n')
			to[n++] = in[i];
	}
	for (; crs > 0; crs--)
		n = put_end(to, n);
	*leading_dot_r = n > 0 && to[0] == '.';
	for (i = 1; i < n; i++)
		if (to[i - 1] == '\n' && to[i] == '.')
			*leading_dot_r = true;
	return n;
}

static size_t
put_step(char *to, size_t n, const struct smtp_data_step *step)
{
	assert((step->run == NULL) == (step->run_len == 0));
	if (step->run != NULL)
		memcpy(to + n, step->run, step->run_len);
	return n + step->run_len;
}

size_t
feed_repair(const char *in, size_t len, size_t first, size_t chunk, char *to,
    bool *leading_dot_r)
{
	size_t at = 0, n = 0, stop = first > 0 && first < len ? first : len;
	struct smtp_data_step step;
	struct smtp_repair r;

	smtp_repair_init(&r);
	while (at < len) {
		step = smtp_repair_next(&r, in + at, stop - at);
		assert(step.used <= stop - at);
		assert(step.used > 0 || step.run != NULL);
		n = put_step(to, n, &step);
		at += step.used;
		if (at == stop)
			stop = len - at < chunk ? len : at + chunk;
	}
	while ((step = smtp_repair_end(&r)).run != NULL)
		n = put_step(to, n, &step);
	assert(r.at_start == (n == 0 || to[n - 1] == '\n'));
	*leading_dot_r = r.leading_dot;
	return n;
}
