// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "app.h"
#include "base/clock.h"
#include "base/log.h"
#include "caches.h"
#include "control.h"
#include "counters.h"
#include "host_names.h"
#include "lcores.h"
#include "manager.h"
#include "network.h"
#include "nic/eal_arguments.h"
#include "nic/eal_option.h"
#include "query_log.h"
#include "steering.h"
#include "stream_tls.h"
#include "telemetry.h"
#include "version.h"
#include "watch.h"

#define PATHS_MOST (2 * CLOCK_SECOND)

static uint32_t frames_held(const struct app *app)
{
	uint32_t by_worker =
		worker_frames_held(rte_eth_dev_count_avail(), app->worker_count, app->stream_count);
	uint32_t by_stream = stream_lcore_frames_held(app->worker_count);

	return RTE_MAX(by_worker, by_stream);
}

static int open_nic(struct app *app, bool is_pinned)
{
	unsigned int lcores[RTE_MAX_LCORE + 1] = {0};
	struct nic_error error = {0};
	int status = lcores_count(app, is_pinned);

	if (status)
		return status;
	lcores_list(app, lcores);
	app->nic = nic_open(
		&(struct nic_options){
			.queues = app->worker_count,
			.other_pools = app->stream_count,
			.lcores = lcores,
			.held = frames_held(app),
			.drivers_folder = app->options.drivers_folder,
		},
		&error);
	if (app->nic)
		return 0;
	log_error("%s", error.text);
	return -EINVAL;
}

static int open_local_ports(struct app *app)
{
	uint16_t first = app->options.local_port_first;
	uint16_t last = app->options.local_port_last;
	uint32_t each = ((uint32_t)last - first + 1) / app->lcore_count;
	uint16_t upstreams = app->set->upstream_count;
	int error;

	// A connection to every upstream from every lcore.
	if (!each || each < upstreams) {
		log_error("--local-ports %u-%u: too few for %u worker and stream lcores and "
			  "%u upstreams",
			first, last, app->lcore_count, upstreams);
		return -EINVAL;
	}
	error = forward_shared_init(
		&app->shared, &(struct forward_shared_options){
				      .local_port_first = first,
				      .local_port_last = last,
				      .worker_count = app->worker_count,
				      .stream_count = app->stream_count,
				      .stream_ports = RTE_MAX(upstreams, FORWARD_STREAM_PORTS),
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
	app->shared.set = app->set;
	for (uint16_t port = 0; port < nic_port_count(app->nic) && !error; port++)
		app->shared.tx_offload[port] = nic_port_info(app->nic, port)->tx_offload;
	return error;
}

static void print_counters(const struct app *app)
{
	for (int i = 0; i < STATS_COUNTERS; i++) {
		uint64_t sum = counters_total(app, (enum stats_counter)i);

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
		uint64_t sum = counters_stage_total(app, (enum stats_stage)i);

		if (sum)
			log_info("%16llu cycles %s", (unsigned long long)sum,
				stats_stage_name((enum stats_stage)i));
	}
}

static int run(struct app *app)
{
	network_wait_for_paths(app, PATHS_MOST);
	if (lcores_launch(app))
		abort();
	log_info("%u worker lcores, %u stream lcores, %u ports, %zu addresses", app->worker_count,
		app->stream_count, nic_port_count(app->nic), app->local_count);
	watch_set_state(app, WATCH_SERVES);
	log_info("ready");
	manager_run(app);
	print_counters(app);
	print_stages(app);
	return 0;
}

static void close_all(struct app *app)
{
	if (app->lcores)
		telemetry_close();
	control_close(app);
	watch_close(app);
	query_log_close(app);
	lcores_close(app);
	reload_close(app);
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
	static int (*const openers[])(struct app *) = {
		open_shared,
		steering_open,
		network_open,
		caches_open,
		lcores_open,
		query_log_open,
		watch_open,
		control_open,
		manager_open,
		telemetry_open,
	};
	int error = open_nic(app, is_pinned);

	for (size_t i = 0; i < BASE_ARRAY_SIZE(openers) && !error; i++)
		error = openers[i](app);
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

// A descriptor a connection: as many as the operator allows.
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run_with_eal(struct app *app, char *argv[])
{
	int argc = app->options.eal_argc;
	bool is_pinned = nic_eal_option(argc, argv, "-l") || nic_eal_option(argc, argv, "-c") ||
			 nic_eal_option(argc, argv, "--lcores");
	struct nic_eal_arguments arguments = {.filter_file = -1};
	struct nic_error error = {0};
	bool is_started;
	int status;

	raise_descriptor_limit();
	app->streams_set_aside = lcores_set_aside(&app->options, argc, argv);
	status =
		nic_eal_arguments_make(argc, argv, 1u + app->streams_set_aside, &arguments, &error);
	if (status)
		log_error("%s", error.text);
	else
		status = start_eal(app, &arguments);
	is_started = !status;
	if (is_started)
		status = open_and_run(app, is_pinned);
	close_all(app);
	nic_eal_arguments_free(&arguments);
	if (is_started)
		rte_eal_cleanup();
	return status;
}

// The place in the file stands first, so that editors find it.
static int refuse(const struct config_error *error)
{
	fprintf(stderr, "%s\n", error->text);
	return -EINVAL;
}

// 0 or -errno with one line said.
static int configure_and_run(struct app *app, char *argv[])
{
	struct config_error error = {0};

	app->config = config_read_file(app->options.config, &error);
	if (!app->config || stream_tls_check(app->config, app->options.config, &error))
		return refuse(&error);
	if (app->options.wants_check)
		return 0;
	if (host_names_open(app, &error))
		return refuse(&error);
	return run_with_eal(app, argv);
}

int main(int argc, char *argv[])
{
	struct app app = {.events = -1, .signals = -1};
	int error;

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
	error = configure_and_run(&app, argv);
	host_names_close(&app);
	config_destroy(app.config);
	return error ? 1 : 0;
}
