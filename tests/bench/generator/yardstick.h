// SPDX-License-Identifier: BSD-3-Clause
// What the link can do under the same load: queries are made as the clients make them, go through
// a device that does no more than turn their addresses (dpdk-testpmd in 5tswap mode), and are
// counted and forgotten when they come back.
#pragma once

#include <stdint.h>

#include "frames.h"
#include "link.h"
#include "names.h"

struct yardstick {
	const struct frame_template *template;
	struct names names;
	uint64_t in_flight;
	uint32_t window;
	uint32_t next_flow;
	uint32_t address_bits;
	uint32_t flow_mask;
	uint64_t turned; // came back
	uint64_t wrong; // came back as something else
};

// 0 or -ENOMEM.
int yardstick_init(struct yardstick *yardstick, const struct options *options,
	const struct frame_template *template);
void yardstick_fini(struct yardstick *yardstick);

// One turn of the loop. Returns how many frames it moved.
uint16_t yardstick_step(struct yardstick *yardstick, struct link *link);
