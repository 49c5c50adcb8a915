// SPDX-License-Identifier: BSD-3-Clause
// Which queries share a TLS record: none, until an upstream has shown on trial that it reads several,
// and none again once it overlooks one.
#include "stream_records_fixture.h"

struct records_fixture fixture;

#include "stream_without_http.h"

#define MINUTE (60 * CLOCK_SECOND)
#define TRIAL_QUERIES 16 // of a record
#define TRIAL_RECORDS 8

void proxy_streams_opened(struct proxy_streams *exchange, uint16_t slot, uint64_t now)
{
	CU_ASSERT_EQUAL(now, fixture.now);
	exchange->told[slot].opened++;
}

void proxy_streams_received(struct proxy_streams *exchange, uint16_t slot, const uint8_t *bytes,
	uint16_t length, uint64_t now)
{
	(void)bytes;
	CU_ASSERT_EQUAL(length, 12);
	CU_ASSERT_EQUAL(now, fixture.now);
	CU_ASSERT_TRUE_FATAL(slot < SLOTS);
	exchange->told[slot].received++;
}

void proxy_streams_lost(
	struct proxy_streams *exchange, uint16_t slot, enum proxy_failure why, uint64_t now)
{
	(void)why;
	CU_ASSERT_EQUAL(now, fixture.now);
	CU_ASSERT_TRUE_FATAL(slot < SLOTS);
	exchange->told[slot].lost++;
}

static struct told *told(void)
{
	return &fixture.exchange.told[0];
}

static const struct server_connection *asked(void)
{
	return &fixture.connections[0];
}

// Sends so many, which all are answered. Returns how many records they were.
static uint32_t records_of(uint16_t count, uint16_t length)
{
	uint32_t records = asked()->records;
	uint32_t received = told()->received;

	send_queries(0, 100, count, length);
	UNTIL(told()->received == received + count);
	return asked()->records - records;
}

// With one connection, and an upstream that has passed its trial.
static void open_passed(enum server_conduct conduct)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_ALL);
	open_slot(0, 0);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	UNTIL(counts(0)->record_trials_passed == 1);
	settle();
	fixture.conduct = conduct;
}

static void a_trial_begins_with_eight_at_a_time(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_ALL);
	open_slot(0, 0);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(records_of(7, 40), 7);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 0);
	CU_ASSERT_EQUAL(fixture.connection_count, 1);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), STREAM_LOOP_FOR_EVER);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	CU_ASSERT_EQUAL(counts(1)->record_trials, 0);
	fixture_close();
}

static void who_answers_all_of_a_record_gets_more_of_them(void)
{
	open_passed(SERVER_ANSWERS_ALL);
	CU_ASSERT_EQUAL(fixture.connection_count, 2);
	CU_ASSERT_EQUAL(trial_connection()->records, TRIAL_RECORDS);
	CU_ASSERT_EQUAL(trial_connection()->messages, TRIAL_RECORDS * TRIAL_QUERIES);
	CU_ASSERT_EQUAL(trial_connection()->most, TRIAL_QUERIES);
	CU_ASSERT_EQUAL(records_of(64, 100), 1);
	CU_ASSERT_EQUAL(records_of(4, 40), 1);
	// Fewer are not worth it.
	CU_ASSERT_EQUAL(records_of(3, 40), 3);
	CU_ASSERT_EQUAL(records_of(1, 40), 1);
	CU_ASSERT_EQUAL(asked()->most, 64);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 1);
	CU_ASSERT_EQUAL(counts(0)->records_overlooked, 0);
	// The trial is no connection of the exchange's, nor one of its handshakes.
	CU_ASSERT_EQUAL(counts(0)->handshakes, 1);
	CU_ASSERT_EQUAL(told()->opened, 1);
	CU_ASSERT_EQUAL(told()->lost, 0);
	fixture_close();
}

static void a_record_has_whole_messages_at_the_most_that_it_holds(void)
{
	open_passed(SERVER_ANSWERS_ALL);
	// Of 102 bytes each: 160 go into 16,384 bytes.
	CU_ASSERT_EQUAL(records_of(160, 100), 1);
	CU_ASSERT_EQUAL(records_of(161, 100), 2);
	CU_ASSERT_EQUAL(records_of(800, 100), 5);
	CU_ASSERT_EQUAL(asked()->most, 160);
	CU_ASSERT_EQUAL(records_of(4, 4094), 1);
	CU_ASSERT_EQUAL(records_of(4, 4095), 2);
	CU_ASSERT_EQUAL(records_of(4, 16382), 4);
	fixture_close();
}

static void a_trial_ends_with_close_notify_and_fin(void)
{
	open_passed(SERVER_ANSWERS_ALL);
	CU_ASSERT_TRUE(trial_connection()->got_goodbye);
	CU_ASSERT_TRUE(trial_connection()->got_end);
	CU_ASSERT_FALSE(asked()->got_end);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), STREAM_LOOP_FOR_EVER);
	fixture_close();
}

static void trial_in_vain(enum server_conduct conduct)
{
	fixture_open(SERVER_OVERLOOKS, conduct);
	open_slot(0, 0);
	// Nobody's query is late for it.
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	UNTIL(trial_connection() != NULL);
	settle();
	fixture.now += CLOCK_SECOND;
	settle();
	CU_ASSERT_TRUE(trial_connection()->got_end);
	CU_ASSERT_EQUAL(trial_connection()->most, TRIAL_QUERIES);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), STREAM_LOOP_FOR_EVER);
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	fixture.now += 9 * MINUTE;
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	CU_ASSERT_EQUAL(fixture.connection_count, 2);
	fixture.now += MINUTE;
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 2);
	// The next pause is twice as long.
	settle();
	fixture.now += CLOCK_SECOND;
	settle();
	fixture.now += 19 * MINUTE;
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 2);
	fixture.now += MINUTE;
	CU_ASSERT_EQUAL(records_of(20, 40), 20);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 3);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 0);
	// And it is nobody's failure.
	CU_ASSERT_EQUAL(counts(0)->tls_failed, 0);
	CU_ASSERT_EQUAL(counts(0)->malformed, 0);
	CU_ASSERT_EQUAL(fixture.failures_told, 0);
	CU_ASSERT_EQUAL(told()->lost, 0);
	fixture_close();
}

static void who_answers_the_first_alone_gets_one_a_record(void)
{
	trial_in_vain(SERVER_OVERLOOKS);
	trial_in_vain(SERVER_ANSWERS_LAST);
	// A near server answers at once for a while.
	trial_in_vain(SERVER_OVERLOOKS_LATER);
}

static void who_answers_nothing_of_use_gets_one_a_record(void)
{
	trial_in_vain(SERVER_IS_SILENT);
	trial_in_vain(SERVER_CLOSES);
	trial_in_vain(SERVER_SENDS_GARBAGE);
	trial_in_vain(SERVER_ANSWERS_ONE_TWICE);
	trial_in_vain(SERVER_ECHOES);
}

// With one connection, and a trial of its upstream that gets no answer.
static void open_on_trial(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_IS_SILENT);
	open_slot(0, 0);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	UNTIL(trial_connection() != NULL);
}

static void a_trial_has_a_second_to_be_answered_in(void)
{
	open_on_trial();
	settle();
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), fixture.now + CLOCK_SECOND);
	fixture.now += CLOCK_SECOND - 1;
	settle();
	CU_ASSERT_FALSE(trial_connection()->got_end);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), fixture.now + 1);
	fixture.now++;
	settle();
	CU_ASSERT_TRUE(trial_connection()->got_end);
	fixture_close();
}

static void a_trial_reads_on_where_there_is_much(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_BEHIND_MUCH);
	open_slot(0, 0);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	UNTIL(counts(0)->record_trials_passed == 1);
	fixture_close();
}

static void a_trial_that_nobody_takes_ends(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_ALL);
	open_slot(0, 0);
	// The listener goes: it is refused.
	close(fixture.listeners[0]);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	settle();
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 0);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), STREAM_LOOP_FOR_EVER);
	CU_ASSERT_EQUAL(fixture.failures_told, 0);
	fixture.listeners[0] = fixture_listen();
	fixture_close();
}

static void there_is_one_trial_at_a_time(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_IS_SILENT);
	open_slot(0, 0);
	open_slot(1, 1);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	UNTIL(trial_connection() != NULL);
	send_queries(1, 1, 8, 40);
	UNTIL(fixture.exchange.told[1].received == 8);
	CU_ASSERT_EQUAL(counts(1)->record_trials, 0);
	fixture.now += CLOCK_SECOND;
	settle();
	fixture.conduct_in_trials = SERVER_ANSWERS_ALL;
	send_queries(1, 1, 8, 40);
	UNTIL(counts(1)->record_trials_passed == 1);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 0);
	fixture_close();
}

// After it passed, five in a record; what is answered of them, the fixture's conduct says.
static void send_five(void)
{
	uint32_t records = asked()->records;

	send_queries(0, 500, 5, 40);
	UNTIL(asked()->records == records + 1);
	settle();
}

static void give_up(uint16_t id)
{
	fixture.driver.cancel(fixture.driver.context, 0, id);
}

static void who_overlooks_a_query_gets_one_a_record_again(void)
{
	uint32_t received;

	open_passed(SERVER_OVERLOOKS);
	received = told()->received;
	send_five();
	CU_ASSERT_EQUAL(told()->received, received + 1);
	fixture.now += 2 * CLOCK_SECOND;
	settle();
	give_up(501);
	give_up(502);
	CU_ASSERT_EQUAL(counts(0)->records_overlooked, 1);
	// The others are read with what comes.
	send_queries(0, 1, 8, 40);
	UNTIL(told()->received == received + 5 + 8);
	CU_ASSERT_EQUAL(records_of(10, 40), 10);
	fixture.now += 59 * MINUTE;
	CU_ASSERT_EQUAL(records_of(10, 40), 10);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	fixture.now += MINUTE;
	CU_ASSERT_EQUAL(records_of(10, 40), 10);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 2);
	fixture_close();
}

// A query is given up so long after the last record.
static void expect_no_doubt(enum server_conduct conduct, uint16_t id, uint64_t after)
{
	uint32_t records;

	open_passed(conduct);
	send_five();
	fixture.now += after;
	settle();
	give_up(id);
	CU_ASSERT_EQUAL(counts(0)->records_overlooked, 0);
	records = asked()->records;
	send_five();
	CU_ASSERT_EQUAL(asked()->records, records + 1);
	fixture_close();
}

static void what_was_not_overlooked_changes_nothing(void)
{
	// The last of the record was read, nobody answers anything, or it is an older query.
	expect_no_doubt(SERVER_ANSWERS_LAST, 501, 2 * CLOCK_SECOND);
	expect_no_doubt(SERVER_IS_SILENT, 501, 2 * CLOCK_SECOND);
	expect_no_doubt(SERVER_OVERLOOKS, 501, CLOCK_SECOND / 2 - 1);
	// It was alone in its record.
	open_passed(SERVER_IS_SILENT);
	send_queries(0, 500, 1, 40);
	settle();
	server_say(&fixture.connections[0], 7, 0x80);
	settle();
	fixture.now += 2 * CLOCK_SECOND;
	settle();
	give_up(500);
	CU_ASSERT_EQUAL(counts(0)->records_overlooked, 0);
	fixture_close();
}

// The trial after so many turns, from its beginning to its end and beyond.
static void nothing_is_left_of_a_trial_that_is_broken_off(void)
{
	for (int turns = 0; turns < 40; turns++) {
		int before = stream_fixture_descriptors();

		fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_ALL);
		open_slot(0, 0);
		send_queries(0, 1, 8, 40);
		stream_upstreams_flush(fixture.upstreams, fixture.now);
		CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
		for (int i = 0; i < turns; i++)
			(void)turn();
		CU_ASSERT_TRUE(turns || !counts(0)->record_trials_passed);
		CU_ASSERT_TRUE(turns < 39 || counts(0)->record_trials_passed);
		fixture_close();
		CU_ASSERT_EQUAL(stream_fixture_descriptors(), before);
	}
}

static void reload(const char *name, const struct proxy_drain *drain)
{
	struct proxy_set *old = fixture.set;
	struct tls_peer **peers;
	struct tls_error error;

	fixture_make_set(name, drain);
	peers = stream_upstreams_make_peers(fixture.set, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(peers);
	stream_upstreams_adopt(fixture.upstreams, fixture.set, peers);
	proxy_set_destroy(old);
}

static void what_a_trial_showed_outlives_a_reload(void)
{
	open_passed(SERVER_ANSWERS_ALL);
	reload(TLS_LAB_NAME, NULL);
	CU_ASSERT_EQUAL(records_of(20, 40), 1);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 1);
	fixture_close();
}

static void a_trial_goes_on_over_a_reload(void)
{
	fixture_open(SERVER_ANSWERS_ALL, SERVER_ANSWERS_ALL);
	open_slot(0, 0);
	CU_ASSERT_EQUAL(records_of(8, 40), 8);
	CU_ASSERT_EQUAL(counts(0)->record_trials_passed, 0);
	reload(TLS_LAB_NAME, NULL);
	UNTIL(counts(0)->record_trials_passed == 1);
	CU_ASSERT_EQUAL(records_of(20, 40), 1);
	fixture_close();
}

static bool is_drained(void *context, uint16_t number)
{
	(void)context;
	(void)number;
	return true;
}

// Number 0 leaves, and is another upstream's then.
static void replace_upstream(void)
{
	const struct proxy_drain drain = {NULL, is_drained, is_drained};
	uint64_t since = fixture.set->upstreams_since[0];

	fixture.driver.destroy(fixture.driver.context, 0);
	reload(TLS_LAB_NAME ".", NULL);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].presence, PROXY_LEAVES);
	reload("DNS.example.test", &drain);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].presence, PROXY_STAYS);
	CU_ASSERT_TRUE(fixture.set->upstreams_since[0] > since);
}

static void expect_one_a_record_and_a_trial(void)
{
	open_slot(1, 0);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 0);
	send_queries(1, 1, 20, 40);
	UNTIL(fixture.exchange.told[1].received == 20);
	CU_ASSERT_EQUAL(counts(0)->record_trials, 1);
	for (uint32_t i = 0; i < fixture.connection_count; i++) {
		if (!fixture.connections[i].is_trial)
			CU_ASSERT_TRUE(fixture.connections[i].most <= 1);
	}
}

static void nothing_is_known_of_another_upstream(void)
{
	open_passed(SERVER_ANSWERS_ALL);
	replace_upstream();
	expect_one_a_record_and_a_trial();
	fixture_close();
}

static void a_trial_ends_with_its_upstream(void)
{
	open_on_trial();
	replace_upstream();
	settle();
	CU_ASSERT_TRUE(trial_connection()->got_end);
	CU_ASSERT_EQUAL(stream_upstreams_next_time(fixture.upstreams), STREAM_LOOP_FOR_EVER);
	expect_one_a_record_and_a_trial();
	fixture_close();
}

static const struct unit_case cases[] = {
	{"a trial begins with eight at a time", a_trial_begins_with_eight_at_a_time},
	{"who answers all of a record gets more of them",
		who_answers_all_of_a_record_gets_more_of_them},
	{"a record has whole messages, at the most that it holds",
		a_record_has_whole_messages_at_the_most_that_it_holds},
	{"a trial ends with close_notify and FIN", a_trial_ends_with_close_notify_and_fin},
	{"who answers the first alone gets one a record",
		who_answers_the_first_alone_gets_one_a_record},
	{"who answers nothing of use gets one a record",
		who_answers_nothing_of_use_gets_one_a_record},
	{"a trial has a second to be answered in", a_trial_has_a_second_to_be_answered_in},
	{"a trial reads on where there is much", a_trial_reads_on_where_there_is_much},
	{"a trial that nobody takes ends", a_trial_that_nobody_takes_ends},
	{"there is one trial at a time", there_is_one_trial_at_a_time},
	{"who overlooks a query gets one a record again",
		who_overlooks_a_query_gets_one_a_record_again},
	{"what was not overlooked changes nothing", what_was_not_overlooked_changes_nothing},
	{"nothing is left of a trial that is broken off",
		nothing_is_left_of_a_trial_that_is_broken_off},
	{"what a trial showed outlives a reload", what_a_trial_showed_outlives_a_reload},
	{"a trial goes on over a reload", a_trial_goes_on_over_a_reload},
	{"nothing is known of another upstream", nothing_is_known_of_another_upstream},
	{"a trial ends with its upstream", a_trial_ends_with_its_upstream},
};

UNIT_MAIN("stream_records", cases)
