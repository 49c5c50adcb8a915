// SPDX-License-Identifier: BSD-3-Clause
// Framing and buffers of one connection, over a pair of sockets: whatever the pieces in which a
// stream comes and goes, the messages are the same.
#include "unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "stream/connection.h"

#define MEMORY 1000000
#define ROUNDS 300
#define STREAM_BYTES 200000 // of one round
#define MESSAGES_MOST (STREAM_BYTES / 14 + 1)

// One end is a connection, the other the test's.
struct pair {
	struct stream_loop loop;
	struct stream_memory memory;
	struct stream_connection connection;
	int fd;
};

static uint8_t room[STREAM_ROOM_LEAST];
static uint8_t bytes[STREAM_BYTES + STREAM_FRAME_MOST];

static void pair_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	(void)now;
	(void)stream_connection_note((struct stream_connection *)watch, events);
}

static void pair_open(struct pair *pair, size_t memory)
{
	int fds[2];

	memset(pair, 0, sizeof(*pair));
	pair->memory.bytes_most = memory;
	CU_ASSERT_EQUAL_FATAL(stream_loop_init(&pair->loop), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	pair->connection.watch.ready = pair_ready;
	CU_ASSERT_EQUAL_FATAL(stream_connection_open(&pair->connection, &pair->loop, fds[0]), 0);
	pair->fd = fds[1];
}

static void pair_close(struct pair *pair)
{
	stream_connection_close(&pair->connection, &pair->loop, &pair->memory);
	stream_connection_close(&pair->connection, &pair->loop, &pair->memory);
	CU_ASSERT_EQUAL(pair->memory.bytes, 0);
	stream_memory_fini(&pair->memory);
	stream_loop_fini(&pair->loop);
	close(pair->fd);
}

static ssize_t pair_receive(struct pair *pair)
{
	(void)stream_loop_wait(&pair->loop, 0);
	stream_loop_dispatch(&pair->loop, 0);
	return stream_connection_receive(&pair->connection, &pair->memory, room, 0);
}

static void a_frame_is_taken_when_it_is_whole(void)
{
	uint8_t frame[2 + 12] = {0, 12};
	const uint8_t *message = NULL;
	uint32_t length;
	struct byte_reader reader;

	for (size_t part = 0; part < sizeof(frame); part++) {
		reader = byte_reader_make(frame, part);
		CU_ASSERT_EQUAL(stream_frame_take(&reader, &message, &length), 0);
		CU_ASSERT_EQUAL(byte_reader_offset(&reader), 0);
		CU_ASSERT_EQUAL(length, part < 2 ? 0 : sizeof(frame));
	}
	reader = byte_reader_make(frame, sizeof(frame));
	CU_ASSERT_EQUAL(stream_frame_take(&reader, &message, &length), 1);
	CU_ASSERT_EQUAL(length, 12);
	CU_ASSERT_PTR_EQUAL(message, frame + 2);
	CU_ASSERT_EQUAL(byte_reader_left(&reader), 0);
	for (uint8_t less = 0; less < 12; less++) {
		frame[1] = less;
		reader = byte_reader_make(frame, sizeof(frame));
		CU_ASSERT_EQUAL(stream_frame_take(&reader, &message, &length), -EBADMSG);
	}
}

// Mostly short, some about the sizes at which something changes, a few as long as can be.
static size_t random_length(struct random_stream *random)
{
	static const uint16_t edges[] = {12, 2045, 2046, 2047, 2048, 4096, 16382, 16384, 65535};

	switch (random_stream_below(random, 20)) {
	case 0:
		return edges[random_stream_below(random, BASE_ARRAY_SIZE(edges))];
	case 1:
		return 12 + random_stream_below(random, 65535 - 12);
	default:
		return 12 + random_stream_below(random, 200);
	}
}

static size_t random_piece(struct random_stream *random)
{
	static const uint32_t most[] = {2, 40, 1500, 20000, 70000};

	return 1 + random_stream_below(random, most[random_stream_below(random, 5)]);
}

// Fills `bytes` with frames. Returns how many bytes they are.
static size_t random_frames(struct random_stream *random, uint32_t *count)
{
	size_t used = 0;

	*count = 0;
	while (used < STREAM_BYTES && *count < MESSAGES_MOST) {
		size_t length = random_length(random);

		bytes_store_u16(bytes + used, (uint16_t)length);
		for (size_t i = 0; i < length; i++)
			bytes[used + 2 + i] = (uint8_t)(used + i * 7);
		used += 2 + length;
		(*count)++;
	}
	return used;
}

// Takes at most `most` of what is in the room and keeps the rest, as one does who has enough.
// Returns how many were taken.
static uint32_t take_messages(struct pair *pair, size_t length, uint32_t most, size_t *at)
{
	struct byte_reader reader = byte_reader_make(room, length);
	uint32_t taken = 0;
	const uint8_t *message;
	uint32_t message_length;

	while (taken < most && stream_frame_take(&reader, &message, &message_length) == 1) {
		CU_ASSERT_EQUAL_FATAL(message_length, bytes_load_u16(bytes + *at));
		CU_ASSERT_EQUAL_FATAL(memcmp(message, bytes + *at + 2, message_length), 0);
		*at += 2 + message_length;
		taken++;
	}
	CU_ASSERT_EQUAL_FATAL(stream_connection_keep(&pair->connection, &pair->memory, reader.at,
				      byte_reader_left(&reader)),
		0);
	return taken;
}

static void a_stream_in_any_pieces_is_the_same_messages(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {5, 7};
	struct random_stream *random = random_stream_create(seed);

	for (int round = 0; round < ROUNDS; round++) {
		struct pair pair;
		uint32_t count;
		uint32_t taken = 0;
		size_t length = random_frames(random, &count);
		size_t sent = 0;
		size_t at = 0;

		pair_open(&pair, MEMORY);
		for (int step = 0; taken < count && step < 1000000; step++) {
			size_t piece = random_piece(random);
			ssize_t went;

			if (piece > length - sent)
				piece = length - sent;
			went = piece ? write(pair.fd, bytes + sent, piece) : 0;
			sent += went > 0 ? (size_t)went : 0;
			went = pair_receive(&pair);
			CU_ASSERT_TRUE_FATAL(went >= 0);
			taken += take_messages(
				&pair, (size_t)went, 1 + random_stream_below(random, 50), &at);
			// One message that is on its way, at the most doubled, and one read.
			CU_ASSERT_TRUE(pair.memory.bytes <= 2 * (size_t)STREAM_FRAME_MOST);
		}
		CU_ASSERT_EQUAL(taken, count);
		CU_ASSERT_EQUAL(at, length);
		CU_ASSERT_EQUAL(pair.memory.bytes, 0);
		pair_close(&pair);
	}
	random_stream_destroy(random);
}

static void what_is_sent_arrives_whatever_the_reader_takes(void)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {9};
	static uint8_t got[sizeof(bytes)];
	struct random_stream *random = random_stream_create(seed);

	for (int round = 0; round < ROUNDS / 3; round++) {
		struct pair pair;
		uint32_t count;
		size_t length = random_frames(random, &count);
		size_t queued = 0;
		size_t received = 0;

		pair_open(&pair, MEMORY);
		for (int step = 0; received < length && step < 1000000; step++) {
			uint32_t more = random_stream_below(random, 5);
			ssize_t read_now;

			for (; more && queued < length; more--) {
				size_t one = bytes_load_u16(bytes + queued);

				CU_ASSERT_EQUAL_FATAL(
					stream_connection_queue(&pair.connection, &pair.memory,
						bytes + queued + 2, one),
					0);
				queued += 2 + one;
			}
			(void)stream_loop_wait(&pair.loop, 0);
			stream_loop_dispatch(&pair.loop, 0);
			CU_ASSERT_TRUE_FATAL(
				stream_connection_send(&pair.connection, &pair.memory) >= 0);
			read_now = read(pair.fd, got + received, random_piece(random));
			received += read_now > 0 ? (size_t)read_now : 0;
		}
		CU_ASSERT_EQUAL(received, length);
		CU_ASSERT_EQUAL(memcmp(got, bytes, length), 0);
		CU_ASSERT_EQUAL(stream_connection_output(&pair.connection), 0);
		pair_close(&pair);
	}
	random_stream_destroy(random);
}

static void memory_has_a_limit_and_what_was_there_stays(void)
{
	static uint8_t message[40000];
	struct pair pair;

	pair_open(&pair, 65536);
	memset(message, 'a', sizeof(message));
	CU_ASSERT_EQUAL(
		stream_connection_queue(&pair.connection, &pair.memory, message, sizeof(message)),
		0);
	CU_ASSERT_EQUAL(
		stream_connection_queue(&pair.connection, &pair.memory, message, sizeof(message)),
		-ENOBUFS);
	CU_ASSERT_EQUAL(stream_connection_output(&pair.connection), 2 + sizeof(message));
	CU_ASSERT_EQUAL(
		stream_connection_keep(&pair.connection, &pair.memory, message, 1), -ENOBUFS);
	CU_ASSERT_EQUAL(stream_connection_send(&pair.connection, &pair.memory),
		2 + (ssize_t)sizeof(message));
	CU_ASSERT_EQUAL(pair.memory.bytes, 0);
	CU_ASSERT_EQUAL(stream_connection_keep(&pair.connection, &pair.memory, message, 1), 0);
	pair_close(&pair);
}

static void a_reset_is_an_error_and_no_signal(void)
{
	static const uint8_t message[12];
	struct pair pair;

	pair_open(&pair, MEMORY);
	CU_ASSERT_EQUAL(close(pair.fd), 0);
	CU_ASSERT_EQUAL(
		stream_connection_queue(&pair.connection, &pair.memory, message, sizeof(message)),
		0);
	CU_ASSERT_EQUAL(stream_connection_send(&pair.connection, &pair.memory), -EPIPE);
	pair.fd = -1;
	pair_close(&pair);
}

static const struct unit_case cases[] = {
	{"a frame is taken when it is whole", a_frame_is_taken_when_it_is_whole},
	{"a stream in any pieces is the same messages",
		a_stream_in_any_pieces_is_the_same_messages},
	{"what is sent arrives, whatever the reader takes",
		what_is_sent_arrives_whatever_the_reader_takes},
	{"memory has a limit, and what was there stays",
		memory_has_a_limit_and_what_was_there_stays},
	{"a reset is an error and no signal", a_reset_is_an_error_and_no_signal},
};

UNIT_MAIN("stream_connection", cases)
