// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pool.h"

#include "proxy/pool_connections.h"
#include "rcu/rcu.h"

// Draws of a local port whose replies come to our queue. With n queues a draw misses with a
// chance of (n - 1) / n.
#define STEERED_DRAWS_MOST 64
#define NO_DRAW UINT32_MAX

void proxy_pools_steer(
	struct proxy_pools *pools, const struct net_steering *const steering[], uint16_t queue)
{
	pools->steering = steering;
	pools->queue = queue;
}

// Whether a reply from the upstream to this slot's port comes to our queue; where that is not
// known, it is as good as any.
static bool slot_is_steered(const struct proxy_pools *pools, const struct proxy_upstream *upstream,
	const struct net_path *path, uint16_t slot)
{
	const struct net_steering *steering = pools->steering[path->port];

	return !steering || net_steering_queue(steering, path->reply_hash,
				    net_address_is_ipv4(&upstream->endpoint.address),
				    proxy_pools_local_port(pools, slot)) == pools->queue;
}

// A free slot at random, by its place in free_slots, whose replies come to our queue where that
// can be known; NO_DRAW when every draw missed.
static uint32_t free_slot_draw_steered(struct proxy_pools *pools, uint16_t upstream)
{
	const struct proxy_upstream *described = &pools->set->upstreams[upstream];
	const struct net_path *path = rcu_pointer_read(described->path);

	if (!pools->steering || !path || !path->is_usable)
		return random_stream_below(pools->random, pools->free_count);
	for (int draws = 0; draws < STEERED_DRAWS_MOST; draws++) {
		uint32_t drawn = random_stream_below(pools->random, pools->free_count);

		if (slot_is_steered(pools, described, path, pools->free_slots[drawn]))
			return drawn;
	}
	return NO_DRAW;
}

static uint16_t connection_share(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];

	for (int looks = 0; looks < TAKE_LOOKS_MOST && pool->member != PROXY_SLOT_NONE; looks++) {
		uint16_t slot = pool->member;
		struct proxy_connection *connection = &pools->connections[slot];
		enum proxy_close_reason reason;

		if (proxy_connection_is_stale(connection, pool->settings, now, &reason)) {
			// Not to be looked at again.
			proxy_pool_retire(pools, slot, reason);
			continue;
		}
		pool->member = connection->next_member;
		if (!connection->in_flight)
			continue;
		base_store(&connection->in_flight, connection->in_flight + 1);
		base_store(&pool->shared, pool->shared + 1);
		return slot;
	}
	return PROXY_SLOT_NONE;
}

// From now on busy ones may be shared, this one too.
static uint16_t connection_open_member(
	struct proxy_pools *pools, uint16_t upstream, uint32_t drawn, uint64_t now)
{
	uint16_t slot = proxy_connection_open(pools, upstream, drawn, now);

	member_ring_insert(pools, &pools->pools[upstream], slot);
	return slot;
}

static uint16_t connection_open_steered(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	uint32_t drawn;

	if (!slot_is_to_spare(pools, &pools->pools[upstream]))
		return PROXY_SLOT_NONE;
	drawn = free_slot_draw_steered(pools, upstream);
	if (drawn == NO_DRAW)
		return PROXY_SLOT_NONE;
	return connection_open_member(pools, upstream, drawn, now);
}

static uint16_t connection_open_any(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	if (!slot_is_to_spare(pools, &pools->pools[upstream]))
		return PROXY_SLOT_NONE;
	return connection_open_member(
		pools, upstream, random_stream_below(pools->random, pools->free_count), now);
}

uint16_t proxy_pool_take(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];
	uint16_t slot;

	if (base_unlikely(pools->is_stopped))
		return PROXY_SLOT_NONE;
	slot = connection_take_idle(pools, upstream, now);
	if (slot == PROXY_SLOT_NONE)
		slot = connection_open_steered(pools, upstream, now);
	// Once the ports of our queue are used up, sharing costs less than hops.
	if (slot == PROXY_SLOT_NONE)
		slot = connection_share(pools, upstream, now);
	if (slot == PROXY_SLOT_NONE && pools->steering)
		slot = connection_open_any(pools, upstream, now);
	if (slot != PROXY_SLOT_NONE)
		base_store(&pool->in_flight, pool->in_flight + 1);
	return slot;
}

uint16_t proxy_pool_take_own(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];
	uint32_t drawn;
	uint16_t slot;

	if (pools->is_stopped)
		return PROXY_SLOT_NONE;
	if (slot_is_to_spare(pools, pool)) {
		drawn = free_slot_draw_steered(pools, upstream);
		if (drawn == NO_DRAW)
			drawn = random_stream_below(pools->random, pools->free_count);
		slot = proxy_connection_open(pools, upstream, drawn, now);
		proxy_pool_retire(pools, slot, PROXY_CLOSE_CHECK);
	} else {
		slot = connection_share(pools, upstream, now);
	}
	if (slot != PROXY_SLOT_NONE)
		base_store(&pool->in_flight, pool->in_flight + 1);
	return slot;
}

void proxy_pool_give_back(struct proxy_pools *pools, uint16_t slot, uint64_t now)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	base_store(&pool->in_flight, pool->in_flight - 1);
	if (connection->in_flight > 1) {
		base_store(&connection->in_flight, connection->in_flight - 1);
		return;
	}
	base_store(&connection->idle_since, now);
	base_store_release(&connection->in_flight, 0);
	if (base_unlikely(connection->is_retired))
		proxy_connection_unlink(pools, slot, connection->close_reason);
	else if (base_unlikely(pools->is_stopped))
		proxy_connection_unlink(pools, slot, PROXY_CLOSE_STOP);
	else if (!pool->settings->expire)
		proxy_connection_unlink(pools, slot, PROXY_CLOSE_EXPIRE);
	else if (pool->idle_count >= pool->idle_most)
		proxy_connection_unlink(pools, slot, pool_full_reason(pool));
	else
		idle_queue_append(pools, pool, slot);
}
