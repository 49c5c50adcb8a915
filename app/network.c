// SPDX-License-Identifier: BSD-3-Clause
#include "network.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "lcores.h"
#include "network_ports.h"
#include "nic/steering.h"
#include "rcu/rcu.h"

// Memory that workers may still read waits here for the next grace period.
static void retire(struct app *app, void *memory)
{
	if (memory)
		app->retired[app->retired_count++] = memory;
}

static void free_retired(struct app *app, struct forward_snapshot *snapshot)
{
	if (!app->retired_count && !snapshot)
		return;
	rcu_wait_grace_period();
	forward_snapshot_destroy(snapshot);
	while (app->retired_count)
		free(app->retired[--app->retired_count]);
}

static int list_addresses(struct app *app, struct net_address **addresses, size_t *count)
{
	size_t room = 64;

	for (;;) {
		struct net_address *list = malloc(room * sizeof(*list));
		size_t found = 0;

		if (!list)
			return -ENOMEM;
		for (uint16_t port = 0; port < nic_port_count(app->nic); port++)
			found += kernel_tables_list_addresses(app->tables, port,
				list + (found < room ? found : room),
				found < room ? room - found : 0);
		if (found <= room) {
			*addresses = list;
			*count = found;
			return 0;
		}
		free(list);
		room = found;
	}
}

static size_t count_listeners(const struct forward_snapshot *snapshot)
{
	size_t count = 0;

	if (snapshot)
		(void)forward_snapshot_listeners(snapshot, &count);
	return count;
}

static size_t copy_listeners(
	struct net_endpoint *endpoints, const struct forward_snapshot *snapshot)
{
	const struct forward_listener *listeners;
	size_t count = 0;

	if (!snapshot)
		return 0;
	listeners = forward_snapshot_listeners(snapshot, &count);
	for (size_t i = 0; i < count; i++)
		endpoints[i] = listeners[i].endpoint;
	return count;
}

static size_t copy_upstreams(struct net_endpoint *endpoints, const struct proxy_set *set)
{
	size_t count = 0;

	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (set->upstreams[i].presence != PROXY_FREE)
			endpoints[count++] = set->upstreams[i].endpoint;
	}
	return count;
}

int network_set_filters(struct app *app, const struct proxy_set *set,
	const struct forward_snapshot *snapshot, const struct forward_snapshot *next)
{
	struct nic_filter_rules rules = {
		.local = app->local,
		.local_count = app->local_count,
		.local_port_first = app->shared.local_port_first,
		.local_port_last = app->shared.local_port_last,
	};
	struct net_endpoint *endpoints =
		calloc(count_listeners(snapshot) + count_listeners(next) + set->upstreams_used + 1u,
			sizeof(*endpoints));
	int error = 0;

	if (!endpoints)
		return -ENOMEM;
	rules.served_count = copy_listeners(endpoints, snapshot);
	rules.served_count += copy_listeners(endpoints + rules.served_count, next);
	rules.upstream_count = copy_upstreams(endpoints + rules.served_count, set);
	rules.served = endpoints;
	rules.upstreams = endpoints + rules.served_count;
	for (uint16_t port = 0; port < nic_port_count(app->nic) && !error; port++) {
		error = nic_filter_set(app->nic, port, &rules);
		if (error)
			log_error("%s: the filter can not be set: %s",
				nic_port_info(app->nic, port)->name, strerror(-error));
	}
	free(endpoints);
	return error;
}

struct forward_numbers network_numbers(
	const struct proxy_set *set, const struct forward_caches *caches)
{
	return (struct forward_numbers){
		.groups = set->numbers, .caches = caches ? caches->numbers : NULL};
}

static void log_addresses(const struct app *app)
{
	for (size_t i = 0; i < app->local_count; i++) {
		char text[NET_ADDRESS_TEXT];

		log_info("address %s", net_address_format(&app->local[i], text));
	}
}

// A new snapshot if the addresses changed. 1 when it did, 0, or -errno.
static int update_addresses(struct app *app)
{
	struct forward_numbers numbers = network_numbers(app->set, app->shared.caches);
	struct forward_snapshot *old = app->shared.snapshot;
	struct forward_snapshot *snapshot;
	struct net_address *local;
	size_t count;
	int error = list_addresses(app, &local, &count);

	if (error)
		return error;
	if (old && count == app->local_count &&
		memcmp(local, app->local, count * sizeof(*local)) == 0) {
		free(local);
		return 0;
	}
	snapshot = forward_snapshot_follow(app->config, &numbers, local, count);
	if (!snapshot) {
		error = -errno;
		free(local);
		return error;
	}
	free(app->local);
	app->local = local;
	app->local_count = count;
	rcu_pointer_publish(app->shared.snapshot, snapshot);
	lcores_wake_streams(app);
	log_addresses(app);
	error = network_set_filters(app, app->set, snapshot, NULL);
	free_retired(app, old);
	return error ? error : 1;
}

static const struct net_address *upstream_source(
	const struct proxy_set *set, const struct proxy_upstream *upstream)
{
	const struct proxy_group *group = &set->groups[upstream->group];

	return group->has_source_address ? &group->source_address : NULL;
}

static void set_reply_hash(
	const struct app *app, const struct proxy_upstream *upstream, struct net_path *path)
{
	if (path->is_usable && app->shared.steering[path->port])
		path->reply_hash = nic_steering_reply_hash(
			app->shared.steering[path->port], &upstream->endpoint, &path->source);
}

// 1 where it changed, with *old to be freed after a grace period.
static int update_path(struct app *app, const struct proxy_set *set,
	struct proxy_upstream *upstream, struct net_path **old)
{
	struct net_path path = {0};

	kernel_tables_find_path(
		app->tables, &upstream->endpoint.address, upstream_source(set, upstream), &path);
	set_reply_hash(app, upstream, &path);
	return proxy_upstream_set_path(upstream, &path, old);
}

static void update_paths(struct app *app)
{
	for (uint16_t i = 0; i < app->set->upstream_count; i++) {
		struct proxy_upstream *upstream = &app->set->upstreams[i];
		struct net_path *old;

		if (upstream->presence != PROXY_FREE &&
			update_path(app, app->set, upstream, &old) == 1)
			retire(app, old);
	}
	free_retired(app, NULL);
}

void network_update(struct app *app)
{
	int error = kernel_tables_update(app->tables);

	if (error == 0)
		return;
	if (error > 0)
		error = update_addresses(app);
	if (error < 0)
		log_warning("the kernel's tables can not be followed: %s", strerror(-error));
	update_paths(app);
}

static void resolve_upstreams(struct app *app, const struct proxy_set *set)
{
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		// Without a route there is nothing to ask for; the path says so already.
		if (set->upstreams[i].presence != PROXY_FREE)
			(void)kernel_tables_resolve(
				app->tables, &set->upstreams[i].endpoint.address);
	}
}

void network_resolve(struct app *app)
{
	resolve_upstreams(app, app->set);
}

static bool upstream_lacks_path(const struct proxy_upstream *upstream)
{
	return upstream->presence == PROXY_STAYS && (!upstream->path || !upstream->path->is_usable);
}

// Of the upstreams that are new in this set.
static uint16_t count_pathless(const struct proxy_set *set)
{
	uint16_t count = 0;

	for (uint16_t i = 0; i < set->upstream_count; i++)
		count += set->upstreams_since[i] == set->generation &&
			 upstream_lacks_path(&set->upstreams[i]);
	return count;
}

uint16_t network_find_paths(struct app *app, struct proxy_set *set)
{
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		struct proxy_upstream *upstream = &set->upstreams[i];
		struct net_path *old = NULL;

		// Nobody reads it yet.
		if (upstream->presence != PROXY_FREE && update_path(app, set, upstream, &old) == 1)
			free(old);
		if (upstream_lacks_path(upstream))
			(void)kernel_tables_resolve(app->tables, &upstream->endpoint.address);
	}
	return count_pathless(set);
}

void network_log_pathless(const struct proxy_set *set)
{
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		const struct proxy_upstream *upstream = &set->upstreams[i];
		char text[NET_ENDPOINT_TEXT];

		if (upstream_lacks_path(upstream))
			log_warning("upstream %s: no route or no neighbour yet",
				net_endpoint_format(&upstream->endpoint, text));
	}
}

void network_wait_for_paths(struct app *app, uint64_t most)
{
	struct pollfd readable = {.fd = kernel_tables_fd(app->tables), .events = POLLIN};
	uint64_t until = clock_now() + most;
	uint64_t now;

	network_resolve(app);
	update_paths(app);
	while (count_pathless(app->set) && (now = clock_now()) < until) {
		if (poll(&readable, 1, (int)((until - now) / CLOCK_MILLISECOND) + 1) > 0)
			network_update(app);
	}
	network_log_pathless(app->set);
}

int network_open(struct app *app)
{
	int error;

	// A path of every upstream can be retired at once.
	app->retired = calloc(app->set->upstream_capacity + 1u, sizeof(*app->retired));
	app->tables = app->retired ? kernel_tables_create() : NULL;
	if (!app->tables) {
		error = -errno;
		log_error("the kernel's tables can not be read: %s", strerror(-error));
		return error;
	}
	error = network_ports_open(app);
	if (!error) {
		struct config_error why;

		error = network_check_addresses(app, app->config, &why);
		if (error)
			log_error("%s", why.text);
	}
	if (!error) {
		error = update_addresses(app);
		if (error > 0)
			error = 0;
		else if (error < 0)
			log_error("no snapshot of the configuration: %s", strerror(-error));
	}
	return error;
}

void network_close(struct app *app)
{
	forward_snapshot_destroy(app->shared.snapshot);
	app->shared.snapshot = NULL;
	free(app->local);
	free(app->retired);
	kernel_tables_destroy(app->tables);
	network_ports_close(app);
}
