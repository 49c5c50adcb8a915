// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

#include <unistd.h>

#include "stream/address.h"

void client_release(struct stream_clients *clients, struct stream_client *client)
{
	if (client->is_open || client->is_to_read || client->is_to_flush)
		return;
	client->next = clients->first_free;
	clients->first_free = client_slot(clients, client);
}

void client_close(struct stream_clients *clients, struct stream_client *client,
	enum stream_close_reason reason)
{
	stream_connection_close(&client->connection, clients->loop, &clients->memory);
	stream_prefixes_give_back(&clients->prefixes, client->prefix);
	client_dequeue(clients, client);
	clients->counters.closed[reason]++;
	clients->counters.open--;
	clients->counters.in_flight -= client->in_flight;
	client->generation++;
	client->is_open = false;
	client_release(clients, client);
}

// Which of two first ones of their queues stands there longer.
static uint32_t clients_older(const struct stream_clients *clients, uint32_t one, uint32_t other)
{
	if (one == STREAM_SLOT_NONE || other == STREAM_SLOT_NONE)
		return one == STREAM_SLOT_NONE ? other : one;
	return clients->slots[one].since <= clients->slots[other].since ? one : other;
}

bool clients_make_room(struct stream_clients *clients)
{
	uint32_t slot = clients_older(clients, clients->queues[STREAM_QUEUE_IDLE].first,
		clients->queues[STREAM_QUEUE_HANDSHAKING].first);

	if (slot == STREAM_SLOT_NONE)
		slot = clients->queues[STREAM_QUEUE_STALLED].first;
	if (slot == STREAM_SLOT_NONE)
		return false;
	client_close(clients, &clients->slots[slot], STREAM_CLOSE_PRESSURE);
	return true;
}

static void clients_make_room_for_handshake(struct stream_clients *clients)
{
	const struct stream_queue *handshaking = &clients->queues[STREAM_QUEUE_HANDSHAKING];

	if (handshaking->count >= clients->options.handshakes_most)
		client_close(clients, &clients->slots[handshaking->first], STREAM_CLOSE_PRESSURE);
}

// Takes a free slot, if need be from a client that is idle.
static struct stream_client *clients_take_slot(struct stream_clients *clients)
{
	struct stream_client *client;

	if (clients->counters.open >= clients->options.connections_most &&
		!clients_make_room(clients))
		return NULL;
	// There are some more slots than connections, for those closed that still stand in a list.
	if (clients->first_free == STREAM_SLOT_NONE)
		return NULL;
	client = &clients->slots[clients->first_free];
	clients->first_free = client->next;
	return client;
}

// The address that the client connected to.
static struct net_endpoint client_local(const struct stream_listener *listener, int fd)
{
	struct net_endpoint local = listener->endpoint;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (listener->any_address && getsockname(fd, (struct sockaddr *)&address, &length) == 0)
		stream_address_to_endpoint(&address, &local);
	return local;
}

// A client in the slot that was taken for it.
static void client_begin(struct stream_clients *clients, struct stream_client *client, int fd,
	const struct stream_listener *listener, uint64_t now)
{
	struct stream_connection *connection = &client->connection;
	int error = -ENOMEM;

	client_enqueue(
		clients, client, listener->tls ? STREAM_QUEUE_HANDSHAKING : STREAM_QUEUE_IDLE, now);
	clients->counters.accepted++;
	clients->counters.open++;
	if (listener->tls)
		connection->tls = tls_session_create_server(listener->tls);
	if (!listener->tls || connection->tls)
		error = stream_connection_open(connection, clients->loop, fd);
	else
		connection->watch.fd = fd;
	if (error)
		client_close(clients, client, STREAM_CLOSE_MEMORY);
}

void clients_open(struct stream_clients *clients, const struct stream_listener *listener, int fd,
	const struct net_endpoint *peer, uint64_t now)
{
	uint32_t prefix = stream_prefixes_take(&clients->prefixes, &peer->address);
	struct stream_client *client;

	if (prefix == STREAM_PREFIX_NONE) {
		clients->counters.refused_prefix++;
		close(fd);
		return;
	}
	if (listener->tls)
		clients_make_room_for_handshake(clients);
	client = clients_take_slot(clients);
	if (!client) {
		clients->counters.refused_full++;
		stream_prefixes_give_back(&clients->prefixes, prefix);
		close(fd);
		return;
	}
	*client = (struct stream_client){
		.connection.watch = {.fd = -1, .ready = client_ready, .context = clients},
		.generation = client->generation,
		.prefix = prefix,
		.local = client_local(listener, fd),
		.peer = *peer,
		.doom = STREAM_CLOSE_REASONS,
		.is_open = true,
	};
	client_begin(clients, client, fd, listener, now);
}
