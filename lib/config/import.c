// SPDX-License-Identifier: BSD-3-Clause
#include "config/import.h"

#include <errno.h>
#include <string.h>

const char *config_path_beside(struct config_arena *arena, const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	size_t folder = slash && path[0] != '/' ? (size_t)(slash - file) + 1 : 0;
	char *joined = config_arena_allocate(arena, folder + strlen(path) + 1);

	if (joined) {
		memcpy(joined, file, folder);
		memcpy(joined + folder, path, strlen(path) + 1);
	}
	return joined;
}

static bool import_is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

// The pattern beside `file`, whose folder is no pattern whatever its name.
static const char *import_make_pattern(
	struct config_arena *arena, const char *file, const char *pattern)
{
	const char *slash = strrchr(file, '/');
	size_t folder = slash && pattern[0] != '/' ? (size_t)(slash - file) + 1 : 0;
	char *joined = config_arena_allocate(arena, 2 * folder + strlen(pattern) + 1);
	char *at = joined;

	if (!joined)
		return NULL;
	for (size_t i = 0; i < folder; i++) {
		if (strchr("*?[\\", file[i]))
			*at++ = '\\';
		*at++ = file[i];
	}
	memcpy(at, pattern, strlen(pattern) + 1);
	return joined;
}

static int import_find_matches(
	struct config_lines *lines, struct config_frame *frame, const struct config_token *name)
{
	const char *pattern = import_make_pattern(lines->arena, name->place.file, name->text);
	const char *paths;
	size_t length;
	int err = -ENOMEM;

	if (pattern)
		err = config_files_match(lines->files, pattern, &paths, &length);
	if (err == -ENOMEM)
		return config_fail_memory(lines->error, name->place);
	if (err)
		return config_fail(lines->error, name->place, "import " CONFIG_WORD ": %s",
			name->text, strerror(-err));
	for (const char *path = paths; path < paths + length; path += strlen(path) + 1) {
		frame->files = config_arena_grow(
			lines->arena, frame->files, frame->file_count, sizeof(char *));
		if (!frame->files)
			return config_fail_memory(lines->error, name->place);
		frame->files[frame->file_count++] = path;
	}
	return 0;
}

static int import_name_file(
	struct config_lines *lines, struct config_frame *frame, const struct config_token *name)
{
	frame->files = config_arena_allocate(lines->arena, sizeof(char *));
	if (!frame->files)
		return config_fail_memory(lines->error, name->place);
	frame->files[0] = config_path_beside(lines->arena, name->place.file, name->text);
	if (!frame->files[0])
		return config_fail_memory(lines->error, name->place);
	frame->file_count = 1;
	return 0;
}

static int import_count_one(struct config_lines *lines, struct config_place place, const char *what)
{
	if (lines->import_count++ < CONFIG_IMPORT_COUNT)
		return 0;
	return config_fail(lines->error, place, "import " CONFIG_WORD " is beyond %d imports", what,
		CONFIG_IMPORT_COUNT);
}

static int import_check_line(struct config_lines *lines, const struct config_line *line)
{
	if (line->count == 1 || !line->words[1].text[0])
		return config_fail(
			lines->error, line->place, "'import' needs a file, a pattern or a snippet");
	if (line->count > 2)
		return config_fail(lines->error, line->words[2].place,
			"'import' takes one argument, but " CONFIG_WORD " follows",
			line->words[2].text);
	if (line->opens_block)
		return config_fail(lines->error, line->place, "'import' takes no block");
	if (lines->frame_count > CONFIG_IMPORT_DEPTH)
		return config_fail(lines->error, line->place,
			"import " CONFIG_WORD
			" is nested more than %d deep: does it import itself?",
			line->words[1].text, CONFIG_IMPORT_DEPTH);
	return 0;
}

int config_import(struct config_lines *lines, const struct config_line *line)
{
	struct config_frame frame = {.import_place = line->place};
	const struct config_snippet *snippet = NULL;
	const struct config_token *name;
	int err = import_check_line(lines, line);

	if (err)
		return err;
	name = &line->words[1];
	for (size_t i = 0; i < lines->snippet_count; i++) {
		if (strcmp(lines->snippets[i].name, name->text) == 0)
			snippet = &lines->snippets[i];
	}
	if (snippet) {
		frame.tokens = snippet->tokens;
		frame.count = snippet->count;
		err = import_count_one(lines, line->place, name->text);
	} else if (import_is_pattern(name->text)) {
		err = import_find_matches(lines, &frame, name);
	} else {
		err = import_name_file(lines, &frame, name);
	}
	if (!err)
		lines->frames[lines->frame_count++] = frame;
	return err;
}

int config_import_next_file(struct config_lines *lines)
{
	struct config_frame *frame = &lines->frames[lines->frame_count - 1];
	const char *path = frame->files[0];
	struct config_tokens tokens;
	const char *text;
	size_t length;
	int err = import_count_one(lines, frame->import_place, path);

	if (err)
		return err;
	frame->files++;
	frame->file_count--;
	err = config_files_read_source(lines->files, path, &text, &length);
	if (err == -ENOMEM)
		return config_fail_memory(lines->error, frame->import_place);
	if (err)
		return config_fail(lines->error, frame->import_place, "import " CONFIG_WORD ": %s",
			path, strerror(-err));
	err = config_lex_text(lines->arena, path, text, length, &tokens, lines->error);
	frame->tokens = tokens.list;
	frame->count = err ? 0 : tokens.count;
	frame->at = 0;
	return err;
}
