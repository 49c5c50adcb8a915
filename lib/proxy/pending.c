// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"

#define BUCKET_ENTRIES 16u
#define SLOT_MASK 0xffffffu
#define ID_DRAWS_MOST 8

int proxy_pending_table_init(
	struct proxy_pending_table *table, uint32_t count, struct random_stream *random)
{
	uint32_t bucket_bits = 1;

	if (!count || count > PROXY_PENDING_MOST)
		return -EINVAL;
	// Half full at the most, so that a full bucket is rare.
	while ((BUCKET_ENTRIES << bucket_bits) < 2 * count)
		bucket_bits++;
	*table = (struct proxy_pending_table){
		.secret = random_stream_u64(random) | 1,
		.bucket_shift = 64 - bucket_bits,
		.slot_count = count,
		.long_count = count / 8 < 16 ? 16 : count / 8,
		.free_head = PROXY_PENDING_NONE,
	};
	table->slots = aligned_alloc(BASE_CACHE_LINE, count * sizeof(*table->slots));
	table->buckets = aligned_alloc(BASE_CACHE_LINE, sizeof(*table->buckets) << bucket_bits);
	table->long_messages = malloc((size_t)table->long_count * PROXY_LONG_MESSAGE_BYTES);
	table->free_long = malloc(table->long_count * sizeof(*table->free_long));
	if (!table->slots || !table->buckets || !table->long_messages || !table->free_long) {
		proxy_pending_table_fini(table);
		return -ENOMEM;
	}
	memset(table->buckets, 0, sizeof(*table->buckets) << bucket_bits);
	// Low slots first, so that a quiet lcore works on few lines.
	for (uint32_t slot = count; slot-- > 0;) {
		table->slots[slot].next_free = table->free_head;
		table->free_head = slot;
	}
	for (uint32_t i = 0; i < table->long_count; i++)
		table->free_long[table->free_long_count++] = i;
	return 0;
}

void proxy_pending_table_fini(struct proxy_pending_table *table)
{
	free(table->slots);
	free(table->buckets);
	free(table->long_messages);
	free(table->free_long);
	*table = (struct proxy_pending_table){0};
}

uint32_t proxy_pending_allocate(
	struct proxy_pending_table *table, const uint8_t *message, uint16_t length)
{
	uint32_t slot = table->free_head;
	struct proxy_pending *pending;
	uint32_t long_message = PROXY_PENDING_NONE;

	if (base_unlikely(slot == PROXY_PENDING_NONE || length > PROXY_LONG_MESSAGE_BYTES))
		return PROXY_PENDING_NONE;
	if (base_unlikely(length > PROXY_INLINE_MESSAGE_BYTES)) {
		if (!table->free_long_count)
			return PROXY_PENDING_NONE;
		long_message = table->free_long[--table->free_long_count];
	}
	pending = &table->slots[slot];
	table->free_head = pending->next_free;
	if (table->free_head != PROXY_PENDING_NONE)
		base_prefetch_write(&table->slots[table->free_head]);
	base_store(&table->in_use, table->in_use + 1);
	pending->long_message = long_message;
	pending->message_length = length;
	memcpy(proxy_pending_message(table, pending), message, length);
	return slot;
}

void proxy_pending_free(struct proxy_pending_table *table, uint32_t slot)
{
	struct proxy_pending *pending = &table->slots[slot];

	if (pending->long_message != PROXY_PENDING_NONE)
		table->free_long[table->free_long_count++] = pending->long_message;
	pending->next_free = table->free_head;
	table->free_head = slot;
	base_store(&table->in_use, table->in_use - 1);
}

// Multiplication by a secret odd number: an attacker who chooses neither port nor id can not aim
// at a bucket.
static inline uint64_t pending_hash(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id)
{
	uint64_t key = (uint64_t)local_port << 16 | id;

	key = (key + 1) * table->secret;
	return (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint32_t pending_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 8) & ~SLOT_MASK;
}

static inline struct proxy_pending_bucket *pending_bucket(
	const struct proxy_pending_table *table, uint64_t hash)
{
	return &table->buckets[hash >> table->bucket_shift];
}

void proxy_pending_prefetch(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id)
{
	base_prefetch(pending_bucket(table, pending_hash(table, local_port, id)));
}

uint32_t proxy_pending_find(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id)
{
	uint64_t hash = pending_hash(table, local_port, id);
	const struct proxy_pending_bucket *bucket = pending_bucket(table, hash);
	uint32_t tag = pending_tag(hash);

	for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
		uint32_t entry = bucket->entries[i];
		uint32_t slot = (entry & SLOT_MASK) - 1;

		if (!(entry & SLOT_MASK) || (entry & ~SLOT_MASK) != tag)
			continue;
		if (table->slots[slot].local_port == local_port && table->slots[slot].id == id)
			return slot;
	}
	return PROXY_PENDING_NONE;
}

uint32_t proxy_pending_guess(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id)
{
	uint64_t hash = pending_hash(table, local_port, id);
	const struct proxy_pending_bucket *bucket = pending_bucket(table, hash);

	for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
		uint32_t entry = bucket->entries[i];

		if ((entry & SLOT_MASK) && (entry & ~SLOT_MASK) == pending_tag(hash))
			return (entry & SLOT_MASK) - 1;
	}
	return PROXY_PENDING_NONE;
}

static bool bucket_add(struct proxy_pending_bucket *bucket, uint32_t entry)
{
	for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
		if (!bucket->entries[i]) {
			bucket->entries[i] = entry;
			return true;
		}
	}
	return false;
}

bool proxy_pending_file(struct proxy_pending_table *table, uint32_t slot, uint16_t local_port,
	struct random_stream *random)
{
	struct proxy_pending *pending = &table->slots[slot];

	for (int draws = 0; draws < ID_DRAWS_MOST; draws++) {
		uint16_t id = (uint16_t)random_stream_u32(random);
		uint64_t hash = pending_hash(table, local_port, id);

		if (proxy_pending_find(table, local_port, id) != PROXY_PENDING_NONE)
			continue;
		if (!bucket_add(pending_bucket(table, hash), pending_tag(hash) | (slot + 1)))
			continue;
		pending->id = id;
		pending->local_port = local_port;
		return true;
	}
	return false;
}

void proxy_pending_unfile(struct proxy_pending_table *table, uint32_t slot)
{
	const struct proxy_pending *pending = &table->slots[slot];
	uint64_t hash = pending_hash(table, pending->local_port, pending->id);
	struct proxy_pending_bucket *bucket = pending_bucket(table, hash);

	for (uint32_t i = 0; i < BUCKET_ENTRIES; i++) {
		if (bucket->entries[i] == (pending_tag(hash) | (slot + 1))) {
			bucket->entries[i] = 0;
			return;
		}
	}
}
