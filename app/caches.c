// SPDX-License-Identifier: BSD-3-Clause
#include "caches.h"

#include <errno.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "lcores.h"

static void find_nodes(const struct app *app, int nodes[])
{
	unsigned int lcores[RTE_MAX_LCORE + 1] = {0};

	lcores_list(app, lcores);
	for (uint16_t i = 0; i < app->lcore_count; i++)
		nodes[i] = (int)rte_lcore_to_socket_id(lcores[i]);
}

static int open_files(struct app *app)
{
	const char *folder = app->options.cache_folder;
	int error;

	if (!folder)
		return 0;
	app->cache_files = cache_files_create(folder, app->config, app->shared.caches);
	if (app->cache_files)
		return 0;
	error = -errno;
	log_error("--cache-folder %s: %s", folder, strerror(-error));
	return error;
}

// The configuration has none.
static void forget_caches(struct app *app)
{
	if (app->options.cache_folder)
		log_warning("--cache-folder %s: the configuration has no cache",
			app->options.cache_folder);
	forward_caches_destroy(app->shared.caches);
	app->shared.caches = NULL;
}

int caches_open(struct app *app)
{
	int nodes[FORWARD_LCORES_MOST];
	struct random_stream *random;
	int error = 0;

	find_nodes(app, nodes);
	random = random_stream_create(NULL);
	if (random)
		app->shared.caches = forward_caches_create(
			app->config, app->worker_count, app->lcore_count, nodes, random);
	if (!app->shared.caches) {
		error = -errno;
		log_error("cache: %s", error == -EINVAL
					       ? "its size is too small for so many worker lcores"
					       : strerror(-error));
	}
	random_stream_destroy(random);
	if (!app->shared.caches)
		return error;
	if (!app->shared.caches->count) {
		forget_caches(app);
		return 0;
	}
	caches_set_wall(app, clock_now());
	app->cache_control = cache_control_create(app->shared.caches);
	if (!app->cache_control) {
		log_error("cache: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	return open_files(app);
}

static int refuse_first_cache(
	const struct app *app, const struct config *config, struct config_error *error)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	for (size_t i = 0; i < count; i++) {
		if (!servers[i].cache)
			continue;
		(void)snprintf(error->text, sizeof(error->text),
			"%s:%u: cache: a first cache needs a restart", app->options.config,
			servers[i].cache->line);
		return -EBUSY;
	}
	return 0;
}

int caches_prepare(const struct app *app, const struct config *config,
	struct forward_caches **caches, struct config_error *error)
{
	unsigned int line = 0;
	int status;

	*caches = NULL;
	if (!app->shared.caches)
		return refuse_first_cache(app, config, error);
	*caches = forward_caches_follow(app->shared.caches, config, &line);
	if (*caches)
		return 0;
	status = -errno;
	if (status == -EBUSY)
		(void)snprintf(error->text, sizeof(error->text),
			"%s:%u: cache: another cache, or one of another size, capacity or pause of "
			"prefetches, needs a restart",
			app->options.config, line);
	else
		(void)snprintf(error->text, sizeof(error->text), "cache: %s", strerror(-status));
	return status;
}

void caches_follow(struct app *app)
{
	if (app->cache_control)
		cache_control_follow(app->cache_control, app->shared.caches);
	if (app->cache_files)
		cache_files_follow(app->cache_files, app->config, app->shared.caches);
}

void caches_close(struct app *app)
{
	cache_files_destroy(app->cache_files);
	app->cache_files = NULL;
	cache_control_destroy(app->cache_control);
	app->cache_control = NULL;
	forward_caches_destroy(app->shared.caches);
	app->shared.caches = NULL;
}

static uint64_t read_wall(void)
{
	struct timespec wall;

	// Can not fail: the clock exists and the pointer is good.
	clock_gettime(CLOCK_REALTIME, &wall);
	return (uint64_t)wall.tv_sec;
}

bool caches_turn(struct app *app, uint64_t now)
{
	uint64_t wall;
	bool has_more;

	if (!app->shared.caches)
		return false;
	wall = read_wall();
	(void)forward_caches_tick(app->shared.caches);
	has_more = cache_control_turn(app->cache_control, now, wall);
	if (app->cache_files)
		has_more |= cache_files_turn(app->cache_files, now, wall);
	return has_more;
}

void caches_save(struct app *app)
{
	if (app->cache_files)
		cache_files_save(app->cache_files);
}

uint32_t caches_unsaved(const struct app *app)
{
	return app->cache_files ? cache_files_unsaved(app->cache_files) : 0;
}

void caches_set_wall(struct app *app, uint64_t now)
{
	if (app->shared.caches)
		forward_caches_set_wall(app->shared.caches, now, read_wall());
}
