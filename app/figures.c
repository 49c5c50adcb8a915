// SPDX-License-Identifier: BSD-3-Clause
#include "figures.h"

static void add(uint64_t *sum, const uint64_t *counter)
{
	*sum += base_load(counter);
}

static void add_durations(struct proxy_durations *sum, const struct proxy_durations *durations)
{
	for (int rcode = 0; rcode < PROXY_DURATION_RCODES; rcode++) {
		const struct proxy_duration_row *row = &durations->rows[rcode];

		add(&sum->rows[rcode].sum, &row->sum);
		for (int i = 0; i < PROXY_DURATION_BUCKETS; i++)
			add(&sum->rows[rcode].counts[i], &row->counts[i]);
	}
}

void figures_add_upstream(const struct app *app, uint16_t upstream, struct figures_upstream *sum)
{
	const struct proxy_health_state *health = &app->health->states[upstream];

	add(&sum->health_checks, &health->checks);
	add(&sum->health_check_failures, &health->failures);
	sum->is_down |= proxy_upstream_is_down(&app->set->upstreams[upstream]);
	sum->is_in_drain |= proxy_upstream_is_in_drain(&app->set->upstreams[upstream]);
	for (uint16_t i = 0; i < app->lcore_count; i++) {
		const struct proxy_upstream_counts *counts =
			&forward_lcore_proxy(app->lcores[i])->counts[upstream];

		add(&sum->sent, &counts->sent);
		add(&sum->answered, &counts->answered);
		for (int j = 0; j < PROXY_FAILURES; j++)
			add(&sum->failed[j], &counts->failed[j]);
		add_durations(&sum->durations, &counts->durations);
	}
}

void figures_add_pools(const struct app *app, uint16_t upstream, uint16_t first, uint16_t last,
	struct proxy_pool *sum)
{
	for (uint16_t i = first; i < last; i++) {
		const struct proxy_pool *pool = &app->pools[i]->pools[upstream];

		sum->open_count += base_load(&pool->open_count);
		sum->idle_count += base_load(&pool->idle_count);
		sum->in_flight += base_load(&pool->in_flight);
		add(&sum->reused, &pool->reused);
		add(&sum->opened, &pool->opened);
		add(&sum->shared, &pool->shared);
		for (int j = 0; j < PROXY_CLOSE_REASONS; j++)
			add(&sum->closed[j], &pool->closed[j]);
	}
}

struct figures_lcore figures_lcore(const struct app *app, uint16_t lcore)
{
	uint32_t refreshing = forward_lcore_refreshing(app->lcores[lcore]);
	uint32_t in_flight = forward_lcore_in_flight(app->lcores[lcore]);
	// The lcore may have finished some between the two.
	struct figures_lcore figures = {
		.queries_in_flight = in_flight > refreshing ? in_flight - refreshing : 0,
		.refreshes_in_flight = refreshing,
		.all_down = proxy_all_down(forward_lcore_proxy(app->lcores[lcore])),
		.frames_free = nic_frames_free(app->nic, lcore),
		.frames_total = nic_frames_total(app->nic, lcore),
	};

	for (uint16_t port = 0; lcore < app->worker_count && port < nic_port_count(app->nic);
		port++) {
		const struct nic_queue_counters *counters =
			nic_queue_counters(app->nic, port, lcore);

		add(&figures.nic.rx_frames, &counters->rx_frames);
		add(&figures.nic.tx_frames, &counters->tx_frames);
		add(&figures.nic.tx_dropped, &counters->tx_dropped);
		add(&figures.nic.rx_segmented, &counters->rx_segmented);
	}
	return figures;
}

uint16_t figures_pool_lcore(const struct app *app, uint16_t pool)
{
	if (pool < app->lcore_count)
		return pool;
	return (uint16_t)(app->worker_count + pool - app->lcore_count);
}

const char *figures_close_name(enum proxy_close_reason reason)
{
	static const char *const names[PROXY_CLOSE_REASONS] = {
		[PROXY_CLOSE_EXPIRE] = "expire",
		[PROXY_CLOSE_MAX_AGE] = "max_age",
		[PROXY_CLOSE_MAX_IDLE] = "max_idle",
		[PROXY_CLOSE_ERROR] = "error",
		[PROXY_CLOSE_STOP] = "stop",
		[PROXY_CLOSE_PEER] = "peer",
		[PROXY_CLOSE_RELOAD] = "reload",
		[PROXY_CLOSE_CHECK] = "check",
		[PROXY_CLOSE_DRAIN] = "drain",
	};

	return names[reason];
}

const char *figures_failure_name(enum proxy_failure failure)
{
	static const char *const names[PROXY_FAILURES] = {
		[PROXY_FAILURE_TIMEOUT] = "timeout",
		[PROXY_FAILURE_UNREACHABLE] = "unreachable",
		[PROXY_FAILURE_GARBAGE] = "garbage",
		[PROXY_FAILURE_NO_PATH] = "no_path",
		[PROXY_FAILURE_NO_PORT] = "no_port",
		[PROXY_FAILURE_NO_STREAM] = "no_stream",
		[PROXY_FAILURE_CONNECT_TIMEOUT] = "connect_timeout",
		[PROXY_FAILURE_REFUSED] = "refused",
		[PROXY_FAILURE_TLS] = "tls",
		[PROXY_FAILURE_HTTP] = "http",
		[PROXY_FAILURE_CLOSED] = "closed",
	};

	return names[failure];
}
