// SPDX-License-Identifier: BSD-3-Clause
// The result as one JSON object: sums, and each window by itself.
#pragma once

#include "window.h"

#define REPORT_WINDOWS_MOST 200

struct report {
	const struct generator *generator;
	uint32_t count;
	struct histogram latency; // cycles, of all windows
	struct window windows[REPORT_WINDOWS_MOST];
};

// The sum over the windows.
struct client_counters report_sum(const struct report *report);

// Writes to the file that the options name, which appears when it is whole, or to standard
// output. 0, or -errno with one line said.
int report_write(const struct report *report);
