// SPDX-License-Identifier: BSD-3-Clause
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/parser.h"

// From `text`, or where that is NULL, from the file `name`.
static int config_fill(struct config *config, const char *name, const char *text,
	const struct config_known_hosts *known, struct config_arena *scratch,
	struct config_error *error)
{
	struct config_parser parser = {
		.reader = {.arena = &config->arena,
			.error = error,
			.files = &config->files,
			.hosts = &config->hosts,
			.known = known},
		.config = config,
		.scratch = scratch,
	};
	struct config_tokens tokens;
	size_t length = text ? strlen(text) : 0;
	int err;

	config->files.arena = &config->arena;
	if (length > CONFIG_FILE_BYTES)
		err = -EFBIG;
	else if (text)
		err = config_files_add_text(&config->files, CONFIG_FILE_SOURCE, name, text, length);
	else
		err = config_files_read_source(&config->files, name, &text, &length);
	if (err == -ENOMEM)
		return config_fail_memory(error, (struct config_place){.file = name});
	if (err)
		return config_fail(
			error, (struct config_place){.file = name}, "%s", strerror(-err));
	err = config_lex_text(scratch, name, text, length, &tokens, error);
	if (err)
		return err;
	config_lines_init(&parser.lines, scratch, &tokens, &config->files, error);
	return config_parse(&parser, name);
}

static struct config *config_create(const char *name, const char *text,
	const struct config_files *before, const struct config_known_hosts *known,
	struct config_error *error)
{
	struct config *config = calloc(1, sizeof(*config));
	struct config_arena scratch = {0};
	int err;

	if (!config) {
		(void)config_fail_memory(error, (struct config_place){.file = name});
		return NULL;
	}
	config->files.before = before;
	err = config_fill(config, name, text, known, &scratch, error);
	config->files.before = NULL;
	config_arena_free(&scratch);
	if (err) {
		config_destroy(config);
		errno = -err;
		return NULL;
	}
	return config;
}

struct config *config_read_text(const char *name, const char *text, struct config_error *error)
{
	return config_create(name, text, NULL, NULL, error);
}

struct config *config_read_file(const char *path, struct config_error *error)
{
	return config_create(path, NULL, NULL, NULL, error);
}

struct config *config_read_again(const struct config *config,
	const struct config_known_hosts *known, struct config_error *error)
{
	return config_create(config->files.list[0].path, NULL, &config->files, known, error);
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

const struct config_host *const *config_hosts(const struct config *config, size_t *count)
{
	*count = config->hosts.count;
	return config->hosts.list;
}

const struct config_watch *config_watch(const struct config *config)
{
	return &config->watch;
}

const struct config_reload *config_reload(const struct config *config)
{
	return &config->reload;
}

static void sums_add(struct config_sums *sums, const struct config_file *file, uint64_t sum)
{
	bool is_upstreams = file->kind == CONFIG_FILE_UPSTREAMS;
	uint64_t *own = is_upstreams ? &sums->upstreams : &sums->sources;
	const uint64_t pair[2] = {*own, sum};

	*own = config_sum_bytes(pair, sizeof(pair));
	sums->has_upstreams |= is_upstreams;
}

struct config_sums config_sums(const struct config *config)
{
	struct config_sums sums = {0};

	for (size_t i = 0; i < config->files.count; i++)
		sums_add(&sums, &config->files.list[i], config->files.list[i].sum);
	return sums;
}

struct config_sums config_sums_now(const struct config *config)
{
	struct config_sums sums = {0};

	for (size_t i = 0; i < config->files.count; i++) {
		const struct config_file *file = &config->files.list[i];

		sums_add(&sums, file, config_file_sum(file->kind, file->path));
	}
	return sums;
}

struct config_sums config_sums_now_of_upstreams(const struct config *config)
{
	struct config_sums sums = {0};

	for (size_t i = 0; i < config->files.count; i++) {
		const struct config_file *file = &config->files.list[i];

		if (file->kind == CONFIG_FILE_UPSTREAMS)
			sums_add(&sums, file, config_file_sum(file->kind, file->path));
	}
	return sums;
}

const struct config_log *const *config_logs(const struct config *config, size_t *count)
{
	*count = config->log_count;
	return (const struct config_log *const *)config->logs;
}
