// SPDX-License-Identifier: BSD-3-Clause
// `hedge` where TCP and TLS are on the way. The rest of it: tests/replay, test_proxy_hedge.c.
#include "forward_stream_fixture.h"

#include "proxy/hedge.h"

#define HEDGE_TLS                                                                                  \
	".:53 {\n forward . tls://192.0.2.53 tls://192.0.2.54 {\n policy sequential\n"             \
	" hedge 100ms\n failover SERVFAIL\n }\n}\n"
#define HEDGE                                                                                      \
	".:53 {\n forward . 192.0.2.53 192.0.2.54 {\n policy sequential\n hedge 100ms\n"           \
	" prefer_udp\n }\n}\n"

static struct proxy_lcore *proxy_of(struct forward_fixture *fixture)
{
	return forward_lcore_proxy(fixture->lcores[0]);
}

// One second attempt is paid for.
static void open_with_budget(struct forward_fixture *fixture, const char *text)
{
	fixture_open(fixture, text, 1, 16);
	proxy_of(fixture)->groups[0].hedge_tokens = PROXY_HEDGE_COST;
}

static void wait_for(struct forward_fixture *fixture, uint64_t milliseconds)
{
	fixture->now += milliseconds * FIXTURE_MILLISECOND;
	forward_lcore_expire(fixture->lcores[0], fixture->now);
}

static void close_with_nothing_left(struct forward_fixture *fixture)
{
	CU_ASSERT_EQUAL(proxy_in_flight(proxy_of(fixture)), 0);
	CU_ASSERT_EQUAL(proxy_hedges(proxy_of(fixture)), 0);
	for (uint16_t i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(proxy_of(fixture)->counts[i].load.in_flight, 0);
	fixture_close(fixture);
}

// Asks once, and has both attempts on their way.
static void begin_two(struct forward_fixture *fixture, struct forward_stream_attempt *first,
	struct forward_stream_attempt *second)
{
	open_with_budget(fixture, HEDGE_TLS);
	stream_query(fixture);
	*first = take_ask(fixture);
	wait_for(fixture, 103);
	*second = take_ask(fixture);
	CU_ASSERT_EQUAL(first->upstream, 0);
	CU_ASSERT_EQUAL(second->upstream, 1);
	CU_ASSERT_NOT_EQUAL(first->slot, second->slot);
	CU_ASSERT_EQUAL(second->until, fixture->now + 2 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward_lcore_in_flight(fixture->lcores[0]), 1);
}

static void the_second_stream_wins(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft reply;

	begin_two(&fixture, &first, &second);
	make_reply(&reply, 3000);
	stream_reply(&fixture, &second, &reply);
	expect_answer(&fixture, draft_length(&reply));
	stream_reply(&fixture, &first, &reply);
	stream_reply(&fixture, &second, &reply);
	stream_failure(&fixture, &first, PROXY_FAILURE_TIMEOUT);
	CU_ASSERT_EQUAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_LATE), 3);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_HEDGES_WON), 1);
	CU_ASSERT_EQUAL(proxy_of(&fixture)->counts[0].failed[PROXY_FAILURE_TIMEOUT], 0);
	CU_ASSERT_EQUAL(proxy_of(&fixture)->counts[1].answered, 1);
	close_with_nothing_left(&fixture);
}

static void the_first_stream_wins(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft reply;

	begin_two(&fixture, &first, &second);
	make_reply(&reply, 3000);
	stream_reply(&fixture, &first, &reply);
	expect_answer(&fixture, draft_length(&reply));
	stream_reply(&fixture, &second, &reply);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_LATE), 1);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_HEDGES_WON), 0);
	close_with_nothing_left(&fixture);
}

// Its answer is known by the slot that it was asked under, though the first has failed.
static void the_second_goes_on_alone(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft reply;

	begin_two(&fixture, &first, &second);
	stream_failure(&fixture, &first, PROXY_FAILURE_REFUSED);
	CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
	make_reply(&reply, 4);
	stream_reply(&fixture, &second, &reply);
	expect_answer(&fixture, draft_length(&reply));
	CU_ASSERT_EQUAL(proxy_of(&fixture)->counts[0].failed[PROXY_FAILURE_REFUSED], 1);
	close_with_nothing_left(&fixture);
}

// The first upstream comes again after both, since there are no others.
static void both_fail_and_the_query_goes_on(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft reply;

	for (int second_is_first = 0; second_is_first < 2; second_is_first++) {
		begin_two(&fixture, &first, &second);
		stream_failure(&fixture, second_is_first ? &second : &first, PROXY_FAILURE_REFUSED);
		CU_ASSERT_EQUAL(fixture.sinks[0].ask_count, 0);
		stream_failure(&fixture, second_is_first ? &first : &second, PROXY_FAILURE_CLOSED);
		first = take_ask(&fixture);
		CU_ASSERT_EQUAL(first.upstream, 0);
		make_reply(&reply, 4);
		stream_reply(&fixture, &first, &reply);
		expect_answer(&fixture, draft_length(&reply));
		CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_HEDGES), 1);
		close_with_nothing_left(&fixture);
	}
}

// Both can not help: there is nobody else, and the last reply is relayed.
static void both_answer_in_vain(void)
{
	struct forward_stream_attempt first;
	struct forward_stream_attempt second;
	struct forward_fixture fixture;
	struct draft failure;

	draft_start(&failure, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA | DNS_RCODE_SERVFAIL);
	for (int second_is_first = 0; second_is_first < 2; second_is_first++) {
		begin_two(&fixture, &first, &second);
		stream_reply(&fixture, second_is_first ? &second : &first, &failure);
		CU_ASSERT_EQUAL(fixture.sinks[0].ask_count + fixture.sinks[0].answer_count, 0);
		stream_reply(&fixture, second_is_first ? &first : &second, &failure);
		expect_answer(&fixture, draft_length(&failure));
		CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_REPLY_FAILED_OVER), 1);
		CU_ASSERT_EQUAL(proxy_of(&fixture)->counts[0].answered, 1);
		CU_ASSERT_EQUAL(proxy_of(&fixture)->counts[1].answered, 1);
		close_with_nothing_left(&fixture);
	}
}

static void without_room_for_a_second_the_first_goes_on(void)
{
	struct forward_stream_attempt first;
	struct forward_fixture fixture;
	struct draft reply;

	open_with_budget(&fixture, HEDGE_TLS);
	stream_query(&fixture);
	first = take_ask(&fixture);
	fixture.sinks[0].asks_are_full = true;
	wait_for(&fixture, 103);
	CU_ASSERT_EQUAL(fixture.sinks[0].answer_count, 0);
	CU_ASSERT_EQUAL(proxy_hedges(proxy_of(&fixture)), 0);
	make_reply(&reply, 4);
	stream_reply(&fixture, &first, &reply);
	expect_answer(&fixture, draft_length(&reply));
	close_with_nothing_left(&fixture);
}

static void without_a_slot_the_first_goes_on(void)
{
	struct forward_fixture fixture;

	fixture_open(&fixture, HEDGE, 1, 1);
	proxy_of(&fixture)->groups[0].hedge_tokens = PROXY_HEDGE_COST;
	datagram_query(&fixture);
	wait_for(&fixture, 103);
	CU_ASSERT_EQUAL(fixture.sinks[0].sent_count, 1);
	datagram_reply(&fixture, 0);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_QUERY_ANSWERED), 1);
	close_with_nothing_left(&fixture);
}

// The second wins with a reply that was cut: that upstream is asked over TCP.
static void the_winner_is_asked_for_the_whole(void)
{
	struct forward_stream_attempt attempt;
	struct forward_fixture fixture;
	struct draft reply;

	open_with_budget(&fixture, HEDGE);
	stream_query(&fixture);
	fixture_clear(&fixture);
	wait_for(&fixture, 103);
	CU_ASSERT_EQUAL(fixture_count(&fixture, 0, STATS_SENT_HEDGES), 1);
	datagram_reply(&fixture, DNS_FLAG_TC);
	attempt = take_ask(&fixture);
	CU_ASSERT_EQUAL(attempt.upstream, 1);
	make_reply(&reply, 3000);
	stream_reply(&fixture, &attempt, &reply);
	expect_answer(&fixture, draft_length(&reply));
	close_with_nothing_left(&fixture);
}

// Nothing answers: both attempts end with their time, and the query with its own.
static void silence_ends_with_the_deadline(void)
{
	struct forward_fixture fixture;

	open_with_budget(&fixture, HEDGE_TLS);
	stream_query(&fixture);
	for (int i = 0; i < 60; i++) {
		wait_for(&fixture, 100);
		proxy_of(&fixture)->groups[0].hedge_tokens = PROXY_HEDGE_COST;
	}
	CU_ASSERT_EQUAL_FATAL(fixture.sinks[0].answer_count, 1);
	CU_ASSERT_EQUAL(
		net_frame_payload(&fixture.sinks[0].answers[0].frame)[3] & 0xf, DNS_RCODE_SERVFAIL);
	close_with_nothing_left(&fixture);
}

static const struct unit_case cases[] = {
	{"the second stream wins", the_second_stream_wins},
	{"the first stream wins", the_first_stream_wins},
	{"the second goes on alone", the_second_goes_on_alone},
	{"both fail, and the query goes on", both_fail_and_the_query_goes_on},
	{"both answer in vain", both_answer_in_vain},
	{"without room for a second, the first goes on",
		without_room_for_a_second_the_first_goes_on},
	{"without a slot, the first goes on", without_a_slot_the_first_goes_on},
	{"the winner is asked for the whole", the_winner_is_asked_for_the_whole},
	{"silence ends with the deadline", silence_ends_with_the_deadline},
};

UNIT_MAIN("forward hedge", cases)
