// SPDX-License-Identifier: BSD-3-Clause
// What passes between one worker and one stream lcore: four rings of one producer and one consumer
// each, and a bell for who sleeps.
#pragma once

#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdbool.h>
#include <stdint.h>

#include "forward/forward.h"
#include "nic/nic.h"
#include "stream/loop.h"

// Entries of the rings of attempts and their replies, as many as a busy worker has in flight for the
// turns that a stream lcore may miss, and of those of frames.
#define STREAM_LINK_ATTEMPTS 2048
#define STREAM_LINK_FRAMES 512
// Replies that go into their ring together: each time, the other lcore's lines have to come over.
#define STREAM_LINK_REPLIES 32

// An attempt over a stream that a worker wants. The frame is one of the worker's pool.
struct stream_ask {
	struct net_frame frame;
	struct forward_stream_attempt attempt;
};

_Static_assert(sizeof(struct stream_ask) % 4 == 0, "rte_ring takes elements of whole words");
_Static_assert(sizeof(struct forward_stream_reply) % 4 == 0, "the same");

struct stream_link {
	// From the worker.
	struct rte_ring *asks; // struct stream_ask
	struct rte_ring *hops; // net_frames to the local ports of the stream lcore
	// From the stream lcore; frames are of its pool.
	struct rte_ring *replies; // struct forward_stream_reply
	struct rte_ring *sends; // net_frames that leave by the worker's queues
	struct stream_loop *loop; // of the stream lcore: to be rung
	bool is_to_be_rung; // the worker's own: it has put something in since it last rang
	// The stream lcore's own: what it has written and not put in yet.
	uint16_t ready_count base_aligned(BASE_CACHE_LINE_PAIR);
	struct forward_stream_reply ready[STREAM_LINK_REPLIES];
};

// Frames of one lcore's pool that can wait for so many lcores of the other kind.
uint32_t stream_link_frames_held(uint16_t lcore_count);

// NULL with errno. `loop` must live longer.
struct stream_link *stream_link_create(uint16_t worker, uint16_t stream, struct stream_loop *loop);
// Frees the frames that are left in it.
void stream_link_destroy(struct stream_link *link, struct nic *nic);

// The worker's: false when the ring is full, and the frame is still the caller's.
bool stream_link_ask(struct stream_link *link, struct net_frame *frame,
	const struct forward_stream_attempt *attempt);
bool stream_link_hop(struct stream_link *link, struct net_frame *frame);

// The worker's, once a turn: rings if there is reason to.
static inline void stream_link_ring(struct stream_link *link)
{
	if (base_likely(!link->is_to_be_rung))
		return;
	link->is_to_be_rung = false;
	stream_loop_ring(link->loop);
}

static inline uint16_t stream_link_pop_replies(
	struct stream_link *link, struct forward_stream_reply *replies, uint16_t most)
{
	return (uint16_t)rte_ring_sc_dequeue_burst_elem(
		link->replies, replies, sizeof(*replies), most, NULL);
}

// The stream lcore's: where the next reply is to be written, or NULL: those there are have to be sent first.
static inline struct forward_stream_reply *stream_link_next_reply(struct stream_link *link)
{
	return link->ready_count < STREAM_LINK_REPLIES ? &link->ready[link->ready_count++] : NULL;
}

// Puts those written into the ring. Returns how many found it full, and are dropped.
uint16_t stream_link_send_replies(struct stream_link *link, struct nic *nic);

uint16_t stream_link_pop_asks(struct stream_link *link, struct stream_ask *asks, uint16_t most);

// True if the worker has put in nothing that is not taken out.
static inline bool stream_link_is_empty(const struct stream_link *link)
{
	return rte_ring_empty(link->asks) && rte_ring_empty(link->hops);
}
