// SPDX-License-Identifier: BSD-3-Clause
#include "window.h"

#include <rte_cycles.h>

#include "machine.h"

// In which what is in flight comes back, beside the upstreams' delay, where time is short. Only
// what is lost takes that long.
#define DRAIN_MILLISECONDS 100

static uint64_t cycles_of(uint32_t milliseconds)
{
	return rte_get_tsc_hz() / 1000 * milliseconds;
}

static double seconds_of(uint64_t cycles)
{
	return (double)cycles / (double)rte_get_tsc_hz();
}

static void measure(struct window *window, struct generator *generator)
{
	uint64_t began = rte_rdtsc(), done = generator_count_done(generator), cycles;

	generator->idle = 0;
	generator->in_flight = 0;
	generator->client.is_measuring = true;
	generator_run_for(generator, cycles_of(generator->options.time));
	generator->client.is_measuring = false;
	cycles = rte_rdtsc() - began;
	window->seconds = seconds_of(cycles);
	window->per_second = (double)(generator_count_done(generator) - done) / window->seconds;
	window->idle_share = (double)generator->idle / (double)cycles;
	window->in_flight = generator->in_flight / (double)cycles;
}

struct latency latency_read(const struct histogram *cycles)
{
	return (struct latency){
		.p50 = seconds_of(histogram_quantile(cycles, 500000)),
		.p90 = seconds_of(histogram_quantile(cycles, 900000)),
		.p99 = seconds_of(histogram_quantile(cycles, 990000)),
		.p999 = seconds_of(histogram_quantile(cycles, 999000)),
		.most = seconds_of(cycles->most),
	};
}

static uint32_t drain_milliseconds(const struct options *options)
{
	uint32_t least = 2 * options->delay / 1000 + DRAIN_MILLISECONDS;

	return options->is_real_time ? least : RTE_MAX(least, options->patience);
}

void window_measure(struct window *window, struct generator *generator, struct histogram *all)
{
	struct client *client = &generator->client;
	uint64_t stolen = machine_stolen_milliseconds();
	uint64_t held_back = generator->link.held_back;

	client->counters = (struct client_counters){0};
	client->latency = (struct histogram){0};
	generator_reset_times(generator);
	generator->client_sends = true;
	client_start(client, rte_rdtsc());
	generator_run_for(generator, cycles_of(generator->options.warm_up));
	measure(window, generator);
	generator_drain(generator, cycles_of(drain_milliseconds(&generator->options)));
	window->longest_pause = seconds_of(generator->longest_pause);
	window->paused = seconds_of(generator->paused);
	window->stolen_milliseconds = machine_stolen_milliseconds() - stolen;
	client_give_up(client);
	window->held_back = generator->link.held_back - held_back;
	window->counters = client->counters;
	window->latency = latency_read(&client->latency);
	histogram_merge(all, &client->latency);
}
