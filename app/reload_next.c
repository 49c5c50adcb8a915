// SPDX-License-Identifier: BSD-3-Clause
// The next configuration: read, checked, and made of what stays and what comes.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/log.h"
#include "caches.h"
#include "host_names.h"
#include "network.h"
#include "network_ports.h"
#include "query_log.h"
#include "reload_private.h"
#include "stream_tls.h"

static bool upstream_is_drained(void *context, uint16_t upstream)
{
	const struct app *app = context;

	for (uint16_t i = 0; i < app->lcore_count; i++) {
		if (!proxy_lcore_upstream_is_drained(forward_lcore_proxy(app->lcores[i]), upstream))
			return false;
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		if (!stream_lcore_upstream_is_drained(app->streams[i], upstream))
			return false;
	}
	return true;
}

static bool group_is_drained(void *context, uint16_t group)
{
	const struct app *app = context;

	for (uint16_t i = 0; i < app->lcore_count; i++) {
		if (!proxy_lcore_group_is_drained(forward_lcore_proxy(app->lcores[i]), group))
			return false;
	}
	return true;
}

static struct proxy_drain drain_of(struct app *app)
{
	return (struct proxy_drain){app, upstream_is_drained, group_is_drained};
}

static void free_updates(struct app *app)
{
	struct reload *reload = &app->reload;

	for (uint16_t i = 0; i < app->stream_count; i++) {
		stream_lcore_update_destroy(reload->updates[i], reload->set);
		reload->updates[i] = NULL;
	}
}

void reload_give_up(struct app *app)
{
	struct reload *reload = &app->reload;

	free_updates(app);
	query_log_forget(app);
	forward_snapshot_destroy(reload->snapshot);
	forward_caches_forget(reload->caches);
	proxy_set_destroy(reload->set);
	config_destroy(reload->config);
	reload->snapshot = NULL;
	reload->caches = NULL;
	reload->set = NULL;
	reload->config = NULL;
	reload->stage = RELOAD_RESTS;
	if (names_follow(app->names, app->config, NULL))
		log_warning("host names: %s", strerror(ENOMEM));
}

int reload_read(struct app *app, struct config_error *error)
{
	struct reload *reload = &app->reload;
	int status;

	if (reload->is_of_upstreams) {
		reload->config = host_names_read(app, app->config, error);
		return reload->config ? 0 : -EINVAL;
	}
	reload->config = config_read_file(app->options.config, error);
	if (!reload->config)
		return -EINVAL;
	status = names_follow(app->names, app->config, reload->config);
	if (status)
		(void)snprintf(error->text, sizeof(error->text), "%s", strerror(-status));
	else
		names_ask_missing(app->names);
	return status;
}

// With what was found of its names.
static int read_again(struct app *app, struct config_error *error)
{
	struct reload *reload = &app->reload;
	struct config *config;
	size_t count;

	(void)config_hosts(reload->config, &count);
	if (!count || reload->is_of_upstreams)
		return 0;
	reload->next_addresses = names_generation(app->names);
	config = host_names_read(app, reload->config, error);
	if (!config)
		return -EINVAL;
	config_destroy(reload->config);
	reload->config = config;
	return 0;
}

// Connections that each lcore can have over UDP: one an upstream at the least.
static uint16_t fewest_ports(const struct app *app)
{
	uint16_t fewest = UINT16_MAX;

	for (uint16_t i = 0; i < app->pool_count; i++) {
		if (app->pools[i]->slot_count < fewest)
			fewest = app->pools[i]->slot_count;
	}
	return fewest;
}

static int make_set(struct app *app, struct config_error *error)
{
	struct proxy_drain drain = drain_of(app);
	struct proxy_set *set = forward_proxy_set_follow(app->reload.config, app->set, &drain);

	app->reload.set = set;
	if (!set && errno == ENOMEM) {
		(void)snprintf(error->text, sizeof(error->text), "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	if (set && set->upstreams_used <= fewest_ports(app))
		return 0;
	(void)snprintf(error->text, sizeof(error->text),
		"%s: with those that still leave, there are more than the %u upstreams that this "
		"run has room for: more need a restart",
		app->options.config, set ? fewest_ports(app) : app->set->upstream_capacity);
	return -ENOSPC;
}

static int make_updates(struct app *app, struct config_error *error)
{
	struct reload *reload = &app->reload;

	for (uint16_t i = 0; i < app->stream_count; i++) {
		reload->updates[i] = stream_lcore_update_create(
			reload->config, reload->set, app->ticket_secret, error);
		if (!reload->updates[i])
			return -EINVAL;
	}
	return 0;
}

int reload_make(struct app *app, struct config_error *why)
{
	struct reload *reload = &app->reload;
	int error = read_again(app, why);

	if (!error)
		error = stream_tls_check(reload->config, app->options.config, why);
	if (!error)
		error = network_check_addresses(app, reload->config, why);
	if (!error)
		error = caches_prepare(app, reload->config, &reload->caches, why);
	if (!error)
		error = make_set(app, why);
	if (!error)
		error = query_log_prepare(app, reload->config, reload->set, why);
	if (!error)
		error = make_updates(app, why);
	return error;
}

int reload_make_snapshot(struct app *app, struct config_error *why)
{
	struct reload *reload = &app->reload;
	struct forward_numbers numbers = network_numbers(reload->set, reload->caches);
	int error;

	reload->snapshot =
		forward_snapshot_follow(reload->config, &numbers, app->local, app->local_count);
	error = reload->snapshot ? network_set_filters(
					   app, reload->set, app->shared.snapshot, reload->snapshot)
				 : -errno;
	if (error)
		(void)snprintf(why->text, sizeof(why->text), "filters and listeners: %s",
			strerror(-error));
	return error;
}

void reload_make_pruned(struct app *app)
{
	struct proxy_drain drain = drain_of(app);
	struct proxy_set *set = forward_proxy_set_follow(app->config, app->set, &drain);

	if (!set || set->leaving_count == app->set->leaving_count) {
		proxy_set_destroy(set);
		return;
	}
	(void)network_find_paths(app, set);
	app->reload.set = set;
}
