// SPDX-License-Identifier: BSD-3-Clause
#include <stdlib.h>
#include <string.h>

#include "config/parser.h"

static const struct config_server *overlap_server(
	const struct config *config, const struct config_server_place *place)
{
	return &config->servers[place->server];
}

static int overlap_compare_keys(const struct config_server *a, const struct config_server *b)
{
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->zone.length != b->zone.length)
		return a->zone.length < b->zone.length ? -1 : 1;
	return memcmp(a->zone.wire, b->zone.wire, a->zone.length);
}

// By port and zone, then as they stand in the files.
static int overlap_compare(const void *left, const void *right, void *config)
{
	const struct config_server_place *a = left;
	const struct config_server_place *b = right;
	int order = overlap_compare_keys(overlap_server(config, a), overlap_server(config, b));

	if (order)
		return order;
	return a->server < b->server ? -1 : a->server > b->server;
}

// No address stands for all of them.
static bool overlap_share_address(const struct config_server *a, const struct config_server *b)
{
	if (!a->bind_count || !b->bind_count)
		return true;
	for (size_t i = 0; i < a->bind_count; i++) {
		for (size_t j = 0; j < b->bind_count; j++) {
			if (net_address_equal(&a->bind[i], &b->bind[j]))
				return true;
		}
	}
	return false;
}

static int overlap_fail(struct config_parser *parser, const struct config_server_place *first,
	const struct config_server_place *second)
{
	const struct config_server *server = overlap_server(parser->config, second);
	char zone[DNS_NAME_TEXT];

	return config_fail(parser->reader.error, second->place,
		"zone '%.100s' on port %u is served at %.100s:%u already",
		dns_name_format(&server->zone, zone), server->port, first->place.file,
		first->place.line);
}

// A server before the one at `index`, in the order of keys, that would get its questions too.
static const struct config_server_place *overlap_find(
	const struct config *config, const struct config_server_place *places, size_t index)
{
	const struct config_server *server = overlap_server(config, &places[index]);

	while (index-- > 0) {
		const struct config_server *other = overlap_server(config, &places[index]);

		if (overlap_compare_keys(server, other) != 0)
			return NULL;
		if (overlap_share_address(server, other))
			return &places[index];
	}
	return NULL;
}

int config_check_servers(struct config_parser *parser)
{
	struct config *config = parser->config;
	struct config_server_place *places = parser->places;
	const struct config_server_place *first = NULL;
	const struct config_server_place *second = NULL;

	qsort_r(places, config->server_count, sizeof(*places), overlap_compare, config);
	for (size_t i = 0; i < config->server_count; i++) {
		const struct config_server_place *found = overlap_find(config, places, i);

		// The one to name is the first in the order of the files that comes too late.
		if (found && (!second || places[i].server < second->server)) {
			first = found;
			second = &places[i];
		}
	}
	return second ? overlap_fail(parser, first, second) : 0;
}
