// SPDX-License-Identifier: BSD-3-Clause
// A query that may be attempted as often as its time allows (max_connect_attempts 0, or more than two
// for each upstream) does not go round upstreams that refuse it as fast as they can say so: from the
// third round on it pauses before each, from 1 ms, doubling up to 256 ms. An attempt that ran out of
// time has waited long enough. All of it is the owner's.
#pragma once

#include "proxy/exchange.h"

// After proxy_attempt_fail(), of which `failure` is the reason. True: the next attempt is to be made
// when the slot's timer goes off, and not now.
bool proxy_query_pause(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_failure failure, uint64_t now);

// The slot's timer went off: true if it was the end of a pause, and no attempt's.
static inline bool proxy_query_has_paused(const struct proxy_lcore *lcore, uint32_t slot)
{
	return proxy_pending_at(&lcore->pending, slot)->connection == PROXY_SLOT_NONE;
}
