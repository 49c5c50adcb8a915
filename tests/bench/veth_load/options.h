// SPDX-License-Identifier: BSD-3-Clause
// The command line.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *interface;
	const char *json; // path; NULL: standard output
	uint8_t forwarder[4];
	uint8_t forwarder_mac[6];
	uint32_t window; // queries in flight, at most
	uint32_t rate; // queries a second; 0: each after the answer to the one before
	uint32_t name_count; // 0: no name is asked twice
	uint32_t warm_up; // milliseconds
	uint32_t time; // milliseconds measured
	int cpu; // of the load
	int forwarder_cpu; // whose busy time is measured
	bool is_real_time; // the load goes before all else on its CPU
	bool is_upstream_only;
};

// 0, or -EINVAL with one line on standard error. --help does not come back.
int options_parse(struct options *options, int argc, char *argv[]);
