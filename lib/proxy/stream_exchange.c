// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/stream_exchange_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/table_memory.h"
#include "dns/message.h"
#include "proxy/check.h"

// One turn of the owner's loop is bounded; the rest is there in the next.
#define MESSAGES_MOST 256

static uint32_t limit_part(uint32_t limit, const struct proxy_pools *pools)
{
	return limit / pools->lcore_count + (pools->lcore_index < limit % pools->lcore_count);
}

// Below the most is what its connections have taught, which stays.
void proxy_stream_upstream_set_limit(struct proxy_streams *streams, uint16_t number)
{
	const struct proxy_set *set = streams->set;
	const struct proxy_settings *settings = &set->groups[set->upstreams[number].group].settings;
	struct stream_upstream *upstream = &streams->upstreams[number];
	uint32_t most = settings->max_inflight ? settings->max_inflight : 1;

	if (upstream->limit_of_peer && upstream->limit_of_peer < most)
		most = upstream->limit_of_peer;
	if (upstream->limit == upstream->limit_most || upstream->limit > most)
		upstream->limit = most;
	upstream->limit_most = most;
}

static void upstream_adopt(struct proxy_streams *streams, uint16_t number)
{
	const struct proxy_set *set = streams->set;
	const struct proxy_upstream *described = &set->upstreams[number];
	const struct proxy_settings *settings = &set->groups[described->group].settings;
	struct stream_upstream *upstream = &streams->upstreams[number];

	if (set->upstreams_since[number] > streams->generation)
		*upstream = (struct stream_upstream){.opening = PROXY_SLOT_NONE};
	upstream->idle_least = 0;
	if (described->presence == PROXY_FREE)
		return;
	proxy_stream_upstream_set_limit(streams, number);
	if (described->presence == PROXY_STAYS)
		upstream->idle_least = limit_part(settings->min_idle_conns, &streams->pools);
	if (upstream->idle_least)
		streams->has_idle_least = true;
}

// With the pools at the same set.
static void streams_use_set(struct proxy_streams *streams, const struct proxy_set *set)
{
	streams->set = set;
	streams->has_idle_least = false;
	for (uint16_t i = 0; i < set->upstream_count; i++)
		upstream_adopt(streams, i);
	streams->generation = set->generation;
}

void proxy_streams_adopt(struct proxy_streams *streams, const struct proxy_set *set)
{
	proxy_pools_adopt(&streams->pools, set);
	streams_use_set(streams, set);
	streams->upkeep_at = 0;
}

static int streams_fill(struct proxy_streams *streams, const struct proxy_streams_options *options)
{
	const struct proxy_pools_options pools = {
		.port_count = options->connection_count,
		.lcore_count = options->lcore_count,
		.lcore_index = options->lcore_index,
	};
	const struct proxy_pools_events events = {
		streams, proxy_stream_connection_unlinked, proxy_stream_connection_closed};
	size_t upstreams = streams->set->upstream_capacity + 1u;
	int error;

	streams->connections = table_memory_allocate_zeroed(
		options->connection_count * sizeof(*streams->connections));
	streams->upstreams = table_memory_allocate_zeroed(upstreams * sizeof(*streams->upstreams));
	if (!streams->connections || !streams->upstreams)
		return -ENOMEM;
	error = proxy_stream_table_init(&streams->table, options->question_count);
	if (!error)
		error = timer_wheel_init(&streams->wheel,
			options->question_count + options->connection_count, options->now);
	if (!error)
		error = proxy_stream_pools_init(
			&streams->pools, streams->set, streams->random, &pools, &events);
	if (!error)
		streams_use_set(streams, streams->set);
	return error;
}

struct proxy_streams *proxy_streams_create(const struct proxy_set *set,
	struct random_stream *random, const struct proxy_streams_options *options)
{
	struct proxy_streams *streams;
	int error;

	if (!options->question_count || !options->connection_count || !options->lcore_count) {
		errno = EINVAL;
		return NULL;
	}
	streams = table_memory_allocate_zeroed(sizeof(*streams));
	if (!streams)
		return NULL;
	streams->set = set;
	streams->random = random;
	streams->driver = options->driver;
	streams->asker = options->asker;
	streams->question_count = options->question_count;
	streams->broken = PROXY_SLOT_NONE;
	streams->now = options->now;
	streams->timers_at = UINT64_MAX;
	error = streams_fill(streams, options);
	if (error) {
		proxy_streams_destroy(streams);
		errno = -error;
		return NULL;
	}
	streams->upkeep_at = streams->has_idle_least ? 0 : UINT64_MAX;
	return streams;
}

void proxy_streams_destroy(struct proxy_streams *streams)
{
	if (!streams)
		return;
	for (uint16_t slot = 0; slot < streams->pools.slot_count; slot++) {
		if (streams->pools.states[slot] != PROXY_SLOT_FREE)
			streams->driver.destroy(streams->driver.context, slot);
	}
	proxy_pools_fini(&streams->pools);
	proxy_stream_table_fini(&streams->table);
	timer_wheel_fini(&streams->wheel);
	free(streams->connections);
	free(streams->upstreams);
	free(streams);
}

void proxy_stream_timer_arm(struct proxy_streams *streams, uint32_t timer, uint64_t when)
{
	uint64_t fires_at = timer_wheel_fires_at(when);

	timer_wheel_arm(&streams->wheel, timer, when);
	if (fires_at < streams->timers_at)
		streams->timers_at = fires_at;
}

static struct proxy_stream_list *question_list(
	struct proxy_streams *streams, const struct proxy_stream_pending *pending)
{
	return &streams->connections[pending->connection].list;
}

// Puts a question that is on no connection on one. False: there is none.
static bool question_place(struct proxy_streams *streams, uint32_t question, uint64_t now)
{
	struct proxy_stream_pending *pending = proxy_stream_pending_at(&streams->table, question);
	uint16_t slot = proxy_stream_connection_take(streams, pending, now);

	if (slot == PROXY_SLOT_NONE)
		return false;
	proxy_stream_pending_file(
		&streams->table, question, slot, &streams->connections[slot].list, streams->random);
	if (!streams->connections[slot].is_opening)
		proxy_stream_connection_send(streams, slot, question, now);
	return true;
}

bool proxy_streams_ask(
	struct proxy_streams *streams, const struct proxy_stream_question *question, uint64_t now)
{
	struct proxy_stream_pending *pending;
	uint32_t slot;

	streams->now = now;
	// What waited for long may be for an upstream that has left.
	if (streams->pools.is_stopped || now > question->deadline ||
		streams->set->upstreams[question->upstream].presence == PROXY_FREE)
		return false;
	slot = proxy_stream_pending_allocate(&streams->table, question->message, question->length);
	if (slot == PROXY_PENDING_NONE)
		return false;
	pending = proxy_stream_pending_at(&streams->table, slot);
	pending->asker = question->asker;
	pending->deadline = question->deadline;
	pending->upstream = question->upstream;
	pending->question_end = question->question_end;
	pending->asked_again = 0;
	pending->is_check = question->is_check;
	if (!question_place(streams, slot, now)) {
		proxy_stream_pending_free(&streams->table, slot);
		return false;
	}
	proxy_stream_timer_arm(streams, slot, question->deadline);
	stream_count(&streams->upstreams[question->upstream].counts.asked);
	return true;
}

void proxy_stream_question_fail(
	struct proxy_streams *streams, uint32_t question, enum proxy_failure failure)
{
	const struct proxy_stream_pending *pending =
		proxy_stream_pending_at(&streams->table, question);
	uint64_t asker = pending->asker;

	stream_count(&streams->upstreams[pending->upstream].counts.failed[failure]);
	timer_wheel_cancel(&streams->wheel, question);
	proxy_stream_pending_free(&streams->table, question);
	streams->asker.failed(streams->asker.context, asker, failure);
}

void proxy_stream_question_ask_again(struct proxy_streams *streams, uint32_t question, uint64_t now)
{
	struct proxy_stream_pending *pending = proxy_stream_pending_at(&streams->table, question);

	if (pending->asked_again == ASKED_AGAIN_MOST) {
		proxy_stream_question_fail(streams, question, PROXY_FAILURE_CLOSED);
		return;
	}
	pending->asked_again++;
	if (!question_place(streams, question, now)) {
		proxy_stream_question_fail(streams, question, PROXY_FAILURE_NO_PORT);
		return;
	}
	stream_count(&streams->upstreams[pending->upstream].counts.asked_again);
}

void proxy_stream_question_take_off(struct proxy_streams *streams, uint32_t question, uint64_t now)
{
	const struct proxy_stream_pending *pending =
		proxy_stream_pending_at(&streams->table, question);

	proxy_stream_pending_unfile(&streams->table, question, question_list(streams, pending));
	proxy_stream_pool_give_back(&streams->pools, pending->connection,
		streams->upstreams[pending->upstream].limit, now);
}

static void question_expire(struct proxy_streams *streams, uint32_t question, uint64_t now)
{
	const struct proxy_stream_pending *pending =
		proxy_stream_pending_at(&streams->table, question);
	const struct stream_connection *connection = &streams->connections[pending->connection];
	enum proxy_failure failure = PROXY_FAILURE_TIMEOUT;

	if (!connection->is_opening && !connection->is_lost)
		streams->driver.cancel(streams->driver.context, pending->connection, pending->id);
	if (connection->is_opening)
		failure = PROXY_FAILURE_CONNECT_TIMEOUT;
	// A silent connection may be dead; an upstream that answers others only lacks this answer.
	else if (connection->received_at <= pending->sent_at)
		proxy_pool_retire(&streams->pools, pending->connection, PROXY_CLOSE_ERROR);
	proxy_stream_question_take_off(streams, question, now);
	proxy_stream_question_fail(streams, question, failure);
}

// It has answered more than we ask at once: it may take more.
static void upstream_raise_limit(
	struct stream_upstream *upstream, const struct stream_connection *connection)
{
	if (base_likely(upstream->limit == upstream->limit_most) ||
		connection->answered / 2 < upstream->limit)
		return;
	upstream->limit = 2 * upstream->limit < upstream->limit_most ? 2 * upstream->limit
								     : upstream->limit_most;
}

static void question_answer(struct proxy_streams *streams, uint32_t question, const uint8_t *bytes,
	uint16_t length, uint64_t now)
{
	const struct proxy_stream_pending *pending =
		proxy_stream_pending_at(&streams->table, question);
	struct stream_connection *connection = &streams->connections[pending->connection];
	struct stream_upstream *upstream = &streams->upstreams[pending->upstream];
	uint64_t asker = pending->asker;

	if (connection->answered < UINT32_MAX)
		connection->answered++;
	upstream_raise_limit(upstream, connection);
	stream_count(&upstream->counts.answered);
	proxy_stream_question_take_off(streams, question, now);
	timer_wheel_cancel(&streams->wheel, question);
	proxy_stream_pending_free(&streams->table, question);
	streams->asker.answered(streams->asker.context, asker, bytes, length);
}

// A question that waits for its connection can have no answer yet.
uint32_t proxy_stream_question_find(const struct proxy_streams *streams, uint16_t slot, uint16_t id)
{
	if (streams->connections[slot].is_opening)
		return PROXY_PENDING_NONE;
	return proxy_stream_pending_find(
		&streams->table, &streams->connections[slot].list, slot, id);
}

// Over HTTP there will be no other reply (RFC 8484, section 4.2).
static void reply_is_of_no_use(
	struct proxy_streams *streams, uint16_t slot, uint16_t id, uint64_t now)
{
	if (streams->set->upstreams[streams->pools.connections[slot].upstream].is_https)
		proxy_streams_failed(streams, slot, id, PROXY_FAILURE_GARBAGE, now);
}

static bool reply_answers(struct proxy_streams *streams, struct proxy_stream_pending *pending,
	const uint8_t *bytes, const struct dns_message *message)
{
	const uint8_t *asked = proxy_stream_pending_message(&streams->table, pending);
	uint16_t name_end = (uint16_t)(pending->question_end - 4);
	const struct dns_message question = {
		.question =
			{
				.name_length = (uint16_t)(name_end - DNS_HEADER_BYTES),
				.type = bytes_load_u16(asked + name_end),
				.class_ = bytes_load_u16(asked + name_end + 2),
			},
	};

	return dns_message_same_question(asked, &question, bytes, message);
}

void proxy_streams_received(struct proxy_streams *streams, uint16_t slot, const uint8_t *bytes,
	uint16_t length, uint64_t now)
{
	struct proxy_stream_pending *pending;
	struct proxy_stream_counts *counts;
	struct dns_message message;
	enum dns_read_result read;
	uint32_t question;

	streams->now = now;
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return;
	counts = &stream_upstream_of(streams, slot)->counts;
	streams->connections[slot].received_at = now;
	if (length < DNS_HEADER_BYTES || !(bytes[2] & DNS_FLAG_QR >> 8)) {
		stream_count(&counts->short_messages);
		if (length >= DNS_HEADER_BYTES)
			reply_is_of_no_use(streams, slot, bytes_load_u16(bytes), now);
		return;
	}
	question = proxy_stream_question_find(streams, slot, bytes_load_u16(bytes));
	if (question == PROXY_PENDING_NONE) {
		stream_count(&counts->late);
		return;
	}
	pending = proxy_stream_pending_at(&streams->table, question);
	read = dns_message_read(&message, bytes, length);
	if (pending->is_check && proxy_check_is_answered(read, &message)) {
		question_answer(streams, question, bytes, length, now);
		return;
	}
	// A response has the opcode of the query (RFC 1035, section 4.1.1).
	if (read != DNS_READ_GOOD || message.opcode != DNS_OPCODE_QUERY) {
		proxy_stream_question_take_off(streams, question, now);
		proxy_stream_question_fail(streams, question, PROXY_FAILURE_GARBAGE);
		return;
	}
	if (!reply_answers(streams, pending, bytes, &message)) {
		stream_count(&counts->mismatched);
		reply_is_of_no_use(streams, slot, pending->id, now);
		return;
	}
	question_answer(streams, question, bytes, length, now);
}

static void streams_expire_timers(struct proxy_streams *streams, uint64_t now)
{
	uint32_t timer;

	if (now < streams->timers_at)
		return;
	while (timer_wheel_take_expired(&streams->wheel, now, &timer)) {
		if (timer < streams->question_count)
			question_expire(streams, timer, now);
		else
			proxy_stream_connection_expire(
				streams, (uint16_t)(timer - streams->question_count), now);
	}
	streams->timers_at = timer_wheel_next_time(&streams->wheel);
}

void proxy_streams_expire(struct proxy_streams *streams, uint64_t now)
{
	streams->now = now;
	proxy_stream_connections_end_broken(streams, now);
	streams_expire_timers(streams, now);
	proxy_pools_read_messages(&streams->pools, MESSAGES_MOST, now);
	proxy_stream_connections_keep(streams, now);
}

uint64_t proxy_streams_next_time(const struct proxy_streams *streams)
{
	uint64_t next =
		streams->timers_at < streams->upkeep_at ? streams->timers_at : streams->upkeep_at;

	// An upstream that fails at once is not asked again without a pause.
	if (streams->broken != PROXY_SLOT_NONE && next > streams->now + CLOCK_MILLISECOND)
		next = streams->now + CLOCK_MILLISECOND;
	return next;
}

void proxy_streams_stop(struct proxy_streams *streams)
{
	proxy_pools_stop(&streams->pools);
}

bool proxy_streams_are_drained(const struct proxy_streams *streams)
{
	return !streams->table.in_use && proxy_pools_are_drained(&streams->pools);
}

uint32_t proxy_streams_in_flight(const struct proxy_streams *streams)
{
	return base_load(&streams->table.in_use);
}

struct proxy_pools *proxy_streams_pools(struct proxy_streams *streams)
{
	return &streams->pools;
}

const struct proxy_stream_counts *proxy_streams_counts(
	const struct proxy_streams *streams, uint16_t upstream)
{
	return &streams->upstreams[upstream].counts;
}
