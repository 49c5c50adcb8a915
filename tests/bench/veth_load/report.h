// SPDX-License-Identifier: BSD-3-Clause
// What came back, as JSON.
#pragma once

#include <stdint.h>

#include "load.h"

struct report {
	double seconds;
	double queries; // answered in these seconds
	double forwarder_busy; // share of its CPU
	double load_busy; // share of its CPU that the load's thread ran
	uint64_t lost;
	const struct load_state *state;
};

// To `path`, which appears when it is whole, or to standard output if NULL. 0 or -errno with one
// line said.
int report_write(const struct report *report, const char *path);
