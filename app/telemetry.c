// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry.h"

#include <errno.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters.h"
#include "figures.h"
#include "rcu/rcu.h"
#include "steering.h"

// What one answer of the socket has room for: 256 entries.
#define UPSTREAMS_AN_ANSWER 11u

// The commands have no argument of ours. Written by the management lcore alone, read under RCU.
static struct app *served_app;

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
	struct figures_lcore sum = {0};

	for (int i = 0; i < STATS_COUNTERS; i++) {
		rte_tel_data_add_dict_u64(data, stats_counter_name((enum stats_counter)i),
			counters_sum(app, first, last, (enum stats_counter)i));
	}
	for (uint16_t lcore = first; lcore <= last; lcore++) {
		struct figures_lcore figures = figures_lcore(app, lcore);

		sum.queries_in_flight += figures.queries_in_flight;
		sum.refreshes_in_flight += figures.refreshes_in_flight;
		sum.all_down += figures.all_down;
		sum.frames_free += figures.frames_free;
		sum.nic.rx_frames += figures.nic.rx_frames;
		sum.nic.tx_frames += figures.nic.tx_frames;
		sum.nic.tx_dropped += figures.nic.tx_dropped;
		sum.nic.rx_segmented += figures.nic.rx_segmented;
	}
	rte_tel_data_add_dict_u64(data, "queries_in_flight", sum.queries_in_flight);
	rte_tel_data_add_dict_u64(data, "refreshes_in_flight", sum.refreshes_in_flight);
	rte_tel_data_add_dict_u64(data, "healthcheck_broken", sum.all_down);
	rte_tel_data_add_dict_u64(data, "nic_rx_frames", sum.nic.rx_frames);
	rte_tel_data_add_dict_u64(data, "nic_tx_frames", sum.nic.tx_frames);
	rte_tel_data_add_dict_u64(data, "nic_tx_dropped", sum.nic.tx_dropped);
	rte_tel_data_add_dict_u64(data, "nic_rx_segmented", sum.nic.rx_segmented);
	rte_tel_data_add_dict_u64(data, "nic_frames_free", sum.frames_free);
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
			counters_stage_of_lcore(app, (uint16_t)lcore, (enum stats_stage)i));
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
	const struct proxy_set *set = rcu_pointer_read(app->shared.set);
	const struct proxy_upstream *described = &set->upstreams[upstream];
	char key[RTE_TEL_MAX_STRING_LEN];
	char endpoint[NET_ENDPOINT_TEXT];

	snprintf(key, sizeof(key), "%u/upstream", upstream);
	rte_tel_data_add_dict_string(
		data, key, net_endpoint_format(&described->endpoint, endpoint));
	telemetry_add_u64(data, upstream, "forward", described->group);
	telemetry_add_u64(data, upstream, "leaves", described->presence == PROXY_LEAVES);
}

// "failed_timeout", "closed_expire".
static void add_reason(struct rte_tel_data *data, uint16_t upstream, const char *what,
	const char *reason, uint64_t value)
{
	char key[RTE_TEL_MAX_STRING_LEN];

	snprintf(key, sizeof(key), "%u/%s_%s", upstream, what, reason);
	rte_tel_data_add_dict_u64(data, key, value);
}

static void add_upstream(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	const struct proxy_set *set = rcu_pointer_read(app->shared.set);
	struct proxy_upstream *described = &set->upstreams[upstream];
	const struct net_path *path = rcu_pointer_read(described->path);
	struct figures_upstream sum = {0};

	figures_add_upstream(app, upstream, &sum);
	telemetry_add_u64(data, upstream, "has_path", path && path->is_usable);
	telemetry_add_u64(data, upstream, "sent", sum.sent);
	telemetry_add_u64(data, upstream, "answered", sum.answered);
	for (int i = 0; i < PROXY_FAILURES; i++)
		add_reason(data, upstream, "failed", figures_failure_name((enum proxy_failure)i),
			sum.failed[i]);
}

static void add_health(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	const struct proxy_upstream *described = &app->set->upstreams[upstream];
	const struct proxy_health_state *state = &app->health->states[upstream];
	bool takes_some = !proxy_upstream_takes_none(described);

	telemetry_add_u64(data, upstream, "is_down", proxy_upstream_is_down(described));
	telemetry_add_u64(data, upstream, "is_drained", proxy_upstream_is_in_drain(described));
	telemetry_add_u64(data, upstream, "is_checked", base_load(&described->is_checked));
	telemetry_add_u64(
		data, upstream, "share_sixteenths", takes_some ? base_load(&described->share) : 0);
	telemetry_add_u64(data, upstream, "fails_in_a_row", base_load(&state->fails));
	telemetry_add_u64(data, upstream, "checks", base_load(&state->checks));
	telemetry_add_u64(data, upstream, "healthcheck_failures", base_load(&state->failures));
}

// Of the pools number `first` to before `last`.
static void add_pool_sum(struct rte_tel_data *data, const struct app *app, uint16_t upstream,
	uint16_t first, uint16_t last)
{
	struct proxy_pool sum = {0};

	figures_add_pools(app, upstream, first, last, &sum);
	telemetry_add_u64(data, upstream, "open", sum.open_count);
	telemetry_add_u64(data, upstream, "idle", sum.idle_count);
	telemetry_add_u64(data, upstream, "in_flight", sum.in_flight);
	telemetry_add_u64(data, upstream, "reused", sum.reused);
	telemetry_add_u64(data, upstream, "opened", sum.opened);
	telemetry_add_u64(data, upstream, "shared", sum.shared);
	for (int i = 0; i < PROXY_CLOSE_REASONS; i++)
		add_reason(data, upstream, "closed", figures_close_name((enum proxy_close_reason)i),
			sum.closed[i]);
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
	const struct proxy_set *set = rcu_pointer_read(app->shared.set);
	unsigned long first;

	if (telemetry_parse_number(parameters, set->upstream_count, &first))
		return -EINVAL;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "upstreams", set->upstream_count);
	for (unsigned long i = first; i < set->upstream_count && i < first + UPSTREAMS_AN_ANSWER;
		i++) {
		if (set->upstreams[i].presence == PROXY_FREE)
			continue;
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

static int answer_health(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return telemetry_answer_by_upstream(app, parameters, data, add_health);
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

static const struct telemetry_command commands[] = {
	{"/millrace/stats", answer_stats,
		"Counters of all lcores. Parameters: number of one: workers, then stream lcores "
		"(optional)"},
	{"/millrace/stages", answer_stages,
		"Cycles a stage of the path. Parameters: number of one lcore (0)"},
	{"/millrace/upstreams", answer_upstreams,
		"State and counts an upstream. Parameters: first upstream (optional)"},
	{"/millrace/health", answer_health,
		"Health an upstream, and its checks. Parameters: first upstream (optional)"},
	{"/millrace/pools", answer_pools,
		"UDP connections an upstream. Parameters: first upstream (optional)"},
	{"/millrace/stream_pools", answer_stream_pools,
		"TCP and TLS connections an upstream. Parameters: first upstream (optional)"},
	{"/millrace/ports", answer_ports,
		"Steering and counts of a port. Parameters: its number (optional)"},
	{NULL},
};

static const struct telemetry_command *const tables[] = {
	commands,
	telemetry_cache_commands,
	telemetry_stream_commands,
};

static const struct telemetry_command *find_command(const char *name)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(tables); i++) {
		for (const struct telemetry_command *command = tables[i]; command->name;
			command++) {
			if (strcmp(command->name, name) == 0)
				return command;
		}
	}
	return NULL;
}

// All commands: those of the tables, by their names.
static int answer(const char *name, const char *parameters, struct rte_tel_data *data)
{
	const struct telemetry_command *command = find_command(name);
	const struct app *app;
	int error = -ENODEV;

	rcu_reader_register();
	app = rcu_pointer_read(served_app);
	if (app && command)
		error = command->answer(app, parameters, data);
	rcu_reader_unregister();
	return error;
}

int telemetry_open(struct app *app)
{
	int error = 0;

	rcu_pointer_publish(served_app, app);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(tables); i++) {
		for (const struct telemetry_command *command = tables[i]; command->name && !error;
			command++)
			error = rte_telemetry_register_cmd(command->name, answer, command->help);
	}
	return error;
}

void telemetry_close(void)
{
	rcu_pointer_publish(served_app, NULL);
	rcu_wait_grace_period();
}
