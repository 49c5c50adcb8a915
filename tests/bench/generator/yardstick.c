// SPDX-License-Identifier: BSD-3-Clause
#include "yardstick.h"

void yardstick_init(struct yardstick *yardstick, const struct options *options,
	const struct frame_template *template)
{
	*yardstick = (struct yardstick){
		.template = template,
		.wanted = options->window,
		.flow_mask = options->client_addresses - 1,
	};
}

static bool start_one(struct yardstick *yardstick, struct link *link)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(link->pool);
	struct frame_client client = {.address = yardstick->started & yardstick->flow_mask};
	struct frame_key key = frames_key(yardstick->started);

	if (!frame)
		return false;
	frame->data_len = FRAMES_QUERY_BYTES;
	frame->pkt_len = FRAMES_QUERY_BYTES;
	frames_write_query(yardstick->template, rte_pktmbuf_mtod(frame, uint8_t *), &client, &key);
	link_send(link, frame);
	yardstick->started++;
	return true;
}

uint16_t yardstick_step(struct yardstick *yardstick, struct link *link)
{
	struct rte_mbuf *frames[LINK_BURST];
	uint16_t count = 0;

	if (link_room(link) >= LINK_BURST)
		count = link_receive(link, frames);
	for (uint16_t i = 0; i < count; i++) {
		yardstick->wrong += frames[i]->data_len != FRAMES_QUERY_BYTES;
		link_send(link, frames[i]);
	}
	yardstick->turned += count;
	if (yardstick->started < yardstick->wanted && link_room(link))
		start_one(yardstick, link);
	link_flush(link);
	return count;
}
