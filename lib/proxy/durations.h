// SPDX-License-Identifier: BSD-3-Clause
// How long one upstream took to reply on one lcore, by rcode. Written by that lcore alone, with each
// reply that is used: a count and a sum, which for quick replies of NOERROR are in one cache line.
#pragma once

#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"
#include "dns/message.h"

#define PROXY_DURATION_LEAST UINT64_C(250000) // nanoseconds: the bound of the first bucket
#define PROXY_DURATION_BOUNDS 16 // each twice the one before: the last is 8.192 s
#define PROXY_DURATION_BUCKETS (PROXY_DURATION_BOUNDS + 1) // the last one has no bound

// The rcodes that say how an upstream is; all others stand together.
enum proxy_duration_rcode {
	PROXY_DURATION_NOERROR,
	PROXY_DURATION_NXDOMAIN,
	PROXY_DURATION_SERVFAIL,
	PROXY_DURATION_REFUSED,
	PROXY_DURATION_OTHER,
	PROXY_DURATION_RCODES,
};

struct proxy_duration_row {
	uint64_t sum; // nanoseconds
	uint64_t counts[PROXY_DURATION_BUCKETS]; // each reply in one of them
};

struct proxy_durations {
	struct proxy_duration_row rows[PROXY_DURATION_RCODES];
} base_aligned(BASE_CACHE_LINE);

// In nanoseconds, for the bounds 0 to PROXY_DURATION_BOUNDS - 1; a duration of just the bound is
// in its bucket.
static inline uint64_t proxy_duration_bound(uint32_t bucket)
{
	return PROXY_DURATION_LEAST << bucket;
}

static inline uint32_t proxy_duration_bucket(uint64_t nanoseconds)
{
	uint32_t bucket;

	if (nanoseconds <= PROXY_DURATION_LEAST)
		return 0;
	// How many more bits it has than the first bound, and whether it is above that power of it.
	bucket = (uint32_t)(__builtin_clzll(PROXY_DURATION_LEAST) - __builtin_clzll(nanoseconds));
	if (bucket >= PROXY_DURATION_BOUNDS)
		return PROXY_DURATION_BUCKETS - 1;
	return bucket + (nanoseconds > proxy_duration_bound(bucket));
}

static inline enum proxy_duration_rcode proxy_duration_rcode_of(const struct dns_message *reply)
{
	static const uint8_t rows[16] = {
		PROXY_DURATION_NOERROR,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_SERVFAIL,
		PROXY_DURATION_NXDOMAIN,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_REFUSED,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
		PROXY_DURATION_OTHER,
	};

	if (base_unlikely(reply->edns.rcode_high))
		return PROXY_DURATION_OTHER;
	return (enum proxy_duration_rcode)rows[reply->rcode & 15];
}

static inline void proxy_durations_count(
	struct proxy_durations *durations, const struct dns_message *reply, uint64_t nanoseconds)
{
	struct proxy_duration_row *row = &durations->rows[proxy_duration_rcode_of(reply)];
	uint64_t *count = &row->counts[proxy_duration_bucket(nanoseconds)];

	base_store(&row->sum, row->sum + nanoseconds);
	base_store(count, *count + 1);
}

// "NOERROR" to "REFUSED", and "other".
const char *proxy_duration_rcode_name(enum proxy_duration_rcode rcode);
