// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pause.h"

#include "base/clock.h"

#define ROUNDS_WITHOUT 2u // the default of max_connect_attempts
#define PAUSE_DOUBLINGS 8u

bool proxy_query_pause(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_failure failure, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	const struct proxy_group *group = &lcore->set->groups[pending->group];
	uint32_t most = group->settings.max_connect_attempts;
	uint32_t rounds = pending->failed_attempts / group->upstream_count;
	uint32_t doublings = rounds - ROUNDS_WITHOUT;
	uint64_t until;

	if (failure == PROXY_FAILURE_TIMEOUT || failure == PROXY_FAILURE_CONNECT_TIMEOUT ||
		rounds < ROUNDS_WITHOUT || pending->failed_attempts % group->upstream_count)
		return false;
	if ((most && pending->failed_attempts >= most) || now >= pending->deadline)
		return false;
	if (doublings > PAUSE_DOUBLINGS)
		doublings = PAUSE_DOUBLINGS;
	until = now + (CLOCK_MILLISECOND << doublings);
	timer_wheel_arm(&lcore->wheel, slot, until < pending->deadline ? until : pending->deadline);
	return true;
}
