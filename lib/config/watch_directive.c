// SPDX-License-Identifier: BSD-3-Clause
// `prometheus`, `health` and `ready`: where the program is watched over HTTP.
#include "config/watch_directive.h"

#include <errno.h>
#include <string.h>

#include "config/values.h"

struct watch_option {
	const char *name;
	enum config_page page;
	int (*read)(struct config_reader *reader, const struct config_line *line,
		struct config_watch *watch);
};

static int option_read_lameduck(
	struct config_reader *reader, const struct config_line *line, struct config_watch *watch)
{
	return config_read_duration(reader, line, 1, 0, &watch->lameduck);
}

static int option_read_monitor(
	struct config_reader *reader, const struct config_line *line, struct config_watch *watch)
{
	const char *word = line->words[1].text;

	if (strcmp(word, "until-ready") != 0 && strcmp(word, "continuously") != 0)
		return config_fail_word(reader, line, 1, "is not until-ready or continuously");
	watch->is_ready_asked_again = strcmp(word, "continuously") == 0;
	return 0;
}

static const struct watch_option watch_options[] = {
	{"lameduck", CONFIG_PAGE_HEALTH, option_read_lameduck},
	{"monitor", CONFIG_PAGE_READY, option_read_monitor},
};

static int read_option(struct config_reader *reader, const struct config_line *line,
	const struct config_line *directive, enum config_page page, struct config_watch *watch)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(watch_options); i++) {
		const struct watch_option *option = &watch_options[i];
		int err;

		if (option->page != page || strcmp(option->name, line->words[0].text) != 0)
			continue;
		err = config_check_arity(
			reader, line, (struct config_arity){.least = 1, .most = 1});
		return err ? err : option->read(reader, line, watch);
	}
	return config_fail(reader->error, line->place,
		"unknown option " CONFIG_WORD " of " CONFIG_WORD, line->words[0].text,
		directive->words[0].text);
}

static int read_block(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *directive, enum config_page page, struct config_watch *watch)
{
	struct config_line line;
	int err;

	do {
		err = config_lines_next(lines, &line);
		if (!err && line.count)
			err = read_option(reader, &line, directive, page, watch);
	} while (!err && line.count);
	return err;
}

static struct net_endpoint default_endpoint(enum config_page page)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct net_endpoint endpoint = {.port = 8080};

	if (page == CONFIG_PAGE_METRICS) {
		endpoint.address = net_address_from_ipv4(loopback);
		endpoint.port = 9153;
	} else if (page == CONFIG_PAGE_READY) {
		endpoint.port = 8181;
	}
	return endpoint;
}

// One listener for each endpoint, whatever pages it has.
static int add_listener(struct config_reader *reader, const struct config_line *line,
	const struct net_endpoint *endpoint, enum config_page page, struct config_watch *watch)
{
	struct config_http_listener *list;

	for (size_t i = 0; i < watch->listener_count; i++) {
		if (net_endpoint_equal(&watch->listeners[i].endpoint, endpoint)) {
			watch->listeners[i].pages |= (uint8_t)page;
			return 0;
		}
	}
	list = config_arena_grow(
		reader->arena, watch->listeners, watch->listener_count, sizeof(*list));
	if (!list)
		return config_fail_memory(reader->error, line->place);
	watch->listeners = list;
	list[watch->listener_count++] = (struct config_http_listener){
		.endpoint = *endpoint,
		.pages = (uint8_t)page,
		.line = line->place.line,
	};
	return 0;
}

int config_read_watch(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, enum config_page page, struct config_watch *watch)
{
	struct net_endpoint endpoint = default_endpoint(page);
	int err;

	if (line->count > 1 && config_parse_listen_endpoint(line->words[1].text, &endpoint) != 0)
		return config_fail_word(
			reader, line, 1, "is not ADDRESS:PORT, :PORT or localhost:PORT");
	err = add_listener(reader, line, &endpoint, page, watch);
	if (!err && line->opens_block)
		err = read_block(reader, lines, line, page, watch);
	return err;
}
