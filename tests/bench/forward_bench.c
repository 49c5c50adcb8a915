// SPDX-License-Identifier: BSD-3-Clause
// What a forwarded query costs one lcore: query in, attempt out, reply in, answer out, over frames
// in plain memory, in bursts. One lcore with few queries in flight and one with many are measured in
// turn, replies coming in random order; the cost is the median ratio of one to the other, which is what
// the number in flight costs millrace alone. Frames are made outside of the time that is measured.
//
// usage: forward_bench FEW MANY     prints JSON
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "median.h"
#include "plain_lcore.h"
#include "worker_thread.h"

#define IN_FLIGHT_MOST 250000u // so many that slots are left
#define ROUNDS 21
#define QUERIES_A_ROUND 100000u

struct bench {
	struct plain_world world;
	struct plain_lcore lcore;
	uint32_t in_flight;
	uint64_t now;
};

// Hands a burst to the lcore, and returns how long it took.
static uint64_t run_burst(struct bench *bench, struct net_frame *frames)
{
	uint64_t start = clock_now();

	plain_lcore_run(&bench->lcore, frames, bench->now);
	bench->now += 3000;
	return clock_now() - start;
}

static uint64_t run_queries(struct bench *bench)
{
	struct net_frame frames[PLAIN_BURST];

	plain_lcore_make_queries(&bench->lcore, frames);
	return run_burst(bench, frames);
}

static uint64_t run_replies(struct bench *bench)
{
	struct net_frame frames[PLAIN_BURST];

	plain_lcore_make_replies(&bench->lcore, frames);
	return run_burst(bench, frames);
}

static void bench_open(struct bench *bench, uint32_t in_flight)
{
	plain_world_open(&bench->world, 1, 0);
	plain_lcore_open(&bench->lcore, &bench->world, 0, in_flight);
	bench->in_flight = in_flight;
	bench->now = clock_now();
	while (bench->lcore.attempt_count < in_flight)
		(void)run_queries(bench);
}

static void bench_close(struct bench *bench)
{
	if (bench->lcore.lost)
		worker_thread_die("frames were dropped");
	plain_lcore_close(&bench->lcore);
	plain_world_close(&bench->world);
}

// Nanoseconds a query.
static double measure(struct bench *bench)
{
	uint64_t spent = 0;

	worker_thread_hurry();
	while (bench->lcore.attempt_count >= bench->in_flight + PLAIN_BURST)
		(void)run_replies(bench);
	for (uint32_t done = 0; done < QUERIES_A_ROUND; done += PLAIN_BURST)
		spent += run_queries(bench) + run_replies(bench);
	worker_thread_hurry_no_more();
	return (double)spent / QUERIES_A_ROUND;
}

static uint32_t read_in_flight(const char *argument)
{
	uint64_t in_flight = strtoull(argument, NULL, 10);

	if (!in_flight || in_flight > IN_FLIGHT_MOST)
		worker_thread_die("usage: forward_bench FEW MANY, 250,000 at most");
	return (uint32_t)in_flight;
}

int main(int argc, char *argv[])
{
	static struct bench few, many;
	double few_ns[ROUNDS], many_ns[ROUNDS], cost[ROUNDS];

	bench_open(&few, read_in_flight(argc == 3 ? argv[1] : ""));
	bench_open(&many, read_in_flight(argc == 3 ? argv[2] : ""));
	for (int i = 0; i < ROUNDS; i++) {
		few_ns[i] = measure(&few);
		many_ns[i] = measure(&many);
		cost[i] = many_ns[i] / few_ns[i];
	}
	bench_close(&few);
	bench_close(&many);
	printf("{\"few\": %" PRIu32 ", \"many\": %" PRIu32
	       ", \"few_ns\": %.1f, \"many_ns\": %.1f, \"cost\": %.3f}\n",
		few.in_flight, many.in_flight, median(few_ns, ROUNDS), median(many_ns, ROUNDS),
		median(cost, ROUNDS));
	return 0;
}
