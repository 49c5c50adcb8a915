// SPDX-License-Identifier: BSD-3-Clause
#include "manager.h"

#include <errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "caches.h"
#include "config/values.h"
#include "control.h"
#include "frame_ring.h"
#include "host_names.h"
#include "lcores.h"
#include "network.h"
#include "proxy/sweep.h"
#include "query_log.h"
#include "upstream_health.h"
#include "watch.h"

#define SWEEP_PERIOD (250 * CLOCK_MILLISECOND)
#define RESOLVE_PERIOD CLOCK_SECOND
#define DRAIN_MOST (PROXY_QUERY_DEADLINE + 100 * CLOCK_MILLISECOND)
#define CLOSE_MOST CLOCK_SECOND
#define SAVE_MOST (60 * CLOCK_SECOND)
#define IDLE_MILLISECONDS 1
#define SWEPT_MOST 65536u

int manager_open_signals(struct app *app)
{
	sigset_t awaited;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGHUP);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || sigprocmask(SIG_BLOCK, &awaited, NULL))
		return -errno;
	app->signals = signalfd(-1, &awaited, SFD_NONBLOCK | SFD_CLOEXEC);
	return app->signals < 0 ? -errno : 0;
}

static int watch(struct app *app, int descriptor)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

	return epoll_ctl(app->events, EPOLL_CTL_ADD, descriptor, &event) ? -errno : 0;
}

int manager_open(struct app *app)
{
	int error = 0;

	app->swept = malloc(SWEPT_MOST * sizeof(*app->swept));
	app->pool_count = (uint16_t)(app->lcore_count + app->stream_count);
	app->pools = calloc(app->pool_count, sizeof(*app->pools));
	app->events = epoll_create1(EPOLL_CLOEXEC);
	if (!app->swept || !app->pools || app->events < 0) {
		error = -errno;
		goto out;
	}
	for (uint16_t i = 0; i < app->lcore_count; i++)
		app->pools[i] = &forward_lcore_proxy(app->lcores[i])->pools;
	for (uint16_t i = 0; i < app->stream_count; i++)
		app->pools[app->lcore_count + i] = stream_lcore_pools(app->streams[i]);
	error = upstream_health_open(app);
	if (error)
		goto out;
	error = watch(app, app->signals);
	if (!error)
		error = watch(app, kernel_tables_fd(app->tables));
	if (!error)
		error = watch(app, watch_fd(app));
	if (!error && control_fd(app) >= 0)
		error = watch(app, control_fd(app));
	for (uint16_t port = 0; port < NIC_PORTS_MOST && !error; port++) {
		if (app->taps[port])
			error = watch(app, kernel_tap_fd(app->taps[port]));
	}
out:
	if (error)
		log_error("the management loop can not start: %s", strerror(-error));
	return error;
}

void manager_close(struct app *app)
{
	upstream_health_close(app);
	free(app->swept);
	free(app->pools);
	if (app->events >= 0)
		close(app->events);
	if (app->signals >= 0)
		close(app->signals);
}

static void count_tap_dropped(struct app *app)
{
	base_store(&app->tap_dropped, app->tap_dropped + 1);
}

// Frames that workers handed over go to the kernel's interface. Returns how many.
static uint32_t write_to_kernel(struct app *app, uint16_t port)
{
	struct net_frame frames[NIC_BURST];
	uint32_t written = 0;

	for (uint16_t i = 0; i < app->worker_count && app->taps[port]; i++) {
		uint16_t count =
			frame_ring_pop(app->workers[i]->to_kernel[port], frames, NIC_BURST);

		for (uint16_t j = 0; j < count; j++) {
			// A frame that the kernel does not take is as good as lost on the wire.
			if (kernel_tap_write(app->taps[port], frames[j].data, frames[j].length))
				count_tap_dropped(app);
		}
		nic_frame_free(app->nic, frames, count);
		written += count;
	}
	return written;
}

// What the kernel sends leaves by the queue of the first worker. Returns how many.
static uint32_t read_from_kernel(struct app *app, uint16_t port)
{
	uint8_t bytes[2048];
	uint32_t count;

	for (count = 0; count < NIC_BURST; count++) {
		int length = kernel_tap_read(app->taps[port], bytes, sizeof(bytes));
		struct net_frame frame;

		if (length < 0)
			break;
		if (nic_frame_alloc(app->nic, 0, &frame, 1) != 1) {
			count_tap_dropped(app);
			continue;
		}
		if (length > frame.length + frame.tailroom) {
			nic_frame_free(app->nic, &frame, 1);
			count_tap_dropped(app);
			continue;
		}
		memcpy(frame.data, bytes, (size_t)length);
		frame.tailroom = (uint16_t)(frame.length + frame.tailroom - length);
		frame.length = (uint16_t)length;
		frame.port = port;
		frame.offload = 0;
		if (!frame_ring_push(app->workers[0]->from_kernel, &frame)) {
			nic_frame_free(app->nic, &frame, 1);
			count_tap_dropped(app);
		}
	}
	return count;
}

// Returns how many.
static uint32_t carry_kernel_frames(struct app *app)
{
	uint32_t carried = 0;

	for (uint16_t port = 0; port < nic_port_count(app->nic); port++) {
		if (!app->taps[port])
			continue;
		carried += write_to_kernel(app, port);
		carried += read_from_kernel(app, port);
	}
	return carried;
}

// True for one that asks for the end.
static bool read_signals(struct app *app)
{
	struct signalfd_siginfo info;

	if (read(app->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	if (info.ssi_signo != SIGHUP)
		return true;
	reload_want(app);
	return false;
}

// When each periodic work is due next, and whether any is due at once.
struct manager_clock {
	uint64_t sweep;
	uint64_t resolve;
	bool is_busy; // more work is left from the last turn
};

// One turn of the loop: sleeps until there is something to do, a millisecond at the most, since
// rings of workers wake nobody. Returns true when a signal asks for the end.
static bool manager_turn(struct app *app, struct manager_clock *due)
{
	bool is_busy = carry_kernel_frames(app) || due->is_busy;
	struct epoll_event ready[4];
	uint64_t now;

	// The events only wake: every source is read without waiting.
	(void)epoll_wait(app->events, ready, 4, is_busy ? 0 : IDLE_MILLISECONDS);
	now = clock_now();
	if (!reload_is_followed(app))
		network_update(app);
	host_names_turn(app, now);
	reload_turn(app, now);
	due->is_busy = caches_turn(app, now);
	due->is_busy |= watch_turn(app, now);
	control_turn(app, now);
	due->is_busy |= query_log_turn(app, now);
	upstream_health_turn(app, now);
	proxy_sweep_reap(app->pools, app->pool_count, app->swept, SWEPT_MOST);
	if (now >= due->sweep) {
		due->sweep = now + SWEEP_PERIOD;
		for (uint16_t i = 0; i < app->pool_count; i++)
			proxy_sweep_mark(app->pools[i], now);
	}
	if (now >= due->resolve) {
		due->resolve = now + RESOLVE_PERIOD;
		network_resolve(app);
		caches_set_wall(app, now);
	}
	return read_signals(app);
}

static uint32_t queries_in_flight(const struct app *app)
{
	uint32_t count = 0;

	for (uint16_t i = 0; i < app->lcore_count; i++)
		count += forward_lcore_in_flight(app->lcores[i]);
	return count;
}

static uint32_t connections_open(const struct app *app)
{
	uint32_t count = 0;

	for (uint16_t i = 0; i < app->pool_count; i++) {
		for (uint16_t j = 0; j < app->set->upstream_count; j++)
			count += base_load(&app->pools[i]->pools[j].open_count);
	}
	return count;
}

static uint32_t reloads_under_way(const struct app *app)
{
	return reload_is_followed(app);
}

static void turn_until_none(struct app *app, struct manager_clock *due,
	uint32_t (*count)(const struct app *), uint64_t most)
{
	uint64_t until = clock_now() + most;

	while (count(app) && clock_now() < until)
		(void)manager_turn(app, due);
}

// Stream lcores may be asleep.
static void enter_phase(struct app *app, enum worker_phase phase)
{
	base_store(&app->phase, phase);
	lcores_wake_streams(app);
}

// Whoever sends queries here finds out in time that the end is near. Another signal ends it.
static void stay_lame(struct app *app, struct manager_clock *due)
{
	uint64_t lameduck = config_watch(app->config)->lameduck;
	uint64_t until = clock_now() + lameduck;
	char text[CONFIG_DURATION_TEXT];

	if (!lameduck)
		return;
	log_info("lameduck: stopping in %s", config_format_duration(lameduck, text));
	while (clock_now() < until && !manager_turn(app, due))
		;
}

static void manager_stop(struct app *app, struct manager_clock *due)
{
	watch_set_state(app, WATCH_STOPS);
	stay_lame(app, due);
	log_info("stopping: %u queries in flight", queries_in_flight(app));
	enter_phase(app, WORKER_DRAINS);
	turn_until_none(app, due, queries_in_flight, DRAIN_MOST);
	caches_save(app);
	turn_until_none(app, due, caches_unsaved, SAVE_MOST);
	enter_phase(app, WORKER_STOPS);
	turn_until_none(app, due, connections_open, CLOSE_MOST);
	turn_until_none(app, due, reloads_under_way, CLOSE_MOST);
	enter_phase(app, WORKER_ENDS);
	for (uint16_t i = 0; i < app->worker_count; i++)
		rte_eal_wait_lcore(app->workers[i]->lcore_id);
	for (uint16_t i = 0; i < app->stream_count; i++)
		stream_lcore_wait(app->streams[i]);
}

void manager_run(struct app *app)
{
	struct manager_clock due = {0};

	while (!manager_turn(app, &due))
		;
	manager_stop(app, &due);
}
