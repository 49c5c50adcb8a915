// SPDX-License-Identifier: BSD-3-Clause
// Making a store from the bytes it may have; grace periods; what it holds.
#include "cache/store.h"

#include <errno.h>

#include "base/poison.h"
#include "base/table_memory.h"
#include "cache/store_private.h"
#include "rcu/rcu.h"

// Buckets a cell, so that one has 3.5 answers when every cell is one: 1 in 100 overflows.
#define BUCKETS_OF_7_CELLS 2
#define CELLS_LEAST 128 // of a partition
// Cells for what is inserted within a grace period, above the share of every kind.
#define RESERVE_PART 64
#define RESERVE_LEAST 512 // or an eighth of a small store
#define RESERVE_MOST 16384
#define KIND_CELLS_LEAST 8
// One would keep half a point more of a quiet trace (Zipf 0.9), and lose three under a flood of names
// that are asked for once.
#define GHOSTS_A_CELL 2
#define SMALL_QUEUE_PART 16 // a little above what the small queue is kept at
#define RING_BYTES_MOST (256u << 10) // the longest answer twice
#define RING_BYTES_LEAST (4u << 10)
#define RINGS_PART 32 // of all bytes
#define POPULARITY_GAP_MOST 8191

static const uint32_t default_shares[CACHE_KINDS] = {80, 18, 2};

// Hands out memory from a region, or only counts it while there is none.
struct layout {
	uint8_t *memory;
	size_t at;
};

static void *layout_take(struct layout *layout, size_t bytes)
{
	void *part = layout->memory ? layout->memory + layout->at : NULL;

	layout->at += (bytes + BASE_CACHE_LINE_PAIR - 1) & ~(size_t)(BASE_CACHE_LINE_PAIR - 1);
	return part;
}

struct plan {
	const struct cache_store_options *options;
	uint32_t cell_count; // of a partition, with number 0
	uint32_t bucket_count;
	uint32_t ring_bytes;
	uint32_t kind_cells[CACHE_KINDS];
	uint32_t kind_answers[CACHE_KINDS];
};

static uint32_t reserved_cells(uint32_t cell_count)
{
	uint32_t reserve = cell_count / RESERVE_PART;

	if (reserve < RESERVE_LEAST)
		reserve = cell_count / 8 < RESERVE_LEAST ? cell_count / 8 : RESERVE_LEAST;
	return reserve < RESERVE_MOST ? reserve : RESERVE_MOST;
}

static void plan_kinds(struct plan *plan)
{
	const struct cache_store_options *options = plan->options;
	uint64_t usable = plan->cell_count - 1 - KIND_CELLS_LEAST * CACHE_KINDS;
	uint64_t sum = 0;

	usable -= reserved_cells(plan->cell_count);
	for (int i = 0; i < CACHE_KINDS; i++)
		sum += options->kinds[i].share;
	for (int i = 0; i < CACHE_KINDS; i++) {
		uint64_t share = sum ? options->kinds[i].share : default_shares[i];
		uint64_t capacity = options->kinds[i].capacity;
		uint64_t answers = (capacity + options->owner_count - 1) / options->owner_count;

		plan->kind_cells[i] =
			KIND_CELLS_LEAST + (uint32_t)(usable * share / (sum ? sum : 100));
		plan->kind_answers[i] =
			capacity && answers < UINT32_MAX ? (uint32_t)answers : UINT32_MAX;
	}
}

static void lay_out_shelf(
	struct layout *layout, const struct plan *plan, int kind, struct cache_shelf *shelf)
{
	uint32_t cells = plan->kind_cells[kind];
	uint32_t small = cells / SMALL_QUEUE_PART + KIND_CELLS_LEAST;
	struct cache_queue_entry *small_ring = layout_take(layout, small * sizeof(*small_ring));
	struct cache_queue_entry *main_ring = layout_take(layout, cells * sizeof(*main_ring));
	uint32_t ghost_count = cells * GHOSTS_A_CELL;
	uint16_t *ghosts = layout_take(layout, ghost_count * sizeof(*ghosts));

	if (!layout->memory)
		return;
	*shelf = (struct cache_shelf){
		.queues = {{.ring = small_ring, .capacity = small},
			{.ring = main_ring, .capacity = cells}},
		.ghosts = ghosts,
		.ghost_count = ghost_count,
		.cells_most = cells,
		.answers_most = plan->kind_answers[kind],
	};
}

static void lay_out_rings(
	struct layout *layout, const struct plan *plan, struct cache_partition *partition)
{
	uint32_t producers = plan->options->lcore_count + 1u;
	struct cache_ring *rings = layout_take(layout, producers * sizeof(*rings));

	for (uint32_t i = 0; i < producers; i++) {
		uint8_t *bytes;

		if (partition && i == partition->owner)
			continue;
		if (!partition && i == producers - 1)
			continue;
		bytes = layout_take(layout, plan->ring_bytes);
		if (layout->memory)
			rings[i] = (struct cache_ring){.size = plan->ring_bytes, .bytes = bytes};
	}
	if (partition)
		partition->rings = rings;
}

// The whole of a partition's memory, itself first; NULL and only the size without memory.
static struct cache_partition *lay_out_partition(
	struct layout *layout, const struct plan *plan, uint16_t owner)
{
	struct cache_partition *partition = layout_take(layout, sizeof(*partition));
	struct cache_bucket *buckets =
		layout_take(layout, plan->bucket_count * sizeof(struct cache_bucket));
	uint8_t *cells = layout_take(layout, (size_t)plan->cell_count * CACHE_CELL_BYTES);
	uint32_t *free_ring = layout_take(layout, plan->cell_count * sizeof(*free_ring));

	if (partition) {
		partition->owner = owner;
		partition->cells = cells;
		partition->cell_count = plan->cell_count;
		partition->buckets = buckets;
		partition->bucket_count = plan->bucket_count;
		partition->first_note = (uint64_t)owner * plan->cell_count;
		partition->free.ring = free_ring;
		cache_free_init(&partition->free, plan->cell_count);
	}
	for (int i = 0; i < CACHE_KINDS; i++)
		lay_out_shelf(layout, plan, i, partition ? &partition->shelves[i] : NULL);
	lay_out_rings(layout, plan, partition);
	return partition;
}

static struct cache_lcore *lay_out_lcore(
	struct layout *layout, const struct plan *plan, bool is_manager)
{
	const struct cache_store_options *options = plan->options;
	uint64_t notes = (uint64_t)options->owner_count * plan->cell_count;
	struct cache_lcore *lcore = layout_take(layout, sizeof(*lcore));
	uint8_t *seen;
	uint32_t *popularity;

	if (is_manager)
		return lcore;
	seen = layout_take(layout, notes);
	popularity =
		options->popularity_gap ? layout_take(layout, notes * sizeof(*popularity)) : NULL;
	if (lcore) {
		lcore->seen = seen;
		lcore->popularity = popularity;
	}
	return lcore;
}

static size_t partition_bytes(const struct plan *plan)
{
	struct layout layout = {0};

	(void)lay_out_partition(&layout, plan, 0);
	return layout.at;
}

static size_t lcore_bytes(const struct plan *plan, bool is_manager)
{
	struct layout layout = {0};

	(void)lay_out_lcore(&layout, plan, is_manager);
	return layout.at;
}

static uint64_t all_bytes(const struct plan *plan)
{
	const struct cache_store_options *options = plan->options;

	return sizeof(struct cache_store) + options->owner_count * partition_bytes(plan) +
	       options->lcore_count * lcore_bytes(plan, false) + lcore_bytes(plan, true);
}

static void plan_cells(struct plan *plan, uint32_t cell_count)
{
	plan->cell_count = cell_count;
	plan->bucket_count = (uint32_t)((uint64_t)cell_count * BUCKETS_OF_7_CELLS / 7) + 1;
	plan_kinds(plan);
}

// As many cells as the bytes allow. 0 or -EINVAL.
static int plan_make(struct plan *plan, const struct cache_store_options *options)
{
	uint32_t least = CELLS_LEAST;
	uint32_t most = UINT32_MAX / 2;
	uint64_t rings = (uint64_t)options->owner_count * options->lcore_count;

	*plan = (struct plan){.options = options, .ring_bytes = RING_BYTES_MOST};
	while (plan->ring_bytes > RING_BYTES_LEAST &&
		rings * plan->ring_bytes > options->bytes / RINGS_PART)
		plan->ring_bytes /= 2;
	plan_cells(plan, least);
	if (all_bytes(plan) > options->bytes)
		return -EINVAL;
	while (least < most) {
		uint32_t middle = least + (most - least + 1) / 2;

		plan_cells(plan, middle);
		if (all_bytes(plan) <= options->bytes)
			least = middle;
		else
			most = middle - 1;
	}
	plan_cells(plan, least);
	return 0;
}

static int node_of(const struct cache_store_options *options, uint16_t lcore)
{
	return options->nodes ? options->nodes[lcore] : TABLE_MEMORY_ANY_NODE;
}

static int create_partitions(struct cache_store *store, const struct plan *plan)
{
	store->partition_bytes = partition_bytes(plan);
	for (uint16_t i = 0; i < store->owner_count; i++) {
		struct layout layout = {
			.memory =
				table_memory_map(store->partition_bytes, node_of(plan->options, i)),
		};

		if (!layout.memory)
			return -ENOMEM;
		store->partitions[i] = lay_out_partition(&layout, plan, i);
		store->partitions[i]->store = store;
	}
	return 0;
}

static int create_lcores(struct cache_store *store, const struct plan *plan)
{
	store->lcore_bytes = lcore_bytes(plan, false);
	for (uint16_t i = 0; i <= store->lcore_count; i++) {
		bool is_manager = i == store->lcore_count;
		struct layout layout = {
			.memory = table_memory_map(lcore_bytes(plan, is_manager),
				is_manager ? TABLE_MEMORY_ANY_NODE : node_of(plan->options, i)),
		};

		if (!layout.memory)
			return -ENOMEM;
		store->lcores[i] = lay_out_lcore(&layout, plan, is_manager);
		store->lcores[i]->store = store;
		store->lcores[i]->index = i;
		store->lcores[i]->partition = i < store->owner_count ? store->partitions[i] : NULL;
	}
	return 0;
}

struct cache_store *cache_store_create(const struct cache_store_options *options)
{
	struct cache_store *store = NULL;
	struct plan plan;
	int error = -EINVAL;

	if (!options->owner_count || options->owner_count > options->lcore_count ||
		options->lcore_count > CACHE_LCORES_MOST ||
		options->popularity_gap > POPULARITY_GAP_MOST || plan_make(&plan, options))
		goto out;
	error = -ENOMEM;
	store = table_memory_map(sizeof(*store), TABLE_MEMORY_ANY_NODE);
	if (!store)
		goto out;
	memcpy(store->secret, options->secret, sizeof(store->secret));
	store->owner_count = options->owner_count;
	store->lcore_count = options->lcore_count;
	store->bytes = all_bytes(&plan);
	// An lcore that sees its part of the queries alone sees longer gaps.
	store->popularity_gap = options->popularity_gap * options->lcore_count;
	if (store->popularity_gap > POPULARITY_GAP_MOST)
		store->popularity_gap = POPULARITY_GAP_MOST;
	error = create_partitions(store, &plan);
	if (!error)
		error = create_lcores(store, &plan);
out:
	if (error) {
		cache_store_destroy(store);
		errno = -error;
		return NULL;
	}
	return store;
}

void cache_store_destroy(struct cache_store *store)
{
	if (!store)
		return;
	for (uint16_t i = 0; i < store->owner_count; i++) {
		if (store->partitions[i])
			base_unpoison(store->partitions[i], store->partition_bytes);
		table_memory_unmap(store->partitions[i], store->partition_bytes);
	}
	for (uint16_t i = 0; i < store->lcore_count; i++)
		table_memory_unmap(store->lcores[i], store->lcore_bytes);
	table_memory_unmap(store->lcores[store->lcore_count], sizeof(struct cache_lcore));
	table_memory_unmap(store, sizeof(*store));
}

struct cache_lcore *cache_store_lcore(struct cache_store *store, uint16_t index)
{
	return store->lcores[index];
}

struct cache_lcore *cache_store_manager(struct cache_store *store)
{
	return store->lcores[store->lcore_count];
}

uint64_t cache_store_hash(const struct cache_store *store, const struct cache_key *key)
{
	return cache_key_hash(key, store->secret);
}

const struct cache_counters *cache_lcore_counters(const struct cache_lcore *lcore)
{
	return &lcore->counters;
}

bool cache_store_wants_grace_period(const struct cache_store *store)
{
	for (uint16_t i = 0; i < store->owner_count; i++) {
		if (base_load(&store->partitions[i]->grace_wanted) > store->grace_completed)
			return true;
	}
	return false;
}

void cache_store_begin_grace_period(struct cache_store *store)
{
	base_store(&store->grace_started, store->grace_started + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); // see store_free.c
}

void cache_store_end_grace_period(struct cache_store *store)
{
	base_store_release(&store->grace_completed, store->grace_started);
}

bool cache_store_tick(struct cache_store *store)
{
	if (!cache_store_wants_grace_period(store))
		return false;
	cache_store_begin_grace_period(store);
	rcu_wait_grace_period();
	cache_store_end_grace_period(store);
	return true;
}

void cache_store_usage(const struct cache_store *store, struct cache_usage *usage)
{
	*usage = (struct cache_usage){.bytes = store->bytes, .cell_bytes = CACHE_CELL_BYTES};
	for (uint16_t i = 0; i < store->owner_count; i++) {
		const struct cache_partition *partition = store->partitions[i];

		usage->cells_waiting += base_load(&partition->cells_waiting);
		for (int kind = 0; kind < CACHE_KINDS; kind++) {
			usage->cells += partition->shelves[kind].cells_most;
			usage->cells_used[kind] += base_load(&partition->cells_used[kind]);
			usage->answers[kind] += base_load(&partition->answers[kind]);
		}
	}
}
