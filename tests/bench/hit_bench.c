// SPDX-License-Identifier: BSD-3-Clause
// What an answer from the cache costs one lcore, from the frame of the query to that of the answer,
// over frames in plain memory, in bursts: of few names and of many, evenly and by Zipf's law; and of
// ten queries with one that is new, its way to an upstream and back included. Frames are made outside
// of the time that is measured. A figure is the median over whiles of 16 bursts in the best of several
// rounds:
// what else the machine does only adds.
//
// usage: hit_bench [NAMES_MOST]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "median.h"
#include "plain_lcore.h"
#include "worker_thread.h"

#define ROUNDS 9
#define WHILES_A_ROUND 512
#define BURSTS_A_WHILE 16
#define QUERIES_A_WHILE (BURSTS_A_WHILE * PLAIN_BURST)
#define IN_FLIGHT 8000u
#define NEW_A_BURST 3
#define BYTES_A_NAME 300
#define BYTES_LEAST (16u << 20)
#define NEW_NAMES 0x80000000u // and above: nobody asks them twice
#define BURST_NANOSECONDS 3000
#define STEPS 4096

struct bench {
	struct plain_world world;
	struct plain_lcore lcore;
	uint32_t names;
	uint32_t next_new;
	uint64_t now;
	uint64_t asked;
	uint64_t result; // of the steps
	double times[WHILES_A_ROUND]; // nanoseconds a query
	double steps[WHILES_A_ROUND];
};

struct cost {
	double nanoseconds;
	double steps;
};

// How the names of a burst are drawn.
typedef void pick_names(struct bench *bench, uint32_t names[PLAIN_BURST]);

static uint64_t run_burst(struct bench *bench, struct net_frame *frames)
{
	uint64_t start = clock_now();

	plain_lcore_run(&bench->lcore, frames, bench->now);
	bench->now += BURST_NANOSECONDS;
	return clock_now() - start;
}

static uint64_t run_queries(struct bench *bench, const uint32_t names[PLAIN_BURST])
{
	struct net_frame frames[PLAIN_BURST];

	bench->asked += PLAIN_BURST;
	plain_lcore_ask(&bench->lcore, frames, names);
	return run_burst(bench, frames);
}

// Answers what is on its way but for `left` queries.
static uint64_t run_replies(struct bench *bench, uint32_t left)
{
	struct net_frame frames[PLAIN_BURST];
	uint64_t spent = 0;

	while (bench->lcore.attempt_count >= left + PLAIN_BURST) {
		plain_lcore_make_replies(&bench->lcore, frames);
		spent += run_burst(bench, frames);
		(void)forward_caches_tick(bench->world.shared.caches);
	}
	return spent;
}

static void pick_even(struct bench *bench, uint32_t names[PLAIN_BURST])
{
	for (uint32_t i = 0; i < PLAIN_BURST; i++)
		names[i] = plain_lcore_draw_below(&bench->lcore, bench->names);
}

// Zipf with exponent 1: the inverse of the sum of 1/k, which is near to a logarithm.
static void pick_zipf(struct bench *bench, uint32_t names[PLAIN_BURST])
{
	double whole = log(bench->names + 1.0);

	for (uint32_t i = 0; i < PLAIN_BURST; i++) {
		double point = plain_lcore_draw_below(&bench->lcore, 1u << 31) * 0x1p-31;
		uint32_t rank = (uint32_t)(exp(point * whole) - 1);

		// Popular names do not stand next to each other in the store.
		names[i] = (uint32_t)((uint64_t)rank * 2654435761u % bench->names);
	}
}

static void pick_some_new(struct bench *bench, uint32_t names[PLAIN_BURST])
{
	pick_even(bench, names);
	for (uint32_t i = 0; i < NEW_A_BURST; i++)
		names[plain_lcore_draw_below(&bench->lcore, PLAIN_BURST)] = bench->next_new++;
}

static void bench_open(struct bench *bench, uint32_t names)
{
	uint64_t bytes = (uint64_t)names * BYTES_A_NAME;
	uint32_t burst[PLAIN_BURST];

	*bench = (struct bench){0};
	plain_world_open(&bench->world, 1, bytes > BYTES_LEAST ? bytes : BYTES_LEAST);
	plain_lcore_open(&bench->lcore, &bench->world, 0, IN_FLIGHT);
	bench->names = names;
	bench->next_new = NEW_NAMES;
	bench->now = clock_now();
	for (uint32_t name = 0; name < names;) {
		for (uint32_t i = 0; i < PLAIN_BURST; i++)
			burst[i] = name < names ? name++ : bench->next_new++;
		(void)run_queries(bench, burst);
		(void)run_replies(bench, 0);
	}
}

static void bench_close(struct bench *bench)
{
	const struct stats_counters *counters = forward_lcore_counters(bench->lcore.forward);
	uint64_t answered = stats_read(counters, STATS_SENT_ANSWERS);

	if (answered + forward_lcore_in_flight(bench->lcore.forward) != bench->asked)
		worker_thread_die("not every query was answered");
	plain_lcore_close(&bench->lcore);
	plain_world_close(&bench->world);
}

// Nanoseconds of a step now: four chains side by side, of six operations each (Marsaglia's xorshift).
static double time_step(struct bench *bench)
{
	uint64_t start = clock_now();
	uint64_t values[4] = {start, start + 1, start + 2, start + 3};

	for (int i = 0; i < STEPS; i++) {
		for (int chain = 0; chain < 4; chain++) {
			values[chain] ^= values[chain] << 13;
			values[chain] ^= values[chain] >> 7;
			values[chain] ^= values[chain] << 17;
		}
		// One by one, not as a vector.
		__asm__ volatile(
			""
			: "+r"(values[0]), "+r"(values[1]), "+r"(values[2]), "+r"(values[3]));
	}
	bench->result += values[0] + values[1] + values[2] + values[3];
	return (double)(clock_now() - start) / STEPS;
}

static struct cost run_round(struct bench *bench, pick_names *pick, uint32_t in_flight)
{
	for (uint32_t i = 0; i < WHILES_A_ROUND; i++) {
		uint32_t names[PLAIN_BURST];
		uint64_t spent = 0;

		for (int burst = 0; burst < BURSTS_A_WHILE; burst++) {
			pick(bench, names);
			spent += run_queries(bench, names);
			spent += run_replies(bench, in_flight);
		}
		bench->times[i] = (double)spent / QUERIES_A_WHILE;
		bench->steps[i] = bench->times[i] / time_step(bench);
	}
	return (struct cost){
		median(bench->times, WHILES_A_ROUND), median(bench->steps, WHILES_A_ROUND)};
}

// What a query costs, and how many found their answer in the cache. With `in_flight` on their way
// from the start.
static void measure(struct bench *bench, const char *what, pick_names *pick, uint32_t in_flight)
{
	const struct stats_counters *counters = forward_lcore_counters(bench->lcore.forward);
	struct cost best = {1e9, 1e9};
	uint64_t cached;

	(void)run_round(bench, pick, in_flight);
	cached = stats_read(counters, STATS_QUERY_CACHED);
	for (int round = 0; round < ROUNDS; round++) {
		struct cost cost = run_round(bench, pick, in_flight);

		best.nanoseconds = fmin(best.nanoseconds, cost.nanoseconds);
		best.steps = fmin(best.steps, cost.steps);
	}
	cached = stats_read(counters, STATS_QUERY_CACHED) - cached;
	printf("%8u names, %-11s %7.1f ns, %6.1f steps a query (%.3f hits)\n", bench->names, what,
		best.nanoseconds, best.steps,
		(double)cached / ((double)ROUNDS * WHILES_A_ROUND * QUERIES_A_WHILE));
}

int main(int argc, char *argv[])
{
	static const uint32_t names[] = {1000, 1000000, 10000000};
	uint32_t most = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : UINT32_MAX;
	static struct bench bench;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(names) && names[i] <= most; i++) {
		bench_open(&bench, names[i]);
		measure(&bench, "even", pick_even, 0);
		measure(&bench, "Zipf", pick_zipf, 0);
		if (names[i] == names[0])
			measure(&bench, "one new", pick_some_new, IN_FLIGHT);
		bench_close(&bench);
	}
	return 0;
}
