// SPDX-License-Identifier: BSD-3-Clause
// How the store stands in memory; for this module's store*.c files alone.
//
// A partition is an array of cells of one size, so that a free cell fits any answer. An answer is
// a head cell and as many more as it needs, linked by index: its key, then its value. The index has
// buckets of one cache line; a slot is a tag and the number of a head cell in one word, so that one
// store publishes or removes an answer. A cell's number is 1 or more; 0 is none.
#pragma once

#include "base/atomic.h"
#include "cache/store.h"
#include "cache/store_ring.h"

#ifndef CACHE_CELL_BYTES
#define CACHE_CELL_BYTES 128
#endif
#define CACHE_BUCKET_SLOTS 8

// What an lcore notes of an answer in its own byte: the cell's stamp at that time, and up to three
// uses since. The owner takes a new stamp whenever it has looked, which clears all lcores' notes.
#define CACHE_SEEN_USES 3u
#define CACHE_SEEN_STAMP_SHIFT 2
#define CACHE_STAMPS 64u

// Popularity, an lcore's own word for a cell: low bits of life (6), second (14), hits (12).
#define CACHE_POPULARITY_LIFE_SHIFT 26
#define CACHE_POPULARITY_LIFE_MASK 0x3fu
#define CACHE_POPULARITY_SECOND_SHIFT 12
#define CACHE_POPULARITY_SECONDS 16384u

// The order in the first line is what a lookup reads. Continuation cells have the first eight bytes
// and then data, so that stamp and life outlive every use of the cell.
struct cache_cell {
	uint32_t next; // of the same answer
	uint8_t stamp; // below CACHE_STAMPS. Owner, at any time
	// One more when an answer's head is written here, and again when the answer is retired: odd
	// while it can be found. Owner, at any time
	uint8_t life;
	uint16_t value_length;
	uint32_t stored_at;
	uint32_t expires_at;
	uint32_t stale_until;
	uint32_t claimed_until; // second; 0: no refresh is claimed. Owner, at any time
	uint32_t opaque;
	uint32_t queue_position; // owner alone, as the next
	uint8_t queue_state; // uses that are still owed to it, and which queue it is in
	uint8_t key_words; // of 8 bytes
	uint8_t kind;
	uint8_t generation; // of the store when it came in
	uint16_t carried_hits; // from the answer that it replaced
	uint16_t unused;
	uint8_t bytes[];
};

#define CACHE_CELL_LINK_BYTES 8
#define CACHE_HEAD_ROOM (CACHE_CELL_BYTES - sizeof(struct cache_cell))
#define CACHE_NEXT_ROOM (CACHE_CELL_BYTES - CACHE_CELL_LINK_BYTES)

_Static_assert(sizeof(struct cache_cell) == 40, "room for an A record and a name of 32 bytes");

struct cache_bucket {
	uint64_t slots[CACHE_BUCKET_SLOTS]; // tag << 32 | cell. Owner
} base_aligned(BASE_CACHE_LINE);

// The hash stands beside the cell, so that the bucket can be fetched before the cell is read.
struct cache_queue_entry {
	uint32_t cell; // 0: a hole, where an answer left from the middle
	uint32_t hash_low; // of its key
};

// First in, first out. Owner alone.
struct cache_queue {
	struct cache_queue_entry *ring;
	uint32_t capacity;
	uint32_t head;
	uint32_t count; // with holes
	uint32_t cells; // of the answers in it
};

enum cache_queue_name {
	CACHE_QUEUE_SMALL, // new answers
	CACHE_QUEUE_MAIN, // those that were of use
	CACHE_QUEUES,
};

// S3-FIFO over the answers of one kind. Owner alone.
struct cache_shelf {
	struct cache_queue queues[CACHE_QUEUES];
	uint16_t *ghosts; // fingerprints of what left the small queue unused, overwritten at random
	uint32_t ghost_count;
	uint32_t cells_most;
	uint32_t cells;
	uint32_t answers_most;
	uint32_t answers;
};

// All cells that no reader can find: those before `ready` can be used, those behind it wait for
// their grace period. One ring of all cells' numbers; positions count up for ever. Owner alone.
struct cache_free_cells {
	uint32_t *ring;
	uint32_t capacity;
	uint32_t head_index; // of head, in the ring
	uint32_t tail_index;
	uint64_t head;
	uint64_t ready;
	uint64_t tail;
	// The two grace periods that may be waited for: cells before `until` need number `period`.
	struct {
		uint64_t until;
		uint64_t period;
	} waits[2];
	uint32_t wait_count;
	uint64_t stamped; // cells before it are in waits, or ready
};

#define CACHE_REFRESHES_MOST 64

struct cache_claim {
	uint32_t cell;
	uint8_t life;
};

// Where an owner stands with the flush.
struct cache_sweep {
	uint32_t sequence; // of the flush it works on or has done
	uint32_t bucket; // next
	uint64_t removed;
};

struct cache_partition {
	// Written once.
	uint8_t *cells; // CACHE_CELL_BYTES each; number 0 is not used
	struct cache_bucket *buckets;
	uint32_t cell_count; // with number 0
	uint32_t bucket_count;
	uint16_t owner;
	uint64_t first_note; // of the lcores' notes: cell n has first_note + n
	struct cache_store *store;
	struct cache_ring *rings; // by producer
	// Owner alone.
	struct cache_free_cells free base_aligned(BASE_CACHE_LINE_PAIR);
	struct cache_shelf shelves[CACHE_KINDS];
	struct cache_sweep sweep;
	struct cache_claim claims[CACHE_REFRESHES_MOST];
	uint32_t claim_count;
	uint32_t polls;
	uint32_t next_producer;
	bool has_work; // a ring may hold more
	uint8_t heard[CACHE_LCORES_MOST + 8] base_aligned(8); // doorbells when last looked at
	// Written by the owner, read by the manager.
	uint64_t grace_wanted base_aligned(BASE_CACHE_LINE_PAIR);
	uint32_t answers[CACHE_KINDS];
	uint32_t cells_used[CACHE_KINDS];
	uint32_t cells_waiting;
	uint32_t flush_done; // sequence
	uint64_t flush_removed;
	// By producer, each written by that lcore: counts what it put into its ring.
	uint8_t doorbells[CACHE_LCORES_MOST + 8] base_aligned(BASE_CACHE_LINE_PAIR);
};

struct cache_lcore {
	struct cache_store *store;
	struct cache_partition *partition; // its own; NULL: none
	uint16_t index; // as a producer too
	uint8_t *seen; // by note; NULL for the manager
	uint32_t *popularity; // by note; NULL when it is not counted
	struct cache_counters counters;
};

// What the manager tells the owners to remove; not changed while `sequence` is not done by all.
struct cache_flush {
	enum cache_flush_scope scope;
	uint32_t second; // of CACHE_FLUSH_EXPIRED
	struct dns_name name; // lower case
};

struct cache_store {
	// Written once.
	uint8_t secret[CACHE_SECRET_BYTES];
	uint16_t owner_count;
	uint16_t lcore_count; // without the manager, whose index it is
	uint32_t popularity_gap;
	uint32_t ring_bytes;
	uint64_t bytes;
	struct cache_partition *partitions[CACHE_LCORES_MOST];
	struct cache_lcore *lcores[CACHE_LCORES_MOST + 1];
	uint64_t note_count;
	size_t partition_bytes; // of the memory of one
	size_t lcore_bytes;
	// Written by the manager, seldom.
	uint32_t flush_sequence base_aligned(BASE_CACHE_LINE_PAIR);
	uint8_t generation; // answers of another one are flushed
	struct cache_flush flush;
	// Written by the manager, a thousand times a second at most.
	uint64_t grace_started base_aligned(BASE_CACHE_LINE_PAIR);
	uint64_t grace_completed;
};

static inline struct cache_cell *cache_partition_cell(
	const struct cache_partition *partition, uint32_t cell)
{
	return (struct cache_cell *)(partition->cells + (size_t)cell * CACHE_CELL_BYTES);
}

static inline uint16_t cache_store_owner(const struct cache_store *store, uint64_t hash)
{
	return (uint16_t)((hash >> 48) * store->owner_count >> 16);
}

static inline struct cache_bucket *cache_partition_bucket(
	const struct cache_partition *partition, uint32_t hash_low)
{
	return &partition->buckets[(uint64_t)hash_low * partition->bucket_count >> 32];
}

static inline uint32_t cache_hash_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static inline void cache_count(struct cache_lcore *lcore, enum cache_counter counter)
{
	base_store(&lcore->counters.values[counter], lcore->counters.values[counter] + 1);
}

static inline void cache_count_many(
	struct cache_lcore *lcore, enum cache_counter counter, uint64_t many)
{
	base_store(&lcore->counters.values[counter], lcore->counters.values[counter] + many);
}

// Room behind the key in the cell where it ends; 0 if the value starts in the next cell, since too
// little of it would be at hand in this one.
static inline uint32_t cache_value_room(uint32_t room, uint32_t value_length)
{
	return room < CACHE_VALUE_HERE_LEAST && value_length > room ? 0 : room;
}

// Cells of an answer.
static inline uint32_t cache_cells_for(uint32_t key_length, uint32_t value_length)
{
	uint32_t room = CACHE_HEAD_ROOM;
	uint32_t cells = 1;

	while (base_unlikely(key_length > room)) {
		key_length -= room;
		room = CACHE_NEXT_ROOM;
		cells++;
	}
	room = cache_value_room(room - key_length, value_length);
	if (value_length > room)
		cells += (uint32_t)((value_length - room + CACHE_NEXT_ROOM - 1) / CACHE_NEXT_ROOM);
	return cells;
}

static inline uint32_t cache_cell_count(const struct cache_cell *head)
{
	return cache_cells_for(head->key_words * 8u, head->value_length);
}

static inline bool cache_cell_is_over(const struct cache_cell *head, uint32_t second)
{
	return cache_seconds_until(head->stale_until, second) <= 0;
}

// store_lookup.c

// The cell's data, and where the chain goes on.
struct cache_bytes {
	const uint8_t *at;
	uint32_t here; // bytes at `at`
	uint32_t next; // cell
};

struct cache_bytes cache_head_bytes(const struct cache_cell *head);
struct cache_bytes cache_next_bytes(const struct cache_partition *partition, uint32_t cell);

// Of the key of an answer: where in the index it stands.
uint64_t cache_cell_hash(const struct cache_partition *partition, const struct cache_cell *head);
void cache_view_make(struct cache_view *view, const struct cache_partition *partition,
	const struct cache_cell *head, uint32_t second);

// The slot with this key, in any generation; NULL when there is none.
uint64_t *cache_partition_find(const struct cache_partition *partition, uint64_t hash,
	const uint8_t *key, uint32_t key_length);
uint32_t cache_hits(const struct cache_store *store, const struct cache_partition *partition,
	const struct cache_cell *head, uint32_t second);

// store_free.c

void cache_free_init(struct cache_free_cells *free, uint32_t cell_count);
// Number 0 when none is ready.
uint32_t cache_free_take(struct cache_partition *partition);
uint32_t cache_free_ready(const struct cache_partition *partition);
// All cells of an answer that no reader can find from now on.
void cache_free_retire(struct cache_partition *partition, uint32_t cell);
// Once a poll: says which grace period what was retired waits for, and takes back what has waited.
void cache_free_poll(struct cache_partition *partition);

// store_queue.c

// How often all lcores used it since the last look, at most CACHE_SEEN_USES.
uint32_t cache_queue_uses(
	const struct cache_partition *partition, const struct cache_cell *head, uint32_t cell);
// Evicts until `cells` more of this kind fit.
void cache_shelf_make_room(
	struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t cells, uint32_t second);
// Fetches what cache_shelf_add() will look at.
void cache_shelf_prefetch(const struct cache_shelf *shelf, uint64_t hash);
// Puts a new answer at the end of the queue that it belongs to.
void cache_shelf_add(struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t cell,
	uint64_t hash, uint32_t second);
// Puts it in the place of an answer that it replaces.
void cache_shelf_replace(struct cache_partition *partition, struct cache_shelf *shelf,
	uint32_t old_cell, uint32_t cell);
// Forgets an answer that leaves from the middle.
void cache_shelf_remove(struct cache_partition *partition, uint32_t cell);

// store_insert.c

// Takes the answer in this slot, which is in no queue any more, from readers.
void cache_partition_unlink(struct cache_lcore *owner, uint64_t *slot, enum cache_counter reason);
// The same for one that is still in its queue.
void cache_partition_remove(struct cache_lcore *owner, uint64_t *slot, enum cache_counter reason);

// An answer on its way into a partition. It is of the generation in which it was handed over, so
// that a flush of all takes what is in the rings too.
struct cache_arrival {
	const uint8_t *key;
	const uint8_t *value;
	uint64_t hash;
	uint32_t opaque;
	uint16_t key_length;
	uint16_t value_length;
	uint8_t kind;
	uint8_t generation;
	uint32_t stored_at;
	uint32_t expires_at;
	uint32_t stale_until;
};

struct cache_arrival cache_arrival_make(
	const struct cache_lcore *lcore, const struct cache_record *record);
enum cache_insert_result cache_partition_insert(
	struct cache_lcore *owner, const struct cache_arrival *arrival, uint64_t now);

enum cache_pass_result {
	CACHE_PASS_DONE,
	CACHE_PASS_FULL,
	CACHE_PASS_TOO_LONG,
};

// Into the ring to the owner; counts nothing.
enum cache_pass_result cache_pass(
	struct cache_lcore *lcore, const struct cache_arrival *arrival, uint16_t owner);

// store_flush.c

// Goes on with the flush, a few buckets.
void cache_sweep_poll(struct cache_lcore *owner);
