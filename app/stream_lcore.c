// SPDX-License-Identifier: BSD-3-Clause
#include "stream_lcore.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/table_memory.h"
#include "rcu/rcu.h"
#include "stream_lcore_private.h"

#define STREAM_FRAMES 96
// Queries in flight of TCP and TLS clients, and of workers.
#define QUERIES_MOST 65536u
#define UPSTREAM_CONNECTIONS 16384u // and one for each upstream more
#define UPSTREAM_MEMORY (256u << 20)
// How long an lcore of its own looks for work before it sleeps: waking it costs the worker a system
// call. On a shared CPU, it sleeps at once.
#define SPIN_TIME (50 * CLOCK_MICROSECOND)
// Longest sleeps: with timers of queries, and with nothing at all under way.
#define SLEEP_MOST_BUSY (2 * CLOCK_MILLISECOND)
#define SLEEP_MOST_IDLE (100 * CLOCK_MILLISECOND)

static int open_clients(struct stream_lcore *lcore)
{
	struct stream_clients_options options = stream_clients_defaults();
	struct stream_query_handler handler = stream_lcore_query_handler(lcore);

	options.hash_key = random_stream_u64(lcore->random);
	lcore->clients = stream_clients_create(lcore->loop, &options, &handler);
	return lcore->clients ? 0 : -errno;
}

static int open_forward(struct stream_lcore *lcore, const struct stream_lcore_options *options)
{
	struct forward_lcore_options forward = {
		.lcore = lcore->lcore,
		.pending_count = lcore->query_count,
		.now = clock_now(),
		.sink = stream_lcore_sink(lcore),
	};

	lcore->forward =
		forward_lcore_create(options->shared, options->set, lcore->random, &forward);
	return lcore->forward ? 0 : -errno;
}

// With each failure comes a query that failed: the log has one of them a second.
static void tell_failure(void *context, uint16_t upstream, const char *reason)
{
	struct stream_lcore *lcore = context;
	char text[NET_ENDPOINT_TEXT];

	if (lcore->tls_told_at[upstream] &&
		lcore->now - lcore->tls_told_at[upstream] < CLOCK_SECOND)
		return;
	lcore->tls_told_at[upstream] = lcore->now;
	log_warning("upstream %s://%s: %s",
		lcore->set->upstreams[upstream].is_https ? "https" : "tls",
		net_endpoint_format(&lcore->set->upstreams[upstream].endpoint, text), reason);
}

static int open_sockets(struct stream_lcore *lcore, uint16_t connections)
{
	struct stream_upstreams_options options = {
		.connection_count = connections,
		.memory_most = UPSTREAM_MEMORY,
		.failed = tell_failure,
		.context = lcore,
		.random = lcore->random,
	};
	struct tls_error error;

	lcore->tls_told_at = calloc(lcore->set->upstream_capacity + 1u, sizeof(uint64_t));
	if (!lcore->tls_told_at)
		return -ENOMEM;
	lcore->upstreams = stream_upstreams_create(lcore->loop, lcore->set, &options, &error);
	if (lcore->upstreams)
		return 0;
	if (errno == ENOMEM)
		return -ENOMEM;
	log_error("upstreams over TCP and TLS: %s", error.text);
	return -EINVAL;
}

static int open_upstreams(struct stream_lcore *lcore, const struct stream_lcore_options *options)
{
	uint32_t wanted = UPSTREAM_CONNECTIONS + lcore->set->upstream_capacity;
	struct proxy_streams_options streams = {
		.question_count = lcore->query_count,
		.connection_count = (uint16_t)wanted,
		.lcore_count = options->shared->stream_count,
		.lcore_index = options->index,
		.now = clock_now(),
		.asker = stream_lcore_asker(lcore),
	};
	int error = open_sockets(lcore, streams.connection_count);

	if (error)
		return error;
	streams.driver = stream_upstreams_driver(lcore->upstreams);
	lcore->streams = proxy_streams_create(lcore->set, lcore->random, &streams);
	if (!lcore->streams)
		return -errno;
	stream_upstreams_join(lcore->upstreams, lcore->streams);
	return 0;
}

static int fill(struct stream_lcore *lcore, const struct stream_lcore_options *options)
{
	struct config_error why;
	int error;

	lcore->frames = stream_frames_create(STREAM_FRAMES);
	if (!lcore->frames)
		return -ENOMEM;
	lcore->random = random_stream_create(NULL);
	if (!lcore->random)
		return -errno;
	error = stream_tls_open(&lcore->tls, options->config, options->ticket_secret, &why);
	if (error)
		log_error("%s", why.text);
	if (!error)
		error = open_clients(lcore);
	if (!error)
		error = open_upstreams(lcore, options);
	if (!error)
		error = open_forward(lcore, options);
	return error;
}

uint32_t stream_lcore_frames_held(uint16_t worker_count)
{
	return stream_link_frames_held(worker_count) + STREAM_LCORE_STOCK;
}

struct stream_lcore *stream_lcore_create(const struct stream_lcore_options *options)
{
	struct stream_lcore *lcore = table_memory_allocate_zeroed(sizeof(*lcore));
	int error;

	if (!lcore)
		return NULL;
	lcore->nic = options->nic;
	lcore->shared = options->shared;
	lcore->workers = options->workers;
	lcore->loop = options->loop;
	lcore->index = options->index;
	lcore->worker_count = options->shared->worker_count;
	lcore->lcore = (uint16_t)(lcore->worker_count + options->index);
	lcore->lcore_id = options->lcore_id;
	lcore->is_set_aside = options->is_set_aside;
	lcore->phase = options->phase;
	lcore->set = options->set;
	lcore->generation = options->set->generation;
	lcore->query_count = options->queries < QUERIES_MOST ? options->queries : QUERIES_MOST;
	error = fill(lcore, options);
	if (!error)
		return lcore;
	stream_lcore_destroy(lcore);
	errno = -error;
	return NULL;
}

void stream_lcore_destroy(struct stream_lcore *lcore)
{
	if (!lcore)
		return;
	if (lcore->clients)
		stream_clients_destroy(lcore->clients);
	proxy_streams_destroy(lcore->streams);
	stream_upstreams_destroy(lcore->upstreams);
	free(lcore->tls_told_at);
	stream_listeners_fini(&lcore->listeners);
	stream_tls_close(&lcore->tls);
	forward_lcore_destroy(lcore->forward);
	random_stream_destroy(lcore->random);
	stream_frames_destroy(lcore->frames);
	nic_frame_free(lcore->nic, lcore->stock, lcore->stock_count);
	free(lcore);
}

// Everything that there is to do now. True if there was something.
static bool turn(struct stream_lcore *lcore)
{
	uint64_t now = lcore->now;
	uint32_t count = 0;

	if (forward_lcore_follow(lcore->forward))
		stream_lcore_follow(lcore);
	stream_listeners_follow(&lcore->listeners, lcore->clients, &lcore->tls,
		rcu_pointer_read(lcore->shared->snapshot), now);
	count += lcore->loop->event_count;
	forward_lcore_set_stream_timeout(
		lcore->forward, stream_clients_idle_timeout(lcore->clients));
	// What workers ask is sent before anything is read, and says with it what has come so far: read
	// first, TCP would do so in a segment of its own.
	count += stream_lcore_read_links(lcore);
	stream_upstreams_flush(lcore->upstreams, now);
	stream_loop_dispatch(lcore->loop, now);
	stream_clients_hand_over(lcore->clients, now);
	stream_upstreams_read_on(lcore->upstreams, now);
	forward_lcore_expire(lcore->forward, now);
	proxy_streams_expire(lcore->streams, now);
	// Before what takes long. What fails there is told, too.
	stream_lcore_send_replies(lcore);
	stream_upstreams_flush(lcore->upstreams, now);
	stream_clients_flush(lcore->clients, now);
	stream_lcore_send_replies(lcore);
	return count > 0;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

// How long nothing has to be done unless somebody rings.
static uint64_t sleep_most(const struct stream_lcore *lcore)
{
	uint64_t most = forward_lcore_in_flight(lcore->forward) ? SLEEP_MOST_BUSY : SLEEP_MOST_IDLE;
	uint64_t next = earlier(stream_clients_next_time(lcore->clients),
		earlier(proxy_streams_next_time(lcore->streams),
			stream_upstreams_next_time(lcore->upstreams)));

	if (next <= lcore->now)
		return 0;
	return next - lcore->now < most ? next - lcore->now : most;
}

// Waits for the next thing to do: not at all as long as there was some a while ago.
static void wait(struct stream_lcore *lcore, uint64_t worked_at)
{
	uint64_t most = 0;

	if (!lcore->is_set_aside || lcore->now - worked_at > SPIN_TIME)
		most = sleep_most(lcore);
	if (most) {
		stream_loop_announce_sleep(lcore->loop);
		if (!stream_lcore_links_are_empty(lcore))
			most = 0;
	}
	rcu_reader_offline();
	(void)stream_loop_wait(lcore->loop, most);
	rcu_reader_online();
}

static void enter_phase(struct stream_lcore *lcore, uint32_t phase)
{
	if (phase >= WORKER_DRAINS) {
		forward_lcore_stop_queries(lcore->forward);
		stream_clients_stop(lcore->clients);
	}
	if (phase >= WORKER_STOPS) {
		forward_lcore_stop_pools(lcore->forward);
		proxy_streams_stop(lcore->streams);
	}
}

static int run(void *argument)
{
	struct stream_lcore *lcore = argument;
	uint32_t seen = WORKER_RUNS;
	uint64_t worked_at = 0;

	rcu_reader_register();
	while (seen != WORKER_ENDS) {
		uint32_t phase = base_load(lcore->phase);

		if (phase != seen)
			enter_phase(lcore, phase);
		seen = phase;
		lcore->now = clock_now();
		if (turn(lcore))
			worked_at = lcore->now;
		rcu_reader_quiescent();
		wait(lcore, worked_at);
	}
	rcu_reader_unregister();
	return 0;
}

// Frames come from pools with a cache for each lcore that EAL knows.
static void *run_unpinned(void *argument)
{
	if (rte_thread_register())
		log_warning("the stream lcore is none of EAL's: %s", rte_strerror(rte_errno));
	(void)run(argument);
	rte_thread_unregister();
	return NULL;
}

int stream_lcore_launch(struct stream_lcore *lcore)
{
	int error;

	if (lcore->is_set_aside)
		error = rte_eal_remote_launch(run, lcore, lcore->lcore_id);
	else
		error = rte_ctrl_thread_create(
			&lcore->thread, "millrace-stream", NULL, run_unpinned, lcore);
	if (error)
		log_error("stream lcore %u can not be started: %s", lcore->index, strerror(-error));
	return error;
}

void stream_lcore_wake(struct stream_lcore *lcore)
{
	stream_loop_wake(lcore->loop);
}

void stream_lcore_wait(struct stream_lcore *lcore)
{
	stream_lcore_wake(lcore);
	if (lcore->is_set_aside)
		rte_eal_wait_lcore(lcore->lcore_id);
	else
		pthread_join(lcore->thread, NULL);
}

struct proxy_pools *stream_lcore_pools(struct stream_lcore *lcore)
{
	return proxy_streams_pools(lcore->streams);
}

const struct stream_lcore_counters *stream_lcore_counters(const struct stream_lcore *lcore)
{
	return &lcore->counters;
}

struct forward_lcore *stream_lcore_forward(struct stream_lcore *lcore)
{
	return lcore->forward;
}

const struct stream_clients_counters *stream_lcore_clients(const struct stream_lcore *lcore)
{
	return stream_clients_counters(lcore->clients);
}

const struct proxy_stream_counts *stream_lcore_asked(
	const struct stream_lcore *lcore, uint16_t upstream)
{
	return proxy_streams_counts(lcore->streams, upstream);
}

const struct stream_upstream_counts *stream_lcore_sockets(
	const struct stream_lcore *lcore, uint16_t upstream)
{
	return stream_upstreams_counts(lcore->upstreams, upstream);
}
