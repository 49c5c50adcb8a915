// SPDX-License-Identifier: BSD-3-Clause
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http.h"
#include "metrics.h"

#define PAGE_OK 200
#define PAGE_UNAVAILABLE 503

struct watch {
	const struct app *app;
	struct http *http;
	enum watch_state state;
	bool was_ready;
	bool is_ready_asked_again;
};

static unsigned int write_metrics(void *context, struct stats_text *text)
{
	const struct watch *watch = context;

	metrics_write(watch->app, text);
	return PAGE_OK;
}

static unsigned int write_health(void *context, struct stats_text *text)
{
	const struct watch *watch = context;
	static const char *const states[] = {
		[WATCH_STARTS] = "starting\n",
		[WATCH_SERVES] = "OK",
		[WATCH_STOPS] = "stopping\n",
	};

	stats_text_add_string(text, states[watch->state]);
	return watch->state == WATCH_SERVES ? PAGE_OK : PAGE_UNAVAILABLE;
}

// Over TCP and TLS the kernel has the way.
static bool group_has_path(const struct proxy_set *set, const struct proxy_group *group)
{
	for (uint16_t i = 0; i < group->upstream_count; i++) {
		const struct proxy_upstream *upstream = &set->upstreams[group->upstreams[i]];

		if (upstream->is_tls || group->settings.force_tcp ||
			(upstream->path && upstream->path->is_usable))
			return true;
	}
	return false;
}

// A line for everything that is not ready.
static void write_missing(const struct watch *watch, struct stats_text *text)
{
	const struct app *app = watch->app;
	const struct proxy_set *set = app->set;
	size_t count;
	const struct config_forward *const *forwards = config_forwards(app->config, &count);

	if (watch->state == WATCH_STARTS)
		stats_text_add_string(text, "lcores: starting\n");
	for (size_t i = 0; i < count; i++) {
		if (!group_has_path(set, &set->groups[set->numbers[i]]))
			stats_text_print(text, "forward in line %u: no way to any upstream\n",
				forwards[i]->line);
	}
}

static unsigned int write_ready(void *context, struct stats_text *text)
{
	struct watch *watch = context;

	if (watch->state == WATCH_STOPS) {
		stats_text_add_string(text, "stopping\n");
		return PAGE_UNAVAILABLE;
	}
	if (!watch->was_ready || watch->is_ready_asked_again)
		write_missing(watch, text);
	if (text->length)
		return PAGE_UNAVAILABLE;
	watch->was_ready = true;
	stats_text_add_string(text, "OK");
	return PAGE_OK;
}

// In the order of the bits of enum config_page.
static const struct http_page pages[] = {
	{"/metrics", STATS_PROMETHEUS_TYPE, write_metrics},
	{"/health", "text/plain; charset=utf-8", write_health},
	{"/ready", "text/plain; charset=utf-8", write_ready},
};

int watch_open(struct app *app)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	app->watch = watch;
	if (watch) {
		watch->app = app;
		watch->http = http_create(pages, BASE_ARRAY_SIZE(pages), watch);
	}
	if (!watch || !watch->http) {
		int error = errno;

		log_error("prometheus, health and ready can not start: %s", strerror(error));
		return -error;
	}
	return watch_update(app, app->config);
}

void watch_close(struct app *app)
{
	if (app->watch)
		http_destroy(app->watch->http);
	free(app->watch);
	app->watch = NULL;
}

int watch_update(struct app *app, const struct config *config)
{
	const struct config_watch *wanted = config_watch(config);
	char text[NET_ENDPOINT_TEXT];
	size_t failed;
	int error =
		http_listen(app->watch->http, wanted->listeners, wanted->listener_count, &failed);

	if (error) {
		const struct config_http_listener *listener = &wanted->listeners[failed];

		log_error("%s:%u: %s can not be listened at: %s", app->options.config,
			listener->line, net_endpoint_format(&listener->endpoint, text),
			strerror(-error));
		return error;
	}
	app->watch->is_ready_asked_again = wanted->is_ready_asked_again;
	return 0;
}

int watch_fd(const struct app *app)
{
	return http_fd(app->watch->http);
}

bool watch_turn(struct app *app, uint64_t now)
{
	return http_turn(app->watch->http, now);
}

void watch_set_state(struct app *app, enum watch_state state)
{
	app->watch->state = state;
}
