// SPDX-License-Identifier: BSD-3-Clause
// What HTTP adds to an exchange over streams: questions that fail or are refused alone, connections
// that are about to end, a peer's own limit, and replies that are the only ones.
#include "proxy_stream_fixture.h"

static struct stream_fixture *open_fixture(uint16_t max_inflight)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = max_inflight},
		.is_tls = true,
	});

	fixture->set->upstreams[0].is_https = true;
	return fixture;
}

// Open, with `count` questions of askers 1 and up on it.
static struct stream_fixture *open_with_questions(uint32_t count)
{
	struct stream_fixture *fixture = open_fixture(64);

	stream_ask(fixture, 1, count);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, count);
	return fixture;
}

static void a_failed_question_fails_alone(void)
{
	struct stream_fixture *fixture = open_with_questions(3);
	uint16_t slot = fixture->sent[0].slot;
	uint16_t id = stream_sent_id(fixture, 1);

	proxy_streams_failed(fixture->streams, slot, id, PROXY_FAILURE_HTTP, fixture->now);
	CU_ASSERT_EQUAL_FATAL(fixture->result_count, 1);
	CU_ASSERT_EQUAL(fixture->results[0].asker, 2);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_HTTP), 1);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->failed[PROXY_FAILURE_HTTP], 1);
	// Once is enough, and the others are answered.
	proxy_streams_failed(fixture->streams, slot, id, PROXY_FAILURE_HTTP, fixture->now);
	CU_ASSERT_EQUAL(fixture->result_count, 1);
	stream_reply(fixture, 0);
	stream_reply(fixture, 2);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	stream_fixture_close(fixture);
}

// By what may take it then: the same connection.
static void a_refused_question_is_asked_again(void)
{
	struct stream_fixture *fixture = open_with_questions(1);

	for (uint32_t times = 0; times < 8; times++) {
		CU_ASSERT_EQUAL(fixture->sent_count, times + 1);
		proxy_streams_refused(fixture->streams, fixture->sent[times].slot,
			stream_sent_id(fixture, times), fixture->now);
		if (fixture->sent_count == times + 1)
			(void)stream_open_last(fixture);
	}
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	CU_ASSERT_EQUAL(fixture->sent_count, 9);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->asked_again, 8);
	// Not for ever.
	proxy_streams_refused(
		fixture->streams, fixture->sent[8].slot, stream_sent_id(fixture, 8), fixture->now);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CLOSED), 1);
	stream_fixture_close(fixture);
}

// What it has is answered, what it refuses is asked on another, and then it ends.
static void a_closing_connection_takes_no_more(void)
{
	struct stream_fixture *fixture = open_with_questions(3);
	uint16_t slot = fixture->sent[0].slot;

	stream_reply(fixture, 0);
	proxy_streams_closing(fixture->streams, slot, fixture->now);
	proxy_streams_refused(fixture->streams, slot, stream_sent_id(fixture, 2), fixture->now);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_EQUAL(stream_open_last(fixture), fixture->opened[1]);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 4);
	CU_ASSERT_NOT_EQUAL(fixture->sent[3].slot, slot);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	stream_reply(fixture, 1);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_finished);
	stream_reply(fixture, 3);
	CU_ASSERT_EQUAL(stream_answers(fixture), 3);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->closed[PROXY_CLOSE_PEER], 1);
	stream_fixture_close(fixture);
}

static void an_idle_one_that_is_closing_ends_at_once(void)
{
	struct stream_fixture *fixture = open_with_questions(1);
	uint16_t slot = fixture->sent[0].slot;

	stream_reply(fixture, 0);
	proxy_streams_closing(fixture->streams, slot, fixture->now);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_finished);
	// Nothing is done to it any more.
	proxy_streams_closing(fixture->streams, slot, fixture->now);
	proxy_streams_limited(fixture->streams, slot, 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->closed[PROXY_CLOSE_PEER], 1);
	stream_fixture_close(fixture);
}

// As one that ends before it has answered anything: an upstream that does this always is not asked
// again and again.
static void one_that_was_good_for_nothing_fails_what_it_refuses(void)
{
	struct stream_fixture *fixture = open_with_questions(2);
	uint16_t slot = fixture->sent[0].slot;

	proxy_streams_closing(fixture->streams, slot, fixture->now);
	for (uint32_t i = 0; i < 2; i++)
		proxy_streams_refused(
			fixture->streams, slot, stream_sent_id(fixture, i), fixture->now);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CLOSED), 2);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_finished);
	stream_fixture_close(fixture);
}

// Below max_inflight; a later word of the peer stands, and max_inflight is never passed.
static void a_peer_has_a_limit_of_its_own(void)
{
	static const struct {
		uint32_t told;
		uint32_t at_once;
	} limits[] = {{3, 3}, {0, 1}, {5, 5}, {100, 8}};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(limits); i++) {
		struct stream_fixture *fixture = open_fixture(8);
		uint16_t slot;

		stream_ask(fixture, 1, 1);
		slot = stream_open_last(fixture);
		proxy_streams_limited(fixture->streams, slot, 2);
		proxy_streams_limited(fixture->streams, slot, limits[i].told);
		stream_ask(fixture, 2, 9);
		CU_ASSERT_EQUAL(fixture->sent_count, limits[i].at_once);
		CU_ASSERT_TRUE(fixture->opened_count > 1);
		// A change of the configuration does not forget it.
		proxy_streams_adopt(fixture->streams, fixture->set);
		CU_ASSERT_EQUAL(fixture->sent_count, limits[i].at_once);
		stream_fixture_close(fixture);
	}
}

// Over HTTP each question has one reply: nobody waits for another.
static void a_reply_of_no_use_fails_its_question(void)
{
	static const struct {
		uint16_t at;
		uint8_t flip;
		bool is_mismatched;
	} changes[] = {{2, 0x80, false}, {13, 1, true}, {39, 1, true}, {41, 2, true}};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(changes); i++) {
		struct stream_fixture *fixture = open_with_questions(2);
		const struct proxy_stream_counts *counts =
			proxy_streams_counts(fixture->streams, 0);
		struct stream_sent sent = fixture->sent[0];

		sent.message[2] |= 0x80;
		sent.message[changes[i].at] ^= changes[i].flip;
		proxy_streams_received(
			fixture->streams, sent.slot, sent.message, sent.length, fixture->now);
		CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_GARBAGE), 1);
		CU_ASSERT_EQUAL(counts->mismatched, changes[i].is_mismatched);
		CU_ASSERT_EQUAL(counts->short_messages, !changes[i].is_mismatched);
		CU_ASSERT_EQUAL(fixture->results[0].asker, 1);
		stream_reply(fixture, 1);
		CU_ASSERT_EQUAL(stream_answers(fixture), 1);
		stream_fixture_close(fixture);
	}
}

static void the_driver_is_told_of_who_waits_no_more(void)
{
	struct stream_fixture *fixture = open_with_questions(2);
	uint16_t id = stream_sent_id(fixture, 1);

	fixture->now += CLOCK_SECOND;
	stream_reply(fixture, 0);
	stream_pass(fixture, 2 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	CU_ASSERT_EQUAL(fixture->cancelled_count, 1);
	CU_ASSERT_EQUAL(fixture->last_cancelled, id);
	// Of one that is not open yet, there is nothing to tell.
	stream_ask(fixture, 10, 70);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_pass(fixture, 4 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
	CU_ASSERT_EQUAL(fixture->cancelled_count, 65);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"a failed question fails alone", a_failed_question_fails_alone},
	{"a refused question is asked again", a_refused_question_is_asked_again},
	{"a closing connection takes no more", a_closing_connection_takes_no_more},
	{"an idle one that is closing ends at once", an_idle_one_that_is_closing_ends_at_once},
	{"one that was good for nothing fails what it refuses",
		one_that_was_good_for_nothing_fails_what_it_refuses},
	{"a peer has a limit of its own", a_peer_has_a_limit_of_its_own},
	{"a reply of no use fails its question", a_reply_of_no_use_fails_its_question},
	{"the driver is told of who waits no more", the_driver_is_told_of_who_waits_no_more},
};

UNIT_MAIN("proxy_stream_http", cases)
