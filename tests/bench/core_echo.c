// SPDX-License-Identifier: BSD-3-Clause
// How long numbers take between two cores that do nothing else: what is left of a query's latency
// when there are no packets, no NIC and no forwarder. One core sends numbers at a set rate, as the
// generator sends queries; the other sends each back at once; it goes there and back a second
// time, as a query passes a forwarder twice. Times count from when a number was due. What is far
// above the fraction of a microsecond that a cache line takes is time in which a core was away.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/handle_ring.h"
#include "generator/histogram.h"
#include "generator/pacer.h"
#include "worker_thread.h"

#define RING 131072u // numbers on their way at once, more than are sent in a window
#define DUE_A_STEP 32
#define DRAIN (2 * CLOCK_MILLISECOND)

struct bench {
	cpu_set_t cpus;
	struct worker_thread echo;
	struct handle_ring there;
	struct handle_ring back;
	uint32_t phase; // enum worker_thread_phase
	struct pacer pacer;
	uint64_t due[RING];
	uint64_t last_look;
	uint64_t longest_pause;
	struct histogram latency;
};

static void echo_run(void *argument)
{
	struct bench *bench = argument;
	uint32_t number;

	worker_thread_hurry();
	worker_thread_is_ready(&bench->echo);
	while (base_load(&bench->phase) != WORKER_THREAD_ENDS) {
		while (handle_ring_pop(&bench->there, &number)) {
			if (!handle_ring_push(&bench->back, number))
				worker_thread_die("more on their way than the rings hold");
		}
	}
	worker_thread_hurry_no_more();
}

static void send(struct bench *bench, uint32_t number)
{
	if (!handle_ring_push(&bench->there, number))
		worker_thread_die("more on their way than the rings hold");
}

// A number that comes back the first time is even, and odd from then on.
static void receive(struct bench *bench, uint64_t now)
{
	uint32_t number;

	while (handle_ring_pop(&bench->back, &number)) {
		if (number & 1)
			histogram_add(&bench->latency, now - bench->due[number / 2]);
		else
			send(bench, number | 1);
	}
}

static void send_due(struct bench *bench, uint64_t now)
{
	for (uint32_t due = pacer_count_due(&bench->pacer, DUE_A_STEP, now); due > 0; due--) {
		uint32_t slot = (uint32_t)bench->pacer.taken % (RING / 2);

		bench->due[slot] = pacer_take(&bench->pacer, now);
		send(bench, slot * 2);
	}
}

static void look_at_clock(struct bench *bench, uint64_t now)
{
	if (now - bench->last_look > bench->longest_pause)
		bench->longest_pause = now - bench->last_look;
	bench->last_look = now;
}

static void measure_window(struct bench *bench, uint64_t rate, uint64_t time)
{
	uint64_t began, now;

	bench->phase = WORKER_THREAD_WORKS;
	bench->longest_pause = 0;
	bench->latency = (struct histogram){0};
	worker_thread_start(&bench->echo, &bench->cpus, 1, echo_run, bench);
	worker_thread_hurry();
	pacer_init(&bench->pacer, rate, CLOCK_SECOND);
	bench->last_look = began = now = clock_now();
	for (pacer_start(&bench->pacer, now); now - began < time; now = clock_now()) {
		look_at_clock(bench, now);
		receive(bench, now);
		send_due(bench, now);
	}
	for (began = now; now - began < DRAIN; now = clock_now())
		receive(bench, now);
	base_store(&bench->phase, WORKER_THREAD_ENDS);
	worker_thread_hurry_no_more();
	worker_thread_join(&bench->echo);
}

static double microseconds(uint64_t nanoseconds)
{
	return (double)nanoseconds / CLOCK_MICROSECOND;
}

static void print_window(const struct bench *bench, bool is_first)
{
	const struct histogram *latency = &bench->latency;

	printf("%s\n\t{\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, "
	       "\"max_us\": %.3f, \"longest_pause_us\": %.1f, \"answered\": %" PRIu64 "}",
		is_first ? "" : ",", microseconds(histogram_quantile(latency, 500000)),
		microseconds(histogram_quantile(latency, 990000)),
		microseconds(histogram_quantile(latency, 999000)), microseconds(latency->most),
		microseconds(bench->longest_pause), latency->count);
}

// usage: core_echo RATE MILLISECONDS WINDOWS: numbers a second, in windows of so long. Prints JSON.
int main(int argc, char *argv[])
{
	static struct bench bench;
	uint64_t rate = argc == 4 ? strtoull(argv[1], NULL, 10) : 0;
	uint64_t time = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t windows = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (!rate || !time || time > 500 || !windows)
		worker_thread_die("usage: core_echo RATE MILLISECONDS WINDOWS");
	worker_cpus_find(&bench.cpus, 2);
	if (handle_ring_init(&bench.there, RING) || handle_ring_init(&bench.back, RING))
		worker_thread_die("no memory");
	worker_thread_pin(&bench.cpus, 0);
	printf("{\"rate\": %" PRIu64 ", \"windows\": [", rate);
	for (uint64_t i = 0; i < windows; i++) {
		measure_window(&bench, rate, time * CLOCK_MILLISECOND);
		print_window(&bench, i == 0);
	}
	printf("\n]}\n");
	handle_ring_fini(&bench.there);
	handle_ring_fini(&bench.back);
	return 0;
}
