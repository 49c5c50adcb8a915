// SPDX-License-Identifier: BSD-3-Clause
// What caches hold and count. A cache is named as CoreDNS names it, by the server and the zones of its
// block, and by its number, which is its own.
#include <stdio.h>
#include <stdlib.h>

#include "counters.h"
#include "metrics.h"

struct metrics_cache {
	char number[METRICS_LCORE_TEXT];
	char server[NET_ENDPOINT_TEXT + 8];
	struct stats_text zones; // ended by a zero
	struct cache_usage usage;
	uint64_t counts[CACHE_COUNTERS];
};

#define CACHE_LABELS 3

static void fill_labels(const struct metrics_cache *cache, struct stats_label labels[CACHE_LABELS])
{
	labels[0] = (struct stats_label){"server", cache->server};
	labels[1] = (struct stats_label){"zones", cache->zones.bytes ? cache->zones.bytes : ""};
	labels[2] = (struct stats_label){"cache", cache->number};
}

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
}

// One number of each cache, with one more label if its name is not NULL.
struct cache_value {
	const char *label;
	const char *text;
	uint64_t (*read)(const struct metrics_cache *cache);
};

struct cache_metric {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	struct cache_value values[5]; // up to one without `read`
};

static uint64_t read_entries_success(const struct metrics_cache *cache)
{
	return cache->usage.answers[CACHE_KIND_SUCCESS];
}

// Failures stand among denials, as with CoreDNS.
static uint64_t read_entries_denial(const struct metrics_cache *cache)
{
	return cache->usage.answers[CACHE_KIND_DENIAL] + cache->usage.answers[CACHE_KIND_SERVFAIL];
}

static uint64_t read_hits_success(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_HITS_SUCCESS];
}

static uint64_t read_hits_denial(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_HITS_DENIAL] + cache->counts[CACHE_COUNT_HITS_SERVFAIL];
}

// What was found past its end alone is a miss unless it is served.
static uint64_t read_misses(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_MISSES] + cache->counts[CACHE_COUNT_FOUND_STALE];
}

static uint64_t read_requests(const struct metrics_cache *cache)
{
	return read_hits_success(cache) + read_hits_denial(cache) + read_misses(cache);
}

static uint64_t read_prefetches(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_REFRESH_CLAIMED];
}

static uint64_t read_evicted_small(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_EVICTED_SMALL];
}

static uint64_t read_evicted_main(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_EVICTED_MAIN];
}

static uint64_t read_evicted_bucket(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_EVICTED_BUCKET];
}

static uint64_t read_evicted_expired(const struct metrics_cache *cache)
{
	return cache->counts[CACHE_COUNT_EVICTED_EXPIRED];
}

static uint64_t read_bytes(const struct metrics_cache *cache)
{
	return cache->usage.bytes;
}

static const struct cache_metric cache_metrics[] = {
	{"millrace_cache_entries", STATS_METRIC_GAUGE, "Answers held.",
		{{"type", "success", read_entries_success},
			{"type", "denial", read_entries_denial}}},
	{"millrace_cache_hits_total", STATS_METRIC_COUNTER, "Queries that found a fresh answer.",
		{{"type", "success", read_hits_success}, {"type", "denial", read_hits_denial}}},
	{"millrace_cache_misses_total", STATS_METRIC_COUNTER, "Queries that found no fresh answer.",
		{{NULL, NULL, read_misses}}},
	{"millrace_cache_requests_total", STATS_METRIC_COUNTER, "Queries that were looked up.",
		{{NULL, NULL, read_requests}}},
	{"millrace_cache_prefetch_total", STATS_METRIC_COUNTER,
		"Answers that were asked for again before or after their end.",
		{{NULL, NULL, read_prefetches}}},
	{"millrace_cache_evictions_total", STATS_METRIC_COUNTER, "Answers removed, by why.",
		{{"reason", "small", read_evicted_small}, {"reason", "main", read_evicted_main},
			{"reason", "bucket", read_evicted_bucket},
			{"reason", "expired", read_evicted_expired}}},
	{"millrace_cache_size_bytes", STATS_METRIC_GAUGE, "Memory allocated.",
		{{NULL, NULL, read_bytes}}},
};

static void write_metric(const struct cache_metric *of, const struct metrics_cache *caches,
	uint16_t count, struct stats_text *text)
{
	struct stats_metric metric = stats_metric_begin(text, of->name, of->kind, of->help);

	for (uint16_t i = 0; i < count; i++) {
		struct stats_label labels[CACHE_LABELS + 1];

		fill_labels(&caches[i], labels);
		for (size_t j = 0; j < BASE_ARRAY_SIZE(of->values) && of->values[j].read; j++) {
			const struct cache_value *value = &of->values[j];

			labels[CACHE_LABELS] = (struct stats_label){value->label, value->text};
			stats_metric_number(&metric, labels, CACHE_LABELS + (value->label != NULL),
				value->read(&caches[i]));
		}
	}
}

// What was not stored though it might have been, by why.
static void write_drops(const struct metrics_cache *caches, uint16_t count, struct stats_text *text)
{
	struct stats_metric metric = stats_metric_begin(text, "millrace_cache_drops_total",
		STATS_METRIC_COUNTER, "Answers that were not stored, by why.");

	for (uint16_t i = 0; i < count; i++) {
		for (int counter = 0; counter < CACHE_COUNTERS; counter++) {
			struct stats_label labels[CACHE_LABELS + 1];

			if (cache_counter_group((enum cache_counter)counter) != CACHE_GROUP_DROPPED)
				continue;
			fill_labels(&caches[i], labels);
			labels[CACHE_LABELS] = (struct stats_label){
				"reason", cache_counter_name((enum cache_counter)counter)};
			stats_metric_number(
				&metric, labels, CACHE_LABELS + 1, caches[i].counts[counter]);
		}
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
	struct stats_metric stale;

	if (!caches || !count) {
		text->is_short |= !caches;
		free(caches);
		return;
	}
	for (uint16_t i = 0; i < count; i++)
		gather_cache(&caches[i], app, i);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(cache_metrics); i++)
		write_metric(&cache_metrics[i], caches, count, text);
	write_drops(caches, count, text);
	write_refused(app, text);
	stale = stats_metric_begin(text, "millrace_cache_served_stale_total", STATS_METRIC_COUNTER,
		"Queries answered past the end of the answer, by all caches.");
	stats_metric_number(&stale, NULL, 0,
		counters_sum(app->lcores, 0, (uint16_t)(app->lcore_count - 1),
			STATS_QUERY_CACHED_STALE));
	for (uint16_t i = 0; i < count; i++)
		stats_text_fini(&caches[i].zones);
	free(caches);
}
