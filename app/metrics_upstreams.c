// SPDX-License-Identifier: BSD-3-Clause
// Exchanges with upstreams and connections to them. What several forwards have at one address and port
// is one upstream here: the labels are CoreDNS's, and name no forward.
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "figures.h"
#include "metrics.h"

#define PROXY_NAME                                                                                 \
	{                                                                                          \
		"proxy_name", "forward"                                                            \
	}

// All upstreams at one address and port: `count` of metrics_upstreams.order, from `first` on.
struct metrics_upstream {
	char to[NET_ENDPOINT_TEXT];
	const char *stream_proto;
	uint16_t first;
	uint16_t count;
	struct figures_upstream figures;
};

struct metrics_upstreams {
	const struct app *app;
	struct stats_text *text;
	uint16_t *order; // numbers of the set's upstreams, those of one endpoint together
	struct metrics_upstream *upstreams;
	uint16_t count;
};

// The pools of all lcores over UDP, and over TCP and TLS.
enum metrics_transport {
	METRICS_UDP,
	METRICS_STREAM,
	METRICS_TRANSPORTS,
};

static int compare_endpoints(const void *left, const void *right, void *context)
{
	const struct proxy_set *set = context;
	uint16_t a = *(const uint16_t *)left;
	uint16_t b = *(const uint16_t *)right;
	const struct net_endpoint *endpoint_a = &set->upstreams[a].endpoint;
	const struct net_endpoint *endpoint_b = &set->upstreams[b].endpoint;
	int order = memcmp(&endpoint_a->address, &endpoint_b->address, sizeof(struct net_address));

	if (order)
		return order;
	if (endpoint_a->port != endpoint_b->port)
		return endpoint_a->port < endpoint_b->port ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void gather_upstream(struct metrics_upstreams *all, uint16_t place)
{
	const struct proxy_set *set = all->app->set;
	const struct proxy_upstream *upstream = &set->upstreams[all->order[place]];
	struct metrics_upstream *last = all->count ? &all->upstreams[all->count - 1] : NULL;

	if (!last || !net_endpoint_equal(&set->upstreams[all->order[last->first]].endpoint,
			     &upstream->endpoint)) {
		last = &all->upstreams[all->count++];
		net_endpoint_format(&upstream->endpoint, last->to);
		last->first = place;
		last->stream_proto = upstream->is_tls ? "tcp-tls" : "tcp";
		if (upstream->is_https)
			last->stream_proto = "https";
	}
	last->count++;
	figures_add_upstream(all->app, all->order[place], &last->figures);
}

// False for want of memory.
static bool gather(struct metrics_upstreams *all)
{
	struct proxy_set *set = all->app->set;
	uint16_t count = 0;

	all->order = calloc(set->upstream_count + 1u, sizeof(*all->order));
	all->upstreams = calloc(set->upstream_count + 1u, sizeof(*all->upstreams));
	if (!all->order || !all->upstreams)
		return false;
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (set->upstreams[i].presence != PROXY_FREE)
			all->order[count++] = i;
	}
	qsort_r(all->order, count, sizeof(*all->order), compare_endpoints, set);
	for (uint16_t i = 0; i < count; i++)
		gather_upstream(all, i);
	return true;
}

static void write_durations(const struct metrics_upstreams *all)
{
	struct stats_metric metric =
		stats_metric_begin(all->text, "millrace_proxy_request_duration_seconds",
			STATS_METRIC_HISTOGRAM, "How long upstreams took to reply.");
	uint64_t bounds[PROXY_DURATION_BOUNDS];

	for (uint32_t i = 0; i < PROXY_DURATION_BOUNDS; i++)
		bounds[i] = proxy_duration_bound(i);
	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];

		for (int rcode = 0; rcode < PROXY_DURATION_RCODES; rcode++) {
			const struct proxy_duration_row *row =
				&upstream->figures.durations.rows[rcode];
			const struct stats_histogram histogram = {
				.bounds = bounds,
				.counts = row->counts,
				.bound_count = PROXY_DURATION_BOUNDS,
				.sum = row->sum,
			};
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", upstream->to},
				{"rcode", proxy_duration_rcode_name(
						  (enum proxy_duration_rcode)rcode)},
			};

			stats_metric_histogram(&metric, labels, 3, &histogram);
		}
	}
}

static void write_exchanges(const struct metrics_upstreams *all)
{
	struct stats_metric metric = stats_metric_begin(all->text, "millrace_proxy_attempts_total",
		STATS_METRIC_COUNTER, "Queries sent to upstreams, those sent again too.");

	for (uint16_t i = 0; i < all->count; i++) {
		const struct stats_label labels[] = {PROXY_NAME, {"to", all->upstreams[i].to}};

		stats_metric_number(&metric, labels, 2, all->upstreams[i].figures.sent);
	}
	metric = stats_metric_begin(all->text, "millrace_proxy_failed_attempts_total",
		STATS_METRIC_COUNTER, "Queries that an upstream did not answer, by why.");
	for (uint16_t i = 0; i < all->count; i++) {
		for (int j = 0; j < PROXY_FAILURES; j++) {
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", all->upstreams[i].to},
				{"reason", figures_failure_name((enum proxy_failure)j)},
			};

			stats_metric_number(
				&metric, labels, 3, all->upstreams[i].figures.failed[j]);
		}
	}
}

static uint64_t read_health_checks(const struct figures_upstream *figures)
{
	return figures->health_checks;
}

static uint64_t read_health_check_failures(const struct figures_upstream *figures)
{
	return figures->health_check_failures;
}

static uint64_t read_is_down(const struct figures_upstream *figures)
{
	return figures->is_down;
}

static uint64_t read_is_in_drain(const struct figures_upstream *figures)
{
	return figures->is_in_drain;
}

static void write_health(const struct metrics_upstreams *all)
{
	static const struct {
		const char *name;
		enum stats_metric_kind kind;
		const char *help;
		uint64_t (*read)(const struct figures_upstream *figures);
	} of[] = {
		{"millrace_proxy_healthchecks_total", STATS_METRIC_COUNTER,
			"Health checks of upstreams.", read_health_checks},
		{"millrace_proxy_healthcheck_failures_total", STATS_METRIC_COUNTER,
			"Health checks that failed.", read_health_check_failures},
		{"millrace_proxy_down", STATS_METRIC_GAUGE,
			"1 for an upstream that is down, in one forward at least.", read_is_down},
		{"millrace_proxy_drained", STATS_METRIC_GAUGE,
			"1 for an upstream that is drained, in one forward at least.",
			read_is_in_drain},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(of); i++) {
		struct stats_metric metric =
			stats_metric_begin(all->text, of[i].name, of[i].kind, of[i].help);

		for (uint16_t j = 0; j < all->count; j++) {
			const struct metrics_upstream *upstream = &all->upstreams[j];
			const struct stats_label labels[] = {PROXY_NAME, {"to", upstream->to}};

			stats_metric_number(&metric, labels, 2, of[i].read(&upstream->figures));
		}
	}
}

static const char *proto_of(
	const struct metrics_upstream *upstream, enum metrics_transport transport)
{
	return transport == METRICS_UDP ? "udp" : upstream->stream_proto;
}

// The pools number `first` to before `last`, of all that stands at its endpoint.
static struct proxy_pool sum_pools(const struct metrics_upstreams *all,
	const struct metrics_upstream *upstream, uint16_t first, uint16_t last)
{
	struct proxy_pool sum = {0};

	for (uint16_t i = 0; i < upstream->count; i++)
		figures_add_pools(all->app, all->order[upstream->first + i], first, last, &sum);
	return sum;
}

static struct proxy_pool sum_transport(const struct metrics_upstreams *all,
	const struct metrics_upstream *upstream, enum metrics_transport transport)
{
	if (transport == METRICS_UDP)
		return sum_pools(all, upstream, 0, all->app->lcore_count);
	return sum_pools(all, upstream, all->app->lcore_count, all->app->pool_count);
}

// One number of the pools of an upstream and transport.
struct pool_metric {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	uint64_t (*read)(const struct proxy_pool *pool);
};

static uint64_t read_reused(const struct proxy_pool *pool)
{
	return pool->reused + pool->shared;
}

static uint64_t read_opened(const struct proxy_pool *pool)
{
	return pool->opened;
}

static uint64_t read_open(const struct proxy_pool *pool)
{
	return pool->open_count;
}

static uint64_t read_idle(const struct proxy_pool *pool)
{
	return pool->idle_count;
}

static uint64_t read_in_flight(const struct proxy_pool *pool)
{
	return pool->in_flight;
}

// Of all lcores together, as CoreDNS has them.
static const struct pool_metric pool_metrics[] = {
	{"millrace_proxy_conn_cache_hits_total", STATS_METRIC_COUNTER,
		"Queries that found a connection of the pool.", read_reused},
	{"millrace_proxy_conn_cache_misses_total", STATS_METRIC_COUNTER,
		"Queries that a connection was opened for.", read_opened},
};

// Of each lcore.
static const struct pool_metric lcore_pool_metrics[] = {
	{"millrace_proxy_connections", STATS_METRIC_GAUGE, "Connections that are open.", read_open},
	{"millrace_proxy_connections_idle", STATS_METRIC_GAUGE,
		"Connections that are open and carry no query.", read_idle},
	{"millrace_proxy_connections_in_flight", STATS_METRIC_GAUGE,
		"Queries on their way on connections.", read_in_flight},
};

static void write_pool_metric(const struct metrics_upstreams *all, const struct pool_metric *of)
{
	struct stats_metric metric = stats_metric_begin(all->text, of->name, of->kind, of->help);

	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];

		for (int transport = 0; transport < METRICS_TRANSPORTS; transport++) {
			struct proxy_pool sum =
				sum_transport(all, upstream, (enum metrics_transport)transport);
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", upstream->to},
				{"proto", proto_of(upstream, (enum metrics_transport)transport)},
			};

			stats_metric_number(&metric, labels, 3, of->read(&sum));
		}
	}
}

static void write_lcore_pool_metric(
	const struct metrics_upstreams *all, const struct pool_metric *of)
{
	const struct app *app = all->app;
	struct stats_metric metric = stats_metric_begin(all->text, of->name, of->kind, of->help);

	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];

		for (uint16_t pool = 0; pool < app->pool_count; pool++) {
			struct proxy_pool sum =
				sum_pools(all, upstream, pool, (uint16_t)(pool + 1));
			char number[METRICS_LCORE_TEXT];
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", upstream->to},
				{"proto", proto_of(upstream, pool < app->lcore_count
								     ? METRICS_UDP
								     : METRICS_STREAM)},
				{"lcore",
					metrics_lcore_text(figures_pool_lcore(app, pool), number)},
			};

			stats_metric_number(&metric, labels, 4, of->read(&sum));
		}
	}
}

static void write_closed(const struct metrics_upstreams *all, const struct stats_metric *metric,
	const struct metrics_upstream *upstream, enum metrics_transport transport)
{
	struct proxy_pool sum = sum_transport(all, upstream, transport);

	for (int why = 0; why < PROXY_CLOSE_REASONS; why++) {
		const struct stats_label labels[] = {
			PROXY_NAME,
			{"to", upstream->to},
			{"proto", proto_of(upstream, transport)},
			{"reason", figures_close_name((enum proxy_close_reason)why)},
		};

		stats_metric_number(metric, labels, 4, sum.closed[why]);
	}
}

static void write_pools(const struct metrics_upstreams *all)
{
	struct stats_metric closed;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(pool_metrics); i++)
		write_pool_metric(all, &pool_metrics[i]);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(lcore_pool_metrics); i++)
		write_lcore_pool_metric(all, &lcore_pool_metrics[i]);
	closed = stats_metric_begin(all->text, "millrace_proxy_connections_closed_total",
		STATS_METRIC_COUNTER, "Connections that were closed, by why.");
	for (uint16_t i = 0; i < all->count; i++) {
		for (int transport = 0; transport < METRICS_TRANSPORTS; transport++)
			write_closed(all, &closed, &all->upstreams[i],
				(enum metrics_transport)transport);
	}
}

static uint64_t sum_all_down(const struct app *app)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < app->lcore_count; i++)
		sum += proxy_all_down(forward_lcore_proxy(app->lcores[i]));
	return sum;
}

void metrics_write_upstreams(const struct app *app, struct stats_text *text)
{
	struct metrics_upstreams all = {.app = app, .text = text};
	struct stats_metric broken;
	struct stats_metric rejects = stats_metric_begin(text,
		"millrace_forward_max_concurrent_rejects_total", STATS_METRIC_COUNTER,
		"Queries refused since as many were in flight as max_concurrent allows.");

	stats_metric_number(&rejects, NULL, 0,
		counters_sum(
			app->lcores, 0, (uint16_t)(app->lcore_count - 1), STATS_QUERY_CONCURRENT));
	broken = stats_metric_begin(text, "millrace_forward_healthcheck_broken_total",
		STATS_METRIC_COUNTER, "Queries that found all upstreams of their forward down.");
	stats_metric_number(&broken, NULL, 0, sum_all_down(app));
	if (gather(&all)) {
		write_health(&all);
		write_durations(&all);
		write_exchanges(&all);
		write_pools(&all);
	} else {
		text->is_short = true;
	}
	free(all.upstreams);
	free(all.order);
}
