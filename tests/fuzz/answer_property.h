// SPDX-License-Identifier: BSD-3-Clause
// What must hold for any reply, good or damaged: it is refused, or kept and written again as an
// answer that reads well and has the same records. All buffers are of just their sizes, so that a
// sanitizer sees any byte that is touched outside.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How often each came.
struct answer_tally {
	uint32_t read; // replies that read well
	uint32_t checked; // with records that have their form
	uint32_t kept; // by all rules
	uint32_t encoded;
	uint32_t rewritten; // with all records
	uint32_t stripped; // with some taken out
	uint32_t truncated;
};

// NULL, or what is wrong. `variation` picks the client, the room and how the value is cut.
const char *answer_property(
	struct answer_tally *tally, const uint8_t *bytes, size_t length, uint32_t variation);
