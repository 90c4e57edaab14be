/*
 * Counters and the histogram of latencies: 32 steps for each power of two
 * microseconds, so a quantile is right to 3 percent.
 */

#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif

#include <sys/types.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <stdint.h>
#include <stdio.h>

#include "gen.h"

#define STEP_BITS 5
#define STEPS (1U << STEP_BITS)
#define BUCKETS (40 * STEPS)

static const char *const names[STAT_COUNT] = { "ok", "tempfail", "permfail",
	"lost", "timeout", "proto", "faulted", "retried", "failed",
	"connections", "no_connect", "rcpt_ok", "rcpt_tempfail",
	"rcpt_permfail" };

static unsigned long counts[STAT_COUNT];
static unsigned long histogram[BUCKETS];
static unsigned long samples;
static uint64_t longest;

void
stat_add(enum stat which)
{
	counts[which]++;
}

unsigned long
stat_get(enum stat which)
{
	return counts[which];
}

void
stat_latency(uint64_t us)
{
	uint64_t v = us;
	unsigned exp = 0, i;

	for (; v >= 2 * STEPS; v >>= 1)
		exp++;
	i = exp * STEPS + (unsigned)v;
	histogram[i < BUCKETS ? i : BUCKETS - 1]++;
	samples++;
	if (us > longest)
		longest = us;
}

/* Milliseconds that the given share of messages did not exceed. */
static double
quantile(double share)
{
	unsigned long seen = 0, want;
	unsigned i, exp;

	want = (unsigned long)(share * (double)samples);
	for (i = 0; i < BUCKETS; i++)
		if ((seen += histogram[i]) > want)
			break;
	if (i == BUCKETS)
		return (double)longest / 1000;
	exp = i < 2 * STEPS ? 0 : i / STEPS - 1;
	return (double)((uint64_t)(i - exp * STEPS) << exp) / 1000;
}

static double
cpu_ms(void)
{
	struct rusage ru;

	if (getrusage(RUSAGE_SELF, &ru) == -1)
		return 0;
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000 +
	    (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000;
}

void
stat_print(uint64_t us)
{
	double seconds = (double)us / 1e6, rate;
	unsigned i;

	rate = us > 0 ? (double)counts[STAT_OK] / seconds : 0;
	printf("smtpgen: %lu ok, %lu 4xx, %lu 5xx, %lu lost, %lu protocol "
	       "errors, %lu given up in %.3f s: %.1f messages/s, "
	       "p50 %.2f ms, p99 %.2f ms\n",
	    counts[STAT_OK], counts[STAT_TEMP], counts[STAT_PERM],
	    counts[STAT_LOST], counts[STAT_PROTO], counts[STAT_FAILED], seconds,
	    rate, quantile(0.5), quantile(0.99));
	printf("gen");
	for (i = 0; i < STAT_COUNT; i++)
		printf(" %s=%lu", names[i], counts[i]);
	printf(" size=%zu seconds=%.3f rate=%.1f p50_ms=%.3f p99_ms=%.3f "
	       "max_ms=%.3f cpu_ms=%.1f\n",
	    msg_maker_size(gen.maker), seconds, rate, quantile(0.5),
	    quantile(0.99), (double)longest / 1000, cpu_ms());
}
