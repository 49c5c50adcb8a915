// SPDX-License-Identifier: BSD-3-Clause
// How often a forwarded query writes to a cache line that somebody else writes, too: every store
// of two worker lcores and of the manager is looked at, on memory as the program allocates it.
// Exit status 1 when there is such a line.
//
// The manager sweeps with each connection to be looked at, and changes a path. What it changes
// in fact (a connection that it marks or closes, a path) costs lines, but no query.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "plain_lcore.h"
#include "proxy/sweep.h"
#include "store_trace.h"
#include "worker_thread.h"

#define LCORES 2
#define MANAGER LCORES
#define IN_FLIGHT 500u
#define WARM_UP_TURNS 500
#define TURNS 12

_Static_assert(MANAGER < STORE_TRACE_ACTORS, "an actor for everybody");

struct bench {
	struct plain_world world;
	struct plain_lcore lcores[LCORES];
	uint64_t now;
};

struct counts {
	uint32_t lines; // that a worker has written
	uint64_t stores; // of workers
	uint32_t shared; // lines that somebody else has written, too
	uint64_t shared_stores;
	uint32_t neighbours; // the same of the other line of a pair, which CPUs fetch along
};

// No expire of the configuration ends within the run, but each makes the sweep look.
static void bench_turn(struct bench *bench)
{
	bench->now += 50 * CLOCK_MILLISECOND;
	for (unsigned int i = 0; i < LCORES; i++) {
		store_trace_begin(i);
		plain_lcore_turn(&bench->lcores[i], IN_FLIGHT, bench->now);
		store_trace_end();
	}
}

static void bench_manage(struct bench *bench)
{
	struct proxy_pools *pools[LCORES];
	uint16_t scratch[PLAIN_BURST];

	store_trace_begin(MANAGER);
	for (int i = 0; i < LCORES; i++) {
		pools[i] = &forward_lcore_proxy(bench->lcores[i].forward)->pools;
		pools[i]->good_until = 0;
		(void)proxy_sweep_mark(pools[i], bench->now);
	}
	(void)proxy_sweep_reap(pools, LCORES, scratch, BASE_ARRAY_SIZE(scratch));
	plain_world_change_path(&bench->world);
	store_trace_end();
}

static bool is_written_by_others(const struct store_trace_line *line, unsigned int actor)
{
	for (unsigned int i = 0; i < STORE_TRACE_ACTORS; i++) {
		if (i != actor && line->stores[i])
			return true;
	}
	return false;
}

static void count_line(const struct store_trace_line *line, struct counts *counts)
{
	const struct store_trace_line *neighbour =
		store_trace_find(line->address ^ BASE_CACHE_LINE);

	for (unsigned int i = 0; i < LCORES; i++) {
		if (!line->stores[i])
			continue;
		counts->lines++;
		counts->stores += line->stores[i];
		counts->neighbours += neighbour && is_written_by_others(neighbour, i);
		if (is_written_by_others(line, i)) {
			counts->shared++;
			counts->shared_stores += line->stores[i];
		}
	}
}

static struct counts count_lines(void)
{
	struct counts counts = {0};
	const struct store_trace_line *line;
	size_t position = 0;

	while ((line = store_trace_next(&position)))
		count_line(line, &counts);
	return counts;
}

// A line that everybody writes has to be found, and how often it was written.
static void check_trace(void)
{
	uint8_t *memory = aligned_alloc(4096, 8192);
	struct counts counts;

	if (!memory)
		worker_thread_die("no memory");
	memset(memory, 0, 8192);
	store_trace_open();
	for (unsigned int actor = 0; actor < STORE_TRACE_ACTORS; actor++) {
		store_trace_begin(actor);
		((volatile uint8_t *)memory)[100]++;
		((volatile uint8_t *)memory)[4096 + BASE_CACHE_LINE * actor] = 1;
		// Into the next line, and onto the next page.
		*(volatile uint64_t *)(memory + 2044) = UINT64_C(0x0101010101010101) * (actor + 1);
		*(volatile uint64_t *)(memory + 4092) = 0;
		store_trace_end();
	}
	counts = count_lines();
	if (counts.lines != 11 || counts.shared != 10 || counts.shared_stores != 11)
		worker_thread_die("the trace does not see what it should");
	store_trace_clear();
}

int main(void)
{
	static struct bench bench = {.now = CLOCK_SECOND};
	const double queries = (double)LCORES * TURNS * PLAIN_BURST;
	struct counts counts;

	// Small pages are quicker to protect one by one.
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0))
		worker_thread_die("huge pages stay");
	plain_world_open(&bench.world, LCORES, 0);
	for (uint16_t i = 0; i < LCORES; i++)
		plain_lcore_open(&bench.lcores[i], &bench.world, i, IN_FLIGHT);
	for (int turn = 0; turn < WARM_UP_TURNS; turn++) {
		for (int i = 0; i < LCORES; i++)
			plain_lcore_turn(&bench.lcores[i], IN_FLIGHT, bench.now);
	}
	check_trace();
	for (int turn = 0; turn < TURNS; turn++) {
		bench_turn(&bench);
		bench_manage(&bench);
	}
	counts = count_lines();
	printf("{\"queries\": %.0f, \"stores_per_query\": %.1f, \"lines\": %u, "
	       "\"shared_lines\": %u, \"shared_lines_written_per_query\": %.3f, "
	       "\"neighbour_lines\": %u}\n",
		queries, (double)counts.stores / queries, counts.lines, counts.shared,
		(double)counts.shared_stores / queries, counts.neighbours);
	return counts.shared != 0;
}
