// SPDX-License-Identifier: BSD-3-Clause
// What caches hold and count. A cache is named as CoreDNS names it, by the server and the zones of its
// block, and by its number, which is its own.
#include <stdio.h>
#include <stdlib.h>

#include "counters.h"
#include "metrics.h"
#include "metrics_row.h"

struct metrics_cache {
	char number[METRICS_LCORE_TEXT];
	char server[NET_ENDPOINT_TEXT + 8];
	struct stats_text zones; // ended by a zero
	struct cache_usage usage;
	uint64_t counts[CACHE_COUNTERS];
	// What CoreDNS counts together.
	uint64_t entries_denial;
	uint64_t hits_denial;
	uint64_t misses;
	uint64_t requests;
};

static void add_zone(struct metrics_cache *cache, const struct dns_name *zone)
{
	char text[DNS_NAME_TEXT];

	if (cache->zones.length)
		stats_text_add_string(&cache->zones, ",");
	stats_text_add_string(&cache->zones, dns_name_format(zone, text));
}

// "dns://:53", or with the first address of `bind`.
static void write_server(struct metrics_cache *cache, const struct config_server *server)
{
	struct net_endpoint endpoint = {.port = server->port};
	const char *scheme = server->tls ? "tls" : "dns";
	char text[NET_ENDPOINT_TEXT];

	if (server->bind_count) {
		endpoint.address = server->bind[0];
		(void)snprintf(cache->server, sizeof(cache->server), "%s://%s", scheme,
			net_endpoint_format(&endpoint, text));
	} else {
		(void)snprintf(
			cache->server, sizeof(cache->server), "%s://:%u", scheme, server->port);
	}
}

static void name_cache(
	struct metrics_cache *cache, const struct app *app, const struct config_cache *rules)
{
	size_t count;
	const struct config_server *servers = config_servers(app->config, &count);

	for (size_t i = 0; i < count; i++) {
		if (servers[i].cache != rules)
			continue;
		if (!cache->server[0])
			write_server(cache, &servers[i]);
		if (!rules->zone_count)
			add_zone(cache, &servers[i].zone);
	}
	for (size_t i = 0; i < rules->zone_count; i++)
		add_zone(cache, &rules->zones[i]);
	stats_text_add(&cache->zones, "", 1);
}

static void sum_up(struct metrics_cache *cache)
{
	const uint64_t *counts = cache->counts;

	// Failures stand among denials.
	cache->entries_denial =
		cache->usage.answers[CACHE_KIND_DENIAL] + cache->usage.answers[CACHE_KIND_SERVFAIL];
	cache->hits_denial = counts[CACHE_COUNT_HITS_DENIAL] + counts[CACHE_COUNT_HITS_SERVFAIL];
	// What was found past its end alone is a miss unless it is served.
	cache->misses = counts[CACHE_COUNT_MISSES] + counts[CACHE_COUNT_FOUND_STALE];
	cache->requests = counts[CACHE_COUNT_HITS_SUCCESS] + cache->hits_denial + cache->misses;
}

static void gather_cache(struct metrics_cache *cache, const struct app *app, uint16_t number)
{
	const struct forward_cache *of = &app->shared.caches->caches[number];

	(void)metrics_lcore_text(number, cache->number);
	name_cache(cache, app, of->rules);
	cache_store_usage(of->store, &cache->usage);
	for (int counter = 0; counter < CACHE_COUNTERS; counter++) {
		for (uint16_t i = 0; i < app->lcore_count; i++)
			cache->counts[counter] += cache_counters_read(
				cache_lcore_counters(cache_store_lcore(of->store, i)),
				(enum cache_counter)counter);
	}
	sum_up(cache);
}

#define CACHE(field) NUMBER_FIELD(struct metrics_cache, field)
#define COUNT(counter) CACHE(counts[CACHE_COUNT_##counter])

// What was not stored though it might have been.
static const char *drop_reason(int counter)
{
	if (cache_counter_group((enum cache_counter)counter) != CACHE_GROUP_DROPPED)
		return NULL;
	return cache_counter_name((enum cache_counter)counter);
}

static const struct metrics_row rows[] = {
	{"millrace_cache_entries", STATS_METRIC_GAUGE, "Answers held.", .label = "type",
		.parts = {{"success", CACHE(usage.answers[CACHE_KIND_SUCCESS])},
			{"denial", CACHE(entries_denial)}}},
	{"millrace_cache_hits_total", STATS_METRIC_COUNTER, "Queries that found a fresh answer.",
		.label = "type",
		.parts = {{"success", COUNT(HITS_SUCCESS)}, {"denial", CACHE(hits_denial)}}},
	{"millrace_cache_misses_total", STATS_METRIC_COUNTER, "Queries that found no fresh answer.",
		CACHE(misses)},
	{"millrace_cache_requests_total", STATS_METRIC_COUNTER, "Queries that were looked up.",
		CACHE(requests)},
	{"millrace_cache_prefetch_total", STATS_METRIC_COUNTER,
		"Answers that were asked for again before or after their end.",
		COUNT(REFRESH_CLAIMED)},
	{"millrace_cache_evictions_total", STATS_METRIC_COUNTER, "Answers removed, by why.",
		.label = "reason",
		.parts = {{"small", COUNT(EVICTED_SMALL)}, {"main", COUNT(EVICTED_MAIN)},
			{"bucket", COUNT(EVICTED_BUCKET)}, {"expired", COUNT(EVICTED_EXPIRED)}}},
	{"millrace_cache_size_bytes", STATS_METRIC_GAUGE, "Memory allocated.", CACHE(usage.bytes)},
	{"millrace_cache_drops_total", STATS_METRIC_COUNTER,
		"Answers that were not stored, by why.", CACHE(counts), .label = "reason",
		.value_of = drop_reason},
};

static void write_row(const struct metrics_row *row, const struct metrics_cache *caches,
	uint16_t count, struct stats_text *text)
{
	struct stats_metric metric = metrics_row_begin(text, row);

	for (uint16_t i = 0; i < count; i++) {
		const struct metrics_cache *cache = &caches[i];
		const struct stats_label labels[] = {
			{"server", cache->server},
			{"zones", cache->zones.bytes ? cache->zones.bytes : ""},
			{"cache", cache->number},
		};

		metrics_row_write(&metric, row, labels, BASE_ARRAY_SIZE(labels), cache);
	}
}

static void write_refused(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric = stats_metric_begin(text, "millrace_cache_refused_total",
		STATS_METRIC_COUNTER, "Replies by why they are not kept, and those that are.");

	for (int why = 0; why < CACHE_ANSWER_REFUSALS; why++) {
		const struct stats_label label = {
			"reason", cache_answer_refusal_name((enum cache_answer_refusal)why)};
		uint64_t sum = 0;

		for (uint16_t i = 0; i < app->lcore_count; i++)
			sum += forward_lcore_refused(
				app->lcores[i], (enum cache_answer_refusal)why);
		stats_metric_number(&metric, &label, 1, sum);
	}
}

void metrics_write_caches(const struct app *app, struct stats_text *text)
{
	uint16_t count = app->shared.caches ? app->shared.caches->count : 0;
	struct metrics_cache *caches = calloc(count + 1u, sizeof(*caches));

	if (!caches || !count) {
		text->is_short |= !caches;
		free(caches);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		gather_cache(&caches[i], app, i);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++)
		write_row(&rows[i], caches, count, text);
	write_refused(app, text);
	metrics_write_total(text, "millrace_cache_served_stale_total",
		"Queries answered past the end of the answer, by all caches.",
		counters_total(app, STATS_QUERY_CACHED_STALE));
	for (uint16_t i = 0; i < count; i++)
		stats_text_fini(&caches[i].zones);
	free(caches);
}
