// SPDX-License-Identifier: BSD-3-Clause
// Forwarded queries a second of one worker lcore and of two, each with a source of queries and a
// sink that answers as the upstreams of its own, in plain memory; the manager sweeps at its pace
// and changes a path, with a grace period, after each sweep.
//
// Two yardsticks say what the machine has to give in the same run: the same threads on a loop that
// changes lines of its own memory, as much as a worker lcore goes round in, and on one that only
// computes. Neither shares anything. All are measured for short whiles in turn, in time of the
// CPU: in a virtual machine, what the CPU gives changes every few milliseconds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "plain_lcore.h"
#include "proxy/sweep.h"
#include "rcu/rcu.h"
#include "median.h"
#include "worker_thread.h"

#define LCORES 2
#define IN_FLIGHT 1000u
#define WHILE (5 * CLOCK_MILLISECOND)
#define WHILES_MOST 10000
#define TURNS_BETWEEN_LOOKS 4 // at the clock
#define WARM_UP (2 * CLOCK_MILLISECOND)
// As app/manager.c does.
#define SWEEP_PERIOD (250 * CLOCK_MILLISECOND)
#define TURN_PERIOD CLOCK_MILLISECOND
// A thousand queries in flight: 256 bytes each, and the lines of connection, row and timer.
#define FOOTPRINT_LINES 8192u
#define YARDSTICK_STEPS 1024

struct lcore {
	struct plain_lcore plain;
	void (*turn)(struct lcore *lcore); // what is measured
	const uint32_t *phase;
	struct worker_thread thread;
	double rate; // turns a second of the CPU
	bool is_done; // written by the thread
	uint64_t *lines; // of the yardstick
	uint64_t state[4];
} base_aligned(BASE_CACHE_LINE_PAIR);

enum subject {
	SUBJECT_QUERIES,
	SUBJECT_MEMORY,
	SUBJECT_REGISTERS,
	SUBJECTS,
};

struct bench {
	cpu_set_t cpus;
	struct plain_world worlds[LCORES]; // of one lcore, and of two
	struct lcore alone;
	struct lcore both[LCORES];
	uint32_t phase base_aligned(BASE_CACHE_LINE_PAIR); // enum worker_thread_phase
	uint64_t sweep_due base_aligned(BASE_CACHE_LINE_PAIR);
	uint16_t scratch[UINT16_MAX];
	// Turns a second of one lcore, by subject and lcores - 1, in each while of each lcore.
	double rates[SUBJECTS][LCORES][LCORES * WHILES_MOST];
};

static void queries_turn(struct lcore *lcore)
{
	plain_lcore_turn(&lcore->plain, IN_FLIGHT, clock_now());
	rcu_reader_quiescent();
}

static inline uint64_t scramble(uint64_t value)
{
	value ^= value << 13;
	value ^= value >> 7;
	return value ^ value << 17;
}

// Four at once, so that few units of the CPU are idle.
static void registers_turn(struct lcore *lcore)
{
	uint64_t state[4];

	memcpy(state, lcore->state, sizeof(state));
	for (int i = 0; i < YARDSTICK_STEPS; i++) {
		for (int j = 0; j < 4; j++)
			state[j] = scramble(state[j]);
	}
	memcpy(lcore->state, state, sizeof(state));
}

static void memory_turn(struct lcore *lcore)
{
	uint64_t state = lcore->state[0];

	for (int i = 0; i < YARDSTICK_STEPS; i++) {
		state = scramble(state);
		lcore->lines[state % FOOTPRINT_LINES * (BASE_CACHE_LINE / sizeof(uint64_t))]++;
	}
	lcore->state[0] = state;
}

static void lcore_measure(struct lcore *lcore)
{
	uint64_t began = worker_thread_cpu_time();
	uint64_t spent = 0;
	uint64_t turns = 0;

	while (spent < WHILE) {
		for (int i = 0; i < TURNS_BETWEEN_LOOKS; i++)
			lcore->turn(lcore);
		turns += TURNS_BETWEEN_LOOKS;
		spent = worker_thread_cpu_time() - began;
	}
	lcore->rate = (double)turns * CLOCK_SECOND / (double)spent;
}

// It works before and behind, too, so that all lcores work while one is measured.
static void lcore_run(void *argument)
{
	struct lcore *lcore = argument;

	rcu_reader_register();
	worker_thread_is_ready(&lcore->thread);
	while (base_load(lcore->phase) == WORKER_THREAD_WAITS) {
		lcore->turn(lcore);
		rcu_reader_quiescent();
	}
	worker_thread_hurry();
	lcore_measure(lcore);
	base_store(&lcore->is_done, true);
	while (base_load(lcore->phase) == WORKER_THREAD_WORKS)
		lcore->turn(lcore);
	worker_thread_hurry_no_more();
	rcu_reader_unregister();
}

static bool all_are_done(struct lcore *lcores[], uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		if (!base_load(&lcores[i]->is_done))
			return false;
	}
	return true;
}

static void manager_run(struct bench *bench, struct lcore *lcores[], uint16_t count)
{
	struct proxy_pools *pools[LCORES];

	for (uint16_t i = 0; i < count; i++)
		pools[i] = &forward_lcore_proxy(lcores[i]->plain.forward)->pools;
	while (!all_are_done(lcores, count)) {
		uint64_t now = clock_now();

		worker_thread_sleep(TURN_PERIOD);
		if (lcores[0]->turn != queries_turn)
			continue;
		(void)proxy_sweep_reap(
			pools, count, bench->scratch, BASE_ARRAY_SIZE(bench->scratch));
		if (now < bench->sweep_due)
			continue;
		bench->sweep_due = now + SWEEP_PERIOD;
		for (uint16_t i = 0; i < count; i++)
			(void)proxy_sweep_mark(pools[i], now);
		plain_world_change_path(&bench->worlds[count - 1]);
	}
}

// One while of the lcores at once, the first of them on the `first`-th CPU.
static void measure_while(struct bench *bench, struct lcore *lcores[], uint16_t count, int first)
{
	base_store(&bench->phase, WORKER_THREAD_WAITS);
	for (uint16_t i = 0; i < count; i++) {
		lcores[i]->phase = &bench->phase;
		lcores[i]->is_done = false;
		worker_thread_start(&lcores[i]->thread, &bench->cpus, (first + i) % LCORES,
			lcore_run, lcores[i]);
	}
	worker_thread_sleep(WARM_UP);
	worker_thread_hurry_as_manager();
	base_store(&bench->phase, WORKER_THREAD_WORKS);
	manager_run(bench, lcores, count);
	base_store(&bench->phase, WORKER_THREAD_ENDS);
	worker_thread_hurry_no_more();
	for (uint16_t i = 0; i < count; i++)
		worker_thread_join(&lcores[i]->thread);
}

static void measure(struct bench *bench, uint32_t whiles)
{
	static void (*const turns[SUBJECTS])(struct lcore *) = {
		queries_turn, memory_turn, registers_turn};
	struct lcore *alone[] = {&bench->alone};
	struct lcore *both[] = {&bench->both[0], &bench->both[1]};

	for (uint32_t i = 0; i < whiles * SUBJECTS; i++) {
		uint32_t subject = i % SUBJECTS;
		uint32_t turn = i / SUBJECTS;

		// One lcore is on each of the CPUs in turn.
		bench->alone.turn = turns[subject];
		measure_while(bench, alone, 1, (int)turn % LCORES);
		bench->rates[subject][0][turn] = bench->alone.rate;
		for (int j = 0; j < LCORES; j++)
			both[j]->turn = turns[subject];
		measure_while(bench, both, LCORES, (int)turn % LCORES);
		for (uint32_t j = 0; j < LCORES; j++)
			bench->rates[subject][1][LCORES * turn + j] = both[j]->rate;
	}
}

static void lcore_open(struct lcore *lcore, struct plain_world *world, uint16_t index)
{
	size_t bytes = FOOTPRINT_LINES * BASE_CACHE_LINE;

	plain_lcore_open(&lcore->plain, world, index, IN_FLIGHT);
	lcore->lines = aligned_alloc(BASE_CACHE_LINE_PAIR, bytes);
	if (!lcore->lines)
		worker_thread_die("no memory");
	memset(lcore->lines, 0, bytes);
	for (uint64_t i = 0; i < BASE_ARRAY_SIZE(lcore->state); i++)
		lcore->state[i] = i + 1;
}

static void lcore_close(struct lcore *lcore)
{
	if (lcore->plain.lost)
		worker_thread_die("frames were dropped");
	plain_lcore_close(&lcore->plain);
	free(lcore->lines);
}

// Of all lcores together.
static double rate(struct bench *bench, enum subject subject, uint32_t lcores, uint32_t whiles)
{
	double *rates = bench->rates[subject][lcores - 1];
	size_t count = (size_t)lcores * whiles;

	return median(rates, count) * lcores;
}

static double speedup(struct bench *bench, enum subject subject, uint32_t whiles)
{
	return rate(bench, subject, LCORES, whiles) / rate(bench, subject, 1, whiles);
}

static void print_json(struct bench *bench, uint32_t whiles)
{
	printf("{\"one\": %.0f, \"two\": %.0f, \"speedup\": %.3f, "
	       "\"speedup_yardstick\": %.3f, \"speedup_registers\": %.3f}\n",
		rate(bench, SUBJECT_QUERIES, 1, whiles) * PLAIN_BURST,
		rate(bench, SUBJECT_QUERIES, LCORES, whiles) * PLAIN_BURST,
		speedup(bench, SUBJECT_QUERIES, whiles), speedup(bench, SUBJECT_MEMORY, whiles),
		speedup(bench, SUBJECT_REGISTERS, whiles));
}

// usage: scale_bench [MILLISECONDS]: that each figure is measured for, 500. Prints JSON.
int main(int argc, char *argv[])
{
	static struct bench bench;
	unsigned long time = argc > 1 ? strtoul(argv[1], NULL, 10) : 500;
	uint32_t whiles = (uint32_t)(time * CLOCK_MILLISECOND / WHILE);

	if (!whiles || whiles > WHILES_MOST)
		worker_thread_die("no such time");
	worker_cpus_find(&bench.cpus, LCORES);
	for (uint16_t i = 0; i < LCORES; i++)
		plain_world_open(&bench.worlds[i], (uint16_t)(i + 1), 0);
	lcore_open(&bench.alone, &bench.worlds[0], 0);
	for (uint16_t i = 0; i < LCORES; i++)
		lcore_open(&bench.both[i], &bench.worlds[1], i);
	measure(&bench, whiles);
	print_json(&bench, whiles);
	lcore_close(&bench.alone);
	for (uint16_t i = 0; i < LCORES; i++)
		lcore_close(&bench.both[i]);
	for (uint16_t i = 0; i < LCORES; i++)
		plain_world_close(&bench.worlds[i]);
	return 0;
}
