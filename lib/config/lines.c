// SPDX-License-Identifier: BSD-3-Clause
#include "config/lines.h"

#include <errno.h>
#include <string.h>

#include "config/import.h"

void config_lines_init(struct config_lines *lines, struct config_arena *arena,
	const struct config_tokens *tokens, struct config_files *files, struct config_error *error)
{
	*lines = (struct config_lines){.arena = arena, .error = error, .files = files};
	lines->frames[0] = (struct config_frame){.tokens = tokens->list, .count = tokens->count};
	lines->frame_count = 1;
}

static int lines_open_block(struct config_lines *lines, const struct config_token *token)
{
	if (lines->block_count == CONFIG_BLOCK_DEPTH)
		return config_fail(lines->error, token->place, "'{' opens one block too many");
	lines->blocks[lines->block_count++] =
		(struct config_open_block){.place = token->place, .frame = lines->frame_count - 1};
	return 0;
}

static int lines_close_block(struct config_lines *lines, const struct config_token *token)
{
	if (!lines->block_count ||
		lines->blocks[lines->block_count - 1].frame != lines->frame_count - 1)
		return config_fail(lines->error, token->place, "'}' closes no block");
	lines->block_count--;
	return 0;
}

// Every block that the text on top opened must be closed when it ends.
static int lines_check_blocks_closed(struct config_lines *lines)
{
	const struct config_open_block *block;

	if (!lines->block_count)
		return 0;
	block = &lines->blocks[lines->block_count - 1];
	if (block->frame != lines->frame_count - 1)
		return 0;
	return config_fail(lines->error, block->place, "'{' is not closed");
}

// Moves on to a text with a token left; none is left when no frame is.
static int lines_find_token(struct config_lines *lines)
{
	int err = 0;

	while (!err && lines->frame_count) {
		struct config_frame *frame = &lines->frames[lines->frame_count - 1];

		if (frame->at < frame->count)
			return 0;
		err = lines_check_blocks_closed(lines);
		if (!err && frame->file_count)
			err = config_import_next_file(lines);
		else if (!err)
			lines->frame_count--;
	}
	return err;
}

static bool lines_is_more(const struct config_frame *frame)
{
	return frame->at < frame->count && !frame->tokens[frame->at].starts_line;
}

// Reads the words up to the end of the line or a brace.
static void lines_read_words(struct config_frame *frame, struct config_line *line)
{
	line->words = &frame->tokens[frame->at];
	line->place = line->words->place;
	if (line->words->kind != CONFIG_TOKEN_WORD)
		return;
	do {
		line->count++;
		frame->at++;
	} while (lines_is_more(frame) && frame->tokens[frame->at].kind == CONFIG_TOKEN_WORD);
}

// Reads the brace that ends the line, or is it.
static int lines_read_brace(struct config_lines *lines, struct config_line *line)
{
	struct config_frame *frame = &lines->frames[lines->frame_count - 1];
	const struct config_token *brace = &frame->tokens[frame->at++];
	const char *text = brace->kind == CONFIG_TOKEN_OPEN ? "{" : "}";

	if (brace->kind == CONFIG_TOKEN_OPEN && !line->count)
		return config_fail(lines->error, brace->place,
			"'{' must stand at the end of the line that it belongs to");
	if (brace->kind == CONFIG_TOKEN_CLOSE && line->count)
		return config_fail(lines->error, brace->place, "'}' must stand on its own line");
	if (lines_is_more(frame))
		return config_fail(lines->error, brace->place,
			"'%s' must end the line, but " CONFIG_WORD " follows", text,
			frame->tokens[frame->at].text);
	line->opens_block = brace->kind == CONFIG_TOKEN_OPEN;
	line->closes_block = !line->opens_block;
	return line->opens_block ? lines_open_block(lines, brace) : lines_close_block(lines, brace);
}

static int lines_read_line(struct config_lines *lines, struct config_line *line)
{
	struct config_frame *frame;
	int err = lines_find_token(lines);

	*line = (struct config_line){0};
	if (err || !lines->frame_count)
		return err;
	frame = &lines->frames[lines->frame_count - 1];
	lines_read_words(frame, line);
	lines->word_count += line->count ? line->count : 1;
	if (lines->word_count > CONFIG_IMPORT_WORDS)
		return config_fail(lines->error, line->place,
			CONFIG_WORD " is beyond %d words with all imports", line->words->text,
			CONFIG_IMPORT_WORDS);
	if (!line->count || lines_is_more(frame))
		err = lines_read_brace(lines, line);
	return err;
}

int config_lines_next(struct config_lines *lines, struct config_line *line)
{
	for (;;) {
		int err = lines_read_line(lines, line);

		if (err || !line->count || strcmp(line->words[0].text, "import") != 0)
			return err;
		err = config_import(lines, line);
		if (err)
			return err;
	}
}

static int lines_check_snippet(struct config_lines *lines, const struct config_line *line)
{
	const char *text = line->words[0].text;
	size_t length = strlen(text);

	if (line->count > 1)
		return config_fail(lines->error, line->words[1].place,
			"unexpected " CONFIG_WORD " after the snippet's name", line->words[1].text);
	if (length < 3 || text[length - 1] != ')')
		return config_fail(lines->error, line->place,
			CONFIG_WORD " is not a snippet's name: write '(name)'", text);
	if (!line->opens_block)
		return config_fail(lines->error, line->place,
			"'{' is missing after the snippet " CONFIG_WORD, text);
	for (size_t i = 0; i < lines->snippet_count; i++) {
		const char *name = lines->snippets[i].name;

		if (strlen(name) == length - 2 && memcmp(name, text + 1, length - 2) == 0)
			return config_fail(lines->error, line->place,
				"snippet " CONFIG_WORD " is defined twice", text);
	}
	return 0;
}

// The tokens up to the brace that closes what was opened last.
static int lines_skip_snippet_block(struct config_lines *lines, struct config_snippet *snippet)
{
	struct config_frame *frame = &lines->frames[lines->frame_count - 1];
	size_t depth = 1;

	snippet->tokens = &frame->tokens[frame->at];
	while (frame->at < frame->count) {
		const struct config_token *token = &frame->tokens[frame->at];

		if (token->kind == CONFIG_TOKEN_OPEN)
			depth++;
		if (token->kind == CONFIG_TOKEN_CLOSE && --depth == 0)
			return 0;
		frame->at++;
		snippet->count++;
	}
	return lines_check_blocks_closed(lines);
}

int config_lines_define_snippet(struct config_lines *lines, const struct config_line *line)
{
	struct config_snippet snippet = {0};
	struct config_snippet *snippets;
	struct config_line closing;
	const char *text = line->words[0].text;
	int err = lines_check_snippet(lines, line);

	if (!err)
		err = lines_skip_snippet_block(lines, &snippet);
	if (!err)
		err = lines_read_line(lines, &closing);
	if (err)
		return err;
	snippet.name = config_arena_copy_text(lines->arena, text + 1, strlen(text) - 2);
	snippets = config_arena_grow(
		lines->arena, lines->snippets, lines->snippet_count, sizeof(*snippets));
	if (!snippet.name || !snippets)
		return config_fail_memory(lines->error, line->place);
	lines->snippets = snippets;
	lines->snippets[lines->snippet_count++] = snippet;
	return 0;
}
