// SPDX-License-Identifier: BSD-3-Clause
#include "stream/connection.h"

#include <sys/socket.h>

// A record, and about what is sent at a time; what waits stays plaintext, and counted.
#define ENCRYPTED_AT_ONCE 16384u

// A start of a message longer than this is not copied again for every packet of its rest.
#define KEPT_SHORT 2048u

int stream_connection_open(struct stream_connection *connection, struct stream_loop *loop, int fd)
{
	connection->watch.fd = fd;
	return stream_loop_add(loop, &connection->watch, STREAM_CONNECTION_EVENTS);
}

bool stream_connection_note(struct stream_connection *connection, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP) && !connection->has_ended)
		connection->may_read = true;
	if (events & EPOLLRDHUP)
		connection->may_end = true;
	if (events & EPOLLOUT)
		connection->is_blocked = false;
	if (events & (EPOLLERR | EPOLLHUP))
		connection->is_lost = true;
	return !connection->is_lost;
}

// Returns how many bytes came, 0 when none did (has_ended tells why), or -errno.
static ssize_t connection_pull_raw(
	struct stream_connection *connection, uint8_t *bytes, size_t room)
{
	ssize_t got;

	if (!connection->may_read)
		return 0;
	got = recv(connection->watch.fd, bytes, room, 0);
	if (got < 0) {
		if (errno != EAGAIN && errno != EINTR) {
			connection->is_lost = true;
			return -errno;
		}
		connection->may_read = errno == EINTR;
		return 0;
	}
	if (got == 0)
		connection->has_ended = true;
	// Less than there was room for: that was all, and what comes now is an event.
	if (got == 0 || ((size_t)got < room && !connection->may_end))
		connection->may_read = false;
	return got;
}

// What the session makes of ciphertext that came.
static ssize_t connection_decrypt(
	struct stream_connection *connection, uint8_t *bytes, size_t room, uint64_t now)
{
	size_t length = tls_session_read(connection->tls, bytes, room, now);
	enum tls_state state = tls_session_state(connection->tls);

	if (state == TLS_STATE_FAILED && !length)
		return -EPROTO;
	// There may be more plaintext in the session, or there is a failure to be told.
	if (length == room || state == TLS_STATE_FAILED)
		connection->may_read = true;
	if (state == TLS_STATE_CLOSED) {
		connection->has_ended = true;
		connection->may_read = false;
	}
	return (ssize_t)length;
}

static ssize_t connection_pull_tls(
	struct stream_connection *connection, uint8_t *bytes, size_t room, uint64_t now)
{
	uint8_t ciphertext[STREAM_READ_MOST];
	size_t ciphertext_room = tls_session_input_room(connection->tls);
	ssize_t got = connection_decrypt(connection, bytes, room, now);

	if (ciphertext_room > sizeof(ciphertext))
		ciphertext_room = sizeof(ciphertext);
	if (got == 0 && ciphertext_room && !connection->has_ended) {
		got = connection_pull_raw(connection, ciphertext, ciphertext_room);
		if (got <= 0)
			return got;
		(void)tls_session_receive(connection->tls, ciphertext, (size_t)got, now);
		got = connection_decrypt(connection, bytes, room, now);
	}
	return got;
}

static ssize_t connection_pull(
	struct stream_connection *connection, uint8_t *bytes, size_t room, uint64_t now)
{
	if (connection->tls)
		return connection_pull_tls(connection, bytes, room, now);
	return connection_pull_raw(connection, bytes, room);
}

// Length of the frame at the start of what is kept; as much as is known of it.
static uint32_t kept_frame_length(const struct stream_buffer *input)
{
	if (stream_buffer_length(input) < STREAM_LENGTH_BYTES)
		return STREAM_LENGTH_BYTES;
	return STREAM_LENGTH_BYTES + bytes_load_u16(stream_buffer_at(input));
}

static size_t connection_move_kept(
	struct stream_connection *connection, struct stream_memory *memory, uint8_t *room)
{
	size_t length = stream_buffer_length(&connection->input);

	if (length) {
		memcpy(room, stream_buffer_at(&connection->input), length);
		stream_buffer_release(memory, &connection->input);
	}
	return length;
}

// Receives behind a long start of a message, no further than its end. The buffer grows with what has
// come, not with what was announced.
static ssize_t connection_receive_rest(struct stream_connection *connection,
	struct stream_memory *memory, size_t frame_length, uint8_t *room, uint64_t now)
{
	struct stream_buffer *input = &connection->input;
	size_t rest = frame_length - stream_buffer_length(input);
	ssize_t got;

	if (rest > STREAM_READ_MOST)
		rest = STREAM_READ_MOST;
	if (rest > stream_buffer_length(input))
		rest = stream_buffer_length(input);
	if (stream_buffer_reserve(memory, input, rest) < 0)
		return -ENOBUFS;
	got = connection_pull(connection, input->bytes + input->end, rest, now);
	if (got < 0)
		return got;
	input->end += (uint32_t)got;
	if (stream_buffer_length(input) < frame_length)
		return 0;
	return (ssize_t)connection_move_kept(connection, memory, room);
}

ssize_t stream_connection_receive(struct stream_connection *connection,
	struct stream_memory *memory, uint8_t *room, uint64_t now)
{
	size_t kept = stream_buffer_length(&connection->input);
	size_t frame_length = kept_frame_length(&connection->input);
	ssize_t got;

	if (kept >= frame_length)
		return (ssize_t)connection_move_kept(connection, memory, room);
	if (kept > KEPT_SHORT)
		return connection_receive_rest(connection, memory, frame_length, room, now);
	got = connection_pull(connection, room + kept, STREAM_READ_MOST, now);
	if (got <= 0)
		return got;
	(void)connection_move_kept(connection, memory, room);
	return (ssize_t)kept + got;
}

int stream_connection_keep(struct stream_connection *connection, struct stream_memory *memory,
	const uint8_t *bytes, size_t length)
{
	return length ? stream_buffer_append(memory, &connection->input, bytes, length) : 0;
}

int stream_connection_queue(struct stream_connection *connection, struct stream_memory *memory,
	const uint8_t *message, size_t length)
{
	struct stream_buffer *output = &connection->output;

	if (stream_buffer_reserve(memory, output, STREAM_LENGTH_BYTES + length) < 0)
		return -ENOBUFS;
	bytes_store_u16(output->bytes + output->end, (uint16_t)length);
	memcpy(output->bytes + output->end + STREAM_LENGTH_BYTES, message, length);
	output->end += (uint32_t)(STREAM_LENGTH_BYTES + length);
	return 0;
}

// Returns how many of the bytes the kernel took, or -errno.
static ssize_t connection_push(
	struct stream_connection *connection, const uint8_t *bytes, size_t length)
{
	ssize_t sent = send(connection->watch.fd, bytes, length, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR) {
		connection->is_lost = true;
		return -errno;
	}
	if (sent < 0)
		sent = 0;
	// The kernel took less than all: it tells when it takes more.
	if ((size_t)sent < length)
		connection->is_blocked = true;
	return sent;
}

// Sends what is encrypted. Returns how many bytes went, or -errno.
static ssize_t connection_push_encrypted(struct stream_connection *connection)
{
	size_t length;
	const uint8_t *bytes = tls_session_output(connection->tls, &length);
	ssize_t sent;

	if (!length || connection->is_blocked)
		return 0;
	sent = connection_push(connection, bytes, length);
	if (sent > 0)
		tls_session_output_sent(connection->tls, (size_t)sent);
	return sent;
}

static size_t frame_length_at(const uint8_t *bytes)
{
	return STREAM_LENGTH_BYTES + bytes_load_u16(bytes);
}

// How many bytes of output, which are whole messages, go into a record: the first message, and those
// behind it that fit.
static size_t record_of_several(const uint8_t *output, size_t length)
{
	size_t taken = frame_length_at(output);

	if (length <= ENCRYPTED_AT_ONCE)
		return length;
	while (taken < length && taken + frame_length_at(output + taken) <= ENCRYPTED_AT_ONCE)
		taken += frame_length_at(output + taken);
	return taken;
}

// How much of the output goes into the next record; 0: there is none.
static size_t connection_next_record(struct stream_connection *connection)
{
	size_t length = stream_buffer_length(&connection->output);
	const uint8_t *output;
	size_t first;

	if (!length)
		return 0;
	if (connection->records == STREAM_RECORDS_FULL)
		return length < ENCRYPTED_AT_ONCE ? length : ENCRYPTED_AT_ONCE;
	// It always starts with a whole message then.
	output = stream_buffer_at(&connection->output);
	first = frame_length_at(output);
	if (connection->records == STREAM_RECORDS_OF_SEVERAL)
		length = record_of_several(output, length);
	else
		length = first;
	connection->was_joined = length > first;
	return length;
}

// Encrypts until there is a good piece to send, or nothing more. 0 or -errno.
static int connection_encrypt(struct stream_connection *connection, struct stream_memory *memory)
{
	for (;;) {
		size_t length = connection_next_record(connection);
		size_t encrypted;
		int error;

		(void)tls_session_output(connection->tls, &encrypted);
		if (!length || encrypted >= ENCRYPTED_AT_ONCE)
			return 0;
		error = tls_session_write(
			connection->tls, stream_buffer_at(&connection->output), length);
		if (error)
			return error;
		stream_buffer_take(memory, &connection->output, length);
	}
}

static ssize_t connection_send_tls(
	struct stream_connection *connection, struct stream_memory *memory)
{
	ssize_t total = 0;

	for (;;) {
		int error =
			connection->is_blocked ? -EAGAIN : connection_encrypt(connection, memory);
		ssize_t sent;

		if (error && error != -EAGAIN)
			return error;
		sent = connection_push_encrypted(connection);
		if (sent < 0)
			return sent;
		total += sent;
		if (error || connection->is_blocked || !stream_buffer_length(&connection->output))
			return total;
	}
}

ssize_t stream_connection_send(struct stream_connection *connection, struct stream_memory *memory)
{
	size_t length = stream_buffer_length(&connection->output);
	ssize_t sent;

	if (connection->tls)
		return connection_send_tls(connection, memory);
	if (!length || connection->is_blocked)
		return 0;
	sent = connection_push(connection, stream_buffer_at(&connection->output), length);
	if (sent > 0)
		stream_buffer_take(memory, &connection->output, (size_t)sent);
	return sent;
}

// An alert that is among the output, or a close_notify.
static void connection_say_goodbye(struct stream_connection *connection)
{
	tls_session_shutdown(connection->tls);
	(void)connection_push_encrypted(connection);
}

void stream_connection_close(struct stream_connection *connection, struct stream_loop *loop,
	struct stream_memory *memory)
{
	if (connection->tls && connection->watch.fd >= 0 && !connection->is_lost)
		connection_say_goodbye(connection);
	tls_session_destroy(connection->tls);
	connection->tls = NULL;
	stream_loop_close(loop, &connection->watch);
	stream_buffer_release(memory, &connection->input);
	stream_buffer_release(memory, &connection->output);
}
