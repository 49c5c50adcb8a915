// SPDX-License-Identifier: BSD-3-Clause
// The upstreams: answer every query of ours after the same delay, first come first served. What
// else comes to them is counted and dropped.
#pragma once

#include <stdint.h>

#include "frames.h"
#include "link.h"

// Without a delay, the frame of the query becomes that of the answer. With one, many wait: they
// leave their frames, so that a few frames that stay in the caches serve all.
struct upstream_answer {
	uint64_t due; // cycles of the TSC
	union {
		struct rte_mbuf *frame;
		struct frame_asked asked;
	};
};

struct upstream {
	const struct frame_template *template;
	struct upstream_answer *ring; // in the order in which they are due
	uint32_t mask;
	uint32_t head; // next to be filled
	uint32_t tail; // next to be sent
	uint64_t delay; // cycles
	uint64_t answered;
	uint64_t strange; // not a query as the clients ask it
	uint64_t overflow; // answers that the ring had no room for
};

// Room for `most` answers on their way. 0 or -ENOMEM.
int upstream_init(struct upstream *upstream, const struct options *options,
	const struct frame_template *template, uint32_t most);
void upstream_fini(struct upstream *upstream);

// Takes the frame, which came from `link`.
void upstream_receive(
	struct upstream *upstream, struct link *link, struct rte_mbuf *frame, uint64_t now);

// Sends the answers that are due, as far as the link has room. Returns how many.
uint16_t upstream_send(struct upstream *upstream, struct link *link, uint64_t now);
