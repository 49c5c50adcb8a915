// SPDX-License-Identifier: BSD-3-Clause
// Queries that came over TCP and TLS, and what becomes of attempts over them.
#include "dns/edns_option.h"
#include "forward/cached.h"
#include "forward/check.h"
#include "rcu/rcu.h"

#define PADDED_BLOCK 468

// Options between neighbours: they go no further than to the next one.
static const enum dns_option hop_options[] = {DNS_OPTION_KEEPALIVE, DNS_OPTION_PADDING};

static bool has_option(
	const uint8_t *bytes, const struct dns_message *message, enum dns_option option)
{
	struct byte_reader data;

	return dns_edns_find_option(bytes, message, option, &data);
}

// Takes them out of the payload, which was read as good. False where it can not be read any more.
static bool remove_hop_options(struct net_frame *frame, struct dns_message *message)
{
	uint8_t *bytes = net_frame_payload(frame);

	for (size_t i = 0; i < BASE_ARRAY_SIZE(hop_options); i++) {
		if (!has_option(bytes, message, hop_options[i]))
			continue;
		net_frame_payload_rewritten(
			frame, dns_edns_remove_option(
				       bytes, frame->payload_length, message, hop_options[i]));
		if (dns_message_read(message, bytes, frame->payload_length) != DNS_READ_GOOD)
			return false;
	}
	return true;
}

static bool query_accept(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct forward_stream_query *from, struct forward_query *query)
{
	const struct forward_listener *listener =
		forward_snapshot_find_stream(snapshot, &from->local, from->is_tls);
	const uint8_t *bytes = net_frame_payload(&from->frame);

	query->frame = &from->frame;
	query->stream = from;
	query->wants_keepalive = false;
	query->wants_padding = false;
	// The address has gone, or is not served any more.
	if (base_unlikely(!listener)) {
		forward_query_drop(lcore, query, STATS_QUERY_NO_LISTENER);
		return false;
	}
	if (!forward_query_accept(lcore, listener, query))
		return false;
	query->wants_keepalive = has_option(bytes, &query->message, DNS_OPTION_KEEPALIVE);
	query->wants_padding =
		from->is_tls && has_option(bytes, &query->message, DNS_OPTION_PADDING);
	(void)remove_hop_options(query->frame, &query->message);
	return true;
}

static void piece_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct forward_stream_query *queries, uint16_t count, uint64_t now)
{
	struct forward_piece piece;

	piece.query_count = 0;
	for (uint16_t i = 0; i < count; i++)
		piece.query_count += query_accept(
			lcore, snapshot, &queries[i], &piece.queries[piece.query_count]);
	forward_piece_act(lcore, &piece, now);
}

void forward_lcore_set_stream_timeout(struct forward_lcore *lcore, uint64_t nanoseconds)
{
	uint64_t tenths = nanoseconds / (CLOCK_SECOND / 10);

	lcore->keepalive = (uint16_t)(tenths < UINT16_MAX ? tenths : UINT16_MAX);
}

static void add_option(struct net_frame *frame, struct dns_message *message, enum dns_option option,
	const void *data, uint16_t length)
{
	uint8_t *bytes = net_frame_payload(frame);

	net_frame_payload_rewritten(
		frame, dns_edns_add_option(bytes, frame->payload_length,
			       net_frame_payload_room(frame), message, option, data, length));
	(void)dns_message_read(message, bytes, frame->payload_length);
}

// RFC 8467, section 4.1: answers come in blocks, so that their length tells little.
static void pad(struct net_frame *frame, struct dns_message *message)
{
	uint32_t unpadded = frame->payload_length + DNS_OPTION_HEADER_BYTES;
	uint32_t rest = unpadded % PADDED_BLOCK;

	add_option(frame, message, DNS_OPTION_PADDING, NULL,
		(uint16_t)(rest ? PADDED_BLOCK - rest : 0));
}

void forward_stream_answer(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_destination *destination)
{
	uint16_t timeout = htobe16(lcore->keepalive);
	struct dns_message message;

	if ((destination->wants_keepalive || destination->wants_padding) &&
		dns_message_read(&message, net_frame_payload(frame), frame->payload_length) ==
			DNS_READ_GOOD) {
		if (destination->wants_keepalive)
			add_option(
				frame, &message, DNS_OPTION_KEEPALIVE, &timeout, sizeof(timeout));
		if (destination->wants_padding)
			pad(frame, &message);
	}
	stats_count(&lcore->counters, STATS_SENT_STREAM_ANSWERS);
	lcore->sink.answer(lcore->sink.context, frame, &destination->stream);
}

void forward_lcore_receive_stream_queries(struct forward_lcore *lcore,
	struct forward_stream_query *queries, uint16_t count, uint64_t now)
{
	const struct forward_snapshot *snapshot = rcu_pointer_read(lcore->shared->snapshot);

	lcore->now = now;
	stats_count_many(&lcore->counters, STATS_STREAM_QUERY, count);
	for (uint16_t done = 0; done < count; done += FORWARD_PIECE_FRAMES) {
		uint16_t left = (uint16_t)(count - done);

		piece_receive(lcore, snapshot, queries + done,
			left < FORWARD_PIECE_FRAMES ? left : FORWARD_PIECE_FRAMES, now);
	}
}

static void reply_receive(
	struct forward_lcore *lcore, struct forward_stream_reply *reply, uint64_t now)
{
	struct net_frame *frame = &reply->frame;
	struct dns_message message;

	switch (proxy_stream_reply_match(lcore->proxy, reply->slot, net_frame_payload(frame),
		frame->payload_length, &message)) {
	case PROXY_REPLY_GOOD:
		if (base_unlikely(!remove_hop_options(frame, &message)))
			break;
		forward_reply_use(lcore, reply->slot, frame, &message, now);
		return;
	case PROXY_REPLY_CHECK:
		stats_count(&lcore->counters, STATS_REPLY_CHECK);
		forward_check_answer(lcore, reply->slot, frame, now);
		return;
	default:
		break;
	}
	stats_count(&lcore->counters, STATS_REPLY_GARBAGE);
	forward_query_attempt_fail(lcore, reply->slot, PROXY_FAILURE_GARBAGE, frame, now);
}

void forward_lcore_receive_stream_replies(struct forward_lcore *lcore,
	struct forward_stream_reply *replies, uint16_t count, uint64_t now)
{
	lcore->now = now;
	stats_count_many(&lcore->counters, STATS_STREAM_REPLY, count);
	for (uint16_t i = 0; i < count; i++) {
		struct forward_stream_reply *reply = &replies[i];
		bool is_late = !proxy_stream_attempt_is_on_way(
			lcore->proxy, reply->slot, reply->stream_attempt);

		if (is_late)
			stats_count(&lcore->counters, STATS_REPLY_LATE);
		if (is_late && !reply->is_failure)
			forward_frame_release(lcore, &reply->frame);
		if (is_late)
			continue;
		if (!reply->is_failure) {
			reply_receive(lcore, reply, now);
			continue;
		}
		stats_count(&lcore->counters, STATS_REPLY_STREAM_FAILED);
		forward_query_attempt_fail(
			lcore, reply->slot, (enum proxy_failure)reply->failure, NULL, now);
	}
}
