// SPDX-License-Identifier: BSD-3-Clause
// A ring of 32-bit handles from one lcore to one other: one producer, one consumer, no lock and
// no atomic read-modify-write. A full ring refuses; the caller has a verdict for it.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/table_memory.h"

struct handle_ring {
	// Written by the producer alone.
	uint32_t head base_aligned(BASE_CACHE_LINE);
	uint32_t seen_tail; // the producer's last look at tail
	// Written by the consumer alone.
	uint32_t tail base_aligned(BASE_CACHE_LINE);
	uint32_t seen_head; // the consumer's last look at head
	// Written once, when the ring is made.
	uint32_t mask base_aligned(BASE_CACHE_LINE);
	uint32_t *slots;
};

// Room for at least `capacity` handles (1 to 2^30). 0 or -ENOMEM.
static inline base_must_check int handle_ring_init(struct handle_ring *ring, uint32_t capacity)
{
	uint32_t size = 2;

	while (size < capacity)
		size *= 2;
	*ring = (struct handle_ring){.mask = size - 1};
	ring->slots = table_memory_allocate_zeroed(size * sizeof(*ring->slots));
	return ring->slots ? 0 : -ENOMEM;
}

static inline void handle_ring_fini(struct handle_ring *ring)
{
	free(ring->slots);
	ring->slots = NULL;
}

// Producer only. False when the ring is full.
static inline bool handle_ring_push(struct handle_ring *ring, uint32_t handle)
{
	uint32_t head = ring->head;

	if (head - ring->seen_tail > ring->mask) {
		ring->seen_tail = base_load_acquire(&ring->tail);
		if (head - ring->seen_tail > ring->mask)
			return false;
	}
	ring->slots[head & ring->mask] = handle;
	base_store_release(&ring->head, head + 1);
	return true;
}

// Consumer only. False when the ring is empty.
static inline bool handle_ring_pop(struct handle_ring *ring, uint32_t *handle)
{
	uint32_t tail = ring->tail;

	if (tail == ring->seen_head) {
		ring->seen_head = base_load_acquire(&ring->head);
		if (tail == ring->seen_head)
			return false;
	}
	*handle = ring->slots[tail & ring->mask];
	base_store_release(&ring->tail, tail + 1);
	return true;
}
