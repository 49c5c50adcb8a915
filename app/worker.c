// SPDX-License-Identifier: BSD-3-Clause
#include "worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table_memory.h"
#include "frame_ring.h"
#include "rcu/rcu.h"

#define HOP_RING_FRAMES 512
#define KERNEL_RING_FRAMES 1024
#define REPLIES_A_TURN 64
// Rings to more workers than these are never full together, but by an attack on many queues.
#define HOP_RINGS_FULL 4

uint32_t worker_frames_held(uint16_t port_count, uint16_t worker_count, uint16_t stream_count)
{
	uint32_t others = worker_count - 1u;

	// One ring to the kernel a port, that from the kernel, and what is about to be sent.
	return port_count * (KERNEL_RING_FRAMES + NIC_BURST) + KERNEL_RING_FRAMES +
	       stream_link_frames_held(stream_count) +
	       HOP_RING_FRAMES * (others < HOP_RINGS_FULL ? others : HOP_RINGS_FULL);
}

static void transmit_flush(struct worker *worker, uint16_t port)
{
	struct worker_transmit *transmit = &worker->transmit[port];

	// What the NIC does not take is freed and counted there.
	(void)nic_port_send_ready(
		worker->nic, port, worker->index, transmit->frames, transmit->count);
	transmit->count = 0;
}

static bool worker_allocate(void *context, struct net_frame *frame)
{
	struct worker *worker = context;

	return nic_frame_alloc(worker->nic, worker->index, frame, 1) == 1;
}

static void worker_send(void *context, struct net_frame *frame)
{
	struct worker *worker = context;
	struct worker_transmit *transmit = &worker->transmit[frame->port];

	if (base_unlikely(transmit->count == NIC_BURST))
		transmit_flush(worker, frame->port);
	transmit->frames[transmit->count++] = nic_frame_make_ready(frame);
}

static void worker_release(void *context, struct net_frame *frame)
{
	struct worker *worker = context;

	nic_frame_free(worker->nic, frame, 1);
}

static enum forward_handover hand_over(
	struct worker *worker, struct rte_ring *ring, struct net_frame *frame)
{
	if (base_likely(frame_ring_push(ring, frame)))
		return FORWARD_HANDED_OVER;
	nic_frame_free(worker->nic, frame, 1);
	return FORWARD_RING_FULL;
}

static enum forward_handover worker_to_kernel(void *context, struct net_frame *frame)
{
	struct worker *worker = context;

	if (worker->to_kernel[frame->port])
		return hand_over(worker, worker->to_kernel[frame->port], frame);
	nic_frame_free(worker->nic, frame, 1);
	return FORWARD_NO_TAKER;
}

static enum forward_handover worker_to_lcore(void *context, struct net_frame *frame, uint16_t lcore)
{
	struct worker *worker = context;

	if (base_likely(lcore < worker->worker_count))
		return hand_over(worker, worker->workers[lcore]->hops_in[worker->index], frame);
	if (stream_link_hop(worker->links[lcore - worker->worker_count], frame))
		return FORWARD_HANDED_OVER;
	nic_frame_free(worker->nic, frame, 1);
	return FORWARD_RING_FULL;
}

// Each worker has its stream lcore, so that the connections of both stay together.
static bool worker_ask(
	void *context, struct net_frame *frame, const struct forward_stream_attempt *attempt)
{
	struct worker *worker = context;

	return stream_link_ask(worker->links[worker->index % worker->stream_count], frame, attempt);
}

static int worker_create_rings(struct worker *worker)
{
	for (uint16_t port = 0; port < worker->port_count; port++) {
		if (nic_port_info(worker->nic, port)->kernel_path != NIC_KERNEL_PATH_TAP)
			continue;
		worker->to_kernel[port] =
			frame_ring_create("to_kernel", worker->index, port, KERNEL_RING_FRAMES);
		if (!worker->to_kernel[port])
			return -errno;
	}
	if (worker->index == 0) {
		worker->from_kernel = frame_ring_create("from_kernel", 0, 0, KERNEL_RING_FRAMES);
		if (!worker->from_kernel)
			return -errno;
	}
	worker->hops_in = calloc(worker->worker_count, sizeof(struct rte_ring *));
	if (!worker->hops_in)
		return -ENOMEM;
	for (uint16_t other = 0; other < worker->worker_count; other++) {
		if (other == worker->index)
			continue;
		worker->hops_in[other] =
			frame_ring_create("hop", worker->index, other, HOP_RING_FRAMES);
		if (!worker->hops_in[other])
			return -errno;
	}
	return 0;
}

static int worker_create_links(struct worker *worker, const struct worker_options *options)
{
	for (uint16_t i = 0; i < options->stream_count; i++) {
		worker->links[i] = stream_link_create(worker->index, i, options->loops[i]);
		if (!worker->links[i])
			return -errno;
		worker->stream_count++;
	}
	return 0;
}

static int worker_fill(struct worker *worker, const struct worker_options *options)
{
	struct forward_lcore_options forward_options = {
		.lcore = options->index,
		.pending_count = options->queries,
		.now = clock_now(),
		.sink =
			{
				.context = worker,
				.allocate = worker_allocate,
				.send = worker_send,
				.release = worker_release,
				.to_kernel = worker_to_kernel,
				.to_lcore = worker_to_lcore,
				.ask = worker_ask,
			},
	};
	int error = worker_create_rings(worker);

	if (!error)
		error = worker_create_links(worker, options);
	if (error)
		return error;
	worker->random = random_stream_create(NULL);
	if (!worker->random)
		return -errno;
	worker->forward = forward_lcore_create(
		options->shared, options->set, worker->random, &forward_options);
	return worker->forward ? 0 : -errno;
}

struct worker *worker_create(const struct worker_options *options)
{
	struct worker *worker = table_memory_allocate_zeroed(sizeof(*worker));
	int error;

	if (!worker)
		return NULL;
	worker->nic = options->nic;
	worker->index = options->index;
	worker->worker_count = options->worker_count;
	worker->port_count = nic_port_count(options->nic);
	worker->lcore_id = options->lcore_id;
	worker->phase = options->phase;
	worker->workers = options->workers;
	error = worker_fill(worker, options);
	if (error) {
		worker_destroy(worker);
		errno = -error;
		return NULL;
	}
	return worker;
}

void worker_destroy(struct worker *worker)
{
	if (!worker)
		return;
	forward_lcore_destroy(worker->forward);
	random_stream_destroy(worker->random);
	for (uint16_t other = 0; worker->hops_in && other < worker->worker_count; other++)
		frame_ring_destroy(worker->hops_in[other], worker->nic);
	free(worker->hops_in);
	for (uint16_t i = 0; i < worker->stream_count; i++)
		stream_link_destroy(worker->links[i], worker->nic);
	frame_ring_destroy(worker->from_kernel, worker->nic);
	for (uint16_t port = 0; port < worker->port_count; port++)
		frame_ring_destroy(worker->to_kernel[port], worker->nic);
	free(worker);
}

static uint16_t worker_read_hops(struct worker *worker, struct net_frame *frames, uint64_t now)
{
	uint16_t sum = 0;

	for (uint16_t other = 0; other < worker->worker_count; other++) {
		uint16_t count;

		if (other == worker->index)
			continue;
		count = frame_ring_pop(worker->hops_in[other], frames, NIC_BURST);
		if (count)
			forward_lcore_receive_hopped(worker->forward, frames, count, now);
		sum += count;
	}
	return sum;
}

static uint16_t worker_send_from_ring(
	struct worker *worker, struct rte_ring *ring, struct net_frame *frames)
{
	uint16_t count = frame_ring_pop(ring, frames, NIC_BURST);

	for (uint16_t i = 0; i < count; i++)
		worker_send(worker, &frames[i]);
	return count;
}

// What stream lcores have for us.
static uint16_t worker_read_links(struct worker *worker, struct net_frame *frames, uint64_t now)
{
	struct forward_stream_reply replies[REPLIES_A_TURN];
	uint16_t sum = 0;

	for (uint16_t i = 0; i < worker->stream_count; i++) {
		uint16_t count = stream_link_pop_replies(worker->links[i], replies, REPLIES_A_TURN);

		if (count)
			forward_lcore_receive_stream_replies(worker->forward, replies, count, now);
		sum += count;
		sum += worker_send_from_ring(worker, worker->links[i]->sends, frames);
	}
	return sum;
}

static uint16_t worker_read_ports(struct worker *worker, struct net_frame *frames, uint64_t now)
{
	uint16_t sum = 0;

	for (uint16_t port = 0; port < worker->port_count; port++) {
		uint16_t count =
			nic_port_receive(worker->nic, port, worker->index, frames, NIC_BURST);

		stats_stages_mark(forward_lcore_stages(worker->forward),
			count ? STATS_STAGE_RECEIVE : STATS_STAGE_IDLE);
		if (count)
			forward_lcore_receive(worker->forward, frames, count, now);
		sum += count;
	}
	return sum;
}

static void worker_flush(struct worker *worker)
{
	for (uint16_t port = 0; port < worker->port_count; port++) {
		if (!worker->transmit[port].count)
			continue;
		transmit_flush(worker, port);
		stats_stages_mark(forward_lcore_stages(worker->forward), STATS_STAGE_SEND);
	}
}

// True if there were frames.
static bool worker_poll(struct worker *worker, uint64_t now)
{
	struct net_frame frames[NIC_BURST];
	uint32_t count = worker_read_ports(worker, frames, now);

	count += worker_read_hops(worker, frames, now);
	count += worker_read_links(worker, frames, now);
	if (worker->from_kernel)
		count += worker_send_from_ring(worker, worker->from_kernel, frames);
	forward_lcore_expire(worker->forward, now);
	stats_stages_mark(forward_lcore_stages(worker->forward), STATS_STAGE_EXPIRE);
	worker_flush(worker);
	for (uint16_t i = 0; i < worker->stream_count; i++)
		stream_link_ring(worker->links[i]);
	return count > 0;
}

// Returns when it ended: the clock is read once a turn.
static uint64_t worker_turn(struct worker *worker, uint64_t now)
{
	bool was_busy = worker_poll(worker, now);
	uint64_t end = clock_now();

	if (was_busy)
		forward_lcore_count_busy(worker->forward, end - now);
	stats_stages_mark(forward_lcore_stages(worker->forward), STATS_STAGE_LOOP);
	return end;
}

int worker_run(void *argument)
{
	struct worker *worker = argument;
	uint32_t seen = WORKER_RUNS;
	uint64_t now = clock_now();

	rcu_reader_register();
	while (seen != WORKER_ENDS) {
		uint32_t phase = base_load(worker->phase);

		if (base_unlikely(phase != seen)) {
			seen = phase;
			if (phase >= WORKER_DRAINS)
				forward_lcore_stop_queries(worker->forward);
			if (phase >= WORKER_STOPS)
				forward_lcore_stop_pools(worker->forward);
		}
		(void)forward_lcore_follow(worker->forward);
		now = worker_turn(worker, now);
		rcu_reader_quiescent();
	}
	rcu_reader_unregister();
	return 0;
}
