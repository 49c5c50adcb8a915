// SPDX-License-Identifier: BSD-3-Clause
// Clients that come over TLS: their end is OpenSSL on its own.
#include "stream_fixture.h"
#include "tls_lab.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>

static struct stream_fixture fixture;
static struct tls_context *server;
static SSL_CTX *raw;

struct peer {
	int fd;
	SSL *ssl;
};

static void open_tls_with(
	const struct stream_clients_options *options, enum stream_fixture_mode mode)
{
	// OpenSSL's own end writes without a care.
	signal(SIGPIPE, SIG_IGN);
	server = tls_lab_server_context(TLS_LAB_SERVER, 1, TLS_LAB_IDENTITIES);
	raw = tls_lab_raw_client_context(TLS1_2_VERSION, TLS1_3_VERSION);
	stream_fixture_open(&fixture, options, mode);
	fixture.now = TLS_LAB_NOW;
	fixture.endpoint = stream_fixture_loopback();
	CU_ASSERT_EQUAL_FATAL(
		stream_clients_listen_tls(fixture.clients, &fixture.endpoint, server), 1);
}

static void open_tls(enum stream_fixture_mode mode)
{
	const struct stream_clients_options options = stream_clients_defaults();

	open_tls_with(&options, mode);
}

static void close_tls(void)
{
	stream_fixture_close(&fixture);
	tls_context_destroy(server);
	SSL_CTX_free(raw);
}

// Turns the loop while the peer waits for the other end. False: it failed or took too long.
static bool peer_waits(struct peer *peer, int result)
{
	int error = SSL_get_error(peer->ssl, result);

	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		return false;
	stream_fixture_turn(&fixture, STREAM_FIXTURE_TURN);
	return true;
}

static void peer_start(struct peer *peer, int receive_buffer)
{
	peer->fd = stream_fixture_connect_with(&fixture, receive_buffer);
	CU_ASSERT_EQUAL(fcntl(peer->fd, F_SETFL, O_NONBLOCK), 0);
	peer->ssl = tls_lab_raw(raw, false);
	CU_ASSERT_EQUAL(SSL_set_fd(peer->ssl, peer->fd), 1);
}

static bool peer_handshake(struct peer *peer)
{
	int result = 0;

	for (int turn = 0; turn < STREAM_FIXTURE_TURNS; turn++) {
		result = SSL_connect(peer->ssl);
		if (result == 1 || !peer_waits(peer, result))
			break;
	}
	return result == 1;
}

static void peer_open(struct peer *peer)
{
	peer_start(peer, 0);
	CU_ASSERT_TRUE_FATAL(peer_handshake(peer));
}

static void peer_close(struct peer *peer)
{
	SSL_set_shutdown(peer->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(peer->ssl);
	close(peer->fd);
}

// One record, if that holds so much.
static void peer_send(struct peer *peer, const uint8_t *bytes, size_t length)
{
	int result = 0;

	for (int turn = 0; turn < STREAM_FIXTURE_TURNS; turn++) {
		result = SSL_write(peer->ssl, bytes, (int)length);
		if (result > 0 || !peer_waits(peer, result))
			break;
	}
	CU_ASSERT_EQUAL(result, (int)length);
}

static void peer_ask(struct peer *peer, uint16_t id, size_t length)
{
	uint8_t frame[2 + 65535];

	peer_send(peer, frame, stream_fixture_frame(frame, id, length));
}

// False: it is closed, by close_notify or otherwise.
static bool peer_read(struct peer *peer, uint8_t *bytes, size_t length)
{
	size_t got = 0;

	for (int turn = 0; got < length && turn < STREAM_FIXTURE_TURNS; turn++) {
		int result = SSL_read(peer->ssl, bytes + got, (int)(length - got));

		if (result > 0) {
			got += (size_t)result;
			turn = 0;
		} else if (!peer_waits(peer, result))
			return false;
	}
	return got == length;
}

// The id of an answer, -1 if none came.
static int peer_answer(struct peer *peer)
{
	static uint8_t frame[2 + 65535];
	static uint8_t expected[2 + 65535];
	uint16_t length;
	uint16_t id;

	if (!peer_read(peer, frame, 2))
		return -1;
	length = bytes_load_u16(frame);
	if (length < 12 || !peer_read(peer, frame + 2, length))
		return -1;
	id = bytes_load_u16(frame + 2);
	stream_fixture_frame(expected, id, length);
	return memcmp(frame, expected, 2u + length) == 0 ? id : -1;
}

static void queries_over_tls_are_answered(void)
{
	static const size_t sizes[] = {12, 100, 2048, 16383, 16384, 16385, 40000, 65535};
	struct peer peer;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_open(&peer);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(sizes); i++) {
		peer_ask(&peer, (uint16_t)i, sizes[i]);
		CU_ASSERT_EQUAL(peer_answer(&peer), (int)i);
		CU_ASSERT_TRUE(fixture.last.is_tls);
	}
	for (uint16_t id = 0; id < 300; id++)
		peer_ask(&peer, id, 30);
	for (int id = 0; id < 300; id++)
		CU_ASSERT_EQUAL(peer_answer(&peer), id);
	CU_ASSERT_EQUAL(fixture.counters->handshakes, 1);
	CU_ASSERT_EQUAL(fixture.counters->resumed, 0);
	peer_close(&peer);
	close_tls();
}

static void queries_that_share_a_record_are_all_answered(void)
{
	static const int counts[] = {2, 100, 390};
	uint8_t frames[16384];
	struct peer peer;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_open(&peer);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(counts); i++) {
		size_t length = 0;

		for (int id = 0; id < counts[i]; id++)
			length += stream_fixture_frame(frames + length, (uint16_t)id, 40);
		peer_send(&peer, frames, length);
		for (int id = 0; id < counts[i]; id++)
			CU_ASSERT_EQUAL(peer_answer(&peer), id);
	}
	peer_close(&peer);
	close_tls();
}

static void a_second_handshake_is_resumed(void)
{
	struct peer peer;
	SSL_SESSION *ticket;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_open(&peer);
	peer_ask(&peer, 1, 30);
	CU_ASSERT_EQUAL(peer_answer(&peer), 1);
	ticket = SSL_get1_session(peer.ssl);
	peer_close(&peer);
	peer_start(&peer, 0);
	CU_ASSERT_EQUAL(SSL_set_session(peer.ssl, ticket), 1);
	CU_ASSERT_TRUE(peer_handshake(&peer));
	peer_ask(&peer, 2, 30);
	CU_ASSERT_EQUAL(peer_answer(&peer), 2);
	CU_ASSERT_EQUAL(fixture.counters->handshakes, 2);
	CU_ASSERT_EQUAL(fixture.counters->resumed, 1);
	SSL_SESSION_free(ticket);
	peer_close(&peer);
	close_tls();
}

static void after_close_notify_answers_still_go_out(void)
{
	struct peer peer;
	uint8_t byte;

	open_tls(STREAM_FIXTURE_HOLD);
	peer_open(&peer);
	peer_ask(&peer, 1, 30);
	CU_ASSERT_EQUAL(SSL_shutdown(peer.ssl), 0);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	stream_fixture_reply(&fixture, 0, 70);
	CU_ASSERT_EQUAL(peer_answer(&peer), 1);
	CU_ASSERT_FALSE(peer_read(&peer, &byte, 1));
	CU_ASSERT_TRUE(SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PEER], 1);
	peer_close(&peer);
	close_tls();
}

static void close_notify_and_fin_end_it(void)
{
	struct peer peer;

	open_tls(STREAM_FIXTURE_HOLD);
	peer_open(&peer);
	peer_ask(&peer, 1, 30);
	CU_ASSERT_EQUAL(SSL_shutdown(peer.ssl), 0);
	CU_ASSERT_EQUAL(shutdown(peer.fd, SHUT_WR), 0);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 1);
	// While the answer is waited for, nothing is done over and over.
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->open, 1);
	stream_fixture_reply(&fixture, 0, 70);
	CU_ASSERT_EQUAL(peer_answer(&peer), 1);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->closed[STREAM_CLOSE_PEER] == 1);
	peer_close(&peer);
	close_tls();
}

static void an_idle_one_is_told_of_its_end(void)
{
	struct peer peer;
	uint8_t byte;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_open(&peer);
	stream_fixture_settle(&fixture); // the tickets go out
	fixture.now += 10 * CLOCK_SECOND + 1;
	CU_ASSERT_FALSE(peer_read(&peer, &byte, 1));
	CU_ASSERT_TRUE(SSL_get_shutdown(peer.ssl) & SSL_RECEIVED_SHUTDOWN);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_IDLE], 1);
	peer_close(&peer);
	close_tls();
}

static void what_is_no_tls_ends_the_connection(void)
{
	int fd;

	open_tls(STREAM_FIXTURE_ECHO);
	fd = stream_fixture_client(&fixture);
	stream_fixture_ask(fd, 1, 100);
	(void)stream_fixture_is_closed(&fixture, fd);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_TLS], 1);
	CU_ASSERT_EQUAL(fixture.query_count, 0);
	close(fd);
	close_tls();
}

static void a_handshake_that_stops_times_out(void)
{
	struct peer peer;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_start(&peer, 0);
	CU_ASSERT_EQUAL(SSL_connect(peer.ssl), -1);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->accepted == 1);
	stream_fixture_settle(&fixture);
	fixture.now += 10 * CLOCK_SECOND + 1;
	stream_fixture_settle(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_IDLE], 1);
	CU_ASSERT_EQUAL(fixture.counters->handshakes, 0);
	peer_close(&peer);
	close_tls();
}

// Of those in their handshake the first has to go; who is done with it stays.
static void handshakes_at_once_are_bounded(void)
{
	struct stream_clients_options options = stream_clients_defaults();
	struct peer done;
	int silent[3];

	options.handshakes_most = 2;
	open_tls_with(&options, STREAM_FIXTURE_ECHO);
	peer_open(&done);
	fixture.now += CLOCK_SECOND;
	for (int i = 0; i < 2; i++)
		silent[i] = stream_fixture_client(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PRESSURE], 0);
	silent[2] = stream_fixture_client(&fixture);
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_PRESSURE], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 3);
	CU_ASSERT_TRUE(stream_fixture_is_closed(&fixture, silent[0]));
	peer_ask(&done, 7, 40);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->answers == 1);
	for (int i = 0; i < 3; i++)
		close(silent[i]);
	peer_close(&done);
	close_tls();
}

static void a_reader_that_stalls_is_bounded(void)
{
	enum {
		COUNT = 100
	};
	struct peer peer;

	open_tls(STREAM_FIXTURE_HOLD);
	peer_start(&peer, 4096);
	CU_ASSERT_TRUE_FATAL(peer_handshake(&peer));
	for (uint16_t id = 0; id < COUNT; id++)
		peer_ask(&peer, id, 12);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == COUNT);
	for (uint64_t id = 0; id < COUNT; id++) {
		stream_fixture_reply(&fixture, id, 65535);
		stream_fixture_turn(&fixture, 0);
	}
	CU_ASSERT_EQUAL(fixture.counters->closed[STREAM_CLOSE_OUTPUT], 1);
	CU_ASSERT_EQUAL(fixture.counters->open, 0);
	peer_close(&peer);
	close_tls();
}

static void a_reader_that_was_slow_gets_everything(void)
{
	struct peer peer;

	open_tls(STREAM_FIXTURE_HOLD);
	peer_start(&peer, 4096);
	CU_ASSERT_TRUE_FATAL(peer_handshake(&peer));
	for (uint16_t id = 0; id < 3; id++)
		peer_ask(&peer, id, 12);
	STREAM_FIXTURE_UNTIL(&fixture, fixture.query_count == 3);
	for (uint64_t id = 0; id < 3; id++)
		stream_fixture_reply(&fixture, id, 65535);
	stream_fixture_settle(&fixture);
	for (int id = 0; id < 3; id++)
		CU_ASSERT_EQUAL(peer_answer(&peer), id);
	peer_close(&peer);
	close_tls();
}

static void many_handshakes_leave_turns_to_others(void)
{
	enum {
		COUNT = 40,
		A_TURN = 8
	};
	struct peer peers[COUNT];
	struct peer client;
	uint32_t turns = 0;

	open_tls(STREAM_FIXTURE_ECHO);
	peer_open(&client);
	stream_fixture_settle(&fixture);
	for (int i = 0; i < COUNT; i++) {
		peer_start(&peers[i], 0);
		CU_ASSERT_EQUAL(SSL_connect(peers[i].ssl), -1);
	}
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->accepted == COUNT + 1);
	// The server's flights are there; the last ones all come together, and a query with them.
	stream_fixture_settle(&fixture);
	for (int i = 0; i < COUNT; i++)
		(void)SSL_connect(peers[i].ssl);
	peer_ask(&client, 5, 30);
	for (; fixture.counters->handshakes < COUNT + 1 && turns < STREAM_FIXTURE_TURNS; turns++) {
		uint64_t before = fixture.counters->handshakes;

		stream_fixture_turn(&fixture, 0);
		CU_ASSERT_TRUE(fixture.counters->handshakes - before <= A_TURN);
		if (turns == 0)
			CU_ASSERT_EQUAL(fixture.query_count, 1);
	}
	CU_ASSERT_TRUE(turns >= COUNT / A_TURN);
	CU_ASSERT_EQUAL(fixture.counters->handshakes, COUNT + 1);
	CU_ASSERT_EQUAL(peer_answer(&client), 5);
	for (int i = 0; i < COUNT; i++)
		peer_close(&peers[i]);
	peer_close(&client);
	close_tls();
}

// In a process of its own, so that only our ends are in the memory measured: opens connections one
// by one, then waits for the pipe's end.
static void open_connections(int count, int until_closed)
{
	char byte;

	for (int i = 0; i < count; i++) {
		int fd = stream_fixture_connect(&fixture);
		SSL *ssl = tls_lab_raw(raw, false);

		if (SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
			_exit(1);
	}
	_exit(read(until_closed, &byte, 1) == 0 ? 0 : 1);
}

static void an_idle_connection_costs_little_memory(void)
{
	enum {
		COUNT = 500
	};
	struct mallinfo2 before;
	struct mallinfo2 after;
	int gate[2];
	int status;
	size_t each;
	pid_t child;

	open_tls(STREAM_FIXTURE_ECHO);
	CU_ASSERT_EQUAL_FATAL(pipe(gate), 0);
	before = mallinfo2();
	child = fork();
	CU_ASSERT_TRUE_FATAL(child >= 0);
	if (child == 0) {
		close(gate[1]);
		open_connections(COUNT, gate[0]);
	}
	for (int turn = 0; turn < 20 * STREAM_FIXTURE_TURNS && fixture.counters->handshakes < COUNT;
		turn++)
		stream_fixture_turn(&fixture, STREAM_FIXTURE_TURN);
	CU_ASSERT_EQUAL(fixture.counters->handshakes, COUNT);
	stream_fixture_settle(&fixture);
	after = mallinfo2();
	each = (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / COUNT;
	printf("%zu bytes each: ", each);
	CU_ASSERT_TRUE(each < 25000);
	close(gate[0]);
	close(gate[1]);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_EQUAL(status, 0);
	close_tls();
}

static void nothing_is_left_of_many_connections(void)
{
	enum {
		COUNT = 300
	};
	int before;

	open_tls(STREAM_FIXTURE_ECHO);
	before = stream_fixture_descriptors();
	for (int i = 0; i < COUNT; i++) {
		struct peer peer;

		peer_start(&peer, 0);
		if (i % 3) {
			CU_ASSERT_TRUE(peer_handshake(&peer));
			peer_ask(&peer, 1, 30);
		}
		if (i % 3 == 2)
			CU_ASSERT_EQUAL(peer_answer(&peer), 1);
		peer_close(&peer);
	}
	STREAM_FIXTURE_UNTIL(&fixture, fixture.counters->open == 0);
	CU_ASSERT_EQUAL(stream_fixture_descriptors(), before);
	close_tls();
}

static const struct unit_case cases[] = {
	{"queries over TLS are answered", queries_over_tls_are_answered},
	{"queries that share a record are all answered",
		queries_that_share_a_record_are_all_answered},
	{"a second handshake is resumed", a_second_handshake_is_resumed},
	{"after close_notify answers still go out", after_close_notify_answers_still_go_out},
	{"close_notify and FIN end it", close_notify_and_fin_end_it},
	{"an idle one is told of its end", an_idle_one_is_told_of_its_end},
	{"what is no TLS ends the connection", what_is_no_tls_ends_the_connection},
	{"a handshake that stops times out", a_handshake_that_stops_times_out},
	{"handshakes at once are bounded", handshakes_at_once_are_bounded},
	{"a reader that stalls is bounded", a_reader_that_stalls_is_bounded},
	{"a reader that was slow gets everything", a_reader_that_was_slow_gets_everything},
	{"many handshakes leave turns to others", many_handshakes_leave_turns_to_others},
	{"an idle connection costs little memory", an_idle_connection_costs_little_memory},
	{"nothing is left of many connections", nothing_is_left_of_many_connections},
};

UNIT_MAIN("stream_tls", cases)
