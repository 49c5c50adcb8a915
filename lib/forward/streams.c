// SPDX-License-Identifier: BSD-3-Clause
// Queries that came over TCP and TLS, and what becomes of attempts over them.
#include "forward/cached.h"
#include "rcu/rcu.h"

static void piece_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct forward_stream_query *queries, uint16_t count, uint64_t now)
{
	struct forward_piece piece;

	piece.query_count = 0;
	for (uint16_t i = 0; i < count; i++) {
		const struct forward_listener *listener = forward_snapshot_find_stream(
			snapshot, &queries[i].local, queries[i].is_tls);
		struct forward_query *query = &piece.queries[piece.query_count];

		query->frame = &queries[i].frame;
		query->stream = &queries[i].client;
		// The address has gone, or is not served any more.
		if (base_unlikely(!listener)) {
			forward_query_drop(lcore, query, STATS_QUERY_NO_LISTENER);
			continue;
		}
		piece.query_count += forward_query_accept(lcore, listener, query);
	}
	forward_piece_act(lcore, &piece, now);
}

void forward_lcore_receive_stream_queries(struct forward_lcore *lcore,
	struct forward_stream_query *queries, uint16_t count, uint64_t now)
{
	const struct forward_snapshot *snapshot = rcu_pointer_read(lcore->shared->snapshot);

	stats_count_many(&lcore->counters, STATS_STREAM_QUERY, count);
	for (uint16_t done = 0; done < count; done += FORWARD_PIECE_FRAMES) {
		uint16_t left = (uint16_t)(count - done);

		piece_receive(lcore, snapshot, queries + done,
			left < FORWARD_PIECE_FRAMES ? left : FORWARD_PIECE_FRAMES, now);
	}
}

// The next upstream is asked, in the frame if it is not NULL.
static void attempt_fail(struct forward_lcore *lcore, uint32_t slot, enum proxy_failure failure,
	struct net_frame *frame, uint64_t now)
{
	proxy_attempt_fail(lcore->proxy, slot, failure, now);
	forward_query_attempt_again(lcore, slot, frame, now);
}

static void reply_receive(
	struct forward_lcore *lcore, struct forward_stream_reply *reply, uint64_t now)
{
	struct net_frame *frame = &reply->frame;
	struct dns_message message;

	switch (proxy_stream_reply_match(lcore->proxy, reply->slot, net_frame_payload(frame),
		frame->payload_length, &message)) {
	case PROXY_REPLY_GOOD:
		stats_count(&lcore->counters, STATS_REPLY_RELAYED);
		forward_reply_use(lcore, reply->slot, frame, &message, now);
		return;
	default:
		stats_count(&lcore->counters, STATS_REPLY_GARBAGE);
		attempt_fail(lcore, reply->slot, PROXY_FAILURE_GARBAGE, frame, now);
		return;
	}
}

void forward_lcore_receive_stream_replies(struct forward_lcore *lcore,
	struct forward_stream_reply *replies, uint16_t count, uint64_t now)
{
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
		attempt_fail(lcore, reply->slot, (enum proxy_failure)reply->failure, NULL, now);
	}
}
