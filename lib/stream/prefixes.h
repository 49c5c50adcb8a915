// SPDX-License-Identifier: BSD-3-Clause
// How many connections each client prefix has, so that one network can not have them all.
#pragma once

#include "base/compiler.h"
#include "net/address.h"

#define STREAM_PREFIX_NONE UINT32_MAX

struct stream_prefix {
	struct net_address address; // the bits behind the prefix are zero
	uint32_t count;
	uint32_t next; // of the bucket, or of the free ones
};

struct stream_prefixes {
	// Written once.
	uint32_t count_most; // 0: no limit
	uint8_t ipv4_bits;
	uint8_t ipv6_bits;
	uint64_t hash_key; // secret, so that nobody can choose prefixes of one bucket
	uint32_t bucket_mask;
	uint32_t *buckets;
	struct stream_prefix *entries;
	uint32_t free;
};

// For up to `entry_count` connections; prefixes of up to 32 and 128 bits. 0, -ENOMEM or -EINVAL.
base_must_check int stream_prefixes_init(struct stream_prefixes *prefixes, uint32_t entry_count,
	uint32_t count_most, uint8_t ipv4_bits, uint8_t ipv6_bits, uint64_t hash_key);
void stream_prefixes_fini(struct stream_prefixes *prefixes);

// One more connection of the address's prefix: what to give back, or STREAM_PREFIX_NONE at the limit.
uint32_t stream_prefixes_take(struct stream_prefixes *prefixes, const struct net_address *address);
void stream_prefixes_give_back(struct stream_prefixes *prefixes, uint32_t prefix);
