// SPDX-License-Identifier: BSD-3-Clause
// Connections that end while questions are on them, and what becomes of those.
#include "proxy_stream_fixture.h"

#define CLOSED PROXY_FAILURE_CLOSED

static struct stream_fixture *open_with(uint16_t max_inflight, uint16_t connections)
{
	return stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = max_inflight},
		.connections = connections,
	});
}

static uint64_t closed_by(struct stream_fixture *fixture, enum proxy_close_reason reason)
{
	return stream_pool(fixture, 0)->closed[reason];
}

// Asks once and has the answer: what is open now has answered something.
static uint16_t open_answered(struct stream_fixture *fixture)
{
	uint32_t sent = fixture->sent_count;
	uint16_t slot;

	stream_ask(fixture, 900, 1);
	slot = stream_open_last(fixture);
	stream_reply(fixture, sent);
	return slot;
}

static void one_that_has_answered_fails_nothing(void)
{
	struct stream_fixture *fixture = open_with(64, 8);
	uint16_t slot = open_answered(fixture);

	stream_ask(fixture, 1, 3);
	CU_ASSERT_EQUAL(fixture->sent_count, 4);
	stream_reply(fixture, 2);
	stream_lost(fixture, slot, CLOSED);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_EQUAL(fixture->result_count, 2);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 2);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_PEER), 1);
	(void)stream_open_last(fixture);
	// In their order.
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 6);
	CU_ASSERT_EQUAL(stream_sent_asker(fixture, 4), 1);
	CU_ASSERT_EQUAL(stream_sent_asker(fixture, 5), 3);
	stream_reply(fixture, 5);
	stream_reply(fixture, 4);
	CU_ASSERT_EQUAL(stream_answers(fixture), 4);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->asked_again, 2);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->asked, 4);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	stream_fixture_close(fixture);
}

// Where another one is there, no new one is opened for what is asked again.
static void asked_again_goes_to_what_is_open(void)
{
	struct stream_fixture *fixture = open_with(1, 8);
	uint16_t slots[2];

	stream_ask(fixture, 1, 2);
	for (int i = 0; i < 2; i++) {
		slots[i] = fixture->opened[i];
		stream_opened(fixture, slots[i]);
	}
	stream_reply(fixture, 0);
	stream_reply(fixture, 1);
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->sent[2].slot, slots[0]);
	stream_lost(fixture, slots[0], CLOSED);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, 4);
	CU_ASSERT_EQUAL(fixture->sent[3].slot, slots[1]);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_reply(fixture, 3);
	CU_ASSERT_EQUAL(stream_answers(fixture), 3);
	stream_fixture_close(fixture);
}

static void one_that_answered_nothing_fails_all(void)
{
	static const enum proxy_failure reasons[] = {
		CLOSED, PROXY_FAILURE_TLS, PROXY_FAILURE_REFUSED, PROXY_FAILURE_UNREACHABLE};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(reasons); i++) {
		for (int is_open = 0; is_open < 2; is_open++) {
			struct stream_fixture *fixture = open_with(64, 8);
			const struct proxy_stream_counts *counts =
				proxy_streams_counts(fixture->streams, 0);
			bool is_peers = is_open && reasons[i] == CLOSED;

			stream_ask(fixture, 1, 3);
			if (is_open)
				(void)stream_open_last(fixture);
			stream_lost(fixture, fixture->opened[0], reasons[i]);
			CU_ASSERT_EQUAL(fixture->opened_count, 1);
			CU_ASSERT_EQUAL(stream_failures(fixture, reasons[i]), 3);
			CU_ASSERT_EQUAL(counts->failed[reasons[i]], 3);
			CU_ASSERT_EQUAL(counts->open_failed[reasons[i]], !is_open);
			CU_ASSERT_EQUAL(counts->opened, (uint64_t)is_open);
			CU_ASSERT_EQUAL(counts->asked_again, 0);
			CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_PEER), is_peers);
			CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_ERROR), !is_peers);
			CU_ASSERT_EQUAL(stream_pool(fixture, 0)->in_flight, 0);
			// The next question opens another.
			stream_ask(fixture, 4, 1);
			CU_ASSERT_EQUAL(fixture->opened_count, 2);
			stream_fixture_close(fixture);
		}
	}
}

static void an_idle_one_that_ends_is_gone(void)
{
	struct stream_fixture *fixture = open_with(64, 8);
	uint16_t slot = open_answered(fixture);

	stream_lost(fixture, slot, CLOSED);
	stream_lost(fixture, slot, CLOSED);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 0);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_PEER), 1);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_there);
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	CU_ASSERT_EQUAL(fixture->destroyed_count, 1);
	CU_ASSERT_FALSE(fixture->sockets[slot].is_there);
	// What still comes for the number does nothing.
	proxy_streams_lost(fixture->streams, slot, CLOSED, fixture->now);
	proxy_streams_opened(fixture->streams, slot, fixture->now);
	proxy_streams_received(fixture->streams, slot, fixture->sent[0].message,
		fixture->sent[0].length, fixture->now);
	CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
	CU_ASSERT_EQUAL(fixture->misuse_count, 0);
	stream_fixture_close(fixture);
}

// Each connection answers the other question and ends.
static void asking_again_ends_some_time(void)
{
	struct stream_fixture *fixture = open_with(64, 64);
	const struct proxy_stream_counts *counts = proxy_streams_counts(fixture->streams, 0);
	uint32_t rounds = 0;

	stream_ask(fixture, 1, 1);
	while (proxy_streams_in_flight(fixture->streams) && rounds++ < 100) {
		uint16_t slot = fixture->opened[fixture->opened_count - 1];
		uint32_t sent;

		stream_ask(fixture, 1000 + rounds, 1);
		if (!fixture->sockets[slot].is_opened)
			stream_opened(fixture, slot);
		sent = fixture->sent_count;
		CU_ASSERT_EQUAL(stream_sent_asker(fixture, sent - 1), 1000 + rounds);
		stream_reply(fixture, sent - 1);
		stream_lost(fixture, slot, CLOSED);
	}
	CU_ASSERT_EQUAL(rounds, 9);
	CU_ASSERT_EQUAL(counts->asked_again, 8);
	CU_ASSERT_EQUAL(stream_failures(fixture, CLOSED), 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 9);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_PEER), 9);
	stream_fixture_close(fixture);
}

// Pooled ones that the upstream has forgotten are not all tried.
static void the_third_time_is_a_new_one(void)
{
	struct stream_fixture *fixture = open_with(1, 64);
	uint32_t sent;

	stream_ask(fixture, 1, 10);
	for (uint32_t i = 0; i < 10; i++)
		stream_opened(fixture, fixture->opened[i]);
	for (uint32_t i = 0; i < 10; i++)
		stream_reply(fixture, i);
	sent = fixture->sent_count;
	stream_ask(fixture, 50, 1);
	for (uint32_t i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL_FATAL(fixture->sent_count, sent + i + 1);
		CU_ASSERT_EQUAL(fixture->opened_count, 10);
		stream_lost(fixture, fixture->sent[sent + i].slot, CLOSED);
	}
	CU_ASSERT_EQUAL(fixture->opened_count, 11);
	(void)stream_open_last(fixture);
	stream_reply(fixture, sent + 3);
	CU_ASSERT_EQUAL(stream_answers(fixture), 11);
	stream_fixture_close(fixture);
}

// Opens all that are not yet open; answers one question on each that has some, which then ends.
// Returns how many were answered.
static uint32_t answer_one_and_close(struct stream_fixture *fixture)
{
	uint32_t answered = 0;

	for (uint16_t slot = 0; slot < STREAM_SLOTS_MOST; slot++) {
		const struct stream_socket *socket = &fixture->sockets[slot];

		if (socket->is_there && !socket->is_opened && !socket->is_lost)
			stream_opened(fixture, slot);
	}
	for (uint32_t i = 0; i < fixture->sent_count; i++) {
		const struct stream_socket *socket = &fixture->sockets[fixture->sent[i].slot];
		uint32_t results = fixture->result_count;

		if (!socket->is_there || socket->is_lost || socket->is_finished)
			continue;
		stream_reply(fixture, i);
		if (fixture->result_count == results)
			continue;
		answered++;
		stream_lost(fixture, fixture->sent[i].slot, CLOSED);
	}
	fixture->sent_count = 0;
	(void)stream_manage(fixture);
	return answered;
}

// It costs no failure, and soon no question twice.
static void an_upstream_that_closes_after_each_answer_gets_one_each(void)
{
	struct stream_fixture *fixture = open_with(64, 256);
	const struct proxy_stream_counts *counts = proxy_streams_counts(fixture->streams, 0);
	uint32_t turns = 0;

	stream_ask(fixture, 1, 64);
	while (proxy_streams_in_flight(fixture->streams) && turns++ < 100)
		(void)answer_one_and_close(fixture);
	CU_ASSERT_EQUAL(stream_answers(fixture), 64);
	CU_ASSERT_EQUAL(turns, 2);
	CU_ASSERT_EQUAL(counts->asked_again, 63);
	for (uint32_t i = 0; i < 10; i++) {
		stream_ask(fixture, 100, 64);
		CU_ASSERT_EQUAL(answer_one_and_close(fixture), 64);
	}
	CU_ASSERT_EQUAL(counts->asked_again, 63);
	CU_ASSERT_EQUAL(fixture->result_count, 11 * 64);
	CU_ASSERT_EQUAL(fixture->opened_count, 1 + 63 + 640);
	// Once it does not any more, it gets as many at once as before.
	stream_ask(fixture, 1, 1);
	(void)stream_open_last(fixture);
	for (uint32_t i = 0; i < 256; i++) {
		stream_reply(fixture, i);
		stream_ask(fixture, 1, 1);
	}
	fixture->opened_count = 0;
	stream_ask(fixture, 2, 63);
	CU_ASSERT_EQUAL(fixture->opened_count, 0);
	stream_fixture_close(fixture);
}

static void a_limit_is_lowered_for_questions_lost_together(void)
{
	struct stream_fixture *fixture = open_with(64, 64);
	uint16_t slot = open_answered(fixture);

	// One alone may be the end of an idle time.
	stream_ask(fixture, 1, 1);
	stream_lost(fixture, slot, CLOSED);
	stream_ask(fixture, 2, 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	// Six on one that has answered none.
	stream_lost(fixture, fixture->opened[1], PROXY_FAILURE_TLS);
	stream_ask(fixture, 2, 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	(void)stream_open_last(fixture);
	stream_lost(fixture, fixture->opened[2], CLOSED);
	stream_ask(fixture, 2, 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 8);
	stream_fixture_close(fixture);
}

static void what_is_drained_is_asked_again_too(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = CLOCK_SECOND,
			.max_age = 2 * CLOCK_SECOND,
			.max_inflight = 64},
	});
	uint16_t slot = open_answered(fixture);

	fixture->now += CLOCK_SECOND / 2;
	stream_ask(fixture, 1, 1);
	fixture->now += 3 * CLOCK_SECOND / 2 + 1;
	// Its deadline is not looked at yet.
	CU_ASSERT_EQUAL(proxy_sweep_mark(proxy_streams_pools(fixture->streams), fixture->now), 1);
	proxy_streams_expire(fixture->streams, fixture->now);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 1);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	stream_lost(fixture, slot, CLOSED);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_MAX_AGE), 1);
	(void)stream_open_last(fixture);
	stream_reply(fixture, 2);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	stream_fixture_close(fixture);
}

static void without_a_slot_asking_again_fails(void)
{
	struct stream_fixture *fixture = open_with(64, 1);
	uint16_t slot = open_answered(fixture);

	stream_ask(fixture, 1, 2);
	stream_lost(fixture, slot, CLOSED);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_NO_PORT), 2);
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
	CU_ASSERT_FALSE(stream_ask_for(fixture, 3, 0, CLOCK_SECOND));
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	CU_ASSERT_TRUE(stream_ask_for(fixture, 3, 0, CLOCK_SECOND));
	stream_fixture_close(fixture);
}

static void an_open_that_fails_is_told_later(void)
{
	static const struct {
		int error;
		enum proxy_failure failure;
	} errors[] = {
		{-ECONNREFUSED, PROXY_FAILURE_REFUSED},
		{-ENETUNREACH, PROXY_FAILURE_UNREACHABLE},
		{-EHOSTUNREACH, PROXY_FAILURE_UNREACHABLE},
		{-EMFILE, PROXY_FAILURE_NO_PORT},
		{-EADDRNOTAVAIL, PROXY_FAILURE_NO_PORT},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(errors); i++) {
		struct stream_fixture *fixture = open_with(64, 8);

		fixture->open_error = errors[i].error;
		stream_ask(fixture, 1, 1);
		CU_ASSERT_EQUAL(fixture->result_count, 0);
		CU_ASSERT(proxy_streams_next_time(fixture->streams) <=
			  fixture->now + CLOCK_MILLISECOND);
		// It takes no other.
		stream_ask(fixture, 2, 1);
		CU_ASSERT_EQUAL(fixture->opened_count, 2);
		stream_pass(fixture, 1);
		CU_ASSERT_EQUAL(stream_failures(fixture, errors[i].failure), 2);
		CU_ASSERT_EQUAL(fixture->finished_count, 0);
		CU_ASSERT_EQUAL(stream_manage(fixture), 2);
		CU_ASSERT_EQUAL(fixture->destroyed_count, 2);
		CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
		stream_fixture_close(fixture);
	}
}

// Who asks again at once, and fails at once, does not hold the lcore.
static void failures_at_once_are_bounded_in_a_turn(void)
{
	struct stream_fixture *fixture = open_with(64, 8);

	fixture->open_error = -ENETUNREACH;
	fixture->asks_within = 1000000;
	stream_ask(fixture, 1, 1);
	for (uint32_t turn = 1; turn <= 4; turn++) {
		stream_pass(fixture, 1);
		CU_ASSERT_EQUAL(fixture->result_count, turn);
	}
	stream_fixture_close(fixture);
}

static void a_send_that_fails_ends_its_connection(void)
{
	struct stream_fixture *fixture = open_with(64, 8);
	uint16_t slot = open_answered(fixture);

	stream_ask(fixture, 1, 1);
	fixture->send_error = -EPIPE;
	stream_ask(fixture, 2, 1);
	CU_ASSERT_TRUE(fixture->sockets[slot].is_lost);
	fixture->send_error = 0;
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	// What had been sent may still be answered before the turn ends.
	stream_ask(fixture, 3, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_reply(fixture, 1);
	CU_ASSERT_EQUAL(stream_answers(fixture), 2);
	stream_pass(fixture, 1);
	CU_ASSERT_EQUAL(proxy_streams_counts(fixture->streams, 0)->asked_again, 1);
	(void)stream_open_last(fixture);
	CU_ASSERT_EQUAL(fixture->sent_count, 4);
	stream_reply(fixture, 2);
	stream_reply(fixture, 3);
	CU_ASSERT_EQUAL(stream_answers(fixture), 4);
	stream_fixture_close(fixture);
}

// The driver says both: that it can not send, and that the connection is lost.
static void a_connection_ends_once(void)
{
	struct stream_fixture *fixture = open_with(64, 8);

	stream_ask(fixture, 1, 2);
	fixture->send_error = -ECONNRESET;
	(void)stream_open_last(fixture);
	stream_lost(fixture, fixture->opened[0], CLOSED);
	CU_ASSERT_EQUAL(stream_failures(fixture, CLOSED), 2);
	stream_pass(fixture, 1);
	CU_ASSERT_EQUAL(fixture->result_count, 2);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_ERROR), 1);
	CU_ASSERT_EQUAL(stream_manage(fixture), 1);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"one that has answered fails nothing", one_that_has_answered_fails_nothing},
	{"asked again goes to what is open", asked_again_goes_to_what_is_open},
	{"one that answered nothing fails all", one_that_answered_nothing_fails_all},
	{"an idle one that ends is gone", an_idle_one_that_ends_is_gone},
	{"asking again ends some time", asking_again_ends_some_time},
	{"the third time is a new one", the_third_time_is_a_new_one},
	{"an upstream that closes after each answer gets one each",
		an_upstream_that_closes_after_each_answer_gets_one_each},
	{"a limit is lowered for questions lost together",
		a_limit_is_lowered_for_questions_lost_together},
	{"what is drained is asked again too", what_is_drained_is_asked_again_too},
	{"without a slot asking again fails", without_a_slot_asking_again_fails},
	{"an open that fails is told later", an_open_that_fails_is_told_later},
	{"failures at once are bounded in a turn", failures_at_once_are_bounded_in_a_turn},
	{"a send that fails ends its connection", a_send_that_fails_ends_its_connection},
	{"a connection ends once", a_connection_ends_once},
};

UNIT_MAIN("proxy stream ends", cases)
