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

/* What readers deliver, by peek, in steps of at most so many octets. */
static size_t
read_all(const struct message *m, size_t step, char *buf)
{
	struct message_reader *r = message_reader_new(m);
	const char *data;
	size_t len, n = 0;

	for (;;) {
		assert_int_equal(message_reader_peek(r, &data, &len), 0);
		if (len == 0)
			break;
		len = len < step ? len : step;
		memcpy(buf + n, data, len);
		message_reader_skip(r, len);
		n += len;
	}
	message_reader_free(&r);
	return n;
}

/* The same by gather, skipping over several pieces. */
static size_t
gather_all(const struct message *m, size_t step, int max, char *buf)
{
	struct message_reader *r = message_reader_new(m);
	struct iovec iov[4];
	size_t len, n = 0, taken;
	int i, count;

	while ((count = message_reader_gather(r, iov, max)) > 0) {
		for (taken = 0, i = 0; i < count && taken < step; i++) {
			len = iov[i].iov_len;
			if (len > step - taken)
				len = step - taken;
			assert_true(iov[i].iov_len > 0);
			memcpy(buf + n, iov[i].iov_base, len);
			n += len;
			taken += len;
		}
		message_reader_skip(r, taken);
	}
	assert_int_equal(count, 0);
	message_reader_free(&r);
	return n;
}

/* Removes the ranges given (as pairs, until 0 0) and compares every way of
 * reading with what is then expected. */
static void
check_removed(struct message *m, const uint64_t *cuts)
{
	uint64_t size = message_size(m), at;
	char *want = xmalloc(size + 1), *got = xmalloc(size + 1);
	size_t n = 0, i, step;
	bool gone;

	for (i = 0; cuts[i + 1] != 0; i += 2)
		message_remove(m, cuts[i], cuts[i + 1]);
	for (at = 0; at < size; at++) {
		for (gone = false, i = 0; cuts[i + 1] != 0; i += 2)
			gone = gone ||
			    (at >= cuts[i] && at < cuts[i] + cuts[i + 1]);
		if (!gone)
			want[n++] = octet(at);
	}
	assert_int_equal(message_size(m), size);
	assert_int_equal(message_wire_size(m), n);
	for (step = 1; step < size + 10; step += step < 40 ? 1 : step) {
		assert_int_equal(read_all(m, step, got), n);
		assert_memory_equal(got, want, n);
		assert_int_equal(gather_all(m, step, 3, got), n);
		assert_memory_equal(got, want, n);
		assert_int_equal(gather_all(m, step, 1, got), n);
		assert_memory_equal(got, want, n);
	}
	free(want);
	free(got);
}

/* Ranges at both ends, next to each other, over borders of blocks and of the
 * file, everything; in any order. */
static void
test_remove(void **state)
{
	static const uint64_t all[][9] = {
		{ 0, 1, 0, 0 },
		{ 10, 5, 3, 7, 30, 1, 0, 0 },
		{ 0, 10, 10, 10, 90, 10, 0, 0 },
		{ 8190, 4, 0, 0 },
		{ 8192, 65536, 0, 0 },
		{ 100, 8092, 8192, 1, 8193, 70000, 0, 0 },
		{ 0, 99999, 0, 0 },
		{ 99000, 1000, 5, 1, 0, 0 },
		{ 0, 100000, 0, 0 },
	};
	struct spool_conf small = { .directory = "/tmp", .memory = 4096 };
	struct spool *memory = spool_new(&conf), *file = spool_new(&small);
	struct message *m;
	size_t i, size;
	int k;

	(void)state;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		for (k = 0; k < 4; k++) {
			m = message_new(k < 2 ? memory : file);
			size = i < 3 ? 100 : 100000;
			append(m, size, k % 2 == 0 ? 1000 : 70000);
			check_removed(m, all[i]);
			message_free(&m);
		}
	spool_free(&memory);
	spool_free(&file);
}

/* With every border in turn, in a message short enough for all. */
static void
test_remove_everywhere(void **state)
{
	struct spool *sp = spool_new(&conf);
	struct message *m;
	uint64_t cuts[7] = { 0 };

	(void)state;
	for (cuts[0] = 0; cuts[0] < 6; cuts[0]++)
		for (cuts[1] = 1; cuts[0] + cuts[1] <= 6; cuts[1]++)
			for (cuts[2] = cuts[0] + cuts[1]; cuts[2] < 8;
			     cuts[2]++) {
				m = message_new(sp);
				append(m, 8, 8);
				cuts[3] = 8 - cuts[2];
				check_removed(m, cuts);
				message_free(&m);
			}
	spool_free(&sp);
}

/* Added headers stay what they are, in front. */
static void
test_remove_and_prepend(void **state)
{
	struct spool *sp = spool_new(&conf);
	struct message *m = message_new(sp);
	struct message_reader *r;
	const char *data;
	char buf[20];
	size_t len;

	(void)state;
	assert_int_equal(message_append(m, "B: 1\r\nC: 1\r\n", 12), 0);
	message_prepend(m, "A: 1\r\n", 6);
	message_remove(m, 0, 6);
	assert_int_equal(message_wire_size(m), 12);
	assert_int_equal(read_all(m, 100, buf), 12);
	assert_memory_equal(buf, "A: 1\r\nC: 1\r\n", 12);
	assert_int_equal(gather_all(m, 100, 4, buf), 12);
	assert_memory_equal(buf, "A: 1\r\nC: 1\r\n", 12);
	message_remove(m, 6, 6);
	r = message_reader_new_original(m);
	assert_int_equal(message_reader_peek(r, &data, &len), 0);
	assert_int_equal(len, 12);
	assert_memory_equal(data, "B: 1\r\nC: 1\r\n", 12);
	message_reader_free(&r);
	r = message_reader_new(m);
	assert_false(message_reader_in_content(r));
	message_reader_skip(r, 6);
	assert_true(message_reader_in_content(r));
	message_reader_free(&r);
	message_free(&m);
	spool_free(&sp);
}

/* By position, over all borders, whatever is removed. */
static void
test_copy(void **state)
{
	struct spool_conf small = { .directory = "/tmp", .memory = 4096 };
	struct spool *memory = spool_new(&conf), *file = spool_new(&small);
	static const uint64_t from[] = { 0, 1, 8190, 8192, 70000, 99999,
		100000 };
	static const size_t lens[] = { 0, 1, 5, 9000, 100000 };
	char *buf = xmalloc(100000);
	struct message *m;
	size_t i, k, n, len;
	int in_file;

	(void)state;
	for (in_file = 0; in_file < 2; in_file++) {
		m = message_new(in_file ? file : memory);
		append(m, 100000, 1000);
		message_prepend(m, "A: 1\r\n", 6);
		message_remove(m, 0, 8190);
		for (i = 0; i < sizeof(from) / sizeof(from[0]); i++)
			for (k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
				len = lens[k];
				if (len > 100000 - from[i])
					len = 100000 - from[i];
				assert_int_equal(
				    message_copy(m, from[i], buf, len), 0);
				for (n = 0; n < len; n++)
					if (buf[n] != octet(from[i] + n))
						fail_msg("octet %zu", n);
			}
		message_free(&m);
	}
	free(buf);
	spool_free(&memory);
	spool_free(&file);
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
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_remove_everywhere),
		cmocka_unit_test(test_remove_and_prepend),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
