// SPDX-License-Identifier: BSD-3-Clause
// What comes over a connection, and which question it answers.
#include "proxy_stream_fixture.h"

// Open, with `count` questions of askers 1 and up on it.
static struct stream_fixture *open_with_questions(uint32_t count)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 64},
	});

	stream_ask(fixture, 1, count);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, count);
	return fixture;
}

static void replies_come_in_any_order(void)
{
	static const uint32_t order[] = {3, 0, 4, 1, 2};
	struct stream_fixture *fixture = open_with_questions(5);

	for (uint32_t i = 0; i < 5; i++) {
		stream_reply(fixture, order[i]);
		CU_ASSERT_EQUAL(fixture->results[i].asker, 1 + order[i]);
		CU_ASSERT_TRUE(fixture->results[i].is_answer);
		CU_ASSERT_EQUAL(fixture->results[i].length, STREAM_QUESTION_BYTES);
	}
	// What was answered is not answered again.
	stream_reply(fixture, 0);
	CU_ASSERT_EQUAL(fixture->result_count, 5);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->answered, 5);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->late, 1);
	stream_fixture_close(fixture);
}

// One byte of the reply to the first question is other than it should be.
static void receive_changed(struct stream_fixture *fixture, uint16_t at, uint8_t flip)
{
	struct stream_sent sent = fixture->sent[0];

	sent.message[2] |= 0x80;
	sent.message[at] ^= flip;
	proxy_streams_received(
		fixture->streams, sent.slot, sent.message, sent.length, fixture->now);
}

static void what_answers_nothing_is_dropped(void)
{
	struct stream_fixture *fixture = open_with_questions(1);
	const struct proxy_stream_counts *counts = proxy_streams_counts(fixture->streams, 0);
	uint16_t slot = fixture->sent[0].slot;

	for (uint16_t length = 0; length < 12; length++)
		proxy_streams_received(
			fixture->streams, slot, fixture->sent[0].message, length, fixture->now);
	CU_ASSERT_EQUAL(counts->short_messages, 12);
	receive_changed(fixture, 2, 0x80); // no QR
	CU_ASSERT_EQUAL(counts->short_messages, 13);
	receive_changed(fixture, 0, 1);
	receive_changed(fixture, 1, 0x80);
	CU_ASSERT_EQUAL(counts->late, 2);
	receive_changed(fixture, 13, 1); // the name
	receive_changed(fixture, 39, 1); // the type
	receive_changed(fixture, 41, 2); // the class
	CU_ASSERT_EQUAL(counts->mismatched, 3);
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 1);
	// Letters of another case are the same name.
	receive_changed(fixture, 30, 0x20);
	CU_ASSERT_EQUAL(stream_answers(fixture), 1);
	stream_fixture_close(fixture);
}

static void garbage_fails_its_question_alone(void)
{
	static const struct {
		uint16_t at;
		uint8_t flip;
	} changes[] = {{2, 0x10}, {5, 3}, {5, 1}, {7, 1}, {12, 0x80}};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(changes); i++) {
		struct stream_fixture *fixture = open_with_questions(3);

		receive_changed(fixture, changes[i].at, changes[i].flip);
		CU_ASSERT_EQUAL_FATAL(fixture->result_count, 1);
		CU_ASSERT_EQUAL(fixture->results[0].asker, 1);
		CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_GARBAGE), 1);
		CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 2);
		stream_reply(fixture, 1);
		stream_reply(fixture, 2);
		CU_ASSERT_EQUAL(stream_answers(fixture), 2);
		CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
		CU_ASSERT_EQUAL(
			proxy_streams_counts(fixture->streams, 0)->failed[PROXY_FAILURE_GARBAGE],
			1);
		stream_fixture_close(fixture);
	}
}

// Replies to a connection count on that connection alone, whatever the id.
static void a_reply_is_its_connections(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 1},
	});
	struct stream_sent sent;

	stream_ask(fixture, 1, 2);
	stream_opened(fixture, fixture->opened[0]);
	stream_opened(fixture, fixture->opened[1]);
	sent = fixture->sent[0];
	sent.message[2] |= 0x80;
	proxy_streams_received(
		fixture->streams, fixture->sent[1].slot, sent.message, sent.length, fixture->now);
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->late, 1);
	stream_reply(fixture, 0);
	stream_reply(fixture, 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	stream_fixture_close(fixture);
}

// Before the connection is open nothing can be an answer, though the id is drawn.
static void nothing_is_answered_before_it_was_asked(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 64},
	});
	uint8_t message[STREAM_QUESTION_BYTES];

	stream_ask(fixture, 1, 1);
	(void)stream_make_question(1, message);
	message[2] |= 0x80;
	for (uint32_t id = 0; id <= UINT16_MAX; id++) {
		bytes_store_u16(message, (uint16_t)id);
		proxy_streams_received(fixture->streams, fixture->opened[0], message,
			sizeof(message), fixture->now);
	}
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	(void)stream_open_last(fixture);
	stream_reply(fixture, 0);
	CU_ASSERT_EQUAL(stream_answers(fixture), 1);
	stream_fixture_close(fixture);
}

static void askers_may_ask_within_their_call(void)
{
	struct stream_fixture *fixture = open_with_questions(1);

	fixture->asks_within = 1000;
	for (uint32_t i = 0; i <= 1000; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 1001);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->reused, 1000);
	stream_fixture_close(fixture);
}

// Random bytes, with and without an id that somebody waits for, never answer and never harm.
static void random_bytes_do_no_harm(void)
{
	struct stream_fixture *fixture = open_with_questions(32);
	uint8_t bytes[600];

	for (uint32_t i = 0; i < 20000; i++) {
		uint16_t length = (uint16_t)random_stream_below(fixture->random, sizeof(bytes) + 1);
		uint32_t question = random_stream_below(fixture->random, 32);

		for (uint16_t j = 0; j < length; j++)
			bytes[j] = (uint8_t)random_stream_u32(fixture->random);
		if (length >= 3 && i % 16 == 0) {
			memcpy(bytes, fixture->sent[question].message, 2);
			bytes[2] |= 0x80;
		}
		proxy_streams_received(
			fixture->streams, fixture->opened[0], bytes, length, fixture->now);
	}
	CU_ASSERT_EQUAL(stream_answers(fixture), 0);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_GARBAGE), fixture->result_count);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 32 - fixture->result_count);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"replies come in any order", replies_come_in_any_order},
	{"what answers nothing is dropped", what_answers_nothing_is_dropped},
	{"garbage fails its question alone", garbage_fails_its_question_alone},
	{"a reply is its connection's", a_reply_is_its_connections},
	{"nothing is answered before it was asked", nothing_is_answered_before_it_was_asked},
	{"askers may ask within their call", askers_may_ask_within_their_call},
	{"random bytes do no harm", random_bytes_do_no_harm},
};

UNIT_MAIN("proxy stream replies", cases)
