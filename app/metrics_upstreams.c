// SPDX-License-Identifier: BSD-3-Clause
// Exchanges with upstreams and connections to them. What several forwards have at one address and port
// is one upstream here: the labels are CoreDNS's, and name no forward.
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "figures.h"
#include "metrics.h"
#include "metrics_row.h"

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

static const char *failure_reason(int failure)
{
	return figures_failure_name((enum proxy_failure)failure);
}

static const char *close_reason(int reason)
{
	return figures_close_name((enum proxy_close_reason)reason);
}

#define UPSTREAM(field) NUMBER_FIELD(struct figures_upstream, field)

static const struct metrics_row health_rows[] = {
	{"millrace_proxy_healthchecks_total", STATS_METRIC_COUNTER, "Health checks of upstreams.",
		UPSTREAM(health_checks)},
	{"millrace_proxy_healthcheck_failures_total", STATS_METRIC_COUNTER,
		"Health checks that failed.", UPSTREAM(health_check_failures)},
	{"millrace_proxy_down", STATS_METRIC_GAUGE,
		"1 for an upstream that is down, in one forward at least.", UPSTREAM(is_down)},
	{"millrace_proxy_drained", STATS_METRIC_GAUGE,
		"1 for an upstream that is drained, in one forward at least.",
		UPSTREAM(is_in_drain)},
};

static const struct metrics_row exchange_rows[] = {
	{"millrace_proxy_attempts_total", STATS_METRIC_COUNTER,
		"Queries sent to upstreams, those sent again too.", UPSTREAM(sent)},
	{"millrace_proxy_failed_attempts_total", STATS_METRIC_COUNTER,
		"Queries that an upstream did not answer, by why.", UPSTREAM(failed),
		.label = "reason", .value_of = failure_reason},
};

static void write_upstream_row(const struct metrics_upstreams *all, const struct metrics_row *row)
{
	struct stats_metric metric = metrics_row_begin(all->text, row);

	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];
		const struct stats_label labels[] = {PROXY_NAME, {"to", upstream->to}};

		metrics_row_write(&metric, row, labels, 2, &upstream->figures);
	}
}

static const char *proto_of(
	const struct metrics_upstream *upstream, enum metrics_transport transport)
{
	return transport == METRICS_UDP ? "udp" : upstream->stream_proto;
}

// Some pools of an upstream, summed up.
struct metrics_pools {
	struct proxy_pool sum;
	uint64_t hits; // queries that found a connection, idle or to share
};

#define POOLS(field) NUMBER_FIELD(struct metrics_pools, field)

// Of all lcores together, as CoreDNS has them.
static const struct metrics_row pool_rows[] = {
	{"millrace_proxy_conn_cache_hits_total", STATS_METRIC_COUNTER,
		"Queries that found a connection of the pool.", POOLS(hits)},
	{"millrace_proxy_conn_cache_misses_total", STATS_METRIC_COUNTER,
		"Queries that a connection was opened for.", POOLS(sum.opened)},
};

static const struct metrics_row lcore_pool_rows[] = {
	{"millrace_proxy_connections", STATS_METRIC_GAUGE, "Connections that are open.",
		POOLS(sum.open_count)},
	{"millrace_proxy_connections_idle", STATS_METRIC_GAUGE,
		"Connections that are open and carry no query.", POOLS(sum.idle_count)},
	{"millrace_proxy_connections_in_flight", STATS_METRIC_GAUGE,
		"Queries on their way on connections.", POOLS(sum.in_flight)},
};

static const struct metrics_row closed_row = {"millrace_proxy_connections_closed_total",
	STATS_METRIC_COUNTER, "Connections that were closed, by why.", POOLS(sum.closed),
	.label = "reason", .value_of = close_reason};

// The pools number `first` to before `last`, of all that stands at its endpoint.
static struct metrics_pools sum_pools(const struct metrics_upstreams *all,
	const struct metrics_upstream *upstream, uint16_t first, uint16_t last)
{
	struct metrics_pools pools = {0};

	for (uint16_t i = 0; i < upstream->count; i++)
		figures_add_pools(
			all->app, all->order[upstream->first + i], first, last, &pools.sum);
	pools.hits = pools.sum.reused + pools.sum.shared;
	return pools;
}

static struct metrics_pools sum_transport(const struct metrics_upstreams *all,
	const struct metrics_upstream *upstream, enum metrics_transport transport)
{
	if (transport == METRICS_UDP)
		return sum_pools(all, upstream, 0, all->app->lcore_count);
	return sum_pools(all, upstream, all->app->lcore_count, all->app->pool_count);
}

static void write_pool_row(const struct metrics_upstreams *all, const struct metrics_row *row)
{
	struct stats_metric metric = metrics_row_begin(all->text, row);

	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];

		for (int j = 0; j < METRICS_TRANSPORTS; j++) {
			enum metrics_transport transport = (enum metrics_transport)j;
			struct metrics_pools pools = sum_transport(all, upstream, transport);
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", upstream->to},
				{"proto", proto_of(upstream, transport)},
			};

			metrics_row_write(&metric, row, labels, 3, &pools);
		}
	}
}

static void write_lcore_pool_row(const struct metrics_upstreams *all, const struct metrics_row *row)
{
	const struct app *app = all->app;
	struct stats_metric metric = metrics_row_begin(all->text, row);

	for (uint16_t i = 0; i < all->count; i++) {
		const struct metrics_upstream *upstream = &all->upstreams[i];

		for (uint16_t j = 0; j < app->pool_count; j++) {
			enum metrics_transport transport =
				j < app->lcore_count ? METRICS_UDP : METRICS_STREAM;
			struct metrics_pools pools = sum_pools(all, upstream, j, (uint16_t)(j + 1));
			char number[METRICS_LCORE_TEXT];
			const struct stats_label labels[] = {
				PROXY_NAME,
				{"to", upstream->to},
				{"proto", proto_of(upstream, transport)},
				{"lcore", metrics_lcore_text(figures_pool_lcore(app, j), number)},
			};

			metrics_row_write(&metric, row, labels, 4, &pools);
		}
	}
}

static void write_upstreams(const struct metrics_upstreams *all)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(health_rows); i++)
		write_upstream_row(all, &health_rows[i]);
	write_durations(all);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(exchange_rows); i++)
		write_upstream_row(all, &exchange_rows[i]);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(pool_rows); i++)
		write_pool_row(all, &pool_rows[i]);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(lcore_pool_rows); i++)
		write_lcore_pool_row(all, &lcore_pool_rows[i]);
	write_pool_row(all, &closed_row);
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

	metrics_write_total(text, "millrace_forward_max_concurrent_rejects_total",
		"Queries refused since as many were in flight as max_concurrent allows.",
		counters_total(app, STATS_QUERY_CONCURRENT));
	metrics_write_total(text, "millrace_forward_healthcheck_broken_total",
		"Queries that found all upstreams of their forward down.", sum_all_down(app));
	if (gather(&all))
		write_upstreams(&all);
	else
		text->is_short = true;
	free(all.upstreams);
	free(all.order);
}
