// SPDX-License-Identifier: BSD-3-Clause
#include "scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/values.h"

#define SCENARIO_BYTES_MOST (1 << 20)
#define SCENARIO_FAILURE_TEXT 40000 // two messages as text and what is said about them

static int read_whole_file(const char *file, char **text)
{
	FILE *stream = fopen(file, "r");
	size_t length;

	if (!stream) {
		fprintf(stderr, "%s: %s\n", file, strerror(errno));
		return -1;
	}
	*text = calloc(1, SCENARIO_BYTES_MOST + 1);
	length = *text ? fread(*text, 1, SCENARIO_BYTES_MOST, stream) : 0;
	if (!length || ferror(stream) || !feof(stream)) {
		fprintf(stderr, "%s: empty, unreadable or too long\n", file);
		length = 0;
	}
	(void)fclose(stream);
	return length ? 0 : -1;
}

// Splits at blanks; a quoted word keeps its blanks, `#` starts a comment, and one colon at the
// end of a word ("client asks 1:") is for the reader's eyes alone.
static int line_split(struct scenario_line *line, char *at)
{
	for (;;) {
		char *word;
		bool is_quoted;

		at += strspn(at, " \t");
		if (!*at || *at == '#')
			return 0;
		if (line->count == SCENARIO_WORDS_MOST)
			return -1;
		is_quoted = *at == '"';
		word = is_quoted ? at + 1 : at;
		at = word + strcspn(word, is_quoted ? "\"" : " \t");
		if (is_quoted && !*at)
			return -1;
		if (*at)
			*at++ = '\0';
		if (!is_quoted && word[0] && word[1]) {
			char *last = word + strlen(word) - 1;

			if (*last == ':' && last[-1] != ':')
				*last = '\0';
		}
		line->is_quoted[line->count] = is_quoted;
		line->words[line->count++] = word;
	}
}

static char *text_next_line(char **at)
{
	char *line = *at;
	char *end = strchrnul(line, '\n');

	*at = *end ? end + 1 : end;
	*end = '\0';
	return line;
}

// Takes the lines up to "}" at the start of one. 0, or -1 when there is none.
static int read_config(char *config, char **at, unsigned int *number)
{
	memset(config, '\n', *number);
	config += *number;
	for (;;) {
		const char *line;
		size_t length;

		if (!**at)
			return -1;
		line = text_next_line(at);
		length = strlen(line);
		++*number;
		if (strcmp(line, "}") == 0)
			break;
		memcpy(config, line, length);
		config[length] = '\n';
		config += length + 1;
	}
	*config = '\0';
	return 0;
}

// 0, or -1: no memory, too many, or no end.
static int read_reload(struct scenario *scenario, char **at, unsigned int *number)
{
	static char verb[] = "reload";
	struct scenario_line *line = &scenario->lines[scenario->line_count++];
	char *config = calloc(1, strlen(*at) + *number + 2);

	if (!config || scenario->reload_count == SCENARIO_RELOADS_MOST) {
		free(config);
		return -1;
	}
	scenario->reloads[scenario->reload_count++] = config;
	line->count = 2;
	line->words[0] = verb;
	line->words[1] = config;
	return read_config(config, at, number);
}

static int read_line(struct scenario *scenario, char **at, unsigned int *number)
{
	struct scenario_line *line = &scenario->lines[scenario->line_count];
	char *text = text_next_line(at);

	line->number = ++*number;
	if (strcmp(text, "config {") == 0)
		return read_config(scenario->config, at, number);
	if (strcmp(text, "reload {") == 0)
		return read_reload(scenario, at, number);
	if (line_split(line, text))
		return -1;
	if (line->count)
		scenario->line_count++;
	return 0;
}

int scenario_read(struct scenario *scenario, const char *file)
{
	unsigned int number = 0;
	size_t room = 2;
	char *at;

	*scenario = (struct scenario){.file = file};
	if (read_whole_file(file, &scenario->text))
		return -1;
	for (at = scenario->text; *at; at++)
		room += *at == '\n';
	scenario->lines = calloc(room, sizeof(*scenario->lines));
	scenario->config = calloc(1, 2 * strlen(scenario->text) + room + 2);
	if (!scenario->lines || !scenario->config)
		return -1;
	for (at = scenario->text; *at;) {
		if (read_line(scenario, &at, &number)) {
			fprintf(stderr, "%s:%u: a quote or block without its end, or too long\n",
				file, number);
			return -1;
		}
	}
	return 0;
}

void scenario_free(struct scenario *scenario)
{
	free(scenario->text);
	free(scenario->config);
	for (size_t i = 0; i < scenario->reload_count; i++)
		free(scenario->reloads[i]);
	free(scenario->lines);
	*scenario = (struct scenario){0};
}

void scenario_fail(struct scenario_words *words, const char *format, ...)
{
	char text[SCENARIO_FAILURE_TEXT];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (words->failed)
		return;
	words->failed = true;
	words->scenario->failed_line = words->line->number;
	fprintf(stderr, "%s:%u: %s\n", words->scenario->file, words->line->number, text);
}

bool scenario_has_more(const struct scenario_words *words)
{
	return !words->failed && words->at < words->line->count;
}

bool scenario_next_is_quoted(const struct scenario_words *words)
{
	return scenario_has_more(words) && words->line->is_quoted[words->at];
}

bool scenario_accept(struct scenario_words *words, const char *word)
{
	if (!scenario_has_more(words) || strcmp(words->line->words[words->at], word) != 0)
		return false;
	words->at++;
	return true;
}

const char *scenario_word(struct scenario_words *words, const char *what)
{
	if (scenario_has_more(words))
		return words->line->words[words->at++];
	scenario_fail(words, "%s is missing", what);
	return "";
}

uint32_t scenario_number(struct scenario_words *words, const char *what, uint32_t most)
{
	const char *word = scenario_word(words, what);
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(word, &end, 10);
	if (!words->failed && (!*word || *word == '-' || *end || errno || number > most))
		scenario_fail(words, "'%s' is not %s up to %u", word, what, most);
	return words->failed ? 0 : (uint32_t)number;
}

uint64_t scenario_duration(struct scenario_words *words)
{
	const char *word = scenario_word(words, "a duration");
	int64_t nanoseconds = 0;

	if (!words->failed && (config_parse_duration(word, &nanoseconds) || nanoseconds < 0))
		scenario_fail(words, "'%s' is not a duration", word);
	return words->failed ? 0 : (uint64_t)nanoseconds;
}

struct net_address scenario_address(struct scenario_words *words)
{
	const char *word = scenario_word(words, "an address");
	struct net_address address = {{0}};

	if (!words->failed && net_address_parse(word, &address))
		scenario_fail(words, "'%s' is not an address", word);
	return address;
}

struct net_endpoint scenario_endpoint(struct scenario_words *words, uint16_t port)
{
	const char *word = scenario_word(words, "an address");
	struct net_endpoint endpoint = {.port = port};

	if (!words->failed && config_parse_endpoint(word, port, &endpoint))
		scenario_fail(words, "'%s' is not an address or address:port", word);
	return endpoint;
}

size_t scenario_hex(struct scenario_words *words, uint8_t *bytes, size_t room)
{
	const char *word = scenario_word(words, "hexadecimal digits");
	size_t length = strlen(word) / 2;

	if (length > room || strlen(word) % 2 ||
		strspn(word, "0123456789abcdefABCDEF") != strlen(word)) {
		scenario_fail(words, "'%s' is not a row of bytes in hexadecimal", word);
		return 0;
	}
	for (size_t i = 0; i < length; i++) {
		const char digits[3] = {word[2 * i], word[2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

void scenario_end(struct scenario_words *words)
{
	if (scenario_has_more(words))
		scenario_fail(words, "'%s' is one word too many", words->line->words[words->at]);
}
