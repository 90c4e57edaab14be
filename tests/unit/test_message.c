/*
 * Messages: in memory, in a file, read by pieces, and a disk that is full.
 */

#include <sys/resource.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "mem.h"
#include "message.h"

static struct spool_conf conf = { .directory = "/tmp", .memory = 1 << 20 };

/* Octets that tell where they stand. */
static char
octet(uint64_t at)
{
	return (char)(at * 2654435761u >> 13);
}

static void
append(struct message *m, size_t len, size_t piece)
{
	uint64_t at = message_size(m);
	char *data = xmalloc(piece);
	size_t i, n;

	while (len > 0) {
		n = len < piece ? len : piece;
		for (i = 0; i < n; i++)
			data[i] = octet(at + i);
		assert_int_equal(message_append(m, data, n), 0);
		at += n;
		len -= n;
	}
	free(data);
}

/* Reads by pieces of at most step octets. */
static void
check(const struct message *m, uint64_t size, size_t step)
{
	struct message_reader *r = message_reader_new(m);
	const char *data;
	uint64_t at = 0;
	size_t i, len;

	assert_int_equal(message_size(m), size);
	for (;;) {
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		if (len == 0)
			break;
		assert_true(message_reader_in_content(r));
		if (len > step)
			len = step;
		for (i = 0; i < len; i++)
			if (data[i] != octet(at + i))
				fail_msg("octet %ju", (uintmax_t)(at + i));
		at += len;
		message_reader_skip(r, len);
	}
	assert_int_equal(at, size);
	assert_int_equal(message_reader_peek(r, &data, &len), 0);
	assert_int_equal(len, 0);
	message_reader_free(&r);
	assert_null(r);
}

/* The same by gather, each round taking only a part. */
static void
check_gather(const struct message *m, uint64_t size, size_t step)
{
	struct message_reader *r = message_reader_new(m);
	struct iovec iov[3];
	uint64_t at = 0, seen;
	size_t k, total;
	int i, n;

	while ((n = message_reader_gather(r, iov, 3)) > 0) {
		assert_in_range(n, 1, message_in_file(m) ? 1 : 3);
		seen = at;
		total = 0;
		for (i = 0; i < n; i++) {
			for (k = 0; k < iov[i].iov_len; k++)
				if (((char *)iov[i].iov_base)[k] !=
				    octet(seen + k))
					fail_msg(
					    "octet %ju", (uintmax_t)(seen + k));
			seen += iov[i].iov_len;
			total += iov[i].iov_len;
		}
		message_reader_skip(r, total < step ? total : step);
		at += total < step ? total : step;
	}
	assert_int_equal(n, 0);
	assert_int_equal(at, size);
	message_reader_free(&r);
}

static void
test_sizes(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 8191, 8192, 8193, 65536,
		73727, 73728, 73729, 200000, 1 << 20 };
	struct spool *sp = spool_new(&conf);
	struct message *m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		m = message_new(sp);
		assert_int_equal(message_outstanding(), 1);
		append(m, sizes[i], 1000);
		assert_false(message_in_file(m));
		check(m, sizes[i], SIZE_MAX);
		check(m, sizes[i], 777);
		check_gather(m, sizes[i], SIZE_MAX);
		check_gather(m, sizes[i], 99999);
		message_free(&m);
		assert_null(m);
	}
	message_free(&m);
	assert_int_equal(message_outstanding(), 0);
	spool_free(&sp);
	assert_null(sp);
	spool_free(&sp);
}

static void
test_file(void **state)
{
	static const size_t pieces[] = { 1, 1000, 65535, 65536, 65537, 300000 };
	struct spool_conf small = { .directory = "/tmp", .memory = 4096 };
	struct spool *sp = spool_new(&small);
	struct message *m;
	size_t i, size;

	(void)state;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		for (size = 4096; size < 500000; size = size * 5 + 1) {
			m = message_new(sp);
			append(m, size, pieces[i]);
			assert_int_equal(message_in_file(m), size > 4096);
			check(m, size, SIZE_MAX);
			check(m, size, 777);
			check_gather(m, size, SIZE_MAX);
			check_gather(m, size, 1000);
			message_free(&m);
		}
	}
	/* small and large pieces by turns */
	m = message_new(sp);
	for (i = 0; i < 20; i++) {
		append(m, 10, 10);
		append(m, 70000, 70000);
		append(m, 65536, 65536);
	}
	check(m, 20 * (10 + 70000 + 65536), SIZE_MAX);
	message_free(&m);
	spool_free(&sp);
}

static void
test_no_name_in_directory(void **state)
{
	char dir[] = "/tmp/postern-spool-XXXXXX";
	struct spool_conf here = { .directory = dir, .memory = 4096 };
	struct spool *sp = spool_new(&here);
	struct message *m = message_new(sp);

	(void)state;
	assert_non_null(mkdtemp(dir));
	append(m, 100000, 4096);
	assert_true(message_in_file(m));
	assert_int_equal(rmdir(dir), 0); /* it is empty */
	check(m, 100000, SIZE_MAX);
	message_free(&m);

	m = message_new(sp); /* the directory is gone */
	append(m, 4096, 4096);
	assert_int_equal(message_append(m, "x", 1), -1);
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_int_equal(message_append(m, "x", 1), -1);
	assert_int_equal(errno, ENOENT);
	message_free(&m);
	spool_free(&sp);
}

/* Two readers at different places, and headers added in between. */
static void
test_headers(void **state)
{
	struct spool_conf small = { .directory = "/tmp", .memory = 4096 };
	struct spool *sp = spool_new(&small);
	struct message_reader *r;
	struct message *m;
	struct iovec iov[8];
	const char *data;
	size_t len;
	int in_file;

	(void)state;
	for (in_file = 0; in_file < 2; in_file++) {
		m = message_new(sp);
		append(m, in_file ? 5000 : 10, 100);
		message_prepend(m, "B: 1\r\n", 6);
		message_prepend(m, "A: 1\r\n 2\r\n", 10);
		assert_int_equal(message_size(m), in_file ? 5000 : 10);
		assert_int_equal(message_wire_size(m), message_size(m) + 16);
		r = message_reader_new(m);
		assert_int_equal(
		    message_reader_gather(r, iov, 8), in_file ? 1 : 3);
		assert_int_equal(iov[0].iov_len, 10);
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		assert_int_equal(len, 10);
		assert_memory_equal(data, "A: 1\r\n 2\r\n", 10);
		assert_false(message_reader_in_content(r));
		message_reader_skip(r, 4);
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		assert_int_equal(len, 6);
		message_reader_skip(r, 6);
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		assert_memory_equal(data, "B: 1\r\n", 6);
		assert_false(message_reader_in_content(r));
		message_reader_skip(r, 6);
		assert_true(message_reader_in_content(r));
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		assert_int_equal(data[0], octet(0));
		message_reader_free(&r);
		if (!in_file) { /* skip over several pieces at once */
			r = message_reader_new(m);
			message_reader_skip(r, 19);
			assert_int_equal(
			    message_reader_peek(r, &data, &len), 0);
			assert_int_equal(len, 7);
			assert_int_equal(data[0], octet(3));
			message_reader_free(&r);
		}
		message_free(&m);
	}
	spool_free(&sp);
}

static void
test_empty(void **state)
{
	struct spool *sp = spool_new(&conf);
	struct message *m = message_new(sp);
	struct message_reader *r;
	const char *data;
	size_t len;

	(void)state;
	assert_int_equal(message_append(m, NULL, 0), 0);
	r = message_reader_new(m);
	assert_true(message_reader_in_content(r));
	assert_int_equal(message_reader_peek(r, &data, &len), 0);
	assert_int_equal(len, 0);
	message_reader_skip(r, 0);
	message_reader_free(&r);
	message_reader_free(&r);
	assert_false(message_has_leading_dot(m));
	message_set_leading_dot(m, true);
	assert_true(message_has_leading_dot(m));
	message_free(&m);
	spool_free(&sp);
}

/* A limit on the size of files stands for a full disk.  What was read before
 * is right, nothing is appended afterwards. */
static void
test_full_disk(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	struct spool *sp = spool_new(&conf);
	struct message *m = message_new(sp);
	struct rlimit limit, lower;
	char data[4096] = "";
	int i, error = 0;

	(void)state;
	sigaction(SIGXFSZ, &ignore, &old);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	lower = limit;
	lower.rlim_cur = (1 << 20) + 100000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &lower), 0);
	for (i = 0; i < 1000 && error == 0; i++)
		if (message_append(m, data, sizeof(data)) == -1)
			error = errno;
	setrlimit(RLIMIT_FSIZE, &limit);
	sigaction(SIGXFSZ, &old, NULL);
	assert_int_equal(error, EFBIG);
	assert_true(message_size(m) < (2 << 20));
	errno = 0;
	assert_int_equal(message_append(m, data, 1), -1);
	assert_int_equal(errno, EFBIG);
	message_free(&m);
	spool_free(&sp);
}

/* More blocks than are kept. */
static void
test_many(void **state)
{
	static struct message *many[300];
	struct spool *sp = spool_new(&conf);
	size_t i;
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 300; i++) {
			many[i] = message_new(sp);
			append(many[i], 10000, 10000);
		}
		assert_int_equal(message_outstanding(), 300);
		for (i = 0; i < 300; i++) {
			check(many[i], 10000, SIZE_MAX);
			message_free(&many[i]);
		}
	}
	spool_free(&sp);
}

static void
test_options(void **state)
{
	struct spool_conf c;
	struct arena a;

	(void)state;
	arena_init(&a, 256);
	opt_defaults(spool_options, &c, &a);
	assert_string_equal(c.directory, "/tmp");
	assert_int_equal(c.memory, 1 << 20);
	arena_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_no_name_in_directory),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
