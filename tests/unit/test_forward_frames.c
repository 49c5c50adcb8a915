// SPDX-License-Identifier: BSD-3-Clause
// Frames in, frames out, and the verdict of each.
#include "forward_fixture.h"

#define TLD_OFFSET 25 // of "org" in QUESTION_NAME, behind a header

// Sequential, so that a test knows who is asked.
static const char plain[] = "example.org {\n"
			    "	forward example.org 192.0.2.53 192.0.2.54 {\n"
			    "		policy sequential\n"
			    "	}\n"
			    "}\n"
			    "example.net {\n"
			    "	forward example.net 192.0.2.55 {\n"
			    "		max_concurrent 1\n"
			    "	}\n"
			    "}\n";

static void draft_query(struct draft *draft)
{
	draft_start(draft, DNS_FLAG_RD);
}

static void test_relay(void)
{
	struct forward_fixture fixture;
	struct draft query;
	uint8_t reply[512];
	uint16_t length;
	struct net_flow flow;
	const struct net_frame *frame;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	memcpy(query.bytes + TLD_OFFSET, "OrG", 3);
	fixture_query(&fixture, 0, &query);
	frame = fixture_sent(&fixture, 0);
	CU_ASSERT_EQUAL(frame->port, 1);
	CU_ASSERT_EQUAL(frame->destination.port, 53);
	CU_ASSERT(frame->source.port >= 20000 && frame->source.port <= 20099);
	CU_ASSERT_EQUAL(memcmp(frame->data, "\2\0\0\0\1\1\2\0\0\0\1\2", 12), 0);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 1);
	flow = fixture_take_attempt(&fixture, 0, reply, &length);
	memcpy(reply + TLD_OFFSET, "org", 3);
	fixture_receive(&fixture, 0, &flow, reply, length);
	frame = fixture_sent(&fixture, 0);
	flow = fixture_query_flow();
	CU_ASSERT_EQUAL(frame->port, 0);
	CU_ASSERT(net_endpoint_equal(&frame->destination, &flow.source));
	CU_ASSERT(net_endpoint_equal(&frame->source, &flow.destination));
	CU_ASSERT_EQUAL(memcmp(frame->data, "\2\0\0\0\0\1\2\0\0\0\0\2", 12), 0);
	CU_ASSERT_EQUAL(bytes_load_u16(net_frame_payload(frame)), 0x1234);
	CU_ASSERT_EQUAL(memcmp(net_frame_payload(frame) + TLD_OFFSET, "OrG", 3), 0);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 0);
	fixture_close(&fixture);
}

// What a query is answered with at once, and the counter of it.
static void expect_answer(struct forward_fixture *fixture, const struct draft *query,
	enum dns_rcode rcode, enum stats_counter verdict)
{
	uint64_t before = fixture_count(fixture, 0, verdict);

	fixture_query(fixture, 0, query);
	CU_ASSERT_EQUAL(fixture_sent_rcode(fixture, 0), rcode);
	CU_ASSERT_EQUAL(fixture_count(fixture, 0, verdict), before + 1);
}

// What becomes of a datagram that nobody hears of.
static void expect_drop(struct forward_fixture *fixture, const struct net_flow *flow,
	const void *payload, uint16_t length, enum stats_counter verdict)
{
	uint64_t before = fixture_count(fixture, 0, verdict);

	fixture_receive(fixture, 0, flow, payload, length);
	CU_ASSERT_EQUAL(fixture->sinks[0].sent_count, 0);
	CU_ASSERT_EQUAL(fixture_count(fixture, 0, verdict), before + 1);
}

static void test_query_errors(void)
{
	struct forward_fixture fixture;
	struct net_flow flow = fixture_query_flow();
	struct draft query;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	query.bytes[5] = 2;
	expect_answer(&fixture, &query, DNS_RCODE_FORMERR, STATS_QUERY_FORMERR);
	query.bytes[2] = 4 << 3;
	expect_answer(&fixture, &query, DNS_RCODE_NOTIMP, STATS_QUERY_NOTIMP);
	draft_query(&query);
	draft_add_opt(&query, ADDITIONAL, 1232, 1u << 16, "", 0);
	expect_answer(&fixture, &query, DNS_RCODE_NOERROR, STATS_QUERY_BADVERS);
	draft_query(&query);
	memcpy(query.bytes + TLD_OFFSET, "com", 3);
	expect_answer(&fixture, &query, DNS_RCODE_REFUSED, STATS_QUERY_NO_MATCH);
	draft_query(&query);
	for (uint16_t length = 0; length < DNS_HEADER_BYTES; length++)
		expect_drop(&fixture, &flow, query.bytes, length, STATS_QUERY_SHORT);
	query.bytes[2] |= 0x80;
	expect_drop(&fixture, &flow, query.bytes, draft_length(&query), STATS_QUERY_RESPONSE);
	query.bytes[2] &= 0x7f;
	forward_lcore_stop_queries(fixture.lcores[0]);
	expect_drop(&fixture, &flow, query.bytes, draft_length(&query), STATS_QUERY_STOPPING);
	fixture_close(&fixture);
}

static void test_query_limits(void)
{
	struct forward_fixture fixture;
	struct draft query;

	fixture_open(&fixture, plain, 1, 4);
	draft_query(&query);
	memcpy(query.bytes + TLD_OFFSET, "net", 3);
	fixture_query(&fixture, 0, &query);
	fixture_clear(&fixture);
	expect_answer(&fixture, &query, DNS_RCODE_REFUSED, STATS_QUERY_CONCURRENT);
	draft_query(&query);
	for (int i = 0; i < 3; i++)
		fixture_query(&fixture, 0, &query);
	fixture_clear(&fixture);
	expect_answer(&fixture, &query, DNS_RCODE_SERVFAIL, STATS_QUERY_NO_ROOM);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 4);
	fixture_close(&fixture);
}

// max_concurrent 3 is the sum over both lcores.
static void test_limit_is_shared(void)
{
	struct forward_fixture fixture;
	struct draft query;
	uint64_t refused = 0;

	fixture_open(&fixture,
		"example.org {\n	forward . 192.0.2.53 {\n		max_concurrent 3\n"
		"	}\n}\n",
		2, 16);
	draft_query(&query);
	for (uint16_t lcore = 0; lcore < 2; lcore++) {
		for (int i = 0; i < 4; i++)
			fixture_query(&fixture, lcore, &query);
		refused += fixture_count(&fixture, lcore, STATS_QUERY_CONCURRENT);
	}
	CU_ASSERT_EQUAL(refused, 5);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_ATTEMPTS), 2);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 1, STATS_SENT_ATTEMPTS), 1);
	fixture_close(&fixture);
}

static void test_reply_verdicts(void)
{
	struct forward_fixture fixture;
	struct draft query;
	uint8_t reply[512];
	uint16_t length;
	struct net_flow flow;
	struct net_flow forged;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	fixture_query(&fixture, 0, &query);
	flow = fixture_take_attempt(&fixture, 0, reply, &length);
	for (uint16_t cut = 0; cut < DNS_HEADER_BYTES; cut++)
		expect_drop(&fixture, &flow, reply, cut, STATS_REPLY_SHORT);
	reply[2] &= 0x7f;
	expect_drop(&fixture, &flow, reply, length, STATS_REPLY_SHORT);
	reply[2] |= 0x80;
	reply[0] ^= 1;
	expect_drop(&fixture, &flow, reply, length, STATS_REPLY_LATE);
	reply[0] ^= 1;
	forged = flow;
	forged.source.port = 54;
	expect_drop(&fixture, &forged, reply, length, STATS_REPLY_FORGED);
	forged.source = fixture_endpoint("192.0.2.54", 53);
	expect_drop(&fixture, &forged, reply, length, STATS_REPLY_FORGED);
	reply[TLD_OFFSET]++;
	expect_drop(&fixture, &flow, reply, length, STATS_REPLY_MISMATCHED);
	reply[TLD_OFFSET]--;
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 1);
	fixture_receive(&fixture, 0, &flow, reply, (uint16_t)(length - 1));
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_GARBAGE), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_RETRIES), 1);
	flow = fixture_take_attempt(&fixture, 0, reply, &length);
	CU_ASSERT(net_endpoint_equal(&flow.source, &forged.source));
	CU_ASSERT_EQUAL(length, draft_length(&query));
	fixture_receive(&fixture, 0, &flow, reply, length);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_RELAYED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_ANSWERED), 1);
	fixture_close(&fixture);
}

// A reply above what the client takes is cut, whatever its size.
static void test_large_replies(void)
{
	struct forward_fixture fixture;
	struct draft query;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	for (size_t size = 400; size < 8000; size += 950) {
		struct draft large;
		uint8_t reply[512];
		uint16_t length;
		struct net_flow flow;

		fixture_query(&fixture, 0, &query);
		flow = fixture_take_attempt(&fixture, 0, reply, &length);
		draft_start(&large, DNS_FLAG_QR);
		draft_add_record(&large, ANSWER, TYPE_A, size);
		memcpy(large.bytes, reply, 2);
		fixture_receive(&fixture, 0, &flow, large.bytes, draft_length(&large));
		CU_ASSERT(fixture_sent(&fixture, 0)->payload_length <= 512);
		fixture_clear(&fixture);
	}
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_ANSWERED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_TRUNCATED), 7);
	fixture_close(&fixture);
}

// A query longer than what can be kept for another attempt is not forwarded.
static void test_long_queries(void)
{
	struct forward_fixture fixture;
	static const char cookie[8000] = {0, 10};

	fixture_open(&fixture, plain, 1, 16);
	for (uint16_t size = 100; size < 7000; size += 300) {
		struct draft query;
		char options[8000];

		draft_query(&query);
		memcpy(options, cookie, sizeof(options));
		bytes_store_u16((uint8_t *)options + 2, (uint16_t)(size - 4));
		draft_add_opt(&query, ADDITIONAL, 1232, 0, options, size);
		fixture_query(&fixture, 0, &query);
		CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->payload_length > 100,
			draft_length(&query) <= PROXY_LONG_MESSAGE_BYTES);
		fixture_clear(&fixture);
		CU_ASSERT_EQUAL(fixture.frames_out, 0);
	}
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_ATTEMPTS), 5);
	fixture_close(&fixture);
}

// Sources that a sender makes up end in one answer or none, and never in a loop.
static void test_made_up_sources(void)
{
	static const char *const unfit[] = {"127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"};
	static const char *const own[] = {"192.0.2.2", "192.0.2.53"};
	struct forward_fixture fixture;
	struct net_flow flow = fixture_query_flow();
	struct draft query;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(unfit); i++) {
		flow.source = fixture_endpoint(unfit[i], 40000);
		expect_drop(&fixture, &flow, query.bytes, draft_length(&query),
			STATS_FRAME_UNFIT_SOURCE);
	}
	flow.source = fixture_endpoint("198.51.100.7", 0);
	expect_drop(&fixture, &flow, query.bytes, draft_length(&query), STATS_FRAME_UNFIT_SOURCE);
	memcpy(query.bytes + TLD_OFFSET, "com", 3);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(own); i++) {
		struct net_frame answer;

		flow.source = fixture_endpoint(own[i], 53);
		fixture_receive(&fixture, 0, &flow, query.bytes, draft_length(&query));
		answer = *fixture_sent(&fixture, 0);
		fixture.sinks[0].sent_count = 0;
		answer.port = 0;
		forward_lcore_receive(fixture.lcores[0], &answer, 1, fixture.now);
		CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	}
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_RESPONSE), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_FRAME_KERNEL), 1);
	fixture_close(&fixture);
}

static void test_timeout(void)
{
	struct forward_fixture fixture;
	struct draft query;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	fixture_query(&fixture, 0, &query);
	for (int i = 0; i < 4; i++) {
		fixture_clear(&fixture);
		fixture.now += 2100 * FIXTURE_MILLISECOND;
		forward_lcore_expire(fixture.lcores[0], fixture.now);
	}
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_FAILED), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ATTEMPT_TIMEOUTS), 3);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_RETRIES), 2);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_ANSWERS), 1);
	fixture_close(&fixture);
}

static void test_no_path(void)
{
	struct forward_fixture fixture;
	struct draft query;
	const struct net_path none = {0};

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	fixture_set_path(&fixture, 0, &none);
	fixture_query(&fixture, 0, &query);
	CU_ASSERT_EQUAL(
		memcmp(net_address_ipv4(&fixture_sent(&fixture, 0)->destination.address) + 3,
			"\x36", 1),
		0);
	fixture_clear(&fixture);
	fixture_set_path(&fixture, 1, &none);
	expect_answer(&fixture, &query, DNS_RCODE_SERVFAIL, STATS_QUERY_FAILED);
	fixture_close(&fixture);
}

static void test_no_frames(void)
{
	struct forward_fixture fixture;
	struct draft query;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	fixture_query(&fixture, 0, &query);
	fixture_clear(&fixture);
	fixture.sinks[0].has_no_frames = true;
	fixture.now += 2100 * FIXTURE_MILLISECOND;
	forward_lcore_expire(fixture.lcores[0], fixture.now);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_NO_FRAMES), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_NO_FRAME), 1);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 0);
	fixture_close(&fixture);
}

static void test_vlan_and_offload(void)
{
	struct forward_fixture fixture;
	struct net_flow flow = fixture_query_flow();
	struct net_path path;
	struct draft query;
	uint8_t reply[512];
	uint16_t length;

	fixture_open(&fixture, plain, 1, 16);
	draft_query(&query);
	path = fixture_path(&fixture.set->upstreams[0].endpoint);
	path.vlan = 7;
	fixture_set_path(&fixture, 0, &path);
	fixture.shared.tx_offload[1] = NET_OFFLOAD_TX_UDP;
	fixture.shared.tx_offload[2] = NET_OFFLOAD_TX_UDP | NET_OFFLOAD_TX_IPV4;
	flow.vlan = 0x6005;
	flow.port = 2;
	fixture_receive(&fixture, 0, &flow, query.bytes, draft_length(&query));
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->offload, NET_OFFLOAD_TX_UDP);
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->vlan, 7);
	flow = fixture_take_attempt(&fixture, 0, reply, &length);
	fixture_receive(&fixture, 0, &flow, reply, length);
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->vlan, 0x6005);
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->port, 2);
	CU_ASSERT_EQUAL(
		fixture_sent(&fixture, 0)->offload, NET_OFFLOAD_TX_UDP | NET_OFFLOAD_TX_IPV4);
	CU_ASSERT_EQUAL(memcmp(fixture_sent(&fixture, 0)->data + 12, "\x81\0\x60\5", 4), 0);
	fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"relays a query and its reply", test_relay},
	{"answers or drops what is no good query", test_query_errors},
	{"refuses above its limits", test_query_limits},
	{"splits max_concurrent among lcores", test_limit_is_shared},
	{"gives each reply its verdict", test_reply_verdicts},
	{"cuts replies of any size", test_large_replies},
	{"forwards no query that it can not keep", test_long_queries},
	{"makes no loop of made-up sources", test_made_up_sources},
	{"tries the next upstream after a timeout", test_timeout},
	{"passes over upstreams without a path", test_no_path},
	{"gives up without a frame to send", test_no_frames},
	{"keeps the tag and the port's offload", test_vlan_and_offload},
};

UNIT_MAIN("forward_frames", cases)
