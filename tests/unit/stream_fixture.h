// SPDX-License-Identifier: BSD-3-Clause
// Clients of one stream lcore on loopback, for the suites of lib/stream: both ends are in this
// thread, the clock is the test's, and waits are turns of the loop with a bound.
#pragma once

#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "stream/address.h"
#include "stream/clients.h"

#define STREAM_FIXTURE_TURNS 1000 // of at most 5 ms each
#define STREAM_FIXTURE_TURN (5 * CLOCK_MILLISECOND)
#define STREAM_FIXTURE_HELD 100000

// What happens to a query: an answer with the same bytes at once, or the test gives it later.
enum stream_fixture_mode {
	STREAM_FIXTURE_ECHO,
	STREAM_FIXTURE_HOLD,
};

struct stream_fixture {
	struct stream_loop loop;
	struct stream_clients *clients;
	const struct stream_clients_counters *counters;
	struct net_endpoint endpoint;
	enum stream_fixture_mode mode;
	uint64_t now;
	uint64_t handler_calls;
	uint64_t query_count;
	struct stream_query last; // its bytes are gone
	stream_handle *held; // in the order of their coming
	uint16_t *held_ids;
};

static inline void stream_fixture_queries(
	void *context, const struct stream_query queries[], uint32_t count, uint64_t now)
{
	struct stream_fixture *fixture = context;

	CU_ASSERT_EQUAL(now, fixture->now);
	fixture->handler_calls++;
	for (uint32_t i = 0; i < count; i++) {
		const struct stream_query *query = &queries[i];

		fixture->last = *query;
		if (fixture->mode == STREAM_FIXTURE_ECHO) {
			stream_clients_answer(
				fixture->clients, query->client, query->bytes, query->length);
		} else {
			CU_ASSERT_TRUE_FATAL(fixture->query_count < STREAM_FIXTURE_HELD);
			fixture->held[fixture->query_count] = query->client;
			fixture->held_ids[fixture->query_count] = bytes_load_u16(query->bytes);
		}
		fixture->query_count++;
	}
}

static inline struct net_endpoint stream_fixture_loopback(void)
{
	static const uint8_t loopback[4] = {127, 0, 0, 1};

	return (struct net_endpoint){.address = net_address_from_ipv4(loopback)};
}

static inline void stream_fixture_open(struct stream_fixture *fixture,
	const struct stream_clients_options *options, enum stream_fixture_mode mode)
{
	const struct stream_query_handler handler = {fixture, stream_fixture_queries};

	memset(fixture, 0, sizeof(*fixture));
	fixture->mode = mode;
	fixture->now = CLOCK_SECOND;
	fixture->held = calloc(STREAM_FIXTURE_HELD, sizeof(*fixture->held));
	fixture->held_ids = calloc(STREAM_FIXTURE_HELD, sizeof(*fixture->held_ids));
	CU_ASSERT_TRUE_FATAL(fixture->held && fixture->held_ids);
	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&fixture->loop), 0);
	fixture->clients = stream_clients_create(&fixture->loop, options, &handler);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->clients);
	fixture->counters = stream_clients_counters(fixture->clients);
	fixture->endpoint = stream_fixture_loopback();
	CU_ASSERT_EQUAL_FATAL(stream_clients_listen(fixture->clients, &fixture->endpoint), 0);
}

static inline void stream_fixture_close(struct stream_fixture *fixture)
{
	stream_clients_destroy(fixture->clients);
	stream_loop_fini(&fixture->loop);
	free(fixture->held);
	free(fixture->held_ids);
}

static inline void stream_fixture_turn(struct stream_fixture *fixture, uint64_t timeout)
{
	(void)stream_loop_wait(
		&fixture->loop, stream_clients_next_time(fixture->clients) == 0 ? 0 : timeout);
	stream_loop_dispatch(&fixture->loop, fixture->now);
	stream_clients_hand_over(fixture->clients, fixture->now);
	stream_clients_flush(fixture->clients, fixture->now);
}

// Makes turns until the condition holds, so often at the most.
#define STREAM_FIXTURE_TURN_UNTIL(turn_once, condition)                                            \
	do {                                                                                       \
		for (int turn_ = 0; !(condition) && turn_ < STREAM_FIXTURE_TURNS; turn_++)         \
			turn_once;                                                                 \
		CU_ASSERT_TRUE(condition);                                                         \
	} while (0)

// Turns until the condition is true, with a bound. The condition is looked at before the first.
#define STREAM_FIXTURE_UNTIL(fixture, condition)                                                   \
	STREAM_FIXTURE_TURN_UNTIL(stream_fixture_turn((fixture), STREAM_FIXTURE_TURN), condition)

// All that is going on has come to rest: a wait of 5 ms without an event.
static inline void stream_fixture_settle(struct stream_fixture *fixture)
{
	uint32_t events = 1;

	for (int turn = 0; events && turn < STREAM_FIXTURE_TURNS; turn++) {
		events = stream_loop_wait(&fixture->loop,
			stream_clients_next_time(fixture->clients) == 0 ? 0 : STREAM_FIXTURE_TURN);
		stream_loop_dispatch(&fixture->loop, fixture->now);
		stream_clients_hand_over(fixture->clients, fixture->now);
		stream_clients_flush(fixture->clients, fixture->now);
		events += stream_clients_next_time(fixture->clients) == 0;
	}
	CU_ASSERT_EQUAL(events, 0);
}

// A client's socket, connected and not blocking; with its receive buffer if that is not 0.
static inline int stream_fixture_connect_with(struct stream_fixture *fixture, int receive_buffer)
{
	struct sockaddr_storage address;
	socklen_t length = stream_address_from_endpoint(&fixture->endpoint, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	if (receive_buffer) {
		CU_ASSERT_EQUAL(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer,
					sizeof(receive_buffer)),
			0);
	}
	CU_ASSERT_EQUAL_FATAL(connect(fd, (const struct sockaddr *)&address, length), 0);
	return fd;
}

static inline int stream_fixture_connect(struct stream_fixture *fixture)
{
	return stream_fixture_connect_with(fixture, 0);
}

// A socket that the fixture has accepted.
static inline int stream_fixture_client(struct stream_fixture *fixture)
{
	uint64_t accepted = fixture->counters->accepted;
	int fd = stream_fixture_connect(fixture);

	STREAM_FIXTURE_UNTIL(fixture, fixture->counters->accepted > accepted);
	return fd;
}

// Writes a frame of a message with this id and length (12 or more), the rest of it a pattern.
static inline size_t stream_fixture_frame(uint8_t *frame, uint16_t id, size_t length)
{
	bytes_store_u16(frame, (uint16_t)length);
	for (size_t i = 0; i < length; i++)
		frame[2 + i] = (uint8_t)(id + i);
	bytes_store_u16(frame + 2, id);
	return 2 + length;
}

static inline void stream_fixture_send(int fd, const void *bytes, size_t length)
{
	CU_ASSERT_EQUAL(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline void stream_fixture_ask(int fd, uint16_t id, size_t length)
{
	uint8_t frame[2 + 65535];

	stream_fixture_send(fd, frame, stream_fixture_frame(frame, id, length));
}

// Reads exactly `length` bytes, turning the loop meanwhile. False: it was closed, or nothing came.
static inline bool stream_fixture_read(
	struct stream_fixture *fixture, int fd, uint8_t *bytes, size_t length)
{
	size_t got = 0;

	for (int turn = 0; got < length && turn < STREAM_FIXTURE_TURNS; turn++) {
		ssize_t more = recv(fd, bytes + got, length - got, MSG_DONTWAIT);

		if (more == 0 || (more < 0 && errno != EAGAIN))
			return false;
		if (more > 0) {
			got += (size_t)more;
			turn = 0;
		} else {
			stream_fixture_turn(fixture, STREAM_FIXTURE_TURN);
		}
	}
	return got == length;
}

// Reads an answer and returns its id, -1 if none came or it is not what stream_fixture_frame() made.
static inline int stream_fixture_answer(struct stream_fixture *fixture, int fd)
{
	static uint8_t frame[2 + 65535];
	static uint8_t expected[2 + 65535];
	uint16_t length;
	uint16_t id;

	if (!stream_fixture_read(fixture, fd, frame, 2))
		return -1;
	length = bytes_load_u16(frame);
	if (length < 12 || !stream_fixture_read(fixture, fd, frame + 2, length))
		return -1;
	id = bytes_load_u16(frame + 2);
	stream_fixture_frame(expected, id, length);
	return memcmp(frame, expected, 2u + length) == 0 ? id : -1;
}

// Answers a held query with a message of its id and this length.
static inline void stream_fixture_reply(
	struct stream_fixture *fixture, uint64_t number, size_t length)
{
	uint8_t frame[2 + 65535];

	stream_fixture_frame(frame, fixture->held_ids[number], length);
	stream_clients_answer(fixture->clients, fixture->held[number], frame + 2, length);
}

// Turns until the peer's end of the connection says so. True: a FIN; false: a reset.
static inline bool stream_fixture_is_closed(struct stream_fixture *fixture, int fd)
{
	uint8_t byte;
	ssize_t got = -1;

	errno = EAGAIN;
	for (int turn = 0; turn < STREAM_FIXTURE_TURNS; turn++) {
		got = recv(fd, &byte, 1, MSG_DONTWAIT);
		if (got >= 0 || errno != EAGAIN)
			break;
		stream_fixture_turn(fixture, STREAM_FIXTURE_TURN);
	}
	CU_ASSERT_TRUE(got == 0 || (got < 0 && errno == ECONNRESET));
	return got == 0;
}

// True if nothing has come and the connection is open.
static inline bool stream_fixture_is_open(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static inline int stream_fixture_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(folder);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}
