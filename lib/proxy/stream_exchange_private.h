// SPDX-License-Identifier: BSD-3-Clause
// What stream_exchange.c and stream_connections.c share; nobody else includes this.
#pragma once

#include "proxy/stream_exchange.h"
#include "proxy/stream_pending.h"
#include "proxy/stream_pool.h"
#include "proxy/timer_wheel.h"

// A question goes to another connection so often: those after the second time to one that is new.
#define ASKED_AGAIN_MOST 8
#define ASKED_AGAIN_POOLED 2

#define WARM_PAUSE CLOCK_SECOND // after a connection that was good for nothing

// What a connection over TCP or TLS is more than a proxy_connection, by slot. Good while the slot
// is not free.
struct stream_connection {
	struct proxy_stream_list list; // questions on it, or that wait for it to open
	uint64_t opening_since;
	uint64_t opening_until;
	uint64_t received_at; // 0: nothing yet
	uint32_t answered;
	uint16_t next_broken;
	bool is_opening;
	bool is_broken; // its open() or send() failed: it ends in proxy_streams_expire()
	bool is_lost; // the driver needs no finish()
	uint8_t failure; // enum proxy_failure, when broken
};

struct stream_upstream {
	struct proxy_stream_counts counts;
	uint64_t opening_average; // how long it took; 0: none was opened yet
	uint64_t warm_not_before; // none is opened for later use until then
	// Queries on one connection: max_inflight, or less where the upstream ends connections with
	// more.
	uint32_t limit;
	uint32_t limit_most;
	uint32_t limit_of_peer; // the last that it told; 0: none
	uint32_t idle_least; // this lcore's part of min_idle_conns
	uint16_t opening; // the youngest that is being opened, PROXY_SLOT_NONE
	uint16_t opening_count;
};

struct proxy_streams {
	const struct proxy_set *set;
	uint64_t generation; // of the set
	struct random_stream *random;
	struct proxy_stream_driver driver;
	struct proxy_stream_asker asker;
	struct proxy_pools pools;
	struct proxy_stream_table table;
	struct stream_connection *connections;
	struct stream_upstream *upstreams;
	uint32_t question_count;
	bool has_idle_least;
	uint16_t broken; // PROXY_SLOT_NONE at the end of the list
	uint64_t now; // of the last call
	uint64_t timers_at; // no timer fires before
	uint64_t upkeep_at;
	struct timer_wheel wheel; // of questions by slot, and behind them of openings
};

static inline struct stream_upstream *stream_upstream_of(
	struct proxy_streams *streams, uint16_t slot)
{
	return &streams->upstreams[streams->pools.connections[slot].upstream];
}

void proxy_stream_timer_arm(struct proxy_streams *streams, uint32_t timer, uint64_t when);

static inline void stream_count(uint64_t *count)
{
	base_store(count, *count + 1);
}

// A connection with one more query on it, open or being opened; PROXY_SLOT_NONE: none can be had.
// The question is filed there next.
uint16_t proxy_stream_connection_take(
	struct proxy_streams *streams, const struct proxy_stream_pending *pending, uint64_t now);

// Sends a question that is filed on an open connection.
void proxy_stream_connection_send(
	struct proxy_streams *streams, uint16_t slot, uint32_t question, uint64_t now);

// It takes no new query, and each of its queries is asked again elsewhere, or fails.
void proxy_stream_connection_end(
	struct proxy_streams *streams, uint16_t slot, enum proxy_failure failure, uint64_t now);

// Its time to open is over.
void proxy_stream_connection_expire(struct proxy_streams *streams, uint16_t slot, uint64_t now);

// Ends those whose open() or send() had failed before this call.
void proxy_stream_connections_end_broken(struct proxy_streams *streams, uint64_t now);

// Opens what min_idle_conns wants.
void proxy_stream_connections_keep(struct proxy_streams *streams, uint64_t now);

// The pools' events; the context is the streams.
void proxy_stream_connection_unlinked(void *context, uint16_t slot);
void proxy_stream_connection_closed(void *context, uint16_t slot);

// From max_inflight, and what the peer told.
void proxy_stream_upstream_set_limit(struct proxy_streams *streams, uint16_t number);

// The one of this id on an open connection, or PROXY_PENDING_NONE.
uint32_t proxy_stream_question_find(
	const struct proxy_streams *streams, uint16_t slot, uint16_t id);
// Off its connection, which may be unlinked by this.
void proxy_stream_question_take_off(struct proxy_streams *streams, uint32_t question, uint64_t now);

// The question, which is on no connection, goes to one; or it fails.
void proxy_stream_question_ask_again(
	struct proxy_streams *streams, uint32_t question, uint64_t now);
void proxy_stream_question_fail(
	struct proxy_streams *streams, uint32_t question, enum proxy_failure failure);
