// SPDX-License-Identifier: BSD-3-Clause
// What goes over the rings to an owner; for this module's store*.c files alone.
#pragma once

#include "cache/store_private.h"

enum cache_message_type {
	CACHE_MESSAGE_ANSWER, // to store; key and value follow
	CACHE_MESSAGE_REFRESH, // the answer in `cell`, if it is still there
};

struct cache_message {
	struct cache_ring_header ring;
	uint64_t hash;
	uint32_t opaque;
	uint32_t stored_at;
	uint32_t expires_at;
	uint32_t stale_until;
	uint32_t cell;
	uint16_t key_length;
	uint16_t value_length;
	uint16_t seconds; // the refresh is claimed for
	uint8_t type;
	uint8_t kind;
	uint8_t generation;
	uint8_t life;
	uint8_t unused[2];
	uint8_t bytes[];
};

_Static_assert(sizeof(struct cache_message) % 8 == 0, "messages stand at multiples of 8");

static inline uint32_t cache_message_length(uint32_t key_length, uint32_t value_length)
{
	return (uint32_t)sizeof(struct cache_message) + key_length + ((value_length + 7) & ~7u);
}

static inline void cache_message_write(
	struct cache_message *message, const struct cache_arrival *arrival)
{
	message->hash = arrival->hash;
	message->opaque = arrival->opaque;
	message->stored_at = arrival->stored_at;
	message->expires_at = arrival->expires_at;
	message->stale_until = arrival->stale_until;
	message->key_length = arrival->key_length;
	message->value_length = arrival->value_length;
	message->type = CACHE_MESSAGE_ANSWER;
	message->kind = arrival->kind;
	message->generation = arrival->generation;
	memcpy(message->bytes, arrival->key, arrival->key_length);
	if (arrival->value_length)
		memcpy(message->bytes + arrival->key_length, arrival->value, arrival->value_length);
}

static inline struct cache_arrival cache_message_read(const struct cache_message *message)
{
	return (struct cache_arrival){
		.key = message->bytes,
		.value = message->bytes + message->key_length,
		.hash = message->hash,
		.opaque = message->opaque,
		.key_length = message->key_length,
		.value_length = message->value_length,
		.kind = message->kind,
		.generation = message->generation,
		.stored_at = message->stored_at,
		.expires_at = message->expires_at,
		.stale_until = message->stale_until,
	};
}

// Says to the owner that there is something in this lcore's ring. It may miss one that comes 256
// messages after the last it heard; it looks at all rings every now and then.
static inline void cache_ring_doorbell(
	const struct cache_lcore *lcore, struct cache_partition *partition)
{
	uint8_t *doorbell = &partition->doorbells[lcore->index];

	base_store_release(doorbell, (uint8_t)(*doorbell + 1));
}
