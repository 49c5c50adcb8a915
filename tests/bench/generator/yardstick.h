// SPDX-License-Identifier: BSD-3-Clause
// What the link itself can do: the same frames go round through a device that does no more than
// turn their addresses (dpdk-testpmd in 5tswap mode), and leave again as they came.
#pragma once

#include <stdint.h>

#include "frames.h"
#include "link.h"

struct yardstick {
	const struct frame_template *template;
	uint32_t wanted; // frames to go round
	uint32_t started;
	uint32_t flow_mask;
	uint64_t turned; // came back
	uint64_t wrong; // came back as something else
};

void yardstick_init(struct yardstick *yardstick, const struct options *options,
	const struct frame_template *template);

// One turn of the loop. Returns how many frames it moved.
uint16_t yardstick_step(struct yardstick *yardstick, struct link *link);
