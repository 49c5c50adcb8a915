// SPDX-License-Identifier: BSD-3-Clause
// From the text of one file to its words. Words stand between white space or in double quotes,
// where \" is a quote and any other backslash is itself; `#` at the start of a word begins a
// comment; {$NAME} and {%NAME%} become the value of an environment variable, which is not split
// into words. Management lcore only.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/error.h"

#define CONFIG_FILE_BYTES (1 << 20)
#define CONFIG_WORD_BYTES 4096

enum config_token_kind {
	CONFIG_TOKEN_WORD,
	CONFIG_TOKEN_OPEN, // { outside of quotes
	CONFIG_TOKEN_CLOSE, // }
};

struct config_token {
	const char *text;
	struct config_place place;
	enum config_token_kind kind;
	bool starts_line;
};

struct config_tokens {
	struct config_token *list;
	size_t count;
};

// `tokens` and what it points to live in the arena; `file` must live as long. 0; -EINVAL or
// -ENOMEM with `error` filled in.
int config_lex_text(struct config_arena *arena, const char *file, const char *text, size_t length,
	struct config_tokens *tokens, struct config_error *error);

// Reads a file whole. Its text lives in the arena, a zero behind it. 0, or -errno of the file
// system, -EFBIG above CONFIG_FILE_BYTES, -ENOMEM.
int config_read_whole_file(
	struct config_arena *arena, const char *path, const char **text, size_t *length);
