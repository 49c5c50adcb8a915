// SPDX-License-Identifier: BSD-3-Clause
// Which answers are evicted: S3-FIFO, for each kind by itself. New answers go to the small queue, a
// twentieth of the cells; one that is used twice there goes on to the main queue, another one is evicted
// and its fingerprint kept as a ghost, by which it goes straight to the main queue when it comes
// again. An answer at the end of the main queue goes round once more for each use, to three.
#include "cache/store_private.h"

#define SMALL_PART 20 // of the cells in use
#define PROMOTING_USES 2
#define STATE_USES_MASK 0x03
#define STATE_MAIN 0x04
#define VISITS_AHEAD 4 // whose memory is fetched
#define VISITS_LEAST 64 // before answers are evicted whether used or not
#define VISITS_A_CELL 8
#define HOLES_AT_ONCE 4
#define ROUNDS_FOR_A_HOLE 64

static enum cache_queue_name queue_of(const struct cache_cell *head)
{
	return head->queue_state & STATE_MAIN ? CACHE_QUEUE_MAIN : CACHE_QUEUE_SMALL;
}

// The owner's look at what the lcores noted clears it.
static void take_new_stamp(struct cache_cell *head)
{
	base_store(&head->stamp, (uint8_t)((head->stamp + 1) % CACHE_STAMPS));
}

uint32_t cache_queue_uses(
	const struct cache_partition *partition, const struct cache_cell *head, uint32_t cell)
{
	const struct cache_store *store = partition->store;
	uint64_t note = partition->first_note + cell;
	uint32_t uses = head->queue_state & STATE_USES_MASK;

	for (uint16_t i = 0; i < store->lcore_count && uses < CACHE_SEEN_USES; i++) {
		uint8_t seen = base_load(&store->lcores[i]->seen[note]);

		if (seen >> CACHE_SEEN_STAMP_SHIFT == head->stamp)
			uses += seen & CACHE_SEEN_USES;
	}
	return uses < CACHE_SEEN_USES ? uses : CACHE_SEEN_USES;
}

static uint16_t *ghost_of(const struct cache_shelf *shelf, uint32_t tag)
{
	return &shelf->ghosts[(uint64_t)tag * shelf->ghost_count >> 32];
}

// The bits of the hash that choose neither the ghost nor, but for a few, the bucket.
static uint16_t fingerprint(uint32_t hash_low)
{
	return (uint16_t)(hash_low | 1);
}

// The bucket that the answer is found in, and all that is read of it before it is evicted or stays.
static void prefetch_entry(
	const struct cache_partition *partition, const struct cache_queue_entry *entry)
{
	const struct cache_store *store = partition->store;

	base_prefetch_write(cache_partition_cell(partition, entry->cell));
	base_prefetch_write(cache_partition_bucket(partition, entry->hash_low));
	for (uint16_t i = 0; i < store->lcore_count; i++)
		base_prefetch(&store->lcores[i]->seen[partition->first_note + entry->cell]);
}

static struct cache_queue_entry pop(
	const struct cache_partition *partition, struct cache_queue *queue)
{
	struct cache_queue_entry entry = queue->ring[queue->head];
	uint32_t ahead = queue->head + VISITS_AHEAD;

	queue->head = queue->head + 1 == queue->capacity ? 0 : queue->head + 1;
	queue->count--;
	if (entry.cell)
		queue->cells -= cache_cell_count(cache_partition_cell(partition, entry.cell));
	if (ahead < queue->capacity && queue->count > VISITS_AHEAD && queue->ring[ahead].cell)
		prefetch_entry(partition, &queue->ring[ahead]);
	return entry;
}

// There is room.
static void push(const struct cache_partition *partition, struct cache_queue *queue,
	enum cache_queue_name name, struct cache_queue_entry entry, uint32_t uses)
{
	struct cache_cell *head = cache_partition_cell(partition, entry.cell);
	uint32_t at = queue->head + queue->count;

	at = at >= queue->capacity ? at - queue->capacity : at;
	queue->ring[at] = entry;
	queue->count++;
	queue->cells += cache_cell_count(head);
	head->queue_position = at;
	head->queue_state = (uint8_t)(uses | (name == CACHE_QUEUE_MAIN ? STATE_MAIN : 0));
}

// An answer that was popped leaves the store.
static void evict(
	struct cache_lcore *owner, struct cache_queue_entry entry, enum cache_counter reason)
{
	struct cache_partition *partition = owner->partition;
	const struct cache_cell *head = cache_partition_cell(partition, entry.cell);
	struct cache_bucket *bucket = cache_partition_bucket(partition, entry.hash_low);

	for (uint32_t slot = 0; slot < CACHE_BUCKET_SLOTS; slot++) {
		if ((uint32_t)bucket->slots[slot] != entry.cell)
			continue;
		if (reason == CACHE_COUNT_EVICTED_SMALL) {
			struct cache_shelf *shelf = &partition->shelves[head->kind];
			uint32_t tag = (uint32_t)(bucket->slots[slot] >> 32);

			*ghost_of(shelf, tag) = fingerprint(entry.hash_low);
		}
		cache_partition_unlink(owner, &bucket->slots[slot], reason);
		return;
	}
}

static void visit_main(
	struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t second, bool is_pressed)
{
	const struct cache_partition *partition = owner->partition;
	struct cache_queue *main_queue = &shelf->queues[CACHE_QUEUE_MAIN];
	struct cache_queue_entry entry = pop(partition, main_queue);
	struct cache_cell *head;
	uint32_t uses;

	if (!entry.cell)
		return;
	head = cache_partition_cell(partition, entry.cell);
	uses = cache_queue_uses(partition, head, entry.cell);
	if (cache_cell_is_over(head, second)) {
		evict(owner, entry, CACHE_COUNT_EVICTED_EXPIRED);
	} else if (uses && !is_pressed) {
		take_new_stamp(head);
		push(partition, main_queue, CACHE_QUEUE_MAIN, entry, uses - 1);
	} else {
		evict(owner, entry, CACHE_COUNT_EVICTED_MAIN);
	}
}

// Takes the head away if it is a hole; an answer goes to the end as it is.
static void turn_round(const struct cache_partition *partition, struct cache_queue *queue)
{
	struct cache_queue_entry entry = pop(partition, queue);

	if (entry.cell)
		push(partition, queue, CACHE_QUEUE_MAIN, entry,
			cache_partition_cell(partition, entry.cell)->queue_state & STATE_USES_MASK);
}

static void go_to_main(struct cache_lcore *owner, struct cache_shelf *shelf,
	struct cache_queue_entry entry, uint32_t second)
{
	struct cache_queue *queue = &shelf->queues[CACHE_QUEUE_MAIN];

	// The answers in it are fewer than its places, so what fills it up are holes.
	for (int i = 0; i < ROUNDS_FOR_A_HOLE && queue->count == queue->capacity; i++)
		turn_round(owner->partition, queue);
	if (queue->count == queue->capacity)
		visit_main(owner, shelf, second, true);
	push(owner->partition, queue, CACHE_QUEUE_MAIN, entry, 0);
}

// `is_full`: the answer has to earn its place; otherwise it only makes room in the queue.
static void visit_small(
	struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t second, bool is_full)
{
	const struct cache_partition *partition = owner->partition;
	struct cache_queue_entry entry = pop(partition, &shelf->queues[CACHE_QUEUE_SMALL]);
	struct cache_cell *head;

	if (!entry.cell)
		return;
	head = cache_partition_cell(partition, entry.cell);
	if (cache_cell_is_over(head, second)) {
		evict(owner, entry, CACHE_COUNT_EVICTED_EXPIRED);
	} else if (!is_full || cache_queue_uses(partition, head, entry.cell) >= PROMOTING_USES) {
		take_new_stamp(head);
		go_to_main(owner, shelf, entry, second);
		cache_count(owner, CACHE_COUNT_PROMOTED);
	} else {
		evict(owner, entry, CACHE_COUNT_EVICTED_SMALL);
	}
}

void cache_shelf_make_room(
	struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t cells, uint32_t second)
{
	struct cache_queue *small = &shelf->queues[CACHE_QUEUE_SMALL];
	struct cache_queue *main_queue = &shelf->queues[CACHE_QUEUE_MAIN];
	uint32_t visits = VISITS_LEAST + VISITS_A_CELL * cells;

	while (shelf->cells + cells > shelf->cells_most || shelf->answers >= shelf->answers_most) {
		if (small->cells > shelf->cells / SMALL_PART || !main_queue->count)
			visit_small(owner, shelf, second, true);
		else
			visit_main(owner, shelf, second, !visits);
		visits -= visits != 0;
	}
}

// Holes at the head would take the place of answers.
static void drop_holes(const struct cache_partition *partition, struct cache_queue *queue)
{
	for (int i = 0; i < HOLES_AT_ONCE && queue->count && !queue->ring[queue->head].cell; i++)
		(void)pop(partition, queue);
}

void cache_shelf_prefetch(const struct cache_shelf *shelf, uint64_t hash)
{
	base_prefetch_write(ghost_of(shelf, cache_hash_tag(hash)));
}

void cache_shelf_add(struct cache_lcore *owner, struct cache_shelf *shelf, uint32_t cell,
	uint64_t hash, uint32_t second)
{
	struct cache_queue *small = &shelf->queues[CACHE_QUEUE_SMALL];
	uint16_t *ghost = ghost_of(shelf, cache_hash_tag(hash));
	struct cache_queue_entry entry = {cell, (uint32_t)hash};

	drop_holes(owner->partition, small);
	drop_holes(owner->partition, &shelf->queues[CACHE_QUEUE_MAIN]);
	if (*ghost == fingerprint((uint32_t)hash)) {
		*ghost = 0;
		go_to_main(owner, shelf, entry, second);
		cache_count(owner, CACHE_COUNT_REMEMBERED);
		return;
	}
	while (small->count == small->capacity)
		visit_small(owner, shelf, second, false);
	push(owner->partition, small, CACHE_QUEUE_SMALL, entry, 0);
}

void cache_shelf_replace(struct cache_partition *partition, struct cache_shelf *shelf,
	uint32_t old_cell, uint32_t cell)
{
	const struct cache_cell *old = cache_partition_cell(partition, old_cell);
	struct cache_cell *head = cache_partition_cell(partition, cell);
	struct cache_queue *queue = &shelf->queues[queue_of(old)];
	uint32_t uses = cache_queue_uses(partition, old, old_cell);

	queue->ring[old->queue_position].cell = cell;
	queue->cells += cache_cell_count(head) - cache_cell_count(old);
	head->queue_position = old->queue_position;
	head->queue_state = (uint8_t)((old->queue_state & ~STATE_USES_MASK) | uses);
}

void cache_shelf_remove(struct cache_partition *partition, uint32_t cell)
{
	const struct cache_cell *head = cache_partition_cell(partition, cell);
	struct cache_queue *queue = &partition->shelves[head->kind].queues[queue_of(head)];

	queue->ring[head->queue_position].cell = 0;
	queue->cells -= cache_cell_count(head);
}
