// SPDX-License-Identifier: BSD-3-Clause
#include "config/parser.h"

#include <errno.h>
#include <string.h>

#include "config/errors_directive.h"
#include "config/log_directive.h"
#include "config/reload_directive.h"
#include "config/suggest.h"
#include "config/values.h"
#include "config/watch_directive.h"

#define SERVER_PORT 53
#define SERVER_TLS_PORT 853 // RFC 7858, section 3.1
#define SERVER_BUFSIZE 1232 // fits every path without fragments
#define SERVER_BUFSIZE_LEAST 512 // RFC 1035, section 2.3.4
#define SERVER_BUFSIZE_MOST 1452 // an Ethernet frame less the headers of IPv6 and UDP

// One server block while it is read: its zones are the servers from `first` on.
struct parser_block {
	size_t first;
	struct net_address *bind;
	size_t bind_count;
	uint16_t bufsize;
	struct config_forward **forwards;
	size_t forward_count;
	struct config_cache *cache;
	bool rotates_records;
	struct config_place place;
	bool has_tls_zone;
	struct config_tls_files *tls;
	unsigned int pages; // of enum config_page, that the block has said
	struct config_log **logs;
	size_t log_count;
	struct config_errors *errors;
};

struct parser_directive {
	const char *name;
	struct config_arity arity;
	int (*read)(struct config_parser *parser, struct parser_block *block,
		const struct config_line *line);
};

static int directive_read_bind(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	for (size_t i = 1; i < line->count; i++) {
		struct net_address address;
		struct net_address *list;
		size_t same = 0;
		int err = config_read_own_address(&parser->reader, line, &line->words[i], &address);

		if (err)
			return err;
		while (same < block->bind_count && !net_address_equal(&block->bind[same], &address))
			same++;
		if (same < block->bind_count)
			continue;
		list = config_arena_grow(
			parser->reader.arena, block->bind, block->bind_count, sizeof(*list));
		if (!list)
			return config_fail_memory(parser->reader.error, line->place);
		block->bind = list;
		list[block->bind_count++] = address;
	}
	return 0;
}

static int directive_read_bufsize(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	uint32_t number = SERVER_BUFSIZE;

	if (line->count > 1 && config_parse_number(line->words[1].text, SERVER_BUFSIZE_LEAST,
				       SERVER_BUFSIZE_MOST, &number) != 0)
		return config_fail(parser->reader.error, line->words[1].place,
			"bufsize " CONFIG_WORD " is not a number from %d to %d",
			line->words[1].text, SERVER_BUFSIZE_LEAST, SERVER_BUFSIZE_MOST);
	block->bufsize = (uint16_t)number;
	return 0;
}

static int directive_read_forward(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	struct config *config = parser->config;
	struct config_forward *forward;
	struct config_forward **of_block = config_arena_grow(
		&config->arena, block->forwards, block->forward_count, sizeof(void *));
	struct config_forward **of_all = config_arena_grow(
		&config->arena, config->forwards, config->forward_count, sizeof(void *));
	int err;

	if (!of_block || !of_all)
		return config_fail_memory(parser->reader.error, line->place);
	block->forwards = of_block;
	config->forwards = of_all;
	forward = config_arena_allocate(&config->arena, sizeof(*forward));
	if (!forward)
		return config_fail_memory(parser->reader.error, line->place);
	of_block[block->forward_count++] = forward;
	of_all[config->forward_count++] = forward;
	err = config_read_forward(&parser->reader, &parser->lines, line, forward);
	forward->block = block->first;
	return err;
}

static int directive_read_cache(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	struct config_cache *cache;

	if (block->cache)
		return config_fail(parser->reader.error, line->place,
			"a second 'cache' in one block, the first is in line %u",
			block->cache->line);
	cache = config_arena_allocate(parser->reader.arena, sizeof(*cache));
	if (!cache)
		return config_fail_memory(parser->reader.error, line->place);
	block->cache = cache;
	return config_read_cache(&parser->reader, &parser->lines, line, cache);
}

static int directive_read_loadbalance(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	if (line->count > 1 && strcmp(line->words[1].text, "round_robin") != 0)
		return config_fail_word(&parser->reader, line, 1, "is not round_robin");
	block->rotates_records = true;
	return 0;
}

static int directive_read_tls(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	if (!block->has_tls_zone)
		return config_fail(parser->reader.error, line->place,
			"'tls' in a block that has no zone of tls://");
	block->tls = config_arena_allocate(parser->reader.arena, sizeof(*block->tls));
	if (!block->tls)
		return config_fail_memory(parser->reader.error, line->place);
	return config_read_tls_files(&parser->reader, line, block->tls);
}

static int directive_read_page(struct config_parser *parser, struct parser_block *block,
	const struct config_line *line, enum config_page page)
{
	if (block->pages & page)
		return config_fail(parser->reader.error, line->place,
			"a second " CONFIG_WORD " in one block", line->words[0].text);
	block->pages |= page;
	return config_read_watch(
		&parser->reader, &parser->lines, line, page, &parser->config->watch);
}

static int directive_read_prometheus(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	return directive_read_page(parser, block, line, CONFIG_PAGE_METRICS);
}

static int directive_read_health(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	return directive_read_page(parser, block, line, CONFIG_PAGE_HEALTH);
}

static int directive_read_ready(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	return directive_read_page(parser, block, line, CONFIG_PAGE_READY);
}

// Of the whole program; where several blocks have it, the last one stands.
static int directive_read_reload(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	(void)block;
	return config_read_reload(&parser->reader, line, &parser->config->reload);
}

static int directive_read_log(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	struct config *config = parser->config;
	struct config_log *log = config_arena_allocate(&config->arena, sizeof(*log));
	struct config_log **of_block =
		config_arena_grow(&config->arena, block->logs, block->log_count, sizeof(void *));
	struct config_log **of_all =
		config_arena_grow(&config->arena, config->logs, config->log_count, sizeof(void *));

	if (!log || !of_block || !of_all)
		return config_fail_memory(parser->reader.error, line->place);
	if (config->log_count == CONFIG_LOG_COUNT)
		return config_fail(
			parser->reader.error, line->place, "more than %d 'log'", CONFIG_LOG_COUNT);
	block->logs = of_block;
	config->logs = of_all;
	log->number = (uint16_t)config->log_count;
	of_block[block->log_count++] = log;
	of_all[config->log_count++] = log;
	return config_read_log(&parser->reader, &parser->lines, line, log);
}

static int directive_read_errors(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	if (block->errors)
		return config_fail(
			parser->reader.error, line->place, "a second 'errors' in one block");
	block->errors = config_arena_allocate(&parser->config->arena, sizeof(*block->errors));
	if (!block->errors)
		return config_fail_memory(parser->reader.error, line->place);
	return config_read_errors(&parser->reader, &parser->lines, line, block->errors);
}

static const struct parser_directive parser_directives[] = {
	{"forward", {2, CONFIG_ANY_COUNT, true}, directive_read_forward},
	{"bind", {1, CONFIG_ANY_COUNT, false}, directive_read_bind},
	{"bufsize", {0, 1, false}, directive_read_bufsize},
	{"cache", {0, CONFIG_ANY_COUNT, true}, directive_read_cache},
	{"loadbalance", {0, 1, false}, directive_read_loadbalance},
	{"tls", {2, 3, false}, directive_read_tls},
	{"prometheus", {0, 1, true}, directive_read_prometheus},
	{"health", {0, 1, true}, directive_read_health},
	{"ready", {0, 1, true}, directive_read_ready},
	{"reload", {0, 2, false}, directive_read_reload},
	{"errors", {0, 1, true}, directive_read_errors},
	{"log", {0, CONFIG_ANY_COUNT, true}, directive_read_log},
};

static int directive_refuse_unknown(struct config_parser *parser, const struct config_line *line)
{
	struct config_suggestion suggestion = {.word = line->words[0].text};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(parser_directives); i++)
		config_suggest(&suggestion, parser_directives[i].name);
	if (suggestion.best)
		return config_fail(parser->reader.error, line->place,
			"unknown directive " CONFIG_WORD ", did you mean '%s'?", suggestion.word,
			suggestion.best);
	return config_fail(parser->reader.error, line->place, "unknown directive " CONFIG_WORD,
		suggestion.word);
}

static int directive_read(
	struct config_parser *parser, struct parser_block *block, const struct config_line *line)
{
	const struct parser_directive *directive = NULL;
	int err;

	for (size_t i = 0; !directive && i < BASE_ARRAY_SIZE(parser_directives); i++) {
		if (strcmp(line->words[0].text, parser_directives[i].name) == 0)
			directive = &parser_directives[i];
	}
	if (!directive)
		return directive_refuse_unknown(parser, line);
	err = config_check_arity(&parser->reader, line, directive->arity);
	if (!err)
		err = directive->read(parser, block, line);
	return err;
}

static int block_add_server(struct config_parser *parser, struct config_place place,
	const struct dns_name *zone, uint16_t port, bool is_tls)
{
	struct config *config = parser->config;
	size_t count = config->server_count;
	struct config_server *servers =
		config_arena_grow(&config->arena, config->servers, count, sizeof(*servers));
	struct config_server_place *places =
		config_arena_grow(parser->scratch, parser->places, count, sizeof(*places));

	if (!servers || !places)
		return config_fail_memory(parser->reader.error, place);
	config->servers = servers;
	parser->places = places;
	servers[count] = (struct config_server){.zone = *zone, .port = port, .line = place.line};
	places[count] =
		(struct config_server_place){.place = place, .server = count, .is_tls = is_tls};
	config->server_count++;
	return 0;
}

// The text behind a scheme that is served, or NULL with the error filled in.
static const char *block_skip_scheme(
	struct config_parser *parser, struct config_place place, const char *zone, bool *is_tls)
{
	const char *behind = strstr(zone, "://");

	*is_tls = false;
	if (!behind)
		return zone;
	*is_tls = strncmp(zone, "tls://", 6) == 0;
	if (*is_tls || strncmp(zone, "dns://", 6) == 0)
		return zone + 6;
	if (strncmp(zone, "https://", 8) == 0)
		(void)config_fail(
			parser->reader.error, place, CONFIG_WORD " is not supported yet", zone);
	else
		(void)config_fail(parser->reader.error, place,
			CONFIG_WORD " has a scheme other than dns, tls and https", zone);
	return NULL;
}

// One zone of the block's first line: [SCHEME://]NAME[:PORT], or a prefix instead of the name.
static int block_add_zone(struct config_parser *parser, struct parser_block *block,
	struct config_place place, const char *zone)
{
	bool is_tls;
	const char *text = block_skip_scheme(parser, place, zone, &is_tls);
	struct dns_name *names = NULL;
	size_t count = 0;
	uint16_t port = is_tls ? SERVER_TLS_PORT : SERVER_PORT;
	int err;

	if (!text)
		return -EINVAL;
	if (is_tls && !block->has_tls_zone) {
		block->has_tls_zone = true;
		block->place = place;
	}
	err = config_add_zones(&parser->reader, place, text, &names, &count, &port);
	for (size_t i = 0; !err && i < count; i++)
		err = block_add_server(parser, place, &names[i], port, is_tls);
	return err;
}

// Commas part zones as spaces do. `more` says whether the last one asks for another zone.
static int block_add_zones_of_word(struct config_parser *parser, struct parser_block *block,
	const struct config_token *word, bool *more)
{
	char copy[CONFIG_WORD_BYTES + 1];
	size_t length = strlen(word->text);
	char *rest = copy;
	const char *zone;
	int err = 0;

	memcpy(copy, word->text, length + 1);
	*more = length > 0 && copy[length - 1] == ',';
	if (*more)
		copy[length - 1] = '\0';
	if (*more && length == 1)
		return 0;
	while (!err && (zone = strsep(&rest, ",")))
		err = block_add_zone(parser, block, word->place, zone);
	return err;
}

// The zones of a block, on one line or more when a comma ends the line.
static int block_read_zones(
	struct config_parser *parser, struct parser_block *block, struct config_line *line)
{
	const struct config_token *last = NULL;
	bool more = false;
	int err = 0;

	for (;;) {
		for (size_t i = 0; !err && i < line->count; i++) {
			last = &line->words[i];
			err = block_add_zones_of_word(parser, block, last, &more);
		}
		if (err)
			return err;
		if (!line->count || (more && line->opens_block))
			return config_fail(parser->reader.error, last->place,
				"a zone is missing after " CONFIG_WORD, last->text);
		if (line->opens_block)
			return 0;
		if (!more)
			return config_fail(parser->reader.error, last->place,
				"'{' is missing after the zone " CONFIG_WORD, last->text);
		err = config_lines_next(&parser->lines, line);
		if (err)
			return err;
	}
}

static int block_finish(struct config_parser *parser, const struct parser_block *block)
{
	if (block->has_tls_zone && !block->tls)
		return config_fail(parser->reader.error, block->place,
			"a zone of tls:// needs 'tls CERT KEY' in its block");
	for (size_t i = block->first; i < parser->config->server_count; i++) {
		struct config_server *server = &parser->config->servers[i];

		server->bind = block->bind;
		server->bind_count = block->bind_count;
		server->bufsize = block->bufsize;
		server->forwards = block->forwards;
		server->forward_count = block->forward_count;
		server->cache = block->cache;
		server->rotates_records = block->rotates_records;
		server->logs = block->logs;
		server->log_count = block->log_count;
		server->errors = block->errors;
		server->tls = parser->places[i].is_tls ? block->tls : NULL;
	}
	return 0;
}

static int block_read(struct config_parser *parser, struct config_line *line)
{
	struct parser_block block = {
		.first = parser->config->server_count, .bufsize = SERVER_BUFSIZE};
	int err = block_read_zones(parser, &block, line);

	if (err)
		return err;
	do {
		err = config_lines_next(&parser->lines, line);
		if (!err && line->count)
			err = directive_read(parser, &block, line);
	} while (!err && !line->closes_block);
	return err ? err : block_finish(parser, &block);
}

int config_parse(struct config_parser *parser, const char *file)
{
	struct config_line line;
	int err;

	for (;;) {
		err = config_lines_next(&parser->lines, &line);
		if (err || !line.count)
			break;
		if (line.words[0].text[0] == '(')
			err = config_lines_define_snippet(&parser->lines, &line);
		else
			err = block_read(parser, &line);
		if (err)
			break;
	}
	if (!err && !parser->config->server_count)
		err = config_fail(parser->reader.error, (struct config_place){.file = file},
			"no server block");
	return err ? err : config_check_servers(parser);
}
