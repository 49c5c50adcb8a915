// SPDX-License-Identifier: BSD-3-Clause
// The owner's turn: what others put into its rings, and refreshes that were asked for.
#include "cache/store_message.h"

#define LOOK_AT_ALL_RINGS 1024 // polls
#define DOORBELLS_AT_ONCE 8

typedef uint64_t __attribute__((may_alias)) doorbell_word;

// The answer whose head was in `cell` in this life; NULL when it has gone.
static struct cache_cell *find_live(
	const struct cache_partition *partition, uint32_t cell, uint8_t life)
{
	struct cache_cell *head = cache_partition_cell(partition, cell);

	return head->life == life && life % 2 ? head : NULL;
}

// Owner only. The first to ask gets it; the others see the claim, or come to nothing here.
static void claim_refresh(
	struct cache_lcore *owner, uint32_t cell, uint8_t life, uint32_t seconds, uint32_t second)
{
	struct cache_partition *partition = owner->partition;
	struct cache_cell *head = find_live(partition, cell, life);
	uint32_t until = second + seconds;

	if (!head || partition->claim_count == CACHE_REFRESHES_MOST)
		return;
	if (head->claimed_until && cache_seconds_until(head->claimed_until, second) > 0)
		return;
	base_store(&head->claimed_until, until ? until : 1);
	partition->claims[partition->claim_count++] = (struct cache_claim){cell, life};
	cache_count(owner, CACHE_COUNT_REFRESH_CLAIMED);
}

void cache_refresh_ask(
	struct cache_lcore *lcore, const struct cache_view *view, uint32_t seconds, uint64_t now)
{
	const struct cache_partition *partition = view->partition;
	uint64_t offset = (uint64_t)((const uint8_t *)view->cell - partition->cells);
	uint32_t cell = (uint32_t)(offset / CACHE_CELL_BYTES);
	uint32_t length = cache_message_length(0, 0);
	struct cache_partition *owners;
	struct cache_message *message;
	uint16_t owner = partition->owner;

	cache_count(lcore, CACHE_COUNT_REFRESH_ASKED);
	if (owner == lcore->index) {
		claim_refresh(
			lcore, cell, base_load(&view->cell->life), seconds, cache_seconds(now));
		return;
	}
	owners = lcore->store->partitions[owner];
	message = cache_ring_reserve(&owners->rings[lcore->index], length);
	// The next use of the answer asks again.
	if (!message)
		return;
	message->type = CACHE_MESSAGE_REFRESH;
	message->cell = cell;
	message->life = base_load(&view->cell->life);
	message->seconds = (uint16_t)seconds;
	cache_ring_publish(&owners->rings[lcore->index], length);
	cache_ring_doorbell(lcore, owners);
}

static uint32_t hand_out_refreshes(
	struct cache_lcore *owner, struct cache_view refreshes[], uint32_t most, uint32_t second)
{
	struct cache_partition *partition = owner->partition;
	uint32_t count = 0;

	while (partition->claim_count && count < most) {
		struct cache_claim claim = partition->claims[--partition->claim_count];
		const struct cache_cell *head = find_live(partition, claim.cell, claim.life);

		if (head)
			cache_view_make(&refreshes[count++], partition, head, second);
	}
	return count;
}

static void take_message(
	struct cache_lcore *owner, const struct cache_message *message, uint64_t now)
{
	struct cache_arrival arrival;

	if (message->type == CACHE_MESSAGE_REFRESH) {
		claim_refresh(
			owner, message->cell, message->life, message->seconds, cache_seconds(now));
		return;
	}
	arrival = cache_message_read(message);
	(void)cache_partition_insert(owner, &arrival, now);
}

// Returns how many it took.
static uint32_t drain_ring(
	struct cache_lcore *owner, struct cache_ring *ring, uint32_t most, uint64_t now)
{
	const struct cache_message *message;
	uint32_t count = 0;

	while (count < most && (message = cache_ring_peek(ring))) {
		uint32_t length = message->ring.length;

		take_message(owner, message, now);
		cache_ring_release(ring, length);
		count++;
	}
	return count;
}

// In turn from where the last poll ended, so that a busy producer does not keep out another.
static void drain_rings(struct cache_lcore *owner, uint32_t most, uint64_t now)
{
	struct cache_partition *partition = owner->partition;
	uint32_t producers = owner->store->lcore_count + 1u;
	uint32_t left = most;

	for (uint32_t i = 0; i < producers && left; i++) {
		uint32_t producer = partition->next_producer;

		partition->next_producer = producer + 1 == producers ? 0 : producer + 1;
		if (producer != owner->index)
			left -= drain_ring(owner, &partition->rings[producer], left, now);
	}
	partition->has_work = !left;
}

// One line is read for all rings. True if any producer rang.
static bool hear_doorbells(struct cache_partition *partition, uint32_t producers)
{
	bool rang = false;

	for (uint32_t i = 0; i < producers; i += DOORBELLS_AT_ONCE) {
		doorbell_word *heard = (doorbell_word *)(partition->heard + i);
		uint64_t word = base_load_acquire((doorbell_word *)(partition->doorbells + i));

		rang |= word != *heard;
		*heard = word;
	}
	return rang;
}

uint32_t cache_owner_poll(struct cache_lcore *lcore, uint32_t most, struct cache_view refreshes[],
	uint32_t refreshes_most, uint64_t now)
{
	struct cache_partition *partition = lcore->partition;
	bool rang = hear_doorbells(partition, lcore->store->lcore_count + 1u);

	if (base_unlikely(++partition->polls % LOOK_AT_ALL_RINGS == 0))
		rang = true;
	if (rang || partition->has_work)
		drain_rings(lcore, most, now);
	if (base_unlikely(
		    base_load_acquire(&lcore->store->flush_sequence) != partition->sweep.sequence))
		cache_sweep_poll(lcore);
	cache_free_poll(partition);
	if (base_likely(!partition->claim_count))
		return 0;
	return hand_out_refreshes(lcore, refreshes, refreshes_most, cache_seconds(now));
}
