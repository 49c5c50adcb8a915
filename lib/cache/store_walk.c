// SPDX-License-Identifier: BSD-3-Clause
// The manager's view of all that is stored. It reads without being a registered reader: cells are
// given free again only by a grace period, and it is the one that ends them.
#include "cache/store_private.h"

#define CURSOR_PARTITION_SHIFT 32

struct walk {
	bool (*visit)(const struct cache_view *view, void *context);
	void *context;
	uint32_t visited;
};

// False if `visit` wants no more.
static bool walk_bucket(struct walk *walk, const struct cache_partition *partition, uint32_t bucket)
{
	bool goes_on = true;

	for (uint32_t i = 0; i < CACHE_BUCKET_SLOTS && goes_on; i++) {
		uint32_t cell = (uint32_t)base_load_acquire(&partition->buckets[bucket].slots[i]);
		const struct cache_cell *head = cache_partition_cell(partition, cell);
		struct cache_view view;

		if (!cell || head->generation != partition->store->generation)
			continue;
		// No second is at hand, and nobody asks a walked view for its claim.
		cache_view_make(&view, partition, head, head->stored_at);
		walk->visited++;
		goes_on = walk->visit(&view, walk->context);
	}
	return goes_on;
}

bool cache_store_walk(const struct cache_store *store, uint64_t *cursor, uint32_t most,
	bool (*visit)(const struct cache_view *view, void *context), void *context)
{
	struct walk walk = {visit, context, 0};
	uint64_t owner = *cursor >> CURSOR_PARTITION_SHIFT;
	uint32_t bucket = (uint32_t)*cursor;
	bool goes_on = true;

	// Empty buckets cost something too.
	for (uint32_t buckets = 0;
		owner < store->owner_count && goes_on && walk.visited < most && buckets < most;
		buckets++) {
		const struct cache_partition *partition = store->partitions[owner];

		goes_on = walk_bucket(&walk, partition, bucket++);
		if (bucket == partition->bucket_count) {
			bucket = 0;
			owner++;
		}
	}
	*cursor = owner << CURSOR_PARTITION_SHIFT | bucket;
	return goes_on && owner < store->owner_count;
}
