// SPDX-License-Identifier: BSD-3-Clause
// The command line behind `--`.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"

enum option_names {
	OPTION_NAMES_DIFFERENT, // none is asked twice
	OPTION_NAMES_UNIFORM,
	OPTION_NAMES_ZIPF,
};

enum option_checksums {
	OPTION_CHECKSUMS_FULL, // in every frame, and verified in what comes back
	OPTION_CHECKSUMS_NONE, // UDP says it has none (RFC 768), and none is looked at
};

#define OPTION_RSS_KEY_BYTES 40

struct options {
	uint64_t rate; // queries a second; 0: as fast as answers come back
	uint32_t window; // in flight at most
	uint32_t delay; // of the upstreams, in microseconds
	uint32_t warm_up; // milliseconds that count for nothing but losses
	uint32_t time; // milliseconds measured
	uint32_t windows; // how often, each with its warm-up
	uint32_t patience; // milliseconds until a query counts as lost, or late
	enum option_names names;
	uint32_t name_count; // of uniform and Zipf
	uint32_t new_names; // percent
	uint32_t fill; // how often each name of the set is asked before the first window
	uint32_t client_addresses; // powers of two
	uint32_t client_ports;
	uint32_t upstreams;
	uint32_t queues;
	enum option_checksums checksums;
	bool circulates; // the same frames go round and round, and nothing is asked
	bool is_real_time; // with a thread that standard input names
	bool stays; // on the link when all is written, until a signal comes
	uint8_t rss_key[OPTION_RSS_KEY_BYTES] base_aligned(4); // DPDK reads it by words
	struct net_address forwarder;
	struct net_mac forwarder_mac;
	const char *json; // path; NULL: standard output
};

// 0, or -EINVAL with one line on standard error.
int options_parse(struct options *options, int argc, char *argv[]);
