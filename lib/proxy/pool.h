// SPDX-License-Identifier: BSD-3-Clause
// The connections of one lcore, in one pool an upstream. All functions but the sweep's
// (proxy/sweep.h) are the owner's: plain loads and stores on its own lines.
//
// Taking is first in, first out over idle connections, so that source ports rotate. While local
// ports last, a connection carries one query at a time; then busy ones are shared in turn. Each
// pool is sure of its part of the ports: a busy upstream can not starve another.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/handle_ring.h"
#include "base/random.h"
#include "net/steering.h"
#include "proxy/connection.h"
#include "proxy/upstream.h"

// One upstream's connections on one lcore. Written by the owner alone; telemetry reads counts.
struct proxy_pool {
	uint16_t idle_head; // idle longest
	uint16_t idle_tail;
	// Some connection from which busy ones are shared in turn, not retired; over a stream, one with
	// room.
	uint16_t member;
	uint16_t slots_held; // not free: open, or unlinked and not closed yet
	bool is_leaving; // its upstream: what comes back is closed
	uint32_t open_count;
	uint32_t idle_count;
	uint32_t idle_most; // this lcore's part of max_idle_conns; UINT32_MAX: none; 0: it leaves
	uint32_t in_flight;
	const struct proxy_settings *settings; // of pools.set; NULL: nobody has this number
	uint64_t turn; // over a stream: when `member` was chosen
	uint64_t reused; // takes served by an idle connection
	uint64_t opened; // takes that opened one
	uint64_t shared; // takes that joined a busy one: local ports were used up, or over a stream
	uint64_t closed[PROXY_CLOSE_REASONS];
} base_aligned(BASE_CACHE_LINE);

// What the owner of connections that are more than a slot wants to know; NULL: nothing.
struct proxy_pools_events {
	void *context;
	void (*unlinked)(void *context, uint16_t slot); // no query is on it, and none will be
	void (*closed)(void *context, uint16_t slot); // the slot becomes free
};

// All pools of one lcore.
struct proxy_pools {
	// Written by the owner, with the set.
	const struct proxy_set *set;
	uint64_t generation; // of the set
	uint16_t guarantee; // slots each pool is sure of
	// Written once.
	struct random_stream *random;
	uint16_t first_port;
	uint16_t slot_count;
	uint16_t lcore_count; // that share the limits of the settings
	uint16_t lcore_index;
	bool has_jitter; // connections become stale up to a tenth of their time earlier
	// How each NIC port spreads replies over queues, NULL for a port that is not known to, and
	// NULL as a whole where there is one queue; and the queue that this lcore polls.
	const struct net_steering *const *steering;
	uint16_t queue;
	struct proxy_pools_events events;
	// The arrays are written by the owner alone.
	struct proxy_connection *connections;
	uint8_t *states; // enum proxy_slot_state a slot; the sweep reads them
	struct proxy_pool *pools;
	uint16_t *free_slots;
	uint16_t *holders; // a slot: the upstream whose pool holds it, while it is not free

	// Written by the owner alone.
	uint16_t free_count base_aligned(BASE_CACHE_LINE);
	// Free slots kept for pools that hold less than their guarantee; above free_count only where
	// upstreams have come while others held the slots.
	uint16_t reserved;
	bool is_stopped;

	// Each has one producer and one consumer, and room for all it can ever hold.
	struct handle_ring from_manager; // proxy_message_make()
	struct handle_ring to_manager; // slots unlinked

	// Written by the management lcore alone (proxy/sweep.h).
	uint64_t good_until base_aligned(BASE_CACHE_LINE_PAIR); // no connection is stale before
	uint64_t *slots_good_until; // the same a slot; UINT64_MAX: its mark is on its way
	uint64_t shortest_life; // in which a new connection can become stale
	const struct proxy_set *swept_set; // the newest
};

enum proxy_message {
	PROXY_MESSAGE_MARK, // stale: let it take no new query
	PROXY_MESSAGE_CLOSED, // the slot is free again
};

static inline uint32_t proxy_message_make(enum proxy_message message, uint16_t slot)
{
	return (uint32_t)message << 16 | slot;
}

// Local ports first_port to first_port + port_count - 1 are this lcore's and no other's.
struct proxy_pools_options {
	uint16_t first_port;
	uint16_t port_count;
	uint16_t lcore_count; // that share the limits of the settings, 1 or more
	uint16_t lcore_index; // of this one among them, from 0
};

// With room for the capacity of the set. `set` and `random` stay the caller's. 0, -ENOMEM, or -EINVAL:
// fewer ports than upstreams, ports past 65535, no lcores.
base_must_check int proxy_pools_init(struct proxy_pools *pools, const struct proxy_set *set,
	struct random_stream *random, const struct proxy_pools_options *options);
void proxy_pools_fini(struct proxy_pools *pools);

// The owner goes over to the set that follows, which has no more upstreams in use than there are
// ports. From then on it has no pointer to the set before.
void proxy_pools_adopt(struct proxy_pools *pools, const struct proxy_set *set);

// Before the first take: local ports are chosen for replies to come to `queue`, by the hash of
// the NIC port that the path leaves by.
void proxy_pools_steer(
	struct proxy_pools *pools, const struct net_steering *const steering[], uint16_t queue);

// A connection to the upstream with one more query in flight, or PROXY_SLOT_NONE: stopped, or no
// local port is left and no busy connection can be shared.
uint16_t proxy_pool_take(struct proxy_pools *pools, uint16_t upstream, uint64_t now);

// A connection of its own for one query, which is closed with that; a busy one where no local port is
// to be had. Else as proxy_pool_take().
uint16_t proxy_pool_take_own(struct proxy_pools *pools, uint16_t upstream, uint64_t now);

// One query less in flight. The last one puts the connection in the idle queue, or unlinks it.
void proxy_pool_give_back(struct proxy_pools *pools, uint16_t slot, uint64_t now);

// From now on it takes no new query; with none in flight it is unlinked at once.
void proxy_pool_retire(struct proxy_pools *pools, uint16_t slot, enum proxy_close_reason reason);

// Does what the management lcore asked for, at most `most` messages. Once a burst.
void proxy_pools_read_messages(struct proxy_pools *pools, uint32_t most, uint64_t now);

// Taking fails from now on, idle connections are unlinked, busy ones when they come back. A
// second call does nothing.
void proxy_pools_stop(struct proxy_pools *pools);

// True if no connection is open and every closed one's slot is free again.
bool proxy_pools_are_drained(const struct proxy_pools *pools);

// The same of one upstream. The management lcore's, too.
static inline bool proxy_pool_is_drained(const struct proxy_pools *pools, uint16_t upstream)
{
	return !base_load(&pools->pools[upstream].slots_held);
}

// The connection that the next take will most likely look at first, PROXY_SLOT_NONE for a new one.
static inline uint16_t proxy_pool_next(const struct proxy_pools *pools, uint16_t upstream)
{
	const struct proxy_pool *pool = &pools->pools[upstream];

	return pool->idle_head != PROXY_SLOT_NONE ? pool->idle_head : pool->member;
}

static inline uint16_t proxy_pools_local_port(const struct proxy_pools *pools, uint16_t slot)
{
	return (uint16_t)(pools->first_port + slot);
}

// The slot of a local port, PROXY_SLOT_NONE when the port is not this lcore's.
static inline uint16_t proxy_pools_slot(const struct proxy_pools *pools, uint16_t port)
{
	uint32_t slot = (uint32_t)port - pools->first_port;

	return slot < pools->slot_count ? (uint16_t)slot : PROXY_SLOT_NONE;
}
