// SPDX-License-Identifier: BSD-3-Clause
// What taking connections for datagrams (pool.c) and for streams (stream_pool.c) have in common;
// nobody else includes this. All of it is the owner's.
#pragma once

#include "proxy/pool.h"

// How many stale connections one take looks at, and how many busy ones: a burst's time is
// bounded. The sweep gets the rest.
#define TAKE_LOOKS_MOST 8

static inline void idle_queue_append(
	struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
{
	struct proxy_connection *connection = &pools->connections[slot];

	connection->next_idle = PROXY_SLOT_NONE;
	connection->previous_idle = pool->idle_tail;
	if (pool->idle_tail == PROXY_SLOT_NONE)
		pool->idle_head = slot;
	else
		pools->connections[pool->idle_tail].next_idle = slot;
	pool->idle_tail = slot;
	base_store(&pool->idle_count, pool->idle_count + 1);
}

static inline void idle_queue_remove(
	struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
{
	const struct proxy_connection *connection = &pools->connections[slot];

	if (connection->previous_idle == PROXY_SLOT_NONE)
		pool->idle_head = connection->next_idle;
	else
		pools->connections[connection->previous_idle].next_idle = connection->next_idle;
	if (connection->next_idle == PROXY_SLOT_NONE)
		pool->idle_tail = connection->previous_idle;
	else
		pools->connections[connection->next_idle].previous_idle = connection->previous_idle;
	base_store(&pool->idle_count, pool->idle_count - 1);
}

static inline void member_ring_insert(
	struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_connection *after;

	if (pool->member == PROXY_SLOT_NONE) {
		connection->next_member = slot;
		connection->previous_member = slot;
		pool->member = slot;
		return;
	}
	after = &pools->connections[pool->member];
	connection->next_member = after->next_member;
	connection->previous_member = pool->member;
	pools->connections[after->next_member].previous_member = slot;
	after->next_member = slot;
}

// Does nothing to a connection that is not in it.
static inline void member_ring_remove(
	struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
{
	struct proxy_connection *connection = &pools->connections[slot];
	uint16_t next = connection->next_member;

	if (next == PROXY_SLOT_NONE)
		return;
	connection->next_member = PROXY_SLOT_NONE;
	if (next == slot) {
		pool->member = PROXY_SLOT_NONE;
		return;
	}
	pools->connections[next].previous_member = connection->previous_member;
	pools->connections[connection->previous_member].next_member = next;
	if (pool->member == slot)
		pool->member = next;
}

// Takes the connection, with nothing in flight and in no idle queue, out of its pool, and hands
// it to the management lcore. The connection is still good memory until this lcore is quiescent.
void proxy_connection_unlink(
	struct proxy_pools *pools, uint16_t slot, enum proxy_close_reason reason);

// Whether this pool may have one more slot: below its guarantee always, above it while enough
// stay free for the guarantees of the others.
static inline bool slot_is_to_spare(const struct proxy_pools *pools, const struct proxy_pool *pool)
{
	return (pool->slots_held < pools->guarantee && pools->free_count) ||
	       pools->free_count > pools->reserved;
}

// Why a connection that comes back to a full idle queue is closed.
static inline enum proxy_close_reason pool_full_reason(const struct proxy_pool *pool)
{
	return pool->is_leaving ? PROXY_CLOSE_RELOAD : PROXY_CLOSE_MAX_IDLE;
}

// Opens a connection, with one in flight and in neither queue nor ring, on the free slot at this
// place in free_slots, with one to spare.
uint16_t proxy_connection_open(
	struct proxy_pools *pools, uint16_t upstream, uint32_t drawn, uint64_t now);

// The one that has been idle longest, or PROXY_SLOT_NONE.
static inline uint16_t connection_take_idle(
	struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];

	for (int looks = 0; looks < TAKE_LOOKS_MOST; looks++) {
		uint16_t slot = pool->idle_head;
		enum proxy_close_reason reason;

		if (slot == PROXY_SLOT_NONE)
			return PROXY_SLOT_NONE;
		idle_queue_remove(pools, pool, slot);
		if (!proxy_connection_is_stale(
			    &pools->connections[slot], pool->settings, now, &reason)) {
			base_store(&pools->connections[slot].in_flight, 1);
			base_store(&pool->reused, pool->reused + 1);
			return slot;
		}
		proxy_connection_unlink(pools, slot, reason);
	}
	return PROXY_SLOT_NONE;
}
