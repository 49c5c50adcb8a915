// SPDX-License-Identifier: BSD-3-Clause
// One lcore's exchanges with upstreams: a query is started, attempted at one upstream after the
// other, and finished by a reply or given up. It works on messages, ports and times; who sends
// and receives datagrams is the caller's affair. All functions are the owner lcore's; none
// allocates or waits. Time is the one clock reading of the burst.
//
//   proxy_query_start -> proxy_attempt -> (datagram leaves) -> proxy_reply_match -> proxy_query_finish
//                          ^                                     |  timeout, ICMP error, garbage
//                          +------------- proxy_attempt_fail <---+
//
// An attempt over TCP or TLS goes to whoever has the connections (proxy/stream_exchange.h), on this
// lcore or another, and comes back by proxy_stream_reply_match() or as a failure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/message.h"
#include "net/address.h"
#include "proxy/durations.h"
#include "proxy/health.h"
#include "proxy/load.h"
#include "proxy/pending.h"
#include "proxy/pool.h"
#include "proxy/timer_wheel.h"
#include "proxy/upstream.h"

// Counts of one upstream on one lcore, beside those of its pool. Written by the owner alone.
struct proxy_upstream_counts {
	struct proxy_load load;
	uint64_t sent;
	uint64_t answered;
	uint64_t failed[PROXY_FAILURES];
	struct proxy_durations durations; // of replies that were used
} base_aligned(BASE_CACHE_LINE);

struct proxy_group_state {
	uint32_t in_flight;
	uint32_t limit; // this lcore's part of max_concurrent; UINT32_MAX: none
	uint16_t turn; // of round_robin
	uint32_t hedge_tokens; // what second attempts are paid with: one comes with each query
};

struct proxy_lcore {
	struct proxy_set *set;
	uint64_t generation; // of the set
	uint16_t lcore_count; // that share the limits of the settings
	uint16_t lcore_index;
	struct random_stream *random;
	struct proxy_pools pools;
	struct proxy_pending_table pending;
	struct proxy_group_state *groups;
	struct proxy_upstream_counts *counts;
	uint32_t stream_attempts; // begun
	uint32_t *partners; // of slots that are hedged: the other's (proxy/hedge.h)
	uint32_t hedges; // slots of second attempts. Telemetry reads it
	struct proxy_health_link health;
	uint32_t checks_in_flight; // slots of health checks. Telemetry reads it
	uint64_t all_down; // queries that found all upstreams of their group down. Telemetry too
	struct timer_wheel wheel;
};

struct proxy_lcore_options {
	uint32_t pending_count; // queries in flight at once
	uint16_t first_port;
	uint16_t port_count;
	uint16_t lcore_count; // that share the limits of the settings
	uint16_t lcore_index; // of this one among them, from 0
	uint64_t now;
};

// With room for the capacity of the set. NULL with errno: ENOMEM, or EINVAL (fewer local ports than
// upstreams, counts of zero). `set` must live until another is adopted, `random` longer.
struct proxy_lcore *proxy_lcore_create(struct proxy_set *set, struct random_stream *random,
	const struct proxy_lcore_options *options);
void proxy_lcore_destroy(struct proxy_lcore *lcore);

// The owner goes over to the set that follows, between bursts; nothing here points to the one
// before then. Queries in flight go on: to an upstream that leaves with the attempt that they are
// at, and with the order of their group as it is now.
void proxy_lcore_adopt(struct proxy_lcore *lcore, struct proxy_set *set);

// Whether nothing of the lcore's is on its way to an upstream that leaves, or belongs to a group that
// does. The management lcore's, once no lcore can begin anything with them.
bool proxy_lcore_upstream_is_drained(const struct proxy_lcore *lcore, uint16_t upstream);
bool proxy_lcore_group_is_drained(const struct proxy_lcore *lcore, uint16_t group);

enum proxy_start {
	PROXY_START_GOOD,
	PROXY_START_CONCURRENT, // over max_concurrent
	PROXY_START_NO_ROOM, // as many queries in flight as this lcore has slots for
};

// Copies the message, good and read, into a slot; *slot is set when GOOD. The caller fills in
// context of proxy_pending_at().
enum proxy_start proxy_query_start(struct proxy_lcore *lcore, uint16_t group,
	const uint8_t *message, uint16_t length, uint16_t question_end, uint64_t now,
	uint32_t *slot);

// How its client came, where that was not by a datagram: right after the start.
void proxy_query_set_carrier(struct proxy_lcore *lcore, uint32_t slot, enum proxy_carrier carrier);

// What one attempt sends: the pending message to this upstream.
struct proxy_attempt {
	const struct proxy_upstream *upstream;
	enum proxy_carrier carrier;
	uint32_t slot; // that is filed under it
	// Of a datagram: under this id, from this port.
	const struct net_path *path; // good within this burst
	uint16_t local_port;
	uint16_t id;
	// Over a stream, under any id: it is named by the slot and this, and of no use after `until`.
	uint32_t stream_attempt;
	uint64_t until;
};

// Takes a connection to the next upstream that is up and has a path, draws an id and starts the
// clock. With all down, it is any of them that is not in drain, once, or none where the settings have
// failfast or all are in drain.
// False when the query has to be given up: attempts, upstreams or time are used up, and
// proxy_pending.last_failure says why the last one failed; or all are down.
bool proxy_attempt_start(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt);

// A reply by datagram was truncated (it is good, and its attempt over): asks the same upstream over
// a stream. False where that is not wanted, or too late: the attempt stays as it was.
bool proxy_attempt_start_again(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt);

// The attempt on its way failed. Its connection takes no new query after a timeout or an error.
void proxy_attempt_fail(
	struct proxy_lcore *lcore, uint32_t slot, enum proxy_failure failure, uint64_t now);

// The attempt on its way was answered, and the query is not over: it may be attempted again, at the
// same upstream.
void proxy_attempt_finish(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

// The attempt on its way was answered, but by one that can not help. True if the query can be
// attempted at the next upstream where it was not yet: the attempt is over. Else nothing was done.
bool proxy_query_fail_over(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

// The attempt on its way was answered, and the query goes on in another group, with what is left of
// its time. False, with nothing done: that one is over its max_concurrent.
bool proxy_query_hand_over(struct proxy_lcore *lcore, uint32_t slot, uint16_t group, uint64_t now);

// The query is over: by a reply (its attempt's connection goes back to the pool) or because it
// was given up.
void proxy_query_finish(struct proxy_lcore *lcore, uint32_t slot, uint64_t now);

enum proxy_reply {
	PROXY_REPLY_GOOD,
	PROXY_REPLY_SHORT, // no header, or not a reply: dropped
	PROXY_REPLY_LATE, // nothing waits for this id on this port: dropped
	PROXY_REPLY_FORGED, // not from the address and port asked, or not to ours: dropped
	PROXY_REPLY_MISMATCHED, // another question: dropped
	// From the one asked, with the right id, but unreadable or of another opcode: the attempt
	// fails.
	PROXY_REPLY_GARBAGE,
	PROXY_REPLY_CHECK, // answers a health check (proxy/check.h), whatever it says
};

// Before proxy_reply_match(), a burst at a time: all replies through the first stage, then all
// through the next, so that their cache misses overlap. Any port and id will do. The last says which
// slot it most likely is, whose context is near by then; PROXY_PENDING_NONE: none.
void proxy_reply_prefetch_connection(const struct proxy_lcore *lcore, uint16_t local_port);
void proxy_reply_prefetch_query(const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id);
uint32_t proxy_reply_prefetch_timer(
	const struct proxy_lcore *lcore, uint16_t local_port, uint16_t id);

// Which query a datagram to one of our ports answers: every attribute of RFC 5452, section 9.1,
// has to be that of the attempt. *slot is set when GOOD, GARBAGE and CHECK, *message when GOOD.
enum proxy_reply proxy_reply_match(struct proxy_lcore *lcore, const struct net_endpoint *source,
	const struct net_endpoint *destination, const uint8_t *bytes, uint16_t length,
	struct dns_message *message, uint32_t *slot);

// The slot's attempt of this number over a stream is still what it waits for.
bool proxy_stream_attempt_is_on_way(
	const struct proxy_lcore *lcore, uint32_t slot, uint32_t stream_attempt);

// What whoever has the streams says that the answer to an attempt is, which is on its way: GOOD
// with *message set, MISMATCHED, GARBAGE or CHECK.
enum proxy_reply proxy_stream_reply_match(struct proxy_lcore *lcore, uint32_t slot,
	const uint8_t *bytes, uint16_t length, struct dns_message *message);

// The good reply to the attempt on its way is used: counts how long it took.
static inline void proxy_reply_count_duration(
	struct proxy_lcore *lcore, uint32_t slot, const struct dns_message *reply, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	proxy_durations_count(
		&lcore->counts[pending->upstream].durations, reply, now - pending->sent_at);
}

// Which query an ICMP error is about, by the datagram that it quotes; PROXY_PENDING_NONE if none.
uint32_t proxy_error_match(const struct proxy_lcore *lcore,
	const struct net_endpoint *quoted_destination, uint16_t local_port, uint16_t id);

// The next query whose attempt has run out of time; false when there is none.
static inline bool proxy_take_expired(struct proxy_lcore *lcore, uint64_t now, uint32_t *slot)
{
	return timer_wheel_take_expired(&lcore->wheel, now, slot);
}

static inline uint64_t proxy_all_down(const struct proxy_lcore *lcore)
{
	return base_load(&lcore->all_down);
}

// Second attempts among them, which are no queries.
static inline uint32_t proxy_hedges(const struct proxy_lcore *lcore)
{
	return base_load(&lcore->hedges);
}

static inline uint32_t proxy_in_flight(const struct proxy_lcore *lcore)
{
	return base_load(&lcore->pending.in_use);
}
