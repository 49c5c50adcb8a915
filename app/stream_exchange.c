// SPDX-License-Identifier: BSD-3-Clause
// What passes between a stream lcore's clients, its forwarding, and the workers.
#include "stream_lcore_private.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "frame_ring.h"

#define QUERIES_AT_ONCE 32 // not above STREAM_FRAMES / 2
#define FRAMES_A_RING 64

static bool sink_allocate(void *context, struct net_frame *frame)
{
	struct stream_lcore *lcore = context;

	return stream_frames_allocate(lcore->frames, frame);
}

static void sink_release(void *context, struct net_frame *frame)
{
	struct stream_lcore *lcore = context;

	stream_frames_release(lcore->frames, frame);
}

// The frame in one of the NIC's buffers. False: there is none, or it is too long for one.
static bool copy_to_nic(
	struct stream_lcore *lcore, const struct net_frame *frame, struct net_frame *copy)
{
	struct net_frame empty;

	if (nic_frame_alloc(lcore->nic, lcore->lcore, &empty, 1) != 1)
		return false;
	if (frame->length > empty.length + empty.tailroom) {
		nic_frame_free(lcore->nic, &empty, 1);
		return false;
	}
	memcpy(empty.data, frame->data, frame->length);
	*copy = *frame;
	copy->buffer = empty.buffer;
	copy->data = empty.data;
	copy->headroom = empty.headroom;
	copy->tailroom = (uint16_t)(empty.length + empty.tailroom - frame->length);
	return true;
}

// A datagram of ours leaves by a worker, always the same one, so that they stay in order.
static void sink_send(void *context, struct net_frame *frame)
{
	struct stream_lcore *lcore = context;
	struct stream_link *link =
		stream_lcore_link(lcore, (uint16_t)(lcore->index % lcore->worker_count));
	struct net_frame copy;

	// What is lost here is as good as lost on the wire: the attempt times out.
	if (!copy_to_nic(lcore, frame, &copy)) {
		stream_lcore_count(&lcore->counters.sends_dropped);
	} else if (!frame_ring_push(link->sends, &copy)) {
		stream_lcore_count(&lcore->counters.sends_dropped);
		nic_frame_free(lcore->nic, &copy, 1);
	}
	stream_frames_release(lcore->frames, frame);
}

// Workers pass on nothing but frames to local ports of this lcore.
static enum forward_handover sink_to_kernel(void *context, struct net_frame *frame)
{
	sink_release(context, frame);
	return FORWARD_NO_TAKER;
}

static enum forward_handover sink_to_lcore(void *context, struct net_frame *frame, uint16_t to)
{
	(void)to;
	sink_release(context, frame);
	return FORWARD_RING_FULL;
}

static stream_handle handle_of(const struct forward_stream_client *client)
{
	return (stream_handle)client->generation << 32 | client->connection;
}

static void sink_answer(
	void *context, struct net_frame *frame, const struct forward_stream_client *client)
{
	struct stream_lcore *lcore = context;

	stream_clients_answer(
		lcore->clients, handle_of(client), net_frame_payload(frame), frame->payload_length);
	stream_frames_release(lcore->frames, frame);
}

static void sink_leave_unanswered(void *context, const struct forward_stream_client *client)
{
	struct stream_lcore *lcore = context;

	stream_clients_drop(lcore->clients, handle_of(client));
}

struct forward_sink stream_lcore_sink(struct stream_lcore *lcore)
{
	return (struct forward_sink){
		.context = lcore,
		.allocate = sink_allocate,
		.send = sink_send,
		.release = sink_release,
		.to_kernel = sink_to_kernel,
		.to_lcore = sink_to_lcore,
		.ask = stream_lcore_ask,
		.answer = sink_answer,
		.leave_unanswered = sink_leave_unanswered,
	};
}

// As many as there are frames for at once.
static void hand_over_queries(struct stream_lcore *lcore, const struct stream_query queries[],
	uint32_t count, uint64_t now)
{
	struct forward_stream_query batch[QUERIES_AT_ONCE];
	uint16_t batch_count = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct forward_stream_query *query = &batch[batch_count];

		if (!stream_frames_copy(
			    lcore->frames, &query->frame, queries[i].bytes, queries[i].length)) {
			stream_clients_drop(lcore->clients, queries[i].client);
			continue;
		}
		query->local = queries[i].local;
		query->peer = queries[i].peer;
		query->is_tls = queries[i].is_tls;
		query->client.connection = (uint32_t)queries[i].client;
		query->client.generation = (uint32_t)(queries[i].client >> 32);
		batch_count++;
	}
	forward_lcore_receive_stream_queries(lcore->forward, batch, batch_count, now);
}

static void receive_queries(
	void *context, const struct stream_query queries[], uint32_t count, uint64_t now)
{
	for (uint32_t done = 0; done < count; done += QUERIES_AT_ONCE)
		hand_over_queries(context, queries + done,
			count - done < QUERIES_AT_ONCE ? count - done : QUERIES_AT_ONCE, now);
}

// Anybody can have this said: once a second.
static void tell_certificate_refused(
	void *context, const struct net_endpoint *peer, const char *reason)
{
	struct stream_lcore *lcore = context;
	char text[NET_ADDRESS_TEXT];

	if (lcore->refusal_told_at && lcore->now - lcore->refusal_told_at < CLOCK_SECOND)
		return;
	lcore->refusal_told_at = lcore->now;
	log_warning("client %s: %s", net_address_format(&peer->address, text), reason);
}

struct stream_query_handler stream_lcore_query_handler(struct stream_lcore *lcore)
{
	return (struct stream_query_handler){
		.context = lcore,
		.queries = receive_queries,
		.certificate_refused = tell_certificate_refused,
	};
}

// Frames to our local ports. What is worked on is always our own memory.
static uint32_t read_hops(struct stream_lcore *lcore, struct stream_link *link)
{
	struct net_frame frames[FRAMES_A_RING];
	uint16_t count = frame_ring_pop(link->hops, frames, FRAMES_A_RING);

	for (uint16_t i = 0; i < count; i++) {
		struct net_frame frame;

		if (!stream_frames_copy_frame(lcore->frames, &frame, &frames[i])) {
			stream_lcore_count(&lcore->counters.hops_dropped);
			continue;
		}
		forward_lcore_receive_hopped(lcore->forward, &frame, 1, lcore->now);
	}
	nic_frame_free(lcore->nic, frames, count);
	return count;
}

uint32_t stream_lcore_read_links(struct stream_lcore *lcore)
{
	uint32_t count = 0;

	for (uint16_t worker = 0; worker < lcore->worker_count; worker++) {
		struct stream_link *link = stream_lcore_link(lcore, worker);

		count += read_hops(lcore, link);
		count += stream_lcore_read_asks(lcore, worker);
	}
	return count;
}

bool stream_lcore_links_are_empty(const struct stream_lcore *lcore)
{
	for (uint16_t worker = 0; worker < lcore->worker_count; worker++) {
		if (!stream_link_is_empty(stream_lcore_link(lcore, worker)))
			return false;
	}
	return true;
}
