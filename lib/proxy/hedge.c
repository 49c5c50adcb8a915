// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/hedge.h"

#include "proxy/exchange_private.h"

static uint32_t *partner_of(const struct proxy_lcore *lcore, uint32_t slot)
{
	return &lcore->partners[slot];
}

// A slot for the second attempt of the query, or PROXY_PENDING_NONE.
static uint32_t second_allocate(struct proxy_lcore *lcore, uint32_t slot)
{
	struct proxy_pending_table *table = &lcore->pending;
	struct proxy_pending *pending = proxy_pending_at(table, slot);
	uint32_t second = proxy_pending_allocate(
		table, proxy_pending_message(table, pending), pending->message_length);
	struct proxy_pending *filled;

	if (second == PROXY_PENDING_NONE)
		return second;
	filled = proxy_pending_at(table, second);
	filled->deadline = pending->deadline;
	filled->failed_attempts = 0;
	filled->group = pending->group;
	filled->question_end = pending->question_end;
	filled->last_failure = pending->last_failure;
	filled->client_carrier = pending->client_carrier;
	filled->is_check = false;
	filled->has_tried_down = false;
	filled->met_failfast = false;
	filled->hedge = PROXY_HEDGE_SECOND;
	*partner_of(lcore, second) = slot;
	*partner_of(lcore, slot) = second;
	base_store(&lcore->hedges, lcore->hedges + 1);
	return second;
}

static void second_free(struct proxy_lcore *lcore, uint32_t second)
{
	proxy_pending_at(&lcore->pending, *partner_of(lcore, second))->hedge = PROXY_HEDGE_NONE;
	base_store(&lcore->hedges, lcore->hedges - 1);
	proxy_pending_free(&lcore->pending, second);
}

static bool budget_take(struct proxy_group_state *state)
{
	if (state->hedge_tokens < PROXY_HEDGE_COST)
		return false;
	state->hedge_tokens -= PROXY_HEDGE_COST;
	return true;
}

bool proxy_hedge_start(
	struct proxy_lcore *lcore, uint32_t slot, uint64_t now, struct proxy_attempt *attempt)
{
	struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	uint64_t until = proxy_attempt_until(lcore, pending);
	struct proxy_order order;
	uint16_t passed;
	uint32_t second;

	pending->hedge = PROXY_HEDGE_NONE;
	timer_wheel_arm(&lcore->wheel, slot, until);
	if (now >= until || !proxy_order_find_next(lcore, pending, &order, &passed) ||
		!budget_take(&lcore->groups[pending->group]))
		return false;
	second = second_allocate(lcore, slot);
	if (second == PROXY_PENDING_NONE)
		return false;
	proxy_pending_at(&lcore->pending, second)->order = order;
	proxy_pending_at(&lcore->pending, second)->passed = passed;
	if (!proxy_attempt_start_there(lcore, second, now, attempt)) {
		second_free(lcore, second);
		return false;
	}
	pending->hedge = PROXY_HEDGE_FIRST;
	return true;
}

// Nobody waits for it any more. It took so long at least.
static void attempt_drop(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	struct proxy_load *load = &lcore->counts[pending->upstream].load;
	uint64_t took = now - pending->sent_at;

	if (took >> 10 > proxy_load_round_trip(load, now))
		proxy_load_measure(load, took, now);
	proxy_attempt_end(lcore, slot, now);
}

void proxy_hedge_cancel(struct proxy_lcore *lcore, uint32_t second, uint64_t now)
{
	proxy_attempt_end(lcore, second, now);
	second_free(lcore, second);
}

// The attempt of the second slot becomes that of the query's own, which has none.
static void second_adopt(struct proxy_lcore *lcore, uint32_t slot, uint32_t second)
{
	struct proxy_pending *own = proxy_pending_at(&lcore->pending, slot);
	struct proxy_pending *other = proxy_pending_at(&lcore->pending, second);

	timer_wheel_cancel(&lcore->wheel, second);
	if (other->connection != PROXY_SLOT_STREAM)
		proxy_pending_refile(&lcore->pending, second, slot);
	own->sent_at = other->sent_at;
	own->order = other->order;
	own->passed = other->passed;
	own->id = other->id;
	own->connection = other->connection;
	own->upstream = other->upstream;
	own->local_address = other->local_address; // or stream_attempt, which stands in its place
	other->connection = PROXY_SLOT_NONE;
	second_free(lcore, second);
}

uint32_t proxy_hedge_win(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	uint32_t partner = *partner_of(lcore, slot);

	if (pending->hedge == PROXY_HEDGE_FIRST) {
		attempt_drop(lcore, partner, now);
		second_free(lcore, partner);
		return slot;
	}
	if (proxy_pending_at(&lcore->pending, partner)->connection != PROXY_SLOT_NONE)
		attempt_drop(lcore, partner, now);
	second_adopt(lcore, partner, slot);
	return partner;
}

// The second attempt is over, and the first goes on. Its upstream is not asked again.
static void second_leave(struct proxy_lcore *lcore, uint32_t second,
	const struct proxy_order *order, uint16_t passed)
{
	struct proxy_pending *own = proxy_pending_at(&lcore->pending, *partner_of(lcore, second));

	own->order = *order;
	own->passed = passed;
	second_free(lcore, second);
}

static bool is_last(const struct proxy_lcore *lcore, uint32_t slot)
{
	uint32_t partner = *partner_of(lcore, slot);

	return proxy_pending_at(&lcore->pending, partner)->connection == PROXY_SLOT_NONE;
}

bool proxy_hedge_leave(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);

	if (is_last(lcore, slot))
		return false;
	proxy_attempt_finish(lcore, slot, now);
	if (pending->hedge == PROXY_HEDGE_SECOND)
		second_leave(lcore, slot, &pending->order, pending->passed);
	return true;
}

bool proxy_hedge_fail(
	struct proxy_lcore *lcore, uint32_t *slot, enum proxy_failure failure, uint64_t now)
{
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, *slot);
	uint32_t partner = *partner_of(lcore, *slot);
	struct proxy_order order = pending->order;
	uint16_t passed = pending->passed;

	if (base_likely(!proxy_query_is_hedged(lcore, *slot)))
		return false;
	if (is_last(lcore, *slot)) {
		second_adopt(lcore, partner, *slot);
		*slot = partner;
		return false;
	}
	proxy_attempt_fail(lcore, *slot, failure, now);
	if (pending->hedge == PROXY_HEDGE_SECOND) {
		proxy_pending_at(&lcore->pending, partner)->failed_attempts++;
		proxy_pending_at(&lcore->pending, partner)->last_failure = (uint8_t)failure;
		second_leave(lcore, *slot, &order, passed);
	}
	return true;
}

void proxy_hedge_abandon(struct proxy_lcore *lcore, uint32_t slot, uint64_t now)
{
	proxy_hedge_cancel(lcore, *partner_of(lcore, slot), now);
}
