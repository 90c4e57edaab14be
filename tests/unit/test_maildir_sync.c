/*
 * What a maildir has promised to keep is on the disk: which descriptors are
 * synced, in which order, and what becomes of a message when one can not be.
 * The fsync() of this program takes the place of the system's.
 */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "gateway/agent_maildir.h"

static char top[] = "/tmp/postern-sync-XXXXXX";
static char box[sizeof(top) + 8];
static char seen[100]; /* a letter for each call */
static char bad;       /* the one that fails */

static unsigned
messages(const char *part)
{
	char path[sizeof(box) + 8];
	struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/%s", box, part);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static bool
is(const struct stat *st, const char *dir, const char *part)
{
	char path[sizeof(box) + 8];
	struct stat other;

	snprintf(path, sizeof(path), "%s%s", dir, part);
	return stat(path, &other) == 0 && other.st_ino == st->st_ino &&
	    other.st_dev == st->st_dev;
}

/* f: a file that nobody can see yet; n: new/ with a message in it; b: the
 * maildir; t: the directory above. */
int
fsync(int fd)
{
	size_t at = strlen(seen);
	struct stat st;
	char what = '?';

	assert_int_equal(fstat(fd, &st), 0);
	if (S_ISREG(st.st_mode))
		what = messages("new") == 0 ? 'f' : '?';
	else if (is(&st, top, ""))
		what = 't';
	else if (is(&st, box, ""))
		what = 'b';
	else if (is(&st, box, "/new"))
		what = messages("new") == 1 ? 'n' : '?';
	assert_true(at + 1 < sizeof(seen));
	seen[at] = what;
	if (what != bad)
		return 0;
	errno = EIO;
	return -1;
}

static int
setup(void **state)
{
	(void)state;
	memcpy(strstr(top, "-sync-"), "-sync-XXXXXX", sizeof("-sync-XXXXXX"));
	assert_non_null(mkdtemp(top));
	snprintf(box, sizeof(box), "%s/box", top);
	memset(seen, 0, sizeof(seen));
	bad = 0;
	return 0;
}

static int
drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	(void)state;
	return nftw(top, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static int
save(void)
{
	struct maildir_file f;
	int result;

	assert_int_equal(maildir_open(&f, box, 1), 0);
	assert_int_equal(maildir_write(&f, "hello\r\n", 7), 0);
	result = maildir_commit(&f);
	if (result == -1)
		maildir_abort(&f);
	return result;
}

/* The entry of the maildir, those of tmp, new and cur, the content, and its
 * name: each before what depends on it. */
static void
all_is_synced_before_it_is_promised(void **state)
{
	(void)state;
	assert_int_equal(save(), 0);
	assert_string_equal(seen, "tbbbfn");
	assert_int_equal(messages("new"), 1);
	assert_int_equal(messages("tmp"), 0);
}

static void
nothing_is_left_of_what_can_not_be(void **state)
{
	(void)state;
	bad = 'f';
	assert_int_equal(save(), -1);
	assert_int_equal(messages("new"), 0);
	assert_int_equal(messages("tmp"), 0);
	bad = 'n';
	assert_int_equal(save(), -1);
	assert_int_equal(messages("new"), 0);
	assert_int_equal(messages("tmp"), 0);
	bad = 0;
	assert_int_equal(save(), 0);
	assert_string_equal(seen, "tbbbffnfn");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_synced_before_it_is_promised),
		TEST(nothing_is_left_of_what_can_not_be),
	};

	return cmocka_run_group_tests_name("maildir_sync", tests, NULL, NULL);
}
