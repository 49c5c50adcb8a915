// SPDX-License-Identifier: BSD-3-Clause
// Inserts: into the lcore's own partition, or into the ring to its owner.
#include "cache/store_message.h"
#include "cache/store_private.h"

static void publish_shelf(struct cache_partition *partition, uint8_t kind)
{
	base_store(&partition->answers[kind], partition->shelves[kind].answers);
	base_store(&partition->cells_used[kind], partition->shelves[kind].cells);
}

void cache_partition_unlink(struct cache_lcore *owner, uint64_t *slot, enum cache_counter reason)
{
	struct cache_partition *partition = owner->partition;
	uint32_t cell = (uint32_t)*slot;
	const struct cache_cell *head = cache_partition_cell(partition, cell);
	struct cache_shelf *shelf = &partition->shelves[head->kind];

	base_store_release(slot, 0);
	shelf->answers--;
	shelf->cells -= cache_cell_count(head);
	publish_shelf(partition, head->kind);
	cache_free_retire(partition, cell);
	cache_count(owner, reason);
}

void cache_partition_remove(struct cache_lcore *owner, uint64_t *slot, enum cache_counter reason)
{
	cache_shelf_remove(owner->partition, (uint32_t)*slot);
	cache_partition_unlink(owner, slot, reason);
}

// Writes on from a cell to those taken after it.
struct cell_writer {
	struct cache_partition *partition;
	struct cache_cell *cell;
	uint8_t *at;
	uint32_t room;
};

static void write_bytes(struct cell_writer *writer, const uint8_t *bytes, uint32_t length)
{
	while (length) {
		uint32_t part;

		if (!writer->room) {
			uint32_t next = cache_free_take(writer->partition);

			writer->cell->next = next;
			writer->cell = cache_partition_cell(writer->partition, next);
			writer->cell->next = 0;
			writer->at = (uint8_t *)writer->cell + CACHE_CELL_LINK_BYTES;
			writer->room = CACHE_NEXT_ROOM;
		}
		part = length < writer->room ? length : writer->room;
		memcpy(writer->at, bytes, part);
		writer->at += part;
		writer->room -= part;
		bytes += part;
		length -= part;
	}
}

// There are enough cells. Returns the head, in no queue and found by nobody.
static uint32_t write_answer(struct cache_partition *partition, const struct cache_arrival *arrival)
{
	uint32_t cell = cache_free_take(partition);
	struct cache_cell *head = cache_partition_cell(partition, cell);
	struct cell_writer writer = {partition, head, head->bytes, CACHE_HEAD_ROOM};

	head->next = 0;
	base_store(&head->stamp, (uint8_t)((head->stamp + 1) % CACHE_STAMPS));
	base_store(&head->life, (uint8_t)(head->life + 1));
	head->value_length = arrival->value_length;
	head->carried_hits = 0;
	head->stored_at = arrival->stored_at;
	head->expires_at = arrival->expires_at;
	head->stale_until = arrival->stale_until;
	base_store(&head->claimed_until, 0);
	head->opaque = arrival->opaque;
	head->key_words = (uint8_t)(arrival->key_length / 8);
	head->kind = arrival->kind;
	head->generation = arrival->generation;
	write_bytes(&writer, arrival->key, arrival->key_length);
	writer.room = cache_value_room(writer.room, arrival->value_length);
	write_bytes(&writer, arrival->value, arrival->value_length);
	return cell;
}

// How much it would be missed; the least is evicted from a bucket that is full. What is of another
// kind than the new answer is spared, so that one kind can not push out another here either.
static uint32_t worth(const struct cache_lcore *owner, uint64_t slot,
	const struct cache_cell *newer, uint32_t second)
{
	const struct cache_partition *partition = owner->partition;
	const struct cache_cell *head = cache_partition_cell(partition, (uint32_t)slot);
	uint32_t age = second - head->stored_at;

	if (cache_cell_is_over(head, second) || head->generation != newer->generation)
		return 0;
	age = age < 0xffff ? age : 0xffff;
	return (uint32_t)(head->kind != newer->kind) << 24 |
	       (cache_queue_uses(partition, head, (uint32_t)slot) + 1) << 16 | (0xffff - age);
}

static uint64_t *free_slot(
	struct cache_lcore *owner, const struct cache_cell *newer, uint64_t hash, uint32_t second)
{
	struct cache_bucket *bucket = cache_partition_bucket(owner->partition, (uint32_t)hash);
	uint32_t least = UINT32_MAX;
	uint64_t *victim = NULL;

	for (uint32_t i = 0; i < CACHE_BUCKET_SLOTS; i++) {
		if (!bucket->slots[i])
			return &bucket->slots[i];
	}
	for (uint32_t i = 0; i < CACHE_BUCKET_SLOTS; i++) {
		uint32_t its_worth = worth(owner, bucket->slots[i], newer, second);

		if (its_worth < least) {
			least = its_worth;
			victim = &bucket->slots[i];
		}
	}
	cache_partition_remove(
		owner, victim, least ? CACHE_COUNT_EVICTED_BUCKET : CACHE_COUNT_EVICTED_EXPIRED);
	return victim;
}

// Half, so that an answer that is asked for no more is not kept alive by its past.
static uint16_t carried_hits(
	const struct cache_lcore *owner, const struct cache_cell *old, uint32_t second)
{
	if (!owner->popularity)
		return 0;
	return (uint16_t)(cache_hits(owner->store, owner->partition, old, second) / 2);
}

static void replace(
	struct cache_lcore *owner, uint64_t *slot, uint32_t cell, uint64_t hash, uint32_t second)
{
	struct cache_partition *partition = owner->partition;
	uint32_t old_cell = (uint32_t)*slot;
	const struct cache_cell *old = cache_partition_cell(partition, old_cell);
	struct cache_cell *head = cache_partition_cell(partition, cell);
	struct cache_shelf *shelf = &partition->shelves[old->kind];

	head->carried_hits = carried_hits(owner, old, second);
	if (old->kind == head->kind) {
		cache_shelf_replace(partition, shelf, old_cell, cell);
	} else {
		cache_shelf_remove(partition, old_cell);
		cache_shelf_add(owner, &partition->shelves[head->kind], cell, hash, second);
	}
	base_store_release(slot, (*slot & ~(uint64_t)UINT32_MAX) | cell);
	shelf->answers--;
	shelf->cells -= cache_cell_count(old);
	publish_shelf(partition, old->kind);
	cache_free_retire(partition, old_cell);
	cache_count(owner, CACHE_COUNT_REPLACED);
}

// A server failure takes the place of no answer that is of use. Its time is that answer's claim.
static bool keeps_what_is_there(
	struct cache_lcore *owner, const struct cache_arrival *arrival, uint32_t second)
{
	const struct cache_partition *partition = owner->partition;
	const uint64_t *slot;
	struct cache_cell *head;

	if (arrival->kind != CACHE_KIND_SERVFAIL)
		return false;
	slot = cache_partition_find(partition, arrival->hash, arrival->key, arrival->key_length);
	if (!slot)
		return false;
	head = cache_partition_cell(partition, (uint32_t)*slot);
	if (head->kind == CACHE_KIND_SERVFAIL || cache_cell_is_over(head, second) ||
		head->generation != arrival->generation)
		return false;
	base_store(&head->claimed_until, arrival->expires_at ? arrival->expires_at : 1);
	return true;
}

// The counter that says why it can not be stored, or CACHE_COUNTERS.
static enum cache_counter reason_to_drop(
	struct cache_lcore *owner, const struct cache_arrival *arrival, uint32_t second)
{
	const struct cache_partition *partition = owner->partition;
	uint32_t cells = cache_cells_for(arrival->key_length, arrival->value_length);

	if (arrival->generation != base_load(&owner->store->generation))
		return CACHE_COUNT_DROPPED_FLUSHED;
	if (cells > partition->shelves[arrival->kind].cells_most)
		return CACHE_COUNT_DROPPED_TOO_LONG;
	if (keeps_what_is_there(owner, arrival, second))
		return CACHE_COUNT_DROPPED_KEPT;
	if (cells > cache_free_ready(partition))
		return CACHE_COUNT_DROPPED_NO_CELL;
	return CACHE_COUNTERS;
}

enum cache_insert_result cache_partition_insert(
	struct cache_lcore *owner, const struct cache_arrival *arrival, uint64_t now)
{
	struct cache_partition *partition = owner->partition;
	struct cache_shelf *shelf = &partition->shelves[arrival->kind];
	uint32_t cells = cache_cells_for(arrival->key_length, arrival->value_length);
	uint32_t second = cache_seconds(now);
	enum cache_counter reason = reason_to_drop(owner, arrival, second);
	uint64_t *slot;
	uint32_t cell;

	if (reason != CACHE_COUNTERS) {
		cache_count(owner, reason);
		return CACHE_DROPPED;
	}
	// Evictions may take the answer that is to be replaced, so it is looked for after.
	cache_shelf_make_room(owner, shelf, cells, second);
	cell = write_answer(partition, arrival);
	slot = cache_partition_find(partition, arrival->hash, arrival->key, arrival->key_length);
	if (slot) {
		replace(owner, slot, cell, arrival->hash, second);
	} else {
		slot = free_slot(
			owner, cache_partition_cell(partition, cell), arrival->hash, second);
		cache_shelf_add(owner, shelf, cell, arrival->hash, second);
		base_store_release(slot, (uint64_t)cache_hash_tag(arrival->hash) << 32 | cell);
	}
	shelf->answers++;
	shelf->cells += cells;
	publish_shelf(partition, arrival->kind);
	cache_count(owner, CACHE_COUNT_INSERTED_SUCCESS + arrival->kind);
	return CACHE_INSERTED;
}

enum cache_pass_result cache_pass(
	struct cache_lcore *lcore, const struct cache_arrival *arrival, uint16_t owner)
{
	struct cache_partition *partition = lcore->store->partitions[owner];
	struct cache_ring *ring = &partition->rings[lcore->index];
	uint32_t length = cache_message_length(arrival->key_length, arrival->value_length);
	struct cache_message *message;

	if (length > cache_ring_longest(ring))
		return CACHE_PASS_TOO_LONG;
	message = cache_ring_reserve(ring, length);
	if (!message)
		return CACHE_PASS_FULL;
	cache_message_write(message, arrival);
	cache_ring_publish(ring, length);
	cache_ring_doorbell(lcore, partition);
	return CACHE_PASS_DONE;
}

struct cache_arrival cache_arrival_make(
	const struct cache_lcore *lcore, const struct cache_record *record)
{
	return (struct cache_arrival){
		.key = record->key->bytes,
		.key_length = record->key->length,
		.hash = record->hash,
		.kind = (uint8_t)record->kind,
		.generation = base_load(&lcore->store->generation),
		.stored_at = record->stored_at,
		.expires_at = record->expires_at,
		.stale_until = record->stale_until,
		.opaque = record->opaque,
		.value = record->value,
		.value_length = record->value_length,
	};
}

void cache_insert_prefetch(const struct cache_lcore *lcore, uint64_t hash)
{
	const struct cache_partition *partition = lcore->partition;

	// Elsewhere it goes into a ring.
	if (cache_store_owner(lcore->store, hash) != lcore->index)
		return;
	base_prefetch_write(cache_partition_bucket(partition, (uint32_t)hash));
	cache_shelf_prefetch(&partition->shelves[CACHE_KIND_SUCCESS], hash);
}

enum cache_insert_result cache_store_insert(
	struct cache_lcore *lcore, const struct cache_record *record, uint64_t now)
{
	static const enum cache_counter counts[] = {
		[CACHE_PASS_DONE] = CACHE_COUNT_PASSED,
		[CACHE_PASS_FULL] = CACHE_COUNT_DROPPED_RING_FULL,
		[CACHE_PASS_TOO_LONG] = CACHE_COUNT_DROPPED_TOO_LONG,
	};
	struct cache_arrival arrival = cache_arrival_make(lcore, record);
	uint16_t owner = cache_store_owner(lcore->store, record->hash);
	enum cache_pass_result result;

	if (owner == lcore->index)
		return cache_partition_insert(lcore, &arrival, now);
	result = cache_pass(lcore, &arrival, owner);
	cache_count(lcore, counts[result]);
	return result == CACHE_PASS_DONE ? CACHE_PASSED : CACHE_DROPPED;
}
