// SPDX-License-Identifier: BSD-3-Clause
// What the files of a stream lcore share.
#pragma once

#include <pthread.h>

#include "proxy/stream_exchange.h"
#include "stream/upstreams.h"
#include "stream_frames.h"
#include "stream_lcore.h"
#include "stream_link.h"
#include "stream_listeners.h"

// Frames that are there for replies to workers.
#define STREAM_LCORE_STOCK 32

struct stream_lcore {
	// Written once, before the launch.
	struct nic *nic;
	struct forward_shared *shared;
	struct worker *const *workers;
	struct stream_loop *loop;
	uint16_t index;
	uint16_t lcore; // index among all lcores, and of its pool of frames
	uint16_t worker_count;
	unsigned int lcore_id;
	bool is_set_aside;
	pthread_t thread; // where no lcore was set aside
	const uint32_t *phase;
	uint32_t query_count;
	struct proxy_set *set; // the one followed
	uint64_t generation; // of it, once all of this lcore follows it. The manager reads it

	struct stream_frames *frames;
	uint16_t stock_count;
	struct net_frame stock[STREAM_LCORE_STOCK];
	struct random_stream *random;
	struct forward_lcore *forward;
	struct stream_clients *clients;
	struct proxy_streams *streams; // exchanges with upstreams, over
	struct stream_upstreams *upstreams; // these
	uint64_t *tls_told_at; // by upstream: when the log last said why TLS or HTTP failed
	uint64_t refusal_told_at; // likewise, of a client's certificate
	struct stream_lcore_counters counters;
	struct stream_listeners listeners;
	struct stream_tls tls; // of the listeners
	uint64_t now; // of this turn

	// Written by the management lcore, and good from a set's publication until this lcore has
	// followed it. NULL: none.
	struct stream_lcore_update *update base_aligned(BASE_CACHE_LINE_PAIR);
};

struct stream_lcore_update {
	struct tls_peer **peers; // of upstreams
	struct stream_tls tls; // of listeners
};

// After forward_lcore_follow() found a new set.
void stream_lcore_follow(struct stream_lcore *lcore);

static inline void stream_lcore_count(uint64_t *counter)
{
	base_store(counter, *counter + 1);
}

// The rings between this lcore and a worker.
static inline struct stream_link *stream_lcore_link(
	const struct stream_lcore *lcore, uint16_t worker)
{
	return lcore->workers[worker]->links[lcore->index];
}

// What forward/ does with the lcore's frames, queries and answers.
struct forward_sink stream_lcore_sink(struct stream_lcore *lcore);
// What clients ask.
struct stream_query_handler stream_lcore_query_handler(struct stream_lcore *lcore);

// Asks an upstream over TCP or TLS, for this lcore itself: as in struct forward_sink.
bool stream_lcore_ask(
	void *context, struct net_frame *frame, const struct forward_stream_attempt *attempt);
// And for a worker. Returns how many were asked.
uint32_t stream_lcore_read_asks(struct stream_lcore *lcore, uint16_t worker);

// Replies wait until this is called.
void stream_lcore_send_replies(struct stream_lcore *lcore);

// What becomes of what was asked.
struct proxy_stream_asker stream_lcore_asker(struct stream_lcore *lcore);

// Takes what workers put on the rings. Returns how much.
uint32_t stream_lcore_read_links(struct stream_lcore *lcore);
bool stream_lcore_links_are_empty(const struct stream_lcore *lcore);
