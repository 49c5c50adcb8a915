// SPDX-License-Identifier: BSD-3-Clause
// The queries that one lcore has on their way: slots of a fixed number, and a table from
// connection and id to slot. Finding, adding and removing cost the same however many there are.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/random.h"
#include "proxy/upstream.h"

#define PROXY_PENDING_NONE UINT32_MAX
#define PROXY_PENDING_MOST (1u << 23)

// Slots beside those, which queries do not take: for health checks, so that an upstream that lets
// queries pile up is found out.
#define PROXY_PENDING_RESERVED 16

#define PROXY_CONTEXT_BYTES 96
#define PROXY_INLINE_MESSAGE_BYTES 96
// A query longer than the inline bytes takes one of these; longer ones are refused.
#define PROXY_LONG_MESSAGE_BYTES 1472

enum proxy_failure {
	PROXY_FAILURE_TIMEOUT, // no answer within read_timeout
	PROXY_FAILURE_UNREACHABLE, // an ICMP error came for it
	PROXY_FAILURE_GARBAGE, // an answer with the right id that can not be read
	PROXY_FAILURE_NO_PATH, // no route, or no neighbour
	PROXY_FAILURE_NO_PORT, // no local port
	PROXY_FAILURE_NO_STREAM, // over TCP or TLS, and whoever does that takes no more
	PROXY_FAILURE_CONNECT_TIMEOUT, // no connection within its time
	PROXY_FAILURE_REFUSED, // the upstream takes no connection
	PROXY_FAILURE_TLS, // no handshake: its log line says why
	PROXY_FAILURE_HTTP, // an answer of HTTP without a DNS message: its log line says why
	PROXY_FAILURE_CLOSED, // a connection ended before it had answered anything, or too often
	PROXY_FAILURES,
};

// Want of ports and of room is ours, and says nothing about an upstream.
static inline bool proxy_failure_is_of_upstream(enum proxy_failure failure)
{
	return failure != PROXY_FAILURE_NO_PORT && failure != PROXY_FAILURE_NO_STREAM;
}

// How a client came, and how an attempt goes: one datagram, or over a TCP or TLS connection.
enum proxy_carrier {
	PROXY_CARRIER_DATAGRAM,
	PROXY_CARRIER_STREAM,
};

// Of a query that may go to a second upstream while the first is silent (proxy/hedge.h).
enum proxy_hedge {
	PROXY_HEDGE_NONE,
	PROXY_HEDGE_DUE, // its timer says when
	PROXY_HEDGE_FIRST, // there is a second attempt, in a slot of its own
	PROXY_HEDGE_SECOND, // this is that slot
};

// One query on its way. 256 bytes: what matching reads stands first, in one line.
struct proxy_pending {
	uint64_t deadline; // of the query, whatever is tried
	uint64_t sent_at; // this attempt
	uint32_t failed_attempts;
	uint32_t long_message; // number of a long message buffer, or PROXY_PENDING_NONE
	struct proxy_order order;
	uint16_t id; // of this attempt
	// Its slot number; PROXY_SLOT_STREAM: over a stream; PROXY_SLOT_NONE between attempts.
	uint16_t connection;
	uint16_t upstream;
	uint16_t group;
	uint16_t message_length;
	uint16_t question_end; // offset behind the question in the message
	uint16_t passed; // upstreams of its group that it has left behind
	// Bytes, not bits: a bit is loaded with its neighbours, and waits for what was just stored there.
	uint8_t last_failure; // enum proxy_failure
	uint8_t client_carrier; // enum proxy_carrier
	uint8_t hedge; // enum proxy_hedge
	bool is_check; // of an upstream's health: there is no client
	bool has_tried_down; // it went to one of a group that was all down: once is enough
	bool met_failfast; // given up at once: all were down
	union {
		struct net_address local_address; // that this attempt left from, as a datagram
		uint32_t stream_attempt; // over a stream: tells it from the slot's others
	};

	// The caller's: who asked. Not looked at here.
	uint8_t context[PROXY_CONTEXT_BYTES] base_aligned(BASE_CACHE_LINE);

	uint8_t message[PROXY_INLINE_MESSAGE_BYTES]; // as the client sent it
} base_aligned(BASE_CACHE_LINE);

_Static_assert(sizeof(struct proxy_pending) == 256, "four cache lines a query in flight");

struct proxy_pending_table {
	struct proxy_pending *slots;
	uint8_t *long_messages;
	uint32_t *free_long;
	// A row for each connection of the lcore, of the queries on their way on it: 8 bits of the
	// id and 24 of slot number + 1 an entry, those in use first. A row begins a cache line, and
	// one line is enough until ports are shared by more than 16.
	uint32_t *rows;
	uint32_t row_entries;
	uint16_t row_count;
	uint32_t slot_count;
	uint32_t *free_slots; // the last to be freed is the first to be taken, its lines being near
	uint32_t free_count;
	uint32_t in_use; // written by the owner alone; telemetry reads it
	uint32_t long_count;
	uint32_t free_long_count;
};

// For `count` queries at once (1 to PROXY_PENDING_MOST), and the reserved slots, on `connections` connections, an eighth of
// them of more than the inline bytes (16 at least). 0, -ENOMEM or -EINVAL.
base_must_check int proxy_pending_table_init(
	struct proxy_pending_table *table, uint32_t count, uint16_t connections);
void proxy_pending_table_fini(struct proxy_pending_table *table);

// A slot with the message copied into it, or PROXY_PENDING_NONE when there is none free.
uint32_t proxy_pending_allocate(
	struct proxy_pending_table *table, const uint8_t *message, uint16_t length);
// The same, of the reserved ones if need be.
uint32_t proxy_pending_allocate_reserved(
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

// Draws an id that is free on this connection, and files the slot under both; both stand in the
// slot. False when the connection's row is full: twice its even share of all queries.
bool proxy_pending_file(struct proxy_pending_table *table, uint32_t slot, uint16_t connection,
	struct random_stream *random);
void proxy_pending_unfile(struct proxy_pending_table *table, uint32_t slot);

// Another slot is filed in its place. What the slots say of it is the caller's.
void proxy_pending_refile(struct proxy_pending_table *table, uint32_t slot, uint32_t other);

// The slot filed under both, or PROXY_PENDING_NONE.
uint32_t proxy_pending_find(
	const struct proxy_pending_table *table, uint16_t connection, uint16_t id);

static inline uint32_t *proxy_pending_row(
	const struct proxy_pending_table *table, uint16_t connection)
{
	return table->rows + (size_t)connection * table->row_entries;
}

// Brings the line that proxy_pending_find() and proxy_pending_file() will touch first nearer.
static inline void proxy_pending_prefetch(
	const struct proxy_pending_table *table, uint16_t connection)
{
	base_prefetch_write(proxy_pending_row(table, connection));
}

// What proxy_pending_find() will most likely say, by the row alone.
uint32_t proxy_pending_guess(
	const struct proxy_pending_table *table, uint16_t connection, uint16_t id);
