// SPDX-License-Identifier: BSD-3-Clause
#include "forward/forward.h"

#include <errno.h>
#include <stdlib.h>

#include "base/table_memory.h"
#include "forward/cached.h"
#include "forward/check.h"
#include "rcu/rcu.h"

// What one call of expire does at most, so that a burst's time is bounded.
#define EXPIRED_A_BURST 64
#define MESSAGES_A_BURST 256

#define NO_OWNER UINT8_MAX

// Workers share the range from its start on, stream lcores stand at its end.
void forward_local_ports(
	const struct forward_shared *shared, uint16_t lcore, uint16_t *first, uint16_t *count)
{
	uint32_t all = (uint32_t)shared->local_port_last - shared->local_port_first + 1;
	uint32_t each = shared->stream_ports;
	uint32_t of_workers = all - each * shared->stream_count;
	uint32_t start;
	uint32_t end;

	if (lcore < shared->worker_count) {
		start = of_workers * lcore / shared->worker_count;
		end = of_workers * (lcore + 1u) / shared->worker_count;
	} else {
		start = of_workers + each * (lcore - shared->worker_count);
		end = start + each;
	}
	*first = (uint16_t)(shared->local_port_first + start);
	*count = (uint16_t)(end - start);
}

int forward_shared_init(struct forward_shared *shared, const struct forward_shared_options *options)
{
	uint32_t lcores = (uint32_t)options->worker_count + options->stream_count;
	uint16_t first = options->local_port_first;
	uint16_t last = options->local_port_last;
	uint32_t even;

	if (!first || last < first || !options->worker_count || lcores > FORWARD_LCORES_MOST ||
		(uint32_t)last - first + 1 < lcores ||
		(uint32_t)last - first + 1 >= PROXY_SLOT_STREAM)
		return -EINVAL;
	*shared = (struct forward_shared){
		.worker_count = options->worker_count,
		.stream_count = options->stream_count,
		.local_port_first = first,
		.local_port_last = last,
	};
	even = ((uint32_t)last - first + 1) / lcores;
	shared->stream_ports =
		(uint16_t)(even < options->stream_ports ? even : options->stream_ports);
	shared->port_owners = malloc((size_t)last - first + 1);
	if (!shared->port_owners)
		return -ENOMEM;
	for (uint32_t lcore = 0; lcore < lcores; lcore++) {
		uint16_t start;
		uint16_t count;

		forward_local_ports(shared, (uint16_t)lcore, &start, &count);
		memset(shared->port_owners + (start - first), (int)lcore, count);
	}
	return 0;
}

void forward_shared_fini(struct forward_shared *shared)
{
	free(shared->port_owners);
	*shared = (struct forward_shared){0};
}

struct forward_lcore *forward_lcore_create(struct forward_shared *shared, struct proxy_set *set,
	struct random_stream *random, const struct forward_lcore_options *options)
{
	struct proxy_lcore_options proxy_options = {
		.pending_count = options->pending_count,
		.lcore_count = forward_shared_lcores(shared),
		.lcore_index = options->lcore,
		.now = options->now,
	};
	struct forward_lcore *lcore = table_memory_allocate_zeroed(sizeof(*lcore));

	if (!lcore)
		return NULL;
	lcore->shared = shared;
	lcore->sink = options->sink;
	lcore->lcore = options->lcore;
	forward_local_ports(
		shared, options->lcore, &proxy_options.first_port, &proxy_options.port_count);
	lcore->proxy = proxy_lcore_create(set, random, &proxy_options);
	if (!lcore->proxy) {
		int error = errno;

		free(lcore);
		errno = error;
		return NULL;
	}
	if (shared->caches) {
		lcore->cached =
			forward_cached_create(shared, options->lcore, lcore->proxy, options->now);
		if (!lcore->cached) {
			int error = errno;

			forward_lcore_destroy(lcore);
			errno = error;
			return NULL;
		}
	}
	// Replies to a stream lcore, which has no queue, come to any.
	if (shared->worker_count > 1 && options->lcore < shared->worker_count)
		proxy_pools_steer(&lcore->proxy->pools, shared->steering, options->lcore);
	return lcore;
}

void forward_lcore_destroy(struct forward_lcore *lcore)
{
	if (!lcore)
		return;
	forward_cached_destroy(lcore->cached);
	proxy_lcore_destroy(lcore->proxy);
	free(lcore);
}

bool forward_lcore_follow(struct forward_lcore *lcore)
{
	struct proxy_set *set = rcu_pointer_read(lcore->shared->set);

	// A set may stand where one that is gone was: its address alone does not tell.
	if (base_likely(set->generation == lcore->proxy->generation))
		return false;
	// What was published before it is seen from here on.
	proxy_lcore_adopt(lcore->proxy, base_load_acquire(&lcore->shared->set));
	if (lcore->cached)
		lcore->cached->caches = rcu_pointer_read(lcore->shared->caches);
	base_store_release(&lcore->generation, lcore->proxy->generation);
	return true;
}

static void frame_to_kernel(struct forward_lcore *lcore, struct net_frame *frame)
{
	switch (lcore->sink.to_kernel(lcore->sink.context, frame)) {
	case FORWARD_HANDED_OVER:
		stats_count(&lcore->counters, STATS_FRAME_KERNEL);
		break;
	case FORWARD_RING_FULL:
		stats_count(&lcore->counters, STATS_FRAME_KERNEL_FULL);
		break;
	case FORWARD_NO_TAKER:
		stats_count(&lcore->counters, STATS_FRAME_NOT_OURS);
		break;
	}
}

// The lcore that owns this local port, NO_OWNER outside the range.
static uint8_t local_port_owner(const struct forward_shared *shared, uint16_t port)
{
	if (port < shared->local_port_first || port > shared->local_port_last)
		return NO_OWNER;
	return shared->port_owners[port - shared->local_port_first];
}

static void frame_hop(struct forward_lcore *lcore, struct net_frame *frame, uint8_t owner)
{
	if (lcore->sink.to_lcore(lcore->sink.context, frame, owner) == FORWARD_HANDED_OVER)
		stats_count(&lcore->counters, STATS_FRAME_HOPPED);
	else
		stats_count(&lcore->counters, STATS_FRAME_HOP_FULL);
}

void forward_piece_act(struct forward_lcore *lcore, struct forward_piece *piece, uint64_t now)
{
	if (lcore->cached)
		forward_cached_receive(lcore, piece, now);
	for (uint16_t i = 0; i < piece->query_count && !lcore->cached; i++)
		forward_query_start(lcore, &piece->queries[i], now);
}

static void datagram_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct net_frame *frame, struct forward_piece *piece, uint64_t now)
{
	const struct forward_listener *listener =
		forward_snapshot_find(snapshot, &frame->destination);
	uint8_t owner;

	if (listener) {
		if (base_unlikely(!frame->source.port ||
				  net_address_is_unfit_as_source(&frame->source.address))) {
			forward_frame_drop(lcore, frame, STATS_FRAME_UNFIT_SOURCE);
			return;
		}
		stats_count(&lcore->counters, STATS_FRAME_QUERY);
		piece->queries[piece->query_count].frame = frame;
		piece->queries[piece->query_count].stream = NULL;
		piece->query_count +=
			forward_query_accept(lcore, listener, &piece->queries[piece->query_count]);
		stats_stages_mark(&lcore->stages, STATS_STAGE_QUERY);
		return;
	}
	owner = local_port_owner(lcore->shared, frame->destination.port);
	if (owner == NO_OWNER ||
		!forward_snapshot_is_local(snapshot, &frame->destination.address)) {
		frame_to_kernel(lcore, frame);
	} else if (owner == lcore->lcore) {
		stats_count(&lcore->counters, STATS_FRAME_REPLY);
		forward_reply_receive(lcore, frame, now);
		stats_stages_mark(&lcore->stages, STATS_STAGE_REPLY);
	} else {
		frame_hop(lcore, frame, owner);
	}
}

static void error_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct net_frame *frame, uint64_t now)
{
	struct net_quoted_datagram quoted;
	uint8_t owner = NO_OWNER;

	if (net_frame_parse_quote(frame, &quoted) == 0 &&
		forward_snapshot_is_local(snapshot, &quoted.source.address))
		owner = local_port_owner(lcore->shared, quoted.source.port);
	if (owner == NO_OWNER) {
		frame_to_kernel(lcore, frame);
	} else if (owner == lcore->lcore) {
		stats_count(&lcore->counters, STATS_FRAME_ICMP_ERROR);
		forward_error_receive(lcore, frame, &quoted, now);
	} else {
		frame_hop(lcore, frame, owner);
	}
}

static void frame_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct net_frame *frame, struct forward_piece *piece, uint64_t now)
{
	switch (frame->kind) {
	case NET_FRAME_UDP:
		datagram_receive(lcore, snapshot, frame, piece, now);
		break;
	case NET_FRAME_ICMP_ERROR:
		error_receive(lcore, snapshot, frame, now);
		break;
	case NET_FRAME_FRAGMENT:
		forward_frame_drop(lcore, frame, STATS_FRAME_FRAGMENT);
		break;
	case NET_FRAME_MALFORMED:
		forward_frame_drop(lcore, frame, STATS_FRAME_MALFORMED);
		break;
	case NET_FRAME_BAD_CHECKSUM:
		forward_frame_drop(lcore, frame, STATS_FRAME_BAD_CHECKSUM);
		break;
	default:
		frame_to_kernel(lcore, frame);
		break;
	}
}

// What may answer a query of this lcore.
struct reply_candidate {
	uint16_t local_port;
	uint16_t id;
};

static inline bool frame_may_be_reply(const struct forward_lcore *lcore,
	const struct net_frame *frame, struct reply_candidate *candidate)
{
	if (frame->kind != NET_FRAME_UDP || frame->payload_length < 2 ||
		local_port_owner(lcore->shared, frame->destination.port) != lcore->lcore)
		return false;
	candidate->local_port = frame->destination.port;
	candidate->id = bytes_load_u16(net_frame_payload(frame));
	return true;
}

// Asks in stages for the lines that matching replies will touch, so that the cache misses of one
// frame overlap with the work on another.
static void replies_prefetch(
	struct forward_lcore *lcore, const struct reply_candidate *candidates, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		proxy_reply_prefetch_query(
			lcore->proxy, candidates[i].local_port, candidates[i].id);
	for (uint16_t i = 0; i < count; i++) {
		uint32_t slot = proxy_reply_prefetch_timer(
			lcore->proxy, candidates[i].local_port, candidates[i].id);

		if (lcore->cached && slot != PROXY_PENDING_NONE)
			forward_cached_prefetch_reply(lcore, slot);
	}
}

// Parses the whole piece of a burst first.
static void piece_parse(struct forward_lcore *lcore, struct net_frame *frames, uint16_t count)
{
	struct reply_candidate candidates[FORWARD_PIECE_FRAMES];
	uint16_t candidate_count = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct reply_candidate *candidate = &candidates[candidate_count];

		(void)net_frame_parse(&frames[i]);
		if (!frame_may_be_reply(lcore, &frames[i], candidate))
			continue;
		proxy_reply_prefetch_connection(lcore->proxy, candidate->local_port);
		candidate_count++;
	}
	replies_prefetch(lcore, candidates, candidate_count);
}

static void piece_receive(struct forward_lcore *lcore, const struct forward_snapshot *snapshot,
	struct net_frame *frames, uint16_t count, uint64_t now)
{
	struct forward_piece piece;

	piece.query_count = 0;
	piece_parse(lcore, frames, count);
	stats_stages_mark(&lcore->stages, STATS_STAGE_PARSE);
	for (uint16_t i = 0; i < count; i++)
		frame_receive(lcore, snapshot, &frames[i], &piece, now);
	stats_stages_mark(&lcore->stages, STATS_STAGE_OTHER_FRAME);
	forward_piece_act(lcore, &piece, now);
	stats_stages_mark(&lcore->stages, STATS_STAGE_QUERY);
}

// Any number of frames, in pieces whose lines stay near from the first stage to the last.
static void burst_receive(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now)
{
	const struct forward_snapshot *snapshot = rcu_pointer_read(lcore->shared->snapshot);

	for (uint16_t done = 0; done < count; done += FORWARD_PIECE_FRAMES) {
		uint16_t left = (uint16_t)(count - done);

		piece_receive(lcore, snapshot, frames + done,
			left < FORWARD_PIECE_FRAMES ? left : FORWARD_PIECE_FRAMES, now);
	}
}

void forward_lcore_receive(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now)
{
	lcore->now = now;
	stats_count_many(&lcore->counters, STATS_FRAMES_RECEIVED, count);
	burst_receive(lcore, frames, count, now);
}

void forward_lcore_receive_hopped(
	struct forward_lcore *lcore, struct net_frame *frames, uint16_t count, uint64_t now)
{
	lcore->now = now;
	stats_count_many(&lcore->counters, STATS_FRAMES_HOPPED_IN, count);
	burst_receive(lcore, frames, count, now);
}

void forward_lcore_expire(struct forward_lcore *lcore, uint64_t now)
{
	uint32_t slot;

	lcore->now = now;
	proxy_pools_read_messages(&lcore->proxy->pools, MESSAGES_A_BURST, now);
	for (int i = 0; i < EXPIRED_A_BURST && proxy_take_expired(lcore->proxy, now, &slot); i++) {
		if (base_unlikely(proxy_hedge_is_due(lcore->proxy, slot))) {
			forward_query_hedge(lcore, slot, now);
			continue;
		}
		if (base_unlikely(proxy_query_has_paused(lcore->proxy, slot))) {
			forward_query_attempt_again(lcore, slot, NULL, now);
			continue;
		}
		if (base_likely(!proxy_slot_is_check(lcore->proxy, slot)))
			stats_count(&lcore->counters, STATS_ATTEMPT_TIMEOUTS);
		forward_query_attempt_fail(lcore, slot, PROXY_FAILURE_TIMEOUT, NULL, now);
	}
	forward_checks_turn(lcore, now);
	if (lcore->cached)
		forward_cached_turn(lcore, now);
}

void forward_lcore_stop_queries(struct forward_lcore *lcore)
{
	lcore->takes_no_queries = true;
}

void forward_lcore_stop_pools(struct forward_lcore *lcore)
{
	proxy_pools_stop(&lcore->proxy->pools);
}

uint64_t forward_lcore_generation(const struct forward_lcore *lcore)
{
	return base_load_acquire(&lcore->generation);
}

uint32_t forward_lcore_in_flight(const struct forward_lcore *lcore)
{
	uint32_t all = proxy_in_flight(lcore->proxy);
	uint32_t others = proxy_checks_in_flight(lcore->proxy) + proxy_hedges(lcore->proxy);

	// They are not read at once.
	return all > others ? all - others : 0;
}

void forward_lcore_set_records(struct forward_lcore *lcore, struct query_ring *records)
{
	rcu_pointer_publish(lcore->records, records);
}

void forward_lcore_count_busy(struct forward_lcore *lcore, uint64_t nanoseconds)
{
	stats_count(&lcore->counters, STATS_BUSY_POLLS);
	stats_count_many(&lcore->counters, STATS_BUSY_NANOSECONDS, nanoseconds);
}

struct stats_stages *forward_lcore_stages(struct forward_lcore *lcore)
{
	return &lcore->stages;
}

uint32_t forward_lcore_refreshing(const struct forward_lcore *lcore)
{
	return lcore->cached ? base_load(&lcore->cached->refreshing) : 0;
}

uint32_t forward_lcore_waiting(const struct forward_lcore *lcore)
{
	return lcore->cached ? base_load(&lcore->cached->questions.waiting) : 0;
}

uint64_t forward_lcore_refused(const struct forward_lcore *lcore, enum cache_answer_refusal why)
{
	return lcore->cached ? base_load(&lcore->cached->refused[why]) : 0;
}

const struct stats_counters *forward_lcore_counters(const struct forward_lcore *lcore)
{
	return &lcore->counters;
}

struct proxy_lcore *forward_lcore_proxy(struct forward_lcore *lcore)
{
	return lcore->proxy;
}
