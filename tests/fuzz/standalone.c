/*
 * A main for the fuzz targets without libFuzzer: each file, or each file of
 * each directory given, goes through the target once.  So the corpus is a unit
 * test with any compiler.
 */

#include <sys/stat.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A target aborts when it finds something: there is no other way to fail. */
static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t size = 0, room = 4096, n;
	uint8_t *data = malloc(room), *input;

	if (f == NULL || data == NULL) {
		perror(path);
		exit(1);
	}
	while ((n = fread(data + size, 1, room - size, f)) > 0) {
		size += n;
		if (size == room) {
			room *= 2;
			data = realloc(data, room);
			if (data == NULL)
				exit(1);
		}
	}
	fclose(f);
	/* Exactly as much as there is, for the sanitizers. */
	input = malloc(size > 0 ? size : 1);
	if (input == NULL)
		exit(1);
	for (n = 0; n < size; n++)
		input[n] = data[n];
	free(data);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
	return 1;
}

static int
run_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char file[4096];
	int count = 0;

	if (dir == NULL) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		count += run_file(file);
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	struct stat st;
	int i, count = 0;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == -1) {
			perror(argv[i]);
			return 1;
		}
		count += S_ISDIR(st.st_mode) ? run_directory(argv[i])
					     : run_file(argv[i]);
	}
	if (count == 0) {
		fprintf(stderr, "usage: %s file-or-directory ...\n", argv[0]);
		return 1;
	}
	printf("%d passed, 0 failed\n", count);
	return 0;
}
