// SPDX-License-Identifier: BSD-3-Clause
#include "caches.h"

#include <errno.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

static bool configuration_has_cache(const struct config *config)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	for (size_t i = 0; i < count; i++) {
		if (servers[i].cache)
			return true;
	}
	return false;
}

// Workers are the EAL's worker lcores in turn.
static void find_nodes(const struct app *app, int nodes[])
{
	unsigned int lcore = UINT_MAX;

	for (uint16_t i = 0; i < app->worker_count; i++) {
		lcore = rte_get_next_lcore(lcore, 1, 0);
		nodes[i] = (int)rte_lcore_to_socket_id(lcore);
	}
}

int caches_open(struct app *app)
{
	int nodes[FORWARD_LCORES_MOST];
	struct random_stream *random;
	int error = 0;

	if (!configuration_has_cache(app->config))
		return 0;
	find_nodes(app, nodes);
	random = random_stream_create(NULL);
	if (random)
		app->shared.caches =
			forward_caches_create(app->config, app->worker_count, nodes, random);
	if (!app->shared.caches) {
		error = -errno;
		log_error("cache: %s", error == -EINVAL
					       ? "its size is too small for so many worker lcores"
					       : strerror(-error));
	}
	random_stream_destroy(random);
	if (error)
		return error;
	caches_set_wall(app, clock_now());
	app->cache_control = cache_control_create(app->shared.caches);
	if (app->cache_control)
		return 0;
	log_error("cache: %s", strerror(ENOMEM));
	return -ENOMEM;
}

void caches_close(struct app *app)
{
	cache_control_destroy(app->cache_control);
	app->cache_control = NULL;
	forward_caches_destroy(app->shared.caches);
	app->shared.caches = NULL;
}

bool caches_turn(struct app *app, uint64_t now)
{
	if (!app->shared.caches)
		return false;
	(void)forward_caches_tick(app->shared.caches);
	return cache_control_turn(app->cache_control, now);
}

void caches_set_wall(struct app *app, uint64_t now)
{
	struct timespec wall;

	if (!app->shared.caches)
		return;
	// Can not fail: the clock exists and the pointer is good.
	clock_gettime(CLOCK_REALTIME, &wall);
	forward_caches_set_wall(app->shared.caches, now, (uint64_t)wall.tv_sec);
}
