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

static bool overlap_same_file(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool overlap_same_tls(const struct config_tls_files *a, const struct config_tls_files *b)
{
	if (!a || !b)
		return a == b;
	return overlap_same_file(a->certificate, b->certificate) &&
	       overlap_same_file(a->key, b->key) && overlap_same_file(a->ca, b->ca);
}

// By port and by what servers of one block have in common, then as they stand in the files.
static int overlap_compare_blocks(const void *left, const void *right, void *config)
{
	const struct config_server_place *place_a = left;
	const struct config_server_place *place_b = right;
	const struct config_server *a = overlap_server(config, place_a);
	const struct config_server *b = overlap_server(config, place_b);

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->tls != b->tls)
		return (uintptr_t)a->tls < (uintptr_t)b->tls ? -1 : 1;
	if (a->bind != b->bind)
		return (uintptr_t)a->bind < (uintptr_t)b->bind ? -1 : 1;
	return place_a->server < place_b->server ? -1 : place_a->server > place_b->server;
}

// Keeps the first server of those that overlap_compare_blocks() tells apart by their index alone.
static size_t overlap_keep_blocks(const struct config *config, struct config_server_place *places)
{
	size_t kept = 0;

	for (size_t i = 0; i < config->server_count; i++) {
		const struct config_server *server = overlap_server(config, &places[i]);
		const struct config_server *last =
			kept ? overlap_server(config, &places[kept - 1]) : NULL;

		if (!last || last->port != server->port || last->tls != server->tls ||
			last->bind != server->bind)
			places[kept++] = places[i];
	}
	return kept;
}

static int overlap_fail_tls(struct config_parser *parser, const struct config_server_place *a,
	const struct config_server_place *b)
{
	const struct config_server_place *first = a->server < b->server ? a : b;
	const struct config_server_place *second = a->server < b->server ? b : a;
	const struct config_server *server = overlap_server(parser->config, first);
	const char *how = "without TLS";

	if (server->tls)
		how = overlap_server(parser->config, second)->tls ? "with other certificates"
								  : "with TLS";
	return config_fail(parser->reader.error, second->place,
		"port %u is served at %.100s:%u already, %s", server->port, first->place.file,
		first->place.line, how);
}

static int overlap_check_tls(struct config_parser *parser)
{
	struct config *config = parser->config;
	struct config_server_place *places = parser->places;
	size_t count;

	qsort_r(places, config->server_count, sizeof(*places), overlap_compare_blocks, config);
	count = overlap_keep_blocks(config, places);
	for (size_t i = 0; i < count; i++) {
		const struct config_server *server = overlap_server(config, &places[i]);

		// Those without TLS come first among the servers of a port.
		for (size_t j = i; server->tls && j-- > 0;) {
			const struct config_server *other = overlap_server(config, &places[j]);

			if (other->port != server->port)
				break;
			if (!overlap_same_tls(other->tls, server->tls) &&
				overlap_share_address(other, server))
				return overlap_fail_tls(parser, &places[j], &places[i]);
		}
	}
	return 0;
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
	return second ? overlap_fail(parser, first, second) : overlap_check_tls(parser);
}
