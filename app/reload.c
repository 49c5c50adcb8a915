// SPDX-License-Identifier: BSD-3-Clause
#include "reload.h"

#include <stdio.h>
#include <string.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "caches.h"
#include "host_names.h"
#include "lcores.h"
#include "network.h"
#include "proxy/sweep.h"
#include "query_log.h"
#include "rcu/rcu.h"
#include "reload_private.h"
#include "watch.h"

#define PATHS_MOST CLOCK_SECOND
#define PATHS_PERIOD (20 * CLOCK_MILLISECOND)
#define DRAIN_PERIOD (250 * CLOCK_MILLISECOND)
#define RETRY_PAUSE (30 * CLOCK_SECOND) // of addresses that were refused

// What was refused is not tried again before it changes.
static void refuse(struct app *app, const struct config_error *error, uint64_t now)
{
	reload_keep_sums(app, config_sums_now(app->config));
	reload_give_up(app);
	app->reload.refused++;
	app->reload.refusal = *error;
	app->reload.is_refusal_of_upstreams = app->reload.is_of_upstreams;
	if (app->reload.is_of_upstreams) {
		app->reload.refused_addresses = app->reload.next_addresses;
		app->reload.retry_due = now + RETRY_PAUSE;
	}
	log_error("reload: %s; the configuration stays as it was", error->text);
}

static void prepare(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;
	struct config_error why = {0};

	if (reload_make(app, &why)) {
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
	if (reload_read(app, &why)) {
		refuse(app, &why, now);
		return;
	}
	reload->stage = RELOAD_FINDS_ADDRESSES;
	reload->until = reload->is_of_upstreams ? now : now + HOST_NAMES_MOST;
	find_addresses(app, now);
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
	lcores_wake_streams(app);
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
			reload_keep_sums(app, config_sums(app->config));
		else
			reload->has_sums = false;
		rcu_pointer_publish(app->shared.snapshot, reload->snapshot);
		reload->config = config;
		reload->snapshot = snapshot;
		caches_follow(app);
		query_log_follow(app);
		lcores_wake_streams(app);
	}
	rcu_wait_grace_period();
	reload_give_up(app);
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
	if (reload_make_snapshot(app, &why) == 0 && move_watch(app, &why) == 0)
		publish(app);
	else
		refuse(app, &why, now);
}

static void rest(struct app *app, uint64_t now)
{
	struct reload *reload = &app->reload;

	reload_follow_sources(app, now);
	if (reload->is_wanted || reload->is_wanted_of_upstreams) {
		begin(app, now);
		return;
	}
	if (!app->set->leaving_count || now < reload->look_due)
		return;
	reload->look_due = now + DRAIN_PERIOD;
	reload_make_pruned(app);
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
			reload_give_up(app);
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
	reload_give_up(app);
}
