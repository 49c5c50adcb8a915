// SPDX-License-Identifier: BSD-3-Clause
// What the link can do when this side does next to nothing: the same frames go round and round
// through a device that only turns their addresses (dpdk-testpmd in 5tswap mode).
#pragma once

#include <stdint.h>

#include "frames.h"
#include "link.h"

struct circulation {
	const struct frame_template *template;
	uint32_t window; // frames that go round
	uint32_t made;
	uint32_t address_bits;
	uint64_t turned; // came back
	uint64_t wrong; // came back with another length, and were dropped
};

// `template` is kept.
void circulation_init(struct circulation *circulation, const struct options *options,
	const struct frame_template *template);

// One turn of the loop. Returns how many frames it moved.
uint16_t circulation_step(struct circulation *circulation, struct link *link);
