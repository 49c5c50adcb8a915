// SPDX-License-Identifier: BSD-3-Clause
// How one lcore goes over to the set that follows.
#include "proxy/exchange.h"

static void group_adopt(struct proxy_lcore *lcore, uint16_t number)
{
	const struct proxy_group *group = &lcore->set->groups[number];
	struct proxy_group_state *state = &lcore->groups[number];
	uint32_t most = group->settings.max_concurrent;

	if (lcore->set->groups_since[number] > lcore->generation)
		*state = (struct proxy_group_state){0};
	state->limit =
		most ? proxy_limit_share(most, lcore->lcore_count, lcore->lcore_index) : UINT32_MAX;
	if (state->turn >= group->upstream_count)
		state->turn = 0;
}

void proxy_lcore_adopt(struct proxy_lcore *lcore, struct proxy_set *set)
{
	lcore->set = set;
	for (uint16_t i = 0; i < set->group_count; i++)
		group_adopt(lcore, i);
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (set->upstreams_since[i] > lcore->generation)
			lcore->counts[i] = (struct proxy_upstream_counts){0};
	}
	lcore->generation = set->generation;
	proxy_pools_adopt(&lcore->pools, set);
}

bool proxy_lcore_upstream_is_drained(const struct proxy_lcore *lcore, uint16_t upstream)
{
	return !base_load(&lcore->counts[upstream].load.in_flight) &&
	       proxy_pool_is_drained(&lcore->pools, upstream);
}

bool proxy_lcore_group_is_drained(const struct proxy_lcore *lcore, uint16_t group)
{
	return !base_load(&lcore->groups[group].in_flight);
}
