// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/stream_pool.h"

#include "proxy/pool_connections.h"
#include "proxy/sweep.h"

// Up to a tenth of the span, at random.
static uint64_t span_jitter(struct random_stream *random, uint64_t span)
{
	uint64_t part = random_stream_below(random, UINT32_MAX / 10);

	return (span >> 32) * part + ((span & UINT32_MAX) * part >> 32);
}

// A time in the past by the jitter of a span, so that the span ends earlier.
static uint64_t time_before(struct random_stream *random, uint64_t now, uint64_t span)
{
	uint64_t jitter = span_jitter(random, span);

	return jitter < now ? now - jitter : 0;
}

int proxy_stream_pools_init(struct proxy_pools *pools, const struct proxy_set *set,
	struct random_stream *random, const struct proxy_pools_options *options,
	const struct proxy_pools_events *events)
{
	int error = proxy_pools_init(pools, set, random, options);

	if (error)
		return error;
	pools->events = *events;
	pools->has_jitter = true;
	proxy_sweep_follow(pools, set);
	return 0;
}

// Queries of one turn are sent together if they are on one connection. Those of the next have another.
static void stream_pool_pass_turn(
	const struct proxy_pools *pools, struct proxy_pool *pool, uint64_t now)
{
	if (pool->turn == now)
		return;
	pool->turn = now;
	if (pool->member != PROXY_SLOT_NONE)
		pool->member = pools->connections[pool->member].next_member;
}

// Where queries may join, in turn. Those without room are not kept there, so that none is looked at
// in vain but after the limit became less.
static uint16_t stream_pool_share(
	struct proxy_pools *pools, uint16_t upstream, uint32_t limit, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];

	stream_pool_pass_turn(pools, pool, now);
	for (int looks = 0; looks < TAKE_LOOKS_MOST && pool->member != PROXY_SLOT_NONE; looks++) {
		uint16_t slot = pool->member;
		struct proxy_connection *connection = &pools->connections[slot];
		enum proxy_close_reason reason;

		if (proxy_connection_is_stale(connection, pool->settings, now, &reason)) {
			proxy_pool_retire(pools, slot, reason);
			continue;
		}
		if (connection->in_flight >= limit) {
			member_ring_remove(pools, pool, slot);
			continue;
		}
		// An idle one that was behind stale ones has its own queue.
		if (!connection->in_flight) {
			pool->member = connection->next_member;
			continue;
		}
		base_store(&connection->in_flight, connection->in_flight + 1);
		base_store(&pool->shared, pool->shared + 1);
		return slot;
	}
	return PROXY_SLOT_NONE;
}

uint16_t proxy_stream_pool_take(
	struct proxy_pools *pools, uint16_t upstream, uint32_t limit, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];
	uint16_t slot;

	if (base_unlikely(pools->is_stopped))
		return PROXY_SLOT_NONE;
	slot = connection_take_idle(pools, upstream, now);
	if (slot == PROXY_SLOT_NONE)
		slot = stream_pool_share(pools, upstream, limit, now);
	if (slot == PROXY_SLOT_NONE)
		return slot;
	base_store(&pool->in_flight, pool->in_flight + 1);
	if (pools->connections[slot].in_flight >= limit)
		member_ring_remove(pools, pool, slot);
	return slot;
}

uint16_t proxy_stream_pool_open(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	const struct proxy_pool *pool = &pools->pools[upstream];

	if (pools->is_stopped || !slot_is_to_spare(pools, pool))
		return PROXY_SLOT_NONE;
	return proxy_connection_open(pools, upstream,
		random_stream_below(pools->random, pools->free_count),
		time_before(pools->random, now, pool->settings->max_age));
}

void proxy_stream_pool_join(struct proxy_pools *pools, uint16_t slot)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	// Who comes first has opened it.
	if (connection->in_flight > 1)
		base_store(&pool->shared, pool->shared + 1);
	base_store(&connection->in_flight, connection->in_flight + 1);
	base_store(&pool->in_flight, pool->in_flight + 1);
}

// With nothing in flight, for a while or for good.
static void stream_pool_rest(struct proxy_pools *pools, uint16_t slot, uint64_t now)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];
	uint64_t expire = pool->settings->expire;

	base_store(&connection->idle_since, time_before(pools->random, now, expire));
	base_store_release(&connection->in_flight, 0);
	if (connection->is_retired)
		proxy_connection_unlink(pools, slot, connection->close_reason);
	else if (pools->is_stopped)
		proxy_connection_unlink(pools, slot, PROXY_CLOSE_STOP);
	else if (!expire)
		proxy_connection_unlink(pools, slot, PROXY_CLOSE_EXPIRE);
	else if (pool->idle_count >= pool->idle_most)
		proxy_connection_unlink(pools, slot, pool_full_reason(pool));
	else
		idle_queue_append(pools, pool, slot);
}

// One in flight less, and room again if there was none.
static void stream_pool_let_go(
	struct proxy_pools *pools, uint16_t slot, uint32_t limit, uint64_t now)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	if (!connection->is_retired && connection->next_member == PROXY_SLOT_NONE &&
		connection->in_flight <= limit)
		member_ring_insert(pools, pool, slot);
	if (connection->in_flight > 1)
		base_store(&connection->in_flight, connection->in_flight - 1);
	else
		stream_pool_rest(pools, slot, now);
}

void proxy_stream_pool_opened(
	struct proxy_pools *pools, uint16_t slot, uint32_t limit, uint64_t now)
{
	stream_pool_let_go(pools, slot, limit, now);
}

void proxy_stream_pool_give_back(
	struct proxy_pools *pools, uint16_t slot, uint32_t limit, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[pools->connections[slot].upstream];

	base_store(&pool->in_flight, pool->in_flight - 1);
	stream_pool_let_go(pools, slot, limit, now);
}
