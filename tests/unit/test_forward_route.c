// SPDX-License-Identifier: BSD-3-Clause
// `failover` and `next` where TCP and TLS are on the way. The rest of both: tests/replay.
#include "forward_stream_fixture.h"

#define FAILOVER                                                                                   \
	".:53 {\n forward . 192.0.2.53 192.0.2.54 {\n policy sequential\n failover SERVFAIL\n "    \
	"}\n}\n"
#define NEXT                                                                                       \
	".:53 {\n forward . 192.0.2.53 {\n next SERVFAIL\n max_concurrent 1\n }\n"                 \
	" forward . tls://192.0.2.54 {\n max_concurrent 1\n }\n}\n"

static void make_failure(struct draft *draft)
{
	draft_start(draft, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | DNS_RCODE_SERVFAIL);
}

static void a_stream_client_fails_over(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft failure;
	struct draft reply;

	fixture_open(&fixture, FAILOVER, 1, 16);
	make_failure(&failure);
	make_reply(&reply, 3000);
	stream_query(&fixture);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 0);
	stream_reply(&fixture, &attempt, &failure);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 1);
	stream_reply(&fixture, &attempt, &reply);
	expect_answer(&fixture, draft_length(&reply));
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_FAILED_OVER), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_ANSWERED), 1);
	fixture_clear(&fixture);
	// The last one is relayed.
	stream_query(&fixture);
	attempt = take_ask(&fixture);
	stream_reply(&fixture, &attempt, &failure);
	attempt = take_ask(&fixture);
	stream_reply(&fixture, &attempt, &failure);
	expect_answer(&fixture, draft_length(&failure));
	fixture_close(&fixture);
}

// The reply to the datagram that was sent, in vain.
static void datagram_failure(struct forward_fixture *fixture)
{
	datagram_reply(fixture, DNS_RCODE_SERVFAIL);
}

// By datagram, cut, whole over TCP but SERVFAIL; then the next one, by datagram first.
static void a_whole_reply_is_asked_for_before_another_upstream(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft failure;

	fixture_open(&fixture, FAILOVER, 1, 16);
	fixture.set->groups[0].settings.prefer_udp = true;
	make_failure(&failure);
	stream_query(&fixture);
	datagram_reply(&fixture, DNS_FLAG_TC | DNS_RCODE_SERVFAIL);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 0);
	stream_reply(&fixture, &attempt, &failure);
	CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
	datagram_failure(&fixture);
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_FAILED_OVER), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_AFTER_TC), 1);
	fixture_close(&fixture);
}

static void a_query_is_handed_over_from_datagrams_to_tls(void)
{
	struct forward_stream_attempt attempt;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft failure;
	struct draft reply;

	fixture_open(&fixture, NEXT, 1, 16);
	make_reply(&reply, 4);
	datagram_query(&fixture);
	datagram_failure(&fixture);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 1);
	CU_ASSERT_EQUAL(forward_lcore_proxy(fixture.lcores[0])->groups[0].in_flight, 0);
	CU_ASSERT_EQUAL(forward_lcore_proxy(fixture.lcores[0])->groups[1].in_flight, 1);
	// The first forward has room again, and the second has none.
	stream_query(&fixture);
	second = take_ask(&fixture);
	CU_ASSERT_EQUAL(second.upstream, 0);
	make_failure(&failure);
	stream_reply(&fixture, &second, &failure);
	expect_answer(&fixture, QUESTION_END);
	CU_ASSERT_EQUAL(
		net_frame_payload(&fixture.sinks[0].answers[0].frame)[3] & 0xf, DNS_RCODE_REFUSED);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_CONCURRENT), 1);
	fixture_clear(&fixture);
	stream_reply(&fixture, &attempt, &reply);
	CU_ASSERT_EQUAL(fixture_sent(&fixture, 0)->payload_length, draft_length(&reply));
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_HANDED_OVER), 2);
	CU_ASSERT_EQUAL(forward_lcore_proxy(fixture.lcores[0])->groups[1].in_flight, 0);
	fixture_close(&fixture);
}

static void a_late_failure_asks_nobody(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft failure;

	fixture_open(&fixture, FAILOVER, 1, 16);
	make_failure(&failure);
	stream_query(&fixture);
	attempt = take_ask(&fixture);
	stream_failure(&fixture, &attempt, PROXY_FAILURE_UNREACHABLE);
	(void)take_ask(&fixture);
	stream_reply(&fixture, &attempt, &failure);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_LATE), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_FAILED_OVER), 0);
	CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
	fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"a stream client fails over", a_stream_client_fails_over},
	{"a whole reply is asked for before another upstream",
		a_whole_reply_is_asked_for_before_another_upstream},
	{"a query is handed over from datagrams to TLS",
		a_query_is_handed_over_from_datagrams_to_tls},
	{"a late failure asks nobody", a_late_failure_asks_nobody},
};

UNIT_MAIN("forward route", cases)
