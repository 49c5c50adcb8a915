// SPDX-License-Identifier: BSD-3-Clause
// One query and what was answered, as `log` and `errors` tell of it: made by the lcore that answered,
// written down by the management lcore.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"
#include "net/address.h"

enum query_record_kind {
	QUERY_RECORD_ANSWER, // for log
	QUERY_RECORD_FAILURE, // for errors: nobody answered it
};

struct query_record {
	uint64_t duration; // nanoseconds from the query to its answer
	struct net_endpoint client;
	struct net_endpoint local; // where the query came to
	uint16_t id;
	uint16_t type;
	uint16_t class_;
	uint16_t flags; // of the answer's header
	uint16_t rcode; // of all its bits
	uint16_t size; // of the query
	uint16_t answer_size;
	uint16_t bufsize; // that the query's OPT tells, 0 without
	uint16_t rule; // of the configuration: its number
	uint16_t group; // of a failure: the forward that gave up
	uint8_t classes; // that the rule wants, as it has them
	uint8_t kind; // enum query_record_kind
	bool is_stream;
	bool do_bit;
	// Of a failure: the last upstream that was asked, and why that failed (enum proxy_failure).
	uint8_t failure;
	struct net_endpoint upstream;
	uint16_t name_length;
	uint8_t name[DNS_NAME_BYTES]; // wire format, as it was asked
};
