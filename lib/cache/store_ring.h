// SPDX-License-Identifier: BSD-3-Clause
// A ring of messages of any size from one lcore to one other: one producer, one consumer, no lock
// and no atomic read-modify-write. A message is written and read in place; it never wraps round.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"

#define CACHE_RING_PADDING UINT32_C(0x80000000) // a message that fills up to the end of the ring

struct cache_ring {
	// Written by the producer alone.
	uint32_t head base_aligned(BASE_CACHE_LINE_PAIR); // bytes written, counting up for ever
	uint32_t seen_tail;
	// Written by the consumer alone.
	uint32_t tail base_aligned(BASE_CACHE_LINE_PAIR);
	uint32_t seen_head;
	// Written once.
	uint32_t size base_aligned(BASE_CACHE_LINE_PAIR); // a power of two
	uint8_t *bytes;
};

// Every message starts with its length in bytes, a multiple of 8.
struct cache_ring_header {
	uint32_t length; // with this header
	uint32_t unused;
};

static inline uint32_t cache_ring_longest(const struct cache_ring *ring)
{
	return ring->size / 2;
}

static inline bool cache_ring_has_room(struct cache_ring *ring, uint32_t length)
{
	if (ring->size - (ring->head - ring->seen_tail) >= length)
		return true;
	ring->seen_tail = base_load_acquire(&ring->tail);
	return ring->size - (ring->head - ring->seen_tail) >= length;
}

// Producer only. Room for a message of `length` bytes (a multiple of 8, at most
// cache_ring_longest()) to be filled in from behind its header on; NULL when the ring is full.
static inline void *cache_ring_reserve(struct cache_ring *ring, uint32_t length)
{
	uint32_t offset = ring->head & (ring->size - 1);
	uint32_t to_end = ring->size - offset;
	struct cache_ring_header *header = (struct cache_ring_header *)(ring->bytes + offset);

	if (to_end < length) {
		if (!cache_ring_has_room(ring, to_end + length))
			return NULL;
		header->length = to_end | CACHE_RING_PADDING;
		base_store_release(&ring->head, ring->head + to_end);
		header = (struct cache_ring_header *)ring->bytes;
	} else if (!cache_ring_has_room(ring, length)) {
		return NULL;
	}
	header->length = length;
	return header;
}

// Producer only: the message last reserved is complete.
static inline void cache_ring_publish(struct cache_ring *ring, uint32_t length)
{
	base_store_release(&ring->head, ring->head + length);
}

// Consumer only. The next message, good until it is released; NULL when the ring is empty.
static inline const void *cache_ring_peek(struct cache_ring *ring)
{
	for (;;) {
		const struct cache_ring_header *header;

		if (ring->tail == ring->seen_head) {
			ring->seen_head = base_load_acquire(&ring->head);
			if (ring->tail == ring->seen_head)
				return NULL;
		}
		header = (const struct cache_ring_header *)(ring->bytes +
							    (ring->tail & (ring->size - 1)));
		if (!(header->length & CACHE_RING_PADDING))
			return header;
		base_store_release(
			&ring->tail, ring->tail + (header->length & ~CACHE_RING_PADDING));
	}
}

// Consumer only.
static inline void cache_ring_release(struct cache_ring *ring, uint32_t length)
{
	base_store_release(&ring->tail, ring->tail + length);
}
