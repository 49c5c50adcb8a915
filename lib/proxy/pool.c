// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pool.h"

#include <string.h>

#include "base/table_memory.h"
#include "base/poison.h"
#include "rcu/rcu.h"

// How many stale connections one take looks at, and how many busy ones: a burst's time is
// bounded. The sweep gets the rest.
#define TAKE_LOOKS_MOST 8

// Draws of a local port whose replies come to our queue. With n queues a draw misses with a
// chance of (n - 1) / n.
#define STEERED_DRAWS_MOST 64
#define NO_DRAW UINT32_MAX

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

static void pool_init(struct proxy_pool *pool, const struct proxy_settings *settings,
	const struct proxy_pools_options *options)
{
	uint32_t most = settings->max_idle_conns;

	*pool = (struct proxy_pool){
		.idle_head = PROXY_SLOT_NONE,
		.idle_tail = PROXY_SLOT_NONE,
		.member = PROXY_SLOT_NONE,
		.idle_most =
			most ? proxy_limit_share(most, options->lcore_count, options->lcore_index)
			     : UINT32_MAX,
		.settings = settings,
	};
}

// The shortest time in which a connection to any of the upstreams becomes stale.
static uint64_t set_shortest_life(const struct proxy_set *set)
{
	uint64_t shortest = UINT64_MAX;

	for (uint16_t i = 0; i < set->group_count; i++) {
		const struct proxy_settings *settings = &set->groups[i].settings;

		if (settings->expire && settings->expire < shortest)
			shortest = settings->expire;
		if (settings->max_age && settings->max_age < shortest)
			shortest = settings->max_age;
	}
	return shortest;
}

int proxy_pools_init(struct proxy_pools *pools, const struct proxy_set *set,
	struct random_stream *random, const struct proxy_pools_options *options)
{
	uint32_t halves = 2u * (set->upstream_count ? set->upstream_count : 1);
	uint16_t slots = options->port_count;
	uint16_t guarantee = (uint16_t)(slots >= halves ? slots / halves : 1);

	if (slots < set->upstream_count || !options->lcore_count ||
		(uint32_t)options->first_port + slots > UINT16_MAX + 1u || slots == PROXY_SLOT_NONE)
		return -EINVAL;
	*pools = (struct proxy_pools){
		.set = set,
		.random = random,
		.first_port = options->first_port,
		.slot_count = slots,
		.guarantee = guarantee,
		.free_count = slots,
		.reserved = (uint16_t)(guarantee * set->upstream_count),
		.shortest_life = set_shortest_life(set),
	};
	if (pools_allocate(pools, slots, set->upstream_count) != 0) {
		proxy_pools_fini(pools);
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < set->upstream_count; i++)
		pool_init(
			&pools->pools[i], &set->groups[set->upstreams[i].group].settings, options);
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

void proxy_pools_steer(
	struct proxy_pools *pools, const struct net_steering *const steering[], uint16_t queue)
{
	pools->steering = steering;
	pools->queue = queue;
}

static void idle_queue_append(struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
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

static void idle_queue_remove(struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
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

static void member_ring_insert(struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
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

static void member_ring_remove(struct proxy_pools *pools, struct proxy_pool *pool, uint16_t slot)
{
	const struct proxy_connection *connection = &pools->connections[slot];

	if (connection->next_member == slot) {
		pool->member = PROXY_SLOT_NONE;
		return;
	}
	pools->connections[connection->next_member].previous_member = connection->previous_member;
	pools->connections[connection->previous_member].next_member = connection->next_member;
	if (pool->member == slot)
		pool->member = connection->next_member;
}

// Takes the connection, with nothing in flight and in no idle queue, out of its pool, and hands
// it to the management lcore. The connection is still good memory until this lcore is quiescent.
static void connection_unlink(
	struct proxy_pools *pools, uint16_t slot, enum proxy_close_reason reason)
{
	struct proxy_connection *connection = &pools->connections[slot];
	struct proxy_pool *pool = &pools->pools[connection->upstream];

	if (!connection->is_retired)
		member_ring_remove(pools, pool, slot);
	connection->is_retired = true;
	base_store(&pool->open_count, pool->open_count - 1);
	base_store(&pool->closed[reason], pool->closed[reason] + 1);
	base_store(&pools->states[slot], PROXY_SLOT_UNLINKED);
	// The ring has room for every slot, and a slot is unlinked once between two closes.
	(void)handle_ring_push(&pools->to_manager, slot);
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

// Whether this pool may have one more slot: below its guarantee always, above it while enough
// stay free for the guarantees of the others.
static bool slot_is_to_spare(const struct proxy_pools *pools, const struct proxy_pool *pool)
{
	return pool->slots_held < pools->guarantee || pools->free_count > pools->reserved;
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

// Opens a connection on a free slot that was drawn, with one to spare.
static uint16_t connection_open(
	struct proxy_pools *pools, uint16_t upstream, uint32_t drawn, uint64_t now)
{
	struct proxy_pool *pool = &pools->pools[upstream];
	struct proxy_connection *connection;
	uint16_t slot;

	if (pool->slots_held < pools->guarantee)
		pools->reserved--;
	pool->slots_held++;
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
	};
	member_ring_insert(pools, pool, slot);
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

	if (--pool->slots_held < pools->guarantee)
		pools->reserved++;
	base_store(&pools->states[slot], PROXY_SLOT_FREE);
	pools->free_slots[pools->free_count++] = slot;
}

static uint16_t connection_take_idle(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
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
		connection_unlink(pools, slot, reason);
	}
	return PROXY_SLOT_NONE;
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

static uint16_t connection_open_steered(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	uint32_t drawn;

	if (!slot_is_to_spare(pools, &pools->pools[upstream]))
		return PROXY_SLOT_NONE;
	drawn = free_slot_draw_steered(pools, upstream);
	if (drawn == NO_DRAW)
		return PROXY_SLOT_NONE;
	return connection_open(pools, upstream, drawn, now);
}

static uint16_t connection_open_any(struct proxy_pools *pools, uint16_t upstream, uint64_t now)
{
	if (!slot_is_to_spare(pools, &pools->pools[upstream]))
		return PROXY_SLOT_NONE;
	return connection_open(
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
		connection_unlink(pools, slot, connection->close_reason);
	else if (base_unlikely(pools->is_stopped))
		connection_unlink(pools, slot, PROXY_CLOSE_STOP);
	else if (!pool->settings->expire)
		connection_unlink(pools, slot, PROXY_CLOSE_EXPIRE);
	else if (pool->idle_count >= pool->idle_most)
		connection_unlink(pools, slot, PROXY_CLOSE_MAX_IDLE);
	else
		idle_queue_append(pools, pool, slot);
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
		connection_unlink(pools, slot, reason);
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
