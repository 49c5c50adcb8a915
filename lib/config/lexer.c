// SPDX-License-Identifier: BSD-3-Clause
#include "config/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
	struct config_arena *arena;
	struct config_tokens *tokens;
	struct config_error *error;
	struct config_place place; // of what is read now
	const char *at;
	const char *end;
	bool at_line_start;
	struct config_place word_place; // where the word in `word` starts
	size_t word_length;
	char word[CONFIG_WORD_BYTES];
};

static bool lexer_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int lexer_append(struct lexer *lexer, const char *text, size_t length)
{
	if (length > sizeof(lexer->word) - lexer->word_length)
		return config_fail(lexer->error, lexer->word_place,
			"'%.*s...' is longer than %d bytes",
			lexer->word_length < 20 ? (int)lexer->word_length : 20, lexer->word,
			CONFIG_WORD_BYTES);
	memcpy(lexer->word + lexer->word_length, text, length);
	lexer->word_length += length;
	return 0;
}

// The value that `{$NAME}` or `{%NAME%}` at `text` stands for, and the bytes it takes in the
// text. NULL when this is no reference.
static const char *lexer_find_variable(
	const char *text, const char *end, size_t *length, char *name)
{
	const char *close = text[1] == '$' ? "}" : "%}";
	const char *stop;
	size_t name_length;

	if (end - text < 4 || (text[1] != '$' && text[1] != '%'))
		return NULL;
	stop = memmem(text + 2, (size_t)(end - text - 2), close, strlen(close));
	if (!stop || stop == text + 2)
		return NULL;
	name_length = (size_t)(stop - text - 2);
	memcpy(name, text + 2, name_length);
	name[name_length] = '\0';
	*length = name_length + 2 + strlen(close);
	return name;
}

// Replaces the references of `raw` by their values. A value is taken as it is: what looks like
// a reference in it is none, so that no value can make this endless.
static int lexer_expand_variables(struct lexer *lexer, const char *raw, size_t length)
{
	char name[CONFIG_WORD_BYTES + 1];
	const char *end = raw + length;
	int err = 0;

	lexer->word_length = 0;
	while (!err && raw < end) {
		size_t taken = 1;
		const char *value = raw;
		size_t value_length = 1;

		if (*raw == '{' && lexer_find_variable(raw, end, &taken, name)) {
			value = getenv(name);
			if (!value)
				return config_fail(lexer->error, lexer->word_place,
					"environment variable " CONFIG_WORD " is not set", name);
			value_length = strlen(value);
		}
		err = lexer_append(lexer, value, value_length);
		raw += taken;
	}
	return err;
}

static int lexer_emit(struct lexer *lexer, bool quoted)
{
	struct config_tokens *tokens = lexer->tokens;
	struct config_token token = {.place = lexer->word_place, .kind = CONFIG_TOKEN_WORD};
	struct config_token *list;
	char raw[CONFIG_WORD_BYTES];
	size_t length = lexer->word_length;
	int err = 0;

	if (!quoted && length == 1 && lexer->word[0] == '{')
		token.kind = CONFIG_TOKEN_OPEN;
	else if (!quoted && length == 1 && lexer->word[0] == '}')
		token.kind = CONFIG_TOKEN_CLOSE;
	if (memchr(lexer->word, '{', length)) {
		memcpy(raw, lexer->word, length);
		err = lexer_expand_variables(lexer, raw, length);
	}
	if (err)
		return err;
	list = config_arena_grow(lexer->arena, tokens->list, tokens->count, sizeof(*list));
	token.text = config_arena_copy_text(lexer->arena, lexer->word, lexer->word_length);
	if (!list || !token.text)
		return config_fail_memory(lexer->error, lexer->word_place);
	token.starts_line = lexer->at_line_start;
	lexer->at_line_start = false;
	tokens->list = list;
	tokens->list[tokens->count++] = token;
	return 0;
}

static int lexer_read_quoted_word(struct lexer *lexer)
{
	int err = 0;

	lexer->at++;
	while (!err && lexer->at < lexer->end && *lexer->at != '"') {
		if (*lexer->at == '\\' && lexer->at + 1 < lexer->end) {
			if (lexer->at[1] != '"')
				err = lexer_append(lexer, lexer->at, 1);
			lexer->at++;
			if (err)
				break;
		}
		if (*lexer->at == '\n')
			lexer->place.line++;
		err = lexer_append(lexer, lexer->at++, 1);
	}
	if (err)
		return err;
	if (lexer->at == lexer->end)
		return config_fail(lexer->error, lexer->word_place, "'\"' is not closed");
	lexer->at++;
	return lexer_emit(lexer, true);
}

static int lexer_read_plain_word(struct lexer *lexer)
{
	int err = 0;

	while (!err && lexer->at < lexer->end && !lexer_is_space(*lexer->at))
		err = lexer_append(lexer, lexer->at++, 1);
	return err ? err : lexer_emit(lexer, false);
}

static int lexer_step(struct lexer *lexer)
{
	char c = *lexer->at;

	if (lexer_is_space(c)) {
		lexer->at++;
		if (c == '\n') {
			lexer->place.line++;
			lexer->at_line_start = true;
		}
		return 0;
	}
	if (c == '#') {
		while (lexer->at < lexer->end && *lexer->at != '\n')
			lexer->at++;
		return 0;
	}
	lexer->word_place = lexer->place;
	lexer->word_length = 0;
	return c == '"' ? lexer_read_quoted_word(lexer) : lexer_read_plain_word(lexer);
}

static int lexer_refuse_nul(struct lexer *lexer)
{
	const char *nul = memchr(lexer->at, '\0', (size_t)(lexer->end - lexer->at));

	if (!nul)
		return 0;
	for (const char *at = lexer->at; at < nul; at++)
		lexer->place.line += *at == '\n';
	return config_fail(lexer->error, lexer->place, "NUL byte '\\0' in the text");
}

int config_lex_text(struct config_arena *arena, const char *file, const char *text, size_t length,
	struct config_tokens *tokens, struct config_error *error)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct lexer lexer = {.arena = arena, .tokens = tokens, .error = error};
	int err;

	lexer.place = (struct config_place){.file = file, .line = 1};
	lexer.at = text;
	lexer.end = text + length;
	lexer.at_line_start = true;
	*tokens = (struct config_tokens){0};
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0)
		lexer.at += 3;
	err = lexer_refuse_nul(&lexer);
	while (!err && lexer.at < lexer.end)
		err = lexer_step(&lexer);
	return err;
}
