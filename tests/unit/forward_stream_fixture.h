// SPDX-License-Identifier: BSD-3-Clause
// Clients and upstreams over TCP and TLS, for the suites of lib/forward: queries of one client, and
// what becomes of attempts.
#pragma once

#include "forward_fixture.h"

static const struct forward_stream_client stream_client = {.connection = 7, .generation = 9};

// A message that came over TCP to our port 53.
static inline void stream_query_bytes(
	struct forward_fixture *fixture, const uint8_t *bytes, uint16_t length)
{
	struct forward_stream_query query = {
		.local = fixture_endpoint("192.0.2.2", 53),
		.client = stream_client,
	};

	CU_ASSERT_FATAL(fixture_allocate(&fixture->sinks[0], &query.frame));
	memcpy(net_frame_payload(&query.frame), bytes, length);
	net_frame_payload_rewritten(&query.frame, length);
	forward_lcore_receive_stream_queries(fixture->lcores[0], &query, 1, fixture->now);
}

static inline void stream_query(struct forward_fixture *fixture)
{
	struct draft draft;

	draft_start(&draft, DNS_FLAG_RD);
	stream_query_bytes(fixture, draft.bytes, draft_length(&draft));
}

static inline void datagram_query(struct forward_fixture *fixture)
{
	struct draft draft;

	draft_start(&draft, DNS_FLAG_RD);
	fixture_query(fixture, 0, &draft);
}

// The one attempt over a stream that was asked for.
static inline struct forward_stream_attempt take_ask(struct forward_fixture *fixture)
{
	struct forward_stream_attempt attempt;

	CU_ASSERT_EQUAL_FATAL(fixture->sinks[0].ask_count, 1);
	attempt = fixture->sinks[0].asks[0].attempt;
	fixture_clear(fixture);
	return attempt;
}

static inline void stream_reply(struct forward_fixture *fixture,
	const struct forward_stream_attempt *attempt, const struct draft *draft)
{
	struct forward_stream_reply reply = {
		.slot = attempt->slot,
		.stream_attempt = attempt->stream_attempt,
	};

	CU_ASSERT_FATAL(fixture_allocate(&fixture->sinks[0], &reply.frame));
	memcpy(net_frame_payload(&reply.frame), draft->bytes, draft_length(draft));
	net_frame_payload_rewritten(&reply.frame, draft_length(draft));
	forward_lcore_receive_stream_replies(fixture->lcores[0], &reply, 1, fixture->now);
}

static inline void stream_failure(struct forward_fixture *fixture,
	const struct forward_stream_attempt *attempt, enum proxy_failure failure)
{
	struct forward_stream_reply reply = {
		.slot = attempt->slot,
		.stream_attempt = attempt->stream_attempt,
		.is_failure = true,
		.failure = (uint8_t)failure,
	};

	forward_lcore_receive_stream_replies(fixture->lcores[0], &reply, 1, fixture->now);
}

static inline void make_reply(struct draft *draft, size_t answer)
{
	draft_start(draft, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	draft_add_record(draft, ANSWER, TYPE_UNKNOWN, answer);
	dns_bytes_set_id(draft->bytes, 0xbeef);
}

static inline void expect_answer(const struct forward_fixture *fixture, uint16_t length)
{
	const struct fixture_answer *answer = &fixture->sinks[0].answers[0];

	CU_ASSERT_EQUAL_FATAL(fixture->sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(answer->client.connection, stream_client.connection);
	CU_ASSERT_EQUAL(answer->client.generation, stream_client.generation);
	CU_ASSERT_EQUAL(answer->frame.payload_length, length);
	CU_ASSERT_EQUAL(bytes_load_u16(net_frame_payload(&answer->frame)), 0x1234);
}

// The reply to the datagram that was sent, with these flags more.
static inline void datagram_reply(struct forward_fixture *fixture, uint16_t flags)
{
	uint8_t reply[512];
	uint16_t length;
	struct net_flow flow = fixture_take_attempt(fixture, 0, reply, &length);

	bytes_store_u16(reply + DNS_FLAGS_OFFSET,
		(uint16_t)(bytes_load_u16(reply + DNS_FLAGS_OFFSET) | flags));
	fixture_receive(fixture, 0, &flow, reply, length);
}
