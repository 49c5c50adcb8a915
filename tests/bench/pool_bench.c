// SPDX-License-Identifier: BSD-3-Clause
// What a take with its give back costs one lcore, and each of two, in bursts: alone, while the
// management lcore sweeps at its pace, and while it sweeps without a pause. `expire` is a
// hundredth of the default, so that a sweep has every connection to look at several times a
// second. Each is measured many times for a short while, in turn, on pools made anew.
#include "proxy/pool.h"
#include "proxy/sweep.h"
#include "rcu/rcu.h"
#include "median.h"
#include "worker_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LCORES_MOST 2
#define PORTS 8000
#define BURST 32
#define EXPIRE (100 * CLOCK_MILLISECOND)
#define SLICE (50 * CLOCK_MILLISECOND)
#define SLICES_MOST 1000
// As app/manager.c does; the first sweep comes at once, so that each slice has one.
#define SWEEP_PERIOD (250 * CLOCK_MILLISECOND)
#define TURN_PERIOD CLOCK_MILLISECOND

enum sweep_pace {
	SWEEP_NONE,
	SWEEP_PACED,
	SWEEP_UNPAUSED,
};

struct lcore {
	struct proxy_pools pools;
	struct random_stream *random;
	const uint32_t *phase;
	uint64_t operations;
	uint64_t spent; // nanoseconds of the CPU
	struct worker_thread thread;
} base_aligned(BASE_CACHE_LINE);

struct bench {
	cpu_set_t cpus;
	struct proxy_set *set;
	struct lcore lcores[LCORES_MOST];
	uint32_t phase base_aligned(BASE_CACHE_LINE); // enum worker_thread_phase
	uint16_t scratch[LCORES_MOST * PORTS];
	uint64_t sweeps;
	// Nanoseconds of an operation, by sweep_pace and slice.
	double one[3][SLICES_MOST];
	double two[2][SLICES_MOST];
};

static void burst_run(struct proxy_pools *pools)
{
	uint64_t now = clock_now();
	uint16_t slots[BURST];

	for (int i = 0; i < BURST; i++)
		slots[i] = proxy_pool_take(pools, 0, now);
	for (int i = 0; i < BURST; i++)
		proxy_pool_give_back(pools, slots[i], now);
	proxy_pools_read_messages(pools, BURST, now);
	rcu_reader_quiescent();
}

static void lcore_run(void *argument)
{
	struct lcore *lcore = argument;
	uint64_t bursts = 0;
	uint64_t began;

	rcu_reader_register();
	worker_thread_is_ready(&lcore->thread);
	while (base_load(lcore->phase) == WORKER_THREAD_WAITS)
		burst_run(&lcore->pools);
	worker_thread_hurry();
	began = worker_thread_cpu_time();
	for (; base_load(lcore->phase) == WORKER_THREAD_WORKS; bursts++)
		burst_run(&lcore->pools);
	lcore->spent = worker_thread_cpu_time() - began;
	lcore->operations = bursts * BURST;
	worker_thread_hurry_no_more();
	rcu_reader_unregister();
}

// All ports open and idle, so that a sweep has all to look at.
static void lcore_open(struct lcore *lcore, struct proxy_set *set, uint16_t index, uint16_t count)
{
	const struct proxy_pools_options options = {
		.first_port = (uint16_t)(10000 + index * PORTS),
		.port_count = PORTS,
		.lcore_count = count,
		.lcore_index = index,
	};
	uint64_t now = clock_now();

	lcore->random = random_stream_create(NULL);
	if (!lcore->random || proxy_pools_init(&lcore->pools, set, lcore->random, &options))
		worker_thread_die("no memory");
	for (int i = 0; i < PORTS; i++)
		(void)proxy_pool_take(&lcore->pools, 0, now);
	for (uint16_t slot = 0; slot < PORTS; slot++)
		proxy_pool_give_back(&lcore->pools, slot, now);
}

static void lcore_close(struct lcore *lcore)
{
	proxy_pools_fini(&lcore->pools);
	random_stream_destroy(lcore->random);
}

static void manager_run(
	struct bench *bench, uint16_t lcore_count, enum sweep_pace pace, uint64_t time)
{
	struct proxy_pools *pools[LCORES_MOST];
	uint64_t now = clock_now();
	uint64_t until = now + time;
	uint64_t due = now;

	for (uint16_t i = 0; i < lcore_count; i++)
		pools[i] = &bench->lcores[i].pools;
	for (; now < until; now = clock_now()) {
		if (pace != SWEEP_UNPAUSED)
			worker_thread_sleep(TURN_PERIOD);
		if (pace == SWEEP_NONE)
			continue;
		(void)proxy_sweep_reap(
			pools, lcore_count, bench->scratch, BASE_ARRAY_SIZE(bench->scratch));
		if (pace == SWEEP_PACED && now < due)
			continue;
		due = now + SWEEP_PERIOD;
		for (uint16_t i = 0; i < lcore_count; i++)
			(void)proxy_sweep_mark(pools[i], now);
		bench->sweeps++;
	}
}

// Nanoseconds of a take with its give back, the mean of the lcores.
static double measure_slice(struct bench *bench, uint16_t lcore_count, enum sweep_pace pace)
{
	double cost = 0;

	base_store(&bench->phase, WORKER_THREAD_WAITS);
	for (uint16_t i = 0; i < lcore_count; i++) {
		struct lcore *lcore = &bench->lcores[i];

		*lcore = (struct lcore){.phase = &bench->phase};
		lcore_open(lcore, bench->set, i, lcore_count);
		worker_thread_start(&lcore->thread, &bench->cpus, i, lcore_run, lcore);
	}
	worker_thread_hurry_as_manager();
	base_store(&bench->phase, WORKER_THREAD_WORKS);
	manager_run(bench, lcore_count, pace, SLICE);
	base_store(&bench->phase, WORKER_THREAD_ENDS);
	worker_thread_hurry_no_more();
	for (uint16_t i = 0; i < lcore_count; i++) {
		struct lcore *lcore = &bench->lcores[i];

		worker_thread_join(&lcore->thread);
		if (lcore->pools.pools[0].open_count != PORTS)
			worker_thread_die("connections were closed");
		cost += (double)lcore->spent / (double)lcore->operations / lcore_count;
		lcore_close(lcore);
	}
	return cost;
}

static void measure(struct bench *bench, uint32_t slices)
{
	for (uint32_t slice = 0; slice < slices; slice++) {
		// The CPU that is not measured is the manager's; with two lcores it shares theirs.
		worker_thread_pin(&bench->cpus, 1);
		for (int pace = SWEEP_NONE; pace <= SWEEP_UNPAUSED; pace++)
			bench->one[pace][slice] = measure_slice(bench, 1, (enum sweep_pace)pace);
		worker_thread_unpin(&bench->cpus);
		for (int pace = SWEEP_NONE; pace <= SWEEP_PACED; pace++)
			bench->two[pace][slice] = measure_slice(bench, 2, (enum sweep_pace)pace);
	}
}

static double median_of_slices(const double *values, uint32_t count)
{
	double sorted[SLICES_MOST];

	memcpy(sorted, values, count * sizeof(*sorted));
	return median(sorted, count);
}

// Of slices that follow on each other, so that what else the machine does falls on both.
static double median_ratio(const double *values, const double *against, uint32_t count)
{
	double ratios[SLICES_MOST];

	for (uint32_t i = 0; i < count; i++)
		ratios[i] = values[i] / against[i];
	return median(ratios, count);
}

static void print_json(const struct bench *bench, uint32_t slices)
{
	const double *one = bench->one[SWEEP_NONE];
	const double *two = bench->two[SWEEP_NONE];

	printf("{\"one\": {\"alone_ns\": %.2f, \"paced_cost\": %.3f, \"unpaused_cost\": %.3f}, "
	       "\"two\": {\"alone_ns\": %.2f, \"paced_cost\": %.3f}, \"sweeps\": %llu}\n",
		median_of_slices(one, slices), median_ratio(bench->one[SWEEP_PACED], one, slices),
		median_ratio(bench->one[SWEEP_UNPAUSED], one, slices),
		median_of_slices(two, slices), median_ratio(bench->two[SWEEP_PACED], two, slices),
		(unsigned long long)bench->sweeps);
}

static void bench_open(struct bench *bench)
{
	const struct proxy_upstream_template upstream = {.endpoint.port = 53};
	const struct proxy_group_template template = {
		.settings = {.expire = EXPIRE},
		.upstreams = &upstream,
		.upstream_count = 1,
	};

	bench->set = proxy_set_create(&template, 1);
	if (!bench->set)
		worker_thread_die("no memory");
}

// usage: pool_bench [MILLISECONDS]: that each figure is measured for, 500. Prints JSON.
int main(int argc, char *argv[])
{
	static struct bench bench;
	unsigned long time = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
	uint32_t slices = (uint32_t)(time * CLOCK_MILLISECOND / SLICE);

	if (!slices || slices > SLICES_MOST)
		worker_thread_die("no such time");
	worker_cpus_find(&bench.cpus, LCORES_MOST);
	bench_open(&bench);
	measure(&bench, slices);
	proxy_set_destroy(bench.set);
	print_json(&bench, slices);
	return 0;
}
