// SPDX-License-Identifier: BSD-3-Clause
#include "stream/clients_private.h"

void clients_queues_init(struct stream_clients *clients)
{
	for (int queue = 0; queue < STREAM_QUEUES; queue++)
		clients->queues[queue] =
			(struct stream_queue){STREAM_SLOT_NONE, STREAM_SLOT_NONE, 0};
}

void client_enqueue(struct stream_clients *clients, struct stream_client *client,
	enum stream_client_queue queue, uint64_t now)
{
	struct stream_queue *ends = &clients->queues[queue];
	uint32_t slot = client_slot(clients, client);

	client->queue = (uint8_t)queue;
	client->since = now;
	client->next = STREAM_SLOT_NONE;
	client->previous = ends->last;
	if (ends->last == STREAM_SLOT_NONE)
		ends->first = slot;
	else
		clients->slots[ends->last].next = slot;
	ends->last = slot;
	ends->count++;
}

void client_dequeue(struct stream_clients *clients, struct stream_client *client)
{
	struct stream_queue *ends = &clients->queues[client->queue];

	if (client->previous == STREAM_SLOT_NONE)
		ends->first = client->next;
	else
		clients->slots[client->previous].next = client->next;
	if (client->next == STREAM_SLOT_NONE)
		ends->last = client->previous;
	else
		clients->slots[client->next].previous = client->previous;
	ends->count--;
}

void client_requeue(struct stream_clients *clients, struct stream_client *client, uint64_t now)
{
	enum stream_client_queue queue = STREAM_QUEUE_IDLE;

	if (client->connection.tls && !client->is_established)
		queue = STREAM_QUEUE_HANDSHAKING;
	else if (client_is_stalled(client))
		queue = STREAM_QUEUE_STALLED;
	else if (client->in_flight)
		queue = STREAM_QUEUE_BUSY;
	if (queue == client->queue)
		return;
	client_dequeue(clients, client);
	client_enqueue(clients, client, queue, now);
}

void client_to_read(struct stream_clients *clients, struct stream_client *client)
{
	stream_slots_add(&clients->to_read, client_slot(clients, client), &client->is_to_read);
}

void client_to_flush(struct stream_clients *clients, struct stream_client *client)
{
	stream_slots_add(&clients->to_flush, client_slot(clients, client), &client->is_to_flush);
}
