// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

static void clients_hand_over_batch(struct stream_clients *clients, uint64_t now)
{
	uint32_t count = clients->batch_count;

	clients->batch_count = 0;
	clients->inbox_used = 0;
	if (count)
		clients->handler.queries(clients->handler.context, clients->batch, count, now);
}

static void client_add_query(struct stream_clients *clients, struct stream_client *client,
	const uint8_t *message, uint32_t length, uint64_t now)
{
	if (clients->batch_count == STREAM_BATCH)
		clients_hand_over_batch(clients, now);
	client->in_flight++;
	clients->counters.in_flight++;
	clients->counters.queries++;
	clients->batch[clients->batch_count++] = (struct stream_query){
		.client = client_handle(clients, client),
		.local = client->local,
		.peer = client->peer,
		.bytes = message,
		.length = (uint16_t)length,
		.is_tls = client->connection.tls != NULL,
	};
}

static bool client_takes_queries(
	const struct stream_clients *clients, const struct stream_client *client)
{
	return !client_is_stalled(client) && client->in_flight < clients->options.in_flight_most;
}

// Takes whole messages until the limit. 0, or -EBADMSG.
static int client_parse(struct stream_clients *clients, struct stream_client *client,
	struct byte_reader *reader, uint64_t now)
{
	while (client->in_flight < clients->options.in_flight_most) {
		const uint8_t *message;
		uint32_t length;
		int whole = stream_frame_take(reader, &message, &length);

		if (whole <= 0)
			return whole;
		client_add_query(clients, client, message, length, now);
	}
	client->is_paused = true;
	clients->counters.paused++;
	return 0;
}

// What was read at `room` becomes queries; the rest is kept.
static void client_take_input(struct stream_clients *clients, struct stream_client *client,
	const uint8_t *room, size_t length, uint64_t now)
{
	struct byte_reader reader = byte_reader_make(room, length);
	int error = client_parse(clients, client, &reader, now);

	// A batch that was handed over in the midst has left the front to others, but only this one reads.
	clients->inbox_used = clients->batch_count ? (size_t)(reader.at - clients->inbox) : 0;
	if (error) {
		client_close(clients, client, STREAM_CLOSE_MALFORMED);
		return;
	}
	if (stream_connection_keep(&client->connection, &clients->memory, reader.at,
		    byte_reader_left(&reader)) < 0) {
		client_close(clients, client, STREAM_CLOSE_MEMORY);
		return;
	}
	client_requeue(clients, client, now);
}

static enum stream_close_reason client_reason(ssize_t error)
{
	if (error == -EPROTO)
		return STREAM_CLOSE_TLS;
	return error == -ENOBUFS ? STREAM_CLOSE_MEMORY : STREAM_CLOSE_RESET;
}

static void client_count_handshake(
	struct stream_clients *clients, struct stream_client *client, uint64_t now)
{
	const struct tls_session *session = client->connection.tls;

	if (!session || client->is_established ||
		(tls_session_state(session) != TLS_STATE_ESTABLISHED &&
			tls_session_state(session) != TLS_STATE_CLOSED))
		return;
	client->is_established = true;
	clients->counters.handshakes++;
	if (tls_session_was_resumed(session))
		clients->counters.resumed++;
	client_requeue(clients, client, now);
}

// False: its handshake goes on in the next turn.
static bool client_has_turn(struct stream_clients *clients, const struct stream_client *client)
{
	if (!client->connection.tls || client->is_established)
		return true;
	if (!clients->handshakes_left)
		return false;
	clients->handshakes_left--;
	return true;
}

static void client_tell_refusal(
	const struct stream_clients *clients, const struct stream_client *client)
{
	const struct tls_session *session = client->connection.tls;
	char reason[TLS_ERROR_TEXT];

	if (clients->handler.certificate_refused && tls_session_refused_certificate(session))
		clients->handler.certificate_refused(clients->handler.context, &client->peer,
			tls_session_failure(session, reason));
}

static void client_read(struct stream_clients *clients, struct stream_client *client, uint64_t now)
{
	ssize_t length;
	uint8_t *room;

	if (!client_has_turn(clients, client)) {
		client_to_read(clients, client);
		return;
	}
	if (!client_takes_queries(clients, client)) {
		client->is_paused = true;
		return;
	}
	if (STREAM_INBOX_BYTES - clients->inbox_used < STREAM_ROOM_LEAST)
		clients_hand_over_batch(clients, now);
	room = clients->inbox + clients->inbox_used;
	length = stream_connection_receive(&client->connection, &clients->memory, room, now);
	client_count_handshake(clients, client, now);
	if (length < 0) {
		if (length == -EPROTO)
			client_tell_refusal(clients, client);
		client_close(clients, client, client_reason(length));
		return;
	}
	if (length > 0)
		client_take_input(clients, client, room, (size_t)length, now);
	if (!client->is_open)
		return;
	if (client->connection.has_ended || stream_connection_output(&client->connection))
		client_to_flush(clients, client);
	if (client->connection.may_read && !client->is_paused)
		client_to_read(clients, client);
}

void client_ready(struct stream_watch *watch, uint32_t events, uint64_t now)
{
	struct stream_client *client = (struct stream_client *)watch;
	struct stream_clients *clients = watch->context;

	if (!stream_connection_note(&client->connection, events)) {
		client_close(clients, client, STREAM_CLOSE_RESET);
		return;
	}
	if (events & EPOLLOUT && stream_connection_output(&client->connection))
		client_to_flush(clients, client);
	if (client->connection.may_read)
		client_read(clients, client, now);
}

void stream_clients_hand_over(struct stream_clients *clients, uint64_t now)
{
	uint32_t count = clients->to_read.count;

	// Those that have more to read after this stand behind, for the next turn.
	for (uint32_t i = 0; i < count; i++) {
		struct stream_client *client = &clients->slots[clients->to_read.slots[i]];

		client->is_to_read = false;
		if (!client->is_open)
			client_release(clients, client);
		else
			client_read(clients, client, now);
	}
	stream_slots_take(&clients->to_read, count);
	clients_hand_over_batch(clients, now);
}
