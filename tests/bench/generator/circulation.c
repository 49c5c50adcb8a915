// SPDX-License-Identifier: BSD-3-Clause
#include "circulation.h"

#include "base/compiler.h"

#define MADE_A_STEP 32u

void circulation_init(struct circulation *circulation, const struct options *options,
	const struct frame_template *template)
{
	*circulation = (struct circulation){
		.template = template,
		.window = options->window,
		.address_bits = (uint32_t)__builtin_ctz(options->client_addresses),
	};
}

static void send_back(struct circulation *circulation, struct link *link, struct rte_mbuf *frame)
{
	if (base_unlikely(frame->pkt_len != FRAMES_QUERY_BYTES)) {
		circulation->wrong++;
		rte_pktmbuf_free(frame);
		return;
	}
	circulation->turned++;
	link_send(link, frame);
}

static void make(struct circulation *circulation, struct link *link)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(link->pool);
	uint32_t number = circulation->made;
	struct frame_client client = {
		.address = number & ((1u << circulation->address_bits) - 1),
		.port = (uint16_t)(number >> circulation->address_bits),
		.id = (uint16_t)number,
	};
	struct frame_key key = frames_key(number);

	if (!frame)
		return;
	circulation->made++;
	frame->data_len = FRAMES_QUERY_BYTES;
	frame->pkt_len = FRAMES_QUERY_BYTES;
	frames_write_query(
		circulation->template, rte_pktmbuf_mtod(frame, uint8_t *), &client, &key);
	link_send(link, frame);
}

uint16_t circulation_step(struct circulation *circulation, struct link *link)
{
	struct rte_mbuf *frames[LINK_BURST];
	uint16_t count = 0;

	if (link_room(link) >= LINK_BURST) {
		count = link_receive(link, frames);
		for (uint16_t i = 0; i < count; i++)
			send_back(circulation, link, frames[i]);
	}
	for (uint32_t i = 0;
		i < MADE_A_STEP && circulation->made < circulation->window && link_room(link) > 0;
		i++)
		make(circulation, link);
	link_flush(link);
	return count;
}
