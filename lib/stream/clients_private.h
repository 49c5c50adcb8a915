// SPDX-License-Identifier: BSD-3-Clause
// What the files of stream/clients share.
//
// A client stands in one of four queues: idle (nothing in flight), busy, stalled (the kernel takes no
// more of its answers), or in its handshake. Each is in the order of `since`, so that the first is the next to time out
// and the first to make room.
#pragma once

#include "stream/clients.h"
#include "stream/connection.h"
#include "stream/prefixes.h"
#include "stream/slots.h"

#define STREAM_BATCH 64 // queries handed over at a time, at the most
#define STREAM_INBOX_BYTES (4 * STREAM_ROOM_LEAST)
#define STREAM_LISTENERS_MOST 1024
// Reads a turn of clients whose handshake is not done. Each may cost a signature, and others wait.
#define STREAM_HANDSHAKES_A_TURN 8
#define STREAM_SLOT_NONE UINT32_MAX

enum stream_client_queue {
	STREAM_QUEUE_IDLE,
	STREAM_QUEUE_BUSY,
	STREAM_QUEUE_STALLED,
	STREAM_QUEUE_HANDSHAKING, // since it connected, whatever it sends
	STREAM_QUEUES,
};

struct stream_client {
	struct stream_connection connection; // first, so that the one is the other
	uint64_t since; // when it came into its queue, or made progress there
	uint32_t generation;
	uint32_t next; // in its queue, or free
	uint32_t previous;
	uint32_t prefix;
	uint32_t in_flight;
	struct net_endpoint local;
	struct net_endpoint peer;
	uint8_t queue; // enum stream_client_queue
	uint8_t doom; // enum stream_close_reason: closed at the next flush; STREAM_CLOSE_REASONS: not
	bool is_open;
	bool is_established; // TLS only
	bool is_to_read; // stands in to_read
	bool is_to_flush; // stands in to_flush
	bool is_paused; // a limit ended reading
};

struct stream_queue {
	uint32_t first;
	uint32_t last;
	uint32_t count;
};

struct stream_listener {
	struct stream_watch watch;
	struct net_endpoint endpoint;
	struct tls_context *tls; // NULL: plain TCP
	bool any_address; // each connection has to be asked for its local address
	uint64_t paused_until; // 0: it is watched
};

struct stream_clients {
	struct stream_loop *loop;
	struct stream_clients_options options;
	struct stream_query_handler handler;
	struct stream_memory memory;
	struct stream_prefixes prefixes;
	struct stream_client *slots;
	uint32_t slot_count;
	uint32_t first_free; // through next
	struct stream_queue queues[STREAM_QUEUES];
	struct stream_slots to_read;
	struct stream_slots to_flush;
	struct stream_listener *listeners[STREAM_LISTENERS_MOST];
	int listener_count; // numbers in use are below
	uint32_t listeners_paused;
	uint32_t handshakes_left; // of this turn
	bool is_stopped;
	bool has_overdue; // more has timed out than one flush closes
	uint8_t *inbox; // what was read and not handed over stands in front of inbox_used
	size_t inbox_used;
	uint32_t batch_count;
	struct stream_query batch[STREAM_BATCH];
	struct stream_clients_counters counters base_aligned(BASE_CACHE_LINE_PAIR);
};

static inline uint32_t client_slot(
	const struct stream_clients *clients, const struct stream_client *client)
{
	return (uint32_t)(client - clients->slots);
}

static inline stream_handle client_handle(
	const struct stream_clients *clients, const struct stream_client *client)
{
	return (uint64_t)client->generation << 32 | client_slot(clients, client);
}

// The kernel takes no more of its answers.
static inline bool client_is_stalled(const struct stream_client *client)
{
	return client->connection.is_blocked && stream_connection_output(&client->connection);
}

// clients_queue.c
void clients_queues_init(struct stream_clients *clients);
void client_enqueue(struct stream_clients *clients, struct stream_client *client,
	enum stream_client_queue queue, uint64_t now);
void client_dequeue(struct stream_clients *clients, struct stream_client *client);
// To the queue that it belongs to. Where it is there already it keeps its place.
void client_requeue(struct stream_clients *clients, struct stream_client *client, uint64_t now);
void client_to_read(struct stream_clients *clients, struct stream_client *client);
void client_to_flush(struct stream_clients *clients, struct stream_client *client);

// clients_open.c
// Begins with a socket that the listener accepted, which is the clients' from now on.
void clients_open(struct stream_clients *clients, const struct stream_listener *listener, int fd,
	const struct net_endpoint *peer, uint64_t now);
void client_close(struct stream_clients *clients, struct stream_client *client,
	enum stream_close_reason reason);
// Closes the one that is idle or in its handshake longest, or stalled; false: there is none.
bool clients_make_room(struct stream_clients *clients);
// The slot of a closed client may be used again, unless it still stands in a list.
void client_release(struct stream_clients *clients, struct stream_client *client);

// clients_read.c
void client_ready(struct stream_watch *watch, uint32_t events, uint64_t now);

// clients_listen.c
void clients_listeners_close(struct stream_clients *clients);
// Listeners that waited for descriptors or memory are watched again.
void clients_listeners_resume(struct stream_clients *clients, uint64_t now);
