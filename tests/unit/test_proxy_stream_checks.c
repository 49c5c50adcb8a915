// SPDX-License-Identifier: BSD-3-Clause
// Health checks over TCP and TLS: each on a connection of its own.
#include "proxy_stream_fixture.h"

static struct stream_fixture *open_streams(void)
{
	return stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 64},
	});
}

static bool check(struct stream_fixture *fixture, uint64_t asker)
{
	uint8_t bytes[STREAM_QUESTION_BYTES];
	struct proxy_stream_question question = stream_question(fixture, asker, bytes);

	question.is_check = true;
	return proxy_streams_ask(fixture->streams, &question, fixture->now);
}

static void it_takes_none_that_is_there(void)
{
	struct stream_fixture *fixture = open_streams();
	uint16_t own;
	uint16_t idle;

	stream_ask(fixture, 1, 1);
	idle = stream_open_last(fixture);
	stream_reply(fixture, 0);
	CU_ASSERT_TRUE(check(fixture, 2));
	CU_ASSERT_EQUAL_FATAL(fixture->opened_count, 2);
	own = fixture->opened[1];
	CU_ASSERT_NOT_EQUAL(own, idle);
	stream_opened(fixture, own);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 2);
	CU_ASSERT_EQUAL(fixture->sent[1].slot, own);
	// It ends behind the answer; the idle one stays.
	stream_reply(fixture, 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	CU_ASSERT_TRUE(fixture->sockets[own].is_finished);
	CU_ASSERT_FALSE(fixture->sockets[idle].is_finished);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->closed[PROXY_CLOSE_CHECK], 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	stream_fixture_close(fixture);
}

static void nobody_joins_it(void)
{
	struct stream_fixture *fixture = open_streams();
	uint16_t own;

	CU_ASSERT_TRUE(check(fixture, 1));
	own = fixture->opened[0];
	// While it opens, and once it is open.
	stream_ask(fixture, 2, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_opened(fixture, own);
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_EQUAL(fixture->sent_count, 1);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL(fixture->sent_count, 3);
	CU_ASSERT_NOT_EQUAL(fixture->sent[1].slot, own);
	CU_ASSERT_NOT_EQUAL(fixture->sent[2].slot, own);
	for (uint32_t i = 0; i < 3; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 3);
	stream_fixture_close(fixture);
}

// Nor does it take the place of one that is being opened for queries.
static void queries_still_share_what_is_being_opened(void)
{
	struct stream_fixture *fixture = open_streams();

	stream_ask(fixture, 1, 1);
	CU_ASSERT_TRUE(check(fixture, 2));
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_opened(fixture, fixture->opened[0]);
	CU_ASSERT_EQUAL(fixture->sent_count, 2);
	stream_opened(fixture, fixture->opened[1]);
	CU_ASSERT_EQUAL(fixture->sent_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 3);
	stream_fixture_close(fixture);
}

static void it_fails_with_its_connection(void)
{
	static const enum proxy_failure why[] = {
		PROXY_FAILURE_REFUSED, PROXY_FAILURE_TLS, PROXY_FAILURE_CLOSED};
	struct stream_fixture *fixture = open_streams();

	for (uint64_t i = 0; i < BASE_ARRAY_SIZE(why); i++) {
		CU_ASSERT_TRUE(check(fixture, i));
		if (why[i] == PROXY_FAILURE_CLOSED)
			(void)stream_open_last(fixture);
		stream_lost(fixture, fixture->opened[fixture->opened_count - 1], why[i]);
		CU_ASSERT_EQUAL(stream_failures(fixture, why[i]), 1);
	}
	CU_ASSERT_EQUAL(fixture->opened_count, BASE_ARRAY_SIZE(why));
	CU_ASSERT_EQUAL(stream_manage(fixture), BASE_ARRAY_SIZE(why));
	stream_fixture_close(fixture);
}

// All of its time is for the connection, whatever queries do; then both are over.
static void it_gives_its_connection_all_its_time(void)
{
	struct stream_fixture *fixture = open_streams();

	CU_ASSERT_TRUE(check(fixture, 1));
	stream_pass(fixture, 990 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(fixture->result_count, 0);
	stream_pass(fixture, 20 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT), 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 0);
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	// An open one that says nothing.
	CU_ASSERT_TRUE(check(fixture, 2));
	(void)stream_open_last(fixture);
	stream_pass(fixture, 1010 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_TIMEOUT), 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 0);
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	stream_fixture_close(fixture);
}

static void any_reply_will_do(void)
{
	struct stream_fixture *fixture = open_streams();
	uint8_t refused[DNS_HEADER_BYTES] = {0, 0, 0x80, 5};
	struct stream_sent sent;

	CU_ASSERT_TRUE(check(fixture, 1));
	(void)stream_open_last(fixture);
	sent = fixture->sent[0];
	dns_bytes_set_id(refused, stream_sent_id(fixture, 0));
	proxy_streams_received(fixture->streams, sent.slot, refused, sizeof(refused), fixture->now);
	CU_ASSERT_EQUAL(stream_answers(fixture), 1);
	CU_ASSERT_TRUE(check(fixture, 2));
	(void)stream_open_last(fixture);
	sent = fixture->sent[1];
	sent.message[2] |= 0x80;
	sent.message[20] ^= 1;
	proxy_streams_received(
		fixture->streams, sent.slot, sent.message, sent.length, fixture->now);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	CU_ASSERT_TRUE(check(fixture, 3));
	(void)stream_open_last(fixture);
	sent = fixture->sent[2];
	sent.message[2] |= 0x80;
	proxy_streams_received(fixture->streams, sent.slot, sent.message, 20, fixture->now);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_GARBAGE), 1);
	stream_fixture_close(fixture);
}

// A connection that can not even be begun.
static void it_fails_where_none_can_be_opened(void)
{
	struct stream_fixture *fixture = open_streams();

	fixture->open_error = -ENETUNREACH;
	CU_ASSERT_TRUE(check(fixture, 1));
	stream_pass(fixture, CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_UNREACHABLE), 1);
	fixture->open_error = 0;
	proxy_streams_stop(fixture->streams);
	CU_ASSERT_FALSE(check(fixture, 2));
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"it takes none that is there", it_takes_none_that_is_there},
	{"nobody joins it", nobody_joins_it},
	{"queries still share what is being opened", queries_still_share_what_is_being_opened},
	{"it fails with its connection", it_fails_with_its_connection},
	{"it gives its connection all its time", it_gives_its_connection_all_its_time},
	{"any reply will do", any_reply_will_do},
	{"it fails where none can be opened", it_fails_where_none_can_be_opened},
};

UNIT_MAIN("proxy stream checks", cases)
