// SPDX-License-Identifier: BSD-3-Clause
#include "histogram.h"

// The largest value of a bucket.
static uint64_t bucket_end(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < 2 * HISTOGRAM_STEPS)
		return bucket;
	shift = bucket / HISTOGRAM_STEPS - 1;
	return (((uint64_t)(bucket - shift * HISTOGRAM_STEPS) + 1) << shift) - 1;
}

uint64_t histogram_quantile(const struct histogram *histogram, uint32_t parts)
{
	uint64_t wanted = (histogram->count * parts + 999999) / 1000000;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && histogram->count; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted && seen)
			return bucket_end(i) < histogram->most ? bucket_end(i) : histogram->most;
	}
	return 0;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] += other->buckets[i];
	histogram->count += other->count;
	if (other->most > histogram->most)
		histogram->most = other->most;
}
