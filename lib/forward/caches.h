// SPDX-License-Identifier: BSD-3-Clause
// The caches of a configuration: a store for each `cache` directive. Made and ended by the
// management lcore, while no worker runs; between, workers use the stores.
//
// A changed configuration has new caches, published under RCU, with the same stores. A cache stays
// where its directive stands in a block of the same first zone and port, the n-th of such, and keeps
// its number and its answers. One that the configuration has no more keeps both, too: nobody is
// led to it, and its answers are there when it comes back.
#pragma once

#include "base/random.h"
#include "cache/answer.h"
#include "cache/store.h"
#include "config/config.h"

#define FORWARD_NO_CACHE UINT16_MAX
#define FORWARD_CACHES_MOST 256 // that a run can come to have

struct forward_cache {
	const struct config_cache *rules; // of the configuration, or those that follow
	struct config_cache last_rules; // of a cache that the configuration has no more
	bool is_gone;
	struct dns_name zone; // the first of its block, with the port
	uint16_t port;
	struct cache_store *store;
	struct cache_answer_limits limits;
	uint32_t stale_seconds; // that an answer is kept past its end
	uint32_t recheck_seconds; // after a failed refresh
};

struct forward_caches {
	struct forward_cache *caches;
	uint16_t count;
	uint16_t *numbers; // by forward_cache_index()
	uint64_t generation;
	// Seconds since 1970 less cache_seconds(now), modulo 2^32. Written by the manager.
	uint32_t wall_offset;
};

// With a store each, of which lcores 0 to `owner_count` - 1 own a part (the workers: who may sleep
// is no owner) and all `lcore_count` store and look up; `nodes` as in cache_store_options. The secrets come
// from `random`. `config` must live longer. NULL with errno: ENOMEM, or EINVAL for a size that is
// too small for so many lcores.
struct forward_caches *forward_caches_create(const struct config *config, uint16_t owner_count,
	uint16_t lcore_count, const int *nodes, struct random_stream *random);
void forward_caches_destroy(struct forward_caches *caches);

// The caches of a configuration that comes after that of `old`, which stays as it is, and whose stores
// these take over. NULL with errno: ENOMEM; EBUSY with *line that of a directive that can not be
// changed so: of another size, capacity or pause of prefetches, or of a new cache.
struct forward_caches *forward_caches_follow(
	const struct forward_caches *old, const struct config *config, unsigned int *line);
// Frees what another has taken over the stores of, after a grace period; or, before it was
// published, the one that took them.
void forward_caches_forget(struct forward_caches *caches);

// `wall`: seconds since 1970 at `now`. The manager's, at the start and every second or so.
void forward_caches_set_wall(struct forward_caches *caches, uint64_t now, uint64_t wall);

// Waits for one grace period if any store wants one, for all of them; true if it did. The
// manager's, about every millisecond.
bool forward_caches_tick(struct forward_caches *caches);

// The number of a directive among those of the configuration, FORWARD_NO_CACHE for NULL.
uint16_t forward_cache_index(const struct config *config, const struct config_cache *cache);
