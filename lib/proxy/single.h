// SPDX-License-Identifier: BSD-3-Clause
// For programs without lcores: one thread that forwards by itself, owner and manager of its pools at
// once. All functions are that thread's; where others read under RCU, it is not registered.
#pragma once

#include "proxy/exchange.h"

// One group of upstreams (1 to PROXY_GROUP_UPSTREAMS_MOST), asked from `local` and the ports
// first_port to first_port + port_count - 1, whose sockets are the caller's. As in a `forward` without
// options: random policy, 2 s for an attempt, two attempts an upstream, idle connections (local
// ports) kept for 10 s. NULL with errno: ENOMEM, EIO, or EINVAL as proxy_lcore_create() has it.
struct proxy_lcore *proxy_single_open(const struct net_address *local,
	const struct proxy_upstream_template upstreams[], uint16_t upstream_count,
	uint16_t first_port, uint16_t port_count, uint64_t now);
void proxy_single_close(struct proxy_lcore *lcore);

// The next query whose attempt ran out of time: it has failed, and another may be started. False
// when there is none; then connections that are stale were closed.
bool proxy_single_take_expired(struct proxy_lcore *lcore, uint64_t now, uint32_t *slot);
