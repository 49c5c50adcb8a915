// SPDX-License-Identifier: BSD-3-Clause
#include "forward/caches.h"

#include <errno.h>
#include <stdlib.h>

#include "rcu/rcu.h"

// The n-th directive is the n-th that a server of the configuration has for the first time.
static bool server_is_first_with(
	const struct config_server *servers, size_t at, const struct config_cache *cache)
{
	for (size_t i = 0; i < at; i++) {
		if (servers[i].cache == cache)
			return false;
	}
	return true;
}

uint16_t forward_cache_index(const struct config *config, const struct config_cache *cache)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	uint16_t index = 0;

	if (!cache)
		return FORWARD_NO_CACHE;
	for (size_t i = 0; i < count && servers[i].cache != cache; i++)
		index += servers[i].cache && server_is_first_with(servers, i, servers[i].cache);
	return index;
}

static uint32_t whole_seconds(uint64_t nanoseconds)
{
	return (uint32_t)((nanoseconds + CLOCK_SECOND - 1) / CLOCK_SECOND);
}

#define POPULARITY_GAP_MOST 8191

static uint32_t popularity_gap(const struct config_cache *rules)
{
	uint32_t gap = whole_seconds(rules->prefetch_pause);

	if (!rules->prefetch_amount)
		return 0;
	return gap < 1 ? 1 : gap > POPULARITY_GAP_MOST ? POPULARITY_GAP_MOST : gap;
}

static int cache_open(struct forward_cache *cache, const struct config_cache *rules,
	uint16_t owner_count, uint16_t lcore_count, const int *nodes, struct random_stream *random)
{
	struct cache_store_options options = {
		.bytes = rules->size,
		.owner_count = owner_count,
		.lcore_count = lcore_count,
		.nodes = nodes,
		.kinds = {{80, rules->success.capacity}, {18, rules->denial.capacity}, {2, 0}},
		.popularity_gap = popularity_gap(rules),
	};

	for (size_t i = 0; i < sizeof(options.secret); i += sizeof(uint64_t)) {
		uint64_t drawn = random_stream_u64(random);

		memcpy(options.secret + i, &drawn, sizeof(drawn));
	}
	*cache = (struct forward_cache){
		.rules = rules,
		.store = cache_store_create(&options),
		.limits =
			{
				.success_most = rules->success.ttl_most,
				.success_least = rules->success.ttl_least,
				.denial_most = rules->denial.ttl_most,
				.denial_least = rules->denial.ttl_least,
				.failure = rules->servfail_ttl,
			},
		.stale_seconds = whole_seconds(rules->stale_up_to),
		.recheck_seconds = whole_seconds(rules->stale_recheck),
	};
	return cache->store ? 0 : -errno;
}

static int caches_open(struct forward_caches *caches, const struct config *config,
	uint16_t owner_count, uint16_t lcore_count, const int *nodes, struct random_stream *random)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	caches->caches = calloc(count + 1, sizeof(*caches->caches));
	if (!caches->caches)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int error;

		if (!servers[i].cache || !server_is_first_with(servers, i, servers[i].cache))
			continue;
		error = cache_open(&caches->caches[caches->count], servers[i].cache, owner_count,
			lcore_count, nodes, random);
		if (error)
			return error;
		caches->count++;
	}
	return 0;
}

struct forward_caches *forward_caches_create(const struct config *config, uint16_t owner_count,
	uint16_t lcore_count, const int *nodes, struct random_stream *random)
{
	struct forward_caches *caches = calloc(1, sizeof(*caches));
	int error;

	if (!caches)
		return NULL;
	error = caches_open(caches, config, owner_count, lcore_count, nodes, random);
	if (!error)
		return caches;
	forward_caches_destroy(caches);
	errno = -error;
	return NULL;
}

void forward_caches_destroy(struct forward_caches *caches)
{
	if (!caches)
		return;
	for (uint16_t i = 0; i < caches->count; i++)
		cache_store_destroy(caches->caches[i].store);
	free(caches->caches);
	free(caches);
}

void forward_caches_set_wall(struct forward_caches *caches, uint64_t now, uint64_t wall)
{
	base_store(&caches->wall_offset, (uint32_t)wall - cache_seconds(now));
}

bool forward_caches_tick(struct forward_caches *caches)
{
	bool waits = false;

	for (uint16_t i = 0; i < caches->count; i++)
		waits = waits || cache_store_wants_grace_period(caches->caches[i].store);
	if (!waits)
		return false;
	for (uint16_t i = 0; i < caches->count; i++)
		cache_store_begin_grace_period(caches->caches[i].store);
	rcu_wait_grace_period();
	for (uint16_t i = 0; i < caches->count; i++)
		cache_store_end_grace_period(caches->caches[i].store);
	return true;
}
