// SPDX-License-Identifier: BSD-3-Clause
// Forwarding lcores over plain memory, for the suites of lib/forward: a configuration, its
// upstreams with paths, and a sink that keeps what was sent. The client is 198.51.100.7 port 40000
// behind a router; we are 192.0.2.2 and 2001:db8::2; the path to every upstream leaves by port 1.
#pragma once

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "dns_draft.h"
#include "forward/forward.h"

#define FIXTURE_LCORES_MOST 2
#define FIXTURE_SENT_MOST 64
#define FIXTURE_BUFFER_BYTES 10240
#define FIXTURE_HEADROOM 128
#define FIXTURE_MILLISECOND UINT64_C(1000000)

struct fixture_ask {
	struct net_frame frame;
	struct forward_stream_attempt attempt;
};

struct fixture_answer {
	struct net_frame frame;
	struct forward_stream_client client;
};

// What one lcore's sink was given.
struct fixture_sink {
	struct fixture_ask asks[FIXTURE_SENT_MOST];
	uint16_t ask_count;
	bool asks_are_full;
	struct fixture_answer answers[FIXTURE_SENT_MOST]; // to stream clients
	uint16_t answer_count;
	uint16_t unanswered;
	struct net_frame sent[FIXTURE_SENT_MOST];
	uint16_t sent_count;
	struct net_frame hopped;
	uint16_t hopped_to;
	uint32_t to_kernel;
	enum forward_handover kernel_result;
	enum forward_handover hop_result;
	bool has_no_frames;
	int *frames_out; // buffers not freed yet, of all lcores
};

struct forward_fixture {
	struct config *config;
	struct proxy_set *set;
	struct forward_shared shared;
	struct random_stream *random[FIXTURE_LCORES_MOST];
	struct forward_lcore *lcores[FIXTURE_LCORES_MOST];
	struct fixture_sink sinks[FIXTURE_LCORES_MOST];
	uint16_t lcore_count;
	uint64_t now;
	int frames_out;
};

static inline struct net_address fixture_address(const char *text)
{
	struct net_address address;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &address), 0);
	return address;
}

static inline struct net_endpoint fixture_endpoint(const char *text, uint16_t port)
{
	return (struct net_endpoint){.address = fixture_address(text), .port = port};
}

static inline struct config *fixture_config(const char *text)
{
	struct config_error error = {{0}};
	struct config *config = config_read_text("fixture", text, &error);

	if (!config)
		fprintf(stderr, "%s\n", error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	return config;
}

static inline void fixture_free(struct fixture_sink *sink, struct net_frame *frame)
{
	free(frame->buffer);
	(*sink->frames_out)--;
}

static inline bool fixture_allocate(void *context, struct net_frame *frame)
{
	struct fixture_sink *sink = context;
	uint8_t *buffer;

	if (sink->has_no_frames)
		return false;
	buffer = malloc(FIXTURE_BUFFER_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(buffer);
	memset(frame, 0xee, sizeof(*frame));
	frame->buffer = buffer;
	frame->data = buffer + FIXTURE_HEADROOM;
	frame->headroom = FIXTURE_HEADROOM;
	frame->length = NET_HEADERS_MOST;
	frame->tailroom = FIXTURE_BUFFER_BYTES - FIXTURE_HEADROOM - NET_HEADERS_MOST;
	frame->payload_offset = NET_HEADERS_MOST;
	net_frame_payload_rewritten(frame, 0);
	(*sink->frames_out)++;
	return true;
}

static inline void fixture_send(void *context, struct net_frame *frame)
{
	struct fixture_sink *sink = context;

	CU_ASSERT_FATAL(sink->sent_count < FIXTURE_SENT_MOST);
	sink->sent[sink->sent_count++] = *frame;
}

static inline void fixture_release(void *context, struct net_frame *frame)
{
	fixture_free(context, frame);
}

static inline enum forward_handover fixture_to_kernel(void *context, struct net_frame *frame)
{
	struct fixture_sink *sink = context;

	fixture_free(sink, frame);
	sink->to_kernel++;
	return sink->kernel_result;
}

static inline enum forward_handover fixture_to_lcore(
	void *context, struct net_frame *frame, uint16_t lcore)
{
	struct fixture_sink *sink = context;

	if (sink->hop_result != FORWARD_HANDED_OVER) {
		fixture_free(sink, frame);
		return sink->hop_result;
	}
	CU_ASSERT_PTR_NULL_FATAL(sink->hopped.buffer);
	sink->hopped = *frame;
	sink->hopped_to = lcore;
	return FORWARD_HANDED_OVER;
}

static inline bool fixture_ask(
	void *context, struct net_frame *frame, const struct forward_stream_attempt *attempt)
{
	struct fixture_sink *sink = context;

	if (sink->asks_are_full)
		return false;
	CU_ASSERT_FATAL(sink->ask_count < FIXTURE_SENT_MOST);
	sink->asks[sink->ask_count++] = (struct fixture_ask){*frame, *attempt};
	return true;
}

static inline void fixture_answer(
	void *context, struct net_frame *frame, const struct forward_stream_client *client)
{
	struct fixture_sink *sink = context;

	CU_ASSERT_FATAL(sink->answer_count < FIXTURE_SENT_MOST);
	sink->answers[sink->answer_count++] = (struct fixture_answer){*frame, *client};
}

static inline void fixture_leave_unanswered(
	void *context, const struct forward_stream_client *client)
{
	struct fixture_sink *sink = context;

	(void)client;
	sink->unanswered++;
}

// Frees what was sent and forgets it.
static inline void fixture_clear(struct forward_fixture *fixture)
{
	for (uint16_t i = 0; i < fixture->lcore_count; i++) {
		struct fixture_sink *sink = &fixture->sinks[i];

		while (sink->sent_count)
			fixture_free(sink, &sink->sent[--sink->sent_count]);
		while (sink->ask_count)
			fixture_free(sink, &sink->asks[--sink->ask_count].frame);
		while (sink->answer_count)
			fixture_free(sink, &sink->answers[--sink->answer_count].frame);
	}
}

static inline struct net_path fixture_path(const struct net_endpoint *upstream)
{
	return (struct net_path){
		.is_usable = true,
		.port = 1,
		.vlan = NET_VLAN_NONE,
		.source_mac = {{2, 0, 0, 0, 1, 2}},
		.next_hop_mac = {{2, 0, 0, 0, 1, 1}},
		.source = fixture_address(
			net_address_is_ipv4(&upstream->address) ? "192.0.2.2" : "2001:db8::2"),
	};
}

static inline void fixture_set_path(
	struct forward_fixture *fixture, uint16_t upstream, const struct net_path *path)
{
	struct net_path *old = NULL;

	CU_ASSERT_FATAL(
		proxy_upstream_set_path(&fixture->set->upstreams[upstream], path, &old) >= 0);
	free(old);
}

static inline void fixture_open_lcore(
	struct forward_fixture *fixture, uint16_t lcore, uint32_t pending)
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {(uint8_t)(lcore + 1)};
	const struct forward_lcore_options options = {
		.lcore = lcore,
		.pending_count = pending,
		.now = fixture->now,
		.sink =
			{
				.context = &fixture->sinks[lcore],
				.allocate = fixture_allocate,
				.send = fixture_send,
				.release = fixture_release,
				.to_kernel = fixture_to_kernel,
				.to_lcore = fixture_to_lcore,
				.ask = fixture_ask,
				.answer = fixture_answer,
				.leave_unanswered = fixture_leave_unanswered,
			},
	};

	fixture->sinks[lcore].frames_out = &fixture->frames_out;
	fixture->random[lcore] = random_stream_create(seed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->random[lcore]);
	fixture->lcores[lcore] = forward_lcore_create(
		&fixture->shared, fixture->set, fixture->random[lcore], &options);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->lcores[lcore]);
}

static inline void fixture_open(
	struct forward_fixture *fixture, const char *text, uint16_t lcores, uint32_t pending)
{
	struct net_address local[] = {
		fixture_address("192.0.2.2"),
		fixture_address("2001:db8::2"),
	};

	memset(fixture, 0, sizeof(*fixture));
	fixture->lcore_count = lcores;
	fixture->now = FIXTURE_MILLISECOND;
	fixture->config = fixture_config(text);
	fixture->set = forward_proxy_set_create(fixture->config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->set);
	CU_ASSERT_EQUAL_FATAL(forward_shared_init(&fixture->shared,
				      &(struct forward_shared_options){
					      .local_port_first = 20000,
					      .local_port_last = 20099,
					      .worker_count = lcores,
				      }),
		0);
	fixture->shared.snapshot = forward_snapshot_create(fixture->config, local, 2);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->shared.snapshot);
	for (uint16_t i = 0; i < fixture->set->upstream_count; i++) {
		struct net_path path = fixture_path(&fixture->set->upstreams[i].endpoint);

		fixture_set_path(fixture, i, &path);
	}
	for (uint16_t i = 0; i < lcores; i++)
		fixture_open_lcore(fixture, i, pending);
}

// Checks that no frame was lost, and that the sums of stats/counters.h hold on every lcore.
static inline void fixture_close(struct forward_fixture *fixture)
{
	fixture_clear(fixture);
	CU_ASSERT_EQUAL(fixture->frames_out, 0);
	for (uint16_t i = 0; i < fixture->lcore_count; i++) {
		const struct stats_counters *counters = forward_lcore_counters(fixture->lcores[i]);

		CU_ASSERT_EQUAL(stats_group_sum(counters, STATS_GROUP_INPUT),
			stats_group_sum(counters, STATS_GROUP_FRAME));
		CU_ASSERT_EQUAL(stats_read(counters, STATS_FRAME_QUERY) +
					stats_read(counters, STATS_STREAM_QUERY),
			stats_group_sum(counters, STATS_GROUP_QUERY) +
				forward_lcore_in_flight(fixture->lcores[i]));
		CU_ASSERT_EQUAL(stats_read(counters, STATS_FRAME_REPLY) +
					stats_read(counters, STATS_STREAM_REPLY),
			stats_group_sum(counters, STATS_GROUP_REPLY));
		CU_ASSERT_EQUAL(stats_read(counters, STATS_FRAME_ICMP_ERROR),
			stats_group_sum(counters, STATS_GROUP_ICMP));
		forward_lcore_destroy(fixture->lcores[i]);
		random_stream_destroy(fixture->random[i]);
	}
	forward_snapshot_destroy(fixture->shared.snapshot);
	forward_shared_fini(&fixture->shared);
	proxy_set_destroy(fixture->set);
	config_destroy(fixture->config);
}

static inline uint64_t fixture_count(
	const struct forward_fixture *fixture, uint16_t lcore, enum stats_counter counter)
{
	return stats_read(forward_lcore_counters(fixture->lcores[lcore]), counter);
}

// From a client to us.
static inline struct net_flow fixture_query_flow(void)
{
	return (struct net_flow){
		.source = fixture_endpoint("198.51.100.7", 40000),
		.destination = fixture_endpoint("192.0.2.2", 53),
		.source_mac = {{2, 0, 0, 0, 0, 1}},
		.destination_mac = {{2, 0, 0, 0, 0, 2}},
		.vlan = NET_VLAN_NONE,
	};
}

// The datagram as it arrives by flow->port, to be handed to an lcore.
static inline struct net_frame fixture_frame(struct forward_fixture *fixture,
	const struct net_flow *flow, const void *payload, uint16_t length)
{
	struct net_frame frame;

	CU_ASSERT_FATAL(fixture_allocate(
		&(struct fixture_sink){.frames_out = &fixture->frames_out}, &frame));
	memcpy(net_frame_payload(&frame), payload, length);
	net_frame_payload_rewritten(&frame, length);
	CU_ASSERT_EQUAL_FATAL(net_frame_write_headers(&frame, flow, 0), 0);
	return frame;
}

static inline void fixture_receive(struct forward_fixture *fixture, uint16_t lcore,
	const struct net_flow *flow, const void *payload, uint16_t length)
{
	struct net_frame frame = fixture_frame(fixture, flow, payload, length);

	forward_lcore_receive(fixture->lcores[lcore], &frame, 1, fixture->now);
}

static inline void fixture_query(
	struct forward_fixture *fixture, uint16_t lcore, const struct draft *draft)
{
	struct net_flow flow = fixture_query_flow();

	fixture_receive(fixture, lcore, &flow, draft->bytes, draft_length(draft));
}

// The last frame that the lcore sent, which must be the only one.
static inline struct net_frame *fixture_sent(struct forward_fixture *fixture, uint16_t lcore)
{
	struct fixture_sink *sink = &fixture->sinks[lcore];

	CU_ASSERT_EQUAL_FATAL(sink->sent_count, 1);
	return &sink->sent[0];
}

static inline uint16_t fixture_sent_rcode(struct forward_fixture *fixture, uint16_t lcore)
{
	uint16_t rcode = net_frame_payload(fixture_sent(fixture, lcore))[3] & 0xf;

	fixture_clear(fixture);
	return rcode;
}

// The attempt that was sent, turned round: the flow of its reply, and its bytes with QR set.
static inline struct net_flow fixture_take_attempt(
	struct forward_fixture *fixture, uint16_t lcore, uint8_t *reply, uint16_t *length)
{
	struct net_frame *attempt = fixture_sent(fixture, lcore);
	struct net_flow flow;

	net_frame_flow_back(attempt, &flow);
	*length = attempt->payload_length;
	memcpy(reply, net_frame_payload(attempt), *length);
	reply[2] |= 0x80;
	fixture_clear(fixture);
	return flow;
}
