// SPDX-License-Identifier: BSD-3-Clause
// The result as one JSON object.
#pragma once

#include <stdint.h>

#include "histogram.h"

struct report {
	const char *path; // NULL: standard output
	double seconds; // measured
	double per_second; // answers, or frames that went round
	uint64_t sent;
	uint64_t answered;
	uint64_t failed;
	uint64_t wrong;
	uint64_t late;
	uint64_t lost;
	uint64_t upstream_answers;
	uint64_t upstream_strange;
	uint64_t held_back; // bursts that the forwarder did not take whole
	double longest_pause; // seconds between two turns of the generator's loop, when others ran
	double idle_share; // of the generator's time, with nothing to do
	double cycles_per_second; // of the TSC
	double in_flight; // at once, on average
	const struct histogram *latency; // NULL: not measured
};

// 0, or -errno with one line said.
int report_write(const struct report *report);
