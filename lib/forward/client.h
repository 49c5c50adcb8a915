// SPDX-License-Identifier: BSD-3-Clause
// Who asked a pending query, and how the answer gets back: what stands in its context.
#pragma once

#include "net/frame.h"
#include "proxy/exchange.h"

// A client's connection over TCP or TLS, as whoever has them numbers it.
struct forward_stream_client {
	uint32_t connection;
	uint32_t generation; // of what stands under that number
};

// Where an answer goes.
struct forward_destination {
	uint8_t carrier; // enum proxy_carrier: which of the two it is
	bool wants_keepalive : 1; // RFC 7828
	bool wants_padding : 1; // RFC 7830, over TLS
	union {
		struct net_flow flow;
		struct {
			struct forward_stream_client stream;
			// For `log`.
			struct net_endpoint stream_local;
			struct net_endpoint stream_peer;
		};
	};
};

struct forward_client {
	struct forward_destination destination; // of the answer
	uint16_t id;
	uint16_t flags; // of the client's header
	uint16_t udp_size; // the largest answer it takes
	uint16_t bufsize; // the server's, for what we say upstream and in answers of our own
	uint16_t edns_offset; // of the OPT record in the message, 0 without
	bool do_bit : 1;
	bool is_waiting : 1; // for its answer; false for a refresh, and once a stale one was sent
	bool rotates_records : 1;
	bool has_subnet : 1; // RFC 7871: nobody else waits for its answer
	bool is_asked_as_sent : 1; // its upstream takes no OPT of ours
	bool logs_errors : 1;
	bool has_stale_alarm : 1; // or had one: without, there is no need to look at the timers
	bool removes_unasked : 1; // a cache stands in its block: nothing it did not ask for reaches it
	// Where the answer is kept: number of the cache, FORWARD_NO_CACHE for nowhere. The rest is
	// set only with a cache, and forward/questions.h's.
	uint16_t cache;
	uint16_t log; // of forward_match, likewise
	uint8_t log_classes;
	uint16_t waiter_count;
	uint16_t left_rcode; // of the last reply that the query went on from; 0: there is none
	uint64_t hash; // of the key
	uint32_t next_question; // in the bucket, or of a waiter: the next one
	uint32_t first_waiter;
};

_Static_assert(sizeof(struct forward_client) <= PROXY_CONTEXT_BYTES, "a client fits its context");

static inline struct forward_client *forward_client_at(
	const struct proxy_pending_table *pending, uint32_t slot)
{
	return (struct forward_client *)proxy_pending_at(pending, slot)->context;
}

static inline struct forward_client *forward_client_of(
	const struct proxy_lcore *proxy, uint32_t slot)
{
	return forward_client_at(&proxy->pending, slot);
}
