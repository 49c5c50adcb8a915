// SPDX-License-Identifier: BSD-3-Clause
// What forward.c, query.c and reply.c share of one lcore; nobody else includes this.
#pragma once

#include "forward/client.h"
#include "forward/forward.h"
#include "proxy/hedge.h"
#include "proxy/pause.h"

struct forward_lcore {
	struct stats_counters counters;
	struct stats_stages stages;
	struct forward_shared *shared;
	struct proxy_lcore *proxy;
	struct forward_cached *cached; // NULL without a `cache` directive
	struct forward_sink sink;
	uint16_t lcore;
	bool takes_no_queries;
	uint64_t generation; // of the set followed, with all else. The manager reads it
	uint64_t now; // of the burst
	struct query_ring *records; // under RCU; NULL: no `log` and no `errors`
	uint16_t keepalive; // that stream clients are told, in tenths of a second
};

// Frames that go through the stages together.
#define FORWARD_PIECE_FRAMES 32

// A good query of a piece, and what takes it.
struct forward_query {
	struct net_frame *frame;
	const struct forward_stream_query *stream; // NULL: a datagram
	bool wants_keepalive; // of a stream query: what its client is told in OPT
	bool wants_padding;
	struct dns_message message;
	struct forward_match match;
	// Set where there are caches.
	uint64_t hash; // of its key
	uint16_t lookup; // number of its lookup
	bool may_be_cached;
	bool has_subnet;
	bool is_common; // its reply is kept, and others may wait for it
	bool found_stale;
};

// The good queries of a piece.
struct forward_piece {
	struct forward_query queries[FORWARD_PIECE_FRAMES];
	uint16_t query_count;
};

// A datagram or message to a listener, in the frame and from the client that stand in `query`:
// true with the rest of it filled in, or its verdict was given.
bool forward_query_accept(struct forward_lcore *lcore, const struct forward_listener *listener,
	struct forward_query *query);

// The query gets no answer. Its frame is taken.
void forward_query_drop(
	struct forward_lcore *lcore, const struct forward_query *query, enum stats_counter verdict);

// The queries of a piece are answered, or on their way.
void forward_piece_act(struct forward_lcore *lcore, struct forward_piece *piece, uint64_t now);

// Asks an upstream, for the client or for a cache alone (a refresh). The frame is taken.
void forward_query_start(
	struct forward_lcore *lcore, const struct forward_query *query, uint64_t now);
void forward_query_start_refresh(
	struct forward_lcore *lcore, const struct forward_query *query, uint64_t now);

// Answers an error of our own in the query's frame.
void forward_query_refuse(
	struct forward_lcore *lcore, const struct forward_query *query, enum dns_rcode rcode);

// Writes down in the pending slot who asked, but for where the answer goes: that is
// forward_query_destination().
void forward_query_fill_client(
	struct forward_lcore *lcore, const struct forward_query *query, uint32_t slot);

// True if the attempt on its way, or the next one, has an OPT record that the client did not send.
// After a failed attempt it has none: an upstream that knows no EDNS may have been silent.
bool forward_query_adds_opt(
	const struct forward_client *client, const struct proxy_pending *pending);

// What its client can take.
uint16_t forward_query_answer_bytes(const struct forward_query *query);

// Sends the query to the next upstream in `frame`, or gives it up with an answer in it. The
// payload of the frame is the query as the client sent it.
void forward_query_attempt(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The same after a failed attempt, in a frame whose payload is of no more use; NULL: a new one.
void forward_query_attempt_again(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The attempt of the slot failed: unless another of the query goes on, the next upstream is asked, in
// the frame as above. Or it was a health check, which is over.
void forward_query_attempt_fail(struct forward_lcore *lcore, uint32_t slot,
	enum proxy_failure failure, struct net_frame *frame, uint64_t now);

// The attempt of the slot has been on its way for long: a second upstream is asked, too, if it may.
void forward_query_hedge(struct forward_lcore *lcore, uint32_t slot, uint64_t now);

// A good reply came to one of the two attempts of a query. True: that one can not help, the other
// goes on, and the frame was taken. False: *slot is the query's, with this reply's attempt alone.
bool forward_reply_settle(struct forward_lcore *lcore, uint32_t *slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now);

// The reply was cut: the same upstream is asked over a stream, if that is wanted, in the frame,
// which is taken then. False: nothing was done.
bool forward_query_ask_whole(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The query, which was started, is REFUSED after all: no upstream of the forward that it was handed
// to may be asked. The frame is taken, whatever is in it.
void forward_query_refuse_started(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);

// The good reply to the query in `slot` is not the last word: the query goes on elsewhere, and the
// frame is taken. False: nothing was done.
bool forward_reply_ask_on(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	const struct dns_message *reply, uint64_t now);

// The reply goes to the client of the slot, as it is but for what belongs to the client.
void forward_reply_relay(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *reply);

// The good reply to the query in `slot`, from wherever it came: counted here.
void forward_reply_use(struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame,
	struct dns_message *reply, uint64_t now);

// A datagram to a local port of this lcore, and an ICMP error about one.
void forward_reply_receive(struct forward_lcore *lcore, struct net_frame *frame, uint64_t now);
void forward_error_receive(struct forward_lcore *lcore, struct net_frame *frame,
	const struct net_quoted_datagram *quoted, uint64_t now);

// What its query is counted as that was given up.
static inline enum stats_counter forward_query_failed_verdict(const struct proxy_pending *pending)
{
	return pending->met_failfast ? STATS_QUERY_ALL_DOWN : STATS_QUERY_FAILED;
}

// Where an attempt goes that is a datagram. Member by member: a flow that is made as a whole is
// copied, and the loads of the copy wait for the stores before them.
static inline void forward_attempt_fill_flow(
	const struct proxy_attempt *attempt, struct net_flow *flow)
{
	const struct net_path *path = attempt->path;

	flow->source.address = path->source;
	flow->source.port = attempt->local_port;
	flow->destination = attempt->upstream->endpoint;
	flow->source_mac = path->source_mac;
	flow->destination_mac = path->next_hop_mac;
	flow->vlan = path->vlan;
	flow->port = path->port;
}

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

static inline void forward_query_destination(
	const struct forward_query *query, struct forward_destination *destination)
{
	if (base_unlikely(query->stream)) {
		destination->stream_local = query->stream->local;
		destination->stream_peer = query->stream->peer;
		destination->carrier = PROXY_CARRIER_STREAM;
		destination->wants_keepalive = query->wants_keepalive;
		destination->wants_padding = query->wants_padding;
		destination->stream = query->stream->client;
		return;
	}
	destination->carrier = PROXY_CARRIER_DATAGRAM;
	net_frame_flow_back(query->frame, &destination->flow);
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

// The same back to where the frame came from, which has not been changed but for its payload.
static inline void forward_frame_send_back(
	struct forward_lcore *lcore, struct net_frame *frame, enum stats_counter sent)
{
	if (base_unlikely(
		    net_frame_turn_back(frame, lcore->shared->tx_offload[frame->port]) != 0)) {
		forward_frame_drop(lcore, frame, STATS_NO_FRAMES);
		return;
	}
	stats_count(&lcore->counters, sent);
	lcore->sink.send(lcore->sink.context, frame);
}

// The same to a client over a stream.
void forward_stream_answer(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_destination *destination);

// The payload is an answer.
static inline void forward_answer_send(struct forward_lcore *lcore, struct net_frame *frame,
	const struct forward_destination *destination)
{
	if (base_likely(destination->carrier == PROXY_CARRIER_DATAGRAM)) {
		forward_frame_send(lcore, frame, &destination->flow, STATS_SENT_ANSWERS);
		return;
	}
	forward_stream_answer(lcore, frame, destination);
}

// There is none, and no frame: only who has streams of clients wants to know.
static inline void forward_answer_leave_out(
	struct forward_lcore *lcore, const struct forward_destination *destination)
{
	if (destination->carrier == PROXY_CARRIER_STREAM)
		lcore->sink.leave_unanswered(lcore->sink.context, &destination->stream);
}
