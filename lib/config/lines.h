// SPDX-License-Identifier: BSD-3-Clause
// From the words of the files to one sequence of lines, with `import` and snippets resolved, so
// that the parser sees neither. Everything that repeats is bounded. Management lcore only.
#pragma once

#include "config/files.h"
#include "config/lexer.h"

#define CONFIG_IMPORT_DEPTH 16 // imports within imports
#define CONFIG_IMPORT_COUNT 1000 // files and snippets imported in all
#define CONFIG_IMPORT_WORDS 1000000 // words read in all
#define CONFIG_BLOCK_DEPTH 2 // a server block and a block of options in it

// What one line says. `words` are `count` tokens of kind CONFIG_TOKEN_WORD in a row.
struct config_line {
	const struct config_token *words;
	size_t count; // 0: no line left, or the `}` of a block
	bool opens_block; // ends with {
	bool closes_block; // is the } that stands alone
	struct config_place place;
};

struct config_snippet {
	const char *name;
	const struct config_token *tokens;
	size_t count;
};

// One text that is being read: what was asked for, a file of an import, or a snippet.
struct config_frame {
	const struct config_token *tokens;
	size_t count;
	size_t at;
	const char **files; // of an import, to read after this one
	size_t file_count;
	struct config_place import_place;
};

struct config_open_block {
	struct config_place place;
	size_t frame; // the block must be closed by the text that opened it
};

struct config_lines {
	struct config_arena *arena; // of what is read, with the files' text
	struct config_error *error;
	struct config_files *files; // that were read
	struct config_snippet *snippets;
	size_t snippet_count;
	struct config_frame frames[CONFIG_IMPORT_DEPTH + 1];
	size_t frame_count;
	struct config_open_block blocks[CONFIG_BLOCK_DEPTH];
	size_t block_count;
	size_t import_count;
	size_t word_count;
};

// Starts with the words of the first text. What is imported is added to `files`. All must live as long
// as `lines`.
void config_lines_init(struct config_lines *lines, struct config_arena *arena,
	const struct config_tokens *tokens, struct config_files *files, struct config_error *error);

// The next line. At the end `count` is 0 and neither block flag set. A `{` is noted and must be
// met by its `}` before the text ends. 0; -EINVAL or -ENOMEM with the error filled in.
int config_lines_next(struct config_lines *lines, struct config_line *line);

// Keeps the block that `line` opened, `(name) {`, as a snippet, unread.
int config_lines_define_snippet(struct config_lines *lines, const struct config_line *line);
