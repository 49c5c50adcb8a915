// SPDX-License-Identifier: BSD-3-Clause
#include "proxy_fixture.h"

static void takes_the_connection_idle_longest(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[3];

	proxy_fixture_open(&fixture, &settings, 1, 16);
	for (int i = 0; i < 3; i++)
		slots[i] = proxy_pool_take(pools, 0, 1);
	proxy_pool_give_back(pools, slots[1], 2);
	proxy_pool_give_back(pools, slots[2], 3);
	proxy_pool_give_back(pools, slots[0], 4);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 5), slots[1]);
	proxy_pool_give_back(pools, slots[1], 6);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 7), slots[2]);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 7), slots[0]);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 7), slots[1]);
	CU_ASSERT_EQUAL(pools->pools[0].reused, 4);
	CU_ASSERT_EQUAL(pools->pools[0].opened, 3);
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 3);
	proxy_fixture_close(&fixture);
}

static void at_expire_it_is_good_and_past_it_closed(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t first;
	uint16_t second;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	first = proxy_pool_take(pools, 0, 1000);
	proxy_pool_give_back(pools, first, 5000);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 5100), first);
	proxy_pool_give_back(pools, first, 6000);
	second = proxy_pool_take(pools, 0, 6101);
	CU_ASSERT_NOT_EQUAL(second, first);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_EXPIRE], 1);
	CU_ASSERT_EQUAL(pools->pools[0].open_count, 1);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 6101), 1);
	proxy_fixture_close(&fixture);
}

static void at_max_age_it_is_good_and_past_it_closed(void)
{
	const struct proxy_settings settings = {.expire = 100, .max_age = 150};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t first;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	first = proxy_pool_take(pools, 0, 1000);
	proxy_pool_give_back(pools, first, 1100);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 1150), first);
	proxy_pool_give_back(pools, first, 1151);
	CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, 1151), first);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_MAX_AGE], 1);
	proxy_fixture_close(&fixture);
}

static void rotation_does_not_outlive_max_age(void)
{
	const struct proxy_settings settings = {.expire = 10, .max_age = 30};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[3];

	proxy_fixture_open(&fixture, &settings, 1, 16);
	for (int i = 0; i < 3; i++)
		slots[i] = proxy_pool_take(pools, 0, 0);
	for (int i = 0; i < 3; i++)
		proxy_pool_give_back(pools, slots[i], 0);
	// One at a time, so that each is idle for 3 at the most, and would be kept for ever.
	for (uint64_t now = 1; now <= 30; now++) {
		uint16_t slot = proxy_pool_take(pools, 0, now);

		CU_ASSERT_EQUAL(slot, slots[(now - 1) % 3]);
		proxy_pool_give_back(pools, slot, now);
	}
	CU_ASSERT_EQUAL(pools->pools[0].opened, 3);
	(void)proxy_pool_take(pools, 0, 31);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_MAX_AGE], 3);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_EXPIRE], 0);
	CU_ASSERT_EQUAL(pools->pools[0].opened, 4);
	proxy_fixture_close(&fixture);
}

static void max_age_leaves_a_query_in_flight_alone(void)
{
	const struct proxy_settings settings = {.expire = 10, .max_age = 30};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slot;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	slot = proxy_pool_take(pools, 0, 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1000), 1);
	proxy_pools_read_messages(pools, UINT32_MAX, 1000);
	CU_ASSERT_EQUAL(pools->states[slot], PROXY_SLOT_OPEN);
	CU_ASSERT_EQUAL(pools->connections[slot].in_flight, 1);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 1000), 0);
	proxy_pool_give_back(pools, slot, 1001);
	CU_ASSERT_EQUAL(pools->states[slot], PROXY_SLOT_UNLINKED);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_MAX_AGE], 1);
	proxy_fixture_close(&fixture);
}

static void max_idle_conns_closes_the_one_that_comes_back(void)
{
	const struct proxy_settings settings = {.expire = 100, .max_idle_conns = 2};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[3];

	proxy_fixture_open(&fixture, &settings, 1, 16);
	for (int i = 0; i < 3; i++)
		slots[i] = proxy_pool_take(pools, 0, 1);
	for (int i = 0; i < 3; i++)
		proxy_pool_give_back(pools, slots[i], 2);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_MAX_IDLE], 1);
	CU_ASSERT_EQUAL(pools->states[slots[2]], PROXY_SLOT_UNLINKED);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 3), slots[0]);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 3), slots[1]);
	proxy_fixture_close(&fixture);
}

static void limits_are_split_so_that_they_add_up(void)
{
	uint32_t sum = 0;

	for (uint16_t i = 0; i < 4; i++)
		sum += proxy_limit_share(10, 4, i);
	CU_ASSERT_EQUAL(sum, 10);
	CU_ASSERT_EQUAL(proxy_limit_share(10, 4, 0), 3);
	CU_ASSERT_EQUAL(proxy_limit_share(10, 4, 3), 2);
	CU_ASSERT_EQUAL(proxy_limit_share(1, 4, 0), 1);
	CU_ASSERT_EQUAL(proxy_limit_share(1, 4, 3), 1);
	CU_ASSERT_EQUAL(proxy_limit_share(UINT32_MAX, 2, 1), UINT32_MAX / 2);
}

static void expire_of_zero_is_no_reuse(void)
{
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	for (int i = 0; i < 16; i++)
		proxy_pool_give_back(pools, proxy_pool_take(pools, 0, 7), 7);
	CU_ASSERT_EQUAL(pools->pools[0].opened, 16);
	CU_ASSERT_EQUAL(pools->pools[0].reused, 0);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_EXPIRE], 16);
	proxy_fixture_close(&fixture);
}

static void no_slot_is_given_out_before_it_is_closed(void)
{
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 4);
	for (int i = 0; i < 4; i++)
		proxy_pool_give_back(pools, proxy_pool_take(pools, 0, 7), 7);
	// All four wait to be closed.
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 8), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(pools->free_count, 0);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 8), 4);
	CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, 8), PROXY_SLOT_NONE);
	proxy_fixture_close(&fixture);
}

static void what_timed_out_is_not_used_again(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slot;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	slot = proxy_pool_take(pools, 0, 1);
	proxy_pool_retire(pools, slot, PROXY_CLOSE_ERROR);
	CU_ASSERT_EQUAL(pools->states[slot], PROXY_SLOT_OPEN);
	proxy_pool_give_back(pools, slot, 2);
	CU_ASSERT_EQUAL(pools->states[slot], PROXY_SLOT_UNLINKED);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_ERROR], 1);
	CU_ASSERT_EQUAL(pools->pools[0].idle_count, 0);
	// Again does nothing, nor does it when the connection is gone.
	proxy_pool_retire(pools, slot, PROXY_CLOSE_STOP);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_STOP], 0);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 3), 1);
	proxy_fixture_close(&fixture);
}

static void stop_ends_taking_and_a_second_stop_does_nothing(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[4];

	proxy_fixture_open(&fixture, &settings, 2, 16);
	for (int i = 0; i < 4; i++)
		slots[i] = proxy_pool_take(pools, i & 1, 1);
	proxy_pool_give_back(pools, slots[0], 2);
	proxy_pool_give_back(pools, slots[1], 2);
	for (int i = 0; i < 2; i++) {
		proxy_pools_stop(pools);
		CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_STOP], 1);
		CU_ASSERT_EQUAL(pools->pools[1].closed[PROXY_CLOSE_STOP], 1);
		CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 3), PROXY_SLOT_NONE);
	}
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 1);
	proxy_pool_give_back(pools, slots[2], 4);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 5), 3);
	CU_ASSERT_FALSE(proxy_pools_are_drained(pools));
	proxy_pools_stop(pools);
	proxy_pool_give_back(pools, slots[3], 6);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 6), 1);
	CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	CU_ASSERT_EQUAL(pools->pools[1].closed[PROXY_CLOSE_STOP], 2);
	proxy_fixture_close(&fixture);
}

// Every slot in one place, every count what it says; the reserve is what the guarantees need.
static void check_accounts(const struct proxy_pools *pools, const uint32_t *held_queries)
{
	uint32_t open[4] = {0};
	uint32_t idle[4] = {0};
	uint32_t states[3] = {0};
	uint32_t reserved = 0;

	for (uint16_t slot = 0; slot < pools->slot_count; slot++) {
		const struct proxy_connection *connection = &pools->connections[slot];

		states[pools->states[slot]]++;
		if (pools->states[slot] != PROXY_SLOT_OPEN)
			continue;
		open[connection->upstream]++;
		idle[connection->upstream] += !connection->in_flight;
		CU_ASSERT_EQUAL_FATAL(connection->in_flight, held_queries[slot]);
	}
	CU_ASSERT_EQUAL_FATAL(states[PROXY_SLOT_FREE], pools->free_count);
	for (int i = 0; i < 4; i++) {
		const struct proxy_pool *pool = &pools->pools[i];
		uint32_t walked = 0;

		for (uint16_t slot = pool->idle_head; slot != PROXY_SLOT_NONE; walked++)
			slot = pools->connections[slot].next_idle;
		CU_ASSERT_EQUAL_FATAL(walked, idle[i]);
		CU_ASSERT_EQUAL_FATAL(pool->idle_count, idle[i]);
		CU_ASSERT_EQUAL_FATAL(pool->open_count, open[i]);
		CU_ASSERT_FATAL(pool->idle_count <= pool->idle_most);
		if (pool->slots_held < pools->guarantee)
			reserved += pools->guarantee - pool->slots_held;
	}
	CU_ASSERT_EQUAL_FATAL(pools->reserved, reserved);
	CU_ASSERT_FATAL(pools->reserved <= pools->free_count);
}

// Whatever the sweep knows of earlier looks, no stale connection is without its mark.
static void check_marks(const struct proxy_pools *pools, uint64_t now)
{
	for (uint16_t slot = 0; slot < pools->slot_count; slot++) {
		const struct proxy_connection *connection = &pools->connections[slot];
		enum proxy_close_reason reason;

		if (pools->states[slot] == PROXY_SLOT_OPEN &&
			proxy_connection_is_stale(connection,
				pools->pools[connection->upstream].settings, now, &reason))
			CU_ASSERT_EQUAL_FATAL(pools->slots_good_until[slot], UINT64_MAX);
	}
}

static void accounts_are_right_after_a_million_random_steps(void)
{
	enum {
		PORTS = 40,
		STEPS = 1000000
	};
	const struct proxy_settings settings = {.expire = 50, .max_age = 200, .max_idle_conns = 6};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint32_t in_flight[PORTS] = {0};
	uint64_t now = 0;

	proxy_fixture_open(&fixture, &settings, 4, PORTS);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t drawn = random_stream_below(fixture.random, 100);
		uint16_t slot = (uint16_t)random_stream_below(fixture.random, PORTS);

		now += drawn & 1;
		if (drawn < 45) {
			slot = proxy_pool_take(pools, drawn < 35 ? 0 : slot & 3, now);
			if (slot != PROXY_SLOT_NONE)
				in_flight[slot]++;
		} else if (drawn < 95 && in_flight[slot]) {
			if (drawn == 94)
				proxy_pool_retire(pools, slot, PROXY_CLOSE_ERROR);
			proxy_pool_give_back(pools, slot, now);
			in_flight[slot]--;
		} else if (drawn == 96) {
			(void)proxy_sweep_mark(pools, now);
			check_marks(pools, now);
		} else if (drawn == 97) {
			(void)proxy_fixture_manage(&fixture, now);
		}
		if (step % 64 == 0)
			check_accounts(pools, in_flight);
	}
	proxy_pools_stop(pools);
	for (uint16_t slot = 0; slot < PORTS; slot++) {
		for (; in_flight[slot]; in_flight[slot]--)
			proxy_pool_give_back(pools, slot, now);
	}
	(void)proxy_fixture_manage(&fixture, now);
	CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	check_accounts(pools, in_flight);
	proxy_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"takes the connection idle longest", takes_the_connection_idle_longest},
	{"at expire it is good, and past it closed", at_expire_it_is_good_and_past_it_closed},
	{"at max_age it is good, and past it closed", at_max_age_it_is_good_and_past_it_closed},
	{"rotation does not outlive max_age", rotation_does_not_outlive_max_age},
	{"max_age leaves a query in flight alone", max_age_leaves_a_query_in_flight_alone},
	{"max_idle_conns closes the one that comes back",
		max_idle_conns_closes_the_one_that_comes_back},
	{"limits are split so that they add up", limits_are_split_so_that_they_add_up},
	{"expire of zero is no reuse", expire_of_zero_is_no_reuse},
	{"no slot is given out before it is closed", no_slot_is_given_out_before_it_is_closed},
	{"what timed out is not used again", what_timed_out_is_not_used_again},
	{"stop ends taking, and a second stop does nothing",
		stop_ends_taking_and_a_second_stop_does_nothing},
	{"accounts are right after a million random steps",
		accounts_are_right_after_a_million_random_steps},
};

UNIT_MAIN("proxy pool", cases)
