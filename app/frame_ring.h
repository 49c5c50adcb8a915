// SPDX-License-Identifier: BSD-3-Clause
// Rings of whole net_frames between two lcores: one producer, one consumer.
#pragma once

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/frame.h"
#include "nic/nic.h"

_Static_assert(sizeof(struct net_frame) % 4 == 0, "rte_ring takes elements of whole words");

// Empty, of `size` (a power of two) frames at the most. NULL with errno. `name` is free text, made
// unique in this process by `a` and `b`.
struct rte_ring *frame_ring_create(const char *name, uint16_t a, uint16_t b, uint32_t size);
// Frees the frames that are left in it.
void frame_ring_destroy(struct rte_ring *ring, struct nic *nic);

// False when full: the frame is still the caller's.
static inline bool frame_ring_push(struct rte_ring *ring, struct net_frame *frame)
{
	return rte_ring_sp_enqueue_elem(ring, frame, sizeof(*frame)) == 0;
}

static inline uint16_t frame_ring_pop(
	struct rte_ring *ring, struct net_frame *frames, uint16_t most)
{
	return (uint16_t)rte_ring_sc_dequeue_burst_elem(ring, frames, sizeof(*frames), most, NULL);
}
