// SPDX-License-Identifier: BSD-3-Clause
// One connection of one lcore that carries queries to one upstream: a local UDP port, or a TCP or TLS
// connection.
//
// The slot number of a UDP connection stands for its local port for good (first port of the lcore
// plus slot), so a reply finds its connection without a table. Its life: an owner opens it on a free
// slot, takes it and gives it back, and unlinks it when it may carry no more; the management
// lcore closes it after a grace period, and the slot is free again.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"
#include "proxy/upstream.h"

#define PROXY_SLOT_NONE UINT16_MAX
// No slot of this lcore: the query is with whoever has the streams.
#define PROXY_SLOT_STREAM (UINT16_MAX - 1)

// In proxy_lcore.states. OPEN and UNLINKED are written by the owner; the slot goes back to FREE
// by the owner too, once the manager has sent it the message that it closed the connection.
enum proxy_slot_state {
	PROXY_SLOT_FREE,
	PROXY_SLOT_OPEN,
	PROXY_SLOT_UNLINKED,
};

// Why a connection was closed; counted a pool.
enum proxy_close_reason {
	PROXY_CLOSE_EXPIRE,
	PROXY_CLOSE_MAX_AGE,
	PROXY_CLOSE_MAX_IDLE,
	PROXY_CLOSE_ERROR, // it timed out, or the network refused
	PROXY_CLOSE_STOP,
	PROXY_CLOSE_PEER, // the upstream ended it
	PROXY_CLOSE_RELOAD, // its upstream has left the configuration
	PROXY_CLOSE_CHECK, // it was there for one health check
	PROXY_CLOSE_DRAIN, // its upstream is in drain
	PROXY_CLOSE_REASONS,
};

// Written by the owner alone. The sweep reads opened_at, idle_since, in_flight and upstream, once
// the connection may be stale.
struct proxy_connection {
	uint64_t opened_at;
	uint64_t idle_since; // when it was last given back; stored before in_flight becomes 0
	uint32_t in_flight; // queries on their way; 0: it stands in the idle queue
	uint16_t upstream;
	bool is_retired; // takes no new query, and is unlinked once nothing is in flight
	uint8_t close_reason; // enum proxy_close_reason, once retired
	uint16_t next_idle; // neighbours in the pool's idle queue, PROXY_SLOT_NONE at its ends
	uint16_t previous_idle;
	uint16_t
		next_member; // neighbours in the ring of proxy_pool.member; PROXY_SLOT_NONE: not there
	uint16_t previous_member;
} base_aligned(BASE_CACHE_LINE);

static inline bool proxy_is_older(uint64_t since, uint64_t now, uint64_t limit)
{
	// Not now - since: another lcore's clock reading may be a little ahead of ours.
	return now > since + limit;
}

// The one place that says when a connection may carry no new query. Exactly at a limit it still
// may. Sets *reason when stale.
static inline bool proxy_connection_is_stale(const struct proxy_connection *connection,
	const struct proxy_settings *settings, uint64_t now, enum proxy_close_reason *reason)
{
	bool is_idle = base_load_acquire(&connection->in_flight) == 0;

	if (settings->max_age &&
		proxy_is_older(base_load(&connection->opened_at), now, settings->max_age)) {
		*reason = PROXY_CLOSE_MAX_AGE;
		return true;
	}
	if (is_idle && proxy_is_older(base_load(&connection->idle_since), now, settings->expire)) {
		*reason = PROXY_CLOSE_EXPIRE;
		return true;
	}
	return false;
}

// Until when a connection that is not stale at `now` will surely not be, whatever its owner does
// with it; UINT64_MAX: never. Exactly then it is still good.
static inline uint64_t proxy_connection_good_until(const struct proxy_connection *connection,
	const struct proxy_settings *settings, uint64_t now)
{
	uint64_t until = UINT64_MAX;

	// Without reuse a connection is never idle.
	if (settings->expire) {
		// A busy one can not become idle before now.
		bool is_idle = base_load_acquire(&connection->in_flight) == 0;

		until = (is_idle ? base_load(&connection->idle_since) : now) + settings->expire;
	}
	if (settings->max_age && base_load(&connection->opened_at) + settings->max_age < until)
		until = base_load(&connection->opened_at) + settings->max_age;
	return until;
}
