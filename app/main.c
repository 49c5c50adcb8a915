// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "caches.h"
#include "manager.h"
#include "network.h"
#include "nic/eal_arguments.h"
#include "nic/eal_option.h"
#include "steering.h"
#include "telemetry.h"
#include "version.h"

#define PATHS_MOST (2 * CLOCK_SECOND)

// Workers that were not pinned are as many as every port has queues for.
static uint16_t count_workers(bool is_pinned)
{
	unsigned int workers = rte_lcore_count() - 1;
	uint16_t port;

	if (is_pinned)
		return (uint16_t)workers;
	workers = RTE_MIN(workers, (unsigned int)FORWARD_LCORES_MOST);
	RTE_ETH_FOREACH_DEV(port)
	{
		struct rte_eth_dev_info info;

		if (rte_eth_dev_info_get(port, &info))
			continue;
		workers = RTE_MIN(workers, info.max_rx_queues);
		workers = RTE_MIN(workers, info.max_tx_queues);
	}
	return (uint16_t)workers;
}

static int open_nic(struct app *app, bool is_pinned)
{
	unsigned int lcores[RTE_MAX_LCORE];
	struct nic_options options = {
		.queues = count_workers(is_pinned),
		.lcores = lcores,
		.held = worker_frames_held(rte_eth_dev_count_avail(), count_workers(is_pinned)),
		.drivers_folder = app->options.drivers_folder,
	};
	struct nic_error error = {0};
	unsigned int lcore;
	uint16_t count = 0;

	if (rte_lcore_count() < 2) {
		log_error("no worker lcore: give two lcores or more, as in -l 0,1");
		return -EINVAL;
	}
	if (options.queues > FORWARD_LCORES_MOST) {
		log_error("%u worker lcores are more than the %u that can share the local ports",
			options.queues, FORWARD_LCORES_MOST);
		return -EINVAL;
	}
	RTE_LCORE_FOREACH_WORKER(lcore)
	lcores[count++] = lcore;
	app->nic = nic_open(&options, &error);
	if (!app->nic) {
		log_error("%s", error.text);
		return -EINVAL;
	}
	app->worker_count = options.queues;
	return 0;
}

static int open_workers(struct app *app)
{
	unsigned int lcore = UINT_MAX;

	app->workers = calloc(app->worker_count, sizeof(struct worker *));
	if (!app->workers)
		return -ENOMEM;
	for (uint16_t i = 0; i < app->worker_count; i++) {
		lcore = rte_get_next_lcore(lcore, 1, 0);
		app->workers[i] = worker_create(&(struct worker_options){
			.nic = app->nic,
			.shared = &app->shared,
			.set = app->set,
			.index = i,
			.worker_count = app->worker_count,
			.lcore_id = lcore,
			.queries = app->options.queries,
			.phase = &app->phase,
			.workers = app->workers,
		});
		if (!app->workers[i]) {
			int error = errno;

			log_error("no worker for lcore %u: %s", lcore, strerror(error));
			return -error;
		}
	}
	return 0;
}

static int open_local_ports(struct app *app)
{
	uint16_t first = app->options.local_port_first;
	uint16_t last = app->options.local_port_last;
	uint32_t each = ((uint32_t)last - first + 1) / app->worker_count;
	int error;

	// A connection to every upstream from every lcore.
	if (!each || each < app->set->upstream_count) {
		log_error("--local-ports %u-%u: too few for %u worker lcores and %u upstreams",
			first, last, app->worker_count, app->set->upstream_count);
		return -EINVAL;
	}
	error = forward_shared_init(&app->shared, &(struct forward_shared_options){
							  .local_port_first = first,
							  .local_port_last = last,
							  .worker_count = app->worker_count,
						  });
	if (error)
		log_error("--local-ports %u-%u: %s", first, last, strerror(-error));
	return error;
}

static int open_shared(struct app *app)
{
	int error;

	app->set = forward_proxy_set_create(app->config);
	if (!app->set) {
		log_error("%s: too many upstreams", app->options.config);
		return -EINVAL;
	}
	error = open_local_ports(app);
	for (uint16_t port = 0; port < nic_port_count(app->nic) && !error; port++)
		app->shared.tx_offload[port] = nic_port_info(app->nic, port)->tx_offload;
	return error;
}

static void print_counters(const struct app *app)
{
	for (int i = 0; i < STATS_COUNTERS; i++) {
		uint64_t sum = worker_counter_sum(
			app->workers, 0, (uint16_t)(app->worker_count - 1), (enum stats_counter)i);

		// The frames received always stand there, so that a run of nothing says so.
		if (sum || i == STATS_FRAMES_RECEIVED)
			log_info("%12llu  %-20s %s", (unsigned long long)sum,
				stats_counter_name((enum stats_counter)i),
				stats_counter_help((enum stats_counter)i));
	}
}

static void print_stages(const struct app *app)
{
	for (int i = 0; i < STATS_STAGES; i++) {
		uint64_t sum = worker_stage_sum(
			app->workers, 0, (uint16_t)(app->worker_count - 1), (enum stats_stage)i);

		if (sum)
			log_info("%16llu cycles %s", (unsigned long long)sum,
				stats_stage_name((enum stats_stage)i));
	}
}

static int run(struct app *app)
{
	network_wait_for_paths(app, PATHS_MOST);
	for (uint16_t i = 0; i < app->worker_count; i++) {
		if (rte_eal_remote_launch(worker_run, app->workers[i], app->workers[i]->lcore_id)) {
			log_error("lcore %u can not be started", app->workers[i]->lcore_id);
			abort();
		}
	}
	log_info("%u worker lcores, %u ports, %zu addresses", app->worker_count,
		nic_port_count(app->nic), app->local_count);
	log_info("ready");
	manager_run(app);
	print_counters(app);
	print_stages(app);
	return 0;
}

static void close_all(struct app *app)
{
	if (app->workers)
		telemetry_close();
	for (uint16_t i = 0; app->workers && i < app->worker_count; i++)
		worker_destroy(app->workers[i]);
	free(app->workers);
	caches_close(app);
	network_close(app);
	manager_close(app);
	steering_close(app);
	forward_shared_fini(&app->shared);
	proxy_set_destroy(app->set);
	nic_close(app->nic);
}

// Opens everything in turn, and runs. 0 or -errno with one line said.
static int open_and_run(struct app *app, bool is_pinned)
{
	int error = open_nic(app, is_pinned);

	if (!error)
		error = open_shared(app);
	if (!error)
		error = steering_open(app);
	if (!error)
		error = network_open(app);
	if (!error)
		error = caches_open(app);
	if (!error)
		error = open_workers(app);
	if (!error)
		error = manager_open(app);
	if (!error)
		error = telemetry_open(app);
	return error ? error : run(app);
}

static int start_eal(struct app *app, struct nic_eal_arguments *arguments)
{
	int error = manager_open_signals(app);

	if (error) {
		log_error("signals can not be waited for: %s", strerror(-error));
		return error;
	}
	if (rte_eal_init(arguments->argc, arguments->argv) < 0) {
		log_error("EAL does not start: %s (its own lines above say why)",
			rte_strerror(rte_errno));
		return -EINVAL;
	}
	return 0;
}

static int run_with_eal(struct app *app, char *argv[])
{
	int argc = app->options.eal_argc;
	bool is_pinned = nic_eal_option(argc, argv, "-l") || nic_eal_option(argc, argv, "-c") ||
			 nic_eal_option(argc, argv, "--lcores");
	struct nic_eal_arguments arguments = {.filter_file = -1};
	struct nic_error error = {0};
	int status = nic_eal_arguments_make(argc, argv, 1, &arguments, &error);

	if (status) {
		log_error("%s", error.text);
		close_all(app);
		return status;
	}
	status = start_eal(app, &arguments);
	if (status) {
		close_all(app);
		nic_eal_arguments_free(&arguments);
		return status;
	}
	status = open_and_run(app, is_pinned);
	close_all(app);
	nic_eal_arguments_free(&arguments);
	rte_eal_cleanup();
	return status;
}

static int refuse_line(const struct app *app, unsigned int line, const char *what)
{
	fprintf(stderr, "%s:%u: %s is not supported yet\n", app->options.config, line, what);
	return -ENOTSUP;
}

// What the configuration may ask for, but no lcore does.
static int refuse_streams(const struct app *app)
{
	size_t count;
	const struct config_server *servers = config_servers(app->config, &count);
	const struct config_forward *const *forwards;

	for (size_t i = 0; i < count; i++) {
		if (servers[i].tls)
			return refuse_line(app, servers[i].line, "a zone of tls://");
	}
	forwards = config_forwards(app->config, &count);
	for (size_t i = 0; i < count; i++) {
		const struct config_forward *forward = forwards[i];
		bool is_over_streams = forward->force_tcp || forward->prefer_udp ||
				       forward->max_inflight != 64 || forward->min_idle_conns ||
				       forward->tls.certificate || forward->tls.ca;

		for (size_t j = 0; j < forward->upstream_count; j++)
			is_over_streams |= forward->upstreams[j].is_tls;
		if (is_over_streams)
			return refuse_line(app, forward->line, "forward over TCP or TLS");
	}
	return 0;
}

int main(int argc, char *argv[])
{
	struct app app = {.events = -1, .signals = -1};
	struct config_error error = {0};
	int status;

	if (options_parse(&app.options, argc, argv))
		return 1;
	if (app.options.wants_version) {
		printf("millrace %s\n", MILLRACE_VERSION);
		return 0;
	}
	if (app.options.wants_help) {
		options_print_help();
		return 0;
	}
	app.config = config_read_file(app.options.config, &error);
	if (!app.config) {
		// The place in the file stands first, so that editors find it.
		fprintf(stderr, "%s\n", error.text);
		return 1;
	}
	if (refuse_streams(&app)) {
		config_destroy(app.config);
		return 1;
	}
	if (app.options.wants_check) {
		config_destroy(app.config);
		return 0;
	}
	status = run_with_eal(&app, argv);
	config_destroy(app.config);
	return status ? 1 : 0;
}
