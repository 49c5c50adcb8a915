// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pool_connections.h"

#include <string.h>

#include "base/poison.h"
#include "base/table_memory.h"
#include "proxy/sweep.h"

static int pools_allocate(struct proxy_pools *pools, uint32_t slots, uint32_t upstreams)
{
	pools->connections =
		table_memory_allocate_zeroed((size_t)slots * sizeof(*pools->connections));
	pools->pools = table_memory_allocate_zeroed(upstreams * sizeof(*pools->pools));
	pools->states = table_memory_allocate_zeroed(slots * sizeof(*pools->states));
	pools->slots_good_until =
		table_memory_allocate_zeroed(slots * sizeof(*pools->slots_good_until));
	pools->free_slots = table_memory_allocate_zeroed(slots * sizeof(*pools->free_slots));
	pools->holders = table_memory_allocate_zeroed(slots * sizeof(*pools->holders));
	if (!pools->connections || !pools->pools || !pools->states || !pools->slots_good_until ||
		!pools->free_slots || !pools->holders ||
		handle_ring_init(&pools->from_manager, 2 * slots) ||
		handle_ring_init(&pools->to_manager, slots))
		return -ENOMEM;
	return 0;
}

static void pool_reset(struct proxy_pool *pool)
{
	*pool = (struct proxy_pool){
		.idle_head = PROXY_SLOT_NONE,
		.idle_tail = PROXY_SLOT_NONE,
		.member = PROXY_SLOT_NONE,
	};
}

static void pool_adopt(struct proxy_pools *pools, uint16_t number)
{
	const struct proxy_upstream *upstream = &pools->set->upstreams[number];
	struct proxy_pool *pool = &pools->pools[number];
	uint32_t most;

	// Whoever had the number before has left nothing behind but counts.
	if (pools->set->upstreams_since[number] > pools->generation)
		pool_reset(pool);
	pool->settings = NULL;
	if (upstream->presence == PROXY_FREE)
		return;
	pool->settings = &pools->set->groups[upstream->group].settings;
	pool->is_leaving = upstream->presence == PROXY_LEAVES;
	most = pool->settings->max_idle_conns;
	pool->idle_most = UINT32_MAX;
	if (pool->is_leaving)
		pool->idle_most = 0;
	else if (most)
		pool->idle_most = proxy_limit_share(most, pools->lcore_count, pools->lcore_index);
}

// The slots are shared anew among the upstreams that there are.
static void pools_share_slots(struct proxy_pools *pools)
{
	const struct proxy_set *set = pools->set;
	uint32_t halves = 2u * (set->upstreams_used ? set->upstreams_used : 1);
	uint32_t reserved = 0;

	pools->guarantee = (uint16_t)(pools->slot_count >= halves ? pools->slot_count / halves : 1);
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		uint16_t held = pools->pools[i].slots_held;

		if (set->upstreams[i].presence != PROXY_FREE && held < pools->guarantee)
			reserved += (uint32_t)pools->guarantee - held;
	}
	pools->reserved = (uint16_t)reserved;
}

void proxy_pools_adopt(struct proxy_pools *pools, const struct proxy_set *set)
{
	uint16_t count = set->upstream_count;

	if (pools->set->upstream_count > count)
		count = pools->set->upstream_count;
	pools->set = set;
	for (uint16_t i = 0; i < count; i++)
		pool_adopt(pools, i);
	pools_share_slots(pools);
	pools->generation = set->generation;
}

int proxy_pools_init(struct proxy_pools *pools, const struct proxy_set *set,
	struct random_stream *random, const struct proxy_pools_options *options)
{
	uint16_t slots = options->port_count;

	if (slots < set->upstreams_used || !slots || !options->lcore_count ||
		(uint32_t)options->first_port + slots > UINT16_MAX + 1u ||
		slots >= PROXY_SLOT_STREAM)
		return -EINVAL;
	*pools = (struct proxy_pools){
		.set = set,
		.random = random,
		.first_port = options->first_port,
		.slot_count = slots,
		.free_count = slots,
		.lcore_count = options->lcore_count,
		.lcore_index = options->lcore_index,
	};
	if (pools_allocate(pools, slots, set->upstream_capacity) != 0) {
		proxy_pools_fini(pools);
		return -ENOMEM;
	}
	proxy_pools_adopt(pools, set);
	proxy_sweep_follow(pools, set);
	for (uint16_t i = 0; i < slots; i++)
		pools->free_slots[i] = i;
	base_poison(pools->connections, slots * sizeof(*pools->connections));
	return 0;
}

void proxy_pools_fini(struct proxy_pools *pools)
{
	if (pools->connections)
		base_unpoison(pools->connections, pools->slot_count * sizeof(*pools->connections));
	free(pools->connections);
	free(pools->pools);
	free(pools->states);
	free(pools->slots_good_until);
	free(pools->free_slots);
	free(pools->holders);
	handle_ring_fini(&pools->from_manager);
	handle_ring_fini(&pools->to_manager);
	*pools = (struct proxy_pools){0};
}

void proxy_connection_unlink(
	struct proxy_pools *pools, uint16_t slot, enum proxy_close_reason reason)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	member_ring_remove(pools, pool, slot);
	connection->is_retired = true;
	base_store(&pool->open_count, pool->open_count - 1);
	base_store(&pool->closed[reason], pool->closed[reason] + 1);
	base_store(&pools->states[slot], PROXY_SLOT_UNLINKED);
	// The ring has room for every slot, and a slot is unlinked once between two closes.
	(void)handle_ring_push(&pools->to_manager, slot);
	if (pools->events.unlinked)
		pools->events.unlinked(pools->events.context, slot);
}

uint16_t proxy_connection_open(
	struct proxy_pools *pools, uint16_t upstream, uint32_t drawn, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];
	struct proxy_connection *connection;
	uint16_t slot;

	if (pool->slots_held < pools->guarantee)
		pools->reserved--;
	base_store(&pool->slots_held, (uint16_t)(pool->slots_held + 1));
	slot = pools->free_slots[drawn];
	pools->free_slots[drawn] = pools->free_slots[--pools->free_count];
	pools->holders[slot] = upstream;
	connection = &pools->connections[slot];
	base_unpoison(connection, sizeof(*connection));
	*connection = (struct proxy_connection){
		.opened_at = now,
		.idle_since = now,
		.in_flight = 1,
		.upstream = upstream,
		.next_member = PROXY_SLOT_NONE,
	};
	base_store(&pool->open_count, pool->open_count + 1);
	base_store(&pool->opened, pool->opened + 1);
	// Only now may the sweep look at it.
	base_store_release(&pools->states[slot], PROXY_SLOT_OPEN);
	return slot;
}

// The manager has closed it: the slot is free, and no longer its pool's.
static void connection_free_slot(struct proxy_pools *pools, uint16_t slot)
{
	struct proxy_pool *pool = &pools->pools[pools->holders[slot]];

	if (pools->events.closed)
		pools->events.closed(pools->events.context, slot);
	base_store(&pools->states[slot], PROXY_SLOT_FREE);
	pools->free_slots[pools->free_count++] = slot;
	if (pool->slots_held <= pools->guarantee)
		pools->reserved++;
	base_store(&pool->slots_held, (uint16_t)(pool->slots_held - 1));
}

void proxy_pool_retire(struct proxy_pools *pools, uint16_t slot, enum proxy_close_reason reason)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	if (connection->is_retired)
		return;
	connection->close_reason = (uint8_t)reason;
	if (!connection->in_flight) {
		idle_queue_remove(pools, pool, slot);
		proxy_connection_unlink(pools, slot, reason);
		return;
	}
	connection->is_retired = true;
	member_ring_remove(pools, pool, slot);
}

static void connection_read_mark(struct proxy_pools *pools, uint16_t slot, uint64_t now)
{
	const struct proxy_connection *connection = &pools->connections[slot];
	enum proxy_close_reason reason = PROXY_CLOSE_EXPIRE;

	// It may have been unlinked since; then its close follows this mark in the ring.
	if (pools->states[slot] != PROXY_SLOT_OPEN)
		return;
	if (pools->pools[connection->upstream].is_leaving)
		reason = PROXY_CLOSE_RELOAD;
	else if (proxy_upstream_is_in_drain(&pools->set->upstreams[connection->upstream]))
		reason = PROXY_CLOSE_DRAIN;
	else
		(void)proxy_connection_is_stale(
			connection, pools->pools[connection->upstream].settings, now, &reason);
	proxy_pool_retire(pools, slot, reason);
}

void proxy_pools_read_messages(struct proxy_pools *pools, uint32_t most, uint64_t now)
{
	uint32_t message;

	for (uint32_t i = 0; i < most && handle_ring_pop(&pools->from_manager, &message); i++) {
		uint16_t slot = (uint16_t)message;

		if (message >> 16 == PROXY_MESSAGE_MARK)
			connection_read_mark(pools, slot, now);
		else
			connection_free_slot(pools, slot);
	}
}

void proxy_pools_stop(struct proxy_pools *pools)
{
	if (pools->is_stopped)
		return;
	pools->is_stopped = true;
	for (uint16_t i = 0; i < pools->set->upstream_count; i++) {
		while (pools->pools[i].idle_head != PROXY_SLOT_NONE)
			proxy_pool_retire(pools, pools->pools[i].idle_head, PROXY_CLOSE_STOP);
	}
}

bool proxy_pools_are_drained(const struct proxy_pools *pools)
{
	return pools->free_count == pools->slot_count;
}
