// SPDX-License-Identifier: BSD-3-Clause
// A histogram of times in buckets that grow with the value: the first 256 are exact, above
// that each power of two has 128, so that a quantile is off by less than 1 %.
#pragma once

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_STEPS (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count;
	uint64_t most; // the largest value
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

static inline uint32_t histogram_bucket(uint64_t value)
{
	uint32_t shift;

	if (value < 2 * HISTOGRAM_STEPS)
		return (uint32_t)value;
	shift = 63u - HISTOGRAM_STEP_BITS - (uint32_t)__builtin_clzll(value);
	return shift * HISTOGRAM_STEPS + (uint32_t)(value >> shift);
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->buckets[histogram_bucket(value)]++;
	histogram->count++;
	if (value > histogram->most)
		histogram->most = value;
}

// Adds all that `other` has.
void histogram_merge(struct histogram *histogram, const struct histogram *other);

// The least value that `parts` of a million of all values do not exceed, to within a bucket; 0
// for an empty histogram.
uint64_t histogram_quantile(const struct histogram *histogram, uint32_t parts);
