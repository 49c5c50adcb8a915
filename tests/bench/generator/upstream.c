// SPDX-License-Identifier: BSD-3-Clause
#include "upstream.h"

#include <errno.h>
#include <rte_cycles.h>
#include <stdlib.h>

#include "base/compiler.h"

int upstream_init(struct upstream *upstream, const struct options *options,
	const struct frame_template *template, uint32_t most)
{
	uint32_t size = 1024;

	while (size < most)
		size *= 2;
	*upstream = (struct upstream){
		.template = template,
		.mask = size - 1,
		.delay = rte_get_tsc_hz() / 1000000 * options->delay,
		.ring = calloc(size, sizeof(*upstream->ring)),
	};
	return upstream->ring ? 0 : -ENOMEM;
}

void upstream_fini(struct upstream *upstream)
{
	for (; upstream->ring && upstream->tail != upstream->head; upstream->tail++)
		rte_pktmbuf_free(upstream->ring[upstream->tail & upstream->mask].frame);
	free(upstream->ring);
}

void upstream_receive(struct upstream *upstream, struct rte_mbuf *frame, uint64_t now)
{
	uint8_t *data = rte_pktmbuf_mtod(frame, uint8_t *);

	if (base_unlikely(!frames_is_query(upstream->template, data, frame->data_len))) {
		upstream->strange++;
		rte_pktmbuf_free(frame);
		return;
	}
	if (base_unlikely(upstream->head - upstream->tail > upstream->mask)) {
		upstream->overflow++;
		rte_pktmbuf_free(frame);
		return;
	}
	frames_write_answer(upstream->template, data);
	frame->data_len = FRAMES_ANSWER_BYTES;
	frame->pkt_len = FRAMES_ANSWER_BYTES;
	upstream->ring[upstream->head++ & upstream->mask] =
		(struct upstream_answer){.frame = frame, .due = now + upstream->delay};
}

uint16_t upstream_send(struct upstream *upstream, struct link *link, uint64_t now)
{
	uint16_t room = link_room(link);
	uint16_t sent = 0;

	while (sent < room && upstream->tail != upstream->head) {
		const struct upstream_answer *answer =
			&upstream->ring[upstream->tail & upstream->mask];

		if (answer->due > now)
			break;
		// After a delay, neither mbuf nor headers are in a cache any more.
		base_prefetch(upstream->ring[(upstream->tail + 8) & upstream->mask].frame);
		link_send(link, answer->frame);
		upstream->tail++;
		sent++;
	}
	upstream->answered += sent;
	return sent;
}
