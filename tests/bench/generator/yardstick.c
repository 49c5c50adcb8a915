// SPDX-License-Identifier: BSD-3-Clause
#include "yardstick.h"

#include "base/compiler.h"

#define SEND_BURST 32u

int yardstick_init(struct yardstick *yardstick, const struct options *options,
	const struct frame_template *template)
{
	*yardstick = (struct yardstick){
		.template = template,
		.window = options->window,
		.address_bits = (uint32_t)__builtin_ctz(options->client_addresses),
		.flow_mask = options->client_addresses * options->client_ports - 1,
	};
	return names_init(&yardstick->names, options, 0);
}

void yardstick_fini(struct yardstick *yardstick)
{
	names_fini(&yardstick->names);
}

static uint16_t receive_turned(struct yardstick *yardstick, struct link *link)
{
	struct rte_mbuf *frames[LINK_BURST];
	uint16_t count = link_receive(link, frames);

	for (uint16_t i = 0; i < count; i++)
		yardstick->wrong += frames[i]->data_len != FRAMES_QUERY_BYTES;
	rte_pktmbuf_free_bulk(frames, count);
	yardstick->turned += count;
	yardstick->in_flight -= count;
	return count;
}

static void write_frame(struct yardstick *yardstick, struct rte_mbuf *frame)
{
	uint32_t flow = yardstick->next_flow++ & yardstick->flow_mask;
	struct frame_client client = {
		.address = flow & ((1u << yardstick->address_bits) - 1),
		.port = (uint16_t)(flow >> yardstick->address_bits),
		.id = (uint16_t)yardstick->next_flow,
	};
	struct frame_key key = frames_key(names_next(&yardstick->names));

	frame->data_len = FRAMES_QUERY_BYTES;
	frame->pkt_len = FRAMES_QUERY_BYTES;
	frames_write_query(yardstick->template, rte_pktmbuf_mtod(frame, uint8_t *), &client, &key);
}

static uint16_t send_new(struct yardstick *yardstick, struct link *link)
{
	struct rte_mbuf *frames[SEND_BURST];
	uint64_t room = RTE_MIN(yardstick->window - yardstick->in_flight, link_room(link));
	uint16_t count = (uint16_t)RTE_MIN(room, SEND_BURST);

	if (!count || rte_pktmbuf_alloc_bulk(link->pool, frames, count))
		return 0;
	for (uint16_t i = 0; i < count; i++)
		base_prefetch_write(rte_pktmbuf_mtod(frames[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		write_frame(yardstick, frames[i]);
		link_send(link, frames[i]);
	}
	yardstick->in_flight += count;
	return count;
}

uint16_t yardstick_step(struct yardstick *yardstick, struct link *link)
{
	uint16_t moved = receive_turned(yardstick, link);

	moved += send_new(yardstick, link);
	link_flush(link);
	return moved;
}
