// SPDX-License-Identifier: BSD-3-Clause
// How long connections live, how many are kept, and how all of it ends.
#include "proxy_stream_fixture.h"

static struct stream_fixture *open_with(struct proxy_settings settings)
{
	if (!settings.max_inflight)
		settings.max_inflight = 64;
	return stream_fixture_open(&(struct stream_fixture_options){
		.settings = settings,
		.connections = 300,
		.questions = 4096,
	});
}

static uint64_t closed_by(struct stream_fixture *fixture, enum proxy_close_reason reason)
{
	return stream_pool(fixture, 0)->closed[reason];
}

// Opens `count` connections at once, and answers what is on them.
static void open_idle(struct stream_fixture *fixture, uint32_t count)
{
	uint32_t limit = fixture->set->groups[0].settings.max_inflight;
	uint32_t opened = fixture->opened_count;
	uint32_t sent = fixture->sent_count;

	stream_ask(fixture, 1, count * limit);
	CU_ASSERT_EQUAL_FATAL(fixture->opened_count, opened + count);
	for (uint32_t i = 0; i < count; i++)
		stream_opened(fixture, fixture->opened[opened + i]);
	for (uint32_t i = sent; i < fixture->sent_count; i++)
		stream_reply(fixture, i);
}

static void idle_ones_expire_without_traffic(void)
{
	struct stream_fixture *fixture =
		open_with((struct proxy_settings){.expire = 10 * CLOCK_SECOND, .max_inflight = 1});
	uint32_t closed = 0;

	open_idle(fixture, 200);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 200);
	fixture->now += 9 * CLOCK_SECOND;
	(void)stream_manage(fixture);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	// They go one after the other in the last tenth, and none stays longer.
	for (int i = 1; i <= 10; i++) {
		uint32_t before = closed;

		fixture->now += CLOCK_SECOND / 10;
		closed += stream_manage(fixture);
		CU_ASSERT(closed - before > 5 && closed - before < 40);
	}
	fixture->now++;
	closed += stream_manage(fixture);
	CU_ASSERT_EQUAL(closed, 200);
	CU_ASSERT_EQUAL(fixture->finished_count, 200);
	CU_ASSERT_EQUAL(fixture->destroyed_count, 200);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_EXPIRE), 200);
	CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
	stream_fixture_close(fixture);
}

// The owner finds out by itself, too, before the manager looks.
static void an_expired_one_is_not_taken(void)
{
	struct stream_fixture *fixture =
		open_with((struct proxy_settings){.expire = 10 * CLOCK_SECOND});

	open_idle(fixture, 1);
	fixture->now += 9 * CLOCK_SECOND;
	stream_ask(fixture, 1, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 1);
	stream_reply(fixture, fixture->sent_count - 1);
	fixture->now += 10 * CLOCK_SECOND + 1;
	stream_ask(fixture, 2, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	CU_ASSERT_EQUAL(fixture->finished_count, 1);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_EXPIRE), 1);
	stream_fixture_close(fixture);
}

static void without_reuse_each_is_used_once(void)
{
	struct stream_fixture *fixture = open_with((struct proxy_settings){.expire = 0});

	for (uint32_t i = 0; i < 5; i++) {
		// Busy, it is shared all the same.
		stream_ask(fixture, i, 2);
		CU_ASSERT_EQUAL(fixture->opened_count, i + 1);
		(void)stream_open_last(fixture);
		stream_reply(fixture, 2 * i);
		CU_ASSERT_EQUAL(fixture->finished_count, i);
		stream_reply(fixture, 2 * i + 1);
		CU_ASSERT_EQUAL(fixture->finished_count, i + 1);
	}
	stream_fixture_close(fixture);
}

// No new question past max_age, however busy it is; those that it has finish.
static void old_ones_drain(void)
{
	struct stream_fixture *fixture = open_with(
		(struct proxy_settings){.expire = CLOCK_SECOND, .max_age = 10 * CLOCK_SECOND});
	uint64_t start = fixture->now;
	uint32_t turned_over = 0;

	stream_ask(fixture, 1, 1);
	(void)stream_open_last(fixture);
	// There is always one on its way.
	while (fixture->now < start + 60 * CLOCK_SECOND) {
		uint32_t opened = fixture->opened_count;

		fixture->now += CLOCK_SECOND / 10;
		if (fixture->sent_count > STREAM_LOG_MOST - 10) {
			fixture->sent[0] = fixture->sent[fixture->sent_count - 1];
			fixture->sent_count = 1;
		}
		stream_ask(fixture, 1, 1);
		if (fixture->opened_count != opened) {
			turned_over++;
			// The old one has its question still, and is finished behind it.
			CU_ASSERT_EQUAL(fixture->finished_count, turned_over - 1);
			stream_reply(fixture, fixture->sent_count - 1);
			CU_ASSERT_EQUAL(fixture->finished_count, turned_over);
			(void)stream_open_last(fixture);
		} else {
			stream_reply(fixture, fixture->sent_count - 2);
		}
		(void)stream_manage(fixture);
	}
	CU_ASSERT(turned_over >= 5 && turned_over <= 6);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_MAX_AGE), turned_over);
	CU_ASSERT_EQUAL(stream_answers(fixture), fixture->result_count);
	stream_fixture_close(fixture);
}

// A pool that was opened together does not close together, and never late.
static void max_age_has_jitter(void)
{
	struct stream_fixture *fixture = open_with((struct proxy_settings){
		.expire = 1000 * CLOCK_SECOND, .max_age = 100 * CLOCK_SECOND, .max_inflight = 1});
	uint32_t closed = 0;

	open_idle(fixture, 200);
	fixture->now += 90 * CLOCK_SECOND;
	(void)stream_manage(fixture);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	for (int i = 1; i <= 10; i++) {
		uint32_t before = closed;

		fixture->now += CLOCK_SECOND;
		closed += stream_manage(fixture);
		CU_ASSERT(closed - before >= 5 && closed - before < 60);
	}
	fixture->now++;
	closed += stream_manage(fixture);
	CU_ASSERT_EQUAL(closed, 200);
	stream_fixture_close(fixture);
}

static void max_idle_conns_bounds_what_is_kept(void)
{
	struct stream_fixture *fixture = stream_fixture_open(&(struct stream_fixture_options){
		.settings = {.expire = 10 * CLOCK_SECOND, .max_inflight = 1, .max_idle_conns = 7},
		.lcore_count = 2,
		.lcore_index = 1,
	});

	open_idle(fixture, 10);
	// This lcore's part of seven.
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 3);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_MAX_IDLE), 7);
	CU_ASSERT_EQUAL(fixture->finished_count, 7);
	stream_fixture_close(fixture);
}

// Opens what is being opened.
static void open_all(struct stream_fixture *fixture)
{
	for (uint16_t slot = 0; slot < STREAM_SLOTS_MOST; slot++) {
		const struct stream_socket *socket = &fixture->sockets[slot];

		if (socket->is_there && !socket->is_opened && !socket->is_lost &&
			!socket->is_finished)
			stream_opened(fixture, slot);
	}
}

static void min_idle_conns_are_kept_open(void)
{
	struct stream_fixture *fixture = open_with((struct proxy_settings){
		.expire = 10 * CLOCK_SECOND, .max_inflight = 1, .min_idle_conns = 3});
	uint32_t sent = 0;

	CU_ASSERT_EQUAL(proxy_streams_next_time(fixture->streams), 0);
	stream_pass(fixture, 0);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	stream_pass(fixture, CLOCK_SECOND / 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	open_all(fixture);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 3);
	CU_ASSERT_EQUAL(fixture->sent_count, 0);
	// Two are taken, and two more opened for who comes next.
	stream_ask(fixture, 1, 2);
	CU_ASSERT_EQUAL(fixture->sent_count, 2);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	stream_pass(fixture, CLOCK_SECOND / 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 5);
	// A question may wait for one of those.
	open_all(fixture);
	stream_ask(fixture, 3, 3);
	stream_pass(fixture, CLOCK_SECOND / 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 8);
	stream_ask(fixture, 6, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 8);
	open_all(fixture);
	CU_ASSERT_EQUAL(fixture->sent_count, 6);
	for (; sent < fixture->sent_count; sent++)
		stream_reply(fixture, sent);
	CU_ASSERT_EQUAL(stream_answers(fixture), 6);
	// Those that expire are replaced, as long as it takes.
	for (int i = 0; i < 300; i++) {
		fixture->now += CLOCK_SECOND / 5;
		(void)stream_manage(fixture);
		open_all(fixture);
	}
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 3);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 3);
	CU_ASSERT(fixture->opened_count > 20 && fixture->opened_count < 40);
	stream_fixture_close(fixture);
}

static void min_idle_conns_are_none_of_who_is_in_drain(void)
{
	struct stream_fixture *fixture = open_with(
		(struct proxy_settings){.expire = 10 * CLOCK_SECOND, .min_idle_conns = 3});

	stream_pass(fixture, 0);
	open_all(fixture);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->idle_count, 3);
	fixture->set->upstreams[0].share = PROXY_SHARE_DRAIN;
	proxy_sweep_look_anew(proxy_streams_pools(fixture->streams));
	for (int i = 0; i < 10; i++) {
		fixture->now += CLOCK_SECOND / 5;
		(void)stream_manage(fixture);
	}
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->open_count, 0);
	CU_ASSERT_EQUAL(stream_pool(fixture, 0)->closed[PROXY_CLOSE_DRAIN], 3);
	fixture->set->upstreams[0].share = 1;
	stream_pass(fixture, CLOCK_SECOND / 5);
	CU_ASSERT_EQUAL(fixture->opened_count, 6);
	stream_fixture_close(fixture);
}

// Nobody hammers an upstream that is not there, or that takes connections for nothing.
static void min_idle_conns_pauses_after_a_failure(void)
{
	static const enum proxy_failure failures[] = {PROXY_FAILURE_REFUSED, PROXY_FAILURE_CLOSED};

	for (size_t kind = 0; kind < 3; kind++) {
		struct stream_fixture *fixture = open_with(
			(struct proxy_settings){.expire = 10 * CLOCK_SECOND, .min_idle_conns = 2});

		if (kind == 2)
			fixture->open_error = -EMFILE;
		for (int i = 0; i < 100; i++) {
			stream_pass(fixture, CLOCK_SECOND / 10);
			if (kind == 1)
				open_all(fixture);
			for (uint16_t slot = 0; kind < 2 && slot < STREAM_SLOTS_MOST; slot++) {
				if (fixture->sockets[slot].is_there &&
					!fixture->sockets[slot].is_lost)
					stream_lost(fixture, slot, failures[kind]);
			}
			(void)stream_manage(fixture);
		}
		CU_ASSERT(fixture->opened_count >= 16 && fixture->opened_count <= 22);
		CU_ASSERT_EQUAL(fixture->result_count, 0);
		stream_fixture_close(fixture);
	}
}

static void min_idle_conns_is_split_among_lcores(void)
{
	uint32_t sum = 0;

	for (uint16_t lcore = 0; lcore < 3; lcore++) {
		struct stream_fixture *fixture =
			stream_fixture_open(&(struct stream_fixture_options){
				.settings = {.expire = 10 * CLOCK_SECOND, .min_idle_conns = 2},
				.lcore_count = 3,
				.lcore_index = lcore,
			});

		stream_pass(fixture, 0);
		sum += fixture->opened_count;
		stream_fixture_close(fixture);
	}
	CU_ASSERT_EQUAL(sum, 2);
}

// One that nobody waits for has its time to open, too; a question that comes may shorten it.
static void a_kept_one_has_its_time_to_open(void)
{
	struct stream_fixture *fixture = open_with(
		(struct proxy_settings){.expire = 10 * CLOCK_SECOND, .min_idle_conns = 1});

	stream_pass(fixture, 0);
	fixture->now += 5 * CLOCK_SECOND - CLOCK_MILLISECOND;
	stream_pass(fixture, 0);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	stream_pass(fixture, 4 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(fixture->finished_count, 1);
	stream_pass(fixture, 2 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_ask(fixture, 1, 1);
	CU_ASSERT_EQUAL(fixture->opened_count, 2);
	stream_pass(fixture, CLOCK_SECOND + 4 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(stream_failures(fixture, PROXY_FAILURE_CONNECT_TIMEOUT), 1);
	stream_fixture_close(fixture);
}

static void stopping_ends_all_as_it_becomes_idle(void)
{
	struct stream_fixture *fixture = open_with((struct proxy_settings){
		.expire = 10 * CLOCK_SECOND, .max_inflight = 2, .min_idle_conns = 1});
	uint32_t sent;

	open_idle(fixture, 2);
	sent = fixture->sent_count;
	stream_ask(fixture, 10, 1);
	stream_ask(fixture, 11, 4);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	proxy_streams_stop(fixture->streams);
	proxy_streams_stop(fixture->streams);
	CU_ASSERT_FALSE(stream_ask_for(fixture, 20, 0, CLOCK_SECOND));
	(void)stream_manage(fixture);
	CU_ASSERT_EQUAL(fixture->finished_count, 0);
	// What waits for a connection is still sent, and answered.
	stream_opened(fixture, fixture->opened[2]);
	CU_ASSERT_EQUAL_FATAL(fixture->sent_count, sent + 5);
	for (uint32_t i = sent; i < sent + 5; i++)
		stream_reply(fixture, i);
	CU_ASSERT_EQUAL(stream_answers(fixture), 9);
	CU_ASSERT_EQUAL(fixture->finished_count, 3);
	CU_ASSERT_EQUAL(closed_by(fixture, PROXY_CLOSE_STOP), 3);
	CU_ASSERT_FALSE(proxy_streams_are_drained(fixture->streams));
	CU_ASSERT_EQUAL(stream_manage(fixture), 3);
	CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
	// Nothing is kept open any more.
	stream_pass(fixture, 3 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture->opened_count, 3);
	CU_ASSERT_EQUAL(proxy_streams_next_time(fixture->streams), UINT64_MAX);
	stream_fixture_close(fixture);
}

// With questions and connections in every state, destroying leaves nothing.
static void destroying_ends_all_at_once(void)
{
	struct stream_fixture *fixture =
		open_with((struct proxy_settings){.expire = 10 * CLOCK_SECOND, .max_inflight = 2});

	open_idle(fixture, 3);
	stream_lost(fixture, fixture->opened[0], PROXY_FAILURE_CLOSED);
	stream_ask(fixture, 10, 5);
	fixture->open_error = -EMFILE;
	stream_ask(fixture, 20, 1);
	fixture->open_error = 0;
	stream_ask(fixture, 21, 1);
	stream_fixture_close(fixture);
}

// A million connections, ended in every way there is, leave nothing behind.
static void a_million_connections_leave_nothing(void)
{
	struct stream_fixture *fixture = open_with((struct proxy_settings){
		.expire = CLOCK_SECOND, .max_age = 3 * CLOCK_SECOND, .max_inflight = 4});
	struct stream_tally tally = {0};
	uint64_t closed = 0;

	while (tally.opened < 1000000) {
		stream_random_turn(fixture, &tally);
		fixture->now += random_stream_below(fixture->random, CLOCK_SECOND / 2);
		(void)stream_manage(fixture);
	}
	proxy_streams_stop(fixture->streams);
	for (int i = 0; i < 10; i++) {
		fixture->now += CLOCK_SECOND;
		(void)stream_manage(fixture);
	}
	stream_tally_check(fixture, &tally);
	for (int reason = 0; reason < PROXY_CLOSE_REASONS; reason++) {
		closed += closed_by(fixture, reason);
		CU_ASSERT((closed_by(fixture, reason) > 0) ==
			  (reason != PROXY_CLOSE_MAX_IDLE && reason != PROXY_CLOSE_RELOAD &&
				  reason != PROXY_CLOSE_CHECK && reason != PROXY_CLOSE_DRAIN));
	}
	CU_ASSERT_EQUAL(closed, fixture->destroyed_count);
	CU_ASSERT(fixture->destroyed_count >= 1000000);
	stream_fixture_close(fixture);
}

static const struct unit_case cases[] = {
	{"idle ones expire without traffic", idle_ones_expire_without_traffic},
	{"an expired one is not taken", an_expired_one_is_not_taken},
	{"without reuse each is used once", without_reuse_each_is_used_once},
	{"old ones drain", old_ones_drain},
	{"max_age has jitter", max_age_has_jitter},
	{"max_idle_conns bounds what is kept", max_idle_conns_bounds_what_is_kept},
	{"min_idle_conns are kept open", min_idle_conns_are_kept_open},
	{"min_idle_conns are none of who is in drain", min_idle_conns_are_none_of_who_is_in_drain},
	{"min_idle_conns pauses after a failure", min_idle_conns_pauses_after_a_failure},
	{"min_idle_conns is split among lcores", min_idle_conns_is_split_among_lcores},
	{"a kept one has its time to open", a_kept_one_has_its_time_to_open},
	{"stopping ends all as it becomes idle", stopping_ends_all_as_it_becomes_idle},
	{"destroying ends all at once", destroying_ends_all_at_once},
	{"a million connections leave nothing", a_million_connections_leave_nothing},
};

UNIT_MAIN("proxy stream life", cases)
