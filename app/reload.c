// SPDX-License-Identifier: BSD-3-Clause
#include "reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "caches.h"
#include "host_names.h"
#include "network.h"
#include "proxy/sweep.h"
#include "query_log.h"
#include "rcu/rcu.h"
#include "stream_tls.h"
#include "watch.h"

#define PATHS_MOST CLOCK_SECOND
#define PATHS_PERIOD (20 * CLOCK_MILLISECOND)
#define DRAIN_PERIOD (250 * CLOCK_MILLISECOND)
#define UPSTREAM_FILES_PERIOD CLOCK_SECOND
#define RETRY_PAUSE (30 * CLOCK_SECOND) // of addresses that were refused

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

static const struct config *next_config(const struct app *app)
{
	return app->reload.config ? app->reload.config : app->config;
}

static void free_updates(struct app *app)
{
	struct reload *reload = &app->reload;

	for (uint16_t i = 0; i < app->stream_count; i++) {
		stream_lcore_update_destroy(reload->updates[i], reload->set);
		reload->updates[i] = NULL;
	}
}

// What was made and not published.
static void give_up(struct app *app)
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

// Those below: 0, or -errno with why in one line.

static int read_config(struct app *app, struct config_error *error)
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
static int read_config_again(struct app *app, struct config_error *error)
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
	struct proxy_set *set = forward_proxy_set_follow(next_config(app), app->set, &drain);

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

// Of the files that were read.
static void keep_sums(struct app *app, struct config_sums sums)
{
	struct reload *reload = &app->reload;

	// A file in TO that has changed, too, is not what was refused of the others.
	if (reload->is_of_upstreams)
		reload->sums.upstreams = sums.upstreams;
	else
		reload->sums.sources = sums.sources;
}

// What was refused is not tried again before it changes.
static void refuse(struct app *app, const struct config_error *error, uint64_t now)
{
	keep_sums(app, config_sums_now(app->config));
	give_up(app);
	app->reload.refused++;
	app->reload.refusal = *error;
	app->reload.is_refusal_of_upstreams = app->reload.is_of_upstreams;
	if (app->reload.is_of_upstreams) {
		app->reload.refused_addresses = app->reload.next_addresses;
		app->reload.retry_due = now + RETRY_PAUSE;
	}
	log_error("reload: %s; the configuration stays as it was", error->text);
}

// Checks what was read, and makes what it takes.
static void prepare(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;
	struct config_error why = {0};
	int error = read_config_again(app, &why);

	if (!error)
		error = stream_tls_check(reload->config, app->options.config, &why);
	if (!error)
		error = network_check_addresses(app, reload->config, &why);
	if (!error)
		error = caches_prepare(app, reload->config, &reload->caches, &why);
	if (!error)
		error = make_set(app, &why);
	if (!error)
		error = query_log_prepare(app, reload->config, reload->set, &why);
	if (!error)
		error = make_updates(app, &why);
	if (error) {
		refuse(app, &why, now);
		return;
	}
	reload->stage = RELOAD_FINDS_PATHS;
	reload->until = now + PATHS_MOST;
	reload->look_due = now;
}

static void find_addresses(struct app *app, uint64_t now)
{
	if (!names_are_awaited(app->names) || now >= app->reload.until)
		prepare(app, now);
}

static void begin(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;
	struct config_error why = {0};

	reload->is_of_upstreams = !reload->is_wanted;
	reload->is_wanted = false;
	reload->is_wanted_of_upstreams = false;
	reload->next_addresses = names_generation(app->names);
	if (read_config(app, &why)) {
		refuse(app, &why, now);
		return;
	}
	reload->stage = RELOAD_FINDS_ADDRESSES;
	reload->until = reload->is_of_upstreams ? now : now + HOST_NAMES_MOST;
	find_addresses(app, now);
}

// A set without what is drained, if anything is.
static void begin_prune(struct app *app)
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

static void wake_streams(const struct app *app)
{
	for (uint16_t i = 0; i < app->stream_count; i++)
		stream_lcore_wake(app->streams[i]);
}

// -errno with why in one line.
static int make_snapshot(struct app *app, struct config_error *why)
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

// From here on it is not given up.
static void publish(struct app *app)
{
	struct reload *reload = &app->reload;

	if (reload->caches) {
		struct forward_caches *old = app->shared.caches;

		reload->caches->wall_offset = base_load(&old->wall_offset);
		rcu_pointer_publish(app->shared.caches, reload->caches);
		reload->caches = old;
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		stream_lcore_give_update(app->streams[i], reload->updates[i]);
		reload->updates[i] = NULL;
	}
	proxy_health_follow(app->health, reload->set);
	rcu_pointer_publish(app->shared.set, reload->set);
	for (uint16_t i = 0; i < app->pool_count; i++)
		proxy_sweep_follow(app->pools[i], reload->set);
	wake_streams(app);
	reload->stage = RELOAD_IS_FOLLOWED;
}

static bool everybody_follows(const struct app *app)
{
	uint64_t generation = app->shared.set->generation;

	for (uint16_t i = 0; i < app->lcore_count; i++) {
		if (forward_lcore_generation(app->lcores[i]) != generation)
			return false;
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		if (stream_lcore_generation(app->streams[i]) != generation)
			return false;
	}
	return true;
}

// What is kept of the next until now becomes what is to be freed, and the other way round.
static void finish(struct app *app)
{
	struct reload *reload = &app->reload;
	struct forward_snapshot *snapshot = app->shared.snapshot;
	struct config *config = app->config;
	struct proxy_set *set = app->set;
	bool is_new = reload->config;

	app->set = reload->set;
	reload->set = set;
	if (is_new) {
		app->config = reload->config;
		reload->addresses = reload->next_addresses;
		if (reload->is_of_upstreams)
			keep_sums(app, config_sums(app->config));
		else
			reload->has_sums = false;
		rcu_pointer_publish(app->shared.snapshot, reload->snapshot);
		reload->config = config;
		reload->snapshot = snapshot;
		caches_follow(app);
		query_log_follow(app);
		wake_streams(app);
	}
	rcu_wait_grace_period();
	give_up(app);
	(void)network_set_filters(app, app->set, app->shared.snapshot, NULL);
	if (!is_new)
		return;
	reload->done++;
	// What the file was refused for is not mended by other addresses.
	if (!reload->is_of_upstreams || reload->is_refusal_of_upstreams)
		reload->refusal.text[0] = '\0';
	log_info("reload: done, %u upstreams, %u leave", app->set->upstreams_used,
		app->set->leaving_count);
	network_log_pathless(app->set);
}

// -errno with why in one line, and where it is watched as it was.
static int move_watch(struct app *app, struct config_error *why)
{
	int error = watch_update(app, app->reload.config);

	if (!error)
		return 0;
	(void)snprintf(
		why->text, sizeof(why->text), "prometheus, health and ready: %s", strerror(-error));
	// What was listened at can be again.
	if (watch_update(app, app->config))
		log_warning("prometheus, health and ready: not as they were");
	return error;
}

static void find_paths(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;
	struct config_error why = {0};

	if (now < reload->look_due)
		return;
	reload->look_due = now + PATHS_PERIOD;
	if (network_find_paths(app, reload->set) && now < reload->until)
		return;
	if (make_snapshot(app, &why) == 0 && move_watch(app, &why) == 0)
		publish(app);
	else
		refuse(app, &why, now);
}

static uint64_t next_look(const struct config_reload *how, uint64_t now)
{
	uint32_t drawn = 0;

	// Without random bytes all look at the same time, which does no harm here.
	if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != (ssize_t)sizeof(drawn))
		drawn = 0;
	return now + how->interval - how->jitter / 2 + (how->jitter >> 16) * (drawn >> 16);
}

// A change that is found is read in this turn.
static void follow_files(struct app *app, uint64_t now)
{
	const struct config_reload *how = config_reload(app->config);
	struct reload *reload = &app->reload;

	if (!reload->has_sums) {
		reload->sums = config_sums(app->config);
		reload->has_sums = true;
		reload->follow_due = next_look(how, now);
	}
	if (reload->sums.has_upstreams && now >= reload->follow_upstreams_due) {
		reload->follow_upstreams_due = now + UPSTREAM_FILES_PERIOD;
		if (config_sums_now_of_upstreams(app->config).upstreams != reload->sums.upstreams)
			reload->is_wanted_of_upstreams = true;
	}
	if (!how->interval || now < reload->follow_due)
		return;
	reload->follow_due = next_look(how, now);
	if (config_sums_now(app->config).sources != reload->sums.sources)
		reload->is_wanted = true;
}

static void follow_names(struct app *app, uint64_t now)
{
	uint64_t addresses = names_generation(app->names);
	struct reload *reload = &app->reload;

	if (addresses == reload->addresses)
		return;
	if (addresses != reload->refused_addresses || now >= reload->retry_due)
		reload->is_wanted_of_upstreams = true;
}

static void rest(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;

	follow_files(app, now);
	follow_names(app, now);
	if (reload->is_wanted || reload->is_wanted_of_upstreams) {
		begin(app, now);
		return;
	}
	if (!app->set->leaving_count || now < reload->look_due)
		return;
	reload->look_due = now + DRAIN_PERIOD;
	begin_prune(app);
	if (reload->set)
		publish(app);
}

void reload_turn(struct app *app, uint64_t now)
{
	bool is_stopping = app->phase != WORKER_RUNS;

	switch (app->reload.stage) {
	case RELOAD_RESTS:
		if (!is_stopping)
			rest(app, now);
		break;
	case RELOAD_FINDS_ADDRESSES:
	case RELOAD_FINDS_PATHS:
		if (is_stopping)
			give_up(app);
		else if (app->reload.stage == RELOAD_FINDS_ADDRESSES)
			find_addresses(app, now);
		else
			find_paths(app, now);
		break;
	case RELOAD_IS_FOLLOWED:
		if (everybody_follows(app))
			finish(app);
		break;
	}
}

void reload_want(struct app *app)
{
	app->reload.is_wanted = true;
}

bool reload_is_followed(const struct app *app)
{
	return app->reload.stage == RELOAD_IS_FOLLOWED;
}

const char *reload_outcome(const struct app *app)
{
	const struct reload *reload = &app->reload;

	if (reload->is_wanted || reload->is_wanted_of_upstreams || reload->stage != RELOAD_RESTS)
		return "running";
	if (reload->refusal.text[0])
		return reload->refusal.text;
	return reload->done ? "done" : "none";
}

void reload_close(struct app *app)
{
	give_up(app);
}
