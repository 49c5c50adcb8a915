// SPDX-License-Identifier: BSD-3-Clause
#include "stream_link.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table_memory.h"
#include "frame_ring.h"

// Rings to more lcores than these are never full together.
#define RINGS_FULL 4

uint32_t stream_link_frames_held(uint16_t lcore_count)
{
	return (STREAM_LINK_ATTEMPTS + STREAM_LINK_REPLIES + STREAM_LINK_FRAMES) *
	       (lcore_count < RINGS_FULL ? lcore_count : RINGS_FULL);
}

static struct rte_ring *create_ring(
	const char *name, uint16_t worker, uint16_t stream, uint32_t element, uint32_t count)
{
	char text[RTE_RING_NAMESIZE];
	struct rte_ring *ring;

	snprintf(text, sizeof(text), "%s_%u_%u", name, worker, stream);
	ring = rte_ring_create_elem(
		text, element, count, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!ring)
		errno = rte_errno;
	return ring;
}

uint16_t stream_link_pop_asks(struct stream_link *link, struct stream_ask *asks, uint16_t most)
{
	return (uint16_t)rte_ring_sc_dequeue_burst_elem(
		link->asks, asks, sizeof(*asks), most, NULL);
}

static void free_asks(struct stream_link *link, struct nic *nic)
{
	struct stream_ask ask;

	while (stream_link_pop_asks(link, &ask, 1))
		nic_frame_free(nic, &ask.frame, 1);
	rte_ring_free(link->asks);
}

static void free_reply(struct forward_stream_reply *reply, struct nic *nic)
{
	if (!reply->is_failure)
		nic_frame_free(nic, &reply->frame, 1);
}

static void free_replies(struct stream_link *link, struct nic *nic)
{
	struct forward_stream_reply reply;

	while (stream_link_pop_replies(link, &reply, 1))
		free_reply(&reply, nic);
	while (link->ready_count)
		free_reply(&link->ready[--link->ready_count], nic);
	rte_ring_free(link->replies);
}

uint16_t stream_link_send_replies(struct stream_link *link, struct nic *nic)
{
	uint16_t count = link->ready_count;
	uint16_t sent = (uint16_t)rte_ring_sp_enqueue_burst_elem(
		link->replies, link->ready, sizeof(link->ready[0]), count, NULL);

	for (uint16_t i = sent; i < count; i++)
		free_reply(&link->ready[i], nic);
	link->ready_count = 0;
	return count - sent;
}

void stream_link_destroy(struct stream_link *link, struct nic *nic)
{
	if (!link)
		return;
	if (link->asks)
		free_asks(link, nic);
	if (link->replies)
		free_replies(link, nic);
	frame_ring_destroy(link->hops, nic);
	frame_ring_destroy(link->sends, nic);
	free(link);
}

struct stream_link *stream_link_create(uint16_t worker, uint16_t stream, struct stream_loop *loop)
{
	struct stream_link *link = table_memory_allocate_zeroed(sizeof(*link));
	int error;

	if (!link)
		return NULL;
	link->loop = loop;
	link->asks = create_ring(
		"asks", worker, stream, sizeof(struct stream_ask), STREAM_LINK_ATTEMPTS);
	if (link->asks)
		link->hops = create_ring("stream_hops", worker, stream, sizeof(struct net_frame),
			STREAM_LINK_FRAMES);
	if (link->hops)
		link->replies = create_ring("replies", worker, stream,
			sizeof(struct forward_stream_reply), STREAM_LINK_ATTEMPTS);
	if (link->replies)
		link->sends = create_ring(
			"sends", worker, stream, sizeof(struct net_frame), STREAM_LINK_FRAMES);
	if (link->sends)
		return link;
	error = errno;
	stream_link_destroy(link, NULL);
	errno = error;
	return NULL;
}

bool stream_link_ask(struct stream_link *link, struct net_frame *frame,
	const struct forward_stream_attempt *attempt)
{
	struct stream_ask ask = {.frame = *frame, .attempt = *attempt};

	if (rte_ring_sp_enqueue_elem(link->asks, &ask, sizeof(ask)))
		return false;
	link->is_to_be_rung = true;
	return true;
}

bool stream_link_hop(struct stream_link *link, struct net_frame *frame)
{
	if (!frame_ring_push(link->hops, frame))
		return false;
	link->is_to_be_rung = true;
	return true;
}
