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

static void cache_use_rules(struct forward_cache *cache, const struct config_cache *rules)
{
	cache->rules = rules;
	cache->limits = (struct cache_answer_limits){
		.success_most = rules->success.ttl_most,
		.success_least = rules->success.ttl_least,
		.denial_most = rules->denial.ttl_most,
		.denial_least = rules->denial.ttl_least,
		.failure = rules->servfail_ttl,
	};
	cache->stale_seconds = whole_seconds(rules->stale_up_to);
	cache->recheck_seconds = whole_seconds(rules->stale_recheck);
}

static int cache_open(struct forward_cache *cache, const struct config_server *server,
	uint16_t owner_count, uint16_t lcore_count, const int *nodes, struct random_stream *random)
{
	const struct config_cache *rules = server->cache;
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
		.store = cache_store_create(&options),
		.zone = server->zone,
		.port = server->port,
	};
	cache_use_rules(cache, rules);
	return cache->store ? 0 : -errno;
}

static int caches_open(struct forward_caches *caches, const struct config *config,
	uint16_t owner_count, uint16_t lcore_count, const int *nodes, struct random_stream *random)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	caches->caches = calloc(count + 1, sizeof(*caches->caches));
	caches->numbers = calloc(count + 1, sizeof(*caches->numbers));
	if (!caches->caches || !caches->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int error;

		if (!servers[i].cache || !server_is_first_with(servers, i, servers[i].cache))
			continue;
		if (caches->count == FORWARD_CACHES_MOST)
			return -E2BIG;
		error = cache_open(&caches->caches[caches->count], &servers[i], owner_count,
			lcore_count, nodes, random);
		if (error)
			return error;
		caches->numbers[caches->count] = caches->count;
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
	forward_caches_forget(caches);
}

void forward_caches_forget(struct forward_caches *caches)
{
	if (!caches)
		return;
	free(caches->numbers);
	free(caches->caches);
	free(caches);
}

// A cache that is still without a directive, FORWARD_NO_CACHE: there is none.
static uint16_t cache_find(const struct forward_caches *caches, const struct config_server *server)
{
	for (uint16_t i = 0; i < caches->count; i++) {
		const struct forward_cache *cache = &caches->caches[i];

		if (cache->is_gone && cache->port == server->port &&
			dns_name_equal(&cache->zone, &server->zone))
			return i;
	}
	return FORWARD_NO_CACHE;
}

// What the store was made for.
static bool store_fits(const struct config_cache *rules, const struct config_cache *old)
{
	return rules->size == old->size && rules->success.capacity == old->success.capacity &&
	       rules->denial.capacity == old->denial.capacity &&
	       popularity_gap(rules) == popularity_gap(old);
}

// 0, or -EBUSY.
static int cache_follow(
	struct forward_caches *caches, const struct config_server *server, uint16_t index)
{
	uint16_t number = cache_find(caches, server);

	if (number == FORWARD_NO_CACHE || !store_fits(server->cache, caches->caches[number].rules))
		return -EBUSY;
	caches->numbers[index] = number;
	caches->caches[number].is_gone = false;
	cache_use_rules(&caches->caches[number], server->cache);
	return 0;
}

static int caches_follow(
	struct forward_caches *caches, const struct config *config, unsigned int *line)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	uint16_t index = 0;

	caches->numbers = calloc(count + 1, sizeof(*caches->numbers));
	if (!caches->numbers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!servers[i].cache || !server_is_first_with(servers, i, servers[i].cache))
			continue;
		if (cache_follow(caches, &servers[i], index++)) {
			*line = servers[i].cache->line;
			return -EBUSY;
		}
	}
	return 0;
}

// Without the old configuration's memory. Queries on their way may store in it yet.
static void cache_keep_rules(struct forward_cache *cache)
{
	cache->last_rules = *cache->rules;
	cache->last_rules.zones = NULL;
	cache->last_rules.zone_count = 0;
	cache->last_rules.success.disabled = NULL;
	cache->last_rules.success.disabled_count = 0;
	cache->last_rules.denial.disabled = NULL;
	cache->last_rules.denial.disabled_count = 0;
	cache->rules = &cache->last_rules;
	cache->is_gone = true;
}

struct forward_caches *forward_caches_follow(
	const struct forward_caches *old, const struct config *config, unsigned int *line)
{
	struct forward_caches *caches = calloc(1, sizeof(*caches));
	int error = -ENOMEM;

	if (!caches)
		goto out;
	caches->caches = calloc(old->count + 1u, sizeof(*caches->caches));
	if (!caches->caches)
		goto out;
	memcpy(caches->caches, old->caches, old->count * sizeof(*caches->caches));
	caches->count = old->count;
	caches->wall_offset = old->wall_offset;
	caches->generation = old->generation + 1;
	for (uint16_t i = 0; i < caches->count; i++)
		cache_keep_rules(&caches->caches[i]);
	error = caches_follow(caches, config, line);
	if (!error)
		return caches;
out:
	forward_caches_forget(caches);
	errno = -error;
	return NULL;
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
