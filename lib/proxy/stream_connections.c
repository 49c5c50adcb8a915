// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/stream_exchange_private.h"

#include <errno.h>

#include "base/clock.h"

#define OPENING_LEAST CLOCK_SECOND // allowed at least, if the question has as much
#define OPENING_MOST PROXY_QUERY_DEADLINE
#define AVERAGE_PARTS 4 // what the last opening counts in the average: one of these

#define WARM_OPENINGS_MOST 8 // in one call, of one upstream
#define UPKEEP_PERIOD (100 * CLOCK_MILLISECOND)

static uint64_t time_earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static enum proxy_failure failure_of_error(int error)
{
	switch (error) {
	case -ECONNREFUSED:
		return PROXY_FAILURE_REFUSED;
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -ENETDOWN:
	case -EACCES:
	case -EPERM:
		return PROXY_FAILURE_UNREACHABLE;
	case -ECONNRESET:
	case -EPIPE:
		return PROXY_FAILURE_CLOSED;
	default:
		return PROXY_FAILURE_NO_PORT;
	}
}

// It takes nothing any more. What is on it is dealt with later, so that nobody is called back from
// within a question.
static void connection_break(struct proxy_streams *streams, uint16_t slot, int error)
{
	struct stream_connection *connection = &streams->connections[slot];
	struct stream_upstream *upstream = stream_upstream_of(streams, slot);

	if (connection->is_broken)
		return;
	connection->is_broken = true;
	connection->is_lost = true;
	connection->failure = (uint8_t)failure_of_error(error);
	connection->next_broken = streams->broken;
	streams->broken = slot;
	if (upstream->opening == slot)
		upstream->opening = PROXY_SLOT_NONE;
	proxy_pool_retire(&streams->pools, slot, PROXY_CLOSE_ERROR);
}

// Until when it may take: twice as long as they took so far, and not beyond `until`.
static void connection_limit_opening(struct proxy_streams *streams, uint16_t slot, uint64_t until)
{
	struct stream_connection *connection = &streams->connections[slot];

	if (until >= connection->opening_until)
		return;
	connection->opening_until = until;
	timer_wheel_cancel(&streams->wheel, streams->question_count + slot);
	proxy_stream_timer_arm(streams, streams->question_count + slot, until);
}

// Half of the time of the first question that waits for it, so that there is some left for another
// upstream.
static uint64_t half_way(uint64_t deadline, uint64_t now)
{
	return now + (deadline > now ? (deadline - now) / 2 : 0);
}

static void connection_arm_opening(struct proxy_streams *streams, uint16_t slot, uint64_t now)
{
	const struct stream_upstream *upstream = stream_upstream_of(streams, slot);
	uint64_t span = 2 * upstream->opening_average;

	if (!span || span > OPENING_MOST)
		span = OPENING_MOST;
	else if (span < OPENING_LEAST)
		span = OPENING_LEAST;
	streams->connections[slot].opening_until = now + span;
	proxy_stream_timer_arm(streams, streams->question_count + slot, now + span);
}

static uint16_t connection_open(struct proxy_streams *streams, uint16_t number, uint64_t now)
{
	struct stream_upstream *upstream = &streams->upstreams[number];
	uint16_t slot = proxy_stream_pool_open(&streams->pools, number, now);
	int error;

	if (slot == PROXY_SLOT_NONE)
		return slot;
	streams->connections[slot] = (struct stream_connection){
		.list = {PROXY_PENDING_NONE, PROXY_PENDING_NONE,
			proxy_stream_id_mask(upstream->limit_most)},
		.opening_since = now,
		.is_opening = true,
	};
	upstream->opening = slot;
	upstream->opening_count++;
	connection_arm_opening(streams, slot, now);
	streams->upkeep_at = time_earlier(streams->upkeep_at, now + UPKEEP_PERIOD);
	error = streams->driver.open(
		streams->driver.context, slot, number, streams->set->upstreams[number].is_tls);
	if (error)
		connection_break(streams, slot, error);
	return slot;
}

// The one that is being opened, if it has room, or a new one.
static uint16_t connection_wait_for(
	struct proxy_streams *streams, const struct proxy_stream_pending *pending, uint64_t now)
{
	const struct stream_upstream *upstream = &streams->upstreams[pending->upstream];
	uint16_t slot = upstream->opening;

	// Its opening counts as one in flight.
	if (slot == PROXY_SLOT_NONE || streams->pools.connections[slot].in_flight > upstream->limit)
		slot = connection_open(streams, pending->upstream, now);
	if (slot == PROXY_SLOT_NONE)
		return slot;
	if (streams->pools.connections[slot].in_flight == 1)
		connection_limit_opening(streams, slot, half_way(pending->deadline, now));
	proxy_stream_pool_join(&streams->pools, slot);
	return slot;
}

// Which nobody joins, and which ends with its question.
static uint16_t connection_open_own(
	struct proxy_streams *streams, const struct proxy_stream_pending *pending, uint64_t now)
{
	struct stream_upstream *upstream = &streams->upstreams[pending->upstream];
	uint16_t youngest = upstream->opening;
	uint16_t slot = connection_open(streams, pending->upstream, now);

	if (slot == PROXY_SLOT_NONE)
		return slot;
	upstream->opening = youngest;
	proxy_pool_retire(&streams->pools, slot, PROXY_CLOSE_CHECK);
	connection_limit_opening(streams, slot, pending->deadline);
	proxy_stream_pool_join(&streams->pools, slot);
	return slot;
}

uint16_t proxy_stream_connection_take(
	struct proxy_streams *streams, const struct proxy_stream_pending *pending, uint64_t now)
{
	uint16_t slot = PROXY_SLOT_NONE;

	if (base_unlikely(pending->is_check))
		return connection_open_own(streams, pending, now);
	if (pending->asked_again <= ASKED_AGAIN_POOLED)
		slot = proxy_stream_pool_take(&streams->pools, pending->upstream,
			streams->upstreams[pending->upstream].limit, now);
	return slot != PROXY_SLOT_NONE ? slot : connection_wait_for(streams, pending, now);
}

void proxy_stream_connection_send(
	struct proxy_streams *streams, uint16_t slot, uint32_t question, uint64_t now)
{
	struct proxy_stream_pending *pending = proxy_stream_pending_at(&streams->table, question);
	int error;

	pending->sent_at = now;
	if (streams->connections[slot].is_broken)
		return;
	error = streams->driver.send(streams->driver.context, slot,
		proxy_stream_pending_message(&streams->table, pending), pending->length);
	if (error)
		connection_break(streams, slot, error);
}

static void upstream_count_opening_time(struct stream_upstream *upstream, uint64_t span)
{
	uint64_t average = upstream->opening_average;

	if (!span)
		span = 1;
	upstream->opening_average =
		average ? average - average / AVERAGE_PARTS + span / AVERAGE_PARTS : span;
}

// The opening is over, for good or ill.
static void connection_finish_opening(struct proxy_streams *streams, uint16_t slot)
{
	struct stream_upstream *upstream = stream_upstream_of(streams, slot);

	timer_wheel_cancel(&streams->wheel, streams->question_count + slot);
	streams->connections[slot].is_opening = false;
	upstream->opening_count--;
	if (upstream->opening == slot)
		upstream->opening = PROXY_SLOT_NONE;
}

void proxy_streams_opened(struct proxy_streams *streams, uint16_t slot, uint64_t now)
{
	struct stream_connection *connection = &streams->connections[slot];
	struct stream_upstream *upstream;

	streams->now = now;
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN || !connection->is_opening ||
		connection->is_broken)
		return;
	upstream = stream_upstream_of(streams, slot);
	upstream_count_opening_time(upstream, now - connection->opening_since);
	stream_count(&upstream->counts.opened);
	connection_finish_opening(streams, slot);
	for (uint32_t question = connection->list.first; question != PROXY_PENDING_NONE;
		question = proxy_stream_pending_at(&streams->table, question)->next)
		proxy_stream_connection_send(streams, slot, question, now);
	proxy_stream_pool_opened(&streams->pools, slot, upstream->limit, now);
}

// It ended with several questions unanswered: where it had answered fewer than we ask at once, the
// upstream takes no more on one connection.
static void upstream_lower_limit(
	struct stream_upstream *upstream, const struct stream_connection *connection)
{
	uint32_t limit = connection->answered ? connection->answered : 1;

	if (connection->list.first != connection->list.last && limit < upstream->limit)
		upstream->limit = limit;
}

static void connection_fail_opening(
	struct proxy_streams *streams, uint16_t slot, enum proxy_failure failure, uint64_t now)
{
	struct stream_upstream *upstream = stream_upstream_of(streams, slot);

	stream_count(&upstream->counts.open_failed[failure]);
	connection_finish_opening(streams, slot);
	proxy_stream_pool_opened(&streams->pools, slot, upstream->limit, now);
}

// Takes all questions from the connection, which is unlinked with the last of them and the end of
// its opening. They stay chained, by `next`.
static void connection_take_questions(struct proxy_streams *streams, uint16_t slot, uint64_t now)
{
	struct stream_connection *connection = &streams->connections[slot];
	uint32_t limit = stream_upstream_of(streams, slot)->limit;

	while (connection->list.first != PROXY_PENDING_NONE) {
		proxy_stream_pending_unfile(
			&streams->table, connection->list.first, &connection->list);
		proxy_stream_pool_give_back(&streams->pools, slot, limit, now);
	}
}

void proxy_stream_connection_end(
	struct proxy_streams *streams, uint16_t slot, enum proxy_failure failure, uint64_t now)
{
	struct stream_connection *connection = &streams->connections[slot];
	struct stream_upstream *upstream = stream_upstream_of(streams, slot);
	bool is_peers_doing = failure == PROXY_FAILURE_CLOSED && !connection->is_opening;
	bool has_answered = connection->answered > 0;
	uint32_t question = connection->list.first;

	if (!has_answered)
		upstream->warm_not_before = now + WARM_PAUSE;
	if (is_peers_doing)
		upstream_lower_limit(upstream, connection);
	// With nothing on it, this unlinks it.
	proxy_pool_retire(
		&streams->pools, slot, is_peers_doing ? PROXY_CLOSE_PEER : PROXY_CLOSE_ERROR);
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return;
	connection_take_questions(streams, slot, now);
	if (connection->is_opening)
		connection_fail_opening(streams, slot, failure, now);
	while (question != PROXY_PENDING_NONE) {
		uint32_t next = proxy_stream_pending_at(&streams->table, question)->next;

		if (has_answered)
			proxy_stream_question_ask_again(streams, question, now);
		else
			proxy_stream_question_fail(streams, question, failure);
		question = next;
	}
}

void proxy_stream_connection_expire(struct proxy_streams *streams, uint16_t slot, uint64_t now)
{
	upstream_count_opening_time(
		stream_upstream_of(streams, slot), now - streams->connections[slot].opening_since);
	proxy_stream_connection_end(streams, slot, PROXY_FAILURE_CONNECT_TIMEOUT, now);
}

void proxy_streams_lost(
	struct proxy_streams *streams, uint16_t slot, enum proxy_failure why, uint64_t now)
{
	streams->now = now;
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return;
	streams->connections[slot].is_lost = true;
	proxy_stream_connection_end(streams, slot, why, now);
}

void proxy_stream_connections_end_broken(struct proxy_streams *streams, uint64_t now)
{
	uint16_t slot = streams->broken;

	// Those that break from now on are for the next call: askers may ask again at once.
	streams->broken = PROXY_SLOT_NONE;
	while (slot != PROXY_SLOT_NONE) {
		const struct stream_connection *connection = &streams->connections[slot];
		uint16_t next = connection->next_broken;

		if (streams->pools.states[slot] == PROXY_SLOT_OPEN)
			proxy_stream_connection_end(streams, slot, connection->failure, now);
		slot = next;
	}
}

static void upstream_keep(struct proxy_streams *streams, uint16_t number, uint64_t now)
{
	const struct stream_upstream *upstream = &streams->upstreams[number];
	const struct proxy_pool *pool = &streams->pools.pools[number];

	if (proxy_upstream_is_in_drain(&streams->set->upstreams[number]))
		return;
	for (int i = 0; i < WARM_OPENINGS_MOST && now >= upstream->warm_not_before &&
			pool->idle_count + upstream->opening_count < upstream->idle_least;
		i++) {
		if (connection_open(streams, number, now) == PROXY_SLOT_NONE)
			break;
	}
}

void proxy_stream_connections_keep(struct proxy_streams *streams, uint64_t now)
{
	bool is_wanted = streams->has_idle_least && !streams->pools.is_stopped;

	if (now < streams->upkeep_at)
		return;
	for (uint16_t i = 0; is_wanted && i < streams->set->upstream_count; i++)
		upstream_keep(streams, i, now);
	streams->upkeep_at = is_wanted || !proxy_pools_are_drained(&streams->pools)
				     ? now + UPKEEP_PERIOD
				     : UINT64_MAX;
}

void proxy_stream_connection_unlinked(void *context, uint16_t slot)
{
	struct proxy_streams *streams = context;

	if (!streams->connections[slot].is_lost)
		streams->driver.finish(streams->driver.context, slot);
}

void proxy_stream_connection_closed(void *context, uint16_t slot)
{
	struct proxy_streams *streams = context;

	streams->driver.destroy(streams->driver.context, slot);
}
