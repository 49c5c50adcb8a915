// SPDX-License-Identifier: BSD-3-Clause
// Flushes: the manager says what goes, and each owner walks over its index for it, a few buckets a
// poll.
#include <errno.h>

#include "cache/store_private.h"

#define BUCKETS_A_POLL 32

// Whether `name` is `zone` or below it; both in wire format and lower case.
static bool is_below(const uint8_t *name, uint32_t length, const struct dns_name *zone)
{
	while (length > zone->length) {
		length -= name[0] + 1u;
		name += name[0] + 1u;
	}
	return length == zone->length && memcmp(name, zone->wire, length) == 0;
}

static bool is_flushed_by_name(const struct cache_flush *flush,
	const struct cache_partition *partition, const struct cache_cell *head)
{
	struct cache_view view = {.partition = partition, .cell = head};
	struct cache_key key;
	const uint8_t *name;
	uint32_t length;

	cache_view_key(&view, &key);
	name = cache_key_name(key.bytes);
	length = cache_key_name_length(key.bytes);
	if (flush->scope == CACHE_FLUSH_ZONE)
		return is_below(name, length, &flush->name);
	return length == flush->name.length && memcmp(name, flush->name.wire, length) == 0;
}

static bool is_flushed(const struct cache_store *store, const struct cache_partition *partition,
	const struct cache_cell *head)
{
	switch (store->flush.scope) {
	case CACHE_FLUSH_ALL:
		return head->generation != base_load(&store->generation);
	case CACHE_FLUSH_EXPIRED:
		return cache_cell_is_over(head, store->flush.second);
	case CACHE_FLUSH_NAME:
	case CACHE_FLUSH_ZONE:
		break;
	}
	return is_flushed_by_name(&store->flush, partition, head);
}

static void prefetch_bucket(const struct cache_partition *partition, uint32_t bucket)
{
	for (uint32_t slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
		uint32_t cell = (uint32_t)partition->buckets[bucket].slots[slot];

		if (cell)
			base_prefetch(cache_partition_cell(partition, cell));
	}
}

static uint32_t flush_bucket(struct cache_lcore *owner, uint32_t bucket)
{
	struct cache_partition *partition = owner->partition;
	enum cache_counter reason = owner->store->flush.scope == CACHE_FLUSH_EXPIRED
					    ? CACHE_COUNT_EVICTED_EXPIRED
					    : CACHE_COUNT_FLUSHED;
	uint32_t removed = 0;

	for (uint32_t i = 0; i < CACHE_BUCKET_SLOTS; i++) {
		uint64_t *slot = &partition->buckets[bucket].slots[i];

		if (!*slot || !is_flushed(owner->store, partition,
				      cache_partition_cell(partition, (uint32_t)*slot)))
			continue;
		cache_partition_remove(owner, slot, reason);
		removed++;
	}
	return removed;
}

void cache_sweep_poll(struct cache_lcore *owner)
{
	struct cache_partition *partition = owner->partition;
	struct cache_sweep *sweep = &partition->sweep;
	uint32_t left = partition->bucket_count - sweep->bucket;
	uint32_t end = sweep->bucket + (left < BUCKETS_A_POLL ? left : BUCKETS_A_POLL);

	if (sweep->bucket == 0)
		sweep->removed = 0;
	for (uint32_t bucket = sweep->bucket; bucket < end; bucket++)
		prefetch_bucket(partition, bucket);
	while (sweep->bucket < end)
		sweep->removed += flush_bucket(owner, sweep->bucket++);
	base_store(&partition->flush_removed, sweep->removed);
	if (sweep->bucket < partition->bucket_count)
		return;
	sweep->bucket = 0;
	sweep->sequence = base_load(&owner->store->flush_sequence);
	base_store_release(&partition->flush_done, sweep->sequence);
}

bool cache_store_flush_is_done(const struct cache_store *store, uint64_t *removed)
{
	bool is_done = true;

	*removed = 0;
	for (uint16_t i = 0; i < store->owner_count; i++) {
		is_done &= base_load_acquire(&store->partitions[i]->flush_done) ==
			   store->flush_sequence;
		*removed += base_load(&store->partitions[i]->flush_removed);
	}
	return is_done;
}

int cache_store_flush(struct cache_store *store, enum cache_flush_scope scope,
	const struct dns_name *name, uint64_t now)
{
	uint64_t removed;

	if (!cache_store_flush_is_done(store, &removed))
		return -EBUSY;
	store->flush = (struct cache_flush){.scope = scope, .second = cache_seconds(now)};
	if (name) {
		store->flush.name = *name;
		dns_name_make_lower_case(&store->flush.name);
	}
	if (scope == CACHE_FLUSH_ALL)
		base_store(&store->generation, (uint8_t)(store->generation + 1));
	base_store_release(&store->flush_sequence, store->flush_sequence + 1);
	return 0;
}
