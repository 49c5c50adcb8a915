// SPDX-License-Identifier: BSD-3-Clause
#include "upstream_health.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "proxy/sweep.h"

static void tell_change(void *context, uint16_t upstream, bool is_down)
{
	const struct app *app = context;
	char text[NET_ENDPOINT_TEXT];

	(void)net_endpoint_format(&app->set->upstreams[upstream].endpoint, text);
	if (is_down)
		log_warning("upstream %s is down: %u health checks failed", text,
			app->health->states[upstream].fails);
	else
		log_info("upstream %s answers again", text);
}

int upstream_health_open(struct app *app)
{
	app->health = proxy_health_create(app->set);
	app->health_links = calloc(app->lcore_count, sizeof(*app->health_links));
	if (!app->health || !app->health_links)
		return -ENOMEM;
	app->health->changed = tell_change;
	app->health->context = app;
	for (uint16_t i = 0; i < app->lcore_count; i++)
		app->health_links[i] = &forward_lcore_proxy(app->lcores[i])->health;
	return 0;
}

void upstream_health_close(struct app *app)
{
	proxy_health_destroy(app->health);
	free(app->health_links);
}

static void log_change(const struct app *app, uint16_t upstream, const char *what)
{
	char text[NET_ENDPOINT_TEXT];

	log_info("upstream %s %s",
		net_endpoint_format(&app->set->upstreams[upstream].endpoint, text), what);
}

bool upstream_health_drain(struct app *app, uint16_t upstream)
{
	if (!proxy_health_drain(app->health, upstream))
		return false;
	for (uint16_t i = 0; i < app->pool_count; i++)
		proxy_sweep_look_anew(app->pools[i]);
	log_change(app, upstream, "is drained");
	return true;
}

bool upstream_health_undrain(struct app *app, uint16_t upstream, uint64_t now)
{
	if (!proxy_health_undrain(app->health, upstream, now))
		return false;
	log_change(app, upstream, "is not drained any more");
	return true;
}

void upstream_health_turn(struct app *app, uint64_t now)
{
	if (app->phase == WORKER_RUNS)
		proxy_health_turn(
			app->health, app->health_links, app->lcore_count, app->worker_count, now);
}
