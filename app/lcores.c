// SPDX-License-Identifier: BSD-3-Clause
#include "lcores.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/table_memory.h"
#include "nic/lcore_list.h"

#define STREAMS_SET_ASIDE_FROM 4 // lcores

uint16_t lcores_set_aside(const struct options *options, int argc, char *const argv[])
{
	if (options->has_stream_lcores)
		return options->stream_lcores;
	return nic_lcore_count(argc, argv) >= STREAMS_SET_ASIDE_FROM ? 1 : 0;
}

// Workers that were not pinned are as many as every port has queues for.
static uint16_t count_workers(const struct app *app, bool is_pinned)
{
	unsigned int workers = rte_lcore_count() - 1 - app->streams_set_aside;
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

int lcores_count(struct app *app, bool is_pinned)
{
	if (rte_lcore_count() < 2u + app->streams_set_aside) {
		log_error("no worker lcore: give %u lcores or more, as in -l 0,1",
			2u + app->streams_set_aside);
		return -EINVAL;
	}
	app->worker_count = count_workers(app, is_pinned);
	// One that no queue is left for has nothing better to do.
	if (!app->streams_set_aside && app->worker_count < rte_lcore_count() - 1)
		app->streams_set_aside = 1;
	app->stream_count = app->streams_set_aside ? app->streams_set_aside : 1;
	app->lcore_count = (uint16_t)(app->worker_count + app->stream_count);
	if (app->lcore_count <= FORWARD_LCORES_MOST)
		return 0;
	log_error("%u worker and stream lcores are more than the %u that can share the local ports",
		app->lcore_count, FORWARD_LCORES_MOST);
	return -EINVAL;
}

void lcores_list(const struct app *app, unsigned int lcores[])
{
	unsigned int lcore;
	uint16_t count = 0;

	RTE_LCORE_FOREACH_WORKER(lcore)
	lcores[count++] = lcore;
	if (!app->streams_set_aside)
		lcores[app->worker_count] = rte_get_main_lcore();
}

// Workers know them by what they ring.
static int open_loops(struct app *app)
{
	app->streams = calloc(app->stream_count, sizeof(struct stream_lcore *));
	app->loops = calloc(app->stream_count, sizeof(struct stream_loop *));
	if (!app->streams || !app->loops)
		return -ENOMEM;
	for (uint16_t i = 0; i < app->stream_count; i++) {
		struct stream_loop *loop = table_memory_allocate_zeroed(sizeof(*loop));
		int error = loop ? stream_loop_init(loop) : -ENOMEM;

		if (error) {
			free(loop);
			return error;
		}
		app->loops[i] = loop;
	}
	return 0;
}

static void close_loops(struct app *app)
{
	for (uint16_t i = 0; app->loops && i < app->stream_count; i++) {
		if (app->loops[i])
			stream_loop_fini(app->loops[i]);
		free(app->loops[i]);
	}
	free(app->loops);
}

static void tell_no_lcore(const struct app *app, const char *kind, unsigned int lcore, int error)
{
	if (error == ENOMEM)
		log_error("no memory for %s lcore %u: give it more, or --queries less than %u",
			kind, lcore, app->options.queries);
	else
		log_error("no %s lcore %u: %s", kind, lcore, strerror(error));
}

static int open_workers(struct app *app, const unsigned int lcores[])
{
	app->workers = calloc(app->worker_count, sizeof(struct worker *));
	if (!app->workers)
		return -ENOMEM;
	for (uint16_t i = 0; i < app->worker_count; i++) {
		app->workers[i] = worker_create(&(struct worker_options){
			.nic = app->nic,
			.shared = &app->shared,
			.set = app->set,
			.index = i,
			.worker_count = app->worker_count,
			.lcore_id = lcores[i],
			.queries = app->options.queries,
			.phase = &app->phase,
			.workers = app->workers,
			.loops = app->loops,
			.stream_count = app->stream_count,
		});
		if (!app->workers[i]) {
			int error = errno;

			tell_no_lcore(app, "worker", lcores[i], error);
			return -error;
		}
	}
	return 0;
}

static int open_stream_lcores(struct app *app, const unsigned int lcores[])
{
	if (getrandom(app->ticket_secret, sizeof(app->ticket_secret), 0) !=
		(ssize_t)sizeof(app->ticket_secret))
		return -errno;
	for (uint16_t i = 0; i < app->stream_count; i++) {
		struct stream_lcore_options options = {
			.config = app->config,
			.nic = app->nic,
			.shared = &app->shared,
			.set = app->set,
			.workers = app->workers,
			.loop = app->loops[i],
			.index = i,
			.lcore_id = lcores[app->worker_count + i],
			.is_set_aside = app->streams_set_aside > 0,
			.queries = app->options.queries,
			.ticket_secret = app->ticket_secret,
			.phase = &app->phase,
		};

		app->streams[i] = stream_lcore_create(&options);
		if (!app->streams[i]) {
			int error = errno;

			// EINVAL has been explained.
			if (error != EINVAL)
				tell_no_lcore(app, "stream", options.lcore_id, error);
			return -error;
		}
	}
	return 0;
}

static int list_forward_lcores(struct app *app)
{
	app->lcores = calloc(app->lcore_count, sizeof(struct forward_lcore *));
	if (!app->lcores)
		return -ENOMEM;
	for (uint16_t i = 0; i < app->worker_count; i++)
		app->lcores[i] = app->workers[i]->forward;
	for (uint16_t i = 0; i < app->stream_count; i++)
		app->lcores[app->worker_count + i] = stream_lcore_forward(app->streams[i]);
	return 0;
}

int lcores_open(struct app *app)
{
	unsigned int lcores[RTE_MAX_LCORE + 1] = {0};
	int error = open_loops(app);

	lcores_list(app, lcores);
	if (!error)
		error = open_workers(app, lcores);
	if (!error)
		error = open_stream_lcores(app, lcores);
	if (!error)
		error = list_forward_lcores(app);
	return error;
}

int lcores_launch(struct app *app)
{
	for (uint16_t i = 0; i < app->worker_count; i++) {
		if (rte_eal_remote_launch(worker_run, app->workers[i], app->workers[i]->lcore_id)) {
			log_error("lcore %u can not be started", app->workers[i]->lcore_id);
			return -EBUSY;
		}
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		if (stream_lcore_launch(app->streams[i]))
			return -EBUSY;
	}
	return 0;
}

void lcores_wake_streams(const struct app *app)
{
	for (uint16_t i = 0; app->lcores && i < app->stream_count; i++)
		stream_lcore_wake(app->streams[i]);
}

void lcores_close(struct app *app)
{
	for (uint16_t i = 0; app->streams && i < app->stream_count; i++)
		stream_lcore_destroy(app->streams[i]);
	for (uint16_t i = 0; app->workers && i < app->worker_count; i++)
		worker_destroy(app->workers[i]);
	free(app->lcores);
	free(app->streams);
	free(app->workers);
	close_loops(app);
}
