// SPDX-License-Identifier: BSD-3-Clause
#include "forward/check.h"

#include <string.h>

// A turn's time is bounded.
#define CHECKS_A_TURN 16

static void check_end_unsent(struct forward_lcore *lcore, uint32_t slot, uint64_t now)
{
	stats_count(&lcore->counters, STATS_CHECK_UNSENT);
	proxy_check_finish(lcore->proxy, slot, PROXY_NEWS_CHECK_UNSENT, now);
}

static void send_to_stream(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct proxy_attempt *attempt, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->proxy->pending, slot);
	const struct forward_stream_attempt stream = {
		.slot = slot,
		.stream_attempt = attempt->stream_attempt,
		.upstream = pending->upstream,
		.question_end = pending->question_end,
		.is_check = true,
		.until = attempt->until,
	};

	if (lcore->sink.ask(lcore->sink.context, frame, &stream)) {
		stats_count(&lcore->counters, STATS_CHECK_SENT);
		return;
	}
	forward_frame_release(lcore, frame);
	check_end_unsent(lcore, slot, now);
}

static void check_send(struct forward_lcore *lcore, struct proxy_check check, uint64_t now)
{
	struct proxy_pending *pending;
	struct proxy_attempt attempt;
	struct net_frame frame;
	struct net_flow flow;
	uint32_t slot;

	if (!proxy_check_start(lcore->proxy, check, now, &slot, &attempt)) {
		stats_count(&lcore->counters, STATS_CHECK_UNSENT);
		return;
	}
	if (!lcore->sink.allocate(lcore->sink.context, &frame)) {
		stats_count(&lcore->counters, STATS_NO_FRAMES);
		check_end_unsent(lcore, slot, now);
		return;
	}
	pending = proxy_pending_at(&lcore->proxy->pending, slot);
	memcpy(net_frame_payload(&frame), proxy_pending_message(&lcore->proxy->pending, pending),
		pending->message_length);
	net_frame_payload_rewritten(&frame, pending->message_length);
	if (attempt.carrier == PROXY_CARRIER_STREAM) {
		send_to_stream(lcore, slot, &frame, &attempt, now);
		return;
	}
	net_frame_payload_store_u16(&frame, DNS_ID_OFFSET, attempt.id);
	forward_attempt_fill_flow(&attempt, &flow);
	forward_frame_send(lcore, &frame, &flow, STATS_CHECK_SENT);
}

void forward_checks_turn(struct forward_lcore *lcore, uint64_t now)
{
	struct proxy_check check;

	for (int i = 0; i < CHECKS_A_TURN && proxy_check_take(lcore->proxy, &check); i++)
		check_send(lcore, check, now);
}

void forward_check_answer(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now)
{
	forward_frame_release(lcore, frame);
	proxy_check_finish(lcore->proxy, slot, PROXY_NEWS_CHECK_GOOD, now);
}

void forward_check_fail(struct forward_lcore *lcore, uint32_t slot, enum proxy_failure failure,
	struct net_frame *frame, uint64_t now)
{
	if (frame)
		forward_frame_release(lcore, frame);
	if (!proxy_failure_is_of_upstream(failure)) {
		check_end_unsent(lcore, slot, now);
		return;
	}
	stats_count(&lcore->counters, STATS_CHECK_FAILED);
	proxy_check_finish(lcore->proxy, slot, PROXY_NEWS_CHECK_FAILED, now);
}
