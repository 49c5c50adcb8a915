// SPDX-License-Identifier: BSD-3-Clause
// What clients of a stream lcore may not do, and what it costs.
#include "stream_fixture.h"

#include <sys/resource.h>

static struct stream_fixture fixture;

static void open_limited(enum stream_fixture_mode mode, uint32_t connections, uint32_t in_flight)
{
	struct stream_clients_options options = stream_clients_defaults();

	options.connections_most = connections;
	options.in_flight_most = in_flight;
	stream_fixture_open(&fixture, &options, mode);
}

static void a_message_shorter_than_a_header_ends_the_connection(void)
{
	static const uint8_t bad[] = {0, 11, 0, 1};
	int fd;

	open_limited(STREAM_FIXTURE_HOLD, 10, 10);
	fd = stream_fixture_client(&fixture);
	stream_fixture_ask(fd, 1, 12);
	stream_fixture_send(fd, bad, sizeof(bad));
	(void)stream_fixture_is_closed(&fixture, fd);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_MALFORMED], 1);
	CU_ASSERT_EQUAL(fixture.query_count, 1);
	stream_fixture_reply(&fixture, 0, 12);
	CU_ASSERT_EQUAL(fixture.counters->late, 1);
	close(fd);
	stream_fixture_close(&fixture);
}

static void an_end_within_a_message_is_told_apart(void)
{
	int fd;

	open_limited(STREAM_FIXTURE_ECHO, 10, 10);
	fd = stream_fixture_client(&fixture);
	stream_fixture_send(fd, "\0", 1);
	close(fd);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->closed[STREAM_CLOSE_PARTIAL] == 1);
	stream_fixture_close(&fixture);
}

static void a_connection_is_idle_until_its_timeout(void)
{
	int quiet;
	int busy;

	open_limited(STREAM_FIXTURE_HOLD, 10, 10);
	CU_ASSERT_EQUAL(stream_clients_next_time(fixture.clients), STREAM_LOOP_FOR_EVER);
	quiet = stream_fixture_client(&fixture);
	busy = stream_fixture_client(&fixture);
	stream_fixture_ask(busy, 1, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	CU_ASSERT_EQUAL(
		stream_clients_next_time(fixture.clients), fixture.now + 10 * CLOCK_SECOND + 1);
	fixture.now += 10 * CLOCK_SECOND;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 2);
	fixture.now++;
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, quiet));
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_IDLE], 1);
	// A query in flight keeps its connection, and time counts from its answer.
	fixture.now += 20 * CLOCK_SECOND;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	stream_fixture_reply(&fixture, 0, 30);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, busy), 1);
	fixture.now += 10 * CLOCK_SECOND;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	fixture.now++;
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, busy));
	close(quiet);
	close(busy);
	stream_fixture_close(&fixture);
}

static void one_byte_a_second_does_not_keep_it_open(void)
{
	static const uint8_t start[] = {0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9};
	int fd;

	open_limited(STREAM_FIXTURE_ECHO, 10, 10);
	fd = stream_fixture_client(&fixture);
	for (size_t i = 0; i < sizeof(start); i++) {
		stream_fixture_send(fd, start + i, 1);
		stream_fixture_settle(&fixture);
		CU_ASSERT_EQUAL(fixture.counters->open, 1);
		fixture.now += CLOCK_SECOND;
	}
	(void)stream_fixture_is_closed(&fixture, fd);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_IDLE], 1);
	close(fd);
	stream_fixture_close(&fixture);
}

static void many_time_out_a_few_at_a_time(void)
{
	enum {
		COUNT = 150
	};
	int fds[COUNT];

	open_limited(STREAM_FIXTURE_ECHO, 1000, 10);
	for (int i = 0; i < COUNT; i++)
		fds[i] = stream_fixture_client(&fixture);
	stream_fixture_settle(&fixture);
	fixture.now += 11 * CLOCK_SECOND;
	stream_clients_flush(fixture.clients, fixture.now);
	CU_ASSERT_EQUAL(fixture.counters->open, COUNT - 64);
	CU_ASSERT_EQUAL(stream_clients_next_time(fixture.clients), 0);
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	for (int i = 0; i < COUNT; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void when_full_the_one_idle_longest_makes_room(void)
{
	int fds[5];

	open_limited(STREAM_FIXTURE_HOLD, 4, 10);
	for (int i = 0; i < 4; i++) {
		fixture.now++;
		fds[i] = stream_fixture_client(&fixture);
	}
	// The first is busy, and the second was answered last.
	stream_fixture_ask(fds[0], 0, 30);
	stream_fixture_ask(fds[1], 1, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 2);
	stream_fixture_reply(&fixture, fixture.held_ids[0] == 1 ? 0 : 1, 30);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fds[1]), 1);
	fds[4] = stream_fixture_client(&fixture);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, fds[2]));
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PRESSURE], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 4);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(i == 2 || stream_fixture_is_open(fds[i]));
		close(fds[i]);
	}
	stream_fixture_close(&fixture);
}

static void when_full_of_busy_ones_a_new_one_is_refused(void)
{
	int fds[3];

	open_limited(STREAM_FIXTURE_HOLD, 2, 10);
	for (int i = 0; i < 2; i++) {
		fds[i] = stream_fixture_client(&fixture);
		stream_fixture_ask(fds[i], 0, 30);
		STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == (uint64_t)i + 1);
	}
	fds[2] = stream_fixture_connect(&fixture);
	(void)stream_fixture_is_closed(&fixture, fds[2]);
	CU_ASSERT_EQUAL(fixture.counters->refused_full, 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 2);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void under_pressure_the_timeout_is_shorter(void)
{
	int fds[4];

	open_limited(STREAM_FIXTURE_ECHO, 4, 10);
	for (int i = 0; i < 3; i++)
		fds[i] = stream_fixture_client(&fixture);
	CU_ASSERT_EQUAL(stream_clients_idle_timeout(fixture.clients), 10 * CLOCK_SECOND);
	fds[3] = stream_fixture_client(&fixture);
	CU_ASSERT_EQUAL(stream_clients_idle_timeout(fixture.clients), 2500 * CLOCK_MILLISECOND);
	fixture.now += 2500 * CLOCK_MILLISECOND + 1;
	// The first that goes takes the pressure away.
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_IDLE], 4);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void one_prefix_has_a_limit(void)
{
	struct stream_clients_options options = stream_clients_defaults();
	int fds[4];

	options.prefix_connections_most = 3;
	stream_fixture_open(&fixture, &options, STREAM_FIXTURE_ECHO);
	for (int i = 0; i < 3; i++)
		fds[i] = stream_fixture_client(&fixture);
	fds[3] = stream_fixture_connect(&fixture);
	(void)stream_fixture_is_closed(&fixture, fds[3]);
	CU_ASSERT_EQUAL(fixture.counters->refused_prefix, 1);
	close(fds[3]);
	close(fds[0]);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->open == 2);
	fds[0] = stream_fixture_client(&fixture);
	CU_ASSERT_TRUE(stream_fixture_is_open(fds[0]));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void above_its_queries_in_flight_it_is_not_read(void)
{
	enum {
		COUNT = 5000,
		MOST = 16
	};
	int fd;

	open_limited(STREAM_FIXTURE_HOLD, 10, MOST);
	fd = stream_fixture_client(&fixture);
	for (uint16_t id = 0; id < COUNT; id++)
		stream_fixture_ask(fd, id, 12);
	CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.query_count, MOST);
	for (uint64_t id = 0; id < COUNT; id++) {
		STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count > id);
		CU_ASSERT_TRUE(fixture.counters->in_flight <= MOST);
		stream_fixture_reply(&fixture, id, 12);
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), (int)id);
	}
	CU_ASSERT_TRUE(fixture.counters->paused >= COUNT / MOST);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, fd));
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PEER], 1);
	close(fd);
	stream_fixture_close(&fixture);
}

// Asks until the connection's answers wait in our memory, since the client reads none.
static int stall(struct stream_fixture *stalled)
{
	int fd = stream_fixture_connect_with(stalled, 4096);
	uint64_t answered = 0;

	stream_fixture_ask(fd, 1, 12);
	STREAM_FIXTURE_UNTIL(stalled, stalled->query_count > 0);
	for (int i = 0; i < 1000 && stalled->query_count > answered; i++) {
		stream_fixture_reply(stalled, answered++, 60000);
		stream_fixture_ask(fd, 1, 12);
		stream_fixture_settle(stalled);
	}
	CU_ASSERT_EQUAL(stalled->query_count, answered);
	return fd;
}

static void a_reader_that_stalls_is_not_read_and_then_closed(void)
{
	int fd;

	open_limited(STREAM_FIXTURE_HOLD, 10, 10);
	fd = stall(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	fixture.now += 10 * CLOCK_SECOND;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	fixture.now++;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_STALLED], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_reader_that_was_slow_goes_on(void)
{
	int fd;
	uint64_t count;

	open_limited(STREAM_FIXTURE_HOLD, 10, 10);
	fd = stall(&fixture);
	count = fixture.query_count;
	for (uint64_t i = 0; i < count; i++)
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 1);
	// What it asked meanwhile is read now.
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count > count);
	stream_fixture_reply(&fixture, count, 100);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 1);
	fixture.now += 10 * CLOCK_SECOND;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_stalled_one_makes_room_when_none_is_idle(void)
{
	int stalled;
	int fd;

	open_limited(STREAM_FIXTURE_HOLD, 1, 10);
	stalled = stall(&fixture);
	fd = stream_fixture_client(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PRESSURE], 1);
	close(stalled);
	close(fd);
	stream_fixture_close(&fixture);
}

static void answers_that_nobody_reads_are_bounded(void)
{
	enum {
		COUNT = 200
	};
	int fd;

	open_limited(STREAM_FIXTURE_HOLD, 10, COUNT);
	fd = stream_fixture_connect_with(&fixture, 4096);
	for (uint16_t id = 0; id < COUNT; id++)
		stream_fixture_ask(fd, id, 12);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == COUNT);
	for (uint64_t id = 0; id < COUNT; id++) {
		stream_fixture_reply(&fixture, id, 65535);
		stream_fixture_turn(&fixture, 0);
	}
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_OUTPUT], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	CU_ASSERT_TRUE(fixture.counters->late > 0);
	close(fd);
	stream_fixture_close(&fixture);
}

static void memory_of_all_is_bounded(void)
{
	static uint8_t part[40000];
	struct stream_clients_options options = stream_clients_defaults();
	int fds[4];

	options.memory_most = 200000; // three buffers of 64 KiB
	stream_fixture_open(&fixture, &options, STREAM_FIXTURE_ECHO);
	memset(part, 0xff, 2);
	for (int i = 0; i < 4; i++) {
		fds[i] = stream_fixture_client(&fixture);
		stream_fixture_send(fds[i], part, sizeof(part));
		stream_fixture_settle(&fixture);
	}
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_MEMORY], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 3);
	(void)stream_fixture_is_closed(&fixture, fds[3]);
	// The memory of the one that goes is another's.
	close(fds[0]);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->open == 2);
	close(fds[3]);
	fds[3] = stream_fixture_client(&fixture);
	stream_fixture_send(fds[3], part, sizeof(part));
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 3);
	for (int i = 1; i < 4; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void without_descriptors_idle_ones_make_room_and_listening_goes_on(void)
{
	struct rlimit limit;
	struct rlimit few;
	int fds[3];

	open_limited(STREAM_FIXTURE_ECHO, 10, 10);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int i = 0; i < 3; i++)
		fds[i] = stream_fixture_connect(&fixture);
	few = limit;
	few.rlim_cur = (rlim_t)fds[2] + 1;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->accepted, 0);
	CU_ASSERT_EQUAL(fixture.counters->accept_errors, 1);
	CU_ASSERT_EQUAL(
		stream_clients_next_time(fixture.clients), fixture.now + 100 * CLOCK_MILLISECOND);
	few.rlim_cur++;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	fixture.now += 100 * CLOCK_MILLISECOND;
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->accepted == 3);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PRESSURE], 2);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	stream_fixture_ask(fds[2], 8, 30);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fds[2]), 8);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void descriptors_are_flat_over_many_connections(void)
{
	enum {
		COUNT = 10000
	};
	int before;

	open_limited(STREAM_FIXTURE_ECHO, 100, 10);
	before = stream_fixture_descriptors();
	for (int i = 0; i < COUNT; i++) {
		int fd = stream_fixture_client(&fixture);

		switch (i % 4) {
		case 0:
			stream_fixture_ask(fd, 1, 12);
			CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 1);
			break;
		case 1:
			stream_fixture_send(fd, "\0\5", 2);
			break;
		case 2:
			stream_fixture_send(fd, "\377\377\1", 3);
			break;
		default:
			break;
		}
		close(fd);
	}
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->open == 0);
	CU_ASSERT_EQUAL(fixture.counters->accepted, COUNT);
	CU_ASSERT_EQUAL(stream_fixture_descriptors(), before);
	stream_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"a message shorter than a header ends the connection",
		a_message_shorter_than_a_header_ends_the_connection},
	{"an end within a message is told apart", an_end_within_a_message_is_told_apart},
	{"a connection is idle until its timeout", a_connection_is_idle_until_its_timeout},
	{"one byte a second does not keep it open", one_byte_a_second_does_not_keep_it_open},
	{"many time out a few at a time", many_time_out_a_few_at_a_time},
	{"when full the one idle longest makes room", when_full_the_one_idle_longest_makes_room},
	{"when full of busy ones a new one is refused",
		when_full_of_busy_ones_a_new_one_is_refused},
	{"under pressure the timeout is shorter", under_pressure_the_timeout_is_shorter},
	{"one prefix has a limit", one_prefix_has_a_limit},
	{"above its queries in flight it is not read", above_its_queries_in_flight_it_is_not_read},
	{"a reader that stalls is not read, and then closed",
		a_reader_that_stalls_is_not_read_and_then_closed},
	{"a reader that was slow goes on", a_reader_that_was_slow_goes_on},
	{"a stalled one makes room when none is idle", a_stalled_one_makes_room_when_none_is_idle},
	{"answers that nobody reads are bounded", answers_that_nobody_reads_are_bounded},
	{"memory of all is bounded", memory_of_all_is_bounded},
	{"without descriptors idle ones make room, and listening goes on",
		without_descriptors_idle_ones_make_room_and_listening_goes_on},
	{"descriptors are flat over many connections", descriptors_are_flat_over_many_connections},
};

UNIT_MAIN("stream_limits", cases)
