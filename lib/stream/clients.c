// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/table_memory.h"

#define CONNECTIONS_MOST (1u << 20)
// Slots of closed connections that still stand in a list.
#define SLOTS_SPARE 256u

struct stream_clients_options stream_clients_defaults(void)
{
	return (struct stream_clients_options){
		.connections_most = 16384,
		.handshakes_most = 1024,
		.prefix_connections_most = 2048,
		.prefix_ipv4_bits = 24,
		.prefix_ipv6_bits = 56,
		.in_flight_most = 256,
		.idle_timeout = 10 * CLOCK_SECOND,
		.output_most = 256 * 1024,
		.memory_most = (size_t)256 * 1024 * 1024,
	};
}

static bool options_are_good(const struct stream_clients_options *options)
{
	return options->connections_most && options->connections_most <= CONNECTIONS_MOST &&
	       options->handshakes_most && options->in_flight_most && options->idle_timeout &&
	       options->memory_most && options->output_most >= STREAM_FRAME_MOST;
}

static int clients_allocate(struct stream_clients *clients)
{
	const struct stream_clients_options *options = &clients->options;
	int error = stream_prefixes_init(&clients->prefixes, clients->slot_count,
		options->prefix_connections_most, options->prefix_ipv4_bits,
		options->prefix_ipv6_bits, options->hash_key);

	clients->slots =
		table_memory_allocate_zeroed(clients->slot_count * sizeof(*clients->slots));
	clients->inbox = table_memory_allocate(STREAM_INBOX_BYTES);
	if (!error && (!clients->slots || !clients->inbox))
		error = -ENOMEM;
	if (!error)
		error = stream_slots_init(&clients->to_read, clients->slot_count);
	if (!error)
		error = stream_slots_init(&clients->to_flush, clients->slot_count);
	return error;
}

struct stream_clients *stream_clients_create(struct stream_loop *loop,
	const struct stream_clients_options *options, const struct stream_query_handler *handler)
{
	struct stream_clients *clients;
	int error;

	if (!options_are_good(options)) {
		errno = EINVAL;
		return NULL;
	}
	clients = table_memory_allocate_zeroed(sizeof(*clients));
	if (!clients)
		return NULL;
	clients->loop = loop;
	clients->options = *options;
	clients->handler = *handler;
	clients->memory.bytes_most = options->memory_most;
	clients->handshakes_left = STREAM_HANDSHAKES_A_TURN;
	clients->slot_count = options->connections_most + SLOTS_SPARE;
	clients_queues_init(clients);
	error = clients_allocate(clients);
	if (error) {
		stream_clients_destroy(clients);
		errno = -error;
		return NULL;
	}
	clients->first_free = STREAM_SLOT_NONE;
	for (uint32_t slot = clients->slot_count; slot-- > 0;) {
		clients->slots[slot].generation = 1;
		client_release(clients, &clients->slots[slot]);
	}
	return clients;
}

void stream_clients_destroy(struct stream_clients *clients)
{
	if (!clients)
		return;
	clients_listeners_close(clients);
	for (uint32_t slot = 0; clients->slots && slot < clients->slot_count; slot++) {
		if (clients->slots[slot].is_open)
			client_close(clients, &clients->slots[slot], STREAM_CLOSE_STOP);
	}
	stream_memory_fini(&clients->memory);
	stream_prefixes_fini(&clients->prefixes);
	free(clients->slots);
	free(clients->inbox);
	stream_slots_fini(&clients->to_read);
	stream_slots_fini(&clients->to_flush);
	free(clients);
}

// The client that a query came from, with one query less in flight; NULL: it is closed.
static struct stream_client *clients_finish_query(
	struct stream_clients *clients, stream_handle handle)
{
	uint32_t slot = (uint32_t)handle;
	struct stream_client *client = &clients->slots[slot];

	if (slot >= clients->slot_count || client->generation != handle >> 32 || !client->is_open ||
		!client->in_flight) {
		clients->counters.late++;
		return NULL;
	}
	client->in_flight--;
	clients->counters.in_flight--;
	client_to_flush(clients, client);
	return client;
}

void stream_clients_answer(
	struct stream_clients *clients, stream_handle handle, const uint8_t *bytes, size_t length)
{
	struct stream_client *client = clients_finish_query(clients, handle);

	if (!client)
		return;
	clients->counters.answers++;
	if (client->doom != STREAM_CLOSE_REASONS)
		return;
	if (stream_connection_output(&client->connection) + STREAM_LENGTH_BYTES + length >
		clients->options.output_most)
		client->doom = STREAM_CLOSE_OUTPUT;
	else if (stream_connection_queue(&client->connection, &clients->memory, bytes, length) < 0)
		client->doom = STREAM_CLOSE_MEMORY;
}

void stream_clients_drop(struct stream_clients *clients, stream_handle handle)
{
	if (clients_finish_query(clients, handle))
		clients->counters.dropped++;
}

void stream_clients_stop(struct stream_clients *clients)
{
	if (clients->is_stopped)
		return;
	clients->is_stopped = true;
	clients_listeners_close(clients);
	for (uint32_t slot = 0; slot < clients->slot_count; slot++) {
		if (clients->slots[slot].is_open)
			client_to_flush(clients, &clients->slots[slot]);
	}
}

const struct stream_clients_counters *stream_clients_counters(const struct stream_clients *clients)
{
	return &clients->counters;
}

const char *stream_close_reason_name(enum stream_close_reason reason)
{
	static const char *const names[STREAM_CLOSE_REASONS] = {
		[STREAM_CLOSE_PEER] = "peer",
		[STREAM_CLOSE_RESET] = "reset",
		[STREAM_CLOSE_IDLE] = "idle",
		[STREAM_CLOSE_PRESSURE] = "pressure",
		[STREAM_CLOSE_STALLED] = "stalled",
		[STREAM_CLOSE_OUTPUT] = "output",
		[STREAM_CLOSE_MEMORY] = "memory",
		[STREAM_CLOSE_MALFORMED] = "malformed",
		[STREAM_CLOSE_PARTIAL] = "partial",
		[STREAM_CLOSE_TLS] = "tls",
		[STREAM_CLOSE_STOP] = "stop",
	};

	return names[reason];
}
