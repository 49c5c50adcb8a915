// SPDX-License-Identifier: BSD-3-Clause
// Second attempts, by hundreds of thousands of queries to which all may happen in any order: nothing
// stays behind, every attempt is accounted for, and no more are made than are paid for.
#include "proxy_lcore_fixture.h"

#include "proxy/hedge.h"

#define UPSTREAMS 4
#define SLOTS 64
#define QUERIES 200000

// Attempts on their way by the slot that they are filed under.
struct hedge_fixture {
	struct random_stream *random; // of the lcore
	struct random_stream *events;
	struct proxy_set *set;
	struct proxy_lcore *lcore;
	uint64_t now;
	uint32_t live[2 * SLOTS];
	uint32_t live_count;
	uint64_t started;
	uint64_t hedged;
	uint64_t dropped; // attempts that another one won over
	uint64_t left;
};

static void hedge_open(struct hedge_fixture *fixture)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {4, 2};
	static const uint8_t other_seed[RANDOM_SEED_BYTES] = {4, 3};
	const struct proxy_settings settings = {
		.policy = PROXY_POLICY_RANDOM,
		.expire = CLOCK_SECOND,
		.read_timeout = 2 * CLOCK_SECOND,
		.hedge = 20 * CLOCK_MILLISECOND,
	};

	*fixture = (struct hedge_fixture){
		.random = random_stream_create(seed),
		.events = random_stream_create(other_seed),
		.set = proxy_fixture_set(&settings, UPSTREAMS),
		.now = LCORE_FIXTURE_START,
	};
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->events);
	lcore_fixture_give_paths(fixture->set);
	fixture->lcore = lcore_fixture_make(fixture->set, fixture->random, 2 * SLOTS, 256);
}

static void hedge_close(struct hedge_fixture *fixture)
{
	proxy_lcore_destroy(fixture->lcore);
	proxy_set_destroy(fixture->set);
	random_stream_destroy(fixture->events);
	random_stream_destroy(fixture->random);
}

static void live_add(struct hedge_fixture *fixture, uint32_t slot)
{
	CU_ASSERT_FATAL(fixture->live_count < BASE_ARRAY_SIZE(fixture->live));
	fixture->live[fixture->live_count++] = slot;
}

static void live_remove(struct hedge_fixture *fixture, uint32_t slot)
{
	for (uint32_t i = 0; i < fixture->live_count; i++) {
		if (fixture->live[i] == slot) {
			fixture->live[i] = fixture->live[--fixture->live_count];
			return;
		}
	}
	CU_FAIL_FATAL("an attempt that nobody made");
}

static void attempt(struct hedge_fixture *fixture, uint32_t slot)
{
	struct proxy_attempt sent;

	if (proxy_attempt_start(fixture->lcore, slot, fixture->now, &sent)) {
		CU_ASSERT_EQUAL(sent.slot, slot);
		live_add(fixture, slot);
	} else {
		proxy_query_finish(fixture->lcore, slot, fixture->now);
	}
}

static void start(struct hedge_fixture *fixture)
{
	uint32_t slot;

	if (proxy_query_start(fixture->lcore, 0, lcore_fixture_query, sizeof(lcore_fixture_query),
		    (uint16_t)sizeof(lcore_fixture_query), fixture->now, &slot) != PROXY_START_GOOD)
		return;
	fixture->started++;
	attempt(fixture, slot);
}

static bool slot_is_live(const struct hedge_fixture *fixture, uint32_t slot)
{
	for (uint32_t i = 0; i < fixture->live_count; i++) {
		if (fixture->live[i] == slot)
			return true;
	}
	return false;
}

// A good answer to the attempt of this slot, which is found as a reply would be.
static void answer(struct hedge_fixture *fixture, uint32_t slot)
{
	struct proxy_lcore *lcore = fixture->lcore;
	const struct proxy_pending *pending = proxy_pending_at(&lcore->pending, slot);
	uint16_t connection = pending->connection;
	uint16_t upstream = pending->upstream;
	uint16_t id = pending->id;
	uint64_t answered = lcore->counts[upstream].answered;
	uint32_t own = slot;

	CU_ASSERT_EQUAL_FATAL(proxy_pending_find(&lcore->pending, connection, id), slot);
	live_remove(fixture, slot);
	if (proxy_query_is_hedged(lcore, slot)) {
		uint32_t partner = lcore->partners[slot];

		if (slot_is_live(fixture, partner)) {
			live_remove(fixture, partner);
			fixture->dropped++;
		}
		own = proxy_hedge_win(lcore, slot, fixture->now);
		CU_ASSERT_EQUAL(proxy_pending_find(&lcore->pending, connection, id), own);
		CU_ASSERT_EQUAL(proxy_pending_at(&lcore->pending, own)->upstream, upstream);
	}
	proxy_query_finish(lcore, own, fixture->now);
	CU_ASSERT_EQUAL(lcore->counts[upstream].answered, answered + 1);
	CU_ASSERT_EQUAL(proxy_pending_find(&lcore->pending, connection, id), PROXY_PENDING_NONE);
}

static void fail(struct hedge_fixture *fixture, uint32_t slot, enum proxy_failure failure)
{
	live_remove(fixture, slot);
	if (proxy_hedge_fail(fixture->lcore, &slot, failure, fixture->now))
		return;
	proxy_attempt_fail(fixture->lcore, slot, failure, fixture->now);
	attempt(fixture, slot);
}

static void leave(struct hedge_fixture *fixture, uint32_t slot)
{
	if (!proxy_query_is_hedged(fixture->lcore, slot) ||
		!proxy_hedge_leave(fixture->lcore, slot, fixture->now)) {
		answer(fixture, slot);
		return;
	}
	live_remove(fixture, slot);
	fixture->left++;
}

static void expire(struct hedge_fixture *fixture)
{
	uint32_t slot;

	while (proxy_take_expired(fixture->lcore, fixture->now, &slot)) {
		struct proxy_attempt second;

		if (!proxy_hedge_is_due(fixture->lcore, slot)) {
			fail(fixture, slot, PROXY_FAILURE_TIMEOUT);
			continue;
		}
		if (!proxy_hedge_start(fixture->lcore, slot, fixture->now, &second))
			continue;
		fixture->hedged++;
		CU_ASSERT_NOT_EQUAL(proxy_pending_at(&fixture->lcore->pending, slot)->upstream,
			proxy_pending_at(&fixture->lcore->pending, second.slot)->upstream);
		live_add(fixture, second.slot);
	}
}

static void something_happens(struct hedge_fixture *fixture)
{
	uint32_t event = random_stream_below(fixture->events, 100);
	uint32_t slot;

	if (event < 30 || !fixture->live_count) {
		if (fixture->live_count < SLOTS)
			start(fixture);
		return;
	}
	slot = fixture->live[random_stream_below(fixture->events, fixture->live_count)];
	if (event < 58)
		answer(fixture, slot);
	else if (event < 62)
		fail(fixture, slot, PROXY_FAILURE_UNREACHABLE);
	else if (event < 66)
		leave(fixture, slot);
	else
		fixture->now += random_stream_below(fixture->events, 4 * CLOCK_MILLISECOND);
	expire(fixture);
}

static uint64_t count_failed(const struct proxy_upstream_counts *counts)
{
	uint64_t sum = 0;

	for (int failure = 0; failure < PROXY_FAILURES; failure++)
		sum += counts->failed[failure];
	return sum;
}

// Every attempt was answered, failed, or dropped for another.
static void expect_nothing_left(struct hedge_fixture *fixture)
{
	uint64_t sent = 0;
	uint64_t ended = fixture->dropped;

	CU_ASSERT_EQUAL(proxy_in_flight(fixture->lcore), 0);
	CU_ASSERT_EQUAL(proxy_hedges(fixture->lcore), 0);
	CU_ASSERT_EQUAL(fixture->lcore->groups[0].in_flight, 0);
	for (uint16_t i = 0; i < UPSTREAMS; i++) {
		const struct proxy_upstream_counts *counts = &fixture->lcore->counts[i];

		CU_ASSERT_EQUAL(counts->load.in_flight, 0);
		CU_ASSERT_EQUAL(fixture->lcore->pools.pools[i].in_flight, 0);
		sent += counts->sent;
		ended += counts->answered + count_failed(counts);
	}
	CU_ASSERT_EQUAL(sent, ended);
}

static void nothing_stays_behind(void)
{
	struct hedge_fixture fixture;

	hedge_open(&fixture);
	while (fixture.started < QUERIES) {
		struct proxy_pools *pools[] = {&fixture.lcore->pools};
		uint16_t scratch[256];

		something_happens(&fixture);
		if (fixture.started % 64 == 0) {
			(void)proxy_sweep_reap(pools, 1, scratch, BASE_ARRAY_SIZE(scratch));
			proxy_pools_read_messages(pools[0], UINT32_MAX, fixture.now);
		}
	}
	CU_ASSERT(fixture.hedged > QUERIES / 100);
	CU_ASSERT(fixture.hedged * PROXY_HEDGE_COST <= fixture.started);
	CU_ASSERT(fixture.dropped > fixture.hedged / 4);
	CU_ASSERT(fixture.left > 0);
	while (fixture.live_count) {
		fixture.now += CLOCK_SECOND;
		expire(&fixture);
	}
	expect_nothing_left(&fixture);
	hedge_close(&fixture);
}

// A query that is over, by whatever, takes both attempts with it.
static void the_end_of_a_query_is_that_of_both(void)
{
	struct hedge_fixture fixture;

	hedge_open(&fixture);
	fixture.lcore->groups[0].hedge_tokens = PROXY_HEDGE_COST;
	start(&fixture);
	fixture.now += 22 * CLOCK_MILLISECOND;
	expire(&fixture);
	CU_ASSERT_EQUAL_FATAL(fixture.live_count, 2);
	CU_ASSERT_EQUAL(proxy_hedges(fixture.lcore), 1);
	CU_ASSERT_EQUAL(proxy_in_flight(fixture.lcore), 2);
	proxy_query_finish(fixture.lcore, fixture.live[0], fixture.now);
	fixture.dropped = 1;
	expect_nothing_left(&fixture);
	hedge_close(&fixture);
}

// Who loses took at least so long.
static void the_loser_is_known_to_be_slow(void)
{
	struct hedge_fixture fixture;
	const struct proxy_pending *first;
	struct proxy_load *load;

	hedge_open(&fixture);
	fixture.lcore->groups[0].hedge_tokens = PROXY_HEDGE_COST;
	start(&fixture);
	first = proxy_pending_at(&fixture.lcore->pending, fixture.live[0]);
	load = &fixture.lcore->counts[first->upstream].load;
	proxy_load_answered(load, CLOCK_MILLISECOND, fixture.now);
	fixture.now += 22 * CLOCK_MILLISECOND;
	expire(&fixture);
	CU_ASSERT_EQUAL_FATAL(fixture.live_count, 2);
	answer(&fixture, fixture.live[1]);
	CU_ASSERT(load->round_trip > 3000);
	expect_nothing_left(&fixture);
	hedge_close(&fixture);
}

static const struct unit_case cases[] = {
	{"nothing stays behind", nothing_stays_behind},
	{"the end of a query is that of both", the_end_of_a_query_is_that_of_both},
	{"the loser is known to be slow", the_loser_is_known_to_be_slow},
};

UNIT_MAIN("proxy hedge", cases)
