// SPDX-License-Identifier: BSD-3-Clause
#include "config/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#define SUM_START UINT64_C(0xcbf29ce484222325)
#define SUM_BYTES_MOST (16u << 20) // of one file

static uint64_t sum_more(uint64_t sum, const void *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t config_sum_bytes(const void *bytes, size_t length)
{
	return sum_more(SUM_START, bytes, length);
}

static uint64_t sum_of_error(int error)
{
	return config_sum_bytes(&error, sizeof(error));
}

static uint64_t file_sum(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t sum = SUM_START;
	char bytes[16384];
	size_t total = 0;
	ssize_t got;

	if (file < 0)
		return sum_of_error(errno);
	while ((got = read(file, bytes, sizeof(bytes))) > 0 && total < SUM_BYTES_MOST) {
		sum = sum_more(sum, bytes, (size_t)got);
		total += (size_t)got;
	}
	if (got < 0)
		sum = sum_of_error(errno);
	(void)close(file);
	return sum;
}

static uint64_t pattern_sum(const char *pattern)
{
	uint64_t sum = SUM_START;
	glob_t matches;
	int error = glob(pattern, 0, NULL, &matches);

	if (error == GLOB_NOMATCH)
		return sum;
	if (error)
		return sum_of_error(error);
	for (size_t i = 0; i < matches.gl_pathc; i++)
		sum = sum_more(sum, matches.gl_pathv[i], strlen(matches.gl_pathv[i]) + 1);
	globfree(&matches);
	return sum;
}

uint64_t config_file_sum(enum config_file_kind kind, const char *path)
{
	return kind == CONFIG_FILE_PATTERN ? pattern_sum(path) : file_sum(path);
}

int config_files_add(
	struct config_files *files, enum config_file_kind kind, const char *path, uint64_t sum)
{
	struct config_file *list =
		config_arena_grow(files->arena, files->list, files->count, sizeof(*list));
	const char *copy = config_arena_copy_text(files->arena, path, strlen(path));

	if (!list || !copy)
		return -ENOMEM;
	files->list = list;
	list[files->count++] = (struct config_file){.kind = kind, .path = copy, .sum = sum};
	return 0;
}
