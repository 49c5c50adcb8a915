// SPDX-License-Identifier: BSD-3-Clause
// The one port, its queues, and the frames that wait for room in them. Where a NIC would drop,
// this waits: what a forwarder does not take is held back here, and its sources with it, so that
// every loss that is counted is the forwarder's.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdint.h>

#include "options.h"
#include "toeplitz.h"

#define LINK_QUEUES_MOST 16
#define LINK_BURST 64
#define LINK_BACKLOG 256
#define LINK_FRAME_BYTES 256 // longer ones come in several buffers, and are not ours

struct link_queue {
	uint16_t count;
	struct rte_mbuf *frames[LINK_BACKLOG];
};

struct link {
	struct rte_mempool *pool;
	uint16_t port;
	uint16_t queue_count;
	uint16_t next_receive; // queue
	uint64_t received;
	uint64_t sent;
	uint64_t held_back; // flushes that left something
	struct toeplitz toeplitz;
	struct link_queue queues[LINK_QUEUES_MOST];
};

// Opens the first port of EAL, with memory for `frames` held at a time. 0, or -errno with one
// line said.
int link_open(struct link *link, const struct options *options, uint32_t frames);
void link_close(struct link *link);

// Gives back frames that link_receive brought, of one buffer each.
static inline void link_recycle(struct link *link, struct rte_mbuf **frames, uint16_t count)
{
	if (count)
		rte_mempool_put_bulk(link->pool, (void **)frames, count);
}

// Up to LINK_BURST frames of the next queue.
uint16_t link_receive(struct link *link, struct rte_mbuf **frames);

// How many frames can be handed to link_send, whatever queue they are for.
static inline uint16_t link_room(const struct link *link)
{
	uint16_t most = link->queues[0].count;

	for (uint16_t i = 1; i < link->queue_count; i++)
		most = RTE_MAX(most, link->queues[i].count);
	return (uint16_t)(LINK_BACKLOG - most);
}

// Takes a whole frame (an IPv4 datagram if there are several queues). There was room.
static inline void link_send(struct link *link, struct rte_mbuf *frame)
{
	struct link_queue *queue = &link->queues[0];

	if (link->queue_count > 1)
		queue = &link->queues[toeplitz_queue(&link->toeplitz,
			rte_pktmbuf_mtod(frame, const uint8_t *), link->queue_count)];
	queue->frames[queue->count++] = frame;
}

void link_flush(struct link *link);
