// SPDX-License-Identifier: BSD-3-Clause
// Which receive queue a NIC's hash (RSS, Toeplitz) gives a UDP datagram to, so that the local
// port of a query can be chosen for its reply to come to the queue of the lcore that asks. Filled
// in once on the management lcore, read by all.
//
// The Toeplitz hash of two inputs combined by exclusive or is the exclusive or of their hashes:
// the part that the local port adds is looked up by its two bytes, the rest is worked out once a
// path.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

#define NET_STEERING_KEY_BYTES 52 // 40 are hashed with; more cover nothing that is looked at
#define NET_STEERING_TABLE_MOST 2048

// What one byte of a datagram's destination port adds to the hash.
struct net_steering_bytes {
	uint32_t high[256];
	uint32_t low[256];
};

struct net_steering {
	struct net_steering_bytes ipv4;
	struct net_steering_bytes ipv6;
	uint16_t table_mask;
	uint16_t queues[NET_STEERING_TABLE_MOST]; // by the lower bits of the hash
	uint8_t key[NET_STEERING_KEY_BYTES] base_aligned(4); // DPDK hashes with words of it
};

// `reply_hash` is the hash of the reply with a destination port of 0.
static inline uint16_t net_steering_queue(const struct net_steering *steering, uint32_t reply_hash,
	bool is_ipv4, uint16_t destination_port)
{
	const struct net_steering_bytes *bytes = is_ipv4 ? &steering->ipv4 : &steering->ipv6;
	uint32_t hash = reply_hash ^ bytes->high[destination_port >> 8] ^
			bytes->low[destination_port & 0xff];

	return steering->queues[hash & steering->table_mask];
}
