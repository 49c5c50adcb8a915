// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

#define CLOSES_A_FLUSH 64u // of connections that timed out: the rest waits for the next turn
// With more than this part of all connections open, they are given a quarter of the time.
#define PRESSURE_NUMERATOR 3u
#define PRESSURE_DENOMINATOR 4u

uint64_t stream_clients_idle_timeout(const struct stream_clients *clients)
{
	uint64_t open = clients->counters.open;
	uint64_t most = clients->options.connections_most;

	if (open * PRESSURE_DENOMINATOR > most * PRESSURE_NUMERATOR)
		return clients->options.idle_timeout / 4;
	return clients->options.idle_timeout;
}

// Why it has to be closed now; STREAM_CLOSE_REASONS: it has not.
static enum stream_close_reason client_why_close(
	const struct stream_clients *clients, const struct stream_client *client)
{
	const struct stream_connection *connection = &client->connection;

	if (client->doom != STREAM_CLOSE_REASONS)
		return client->doom;
	if (client->in_flight || stream_connection_output(connection))
		return STREAM_CLOSE_REASONS;
	if (clients->is_stopped)
		return STREAM_CLOSE_STOP;
	// Whole messages may still be kept.
	if (!connection->has_ended || client->is_paused || client->is_to_read)
		return STREAM_CLOSE_REASONS;
	return connection->input.bytes ? STREAM_CLOSE_PARTIAL : STREAM_CLOSE_PEER;
}

// A quarter of the limit has to be free, so that reading goes on in bursts.
static void client_resume(struct stream_clients *clients, struct stream_client *client)
{
	uint32_t most = clients->options.in_flight_most;

	if (!client->is_paused || client_is_stalled(client) ||
		client->in_flight > most - most / 4 || client->in_flight == most)
		return;
	client->is_paused = false;
	client_to_read(clients, client);
}

static void client_flush(struct stream_clients *clients, struct stream_client *client, uint64_t now)
{
	enum stream_close_reason why;
	ssize_t sent = 0;

	if (client->doom == STREAM_CLOSE_REASONS)
		sent = stream_connection_send(&client->connection, &clients->memory);
	if (sent < 0) {
		client_close(clients, client, STREAM_CLOSE_RESET);
		return;
	}
	client_resume(clients, client);
	why = client_why_close(clients, client);
	if (why != STREAM_CLOSE_REASONS) {
		client_close(clients, client, why);
		return;
	}
	client_requeue(clients, client, now);
	if (sent && client->queue != STREAM_QUEUE_BUSY &&
		client->queue != STREAM_QUEUE_HANDSHAKING) {
		client_dequeue(clients, client);
		client_enqueue(clients, client, client->queue, now);
	}
}

// Closes what stands in the queue longer than `timeout`, up to `most`. Returns how many.
static uint32_t clients_close_overdue(struct stream_clients *clients,
	enum stream_client_queue queue, enum stream_close_reason reason, uint32_t most,
	uint64_t now)
{
	uint64_t timeout = stream_clients_idle_timeout(clients);
	uint32_t closed = 0;

	while (closed < most && clients->queues[queue].first != STREAM_SLOT_NONE) {
		struct stream_client *client = &clients->slots[clients->queues[queue].first];

		if (now <= client->since || now - client->since <= timeout)
			break;
		client_close(clients, client, reason);
		closed++;
	}
	return closed;
}

static void clients_expire(struct stream_clients *clients, uint64_t now)
{
	uint32_t most = CLOSES_A_FLUSH;

	most -= clients_close_overdue(clients, STREAM_QUEUE_IDLE, STREAM_CLOSE_IDLE, most, now);
	most -= clients_close_overdue(
		clients, STREAM_QUEUE_STALLED, STREAM_CLOSE_STALLED, most, now);
	most -= clients_close_overdue(
		clients, STREAM_QUEUE_HANDSHAKING, STREAM_CLOSE_IDLE, most, now);
	clients->has_overdue = most == 0;
	clients_listeners_resume(clients, now);
}

void stream_clients_flush(struct stream_clients *clients, uint64_t now)
{
	// Nothing is added while this goes on: closing one marks no other.
	for (uint32_t i = 0; i < clients->to_flush.count; i++) {
		struct stream_client *client = &clients->slots[clients->to_flush.slots[i]];

		client->is_to_flush = false;
		if (!client->is_open)
			client_release(clients, client);
		else
			client_flush(clients, client, now);
	}
	clients->to_flush.count = 0;
	clients->handshakes_left = STREAM_HANDSHAKES_A_TURN;
	clients_expire(clients, now);
}

static uint64_t clients_queue_time(
	const struct stream_clients *clients, enum stream_client_queue queue)
{
	uint32_t first = clients->queues[queue].first;

	if (first == STREAM_SLOT_NONE)
		return STREAM_LOOP_FOR_EVER;
	// One more: at the timeout it is still good.
	return clients->slots[first].since + stream_clients_idle_timeout(clients) + 1;
}

uint64_t stream_clients_next_time(const struct stream_clients *clients)
{
	static const enum stream_client_queue timed[] = {
		STREAM_QUEUE_IDLE, STREAM_QUEUE_STALLED, STREAM_QUEUE_HANDSHAKING};
	uint64_t next = STREAM_LOOP_FOR_EVER;

	if (clients->to_read.count || clients->to_flush.count || clients->has_overdue)
		return 0;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(timed); i++) {
		uint64_t time = clients_queue_time(clients, timed[i]);

		next = time < next ? time : next;
	}
	for (int i = 0; clients->listeners_paused && i < clients->listener_count; i++) {
		const struct stream_listener *listener = clients->listeners[i];

		if (listener && listener->paused_until && listener->paused_until < next)
			next = listener->paused_until;
	}
	return next;
}
