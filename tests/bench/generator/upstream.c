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
	for (; upstream->ring && !upstream->delay && upstream->tail != upstream->head;
		upstream->tail++)
		rte_pktmbuf_free(upstream->ring[upstream->tail & upstream->mask].frame);
	free(upstream->ring);
}

static void set_length(struct rte_mbuf *frame)
{
	frame->data_len = FRAMES_ANSWER_BYTES;
	frame->pkt_len = FRAMES_ANSWER_BYTES;
}

void upstream_receive(
	struct upstream *upstream, struct link *link, struct rte_mbuf *frame, uint64_t now)
{
	uint8_t *data = rte_pktmbuf_mtod(frame, uint8_t *);
	struct upstream_answer *answer = &upstream->ring[upstream->head & upstream->mask];
	uint16_t length = frames_remove_opt(upstream->template, data, frame->data_len);
	bool is_query = frames_is_query(upstream->template, data, length);

	if (base_unlikely(!is_query || upstream->head - upstream->tail > upstream->mask)) {
		upstream->strange += !is_query;
		upstream->overflow += is_query;
		rte_pktmbuf_free(frame);
		return;
	}
	upstream->head++;
	answer->due = now + upstream->delay;
	if (upstream->delay) {
		answer->asked = frames_read_asked(data);
		link_recycle(link, &frame, 1);
		return;
	}
	frames_turn_into_answer(upstream->template, data);
	set_length(frame);
	answer->frame = frame;
}

static uint16_t count_due(const struct upstream *upstream, uint16_t most, uint64_t now)
{
	uint16_t count = 0;

	while (count < most && upstream->tail + count != upstream->head &&
		upstream->ring[(upstream->tail + count) & upstream->mask].due <= now)
		count++;
	return count;
}

static void send_frames(struct upstream *upstream, struct link *link, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		link_send(link, upstream->ring[upstream->tail++ & upstream->mask].frame);
}

// Returns how many there was memory for.
static uint16_t write_and_send(struct upstream *upstream, struct link *link, uint16_t count)
{
	struct rte_mbuf *frames[LINK_BACKLOG];

	if (rte_pktmbuf_alloc_bulk(link->pool, frames, count))
		return 0;
	for (uint16_t i = 0; i < count; i++)
		base_prefetch_write(rte_pktmbuf_mtod(frames[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		const struct upstream_answer *answer =
			&upstream->ring[upstream->tail++ & upstream->mask];

		frames_write_answer(
			upstream->template, rte_pktmbuf_mtod(frames[i], uint8_t *), &answer->asked);
		set_length(frames[i]);
		link_send(link, frames[i]);
	}
	return count;
}

uint16_t upstream_send(struct upstream *upstream, struct link *link, uint64_t now)
{
	uint16_t count = count_due(upstream, link_room(link), now);

	if (!upstream->delay)
		send_frames(upstream, link, count);
	else if (count)
		count = write_and_send(upstream, link, count);
	upstream->answered += count;
	return count;
}
