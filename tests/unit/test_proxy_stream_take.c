// SPDX-License-Identifier: BSD-3-Clause
// Which connection a question over TCP or TLS goes to.
#include "proxy_stream_fixture.h"

static struct stream_fixture *open_with(uint16_t max_inflight, uint16_t connections)
{
	return stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = max_inflight},
		.connections = connections,
	});
}

static void a_question_waits_for_its_connection(void)
{
	struct stream_fixture *fixture = open_with(64, 8);

	stream_ask(fixture, 1, 3);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	CU_ASSERT_EQUAL(fixture->sent_count, 0);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 3);
	(void)stream_open_last(fixture);
	// In the order in which they came.
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 3);
	for (uint32_t i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(stream_sent_asker(fixture, i), 1 + i);
	for (uint32_t i = 0; i < 3; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 3);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->opened, 1);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->shared, 2);
	stream_fixture_close(fixture);
}

static void upstreams_have_their_own_transport(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 64},
		.upstreams = 2,
		.is_tls = true,
	});

	CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, CLOCK_SECOND));
	CU_ASSERT_TRUE(stream_ask_for(fixture, 2, 1, CLOCK_SECOND));
	CU_ASSERT_EQUAL_FATAL(fixture->opened_count, 2);
	for (uint16_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(fixture->sockets[fixture->opened[i]].upstream, i);
		CU_ASSERT_EQUAL(fixture->sockets[fixture->opened[i]].is_tls, i == 0);
	}
	stream_fixture_close(fixture);
}

// `count` connections that are idle, each `step` longer than the next.
static void make_idle(struct stream_fixture *fixture, uint32_t count, uint64_t step)
{
	uint32_t sent = fixture->sent_count;

	for (uint32_t i = 0; i < count; i++) {
		stream_ask(fixture, 100 + i, 1);
		(void)stream_open_last(fixture);
	}
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, sent + count);
	for (uint32_t i = 0; i < count; i++) {
		stream_reply(fixture, sent + i);
		fixture->now += step;
	}
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, count);
}

static void the_one_idle_longest_is_taken(void)
{
	struct stream_fixture *fixture = open_with(1, 8);
	uint32_t sent;

	make_idle(fixture, 4, CLOCK_MILLISECOND);
	sent = fixture->sent_count;
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			stream_ask(fixture, i, 1);
			CU_ASSERT_EQUAL(fixture->sent[sent].slot, fixture->opened[i]);
			stream_reply(fixture, sent++);
		}
	}
	CU_ASSERT_EQUAL(fixture->opened_count, 4);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->reused, 12);
	stream_fixture_close(fixture);
}

// Two idle connections, each of which has answered as many as it takes at once.
static void open_two(struct stream_fixture *fixture, uint32_t limit)
{
	stream_ask(fixture, 1, limit);
	(void)stream_open_last(fixture);
	stream_ask(fixture, 1 + limit, limit);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL_FATAL(fixture->opened_count, 2);
	for (uint32_t i = 0; i < 2 * limit; i++)
		stream_reply(fixture, i);
}

// Idle ones first, then busy ones in turn up to the limit, and only then a new one.
static void busy_ones_are_shared_up_to_the_limit(void)
{
	struct stream_fixture *fixture = open_with(4, 8);
	uint32_t on[STREAM_SLOTS_MOST] = {0};
	uint32_t sent;

	open_two(fixture, 4);
	sent = fixture->sent_count;
	for (uint32_t i = 0; i < 8; i++) {
		fixture->now++;
		stream_ask(fixture, 20 + i, 1);
		on[fixture->sent[sent + i].slot]++;
		// Both carry as many all the time.
		CU_ASSERT_EQUAL(on[fixture->opened[0]] + on[fixture->opened[1]], i + 1);
		CU_ASSERT(on[fixture->opened[0]] <= on[fixture->opened[1]] + 1);
		CU_ASSERT(on[fixture->opened[1]] <= on[fixture->opened[0]] + 1);
	}
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_ask(fixture, 40, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	// Room on a busy one is better than one that is not open yet.
	stream_reply(fixture, sent);
	stream_ask(fixture, 41, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	CU_ASSERT_EQUAL(fixture->sent_count, sent + 9);
	CU_ASSERT_EQUAL(fixture->sent[sent + 8].slot, fixture->sent[sent].slot);
	stream_fixture_close(fixture);
}

// What is asked at one time goes out together, on a connection while it has room; the next, on another.
static void busy_ones_are_shared_a_turn_each(void)
{
	static const uint32_t counts[] = {3, 3, 5, 1};
	struct stream_fixture *fixture = open_with(8, 8);
	uint32_t sent;

	open_two(fixture, 8);
	// One on each, so that neither is idle.
	stream_ask(fixture, 20, 2);
	sent = fixture->sent_count;
	CU_ASSERT_NOT_EQUAL(fixture->sent[sent - 1].slot, fixture->sent[sent - 2].slot);
	for (uint32_t turn = 0; turn < 4; turn++) {
		fixture->now++;
		stream_ask(fixture, 30 + 10 * turn, counts[turn]);
		CU_ASSERT_EQUAL_FATAL(fixture->sent_count, sent + counts[turn]);
		// The third turn fills one up, with four; there is room for one on the other then.
		for (uint32_t i = 1; i < counts[turn]; i++)
			CU_ASSERT_EQUAL(
				fixture->sent[sent + i].slot == fixture->sent[sent].slot, i < 4);
		if (turn == 1)
			CU_ASSERT_NOT_EQUAL(fixture->sent[sent].slot, fixture->sent[sent - 1].slot);
		sent += counts[turn];
	}
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_fixture_close(fixture);
}

static void connections_open_beside_each_other(void)
{
	struct stream_fixture *fixture = open_with(4, 8);

	stream_ask(fixture, 1, 10);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	CU_ASSERT_EQUAL(
		proxy_streams_pools(fixture->streams)->connections[fixture->opened[2]].in_flight,
		2 + 1);
	stream_opened(fixture, fixture->opened[1]);
	CU_ASSERT_EQUAL(fixture->sent_count, 4);
	CU_ASSERT_EQUAL(stream_sent_asker(fixture, 0), 5);
	stream_opened(fixture, fixture->opened[2]);
	CU_ASSERT_EQUAL(fixture->sent_count, 6);
	// The last has room for two more.
	stream_ask(fixture, 20, 2);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	CU_ASSERT_EQUAL(fixture->sent[7].slot, fixture->opened[2]);
	stream_opened(fixture, fixture->opened[0]);
	CU_ASSERT_EQUAL(fixture->sent_count, 12);
	for (uint32_t i = 0; i < 12; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 12);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 3);
	stream_fixture_close(fixture);
}

static void a_limit_of_one_is_one_question_a_connection(void)
{
	struct stream_fixture *fixture = open_with(1, 16);

	stream_ask(fixture, 1, 10);
	CU_ASSERT_EQUAL_FATAL(fixture->opened_count, 10);
	for (uint32_t i = 0; i < 10; i++)
		stream_opened(fixture, fixture->opened[i]);
	CU_ASSERT_EQUAL(fixture->sent_count, 10);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->in_flight, 10);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->shared, 0);
	stream_fixture_close(fixture);
}

static void without_slots_there_is_no_connection(void)
{
	struct stream_fixture *fixture = open_with(2, 2);

	stream_ask(fixture, 1, 4);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_FALSE(stream_ask_for(fixture, 5, 0, CLOCK_SECOND));
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 4);
	(void)stream_open_last(fixture);
	stream_reply(fixture, 0);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 6, 0, CLOCK_SECOND));
	CU_ASSERT_EQUAL(fixture->result_count, 1);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->asked, 5);
	stream_fixture_close(fixture);
}

// A busy upstream leaves another its part of the slots.
static void each_upstream_is_sure_of_its_part(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 1},
		.upstreams = 2,
		.connections = 8,
	});
	uint32_t taken = 0;

	while (stream_ask_for(fixture, taken, 0, CLOCK_SECOND))
		taken++;
	CU_ASSERT_EQUAL(taken, 6);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 100, 1, CLOCK_SECOND));
	CU_ASSERT_TRUE(stream_ask_for(fixture, 101, 1, CLOCK_SECOND));
	CU_ASSERT_FALSE(stream_ask_for(fixture, 102, 1, CLOCK_SECOND));
	stream_fixture_close(fixture);
}

static void as_many_questions_as_there_is_room_for(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 65535},
		.questions = 5,
	});
	uint8_t message[2049];
	struct proxy_stream_question question = {
		.message = message,
		.question_end = STREAM_QUESTION_BYTES,
		.deadline = fixture->now + CLOCK_SECOND,
	};

	memset(message, 0, sizeof(message));
	(void)stream_make_question(9, message);
	question.length = 2049;
	CU_ASSERT_FALSE(proxy_streams_ask(fixture->streams, &question, fixture->now));
	question.length = 2048;
	CU_ASSERT_TRUE(proxy_streams_ask(fixture->streams, &question, fixture->now));
	stream_ask(fixture, 1, 4);
	CU_ASSERT_FALSE(stream_ask_for(fixture, 5, 0, CLOCK_SECOND));
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 5);
	CU_ASSERT_EQUAL(fixture->sent[0].length, 2048);
	stream_reply(fixture, 2);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 5, 0, CLOCK_SECOND));
	stream_fixture_close(fixture);
}

// Long messages have a number of buffers of their own, which come back.
static void long_questions_are_bounded_and_come_back(void)
{
	struct stream_fixture *fixture = open_with(64, 8);
	uint8_t message[300] = {0};
	struct proxy_stream_question question = {
		.message = message,
		.length = sizeof(message),
		.question_end = STREAM_QUESTION_BYTES,
	};

	(void)stream_make_question(9, message);
	for (int round = 0; round < 3; round++) {
		question.deadline = fixture->now + CLOCK_SECOND;
		for (uint32_t i = 0; i < 64; i++)
			CU_ASSERT_TRUE(
				proxy_streams_ask(fixture->streams, &question, fixture->now));
		CU_ASSERT_FALSE(proxy_streams_ask(fixture->streams, &question, fixture->now));
		CU_ASSERT_TRUE(stream_ask_for(fixture, 1, 0, CLOCK_SECOND));
		stream_pass(fixture, 2 * CLOCK_SECOND);
		CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
		(void)stream_manage(fixture);
	}
	stream_fixture_close(fixture);
}

static void ids_differ_on_a_connection(void)
{
	enum {
		COUNT = 40000
	};
	static uint8_t seen[65536];
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 65535},
		.questions = 65536,
		.connections = 2,
	});
	uint32_t different = 0;

	memset(seen, 0, sizeof(seen));
	stream_ask(fixture, 1, 1);
	(void)stream_open_last(fixture);
	for (uint32_t i = 0; i < 65535; i++) {
		uint32_t at = fixture->sent_count = i % STREAM_LOG_MOST;

		if (i)
			stream_ask(fixture, 1 + i, 1);
		else
			at = fixture->sent_count++;
		different += !seen[stream_sent_id(fixture, at)];
		seen[stream_sent_id(fixture, at)] = 1;
	}
	CU_ASSERT_EQUAL(different, 65535);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	// One more needs another connection.
	stream_ask(fixture, 70000, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_fixture_close(fixture);
}

static void creation_refuses_what_makes_no_sense(void)
{
	struct stream_fixture *fixture = open_with(1, 8);
	const struct proxy_streams_options good = {
		.question_count = 1, .connection_count = 1, .lcore_count = 1};
	struct proxy_streams_options bad[5];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].question_count = 0;
	bad[1].question_count = PROXY_PENDING_MOST + 1;
	bad[2].connection_count = 0;
	bad[3].connection_count = 65534;
	bad[4].lcore_count = 0;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++) {
		errno = 0;
		CU_ASSERT_PTR_NULL(proxy_streams_create(fixture->set, fixture->random, &bad[i]));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
	proxy_streams_destroy(proxy_streams_create(fixture->set, fixture->random, &good));
	proxy_streams_destroy(NULL);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"a question waits for its connection", a_question_waits_for_its_connection},
	{"upstreams have their own transport", upstreams_have_their_own_transport},
	{"the one idle longest is taken", the_one_idle_longest_is_taken},
	{"busy ones are shared up to the limit", busy_ones_are_shared_up_to_the_limit},
	{"busy ones are shared a turn each", busy_ones_are_shared_a_turn_each},
	{"connections open beside each other", connections_open_beside_each_other},
	{"a limit of one is one question a connection",
		a_limit_of_one_is_one_question_a_connection},
	{"without slots there is no connection", without_slots_there_is_no_connection},
	{"each upstream is sure of its part", each_upstream_is_sure_of_its_part},
	{"as many questions as there is room for", as_many_questions_as_there_is_room_for},
	{"long questions are bounded and come back", long_questions_are_bounded_and_come_back},
	{"ids differ on a connection", ids_differ_on_a_connection},
	{"creation refuses what makes no sense", creation_refuses_what_makes_no_sense},
};

UNIT_MAIN("proxy stream take", cases)
