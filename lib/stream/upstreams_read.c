// SPDX-License-Identifier: BSD-3-Clause
#include "stream/upstreams_private.h"

static bool upstream_is_in_use(const struct stream_upstream *connection)
{
	return connection->state == STREAM_UPSTREAM_HANDSHAKING ||
	       connection->state == STREAM_UPSTREAM_OPEN;
}

// A handshake may have come to its end.
static void upstream_look_at_tls(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	const struct tls_session *session = connection->connection.tls;
	struct stream_upstream_counts *counts = &upstreams->counts[connection->upstream];
	enum tls_state state;

	if (connection->state != STREAM_UPSTREAM_HANDSHAKING)
		return;
	state = tls_session_state(session);
	if (state != TLS_STATE_ESTABLISHED && state != TLS_STATE_CLOSED)
		return;
	counts->handshakes++;
	if (tls_session_was_resumed(session))
		counts->resumed++;
	connection->state = STREAM_UPSTREAM_OPEN;
	proxy_streams_opened(upstreams->streams, upstream_slot(upstreams, connection), now);
}

static void upstream_tell_tls_failure(
	struct stream_upstreams *upstreams, const struct stream_upstream *connection)
{
	char reason[TLS_ERROR_TEXT];

	upstreams->counts[connection->upstream].tls_failed++;
	upstream_tell(
		upstreams, connection, tls_session_failure(connection->connection.tls, reason));
}

// Replies until one is not whole. 0, or -EBADMSG. A reply may lead to finish(), and then the rest is
// of no use.
static int upstream_parse(struct stream_upstreams *upstreams, struct stream_upstream *connection,
	struct byte_reader *reader, uint64_t now)
{
	while (connection->state == STREAM_UPSTREAM_OPEN) {
		const uint8_t *message;
		uint32_t length;
		int whole = stream_frame_take(reader, &message, &length);

		if (whole <= 0)
			return whole;
		connection->has_replied = true;
		if (bytes_load_u16(message) == connection->newest)
			connection->newest_is_answered = true;
		proxy_streams_received(upstreams->streams, upstream_slot(upstreams, connection),
			message, (uint16_t)length, now);
	}
	// Whatever comes after finish() is not looked at.
	reader->at = reader->end;
	return 0;
}

static void upstream_take_input(struct stream_upstreams *upstreams,
	struct stream_upstream *connection, size_t length, uint64_t now)
{
	struct byte_reader reader = byte_reader_make(upstreams->inbox, length);

	if (upstream_parse(upstreams, connection, &reader, now) < 0) {
		upstreams->counts[connection->upstream].malformed++;
		upstream_lost(upstreams, connection, PROXY_FAILURE_GARBAGE, now);
		return;
	}
	if (connection->state != STREAM_UPSTREAM_CLOSED &&
		stream_connection_keep(&connection->connection, &upstreams->memory, reader.at,
			byte_reader_left(&reader)) < 0)
		upstream_lost(upstreams, connection, PROXY_FAILURE_CLOSED, now);
}

// False: it is lost.
static bool upstream_receive(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	ssize_t length = stream_connection_receive(
		&connection->connection, &upstreams->memory, upstreams->inbox, now);

	if (length == -EPROTO) {
		if (upstream_is_in_use(connection))
			upstream_tell_tls_failure(upstreams, connection);
		upstream_lost(upstreams, connection, PROXY_FAILURE_TLS, now);
		return false;
	}
	if (length < 0) {
		upstream_lost_to_error(upstreams, connection, (int)length, now);
		return false;
	}
	upstream_look_at_tls(upstreams, connection, now);
	if (length > 0 && connection->http2)
		upstream_http2_receive(upstreams, connection, (size_t)length, now);
	else if (length > 0)
		upstream_take_input(upstreams, connection, (size_t)length, now);
	return connection->state != STREAM_UPSTREAM_CLOSED;
}

void upstream_read(
	struct stream_upstreams *upstreams, struct stream_upstream *connection, uint64_t now)
{
	uint16_t slot = upstream_slot(upstreams, connection);

	upstreams->now = now;
	if (!upstream_receive(upstreams, connection, now))
		return;
	if (connection->connection.has_ended) {
		upstream_lost(upstreams, connection, PROXY_FAILURE_CLOSED, now);
		return;
	}
	if (stream_connection_output(&connection->connection) ||
		(connection->http2 && stream_http2_wants_write(connection->http2)))
		stream_slots_add(&upstreams->to_flush, slot, &connection->is_to_flush);
	if (connection->connection.may_read)
		stream_slots_add(&upstreams->to_read, slot, &connection->is_to_read);
}

void stream_upstreams_read_on(struct stream_upstreams *upstreams, uint64_t now)
{
	uint32_t count = upstreams->to_read.count;

	upstreams->now = now;
	if (base_unlikely(upstreams->trial.connection.may_read))
		upstream_trial_read(upstreams, now);
	for (uint32_t i = 0; i < count; i++) {
		struct stream_upstream *connection = &upstreams->slots[upstreams->to_read.slots[i]];

		connection->is_to_read = false;
		if (connection->state != STREAM_UPSTREAM_FREE &&
			connection->state != STREAM_UPSTREAM_CLOSED)
			upstream_read(upstreams, connection, now);
	}
	stream_slots_take(&upstreams->to_read, count);
}
