// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/stream_pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/bytes.h"
#include "base/table_memory.h"

#define LONG_MESSAGES_LEAST 16
#define LONG_MESSAGES_PART 16 // of all

// Draws of an id before the next free one is taken: many where nearly all are in use.
#define DRAWS_MOST 16

static int table_allocate(struct proxy_stream_table *table, uint32_t count, uint32_t long_count)
{
	uint32_t buckets = 1u << (32 - table->bucket_shift);

	table->slots = table_memory_allocate((size_t)count * sizeof(*table->slots));
	table->free_slots = table_memory_allocate((size_t)count * sizeof(*table->free_slots));
	table->long_messages = table_memory_allocate((size_t)long_count * PROXY_STREAM_LONG_BYTES);
	table->free_long = table_memory_allocate((size_t)long_count * sizeof(*table->free_long));
	table->buckets = table_memory_allocate((size_t)buckets * sizeof(*table->buckets));
	if (!table->slots || !table->free_slots || !table->long_messages || !table->free_long ||
		!table->buckets)
		return -ENOMEM;
	memset(table->buckets, 0xff, (size_t)buckets * sizeof(*table->buckets));
	return 0;
}

int proxy_stream_table_init(struct proxy_stream_table *table, uint32_t count)
{
	uint32_t long_count = count / LONG_MESSAGES_PART;

	if (!count || count > PROXY_PENDING_MOST)
		return -EINVAL;
	if (long_count < LONG_MESSAGES_LEAST)
		long_count = LONG_MESSAGES_LEAST;
	*table = (struct proxy_stream_table){
		.bucket_shift = 31,
		.free_count = count,
		.free_long_count = long_count,
	};
	while (1u << (32 - table->bucket_shift) < count)
		table->bucket_shift--;
	if (table_allocate(table, count, long_count) != 0) {
		proxy_stream_table_fini(table);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		table->free_slots[i] = count - 1 - i;
	for (uint32_t i = 0; i < long_count; i++)
		table->free_long[i] = i;
	return 0;
}

void proxy_stream_table_fini(struct proxy_stream_table *table)
{
	free(table->slots);
	free(table->free_slots);
	free(table->long_messages);
	free(table->free_long);
	free(table->buckets);
	*table = (struct proxy_stream_table){0};
}

uint32_t proxy_stream_pending_allocate(
	struct proxy_stream_table *table, const uint8_t *message, uint16_t length)
{
	bool is_long = length > PROXY_STREAM_INLINE_BYTES;
	struct proxy_stream_pending *pending;
	uint32_t slot;

	if (!table->free_count || length > PROXY_STREAM_LONG_BYTES ||
		(is_long && !table->free_long_count))
		return PROXY_PENDING_NONE;
	slot = table->free_slots[--table->free_count];
	pending = &table->slots[slot];
	pending->length = length;
	pending->long_message =
		is_long ? table->free_long[--table->free_long_count] : PROXY_PENDING_NONE;
	if (base_likely(!is_long))
		bytes_copy_short(pending->message, message, length);
	else
		memcpy(proxy_stream_pending_message(table, pending), message, length);
	base_store(&table->in_use, table->in_use + 1);
	return slot;
}

void proxy_stream_pending_free(struct proxy_stream_table *table, uint32_t slot)
{
	const struct proxy_stream_pending *pending = &table->slots[slot];

	if (pending->long_message != PROXY_PENDING_NONE)
		table->free_long[table->free_long_count++] = pending->long_message;
	table->free_slots[table->free_count++] = slot;
	base_store(&table->in_use, table->in_use - 1);
}

// Ids are random, and nobody else can choose them, so that their last bits are enough.
static uint32_t *table_bucket(const struct proxy_stream_table *table,
	const struct proxy_stream_list *list, uint16_t connection, uint16_t id)
{
	uint32_t first = (uint32_t)connection * UINT32_C(0x9e3779b1) >> table->bucket_shift;
	uint32_t last = UINT32_MAX >> table->bucket_shift;

	return &table->buckets[(first + (id & list->id_mask)) & last];
}

uint16_t proxy_stream_id_mask(uint32_t limit)
{
	uint32_t buckets = 1;

	while (buckets < limit && buckets <= UINT16_MAX)
		buckets *= 2;
	return (uint16_t)(buckets - 1);
}

uint32_t proxy_stream_pending_find(const struct proxy_stream_table *table,
	const struct proxy_stream_list *list, uint16_t connection, uint16_t id)
{
	uint32_t slot = *table_bucket(table, list, connection, id);

	while (slot != PROXY_PENDING_NONE &&
		(table->slots[slot].id != id || table->slots[slot].connection != connection))
		slot = table->slots[slot].next_in_bucket;
	return slot;
}

static uint16_t pending_draw_id(const struct proxy_stream_table *table,
	const struct proxy_stream_list *list, uint16_t connection, struct random_stream *random)
{
	uint16_t id = 0;

	for (int draws = 0; draws < DRAWS_MOST; draws++) {
		id = (uint16_t)random_stream_u32(random);
		if (proxy_stream_pending_find(table, list, connection, id) == PROXY_PENDING_NONE)
			return id;
	}
	while (proxy_stream_pending_find(table, list, connection, id) != PROXY_PENDING_NONE)
		id++;
	return id;
}

static void list_append(
	struct proxy_stream_table *table, struct proxy_stream_list *list, uint32_t slot)
{
	struct proxy_stream_pending *pending = &table->slots[slot];

	pending->next = PROXY_PENDING_NONE;
	pending->previous = list->last;
	if (list->last == PROXY_PENDING_NONE)
		list->first = slot;
	else
		table->slots[list->last].next = slot;
	list->last = slot;
}

static void list_remove(
	struct proxy_stream_table *table, struct proxy_stream_list *list, uint32_t slot)
{
	const struct proxy_stream_pending *pending = &table->slots[slot];

	if (pending->previous == PROXY_PENDING_NONE)
		list->first = pending->next;
	else
		table->slots[pending->previous].next = pending->next;
	if (pending->next == PROXY_PENDING_NONE)
		list->last = pending->previous;
	else
		table->slots[pending->next].previous = pending->previous;
}

void proxy_stream_pending_file(struct proxy_stream_table *table, uint32_t slot, uint16_t connection,
	struct proxy_stream_list *list, struct random_stream *random)
{
	struct proxy_stream_pending *pending = &table->slots[slot];
	uint32_t *bucket;

	pending->connection = connection;
	pending->id = pending_draw_id(table, list, connection, random);
	bytes_store_u16(proxy_stream_pending_message(table, pending), pending->id);
	bucket = table_bucket(table, list, connection, pending->id);
	pending->next_in_bucket = *bucket;
	*bucket = slot;
	list_append(table, list, slot);
}

void proxy_stream_pending_unfile(
	struct proxy_stream_table *table, uint32_t slot, struct proxy_stream_list *list)
{
	const struct proxy_stream_pending *pending = &table->slots[slot];
	uint32_t *at = table_bucket(table, list, pending->connection, pending->id);

	while (*at != slot)
		at = &table->slots[*at].next_in_bucket;
	*at = pending->next_in_bucket;
	list_remove(table, list, slot);
}
