// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/bytes.h"
#include "base/table_memory.h"
#include "proxy/connection.h"

#define LINE_ENTRIES (BASE_CACHE_LINE / sizeof(uint32_t))
#define SLOT_MASK 0xffffffu
#define ID_DRAWS_MOST 16
// How far ahead of its use a free slot is fetched: about what a cache miss takes.
#define SLOTS_AHEAD 3

int proxy_pending_table_init(
	struct proxy_pending_table *table, uint32_t count, uint16_t connections)
{
	size_t row_bytes;
	uint32_t slots;
	uint32_t lines;

	if (!count || count > PROXY_PENDING_MOST || !connections)
		return -EINVAL;
	// Twice the even share: pools have ports of their own, and share only those.
	slots = count + PROXY_PENDING_RESERVED;
	lines = (uint32_t)((2 * count / connections + LINE_ENTRIES) / LINE_ENTRIES);
	*table = (struct proxy_pending_table){
		.row_entries = lines * (uint32_t)LINE_ENTRIES,
		.row_count = connections,
		.slot_count = slots,
		.long_count = count / 8 < 16 ? 16 : count / 8,
	};
	row_bytes = (size_t)lines * BASE_CACHE_LINE * connections;
	table->slots = table_memory_allocate(slots * sizeof(*table->slots));
	table->rows = table_memory_allocate(row_bytes);
	table->long_messages =
		table_memory_allocate((size_t)table->long_count * PROXY_LONG_MESSAGE_BYTES);
	table->free_long = table_memory_allocate(table->long_count * sizeof(*table->free_long));
	table->free_slots = table_memory_allocate(slots * sizeof(*table->free_slots));
	if (!table->slots || !table->rows || !table->long_messages || !table->free_long ||
		!table->free_slots) {
		proxy_pending_table_fini(table);
		return -ENOMEM;
	}
	memset(table->rows, 0, row_bytes);
	// Low slots first, so that a quiet lcore works on few lines.
	for (uint32_t slot = slots; slot-- > 0;)
		table->free_slots[table->free_count++] = slot;
	for (uint32_t i = 0; i < table->long_count; i++)
		table->free_long[table->free_long_count++] = i;
	return 0;
}

void proxy_pending_table_fini(struct proxy_pending_table *table)
{
	free(table->slots);
	free(table->rows);
	free(table->long_messages);
	free(table->free_long);
	free(table->free_slots);
	*table = (struct proxy_pending_table){0};
}

// All that a new query writes.
static inline void slot_prefetch(struct proxy_pending *pending)
{
	base_prefetch_write(pending);
	base_prefetch_write(pending->context);
	base_prefetch_write(pending->message);
}

uint32_t proxy_pending_allocate_reserved(
	struct proxy_pending_table *table, const uint8_t *message, uint16_t length)
{
	struct proxy_pending *pending;
	uint32_t long_message = PROXY_PENDING_NONE;
	uint32_t slot;

	if (base_unlikely(!table->free_count || length > PROXY_LONG_MESSAGE_BYTES))
		return PROXY_PENDING_NONE;
	if (base_unlikely(length > PROXY_INLINE_MESSAGE_BYTES)) {
		if (!table->free_long_count)
			return PROXY_PENDING_NONE;
		long_message = table->free_long[--table->free_long_count];
	}
	slot = table->free_slots[--table->free_count];
	if (base_likely(table->free_count >= SLOTS_AHEAD))
		slot_prefetch(&table->slots[table->free_slots[table->free_count - SLOTS_AHEAD]]);
	pending = &table->slots[slot];
	pending->connection = PROXY_SLOT_NONE;
	pending->hedge = PROXY_HEDGE_NONE;
	base_store(&table->in_use, table->in_use + 1);
	pending->long_message = long_message;
	pending->message_length = length;
	bytes_copy_short(proxy_pending_message(table, pending), message, length);
	return slot;
}

uint32_t proxy_pending_allocate(
	struct proxy_pending_table *table, const uint8_t *message, uint16_t length)
{
	if (base_unlikely(table->free_count <= PROXY_PENDING_RESERVED))
		return PROXY_PENDING_NONE;
	return proxy_pending_allocate_reserved(table, message, length);
}

void proxy_pending_free(struct proxy_pending_table *table, uint32_t slot)
{
	struct proxy_pending *pending = &table->slots[slot];

	if (pending->long_message != PROXY_PENDING_NONE)
		table->free_long[table->free_long_count++] = pending->long_message;
	table->free_slots[table->free_count++] = slot;
	base_store(&table->in_use, table->in_use - 1);
}

static inline uint32_t pending_tag(uint16_t id)
{
	return (uint32_t)id << 24;
}

uint32_t proxy_pending_find(
	const struct proxy_pending_table *table, uint16_t connection, uint16_t id)
{
	const uint32_t *row = proxy_pending_row(table, connection);

	for (uint32_t i = 0; i < table->row_entries && row[i]; i++) {
		uint32_t slot = (row[i] & SLOT_MASK) - 1;

		if ((row[i] & ~SLOT_MASK) == pending_tag(id) && table->slots[slot].id == id)
			return slot;
	}
	return PROXY_PENDING_NONE;
}

uint32_t proxy_pending_guess(
	const struct proxy_pending_table *table, uint16_t connection, uint16_t id)
{
	const uint32_t *row = proxy_pending_row(table, connection);

	for (uint32_t i = 0; i < table->row_entries && row[i]; i++) {
		if ((row[i] & ~SLOT_MASK) == pending_tag(id))
			return (row[i] & SLOT_MASK) - 1;
	}
	return PROXY_PENDING_NONE;
}

// How many entries of the row are in use.
static uint32_t row_length(const struct proxy_pending_table *table, const uint32_t *row)
{
	uint32_t length = 0;

	while (length < table->row_entries && row[length])
		length++;
	return length;
}

bool proxy_pending_file(struct proxy_pending_table *table, uint32_t slot, uint16_t connection,
	struct random_stream *random)
{
	struct proxy_pending *pending = &table->slots[slot];
	uint32_t *row = proxy_pending_row(table, connection);
	uint32_t length = row_length(table, row);

	if (base_unlikely(length == table->row_entries))
		return false;
	for (int draws = 0; draws < ID_DRAWS_MOST; draws++) {
		uint16_t id = (uint16_t)random_stream_u32(random);

		if (length && proxy_pending_find(table, connection, id) != PROXY_PENDING_NONE)
			continue;
		row[length] = pending_tag(id) | (slot + 1);
		pending->id = id;
		pending->connection = connection;
		return true;
	}
	return false;
}

void proxy_pending_unfile(struct proxy_pending_table *table, uint32_t slot)
{
	const struct proxy_pending *pending = &table->slots[slot];
	uint32_t *row = proxy_pending_row(table, pending->connection);
	uint32_t last = row_length(table, row) - 1;

	for (uint32_t i = 0; i <= last; i++) {
		if ((row[i] & SLOT_MASK) == slot + 1) {
			row[i] = row[last];
			row[last] = 0;
			return;
		}
	}
}

void proxy_pending_refile(struct proxy_pending_table *table, uint32_t slot, uint32_t other)
{
	const struct proxy_pending *pending = &table->slots[slot];
	uint32_t *row = proxy_pending_row(table, pending->connection);

	for (uint32_t i = 0; i < table->row_entries && row[i]; i++) {
		if ((row[i] & SLOT_MASK) == slot + 1)
			row[i] = pending_tag(pending->id) | (other + 1);
	}
}
