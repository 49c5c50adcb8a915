// SPDX-License-Identifier: BSD-3-Clause
// Deadlines of questions, and how long a connection may take to open.
#include "proxy_stream_fixture.h"

#include "proxy/timer_wheel.h"

#define TICK (2 * (UINT64_C(1) << TIMER_WHEEL_TICK_SHIFT)) // a timer fires no later than this

static struct stream_fixture *open_with(uint16_t max_inflight)
{
	return stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = max_inflight},
	});
}

// The lcore's turns come when it asked for them, until `until`.
static void run_until(struct stream_fixture *fixture, uint64_t until)
{
	for (int turns = 0; turns < 1000 && fixture->now < until; turns++) {
		uint64_t next = proxy_streams_next_time(fixture->streams);

		fixture->now = next < until ? (next > fixture->now ? next : fixture->now) : until;
		proxy_streams_expire(fixture->streams, fixture->now);
	}
	CU_ASSERT_EQUAL(fixture->now, until);
}

static void a_silent_connection_is_not_used_again(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, CLOCK_SECOND));
	(void)stream_open_last(fixture);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 2, 0, 3 * CLOCK_SECOND));
	run_until(fixture, start + CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	run_until(fixture, start + CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	CU_ASSERT_EQUAL(fixture->results[0].asker, 1);
	// The other question stays on it, new ones go elsewhere.
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_reply(fixture, 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 1);
	CU_ASSERT_EQUAL(fixture->finished_count, 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->closed[PROXY_CLOSE_ERROR], 1);
	// What comes too late comes to nothing.
	stream_reply(fixture, 0);
	CU_ASSERT_EQUAL(fixture->result_count, 2);
	stream_fixture_close(fixture);
}

// An upstream that answers others only lacks this answer.
static void a_connection_with_traffic_is_kept(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	stream_ask(fixture, 1, 2);
	(void)stream_open_last(fixture);
	fixture->now += CLOCK_SECOND;
	stream_reply(fixture, 1);
	run_until(fixture, start + 2 * CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	stream_reply(fixture, 0);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->late, 1);
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	stream_reply(fixture, 2);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	stream_fixture_close(fixture);
}

// What came before the question was sent says nothing about it.
static void traffic_from_before_does_not_count(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	stream_ask(fixture, 1, 1);
	(void)stream_open_last(fixture);
	stream_reply(fixture, 0);
	stream_ask(fixture, 2, 1);
	run_until(fixture, start + 2 * CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	CU_ASSERT_EQUAL(fixture->finished_count, 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 0);
	stream_fixture_close(fixture);
}

static void the_next_time_is_never_late(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	CU_ASSERT_EQUAL(proxy_streams_next_time(fixture->streams), UINT64_MAX);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, CLOCK_SECOND));
	(void)stream_open_last(fixture);
	for (uint32_t i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(stream_ask_for(fixture, 2 + i, 0, 3 * CLOCK_SECOND));
		CU_ASSERT(proxy_streams_next_time(fixture->streams) <= start + CLOCK_SECOND + TICK);
	}
	stream_reply(fixture, 0);
	run_until(fixture, start + 3 * CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 20);
	// With everything closed there is nothing to do.
	(void)stream_manage(fixture);
	run_until(fixture, fixture->now + CLOCK_SECOND);
	CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
	CU_ASSERT_EQUAL(proxy_streams_next_time(fixture->streams), UINT64_MAX);
	stream_fixture_close(fixture);
}

// Opens a connection that takes so long, and is used once.
static void open_in(struct stream_fixture *fixture, uint64_t span)
{
	uint32_t sent = fixture->sent_count;

	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, 60 * CLOCK_SECOND));
	fixture->now += span;
	(void)stream_open_last(fixture);
	stream_reply(fixture, sent);
	stream_lost(fixture, fixture->sent[sent].slot, PROXY_FAILURE_CLOSED);
}

// How long the next opening may take, for a question with so much time.
static uint64_t opening_limit(struct stream_fixture *fixture, uint64_t span)
{
	uint64_t start = fixture->now;
	uint32_t failed = stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT);
	uint32_t finished = fixture->finished_count;
	uint16_t slot;

	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, span));
	slot = fixture->opened[fixture->opened_count - 1];
	while (stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT) == failed &&
		fixture->now < start + 60 * CLOCK_SECOND)
		stream_pass(fixture, CLOCK_MILLISECOND);
	// The driver is told to let it be; that it opened after all does nothing.
	CU_ASSERT_EQUAL(fixture->finished_count, finished + 1);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_finished);
	proxy_streams_opened(fixture->streams, slot, fixture->now);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 0);
	(void)stream_manage(fixture);
	return (fixture->now - start + 5 * CLOCK_MILLISECOND) / (10 * CLOCK_MILLISECOND) * 10;
}

static void opening_is_bounded_by_the_question(void)
{
	struct stream_fixture *fixture = open_with(64);

	// None was opened yet: half of the time, so that there is some for another upstream.
	CU_ASSERT_EQUAL(opening_limit(fixture, 2 * CLOCK_SECOND), 1000);
	stream_fixture_close(fixture);
	fixture = open_with(64);
	CU_ASSERT_EQUAL(opening_limit(fixture, 8 * CLOCK_SECOND), 4000);
	stream_fixture_close(fixture);
	fixture = open_with(64);
	CU_ASSERT_EQUAL(opening_limit(fixture, 500 * CLOCK_MILLISECOND), 250);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)
				->open_failed[PROXY_FAILURE_CONNECT_TIMEOUT],
		1);
	stream_fixture_close(fixture);
}

static void opening_is_bounded_by_those_before(void)
{
	struct stream_fixture *fixture = open_with(64);

	// Twice the average, not under 1 s.
	open_in(fixture, 100 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(opening_limit(fixture, 8 * CLOCK_SECOND), 1000);
	stream_fixture_close(fixture);
	fixture = open_with(64);
	for (int i = 0; i < 40; i++)
		open_in(fixture, 800 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(opening_limit(fixture, 8 * CLOCK_SECOND), 1600);
	// What ran out of time counts, too: 800 + (1600 - 800) / 4.
	CU_ASSERT_EQUAL(opening_limit(fixture, 8 * CLOCK_SECOND), 2000);
	CU_ASSERT_EQUAL(opening_limit(fixture, 2 * CLOCK_SECOND), 1000);
	stream_fixture_close(fixture);
}

static void an_opening_that_fails_fails_all_that_wait(void)
{
	struct stream_fixture *fixture = open_with(4);
	uint64_t start = fixture->now;

	stream_ask(fixture, 1, 6);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_opened(fixture, fixture->opened[1]);
	run_until(fixture, start + CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT), 4);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 2);
	stream_reply(fixture, 0);
	stream_reply(fixture, 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	stream_fixture_close(fixture);
}

// A question with less time than who came first gives up; the connection goes on opening, and is
// good for the next.
static void a_waiting_question_has_its_own_deadline(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, 2 * CLOCK_SECOND));
	CU_ASSERT_TRUE(stream_ask_for(fixture, 2, 0, CLOCK_SECOND / 2));
	run_until(fixture, start + CLOCK_SECOND / 2 + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT), 1);
	CU_ASSERT_EQUAL(fixture->results[0].asker, 2);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL(fixture->sent_count, 1);
	CU_ASSERT_EQUAL(stream_sent_asker(fixture, 0), 1);
	stream_reply(fixture, 0);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	stream_fixture_close(fixture);
}

// Time does not end for a question that is asked again.
static void asking_again_does_not_move_the_deadline(void)
{
	struct stream_fixture *fixture = open_with(64);
	uint64_t start = fixture->now;

	stream_ask(fixture, 1, 1);
	(void)stream_open_last(fixture);
	stream_ask(fixture, 2, 1);
	fixture->now += CLOCK_SECOND;
	stream_reply(fixture, 1);
	stream_lost(fixture, fixture->opened[0], PROXY_FAILURE_CLOSED);
	(void)stream_open_last(fixture);
	run_until(fixture, start + 2 * CLOCK_SECOND + TICK);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	stream_fixture_close(fixture);
}

static void many_deadlines_end_each_in_its_time(void)
{
	enum {
		COUNT = 4000
	};
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 65535},
		.questions = COUNT,
	});
	uint64_t start = fixture->now;
	uint32_t seen = 0;

	stream_ask(fixture, COUNT, 1);
	(void)stream_open_last(fixture);
	for (uint32_t i = 1; i < COUNT; i++)
		CU_ASSERT_TRUE(stream_ask_for(
			fixture, i, 0, CLOCK_SECOND + (i * 7919 % COUNT) * CLOCK_MILLISECOND));
	while (fixture->now < start + 6 * CLOCK_SECOND) {
		fixture->now += 10 * CLOCK_MILLISECOND;
		// Something comes all the time.
		proxy_streams_received(fixture->streams, fixture->opened[0], NULL, 0, fixture->now);
		proxy_streams_expire(fixture->streams, fixture->now);
		for (; seen < fixture->result_count; seen++) {
			uint64_t asker = fixture->results[seen].asker;
			uint64_t due =
				start + CLOCK_SECOND + (asker * 7919 % COUNT) * CLOCK_MILLISECOND;

			if (asker == COUNT)
				due = start + 2 * CLOCK_SECOND;
			CU_ASSERT(fixture->now >= due);
			CU_ASSERT(fixture->now <= due + 15 * CLOCK_MILLISECOND);
		}
	}
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), COUNT);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"a silent connection is not used again", a_silent_connection_is_not_used_again},
	{"a connection with traffic is kept", a_connection_with_traffic_is_kept},
	{"traffic from before does not count", traffic_from_before_does_not_count},
	{"the next time is never late", the_next_time_is_never_late},
	{"opening is bounded by the question", opening_is_bounded_by_the_question},
	{"opening is bounded by those before", opening_is_bounded_by_those_before},
	{"an opening that fails fails all that wait", an_opening_that_fails_fails_all_that_wait},
	{"a waiting question has its own deadline", a_waiting_question_has_its_own_deadline},
	{"asking again does not move the deadline", asking_again_does_not_move_the_deadline},
	{"many deadlines end each in its time", many_deadlines_end_each_in_its_time},
};

UNIT_MAIN("proxy stream times", cases)
