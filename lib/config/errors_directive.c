// SPDX-License-Identifier: BSD-3-Clause
#include "config/errors_directive.h"

#include <ctype.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum config_error_level level;
} levels[] = {
	{"error", CONFIG_LEVEL_ERROR},
	{"warning", CONFIG_LEVEL_WARNING},
	{"info", CONFIG_LEVEL_INFO},
	{"debug", CONFIG_LEVEL_DEBUG},
};

// How often, at most, what stands within the repeats of this interval is there: "{3}", "{,3}", "{1,3}".
static unsigned long interval_most(const char *text)
{
	unsigned long least = strtoul(text + 1, NULL, 10);
	const char *comma = text + strcspn(text, ",}");
	unsigned long most = *comma == ',' ? strtoul(comma + 1, NULL, 10) : 0;

	return most > least ? most : least;
}

// What the library would take and we do not: NULL, or why. Repeats of repeats multiply.
static const char *expression_fault(const char *text)
{
	unsigned long repeats = 1;

	if (strlen(text) > CONFIG_EXPRESSION_BYTES_MOST)
		return "is too long";
	for (; *text; text++) {
		if (text[0] == '\\' && isalnum((unsigned char)text[1]))
			return "has a backslash before a letter or digit, which stands for nothing "
			       "in "
			       "a POSIX extended regular expression";
		if (text[0] == '\\' && text[1]) {
			text++;
		} else if (text[0] == '{') {
			unsigned long most = interval_most(text);

			if (most > CONFIG_EXPRESSION_REPEATS_MOST)
				return "repeats too much";
			repeats *= most ? most : 1;
			if (repeats > CONFIG_EXPRESSION_REPEATS_MOST)
				return "repeats too much";
		}
	}
	return NULL;
}

static int read_expression(struct config_reader *reader, const struct config_line *line,
	struct config_consolidation *consolidation)
{
	const char *text = line->words[2].text;
	const char *fault = expression_fault(text);
	char reason[128];
	regex_t compiled;
	int error;

	if (fault)
		return config_fail_word(reader, line, 2, fault);
	error = regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB);
	if (error) {
		(void)regerror(error, &compiled, reason, sizeof(reason));
		return config_fail(reader->error, line->words[2].place,
			"consolidate " CONFIG_WORD " is not a regular expression: %s", text,
			reason);
	}
	regfree(&compiled);
	consolidation->expression = config_arena_copy_text(reader->arena, text, strlen(text));
	return consolidation->expression ? 0 : config_fail_memory(reader->error, line->place);
}

// [LEVEL] [show_first]
static int read_how(struct config_reader *reader, const struct config_line *line,
	struct config_consolidation *consolidation)
{
	size_t at = 3;

	consolidation->level = CONFIG_LEVEL_ERROR;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(levels) && at == 3 && at < line->count; i++) {
		if (strcmp(line->words[at].text, levels[i].name) != 0)
			continue;
		consolidation->level = levels[i].level;
		at++;
	}
	if (at < line->count && strcmp(line->words[at].text, "show_first") == 0) {
		consolidation->shows_first = true;
		at++;
	}
	return at == line->count
		       ? 0
		       : config_fail_word(reader, line, at,
				 at == 3 ? "is not error, warning, info, debug or show_first"
					 : "is too much");
}

static int read_consolidation(
	struct config_reader *reader, const struct config_line *line, struct config_errors *errors)
{
	const struct config_arity arity = {.least = 2, .most = 4};
	struct config_consolidation *list;
	int err = config_check_arity(reader, line, arity);

	if (err)
		return err;
	if (errors->count == CONFIG_CONSOLIDATIONS_MOST)
		return config_fail(reader->error, line->place, "more than %d 'consolidate'",
			CONFIG_CONSOLIDATIONS_MOST);
	list = config_arena_grow(
		reader->arena, errors->consolidations, errors->count, sizeof(*list));
	if (!list)
		return config_fail_memory(reader->error, line->place);
	errors->consolidations = list;
	list += errors->count++;
	err = config_read_duration(reader, line, 1, 1, &list->period);
	if (!err)
		err = read_expression(reader, line, list);
	return err ? err : read_how(reader, line, list);
}

int config_read_errors(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_errors *errors)
{
	struct config_line option;
	int err = 0;

	if (line->count > 1 && strcmp(line->words[1].text, "stdout") != 0)
		return config_fail_word(reader, line, 1, "is not stdout");
	if (!line->opens_block)
		return 0;
	do {
		err = config_lines_next(lines, &option);
		if (err || !option.count)
			continue;
		if (strcmp(option.words[0].text, "consolidate") == 0)
			err = read_consolidation(reader, &option, errors);
		else
			err = config_fail(reader->error, option.place,
				"unknown option " CONFIG_WORD " of errors", option.words[0].text);
	} while (!err && option.count);
	return err;
}
