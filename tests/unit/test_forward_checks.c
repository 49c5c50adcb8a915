// SPDX-License-Identifier: BSD-3-Clause
// Health checks of one lcore: how they leave over streams, and what the management lcore hears.
#include "forward_fixture.h"

#include "proxy/check.h"

#define BY_DATAGRAM ".:53 {\n forward . 192.0.2.53\n}\n"
#define BY_TCP ".:53 {\n forward . 192.0.2.53 {\n force_tcp\n health_check 1s no_rec\n }\n}\n"

static struct proxy_health_link *health_link(struct forward_fixture *fixture)
{
	return &forward_lcore_proxy(fixture->lcores[0])->health;
}

static void order_check(struct forward_fixture *fixture)
{
	CU_ASSERT_TRUE_FATAL(handle_ring_push(&health_link(fixture)->to_lcore,
		proxy_check_word((struct proxy_check){.number = 5})));
	forward_lcore_expire(fixture->lcores[0], fixture->now);
}

static void expect_told(struct forward_fixture *fixture, enum proxy_health_news news)
{
	uint32_t word = 0;

	CU_ASSERT_TRUE_FATAL(handle_ring_pop(&health_link(fixture)->to_manager, &word));
	CU_ASSERT_EQUAL(word >> 30, news);
	CU_ASSERT_EQUAL(proxy_check_of_word(word).number, 5);
	CU_ASSERT_EQUAL(proxy_checks_in_flight(forward_lcore_proxy(fixture->lcores[0])), 0);
}

static struct forward_stream_attempt take_ask(struct forward_fixture *fixture)
{
	struct forward_stream_attempt attempt;

	CU_ASSERT_EQUAL_FATAL(fixture->sinks[0].ask_count, 1);
	attempt = fixture->sinks[0].asks[0].attempt;
	fixture_clear(fixture);
	return attempt;
}

static void reply(struct forward_fixture *fixture, const struct forward_stream_attempt *attempt,
	const uint8_t *bytes, uint16_t length)
{
	struct forward_stream_reply answer = {
		.slot = attempt->slot,
		.stream_attempt = attempt->stream_attempt,
	};

	CU_ASSERT_FATAL(fixture_allocate(&fixture->sinks[0], &answer.frame));
	memcpy(net_frame_payload(&answer.frame), bytes, length);
	net_frame_payload_rewritten(&answer.frame, length);
	forward_lcore_receive_stream_replies(fixture->lcores[0], &answer, 1, fixture->now);
}

static void fail_with(struct forward_fixture *fixture, const struct forward_stream_attempt *attempt,
	enum proxy_failure failure)
{
	struct forward_stream_reply answer = {
		.slot = attempt->slot,
		.stream_attempt = attempt->stream_attempt,
		.is_failure = true,
		.failure = (uint8_t)failure,
	};

	forward_lcore_receive_stream_replies(fixture->lcores[0], &answer, 1, fixture->now);
}

static void over_a_stream_it_is_asked_for_as_a_check(void)
{
	static const uint8_t expected[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
	static const uint8_t refused[DNS_HEADER_BYTES] = {0, 0, 0x80, 5};
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;

	fixture_open(&fixture, BY_TCP, 1, 16);
	order_check(&fixture);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 0);
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].ask_count, 1);
	CU_ASSERT_EQUAL(fixture.sinks[0].asks[0].frame.payload_length, sizeof(expected));
	CU_ASSERT_EQUAL(memcmp(net_frame_payload(&fixture.sinks[0].asks[0].frame), expected,
				sizeof(expected)),
		0);
	// It is no query of a client.
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture.lcores[0]), 0);
	attempt = take_ask(&fixture);
	CU_ASSERT_TRUE(attempt.is_check);
	CU_ASSERT_EQUAL(attempt.upstream, 0);
	CU_ASSERT_EQUAL(attempt.question_end, sizeof(expected));
	CU_ASSERT_EQUAL(attempt.until, fixture.now + CLOCK_SECOND);
	reply(&fixture, &attempt, refused, sizeof(refused));
	expect_told(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_CHECK_SENT), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_CHECK), 1);
	// Once.
	reply(&fixture, &attempt, refused, sizeof(refused));
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_LATE), 1);
	fixture_close(&fixture);
}

static void what_a_stream_says_against_it_fails_it(void)
{
	static const uint8_t cut[DNS_HEADER_BYTES + 2] = {0, 0, 0x80, 0, 0, 1};
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;

	fixture_open(&fixture, BY_TCP, 1, 16);
	order_check(&fixture);
	attempt = take_ask(&fixture);
	fail_with(&fixture, &attempt, PROXY_FAILURE_REFUSED);
	expect_told(&fixture, PROXY_NEWS_CHECK_FAILED);
	order_check(&fixture);
	attempt = take_ask(&fixture);
	reply(&fixture, &attempt, cut, sizeof(cut));
	expect_told(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_CHECK_FAILED), 2);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_GARBAGE), 1);
	fixture_close(&fixture);
}

static void want_of_room_is_no_failure(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;

	fixture_open(&fixture, BY_TCP, 1, 16);
	fixture.sinks[0].asks_are_full = true;
	order_check(&fixture);
	expect_told(&fixture, PROXY_NEWS_CHECK_UNSENT);
	fixture.sinks[0].asks_are_full = false;
	order_check(&fixture);
	attempt = take_ask(&fixture);
	fail_with(&fixture, &attempt, PROXY_FAILURE_NO_STREAM);
	expect_told(&fixture, PROXY_NEWS_CHECK_UNSENT);
	fixture.sinks[0].has_no_frames = true;
	order_check(&fixture);
	expect_told(&fixture, PROXY_NEWS_CHECK_UNSENT);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_CHECK_UNSENT), 3);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_CHECK_FAILED), 0);
	fixture_close(&fixture);
}

// Its time ends at the lcore, though nobody has said a word.
static void it_runs_out_of_time(void)
{
	struct forward_fixture fixture;
	uint64_t bound;

	fixture_open(&fixture, BY_DATAGRAM, 1, 16);
	order_check(&fixture);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 1);
	bound = fixture.now + CLOCK_SECOND;
	fixture.now = bound - 1;
	forward_lcore_expire(fixture.lcores[0], fixture.now);
	CU_ASSERT_EQUAL(proxy_checks_in_flight(forward_lcore_proxy(fixture.lcores[0])), 1);
	fixture.now = bound + 3 * CLOCK_MILLISECOND;
	forward_lcore_expire(fixture.lcores[0], fixture.now);
	expect_told(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_ATTEMPT_TIMEOUTS), 0);
	fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"over a stream it is asked for as a check", over_a_stream_it_is_asked_for_as_a_check},
	{"what a stream says against it fails it", what_a_stream_says_against_it_fails_it},
	{"want of room is no failure", want_of_room_is_no_failure},
	{"it runs out of time", it_runs_out_of_time},
};

UNIT_MAIN("forward checks", cases)
