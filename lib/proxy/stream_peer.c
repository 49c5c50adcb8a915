// SPDX-License-Identifier: BSD-3-Clause
// What a peer says of a question or a connection other than by a reply or an end.
#include "base/clock.h"
#include "proxy/stream_exchange_private.h"

// PROXY_PENDING_NONE: nobody waits for it any more.
static uint32_t question_heard_of(
	struct proxy_streams *streams, uint16_t slot, uint16_t id, uint64_t now)
{
	streams->now = now;
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return PROXY_PENDING_NONE;
	streams->connections[slot].received_at = now;
	return proxy_stream_question_find(streams, slot, id);
}

void proxy_streams_failed(struct proxy_streams *streams, uint16_t slot, uint16_t id,
	enum proxy_failure why, uint64_t now)
{
	uint32_t question = question_heard_of(streams, slot, id, now);

	if (question == PROXY_PENDING_NONE)
		return;
	proxy_stream_question_take_off(streams, question, now);
	proxy_stream_question_fail(streams, question, why);
}

void proxy_streams_refused(struct proxy_streams *streams, uint16_t slot, uint16_t id, uint64_t now)
{
	uint32_t question = question_heard_of(streams, slot, id, now);
	bool is_of_use =
		streams->connections[slot].answered || !streams->pools.connections[slot].is_retired;

	if (question == PROXY_PENDING_NONE)
		return;
	proxy_stream_question_take_off(streams, question, now);
	// As with connections that end before they answer anything.
	if (is_of_use)
		proxy_stream_question_ask_again(streams, question, now);
	else
		proxy_stream_question_fail(streams, question, PROXY_FAILURE_CLOSED);
}

void proxy_streams_closing(struct proxy_streams *streams, uint16_t slot, uint64_t now)
{
	streams->now = now;
	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return;
	if (!streams->connections[slot].answered)
		stream_upstream_of(streams, slot)->warm_not_before = now + WARM_PAUSE;
	proxy_pool_retire(&streams->pools, slot, PROXY_CLOSE_PEER);
}

void proxy_streams_limited(struct proxy_streams *streams, uint16_t slot, uint32_t most)
{
	uint16_t upstream = streams->pools.connections[slot].upstream;

	if (streams->pools.states[slot] != PROXY_SLOT_OPEN)
		return;
	streams->upstreams[upstream].limit_of_peer = most ? most : 1;
	proxy_stream_upstream_set_limit(streams, upstream);
}
