// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/sweep.h"

#include "base/poison.h"
#include "rcu/rcu.h"

#define MARKED UINT64_MAX
#define NEVER (UINT64_MAX - 1)

static uint64_t time_after(uint64_t now, uint64_t span)
{
	return span > NEVER - now ? NEVER : now + span;
}

// The shortest time in which a connection to any of the upstreams becomes stale.
static uint64_t set_shortest_life(const struct proxy_set *set)
{
	uint64_t shortest = NEVER;

	for (uint16_t i = 0; i < set->group_count; i++) {
		const struct proxy_settings *settings = &set->groups[i].settings;

		if (settings->expire && settings->expire < shortest)
			shortest = settings->expire;
		if (settings->max_age && settings->max_age < shortest)
			shortest = settings->max_age;
	}
	return shortest;
}

void proxy_sweep_look_anew(struct proxy_pools *pools)
{
	pools->good_until = 0;
	for (uint16_t slot = 0; slot < pools->slot_count; slot++) {
		if (pools->slots_good_until[slot] != MARKED)
			pools->slots_good_until[slot] = 0;
	}
}

void proxy_sweep_follow(struct proxy_pools *pools, const struct proxy_set *set)
{
	pools->swept_set = set;
	pools->shortest_life = set_shortest_life(set);
	if (pools->has_jitter)
		pools->shortest_life -= pools->shortest_life / 10;
	proxy_sweep_look_anew(pools);
}

static bool connection_is_to_go(const struct proxy_set *set,
	const struct proxy_connection *connection, const struct proxy_settings *settings,
	uint64_t now)
{
	const struct proxy_upstream *upstream = &set->upstreams[base_load(&connection->upstream)];
	enum proxy_close_reason reason;

	return upstream->presence == PROXY_LEAVES || proxy_upstream_is_in_drain(upstream) ||
	       proxy_connection_is_stale(connection, settings, now, &reason);
}

// Looks at one connection that may be stale, and notes until when it is good. True if it was marked.
static bool slot_mark(struct proxy_pools *pools, uint16_t slot, uint64_t now)
{
	const struct proxy_connection *connection = &pools->connections[slot];
	const struct proxy_set *set = pools->swept_set;
	const struct proxy_settings *settings;

	// While it is open or unlinked it is not closed: that is done by this lcore alone.
	if (base_load_acquire(&pools->states[slot]) != PROXY_SLOT_OPEN) {
		pools->slots_good_until[slot] = time_after(now, pools->shortest_life);
		return false;
	}
	settings = &set->groups[set->upstreams[base_load(&connection->upstream)].group].settings;
	if (!connection_is_to_go(set, connection, settings, now)) {
		uint64_t until = proxy_connection_good_until(connection, settings, now);

		pools->slots_good_until[slot] = until < NEVER ? until : NEVER;
		return false;
	}
	// The ring has room for one mark and one close of every slot.
	if (!handle_ring_push(&pools->from_manager, proxy_message_make(PROXY_MESSAGE_MARK, slot)))
		return false;
	pools->slots_good_until[slot] = MARKED;
	return true;
}

uint32_t proxy_sweep_mark(struct proxy_pools *pools, uint64_t now)
{
	// What is opened from now on is good for as long; so is what is marked, closed and opened.
	uint64_t until = time_after(now, pools->shortest_life);
	uint32_t marks = 0;

	if (now <= pools->good_until)
		return 0;
	for (uint16_t slot = 0; slot < pools->slot_count; slot++) {
		if (now > pools->slots_good_until[slot])
			marks += slot_mark(pools, slot, now);
		if (pools->slots_good_until[slot] < until)
			until = pools->slots_good_until[slot];
	}
	pools->good_until = until;
	return marks;
}

uint32_t proxy_sweep_collect(struct proxy_pools *pools, uint16_t slots[], uint32_t most)
{
	uint32_t count = 0;
	uint32_t slot;

	while (count < most && handle_ring_pop(&pools->to_manager, &slot))
		slots[count++] = (uint16_t)slot;
	return count;
}

void proxy_sweep_close(struct proxy_pools *pools, const uint16_t slots[], uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		base_poison(&pools->connections[slots[i]], sizeof(*pools->connections));
		pools->slots_good_until[slots[i]] = 0;
		(void)handle_ring_push(
			&pools->from_manager, proxy_message_make(PROXY_MESSAGE_CLOSED, slots[i]));
	}
}

uint32_t proxy_sweep_reap(struct proxy_pools *const pools[], uint16_t lcore_count,
	uint16_t scratch[], uint32_t scratch_count)
{
	uint32_t counts[UINT8_MAX + 1] = {0};
	uint32_t total = 0;
	uint32_t closed = 0;

	for (uint16_t i = 0; i < lcore_count && i <= UINT8_MAX; i++) {
		counts[i] = proxy_sweep_collect(pools[i], scratch + total, scratch_count - total);
		total += counts[i];
	}
	if (!total)
		return 0;
	rcu_wait_grace_period();
	for (uint16_t i = 0; i < lcore_count && i <= UINT8_MAX; i++) {
		proxy_sweep_close(pools[i], scratch + closed, counts[i]);
		closed += counts[i];
	}
	return closed;
}
