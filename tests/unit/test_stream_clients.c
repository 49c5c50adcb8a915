// SPDX-License-Identifier: BSD-3-Clause
#include "stream_fixture.h"

#include <netinet/in.h>

static struct stream_fixture fixture;

static void open_fixture(enum stream_fixture_mode mode)
{
	const struct stream_clients_options options = stream_clients_defaults();

	stream_fixture_open(&fixture, &options, mode);
}

static void a_query_is_answered(void)
{
	struct net_endpoint peer;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	stream_fixture_ask(fd, 4711, 40);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 4711);
	CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	stream_address_to_endpoint(&address, &peer);
	CU_ASSERT_TRUE(net_endpoint_equal(&fixture.last.peer, &peer));
	CU_ASSERT_TRUE(net_endpoint_equal(&fixture.last.local, &fixture.endpoint));
	CU_ASSERT_EQUAL(fixture.last.length, 40);
	CU_ASSERT_FALSE(fixture.last.is_tls);
	CU_ASSERT_EQUAL(fixture.counters->queries, 1);
	CU_ASSERT_EQUAL(fixture.counters->answers, 1);
	CU_ASSERT_EQUAL(fixture.counters->in_flight, 0);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	close(fd);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->closed[STREAM_CLOSE_PEER] == 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	stream_fixture_close(&fixture);
}

static void ipv6_and_any_address_have_their_local_endpoint(void)
{
	struct net_endpoint any = {.port = 0};
	struct net_endpoint loopback = {
		.address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}};
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	if (stream_clients_listen(fixture.clients, &any) < 0) {
		printf("no IPv6 here: ");
	} else {
		loopback.port = any.port;
		fixture.endpoint = loopback;
		fd = stream_fixture_client(&fixture);
		stream_fixture_ask(fd, 1, 12);
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 1);
		CU_ASSERT_TRUE(net_endpoint_equal(&fixture.last.local, &loopback));
		CU_ASSERT_TRUE(net_address_equal(&fixture.last.peer.address, &loopback.address));
		close(fd);
	}
	stream_fixture_close(&fixture);
}

static void a_message_may_be_cut_at_every_byte(void)
{
	uint8_t frames[3 * (2 + 30)];
	size_t length = 0;
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	for (uint16_t id = 0; id < 3; id++)
		length += stream_fixture_frame(frames + length, id, 30);
	for (size_t cut = 1; cut < length; cut++) {
		stream_fixture_send(fd, frames, cut);
		stream_fixture_settle(&fixture);
		stream_fixture_send(fd, frames + cut, length - cut);
		for (int id = 0; id < 3; id++)
			CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), id);
	}
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_message_may_come_byte_by_byte(void)
{
	uint8_t frame[2 + 40];
	size_t length = stream_fixture_frame(frame, 9, 40);
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	for (size_t i = 0; i < length; i++) {
		CU_ASSERT_EQUAL(fixture.query_count, 0);
		stream_fixture_send(fd, frame + i, 1);
		stream_fixture_settle(&fixture);
	}
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 9);
	close(fd);
	stream_fixture_close(&fixture);
}

static void messages_of_every_size_go_both_ways(void)
{
	static const size_t sizes[] = {
		12, 13, 511, 512, 2047, 2048, 2049, 4096, 16383, 16384, 16385, 32768, 65534, 65535};
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(sizes); i++) {
		stream_fixture_ask(fd, (uint16_t)(i + 1), sizes[i]);
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), (int)i + 1);
		CU_ASSERT_EQUAL(fixture.last.length, sizes[i]);
	}
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_long_message_may_come_in_many_pieces(void)
{
	static uint8_t frame[2 + 65535];
	size_t length = stream_fixture_frame(frame, 77, 65535);
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	for (size_t at = 0; at < length; at += 1000) {
		stream_fixture_send(fd, frame + at, length - at < 1000 ? length - at : 1000);
		stream_fixture_turn(&fixture, 0);
	}
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), 77);
	close(fd);
	stream_fixture_close(&fixture);
}

static void many_queries_come_in_one_read(void)
{
	enum {
		COUNT = 200
	};
	uint8_t frames[COUNT * 32];
	size_t length = 0;
	int fd;

	open_fixture(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	for (uint16_t id = 0; id < COUNT; id++)
		length += stream_fixture_frame(frames + length, id, 30);
	stream_fixture_send(fd, frames, length);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count > 0);
	CU_ASSERT_EQUAL(fixture.query_count, COUNT);
	CU_ASSERT_EQUAL(fixture.handler_calls, (COUNT + 63) / 64);
	for (int id = 0; id < COUNT; id++)
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), id);
	close(fd);
	stream_fixture_close(&fixture);
}

static void queries_of_many_connections_are_handed_over_together(void)
{
	int fds[20];

	open_fixture(STREAM_FIXTURE_ECHO);
	for (int i = 0; i < 20; i++)
		fds[i] = stream_fixture_client(&fixture);
	stream_fixture_settle(&fixture);
	for (int i = 0; i < 20; i++)
		stream_fixture_ask(fds[i], (uint16_t)(100 + i), 50);
	stream_fixture_turn(&fixture, 0);
	CU_ASSERT_EQUAL(fixture.query_count, 20);
	CU_ASSERT_EQUAL(fixture.handler_calls, 1);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fds[i]), 100 + i);
		close(fds[i]);
	}
	stream_fixture_close(&fixture);
}

static void answers_go_in_any_order_to_whoever_asked(void)
{
	int fds[2];

	open_fixture(STREAM_FIXTURE_HOLD);
	for (int i = 0; i < 2; i++)
		fds[i] = stream_fixture_client(&fixture);
	for (int i = 0; i < 6; i++) {
		stream_fixture_ask(fds[i & 1], (uint16_t)i, 100);
		STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == (uint64_t)i + 1);
	}
	CU_ASSERT_EQUAL(fixture.counters->in_flight, 6);
	for (uint64_t i = 6; i-- > 0;)
		stream_fixture_reply(&fixture, i, 200);
	for (int i = 5; i >= 0; i--)
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fds[i & 1]), i);
	CU_ASSERT_EQUAL(fixture.counters->in_flight, 0);
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	stream_fixture_close(&fixture);
}

static void answers_of_one_turn_are_one_segment(void)
{
	uint8_t bytes[10 * 32];
	int fd;

	open_fixture(STREAM_FIXTURE_HOLD);
	fd = stream_fixture_client(&fixture);
	for (uint16_t i = 0; i < 10; i++)
		stream_fixture_ask(fd, i, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 10);
	for (uint64_t i = 0; i < 10; i++)
		stream_fixture_reply(&fixture, i, 30);
	CU_ASSERT_TRUE(stream_fixture_is_open(fd)); // nothing goes before the flush
	stream_fixture_turn(&fixture, 0);
	CU_ASSERT_EQUAL(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT), (ssize_t)sizeof(bytes));
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_half_closed_connection_gets_its_answers(void)
{
	int fd;

	open_fixture(STREAM_FIXTURE_HOLD);
	fd = stream_fixture_client(&fixture);
	for (uint16_t i = 0; i < 3; i++)
		stream_fixture_ask(fd, i, 30);
	CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 3);
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	for (uint64_t i = 0; i < 3; i++) {
		stream_fixture_reply(&fixture, i, 30);
		CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, fd), (int)i);
	}
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, fd));
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PEER], 1);
	close(fd);
	stream_fixture_close(&fixture);
}

static void a_dropped_query_is_not_waited_for(void)
{
	int fd;

	open_fixture(STREAM_FIXTURE_HOLD);
	fd = stream_fixture_client(&fixture);
	stream_fixture_ask(fd, 1, 30);
	CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	stream_clients_drop(fixture.clients, fixture.held[0]);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, fd));
	CU_ASSERT_EQUAL(fixture.counters->dropped, 1);
	CU_ASSERT_EQUAL(fixture.counters->late, 0);
	close(fd);
	stream_fixture_close(&fixture);
}

static void an_answer_after_the_end_goes_nowhere(void)
{
	int fd;
	int other;

	open_fixture(STREAM_FIXTURE_HOLD);
	fd = stream_fixture_client(&fixture);
	stream_fixture_ask(fd, 1, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
				sizeof(struct linger)),
		0);
	close(fd);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->closed[STREAM_CLOSE_RESET] == 1);
	CU_ASSERT_EQUAL(fixture.counters->in_flight, 0);
	// The next connection has the same slot, and must not get it.
	other = stream_fixture_client(&fixture);
	stream_fixture_ask(other, 2, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 2);
	CU_ASSERT_EQUAL((uint32_t)fixture.held[0], (uint32_t)fixture.held[1]);
	stream_fixture_reply(&fixture, 0, 30);
	stream_clients_drop(fixture.clients, fixture.held[0]);
	CU_ASSERT_EQUAL(fixture.counters->late, 2);
	stream_fixture_reply(&fixture, 1, 30);
	// A second answer to the same query is none.
	stream_fixture_reply(&fixture, 1, 30);
	CU_ASSERT_EQUAL(fixture.counters->late, 3);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, other), 2);
	CU_ASSERT_TRUE(stream_fixture_is_open(other));
	close(other);
	stream_fixture_close(&fixture);
}

static void two_lcores_share_a_port(void)
{
	const struct stream_clients_options options = stream_clients_defaults();
	static struct stream_fixture second;
	struct net_endpoint endpoint;
	int fds[64];

	open_fixture(STREAM_FIXTURE_ECHO);
	stream_fixture_open(&second, &options, STREAM_FIXTURE_ECHO);
	endpoint = fixture.endpoint;
	CU_ASSERT_EQUAL_FATAL(stream_clients_listen(second.clients, &endpoint), 1);
	for (int i = 0; i < 64; i++)
		fds[i] = stream_fixture_connect(&fixture);
	for (int turn = 0; turn < STREAM_FIXTURE_TURNS &&
			   fixture.counters->accepted + second.counters->accepted < 64;
		turn++) {
		stream_fixture_turn(&fixture, STREAM_FIXTURE_TURN);
		stream_fixture_turn(&second, STREAM_FIXTURE_TURN);
	}
	CU_ASSERT_TRUE(fixture.counters->accepted > 0);
	CU_ASSERT_TRUE(second.counters->accepted > 0);
	CU_ASSERT_EQUAL(fixture.counters->accepted + second.counters->accepted, 64);
	// Without one of them the other has all new ones.
	stream_clients_unlisten(fixture.clients, 0);
	for (int i = 0; i < 64; i++)
		close(fds[i]);
	fds[0] = stream_fixture_connect(&fixture);
	fixture.endpoint = second.endpoint = endpoint;
	stream_fixture_ask(fds[0], 5, 30);
	CU_ASSERT_EQUAL(stream_fixture_answer(&second, fds[0]), 5);
	close(fds[0]);
	stream_fixture_close(&second);
	stream_fixture_close(&fixture);
}

static void stop_lets_queries_in_flight_finish(void)
{
	int busy;
	int idle;

	open_fixture(STREAM_FIXTURE_HOLD);
	idle = stream_fixture_client(&fixture);
	busy = stream_fixture_client(&fixture);
	stream_fixture_ask(busy, 3, 30);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	stream_clients_stop(fixture.clients);
	stream_clients_stop(fixture.clients);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, idle));
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	stream_fixture_reply(&fixture, 0, 30);
	CU_ASSERT_EQUAL(stream_fixture_answer(&fixture, busy), 3);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, busy));
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_STOP], 2);
	close(busy);
	close(idle);
	stream_fixture_close(&fixture);
}

static void limits_of_nothing_are_refused(void)
{
	const struct stream_query_handler handler = {&fixture, stream_fixture_queries};
	struct stream_clients_options options = stream_clients_defaults();
	struct stream_loop loop;

	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&loop), 0);
	options.connections_most = 0;
	CU_ASSERT_PTR_NULL(stream_clients_create(&loop, &options, &handler));
	options = stream_clients_defaults();
	options.output_most = 65536;
	CU_ASSERT_PTR_NULL(stream_clients_create(&loop, &options, &handler));
	options = stream_clients_defaults();
	options.prefix_ipv4_bits = 33;
	CU_ASSERT_PTR_NULL(stream_clients_create(&loop, &options, &handler));
	CU_ASSERT_EQUAL(errno, EINVAL);
	stream_loop_fini(&loop);
}

static const struct unit_case cases[] = {
	{"a query is answered", a_query_is_answered},
	{"IPv6 and any address have their local endpoint",
		ipv6_and_any_address_have_their_local_endpoint},
	{"a message may be cut at every byte", a_message_may_be_cut_at_every_byte},
	{"a message may come byte by byte", a_message_may_come_byte_by_byte},
	{"messages of every size go both ways", messages_of_every_size_go_both_ways},
	{"a long message may come in many pieces", a_long_message_may_come_in_many_pieces},
	{"many queries come in one read", many_queries_come_in_one_read},
	{"queries of many connections are handed over together",
		queries_of_many_connections_are_handed_over_together},
	{"answers go in any order to whoever asked", answers_go_in_any_order_to_whoever_asked},
	{"answers of one turn are one segment", answers_of_one_turn_are_one_segment},
	{"a half-closed connection gets its answers", a_half_closed_connection_gets_its_answers},
	{"a dropped query is not waited for", a_dropped_query_is_not_waited_for},
	{"an answer after the end goes nowhere", an_answer_after_the_end_goes_nowhere},
	{"two lcores share a port", two_lcores_share_a_port},
	{"stop lets queries in flight finish", stop_lets_queries_in_flight_finish},
	{"limits of nothing are refused", limits_of_nothing_are_refused},
};

UNIT_MAIN("stream_clients", cases)
