// SPDX-License-Identifier: BSD-3-Clause
#include "forward/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "forward/zones.h"

static const struct proxy_set no_set;

// Open addressing. Listeners over UDP and TCP come first, then those over TLS, and behind them one
// entry of port 0, without zones, for every local address. No port of an address is served both
// ways: the configuration would have been refused.
struct forward_snapshot {
	const struct config *config;
	uint16_t *groups; // by forward of the configuration; NULL: by their places
	struct forward_listener *listeners;
	size_t listener_count; // over UDP and TCP
	size_t stream_listener_count; // with those over TLS
	size_t entry_count; // with local addresses
	uint32_t *table; // index into listeners + 1; 0 is empty
	uint32_t table_mask;
};

static uint32_t endpoint_hash(const struct net_address *address, uint16_t port)
{
	uint64_t halves[2];
	uint64_t hash;

	memcpy(halves, address->bytes, sizeof(halves));
	hash = (halves[0] ^ port) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 32 ^ halves[1]) * UINT64_C(0xc2b2ae3d27d4eb4f);
	return (uint32_t)(hash >> 32);
}

static const struct forward_listener *snapshot_find_entry(
	const struct forward_snapshot *snapshot, const struct net_address *address, uint16_t port)
{
	uint32_t at = endpoint_hash(address, port);

	for (;; at++) {
		uint32_t entry = snapshot->table[at & snapshot->table_mask];
		const struct forward_listener *found;

		if (!entry)
			return NULL;
		found = &snapshot->listeners[entry - 1];
		if (found->endpoint.port == port &&
			net_address_equal(&found->endpoint.address, address))
			return found;
	}
}

const struct forward_listener *forward_snapshot_find_stream(const struct forward_snapshot *snapshot,
	const struct net_endpoint *destination, bool is_tls)
{
	const struct forward_listener *found;

	if (base_unlikely(!destination->port))
		return NULL;
	found = snapshot_find_entry(snapshot, &destination->address, destination->port);
	return found && (found->tls != NULL) == is_tls ? found : NULL;
}

const struct forward_listener *forward_snapshot_find(
	const struct forward_snapshot *snapshot, const struct net_endpoint *destination)
{
	return forward_snapshot_find_stream(snapshot, destination, false);
}

bool forward_snapshot_is_local(
	const struct forward_snapshot *snapshot, const struct net_address *address)
{
	return snapshot_find_entry(snapshot, address, 0) != NULL;
}

const struct forward_listener *forward_snapshot_listeners(
	const struct forward_snapshot *snapshot, size_t *count)
{
	*count = snapshot->listener_count;
	return snapshot->listeners;
}

const struct forward_listener *forward_snapshot_stream_listeners(
	const struct forward_snapshot *snapshot, size_t *count)
{
	*count = snapshot->stream_listener_count;
	return snapshot->listeners;
}

struct forward_match forward_listener_match(
	const struct forward_listener *listener, const uint8_t *name, uint16_t length)
{
	return forward_zones_match(listener->zones, name, length);
}

bool forward_snapshot_match_cache(const struct forward_snapshot *snapshot, uint16_t cache,
	const uint8_t *name, uint16_t length, struct forward_match *match)
{
	for (size_t i = 0; i < snapshot->stream_listener_count; i++) {
		*match = forward_listener_match(&snapshot->listeners[i], name, length);
		if (match->cache == cache && match->group != FORWARD_NO_GROUP)
			return true;
	}
	return false;
}

uint16_t forward_snapshot_next_group(const struct forward_snapshot *snapshot, uint16_t group,
	const uint8_t *name, uint16_t length)
{
	const struct forward_numbers numbers = {.groups = snapshot->groups};

	return forward_zones_next_group(
		snapshot->config, snapshot->groups ? &numbers : NULL, group, name, length);
}

static void snapshot_add_entry(struct forward_snapshot *snapshot, const struct net_address *address,
	uint16_t port, const struct config_tls_files *tls)
{
	uint32_t at = endpoint_hash(address, port);

	if (snapshot_find_entry(snapshot, address, port))
		return;
	while (snapshot->table[at & snapshot->table_mask])
		at++;
	snapshot->listeners[snapshot->entry_count++] = (struct forward_listener){
		.endpoint = {.address = *address, .port = port},
		.tls = tls,
	};
	snapshot->table[at & snapshot->table_mask] = (uint32_t)snapshot->entry_count;
}

static bool server_is_at(const struct config_server *server, const struct net_endpoint *endpoint)
{
	for (size_t i = 0; i < server->bind_count; i++) {
		if (net_address_equal(&server->bind[i], &endpoint->address))
			return server->port == endpoint->port;
	}
	return !server->bind_count && server->port == endpoint->port;
}

// The zones of one listener: servers bound to its address come before those bound to none.
static int snapshot_fill_listener(const struct config *config,
	const struct forward_numbers *numbers, struct forward_listener *listener)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_server **chosen = calloc(count + 1, sizeof(*chosen));
	size_t chosen_count = 0;

	if (!chosen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (servers[i].bind_count && server_is_at(&servers[i], &listener->endpoint))
			chosen[chosen_count++] = &servers[i];
	}
	for (size_t i = 0; i < count; i++) {
		if (!servers[i].bind_count && server_is_at(&servers[i], &listener->endpoint))
			chosen[chosen_count++] = &servers[i];
	}
	listener->zones = forward_zones_create(config, numbers, chosen, chosen_count);
	free(chosen);
	return listener->zones ? 0 : -ENOMEM;
}

static bool is_among(
	const struct net_address *addresses, size_t count, const struct net_address *address)
{
	for (size_t i = 0; i < count; i++) {
		if (net_address_equal(&addresses[i], address))
			return true;
	}
	return false;
}

static void snapshot_add_server(struct forward_snapshot *snapshot,
	const struct config_server *server, const struct net_address *local, size_t local_count)
{
	for (size_t i = 0; i < local_count && !server->bind_count; i++)
		snapshot_add_entry(snapshot, &local[i], server->port, server->tls);
	for (size_t i = 0; i < server->bind_count; i++) {
		// An address that is not there (yet) can not be served.
		if (is_among(local, local_count, &server->bind[i]))
			snapshot_add_entry(snapshot, &server->bind[i], server->port, server->tls);
	}
}

static int snapshot_fill(struct forward_snapshot *snapshot, const struct config *config,
	const struct forward_numbers *numbers, const struct net_address *local, size_t local_count)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	for (size_t i = 0; i < count; i++) {
		if (!servers[i].tls)
			snapshot_add_server(snapshot, &servers[i], local, local_count);
	}
	snapshot->listener_count = snapshot->entry_count;
	for (size_t i = 0; i < count; i++) {
		if (servers[i].tls)
			snapshot_add_server(snapshot, &servers[i], local, local_count);
	}
	snapshot->stream_listener_count = snapshot->entry_count;
	for (size_t i = 0; i < local_count; i++)
		snapshot_add_entry(snapshot, &local[i], 0, NULL);
	for (size_t i = 0; i < snapshot->stream_listener_count; i++) {
		int error = snapshot_fill_listener(config, numbers, &snapshot->listeners[i]);

		if (error)
			return error;
	}
	return 0;
}

// The set that the numbers are of may be replaced before the snapshot is.
static int snapshot_copy_groups(
	struct forward_snapshot *snapshot, const struct forward_numbers *numbers)
{
	size_t count;

	(void)config_forwards(snapshot->config, &count);
	if (!numbers)
		return 0;
	snapshot->groups = malloc((count + 1) * sizeof(*snapshot->groups));
	if (!snapshot->groups)
		return -ENOMEM;
	memcpy(snapshot->groups, numbers->groups, count * sizeof(*snapshot->groups));
	return 0;
}

static size_t entries_most(const struct config *config, size_t local_count)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	size_t most = local_count + 1;

	for (size_t i = 0; i < count; i++)
		most += servers[i].bind_count ? servers[i].bind_count : local_count;
	return most;
}

struct forward_snapshot *forward_snapshot_create(
	const struct config *config, const struct net_address *local, size_t local_count)
{
	return forward_snapshot_follow(config, NULL, local, local_count);
}

struct forward_snapshot *forward_snapshot_follow(const struct config *config,
	const struct forward_numbers *numbers, const struct net_address *local, size_t local_count)
{
	struct forward_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	size_t most = entries_most(config, local_count);
	uint32_t size = 16;

	if (!snapshot)
		return NULL;
	snapshot->config = config;
	while (size < 2 * most)
		size *= 2;
	snapshot->table_mask = size - 1;
	snapshot->table = calloc(size, sizeof(*snapshot->table));
	snapshot->listeners = calloc(most, sizeof(*snapshot->listeners));
	if (!snapshot->table || !snapshot->listeners || snapshot_copy_groups(snapshot, numbers))
		goto out;
	if (snapshot_fill(snapshot, config, numbers, local, local_count))
		goto out;
	return snapshot;
out:
	forward_snapshot_destroy(snapshot);
	errno = ENOMEM;
	return NULL;
}

void forward_snapshot_destroy(struct forward_snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->stream_listener_count; i++)
		forward_zones_destroy((struct forward_zones *)snapshot->listeners[i].zones);
	free(snapshot->groups);
	free(snapshot->listeners);
	free(snapshot->table);
	free(snapshot);
}

static struct proxy_upstream_template upstream_template(const struct config_upstream *upstream)
{
	return (struct proxy_upstream_template){
		.endpoint = upstream->endpoint,
		.is_tls = upstream->is_tls,
		.is_https = upstream->is_https,
		.server_name = upstream->server_name,
		.weight = upstream->weight,
	};
}

static void template_fill(struct proxy_group_template *template,
	const struct config_forward *forward, struct proxy_upstream_template *upstreams)
{
	static const enum proxy_policy policies[] = {
		[CONFIG_POLICY_RANDOM] = PROXY_POLICY_RANDOM,
		[CONFIG_POLICY_ROUND_ROBIN] = PROXY_POLICY_ROUND_ROBIN,
		[CONFIG_POLICY_SEQUENTIAL] = PROXY_POLICY_SEQUENTIAL,
		[CONFIG_POLICY_LEAST_OUTSTANDING] = PROXY_POLICY_LEAST_OUTSTANDING,
		[CONFIG_POLICY_FASTEST] = PROXY_POLICY_FASTEST,
		[CONFIG_POLICY_WEIGHTED] = PROXY_POLICY_WEIGHTED,
		[CONFIG_POLICY_HASH] = PROXY_POLICY_HASH,
		[CONFIG_POLICY_ORDERED] = PROXY_POLICY_ORDERED,
	};

	for (size_t i = 0; i < forward->upstream_count; i++)
		upstreams[i] = upstream_template(&forward->upstreams[i]);
	*template = (struct proxy_group_template){
		.settings =
			{
				.policy = policies[forward->policy],
				.expire = forward->expire,
				.max_age = forward->max_age,
				.read_timeout = forward->read_timeout,
				.hedge = forward->hedge,
				.max_idle_conns = forward->max_idle_conns,
				.max_concurrent = forward->max_concurrent,
				.max_connect_attempts = forward->max_connect_attempts,
				.force_tcp = forward->force_tcp,
				.prefer_udp = forward->prefer_udp,
				.failover_rcodes = forward->failover_rcodes,
				.next_rcodes = forward->next_rcodes,
				.next_on_nodata = forward->next_on_nodata,
				.max_inflight = forward->max_inflight,
				.min_idle_conns = forward->min_idle_conns,
				.http_method = forward->doh_method == CONFIG_DOH_GET
						       ? PROXY_HTTP_GET
						       : PROXY_HTTP_POST,
			},
		.tls = {forward->tls.certificate, forward->tls.key, forward->tls.ca},
		.has_source_address = forward->has_source_address,
		.source_address = forward->source_address,
		.health =
			{
				.pause = forward->health_check.pause,
				.max_fails = forward->max_fails,
				.is_failfast = forward->is_failfast,
				.asks_without_rd = forward->health_check.asks_without_rd,
				.name = forward->health_check.name,
			},
		.upstreams = upstreams,
		.upstream_count = forward->upstream_count > PROXY_GROUP_UPSTREAMS_MOST
					  ? 0
					  : (uint16_t)forward->upstream_count,
	};
}

// What a forward is known by over reloads; `server` is the first of its block.
static char *forward_identity(
	const struct config_server *server, const struct config_forward *forward)
{
	char zone[DNS_NAME_TEXT];
	char from[DNS_NAME_TEXT];
	char *identity;

	dns_name_format(&server->zone, zone);
	dns_name_format(&forward->from[0], from);
	if (asprintf(&identity, "%s%s:%u %s %zu", server->tls ? "tls://" : "", zone, server->port,
		    from, forward->from_count) < 0)
		return NULL;
	return identity;
}

static const struct config_server *first_server_of(
	const struct config *config, const struct config_forward *forward)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < servers[i].forward_count; j++) {
			if (servers[i].forwards[j] == forward)
				return &servers[i];
		}
	}
	return NULL;
}

static int templates_fill(struct proxy_group_template *templates,
	struct proxy_upstream_template *upstreams, const struct config *config)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	for (size_t i = 0; i < count; i++) {
		const struct config_server *server = first_server_of(config, forwards[i]);

		template_fill(&templates[i], forwards[i], upstreams);
		upstreams += forwards[i]->upstream_count;
		templates[i].identity = server ? forward_identity(server, forwards[i]) : NULL;
		if (server && !templates[i].identity)
			return -ENOMEM;
	}
	return 0;
}

struct proxy_set *forward_proxy_set_follow(
	const struct config *config, const struct proxy_set *old, const struct proxy_drain *drain)
{
	struct proxy_upstream_template *upstreams;
	struct proxy_group_template *templates;
	struct proxy_set *set = NULL;
	size_t upstream_count = 0;
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	if (count >= FORWARD_NO_GROUP) {
		errno = EINVAL;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		upstream_count += forwards[i]->upstream_count;
	templates = calloc(count + 1u, sizeof(*templates));
	upstreams = calloc(upstream_count + 1, sizeof(*upstreams));
	if (!templates || !upstreams || templates_fill(templates, upstreams, config))
		errno = ENOMEM;
	else
		set = proxy_set_follow(old, templates, (uint16_t)count, drain);
	for (size_t i = 0; templates && i < count; i++)
		free((char *)templates[i].identity);
	free(upstreams);
	free(templates);
	return set;
}

struct proxy_set *forward_proxy_set_create(const struct config *config)
{
	return forward_proxy_set_follow(config, &no_set, NULL);
}
