// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>

#include "base/compiler.h"

#define SEND_BURST 32

int client_init(struct client *client, const struct options *options,
	const struct frame_template *template, uint64_t now)
{
	uint32_t slots = 1u << 10;
	int error;

	while (slots < options->window)
		slots *= 2;
	memset(client, 0, sizeof(*client));
	client->template = template;
	client->slot_mask = slots - 1;
	client->slot_bits = (uint32_t)__builtin_ctz(slots);
	client->address_bits = (uint32_t)__builtin_ctz(options->client_addresses);
	client->flow_bits = client->address_bits + (uint32_t)__builtin_ctz(options->client_ports);
	client->window = options->window;
	client->patience = rte_get_tsc_hz() / 1000 * options->patience;
	pacer_init(&client->pacer, options->rate, rte_get_tsc_hz());
	client->queries = calloc(slots, sizeof(*client->queries));
	client->free_slots = calloc(slots, sizeof(*client->free_slots));
	if (!client->queries || !client->free_slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < slots; i++)
		client->free_slots[i] = i;
	client->free_tail = slots;
	error = names_init(&client->names, options, now);
	return error;
}

void client_fini(struct client *client)
{
	names_fini(&client->names);
	free(client->queries);
	free(client->free_slots);
}

void client_start(struct client *client, uint64_t now)
{
	pacer_start(&client->pacer, now);
}

// The bits of the slot that address and port do not hold are the low ones of the id; the rest of
// the id differs from the slot's last.
static struct frame_client client_of_slot(const struct client *client, uint32_t slot, uint16_t last)
{
	uint32_t id_bits =
		client->slot_bits > client->flow_bits ? client->slot_bits - client->flow_bits : 0;
	uint32_t flow = slot & ((1u << client->flow_bits) - 1);

	return (struct frame_client){
		.address = flow & ((1u << client->address_bits) - 1),
		.port = (uint16_t)(flow >> client->address_bits),
		.id = (uint16_t)(((last >> id_bits) + 1) << id_bits | slot >> client->flow_bits),
	};
}

// UINT32_MAX if the address or port is none of ours.
static uint32_t slot_of_client(const struct client *client, const struct frame_client *of)
{
	uint32_t port_bits = client->flow_bits - client->address_bits;
	uint32_t id_bits =
		client->slot_bits > client->flow_bits ? client->slot_bits - client->flow_bits : 0;
	uint32_t slot;

	if (of->address >> client->address_bits || of->port >> port_bits)
		return UINT32_MAX;
	slot = (of->id & ((1u << id_bits) - 1)) << client->flow_bits |
	       (uint32_t)of->port << client->address_bits | of->address;
	return slot <= client->slot_mask ? slot : UINT32_MAX;
}

static void write_query(
	struct client *client, struct link *link, struct rte_mbuf *frame, uint64_t sent_at)
{
	uint32_t slot = client->free_slots[client->free_head++ & client->slot_mask];
	struct client_query *query = &client->queries[slot];
	struct frame_client of = client_of_slot(client, slot, query->id);

	query->id = of.id;
	query->sent_at = sent_at;
	query->key = frames_key(names_next(&client->names));
	query->is_in_flight = true;
	frame->data_len = FRAMES_QUERY_BYTES;
	frame->pkt_len = FRAMES_QUERY_BYTES;
	frames_write_query(client->template, rte_pktmbuf_mtod(frame, uint8_t *), &of, &query->key);
	link_send(link, frame);
}

static void slot_give_back(struct client *client, uint32_t slot)
{
	client->free_slots[client->free_tail++ & client->slot_mask] = slot;
	client->in_flight--;
}

static uint16_t send_burst(struct client *client, struct link *link, uint64_t now)
{
	struct rte_mbuf *frames[SEND_BURST];
	uint16_t count = RTE_MIN(link_room(link), SEND_BURST);

	count = (uint16_t)RTE_MIN(count, client->window - client->in_flight);
	count = (uint16_t)pacer_count_due(&client->pacer, count, now);
	if (!count || rte_pktmbuf_alloc_bulk(link->pool, frames, count))
		return 0;
	for (uint16_t i = 0; i < count; i++)
		base_prefetch_write(rte_pktmbuf_mtod(frames[i], void *));
	for (uint16_t i = 0; i < count; i++)
		write_query(client, link, frames[i], pacer_take(&client->pacer, now));
	client->in_flight += count;
	client->in_flight_most = RTE_MAX(client->in_flight_most, client->in_flight);
	client->counters.sent += count;
	return count;
}

uint16_t client_send(struct client *client, struct link *link, uint64_t now)
{
	uint16_t sent = 0, burst;

	do {
		burst = send_burst(client, link, now);
		sent += burst;
	} while (burst == SEND_BURST);
	return sent;
}

void client_probe(struct client *client, struct link *link, uint64_t now)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(link->pool);

	if (!frame)
		return;
	write_query(client, link, frame, now);
	client->in_flight++;
}

static void receive_unexpected(struct client *client, struct client_query *query, uint16_t id)
{
	if (query->is_lost && query->lost_id == id) {
		query->is_lost = false;
		client->counters.late++;
	} else {
		client->counters.wrong++;
	}
}

static void receive_one(
	struct client *client, const uint8_t *data, uint16_t length, uint32_t slot, uint64_t now)
{
	struct client_query *query = &client->queries[slot];
	struct frame_client of = frames_client(data);

	if (slot == UINT32_MAX) {
		client->counters.wrong++;
		return;
	}
	if (base_unlikely(!query->is_in_flight || query->id != of.id)) {
		receive_unexpected(client, query, of.id);
		return;
	}
	switch (frames_check_answer(client->template, data, length, &query->key)) {
	case FRAME_WRONG:
		// What was asked may still be answered.
		client->counters.wrong++;
		return;
	case FRAME_ERROR:
		client->counters.failed++;
		break;
	case FRAME_GOOD:
		client->counters.answered++;
		break;
	}
	if (client->is_measuring)
		// What was due since this turn of the loop began may be answered before it ends.
		histogram_add(&client->latency, now > query->sent_at ? now - query->sent_at : 0);
	query->is_in_flight = false;
	slot_give_back(client, slot);
}

void client_receive(
	struct client *client, struct rte_mbuf *const *frames, uint16_t count, uint64_t now)
{
	uint32_t slots[LINK_BURST];

	for (uint16_t i = 0; i < count; i++) {
		struct frame_client of = frames_client(rte_pktmbuf_mtod(frames[i], uint8_t *));

		slots[i] = slot_of_client(client, &of);
		if (slots[i] != UINT32_MAX)
			base_prefetch_write(&client->queries[slots[i]]);
	}
	for (uint16_t i = 0; i < count; i++)
		receive_one(client, rte_pktmbuf_mtod(frames[i], uint8_t *),
			rte_pktmbuf_data_len(frames[i]), slots[i], now);
}

static void lose(struct client *client, uint32_t slot)
{
	struct client_query *query = &client->queries[slot];

	query->is_in_flight = false;
	query->is_lost = true;
	query->lost_id = query->id;
	client->counters.lost++;
	slot_give_back(client, slot);
}

void client_expire(struct client *client, uint32_t count, uint64_t now)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = client->expiry_slot++ & client->slot_mask;
		const struct client_query *query = &client->queries[slot];

		if (query->is_in_flight && now > query->sent_at + client->patience)
			lose(client, slot);
	}
}

void client_give_up(struct client *client)
{
	for (uint32_t slot = 0; slot <= client->slot_mask; slot++) {
		if (client->queries[slot].is_in_flight)
			lose(client, slot);
	}
}
