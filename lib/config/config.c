// SPDX-License-Identifier: BSD-3-Clause
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/parser.h"

static int config_fill(struct config *config, const char *name, const char *text, size_t length,
	struct config_arena *scratch, struct config_error *error)
{
	struct config_parser parser = {
		.reader = {.arena = &config->arena, .error = error},
		.config = config,
		.scratch = scratch,
	};
	struct config_tokens tokens;
	int err = config_lex_text(scratch, name, text, length, &tokens, error);

	if (err)
		return err;
	config_lines_init(&parser.lines, scratch, &tokens, error);
	return config_parse(&parser, name);
}

static struct config *config_create(const char *name, const char *text, size_t length,
	struct config_arena *scratch, struct config_error *error)
{
	struct config *config = calloc(1, sizeof(*config));
	int err;

	if (!config) {
		(void)config_fail_memory(error, (struct config_place){.file = name});
		return NULL;
	}
	err = config_fill(config, name, text, length, scratch, error);
	if (err) {
		config_destroy(config);
		errno = -err;
		return NULL;
	}
	return config;
}

struct config *config_read_text(const char *name, const char *text, struct config_error *error)
{
	struct config_arena scratch = {0};
	struct config *config = NULL;
	size_t length = strlen(text);

	if (length > CONFIG_FILE_BYTES)
		(void)config_fail(
			error, (struct config_place){.file = name}, "%s", strerror(EFBIG));
	else
		config = config_create(name, text, length, &scratch, error);
	config_arena_free(&scratch);
	return config;
}

struct config *config_read_file(const char *path, struct config_error *error)
{
	struct config_arena scratch = {0};
	struct config *config = NULL;
	const char *text;
	size_t length;
	int err = config_read_whole_file(&scratch, path, &text, &length);

	if (err)
		(void)config_fail(error, (struct config_place){.file = path}, "%s", strerror(-err));
	else
		config = config_create(path, text, length, &scratch, error);
	config_arena_free(&scratch);
	return config;
}

void config_destroy(struct config *config)
{
	if (!config)
		return;
	config_arena_free(&config->arena);
	free(config);
}

const struct config_server *config_servers(const struct config *config, size_t *count)
{
	*count = config->server_count;
	return config->servers;
}

const struct config_forward *const *config_forwards(const struct config *config, size_t *count)
{
	*count = config->forward_count;
	return (const struct config_forward *const *)config->forwards;
}

const struct config_watch *config_watch(const struct config *config)
{
	return &config->watch;
}
