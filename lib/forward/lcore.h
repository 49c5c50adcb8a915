// SPDX-License-Identifier: BSD-3-Clause
// What forward.c, query.c and reply.c share of one lcore; nobody else includes this.
#pragma once

#include "forward/client.h"
#include "forward/forward.h"

struct forward_lcore {
	struct stats_counters counters;
	struct stats_stages stages;
	struct forward_shared *shared;
	struct proxy_lcore *proxy;
	struct forward_sink sink;
	uint16_t lcore;
	bool takes_no_queries;
};

// A datagram to a listener, parsed.
void forward_query_receive(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_listener *listener, uint64_t now);

// Sends the query to the next upstream in `frame`, or gives it up with an answer in it. The
// payload of the frame is the query as the client sent it.
void forward_query_attempt(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The same after a failed attempt, in a frame whose payload is of no more use; NULL: a new one.
void forward_query_attempt_again(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// A datagram to a local port of this lcore, and an ICMP error about one.
void forward_reply_receive(struct forward_lcore *lcore, struct net_frame *frame, uint64_t now);
void forward_error_receive(struct forward_lcore *lcore, struct net_frame *frame,
	const struct net_quoted_datagram *quoted, uint64_t now);

// Frames leave.
static inline void forward_frame_release(struct forward_lcore *lcore, struct net_frame *frame)
{
	lcore->sink.release(lcore->sink.context, frame);
}

static inline void forward_frame_drop(
	struct forward_lcore *lcore, struct net_frame *frame, enum stats_counter verdict)
{
	stats_count(&lcore->counters, verdict);
	forward_frame_release(lcore, frame);
}

// Writes the headers of `flow` round the payload and sends the frame. A frame without room for
// them (no driver hands out such) is dropped and counted as lacking.
static inline void forward_frame_send(struct forward_lcore *lcore, struct net_frame *frame,
	const struct net_flow *flow, enum stats_counter sent)
{
	if (base_unlikely(net_frame_write_headers(
				  frame, flow, lcore->shared->tx_offload[flow->port]) != 0)) {
		forward_frame_drop(lcore, frame, STATS_NO_FRAMES);
		return;
	}
	frame->port = flow->port;
	stats_count(&lcore->counters, sent);
	lcore->sink.send(lcore->sink.context, frame);
}
