// SPDX-License-Identifier: BSD-3-Clause
// What a forwarded query costs one lcore: query in, attempt out, reply in, answer out, over frames
// in plain memory, in bursts. Measured with few and with many queries in flight, replies coming in
// random order; the ratio says what the number in flight costs. Frames are made outside of the
// time that is measured.
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "plain_lcore.h"
#include "worker_thread.h"

#define FEW 1000u
#define MANY 200000u
#define ROUNDS 5
#define QUERIES_A_ROUND 400000u

struct bench {
	struct plain_world world;
	struct plain_lcore lcore;
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

// Nanoseconds a query with `in_flight` on their way.
static double measure(struct bench *bench, uint32_t in_flight)
{
	uint64_t spent = 0;

	while (bench->lcore.attempt_count < in_flight)
		(void)run_queries(bench);
	while (bench->lcore.attempt_count >= in_flight + PLAIN_BURST)
		(void)run_replies(bench);
	for (uint32_t done = 0; done < QUERIES_A_ROUND; done += PLAIN_BURST)
		spent += run_queries(bench) + run_replies(bench);
	return (double)spent / QUERIES_A_ROUND;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

int main(void)
{
	static struct bench bench;
	double few[ROUNDS];
	double many[ROUNDS];

	plain_world_open(&bench.world, 1, 0);
	plain_lcore_open(&bench.lcore, &bench.world, 0, MANY);
	bench.now = clock_now();
	(void)measure(&bench, MANY); // every page is touched
	for (int i = 0; i < ROUNDS; i++) {
		few[i] = measure(&bench, FEW);
		many[i] = measure(&bench, MANY);
	}
	if (bench.lcore.lost)
		worker_thread_die("frames were dropped");
	plain_lcore_close(&bench.lcore);
	plain_world_close(&bench.world);
	qsort(few, ROUNDS, sizeof(few[0]), compare);
	qsort(many, ROUNDS, sizeof(many[0]), compare);
	printf("%6u in flight  %7.1f ns a query (best %.1f)\n", FEW, few[ROUNDS / 2], few[0]);
	printf("%6u in flight  %7.1f ns a query (best %.1f)\n", MANY, many[ROUNDS / 2], many[0]);
	printf("ratio %.2f\n", many[ROUNDS / 2] / few[ROUNDS / 2]);
	return 0;
}
