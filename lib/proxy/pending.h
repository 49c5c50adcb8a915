// SPDX-License-Identifier: BSD-3-Clause
// The queries that one lcore has on their way: slots of a fixed number, and a table from local
// port and id to slot. Finding, adding and removing cost the same however many there are.
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "base/random.h"
#include "proxy/upstream.h"

#define PROXY_PENDING_NONE UINT32_MAX
#define PROXY_PENDING_MOST (1u << 23)

#define PROXY_CONTEXT_BYTES 64
#define PROXY_INLINE_MESSAGE_BYTES 124
// A query longer than the inline bytes takes one of these; longer ones are refused.
#define PROXY_LONG_MESSAGE_BYTES 1472

enum proxy_failure {
	PROXY_FAILURE_TIMEOUT, // no answer within read_timeout
	PROXY_FAILURE_UNREACHABLE, // an ICMP error came for it
	PROXY_FAILURE_GARBAGE, // an answer with the right id that can not be read
	PROXY_FAILURE_NO_PATH, // no route, or no neighbour
	PROXY_FAILURE_NO_PORT, // no local port
	PROXY_FAILURES,
};

// One query on its way. 256 bytes: what matching reads stands first, in one line.
struct proxy_pending {
	uint64_t deadline; // of the query, whatever is tried
	uint64_t sent_at; // this attempt
	uint32_t failed_attempts;
	uint32_t long_message; // number of a long message buffer, or PROXY_PENDING_NONE
	struct proxy_order order;
	uint16_t id; // of this attempt
	uint16_t local_slot; // the connection, PROXY_SLOT_NONE between attempts
	uint16_t upstream;
	uint16_t group;
	uint16_t message_length;
	uint16_t question_end; // offset behind the question in the message
	uint16_t local_port;
	struct net_address local_address; // that this attempt left from
	uint8_t last_failure; // enum proxy_failure

	// The caller's: who asked. Not looked at here.
	uint8_t context[PROXY_CONTEXT_BYTES] base_aligned(BASE_CACHE_LINE);

	uint32_t next_free;
	uint8_t message[PROXY_INLINE_MESSAGE_BYTES]; // as the client sent it
} base_aligned(BASE_CACHE_LINE);

_Static_assert(sizeof(struct proxy_pending) == 256, "four cache lines a query in flight");

// Sixteen entries, one line: 8 bits of the hash and 24 of slot number + 1 each; 0 is empty.
struct proxy_pending_bucket {
	uint32_t entries[16];
} base_aligned(BASE_CACHE_LINE);

struct proxy_pending_table {
	struct proxy_pending *slots;
	uint8_t *long_messages;
	uint32_t *free_long;
	struct proxy_pending_bucket *buckets;
	uint64_t secret;
	uint32_t bucket_shift; // the bucket is the hash's upper bits
	uint32_t slot_count;
	uint32_t free_head;
	uint32_t in_use; // written by the owner alone; telemetry reads it
	uint32_t long_count;
	uint32_t free_long_count;
};

// For `count` queries at once (1 to PROXY_PENDING_MOST), an eighth of them of more than the
// inline bytes (16 at least). 0, -ENOMEM or -EINVAL.
base_must_check int proxy_pending_table_init(
	struct proxy_pending_table *table, uint32_t count, struct random_stream *random);
void proxy_pending_table_fini(struct proxy_pending_table *table);

// A slot with the message copied into it, or PROXY_PENDING_NONE when there is none free.
uint32_t proxy_pending_allocate(
	struct proxy_pending_table *table, const uint8_t *message, uint16_t length);
void proxy_pending_free(struct proxy_pending_table *table, uint32_t slot);

static inline struct proxy_pending *proxy_pending_at(
	const struct proxy_pending_table *table, uint32_t slot)
{
	return &table->slots[slot];
}

static inline uint8_t *proxy_pending_message(
	const struct proxy_pending_table *table, struct proxy_pending *pending)
{
	if (base_likely(pending->long_message == PROXY_PENDING_NONE))
		return pending->message;
	return table->long_messages + (size_t)pending->long_message * PROXY_LONG_MESSAGE_BYTES;
}

// Draws an id that is free on this local port, and files the slot under both; the id stands in
// the slot. False when the bucket of several draws was full: the table is crowded.
bool proxy_pending_file(struct proxy_pending_table *table, uint32_t slot, uint16_t local_port,
	struct random_stream *random);
void proxy_pending_unfile(struct proxy_pending_table *table, uint32_t slot);

// The slot filed under both, or PROXY_PENDING_NONE.
uint32_t proxy_pending_find(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id);

// Brings the line that proxy_pending_find() will read nearer.
void proxy_pending_prefetch(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id);

// The slot that proxy_pending_find() will very likely return, told by the bucket alone; or
// PROXY_PENDING_NONE. For bringing nearer what belongs to it.
uint32_t proxy_pending_guess(
	const struct proxy_pending_table *table, uint16_t local_port, uint16_t id);
