// SPDX-License-Identifier: BSD-3-Clause
// The questions that one stream lcore has on their way over TCP and TLS: slots of a fixed number,
// found by connection and id, and listed by connection in the order in which they came to it.
// One lcore's own.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "proxy/pending.h"

#define PROXY_STREAM_INLINE_BYTES 192
// A question longer than the inline bytes takes one of these; longer ones are refused.
#define PROXY_STREAM_LONG_BYTES 2048

struct proxy_stream_pending {
	uint64_t asker;
	uint64_t deadline;
	uint64_t sent_at; // on this connection
	uint32_t next; // neighbours on the connection, PROXY_PENDING_NONE at its ends
	uint32_t previous;
	uint32_t next_in_bucket;
	uint32_t long_message; // number of a long message buffer, or PROXY_PENDING_NONE
	uint16_t id;
	uint16_t connection;
	uint16_t upstream;
	uint16_t length;
	uint16_t question_end;
	uint8_t asked_again; // times
	bool is_check;
	uint8_t message[PROXY_STREAM_INLINE_BYTES] base_aligned(BASE_CACHE_LINE);
} base_aligned(BASE_CACHE_LINE);

// Of one connection. Its questions are found through buckets that stand side by side, so that a few lines
// of memory have them all, and each in one of its own for the most part.
struct proxy_stream_list {
	uint32_t first;
	uint32_t last;
	uint16_t id_mask; // which bits of an id choose the bucket; stays while there are questions
};

struct proxy_stream_table {
	struct proxy_stream_pending *slots;
	uint8_t *long_messages;
	uint32_t *free_slots; // the last to be freed is the first to be taken
	uint32_t *free_long;
	uint32_t *buckets;
	uint32_t bucket_shift; // of the hash of a connection, to the first of its buckets
	uint32_t free_count;
	uint32_t free_long_count;
	uint32_t in_use; // written by the owner alone; telemetry reads it
};

// For `count` questions at once (1 to PROXY_PENDING_MOST), a sixteenth of them of more than the
// inline bytes (16 at least). 0, -ENOMEM or -EINVAL.
base_must_check int proxy_stream_table_init(struct proxy_stream_table *table, uint32_t count);
void proxy_stream_table_fini(struct proxy_stream_table *table);

// A slot with the message copied into it, or PROXY_PENDING_NONE when there is none free.
uint32_t proxy_stream_pending_allocate(
	struct proxy_stream_table *table, const uint8_t *message, uint16_t length);
// It is filed nowhere.
void proxy_stream_pending_free(struct proxy_stream_table *table, uint32_t slot);

static inline struct proxy_stream_pending *proxy_stream_pending_at(
	const struct proxy_stream_table *table, uint32_t slot)
{
	return &table->slots[slot];
}

static inline uint8_t *proxy_stream_pending_message(
	const struct proxy_stream_table *table, struct proxy_stream_pending *pending)
{
	if (base_likely(pending->long_message == PROXY_PENDING_NONE))
		return pending->message;
	return table->long_messages + (size_t)pending->long_message * PROXY_STREAM_LONG_BYTES;
}

// Of a connection with so many questions at once, more or less.
uint16_t proxy_stream_id_mask(uint32_t limit);

// Draws an id that is free on the connection, which has fewer than 65,536 questions, writes it into
// slot and message, and files the slot under both, at the end of the connection's list.
void proxy_stream_pending_file(struct proxy_stream_table *table, uint32_t slot, uint16_t connection,
	struct proxy_stream_list *list, struct random_stream *random);
void proxy_stream_pending_unfile(
	struct proxy_stream_table *table, uint32_t slot, struct proxy_stream_list *list);

// The slot filed under both, or PROXY_PENDING_NONE.
uint32_t proxy_stream_pending_find(const struct proxy_stream_table *table,
	const struct proxy_stream_list *list, uint16_t connection, uint16_t id);
