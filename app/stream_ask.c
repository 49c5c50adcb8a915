// SPDX-License-Identifier: BSD-3-Clause
// Attempts over TCP and TLS: what is asked of upstreams, by whom, and what comes of it.
#include <string.h>

#include "dns/message.h"
#include "stream_lcore_private.h"

#define ASKS_A_RING 64
#define STOCK_AHEAD 3 // frames

// Who asks, as one number for proxy/stream_exchange.h: index of the lcore, slot, attempt.
#define SLOT_BITS 24
_Static_assert(PROXY_PENDING_MOST <= 1u << SLOT_BITS, "a slot fits");
_Static_assert(FORWARD_LCORES_MOST <= 256, "an lcore fits");

static uint64_t asker_make(uint16_t lcore, const struct forward_stream_attempt *attempt)
{
	return (uint64_t)lcore << (SLOT_BITS + 32) | (uint64_t)attempt->slot << 32 |
	       attempt->stream_attempt;
}

static uint16_t asker_lcore(uint64_t asker)
{
	return (uint16_t)(asker >> (SLOT_BITS + 32));
}

// Whom the reply is to. Its frame or its failure is set by who knows which.
static void reply_begin(struct forward_stream_reply *reply, uint64_t asker)
{
	reply->slot = (uint32_t)(asker >> 32) & ((1u << SLOT_BITS) - 1);
	reply->stream_attempt = (uint32_t)asker;
	reply->is_failure = false;
}

static void reply_fail(struct forward_stream_reply *reply, enum proxy_failure failure)
{
	reply->is_failure = true;
	reply->failure = (uint8_t)failure;
}

static bool ask(struct stream_lcore *lcore, uint16_t asker, const struct net_frame *frame,
	const struct forward_stream_attempt *attempt)
{
	const struct proxy_stream_question question = {
		.message = net_frame_payload(frame),
		.length = frame->payload_length,
		.question_end = attempt->question_end,
		.upstream = attempt->upstream,
		.is_check = attempt->is_check,
		.deadline = attempt->until,
		.asker = asker_make(asker, attempt),
	};

	return proxy_streams_ask(lcore->streams, &question, lcore->now);
}

bool stream_lcore_ask(
	void *context, struct net_frame *frame, const struct forward_stream_attempt *attempt)
{
	struct stream_lcore *lcore = context;

	if (!ask(lcore, lcore->lcore, frame, attempt))
		return false;
	stream_frames_release(lcore->frames, frame);
	return true;
}

// The worker's attempts time out where its ring is full.
static void send_replies(struct stream_lcore *lcore, struct stream_link *link)
{
	uint16_t dropped = stream_link_send_replies(link, lcore->nic);

	base_store(&lcore->counters.replies_dropped, lcore->counters.replies_dropped + dropped);
}

void stream_lcore_send_replies(struct stream_lcore *lcore)
{
	for (uint16_t worker = 0; worker < lcore->worker_count; worker++) {
		struct stream_link *link = stream_lcore_link(lcore, worker);

		if (link->ready_count)
			send_replies(lcore, link);
	}
}

static struct forward_stream_reply *next_reply(struct stream_lcore *lcore, uint64_t asker)
{
	struct stream_link *link = stream_lcore_link(lcore, asker_lcore(asker));
	struct forward_stream_reply *reply = stream_link_next_reply(link);

	if (base_unlikely(!reply)) {
		send_replies(lcore, link);
		reply = stream_link_next_reply(link);
	}
	reply_begin(reply, asker);
	return reply;
}

static void tell_worker_of_failure(
	struct stream_lcore *lcore, uint64_t asker, enum proxy_failure failure)
{
	reply_fail(next_reply(lcore, asker), failure);
}

uint32_t stream_lcore_read_asks(struct stream_lcore *lcore, uint16_t worker)
{
	struct stream_ask asks[ASKS_A_RING];
	uint16_t count = stream_link_pop_asks(stream_lcore_link(lcore, worker), asks, ASKS_A_RING);

	for (uint16_t i = 0; i < count; i++)
		nic_frame_prefetch(&asks[i].frame);
	for (uint16_t i = 0; i < count; i++) {
		if (!ask(lcore, worker, &asks[i].frame, &asks[i].attempt))
			tell_worker_of_failure(lcore, asker_make(worker, &asks[i].attempt),
				PROXY_FAILURE_NO_STREAM);
		nic_frame_free(lcore->nic, &asks[i].frame, 1);
	}
	return count;
}

// A reply too long for a worker's frames is cut: no datagram of its clients could carry it.
static uint16_t cut_to(uint8_t *bytes, uint16_t length, uint16_t room)
{
	struct dns_message message;

	if (dns_message_read(&message, bytes, length) != DNS_READ_GOOD)
		return 0;
	return dns_message_truncate(bytes, length, &message, room);
}

// For a reply of common length to be written. Else the lines come from another core one by one, and what
// is stored waits for them.
static void prefetch_payload(struct net_frame *frame)
{
	const uint8_t *payload = net_frame_payload(frame);

	base_prefetch_write(payload);
	base_prefetch_write(payload + BASE_CACHE_LINE);
}

// From the stock, which is filled many at a time, since others had them last.
static bool take_frame(struct stream_lcore *lcore, struct net_frame *frame)
{
	if (!lcore->stock_count)
		lcore->stock_count =
			nic_frame_alloc(lcore->nic, lcore->lcore, lcore->stock, STREAM_LCORE_STOCK);
	if (!lcore->stock_count)
		return nic_frame_alloc(lcore->nic, lcore->lcore, frame, 1) == 1;
	*frame = lcore->stock[--lcore->stock_count];
	if (lcore->stock_count >= STOCK_AHEAD)
		prefetch_payload(&lcore->stock[lcore->stock_count - STOCK_AHEAD]);
	return true;
}

// In one of the NIC's frames; the reply's length, 0 where that can not be.
static uint16_t fill_worker_frame(
	struct stream_lcore *lcore, struct net_frame *frame, const uint8_t *bytes, uint16_t length)
{
	struct net_frame whole;
	uint16_t room;

	if (!take_frame(lcore, frame))
		return 0;
	room = net_frame_payload_room(frame);
	if (length <= room) {
		memcpy(net_frame_payload(frame), bytes, length);
	} else if (stream_frames_copy(lcore->frames, &whole, bytes, length)) {
		length = cut_to(net_frame_payload(&whole), length, room);
		memcpy(net_frame_payload(frame), net_frame_payload(&whole), length);
		stream_frames_release(lcore->frames, &whole);
	} else {
		length = 0;
	}
	if (!length)
		nic_frame_free(lcore->nic, frame, 1);
	net_frame_payload_rewritten(frame, length);
	return length;
}

static void answer_worker(
	struct stream_lcore *lcore, uint64_t asker, const uint8_t *bytes, uint16_t length)
{
	struct forward_stream_reply *reply = next_reply(lcore, asker);

	if (!fill_worker_frame(lcore, &reply->frame, bytes, length))
		reply_fail(reply, PROXY_FAILURE_NO_STREAM);
}

static void answer_own(
	struct stream_lcore *lcore, uint64_t asker, const uint8_t *bytes, uint16_t length)
{
	struct forward_stream_reply reply = {0};

	reply_begin(&reply, asker);
	if (!stream_frames_copy(lcore->frames, &reply.frame, bytes, length))
		reply_fail(&reply, PROXY_FAILURE_NO_STREAM);
	forward_lcore_receive_stream_replies(lcore->forward, &reply, 1, lcore->now);
}

static void answered(void *context, uint64_t asker, const uint8_t *bytes, uint16_t length)
{
	struct stream_lcore *lcore = context;

	if (asker_lcore(asker) == lcore->lcore)
		answer_own(lcore, asker, bytes, length);
	else
		answer_worker(lcore, asker, bytes, length);
}

static void failed(void *context, uint64_t asker, enum proxy_failure failure)
{
	struct stream_lcore *lcore = context;
	struct forward_stream_reply reply = {0};

	if (asker_lcore(asker) != lcore->lcore) {
		tell_worker_of_failure(lcore, asker, failure);
		return;
	}
	reply_begin(&reply, asker);
	reply_fail(&reply, failure);
	forward_lcore_receive_stream_replies(lcore->forward, &reply, 1, lcore->now);
}

struct proxy_stream_asker stream_lcore_asker(struct stream_lcore *lcore)
{
	return (struct proxy_stream_asker){
		.context = lcore, .answered = answered, .failed = failed};
}
