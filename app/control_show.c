// SPDX-License-Identifier: BSD-3-Clause
// What is shown without anything being changed.
#include <stdlib.h>
#include <string.h>

#include "config/values.h"
#include "control.h"
#include "counters.h"
#include "figures.h"
#include "version.h"

static const char *state_name(const struct app *app)
{
	static const char *const names[] = {
		[WORKER_RUNS] = "serving",
		[WORKER_DRAINS] = "stopping",
		[WORKER_STOPS] = "stopping",
		[WORKER_ENDS] = "stopping",
	};

	return names[base_load(&app->phase)];
}

void control_show_status(
	const struct app *app, uint64_t opened_at, uint64_t now, struct stats_json *json)
{
	uint64_t in_flight = 0;
	uint64_t queries =
		counters_total(app, STATS_FRAME_QUERY) + counters_total(app, STATS_STREAM_QUERY);

	for (uint16_t i = 0; i < app->lcore_count; i++)
		in_flight += figures_lcore(app, i).queries_in_flight;
	stats_json_string(json, "version", MILLRACE_VERSION);
	stats_json_string(json, "state", state_name(app));
	stats_json_number(json, "uptime_seconds", (int64_t)((now - opened_at) / CLOCK_SECOND));
	stats_json_string(json, "configuration", app->options.config);
	stats_json_number(json, "reloads", (int64_t)app->reload.done);
	stats_json_number(json, "reloads_refused", (int64_t)app->reload.refused);
	stats_json_string(json, "last_reload", reload_outcome(app));
	stats_json_number(json, "workers", app->worker_count);
	stats_json_number(json, "stream_lcores", app->stream_count);
	stats_json_number(json, "ports", nic_port_count(app->nic));
	stats_json_number(json, "addresses", (int64_t)app->local_count);
	stats_json_number(json, "upstreams", app->set->upstreams_used);
	stats_json_number(json, "caches", app->shared.caches ? app->shared.caches->count : 0);
	stats_json_number(json, "queries", (int64_t)queries);
	stats_json_number(json, "queries_in_flight", (int64_t)in_flight);
}

// A number, or ADDRESS[:PORT].
struct upstream_choice {
	bool is_all;
	bool is_number;
	uint32_t number;
	struct net_endpoint endpoint; // port 0: any
};

static bool parse_choice(const char *words, struct upstream_choice *choice)
{
	*choice = (struct upstream_choice){.is_all = !*words};
	if (choice->is_all)
		return true;
	choice->is_number = config_parse_number(words, 0, UINT16_MAX, &choice->number) == 0;
	return choice->is_number || config_parse_endpoint(words, 0, &choice->endpoint) == 0;
}

static bool is_chosen(const struct upstream_choice *choice, const struct proxy_upstream *upstream,
	uint16_t number)
{
	if (choice->is_all || choice->is_number)
		return choice->is_all || choice->number == number;
	return net_address_equal(&choice->endpoint.address, &upstream->endpoint.address) &&
	       (!choice->endpoint.port || choice->endpoint.port == upstream->endpoint.port);
}

uint32_t control_for_upstreams(const struct app *app, const char *words, void *context,
	void (*use)(void *context, uint16_t upstream))
{
	struct upstream_choice choice;
	uint32_t count = 0;

	if (!parse_choice(words, &choice))
		return 0;
	for (uint16_t i = 0; i < app->set->upstream_count; i++) {
		if (app->set->upstreams[i].presence == PROXY_FREE ||
			!is_chosen(&choice, &app->set->upstreams[i], i))
			continue;
		use(context, i);
		count++;
	}
	return count;
}

struct show {
	const struct app *app;
	struct stats_json *json;
	bool in_full;
};

// The mean, in milliseconds.
static void show_round_trip(struct stats_json *json, const struct proxy_durations *durations)
{
	uint64_t count = 0;
	uint64_t sum = 0;

	for (int rcode = 0; rcode < PROXY_DURATION_RCODES; rcode++) {
		sum += durations->rows[rcode].sum;
		for (int i = 0; i < PROXY_DURATION_BUCKETS; i++)
			count += durations->rows[rcode].counts[i];
	}
	stats_json_fraction(json, "round_trip_ms", count ? sum / count / CLOCK_MICROSECOND : 0);
}

static void show_connections(const struct show *show, uint16_t upstream)
{
	const struct app *app = show->app;

	stats_json_open_array(show->json, "connections");
	for (uint16_t i = 0; i < app->pool_count; i++) {
		struct proxy_pool sum = {0};

		figures_add_pools(app, upstream, i, (uint16_t)(i + 1), &sum);
		stats_json_open_object(show->json, NULL);
		stats_json_number(show->json, "lcore", figures_pool_lcore(app, i));
		stats_json_string(show->json, "over", i < app->lcore_count ? "udp" : "stream");
		stats_json_number(show->json, "open", sum.open_count);
		stats_json_number(show->json, "idle", sum.idle_count);
		stats_json_number(show->json, "in_flight", sum.in_flight);
		stats_json_number(show->json, "opened", (int64_t)sum.opened);
		stats_json_close_object(show->json);
	}
	stats_json_close_array(show->json);
}

static void show_reasons(const struct show *show, const struct figures_upstream *figures,
	const struct proxy_pool *pools)
{
	stats_json_open_object(show->json, "failed_by_reason");
	for (int i = 0; i < PROXY_FAILURES; i++)
		stats_json_number(show->json, figures_failure_name((enum proxy_failure)i),
			(int64_t)figures->failed[i]);
	stats_json_close_object(show->json);
	stats_json_open_object(show->json, "closed_by_reason");
	for (int i = 0; i < PROXY_CLOSE_REASONS; i++)
		stats_json_number(show->json, figures_close_name((enum proxy_close_reason)i),
			(int64_t)pools->closed[i]);
	stats_json_close_object(show->json);
}

static const char *upstream_state(const struct proxy_upstream *upstream)
{
	if (proxy_upstream_is_in_drain(upstream))
		return "drained";
	if (proxy_upstream_is_down(upstream))
		return "down";
	if (base_load(&upstream->share) != PROXY_SHARE_ALL)
		return "coming back";
	return upstream->is_tls || (upstream->path && upstream->path->is_usable) ? "up" : "no path";
}

static const char *upstream_transport(const struct proxy_upstream *upstream)
{
	if (upstream->is_https)
		return "https";
	return upstream->is_tls ? "tls" : "dns";
}

static void show_upstream(void *context, uint16_t number)
{
	const struct show *show = context;
	const struct app *app = show->app;
	const struct proxy_upstream *upstream = &app->set->upstreams[number];
	struct stats_json *json = show->json;
	struct figures_upstream figures = {0};
	struct proxy_pool pools = {0};
	char text[NET_ENDPOINT_TEXT];
	uint64_t failed = 0;

	figures_add_upstream(app, number, &figures);
	figures_add_pools(app, number, 0, app->pool_count, &pools);
	for (int i = 0; i < PROXY_FAILURES; i++)
		failed += figures.failed[i];
	stats_json_open_object(json, NULL);
	stats_json_number(json, "number", number);
	stats_json_string(json, "to", net_endpoint_format(&upstream->endpoint, text));
	stats_json_string(json, "name", control_upstream_name(app, number));
	stats_json_string(json, "transport", upstream_transport(upstream));
	stats_json_number(json, "forward", upstream->group);
	stats_json_string(json, "state", upstream_state(upstream));
	show_round_trip(json, &figures.durations);
	stats_json_number(json, "sent", (int64_t)figures.sent);
	stats_json_number(json, "answered", (int64_t)figures.answered);
	stats_json_number(json, "failed", (int64_t)failed);
	stats_json_number(json, "in_flight", pools.in_flight);
	stats_json_number(json, "open", pools.open_count);
	stats_json_number(json, "idle", pools.idle_count);
	if (show->in_full) {
		show_reasons(show, &figures, &pools);
		show_connections(show, number);
	}
	stats_json_close_object(json);
}

void control_show_upstreams(const struct app *app, const char *words, struct stats_json *json)
{
	struct show show = {.app = app, .json = json, .in_full = *words != '\0'};

	stats_json_open_array(json, "upstreams");
	if (!control_for_upstreams(app, words, &show, show_upstream) && *words) {
		stats_json_close_array(json);
		stats_json_string(json, "error", "no such upstream");
		return;
	}
	stats_json_close_array(json);
}

// What was dropped for want of room or of buffers.
static uint64_t lcore_drops(const struct app *app, uint16_t lcore)
{
	static const enum stats_counter drops[] = {STATS_FRAME_HOP_FULL, STATS_FRAME_KERNEL_FULL,
		STATS_SENT_STREAM_FULL, STATS_NO_FRAMES};
	uint64_t sum = 0;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(drops); i++)
		sum += counters_of_lcore(app, lcore, drops[i]);
	return sum;
}

static void show_lcore(const struct app *app, uint16_t lcore,
	const struct control_interval *interval, struct stats_json *json)
{
	const struct control_sample *before = &interval->before[lcore];
	const struct control_sample *after = &interval->after[lcore];
	struct figures_lcore figures = figures_lcore(app, lcore);
	uint64_t polls = after->busy_polls - before->busy_polls;
	uint64_t busy = after->busy_nanoseconds - before->busy_nanoseconds;

	stats_json_open_object(json, NULL);
	stats_json_number(json, "lcore", lcore);
	stats_json_string(json, "kind", lcore < app->worker_count ? "worker" : "stream");
	stats_json_fraction(json, "busy_percent",
		interval->nanoseconds ? busy * 100 * 1000 / interval->nanoseconds : 0);
	stats_json_fraction(
		json, "burst", polls ? (after->frames - before->frames) * 1000 / polls : 0);
	stats_json_number(json, "frames", (int64_t)after->frames);
	stats_json_number(json, "queries",
		(int64_t)(counters_of_lcore(app, lcore, STATS_FRAME_QUERY) +
			  counters_of_lcore(app, lcore, STATS_STREAM_QUERY)));
	stats_json_number(
		json, "hopped", (int64_t)counters_of_lcore(app, lcore, STATS_FRAME_HOPPED));
	stats_json_number(
		json, "hopped_in", (int64_t)counters_of_lcore(app, lcore, STATS_FRAMES_HOPPED_IN));
	stats_json_number(
		json, "drops", (int64_t)(lcore_drops(app, lcore) + figures.nic.tx_dropped));
	stats_json_number(json, "in_flight", figures.queries_in_flight);
	stats_json_number(json, "buffers_free", figures.frames_free);
	stats_json_close_object(json);
}

void control_show_lcores(
	const struct app *app, const struct control_interval *interval, struct stats_json *json)
{
	stats_json_open_array(json, "lcores");
	for (uint16_t i = 0; i < app->lcore_count; i++)
		show_lcore(app, i, interval, json);
	stats_json_close_array(json);
}

static uint64_t cache_count(
	const struct app *app, struct cache_store *store, enum cache_counter counter)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < app->lcore_count; i++)
		sum += cache_counters_read(
			cache_lcore_counters(cache_store_lcore(store, i)), counter);
	return sum;
}

void control_show_caches(const struct app *app, struct stats_json *json)
{
	uint16_t count = app->shared.caches ? app->shared.caches->count : 0;

	stats_json_open_array(json, "caches");
	for (uint16_t i = 0; i < count; i++) {
		struct cache_store *store = app->shared.caches->caches[i].store;
		struct cache_usage usage;

		cache_store_usage(store, &usage);
		stats_json_open_object(json, NULL);
		stats_json_number(json, "cache", i);
		stats_json_number(json, "line", app->shared.caches->caches[i].rules->line);
		stats_json_number(json, "bytes", (int64_t)usage.bytes);
		stats_json_number(json, "success", (int64_t)usage.answers[CACHE_KIND_SUCCESS]);
		stats_json_number(json, "denial", (int64_t)usage.answers[CACHE_KIND_DENIAL]);
		stats_json_number(json, "servfail", (int64_t)usage.answers[CACHE_KIND_SERVFAIL]);
		stats_json_number(json, "hits",
			(int64_t)(cache_count(app, store, CACHE_COUNT_HITS_SUCCESS) +
				  cache_count(app, store, CACHE_COUNT_HITS_DENIAL) +
				  cache_count(app, store, CACHE_COUNT_HITS_SERVFAIL)));
		stats_json_number(
			json, "misses", (int64_t)cache_count(app, store, CACHE_COUNT_MISSES));
		stats_json_number(
			json, "stale", (int64_t)cache_count(app, store, CACHE_COUNT_FOUND_STALE));
		stats_json_close_object(json);
	}
	stats_json_close_array(json);
}
