// SPDX-License-Identifier: BSD-3-Clause
// What a line of memory costs one core that asks for lines at random, out of so much memory: one after
// the other, each saying where the next one is, and many at once, as the path of a query fetches
// them ahead. What queries in flight leave behind in memory can not be had for less.
//
// usage: memory_lines BYTES     prints JSON
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/table_memory.h"
#include "median.h"
#include "worker_thread.h"

#define LINES_A_PASS 400000u
#define PASSES 15
#define BYTES_MOST (UINT64_C(1) << 31)

struct line {
	uint32_t next;
} base_aligned(BASE_CACHE_LINE);

struct bench {
	struct line *lines;
	uint32_t count;
	uint64_t drawn;
	uint32_t sink; // so that no load is left out
};

// Of a xorshift generator: cheap beside a load.
static uint32_t draw_below(struct bench *bench, uint32_t limit)
{
	bench->drawn ^= bench->drawn << 13;
	bench->drawn ^= bench->drawn >> 7;
	bench->drawn ^= bench->drawn << 17;
	return (uint32_t)((bench->drawn >> 32) * limit >> 32);
}

// One cycle through all lines, in an order that a CPU can not guess (Sattolo's algorithm).
static void link_lines(struct bench *bench)
{
	for (uint32_t i = 0; i < bench->count; i++)
		bench->lines[i].next = i;
	for (uint32_t i = bench->count - 1; i > 0; i--) {
		uint32_t other = draw_below(bench, i);
		uint32_t next = bench->lines[i].next;

		bench->lines[i].next = bench->lines[other].next;
		bench->lines[other].next = next;
	}
}

static void follow_lines(struct bench *bench)
{
	uint32_t at = bench->sink % bench->count;

	for (uint32_t i = 0; i < LINES_A_PASS; i++)
		at = bench->lines[at].next;
	bench->sink = at;
}

static void fetch_lines(struct bench *bench)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < LINES_A_PASS; i++)
		sum += bench->lines[draw_below(bench, bench->count)].next;
	bench->sink = sum;
}

// Nanoseconds a line, the median of the passes.
static double measure(struct bench *bench, void (*pass)(struct bench *bench))
{
	double spent[PASSES];

	worker_thread_hurry();
	pass(bench);
	for (int i = 0; i < PASSES; i++) {
		uint64_t start = clock_now();

		pass(bench);
		spent[i] = (double)(clock_now() - start) / LINES_A_PASS;
	}
	worker_thread_hurry_no_more();
	return median(spent, PASSES);
}

int main(int argc, char *argv[])
{
	uint64_t bytes = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
	struct bench bench = {
		.count = (uint32_t)(bytes / BASE_CACHE_LINE), .drawn = 88172645463325252};
	double one_by_one, at_once;

	if (bytes < 2 * BASE_CACHE_LINE || bytes > BYTES_MOST)
		worker_thread_die("usage: memory_lines BYTES");
	bench.lines = table_memory_allocate(bench.count * sizeof(*bench.lines));
	if (!bench.lines)
		worker_thread_die("no memory");
	link_lines(&bench);
	one_by_one = measure(&bench, follow_lines);
	at_once = measure(&bench, fetch_lines);
	printf("{\"bytes\": %" PRIu64 ", \"line_ns\": %.1f, \"line_at_once_ns\": %.2f}\n", bytes,
		one_by_one, at_once);
	free(bench.lines);
	return bench.sink == UINT32_MAX;
}
