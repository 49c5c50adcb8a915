// SPDX-License-Identifier: BSD-3-Clause
#include "stats/query_ring.h"

#include <stdlib.h>

#include "base/atomic.h"
#include "base/table_memory.h"

struct query_ring {
	struct query_record *records; // written by the producer
	uint32_t mask;
	uint32_t head base_aligned(BASE_CACHE_LINE_PAIR); // written by the producer
	uint32_t tail base_aligned(BASE_CACHE_LINE_PAIR); // written by the consumer
};

struct query_ring *query_ring_create(uint32_t count)
{
	struct query_ring *ring = table_memory_allocate_zeroed(sizeof(*ring));

	if (!ring)
		return NULL;
	ring->mask = count - 1;
	ring->records = table_memory_allocate_zeroed((size_t)count * sizeof(*ring->records));
	if (ring->records)
		return ring;
	free(ring);
	return NULL;
}

void query_ring_destroy(struct query_ring *ring)
{
	if (!ring)
		return;
	free(ring->records);
	free(ring);
}

struct query_record *query_ring_place(struct query_ring *ring)
{
	if (ring->head - base_load_acquire(&ring->tail) > ring->mask)
		return NULL;
	return &ring->records[ring->head & ring->mask];
}

void query_ring_push(struct query_ring *ring)
{
	base_store_release(&ring->head, ring->head + 1);
}

const struct query_record *query_ring_first(struct query_ring *ring)
{
	if (base_load_acquire(&ring->head) == ring->tail)
		return NULL;
	return &ring->records[ring->tail & ring->mask];
}

void query_ring_pop(struct query_ring *ring)
{
	base_store_release(&ring->tail, ring->tail + 1);
}
