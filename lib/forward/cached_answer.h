// SPDX-License-Identifier: BSD-3-Clause
// What the files of the caches share: how one answer is made and sent, to one or to many.
#pragma once

#include "cache/answer_record.h"
#include "forward/cached.h"

// A refresh that is not back by then may be asked for again: a query's deadline.
#define FORWARD_REFRESH_SECONDS 6

// One answer to any number of clients.
struct cached_source {
	struct cache_answer_value value; // of length 0: as below
	struct cache_answer_manner manner; // but for rotation
	// Without a value: TC, so that the client comes back over TCP, or this rcode; 0: SERVFAIL.
	bool is_truncated;
	enum dns_rcode rcode;
	enum dns_extended_error extended; // with an rcode
	uint8_t scope_length; // for a client that told its subnet
	enum stats_counter verdict;
};

// The key of a query that was read as good, for no subnet, and the subnet that it tells, if it
// does; false where it can have none (a bad subnet).
bool forward_cached_make_key(struct cache_key *key, const uint8_t *bytes,
	const struct dns_message *message, bool *has_subnet, struct dns_client_subnet *subnet);

// What a client told of its subnet, with the answer's scope. NULL unless it did.
const struct dns_client_subnet *forward_cached_subnet(struct dns_client_subnet *subnet,
	bool has_subnet, const uint8_t *bytes, const struct dns_message *query,
	uint8_t scope_length);

// Makes the answer in the frame, whose payload starts with the client's query, counts it and
// sends it; without a destination, back to where the frame came from. `record`: forward_log_query().
void forward_cached_send(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_destination *destination, const struct cache_answer_client *client,
	bool rotates, const struct cached_source *source, struct query_record *record);

// Answers who waits for the reply to `slot`, and who asked it, in `frame` if it is not NULL, or in
// new ones. `slot` stays in flight, with nobody waiting.
void forward_cached_answer_all(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct cached_source *source);

// The query in `slot` is over.
void forward_cached_finish(struct forward_lcore *lcore, uint32_t slot, uint64_t now);

// One more waits for the reply to `slot`. The frame is taken.
void forward_cached_wait(struct forward_lcore *lcore, uint32_t slot,
	const struct forward_query *query, uint64_t now);

// With `slot` in flight and a stale answer there: whoever waits gets that, if the configuration
// says when, and the reply is not there by then.
void forward_cached_arm(struct forward_lcore *lcore, uint32_t slot, uint64_t now);

// The time of forward_cached_arm() has come.
void forward_cached_alarm(struct forward_lcore *lcore, uint32_t slot, uint64_t now);
