// SPDX-License-Identifier: BSD-3-Clause
// When the queries of a rate are due: the n-th is due n intervals after the start, whatever
// became of those before, so that one that could not go in time is late and not left out.
#pragma once

#include <stdint.h>

struct pacer {
	double interval; // cycles between two queries; 0: they are due as soon as they can go
	double per_cycle; // queries
	uint64_t start; // cycles
	uint64_t taken; // queries since
};

// `rate` queries a second, 0 for no rate, of a clock with `frequency` cycles a second.
static inline void pacer_init(struct pacer *pacer, uint64_t rate, uint64_t frequency)
{
	*pacer = (struct pacer){0};
	if (rate) {
		pacer->interval = (double)frequency / (double)rate;
		pacer->per_cycle = (double)rate / (double)frequency;
	}
}

static inline void pacer_start(struct pacer *pacer, uint64_t now)
{
	pacer->start = now;
	pacer->taken = 0;
}

// How many of at most `most` are due.
static inline uint32_t pacer_count_due(const struct pacer *pacer, uint32_t most, uint64_t now)
{
	uint64_t due;

	if (pacer->interval == 0)
		return most;
	due = (uint64_t)((double)(now - pacer->start) * pacer->per_cycle) + 1;
	if (due <= pacer->taken)
		return 0;
	return due - pacer->taken < most ? (uint32_t)(due - pacer->taken) : most;
}

// Takes the next one. Returns when it was due; with no rate, that is now.
static inline uint64_t pacer_take(struct pacer *pacer, uint64_t now)
{
	uint64_t number = pacer->taken++;

	return pacer->interval == 0 ? now
				    : pacer->start + (uint64_t)((double)number * pacer->interval);
}
