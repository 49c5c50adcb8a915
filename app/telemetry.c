// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry.h"

#include <errno.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>

#include "counters.h"
#include "rcu/rcu.h"
#include "steering.h"
#include "telemetry_caches.h"
#include "telemetry_streams.h"

// What one answer of the socket has room for: 256 entries.
#define UPSTREAMS_AN_ANSWER 16u

// The commands have no argument of ours. Written by the management lcore alone, read under RCU.
static struct app *served_app;

static const char *const close_names[PROXY_CLOSE_REASONS] = {
	[PROXY_CLOSE_EXPIRE] = "closed_expire",
	[PROXY_CLOSE_MAX_AGE] = "closed_max_age",
	[PROXY_CLOSE_MAX_IDLE] = "closed_max_idle",
	[PROXY_CLOSE_ERROR] = "closed_error",
	[PROXY_CLOSE_STOP] = "closed_stop",
	[PROXY_CLOSE_PEER] = "closed_peer",
};

static const char *const failure_names[PROXY_FAILURES] = {
	[PROXY_FAILURE_TIMEOUT] = "failed_timeout",
	[PROXY_FAILURE_UNREACHABLE] = "failed_unreachable",
	[PROXY_FAILURE_GARBAGE] = "failed_garbage",
	[PROXY_FAILURE_NO_PATH] = "failed_no_path",
	[PROXY_FAILURE_NO_PORT] = "failed_no_port",
	[PROXY_FAILURE_NO_STREAM] = "failed_no_stream",
	[PROXY_FAILURE_CONNECT_TIMEOUT] = "failed_connect_timeout",
	[PROXY_FAILURE_REFUSED] = "failed_refused",
	[PROXY_FAILURE_TLS] = "failed_tls",
	[PROXY_FAILURE_CLOSED] = "failed_closed",
};

int telemetry_parse_number(const char *text, unsigned long limit, unsigned long *number)
{
	char *end;

	*number = 0;
	if (!text || !*text)
		return 0;
	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno || *end || *number >= limit ? -EINVAL : 0;
}

static void add_lcore_stats(
	struct rte_tel_data *data, const struct app *app, uint16_t first, uint16_t last)
{
	uint64_t in_flight = 0;
	uint64_t refreshing = 0;
	uint64_t nic[5] = {0};

	for (int i = 0; i < STATS_COUNTERS; i++) {
		rte_tel_data_add_dict_u64(data, stats_counter_name((enum stats_counter)i),
			counters_sum(app->lcores, first, last, (enum stats_counter)i));
	}
	for (uint16_t lcore = first; lcore <= last; lcore++) {
		in_flight += forward_lcore_in_flight(app->lcores[lcore]);
		refreshing += forward_lcore_refreshing(app->lcores[lcore]);
		nic[4] += nic_frames_free(app->nic, lcore);
		// Stream lcores have no queues.
		if (lcore >= app->worker_count)
			continue;
		for (uint16_t port = 0; port < nic_port_count(app->nic); port++) {
			const struct nic_queue_counters *counters =
				nic_queue_counters(app->nic, port, lcore);

			nic[0] += base_load(&counters->rx_frames);
			nic[1] += base_load(&counters->tx_frames);
			nic[2] += base_load(&counters->tx_dropped);
			nic[3] += base_load(&counters->rx_segmented);
		}
	}
	rte_tel_data_add_dict_u64(data, "queries_in_flight", in_flight - refreshing);
	rte_tel_data_add_dict_u64(data, "refreshes_in_flight", refreshing);
	rte_tel_data_add_dict_u64(data, "nic_rx_frames", nic[0]);
	rte_tel_data_add_dict_u64(data, "nic_tx_frames", nic[1]);
	rte_tel_data_add_dict_u64(data, "nic_tx_dropped", nic[2]);
	rte_tel_data_add_dict_u64(data, "nic_rx_segmented", nic[3]);
	rte_tel_data_add_dict_u64(data, "nic_frames_free", nic[4]);
	rte_tel_data_add_dict_u64(data, "kernel_tap_dropped", base_load(&app->tap_dropped));
}

// Zeros where the build has no cycle counters.
static int answer_stages(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	unsigned long lcore;

	if (telemetry_parse_number(parameters, app->lcore_count, &lcore))
		return -EINVAL;
	rte_tel_data_start_dict(data);
	for (int i = 0; i < STATS_STAGES; i++)
		rte_tel_data_add_dict_u64(data, stats_stage_name((enum stats_stage)i),
			counters_sum_stage(app->lcores, (uint16_t)lcore, (uint16_t)lcore,
				(enum stats_stage)i));
	return 0;
}

static int answer_stats(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	unsigned long lcore;

	rte_tel_data_start_dict(data);
	if (!parameters || !*parameters) {
		add_lcore_stats(data, app, 0, (uint16_t)(app->lcore_count - 1));
		return 0;
	}
	if (telemetry_parse_number(parameters, app->lcore_count, &lcore))
		return -EINVAL;
	add_lcore_stats(data, app, (uint16_t)lcore, (uint16_t)lcore);
	return 0;
}

void telemetry_add_u64(
	struct rte_tel_data *data, uint16_t upstream, const char *name, uint64_t value)
{
	char key[RTE_TEL_MAX_STRING_LEN];

	snprintf(key, sizeof(key), "%u/%s", upstream, name);
	rte_tel_data_add_dict_u64(data, key, value);
}

static void add_name(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	char key[RTE_TEL_MAX_STRING_LEN];
	char endpoint[NET_ENDPOINT_TEXT];

	snprintf(key, sizeof(key), "%u/upstream", upstream);
	rte_tel_data_add_dict_string(
		data, key, net_endpoint_format(&app->set->upstreams[upstream].endpoint, endpoint));
	telemetry_add_u64(data, upstream, "forward", app->set->upstreams[upstream].group);
}

static void add_upstream(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	struct proxy_upstream *described = &app->set->upstreams[upstream];
	const struct net_path *path = rcu_pointer_read(described->path);
	uint64_t sent = 0;
	uint64_t answered = 0;
	uint64_t failed[PROXY_FAILURES] = {0};

	for (uint16_t i = 0; i < app->lcore_count; i++) {
		const struct proxy_upstream_counts *counts =
			&forward_lcore_proxy(app->lcores[i])->counts[upstream];

		sent += base_load(&counts->sent);
		answered += base_load(&counts->answered);
		for (int j = 0; j < PROXY_FAILURES; j++)
			failed[j] += base_load(&counts->failed[j]);
	}
	telemetry_add_u64(data, upstream, "has_path", path && path->is_usable);
	telemetry_add_u64(data, upstream, "sent", sent);
	telemetry_add_u64(data, upstream, "answered", answered);
	for (int j = 0; j < PROXY_FAILURES; j++)
		telemetry_add_u64(data, upstream, failure_names[j], failed[j]);
}

// Of the pools number `first` to before `last`.
static void add_pool_sum(struct rte_tel_data *data, const struct app *app, uint16_t upstream,
	uint16_t first, uint16_t last)
{
	struct proxy_pool sum = {0};

	for (uint16_t i = first; i < last; i++) {
		const struct proxy_pool *pool = &app->pools[i]->pools[upstream];

		sum.open_count += base_load(&pool->open_count);
		sum.idle_count += base_load(&pool->idle_count);
		sum.in_flight += base_load(&pool->in_flight);
		sum.reused += base_load(&pool->reused);
		sum.opened += base_load(&pool->opened);
		sum.shared += base_load(&pool->shared);
		for (int j = 0; j < PROXY_CLOSE_REASONS; j++)
			sum.closed[j] += base_load(&pool->closed[j]);
	}
	telemetry_add_u64(data, upstream, "open", sum.open_count);
	telemetry_add_u64(data, upstream, "idle", sum.idle_count);
	telemetry_add_u64(data, upstream, "in_flight", sum.in_flight);
	telemetry_add_u64(data, upstream, "reused", sum.reused);
	telemetry_add_u64(data, upstream, "opened", sum.opened);
	telemetry_add_u64(data, upstream, "shared", sum.shared);
	for (int j = 0; j < PROXY_CLOSE_REASONS; j++)
		telemetry_add_u64(data, upstream, close_names[j], sum.closed[j]);
}

// Of UDP, on every lcore.
static void add_pool(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	add_pool_sum(data, app, upstream, 0, app->lcore_count);
}

// Of TCP and TLS, on stream lcores.
static void add_stream_pool(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	add_pool_sum(data, app, upstream, app->lcore_count, app->pool_count);
}

int telemetry_answer_by_upstream(const struct app *app, const char *parameters,
	struct rte_tel_data *data, void (*add)(struct rte_tel_data *, const struct app *, uint16_t))
{
	unsigned long first;

	if (telemetry_parse_number(parameters, app->set->upstream_count, &first))
		return -EINVAL;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "upstreams", app->set->upstream_count);
	for (unsigned long i = first;
		i < app->set->upstream_count && i < first + UPSTREAMS_AN_ANSWER; i++) {
		add_name(data, app, (uint16_t)i);
		add(data, app, (uint16_t)i);
	}
	return 0;
}

static int answer_upstreams(
	const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return telemetry_answer_by_upstream(app, parameters, data, add_upstream);
}

static int answer_pools(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return telemetry_answer_by_upstream(app, parameters, data, add_pool);
}

static int answer_stream_pools(
	const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return telemetry_answer_by_upstream(app, parameters, data, add_stream_pool);
}

// One port by its number, the first without a parameter.
static int answer_ports(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	const struct nic_port_info *info;
	struct nic_port_statistics statistics = {0};
	unsigned long port;

	if (telemetry_parse_number(parameters, nic_port_count(app->nic), &port))
		return -EINVAL;
	info = nic_port_info(app->nic, (uint16_t)port);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "ports", nic_port_count(app->nic));
	rte_tel_data_add_dict_string(data, "name", info->name);
	rte_tel_data_add_dict_string(data, "driver", info->driver);
	rte_tel_data_add_dict_string(data, "steering", steering_name(app->steering[port]));
	rte_tel_data_add_dict_u64(data, "queues", info->queues);
	if (nic_port_statistics(app->nic, (uint16_t)port, &statistics) == 0) {
		rte_tel_data_add_dict_u64(data, "rx_frames", statistics.rx_frames);
		rte_tel_data_add_dict_u64(data, "tx_frames", statistics.tx_frames);
		rte_tel_data_add_dict_u64(data, "rx_missed", statistics.rx_missed);
		rte_tel_data_add_dict_u64(data, "rx_errors", statistics.rx_errors);
		rte_tel_data_add_dict_u64(data, "rx_no_buffer", statistics.rx_no_buffer);
		rte_tel_data_add_dict_u64(data, "tx_errors", statistics.tx_errors);
	}
	return 0;
}

int telemetry_answer(const char *parameters, struct rte_tel_data *data,
	int (*fill)(const struct app *, const char *, struct rte_tel_data *))
{
	const struct app *app;
	int error = -ENODEV;

	rcu_reader_register();
	app = rcu_pointer_read(served_app);
	if (app)
		error = fill(app, parameters, data);
	rcu_reader_unregister();
	return error;
}

static int command_stats(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_stats);
}

static int command_stages(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_stages);
}

static int command_upstreams(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_upstreams);
}

static int command_pools(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_pools);
}

static int command_stream_pools(
	const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_stream_pools);
}

static int command_ports(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_ports);
}

int telemetry_open(struct app *app)
{
	int error;

	rcu_pointer_publish(served_app, app);
	error = rte_telemetry_register_cmd("/millrace/stats", command_stats,
		"Counters of all lcores. Parameters: number of one: workers, then stream lcores "
		"(optional)");
	if (!error)
		error = rte_telemetry_register_cmd("/millrace/stages", command_stages,
			"Cycles a stage of the path. Parameters: number of one lcore (0)");
	if (!error)
		error = telemetry_caches_register();
	if (!error)
		error = telemetry_streams_register();
	if (!error)
		error = rte_telemetry_register_cmd("/millrace/upstreams", command_upstreams,
			"State and counts an upstream. Parameters: first upstream (optional)");
	if (!error)
		error = rte_telemetry_register_cmd("/millrace/pools", command_pools,
			"UDP connections an upstream. Parameters: first upstream (optional)");
	if (!error)
		error = rte_telemetry_register_cmd("/millrace/stream_pools", command_stream_pools,
			"TCP and TLS connections an upstream. Parameters: first upstream "
			"(optional)");
	if (!error)
		error = rte_telemetry_register_cmd("/millrace/ports", command_ports,
			"Steering and counts of a port. Parameters: its number (optional)");
	return error;
}

void telemetry_close(void)
{
	rcu_pointer_publish(served_app, NULL);
	rcu_wait_grace_period();
}
