// SPDX-License-Identifier: BSD-3-Clause
// Free cells, and those that wait for a grace period before they are.
#include "base/poison.h"
#include "cache/store_private.h"

static void push(struct cache_free_cells *free, uint32_t cell)
{
	free->ring[free->tail_index] = cell;
	free->tail_index = free->tail_index + 1 == free->capacity ? 0 : free->tail_index + 1;
	free->tail++;
}

void cache_free_init(struct cache_free_cells *free, uint32_t cell_count)
{
	free->capacity = cell_count;
	for (uint32_t cell = 1; cell < cell_count; cell++)
		push(free, cell);
	free->ready = free->tail;
	free->stamped = free->tail;
}

uint32_t cache_free_ready(const struct cache_partition *partition)
{
	return (uint32_t)(partition->free.ready - partition->free.head);
}

uint32_t cache_free_take(struct cache_partition *partition)
{
	struct cache_free_cells *free = &partition->free;
	uint32_t cell;

	if (free->head == free->ready)
		return 0;
	cell = free->ring[free->head_index];
	free->head_index = free->head_index + 1 == free->capacity ? 0 : free->head_index + 1;
	free->head++;
	if (base_likely(free->head != free->ready)) {
		const uint8_t *next =
			(uint8_t *)cache_partition_cell(partition, free->ring[free->head_index]);

		base_prefetch_write(next);
		base_prefetch_write(next + BASE_CACHE_LINE);
	}
	base_unpoison(cache_partition_cell(partition, cell), CACHE_CELL_BYTES);
	return cell;
}

void cache_free_retire(struct cache_partition *partition, uint32_t cell)
{
	struct cache_cell *head = cache_partition_cell(partition, cell);

	base_store(&head->life, (uint8_t)(head->life + 1));
	while (cell) {
		push(&partition->free, cell);
		cell = cache_partition_cell(partition, cell)->next;
	}
}

// Under AddressSanitizer whoever still reads what has waited is reported.
static void set_ready(struct cache_partition *partition, uint64_t until)
{
	struct cache_free_cells *free = &partition->free;

#ifdef __SANITIZE_ADDRESS__
	for (uint64_t position = free->ready; position < until; position++) {
		uint64_t ahead = position - free->head + free->head_index;
		uint32_t cell = free->ring[ahead % free->capacity];

		base_poison(
			(uint8_t *)cache_partition_cell(partition, cell) + CACHE_CELL_LINK_BYTES,
			CACHE_CELL_BYTES - CACHE_CELL_LINK_BYTES);
	}
#endif
	free->ready = until;
}

static void collect(struct cache_partition *partition)
{
	struct cache_free_cells *free = &partition->free;
	uint64_t completed = base_load_acquire(&partition->store->grace_completed);

	while (free->wait_count && completed >= free->waits[0].period) {
		set_ready(partition, free->waits[0].until);
		free->waits[0] = free->waits[1];
		free->wait_count--;
	}
}

// Called after the cells were unlinked. The fence here and the one after grace_started is written
// see to it that either we read the number of a grace period that had not begun, and wait for the
// next, or the manager's wait begins after the unlinking.
static void stamp(struct cache_partition *partition)
{
	struct cache_free_cells *free = &partition->free;
	uint64_t period;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	period = base_load(&partition->store->grace_started) + 1;
	// At most two periods are to come: one that has begun, and the one after it. Whoever needs
	// the first can wait for the second.
	if (!free->wait_count || (free->wait_count == 1 && free->waits[0].period != period))
		free->wait_count++;
	free->waits[free->wait_count - 1].until = free->tail;
	free->waits[free->wait_count - 1].period = period;
	free->stamped = free->tail;
	base_store(&partition->grace_wanted, period);
}

void cache_free_poll(struct cache_partition *partition)
{
	struct cache_free_cells *free = &partition->free;

	if (free->ready == free->tail)
		return;
	if (free->wait_count)
		collect(partition);
	if (free->stamped != free->tail)
		stamp(partition);
	base_store(&partition->cells_waiting, (uint32_t)(free->tail - free->ready));
}
