// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/sweep.h"

#include "proxy/poison.h"
#include "rcu/rcu.h"

uint32_t proxy_sweep_mark(struct proxy_pools *pools, uint64_t now)
{
	uint32_t marks = 0;

	for (uint16_t slot = 0; slot < pools->slot_count; slot++) {
		const struct proxy_connection *connection = &pools->connections[slot];
		const struct proxy_upstream *upstream;
		enum proxy_close_reason reason;

		// While it is open or unlinked it is not closed: that is done by this lcore alone.
		if (pools->marked[slot] ||
			base_load_acquire(&pools->states[slot]) != PROXY_SLOT_OPEN)
			continue;
		upstream = &pools->set->upstreams[base_load(&connection->upstream)];
		if (!proxy_connection_is_stale(connection,
			    &pools->set->groups[upstream->group].settings, now, &reason))
			continue;
		// The ring has room for one mark and one close of every slot.
		if (handle_ring_push(
			    &pools->from_manager, proxy_message_make(PROXY_MESSAGE_MARK, slot))) {
			pools->marked[slot] = 1;
			marks++;
		}
	}
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
		proxy_poison(&pools->connections[slots[i]], sizeof(*pools->connections));
		pools->marked[slots[i]] = 0;
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
