// SPDX-License-Identifier: BSD-3-Clause
// Connections over TCP and TLS in pools, each for up to `limit` queries at once, but for those that
// are being opened. All functions are the owner's. Connections do not all become stale at once:
// they are taken for up to a tenth of expire and max_age older than they are.
#pragma once

#include "proxy/pool.h"

// As proxy_pools_init(), for slots that are no ports.
base_must_check int proxy_stream_pools_init(struct proxy_pools *pools, const struct proxy_set *set,
	struct random_stream *random, const struct proxy_pools_options *options,
	const struct proxy_pools_events *events);

// An open connection with one more query in flight: that which has been idle longest, else a busy
// one with room, the same as long as `now` is and it has any. PROXY_SLOT_NONE: there is none.
uint16_t proxy_stream_pool_take(
	struct proxy_pools *pools, uint16_t upstream, uint32_t limit, uint64_t now);

// One that is to be opened; its opening counts as one in flight on it. PROXY_SLOT_NONE: stopped, or
// no slot is free for this upstream.
uint16_t proxy_stream_pool_open(struct proxy_pools *pools, uint16_t upstream, uint64_t now);

// One more query that waits for a connection to be opened.
void proxy_stream_pool_join(struct proxy_pools *pools, uint16_t slot);

// The opening has ended, one way or the other. A connection that is not to be used was retired
// before.
void proxy_stream_pool_opened(
	struct proxy_pools *pools, uint16_t slot, uint32_t limit, uint64_t now);

// One query less in flight.
void proxy_stream_pool_give_back(
	struct proxy_pools *pools, uint16_t slot, uint32_t limit, uint64_t now);
