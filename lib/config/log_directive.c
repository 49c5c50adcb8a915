// SPDX-License-Identifier: BSD-3-Clause
#include "config/log_directive.h"

#include <errno.h>
#include <string.h>

#define FORMAT_BYTES_MOST 4096

static int read_classes(
	struct config_reader *reader, const struct config_line *line, struct config_log *log)
{
	static const struct {
		const char *name;
		uint8_t classes;
	} known[] = {
		{"success", CONFIG_LOG_SUCCESS},
		{"denial", CONFIG_LOG_DENIAL},
		{"error", CONFIG_LOG_ERROR},
		{"all", CONFIG_LOG_ALL},
	};

	for (size_t i = 1; i < line->count; i++) {
		uint8_t classes = 0;

		for (size_t j = 0; j < BASE_ARRAY_SIZE(known); j++) {
			if (strcmp(line->words[i].text, known[j].name) == 0)
				classes = known[j].classes;
		}
		if (!classes)
			return config_fail_word(
				reader, line, i, "is not success, denial, error or all");
		log->classes |= classes;
	}
	return 0;
}

static int read_log_option(
	struct config_reader *reader, const struct config_line *line, struct config_log *log)
{
	const struct config_arity arity = {.least = 1, .most = CONFIG_ANY_COUNT};
	int err;

	if (strcmp(line->words[0].text, "class") != 0)
		return config_fail(reader->error, line->place,
			"unknown option " CONFIG_WORD " of log", line->words[0].text);
	err = config_check_arity(reader, line, arity);
	return err ? err : read_classes(reader, line, log);
}

static int read_log_block(
	struct config_reader *reader, struct config_lines *lines, struct config_log *log)
{
	struct config_line line;
	int err;

	do {
		err = config_lines_next(lines, &line);
		if (!err && line.count)
			err = read_log_option(reader, &line, log);
	} while (!err && line.count);
	return err;
}

// Adds `length` bytes; false when they do not fit.
static bool add_text(char *text, size_t *at, const char *bytes, size_t length)
{
	if (length > FORMAT_BYTES_MOST - *at)
		return false;
	memcpy(text + *at, bytes, length);
	*at += length;
	return true;
}

// The format with what its short names stand for; NULL: it is too long.
static const char *expand(char text[FORMAT_BYTES_MOST], const char *format, size_t *length)
{
	static const struct {
		const char *name;
		const char *format;
	} names[] = {{"{common}", CONFIG_LOG_COMMON}, {"{combined}", CONFIG_LOG_COMBINED}};

	*length = 0;
	while (*format) {
		const char *put = format;
		size_t put_length = 1;
		size_t taken = 1;

		for (size_t i = 0; i < BASE_ARRAY_SIZE(names); i++) {
			if (strncmp(format, names[i].name, strlen(names[i].name)) != 0)
				continue;
			put = names[i].format;
			put_length = strlen(put);
			taken = strlen(names[i].name);
		}
		if (!add_text(text, length, put, put_length))
			return NULL;
		format += taken;
	}
	return text;
}

static int set_format(struct config_reader *reader, const struct config_line *line,
	const char *format, struct config_log *log)
{
	char text[FORMAT_BYTES_MOST];
	size_t length;

	if (!expand(text, format, &length))
		return config_fail(reader->error, line->place, "the format of log is too long");
	log->format = config_arena_copy_text(reader->arena, text, length);
	return log->format ? 0 : config_fail_memory(reader->error, line->place);
}

int config_read_log(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_log *log)
{
	const struct config_token root = {.text = ".", .place = line->place};
	const char *format = CONFIG_LOG_COMMON;
	size_t name_end = line->count;
	int err = 0;

	// The last word is a format if it looks like one.
	if (line->count > 1 && strchr(line->words[line->count - 1].text, '{'))
		format = line->words[--name_end].text;
	for (size_t i = 1; !err && i < name_end; i++)
		err = config_add_names(reader, &line->words[i], &log->names, &log->name_count);
	if (!err && !log->name_count)
		err = config_add_names(reader, &root, &log->names, &log->name_count);
	if (!err)
		err = set_format(reader, line, format, log);
	if (!err && line->opens_block)
		err = read_log_block(reader, lines, log);
	if (!log->classes)
		log->classes = CONFIG_LOG_ALL;
	return err;
}
