// SPDX-License-Identifier: BSD-3-Clause
// One stretch of load: warm-up, what is measured, and the wait for the last answers. A machine
// that others use leaves its CPUs alone for tenths of a second, so several short ones say more
// than a long one.
#pragma once

#include "generator.h"

struct window {
	double seconds; // measured
	double per_second; // answers, or frames that went round
	// From the first query to the last answer; what has none by then is lost.
	struct client_counters counters;
	uint64_t held_back; // bursts that the forwarder did not take whole
	double longest_pause; // seconds in which the generator did not look at the clock
	double paused; // seconds, of all the longer ones
	uint64_t stolen_milliseconds; // by the hypervisor, of all CPUs
	double idle_share; // of the generator's time measured, with nothing to do
	double in_flight; // at once, on average
	struct latency {
		double p50, p90, p99, p999, most; // seconds from when a query was due to its answer
	} latency;
};

// Adds the latencies in cycles to those of `all` windows.
void window_measure(struct window *window, struct generator *generator, struct histogram *all);

struct latency latency_read(const struct histogram *cycles);
