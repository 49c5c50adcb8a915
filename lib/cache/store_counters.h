// SPDX-License-Identifier: BSD-3-Clause
// What a cache counts. One set an lcore, written by that lcore alone, read by any. For all lcores
// together, when no ring holds anything:
//   inserted = held + replaced + all of the group removed
// and every answer given to cache_store_insert() is in one of inserted or the group dropped.
#pragma once

#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"

enum cache_counter_group {
	CACHE_GROUP_LOOKUP,
	CACHE_GROUP_INSERT,
	CACHE_GROUP_REMOVED,
	CACHE_GROUP_DROPPED,
	CACHE_GROUP_REFRESH,
};

// X(constant, name, group, what it counts)
#define CACHE_COUNTER_LIST(X)                                                                      \
	X(HITS_SUCCESS, hits_success, LOOKUP, "lookups that found a positive answer")              \
	X(HITS_DENIAL, hits_denial, LOOKUP, "lookups that found a denial")                         \
	X(HITS_SERVFAIL, hits_servfail, LOOKUP, "lookups that found a server failure")             \
	X(FOUND_STALE, found_stale, LOOKUP, "lookups that found a stale answer alone")             \
	X(MISSES, misses, LOOKUP, "lookups that found nothing")                                    \
	X(INSERTED_SUCCESS, inserted_success, INSERT, "positive answers stored")                   \
	X(INSERTED_DENIAL, inserted_denial, INSERT, "denials stored")                              \
	X(INSERTED_SERVFAIL, inserted_servfail, INSERT, "server failures stored")                  \
	X(REPLACED, replaced, INSERT, "answers that a newer one took the place of")                \
	X(PASSED, passed, INSERT, "answers handed to the lcore that owns their partition")         \
	X(REMEMBERED, remembered, INSERT, "stored as useful at once: evicted a short while ago")   \
	X(PROMOTED, promoted, INSERT, "found useful when they came to the end of the small queue") \
	X(EVICTED_SMALL, evicted_small, REMOVED, "evicted: new, and not asked for again")          \
	X(EVICTED_MAIN, evicted_main, REMOVED, "evicted: not asked for in a long while")           \
	X(EVICTED_BUCKET, evicted_bucket, REMOVED, "evicted: their bucket of the index was full")  \
	X(EVICTED_EXPIRED, evicted_expired, REMOVED, "removed: no use any more, not even stale")   \
	X(FLUSHED, flushed, REMOVED, "removed by a flush")                                         \
	X(DROPPED_RING_FULL, dropped_ring_full, DROPPED, "not stored: the ring to the owner full") \
	X(DROPPED_NO_CELL, dropped_no_cell, DROPPED,                                               \
		"not stored: no free cell, a grace period "                                        \
		"was late")                                                                        \
	X(DROPPED_TOO_LONG, dropped_too_long, DROPPED,                                             \
		"not stored: longer than a ring or the "                                           \
		"share of its kind holds")                                                         \
	X(DROPPED_FLUSHED, dropped_flushed, DROPPED, "not stored: a flush came between")           \
	X(DROPPED_KEPT, dropped_kept, DROPPED,                                                     \
		"not stored: a server failure, and there is an "                                   \
		"answer to serve stale")                                                           \
	X(REFRESH_ASKED, refresh_asked, REFRESH, "refreshes asked for by a reader")                \
	X(REFRESH_CLAIMED, refresh_claimed, REFRESH, "refreshes begun by the owner")

enum cache_counter {
#define X(constant, name, group, help) CACHE_COUNT_##constant,
	CACHE_COUNTER_LIST(X)
#undef X
	CACHE_COUNTERS,
};

struct cache_counters {
	uint64_t values[CACHE_COUNTERS];
} base_aligned(BASE_CACHE_LINE_PAIR);

static inline uint64_t cache_counters_read(
	const struct cache_counters *counters, enum cache_counter counter)
{
	return base_load(&counters->values[counter]);
}

const char *cache_counter_name(enum cache_counter counter);
const char *cache_counter_help(enum cache_counter counter);
enum cache_counter_group cache_counter_group(enum cache_counter counter);
