// SPDX-License-Identifier: BSD-3-Clause
// Queries and the caches: what is looked up, kept, waited for, served stale and refreshed. Only
// forward/ includes this. Without a `cache` directive, none of it is called.
#pragma once

#include "forward/caches.h"
#include "forward/lcore.h"
#include "forward/questions.h"
#include "proxy/timer_wheel.h"

// What one lcore needs for the caches.
struct forward_cached {
	struct forward_caches *caches;
	struct cache_lcore **stores; // by number of the cache
	struct forward_questions questions;
	struct timer_wheel stale_alarms; // by pending slot: answer with what is stale
	bool is_owner; // of a part of the stores
	uint32_t refreshing; // slots in flight for whom nobody waits. Telemetry reads it
	uint64_t refused[CACHE_ANSWER_REFUSALS]; // replies not kept, by why. Telemetry reads it
	struct cache_key keys[FORWARD_PIECE_FRAMES];
	struct cache_lookup lookups[FORWARD_PIECE_FRAMES];
	uint8_t value[CACHE_ANSWER_BYTES_MOST];
	uint8_t scratch[CACHE_ANSWER_BYTES_MOST];
};

// NULL with errno.
struct forward_cached *forward_cached_create(const struct forward_shared *shared, uint16_t lcore,
	struct proxy_lcore *proxy, uint64_t now);
void forward_cached_destroy(struct forward_cached *cached);

// Answers the queries of a piece that can be answered, and asks upstreams for the others.
void forward_cached_receive(struct forward_lcore *lcore, struct forward_piece *piece, uint64_t now);

// The query in `slot`, its client filled in, goes to an upstream: others may wait for it from now
// on. `found_stale`: there is an answer that may be served in the end.
void forward_cached_begin(
	struct forward_lcore *lcore, uint32_t slot, bool found_stale, uint64_t now);
void forward_cached_begin_refresh(struct forward_lcore *lcore, uint32_t slot);

// Fetches what forward_cached_reply() will touch first. Any slot will do.
void forward_cached_prefetch_reply(const struct forward_lcore *lcore, uint32_t slot);

// The good reply to the query in `slot`, which has a cache: it is kept if it may be, and everybody
// who waits is answered. The frame is taken.
void forward_cached_reply(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *reply, uint64_t now);

// The reply says that its upstream knows no EDNS, and OPT was ours: it is asked again without, in
// the frame, which is taken then. False: nothing was done.
bool forward_cached_ask_as_sent(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now);

// The query in `slot`, which has a cache, is over: everybody who waits gets REFUSED. The frame is
// taken.
void forward_cached_refuse(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The query in `slot`, which has a cache, is given up: everybody who waits gets what is stale, or
// this rcode, of which SERVFAIL is kept. The frame, if not NULL, is taken.
void forward_cached_give_up(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	enum dns_rcode rcode, enum dns_extended_error extended, uint64_t now);

// Once a turn: what other lcores stored, refreshes, alarms.
void forward_cached_turn(struct forward_lcore *lcore, uint64_t now);
