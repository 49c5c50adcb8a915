// SPDX-License-Identifier: BSD-3-Clause
#include "config/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "config/lexer.h"

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

// Of `pattern`, in the form of config_file.text. 0, -ENOMEM or -EIO.
static int pattern_match(
	struct config_arena *arena, const char *pattern, const char **paths, size_t *length)
{
	char *copy = NULL;
	glob_t matches;
	int error = glob(pattern, 0, NULL, &matches);

	*length = 0;
	if (error && error != GLOB_NOMATCH)
		return error == GLOB_NOSPACE ? -ENOMEM : -EIO;
	for (size_t i = 0; !error && i < matches.gl_pathc; i++)
		*length += strlen(matches.gl_pathv[i]) + 1;
	copy = config_arena_allocate(arena, *length + 1);
	*paths = copy;
	for (size_t i = 0; copy && !error && i < matches.gl_pathc; i++)
		copy = stpcpy(copy, matches.gl_pathv[i]) + 1;
	if (!error)
		globfree(&matches);
	return *paths ? 0 : -ENOMEM;
}

static uint64_t pattern_sum(const char *pattern)
{
	struct config_arena arena = {0};
	const char *paths;
	size_t length;
	int error = pattern_match(&arena, pattern, &paths, &length);
	uint64_t sum = error ? sum_of_error(error) : config_sum_bytes(paths, length);

	config_arena_free(&arena);
	return sum;
}

uint64_t config_file_sum(enum config_file_kind kind, const char *path)
{
	return kind == CONFIG_FILE_PATTERN ? pattern_sum(path) : file_sum(path);
}

static struct config_file *files_add(
	struct config_files *files, enum config_file_kind kind, const char *path, uint64_t sum)
{
	struct config_file *list =
		config_arena_grow(files->arena, files->list, files->count, sizeof(*list));
	const char *copy = config_arena_copy_text(files->arena, path, strlen(path));

	if (!list || !copy)
		return NULL;
	files->list = list;
	list[files->count] = (struct config_file){.kind = kind, .path = copy, .sum = sum};
	return &list[files->count++];
}

int config_files_add(
	struct config_files *files, enum config_file_kind kind, const char *path, uint64_t sum)
{
	return files_add(files, kind, path, sum) ? 0 : -ENOMEM;
}

int config_files_add_text(struct config_files *files, enum config_file_kind kind, const char *path,
	const char *text, size_t length)
{
	const char *copy = config_arena_copy_text(files->arena, text, length);
	struct config_file *file;

	if (!copy)
		return -ENOMEM;
	file = files_add(files, kind, path, config_sum_bytes(text, length));
	if (!file)
		return -ENOMEM;
	file->text = copy;
	file->length = length;
	return 0;
}

static const struct config_file *files_find(
	const struct config_files *files, enum config_file_kind kind, const char *path)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->list[i].kind == kind && strcmp(files->list[i].path, path) == 0)
			return &files->list[i];
	}
	return NULL;
}

// The text of the file added last.
static void files_tell_last(const struct config_files *files, const char **text, size_t *length)
{
	*text = files->list[files->count - 1].text;
	*length = files->list[files->count - 1].length;
}

// What stands under a path now: 0 with the text in the arena, or -errno.
typedef int files_read(
	struct config_arena *arena, const char *path, const char **text, size_t *length);

// Adds it as it is now, or as it was before where that is what counts.
static int files_take(struct config_files *files, enum config_file_kind kind, const char *path,
	files_read *read_now, const char **text, size_t *length)
{
	struct config_arena scratch = {0};
	int error = 0;

	if (files->before) {
		const struct config_file *file = files_find(files->before, kind, path);

		if (!file)
			return -ENOENT;
		*text = file->text;
		*length = file->length;
	} else {
		error = read_now(&scratch, path, text, length);
	}
	if (!error)
		error = config_files_add_text(files, kind, path, *text, *length);
	config_arena_free(&scratch);
	if (!error)
		files_tell_last(files, text, length);
	return error;
}

int config_files_read_source(
	struct config_files *files, const char *path, const char **text, size_t *length)
{
	return files_take(files, CONFIG_FILE_SOURCE, path, config_read_whole_file, text, length);
}

int config_files_match(
	struct config_files *files, const char *pattern, const char **paths, size_t *length)
{
	return files_take(files, CONFIG_FILE_PATTERN, pattern, pattern_match, paths, length);
}

bool config_files_has_upstreams(const struct config_files *files, const char *path)
{
	if (files->before)
		return files_find(files->before, CONFIG_FILE_UPSTREAMS, path);
	return access(path, F_OK) == 0;
}
