// SPDX-License-Identifier: BSD-3-Clause
#include "proxy_fixture.h"

#include <errno.h>

static void ports_are_drawn_evenly(void)
{
	enum {
		PORTS = 64,
		ROUNDS = 64000
	};
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixture;
	uint32_t counts[PORTS] = {0};
	uint32_t followers = 0;
	uint16_t last = 0;
	double chi_square = 0;

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	for (int i = 0; i < ROUNDS; i++) {
		uint16_t slot = proxy_pool_take(&fixture.pools, 0, 1);

		CU_ASSERT_FATAL(slot < PORTS);
		counts[slot]++;
		followers += slot == (last + 1) % PORTS;
		last = slot;
		proxy_pool_give_back(&fixture.pools, slot, 1);
		proxy_fixture_manage(&fixture, 1);
	}
	for (int i = 0; i < PORTS; i++) {
		double off = counts[i] - (double)ROUNDS / PORTS;

		chi_square += off * off * PORTS / ROUNDS;
	}
	// 63 degrees of freedom: outside of this once in 10,000 seeds, and the seed is fixed.
	CU_ASSERT(chi_square > 27 && chi_square < 113);
	// The next port is a neighbour as often as any other: 1,000 times, deviation 31.
	CU_ASSERT(followers > 850 && followers < 1150);
	proxy_fixture_close(&fixture);
}

static void ports_are_not_told_by_another_seed(void)
{
	const struct proxy_settings settings = {.expire = 100};
	const uint8_t other_seed[RANDOM_SEED_BYTES] = {9};
	struct proxy_fixture a;
	struct proxy_fixture b;
	int same = 0;

	proxy_fixture_open(&a, &settings, 1, 1000);
	proxy_fixture_open(&b, &settings, 1, 1000);
	random_stream_destroy(b.random);
	b.random = random_stream_create(other_seed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b.random);
	b.pools.random = b.random;
	for (int i = 0; i < 200; i++)
		same += proxy_pool_take(&a.pools, 0, 1) == proxy_pool_take(&b.pools, 0, 1);
	CU_ASSERT(same < 10);
	proxy_fixture_close(&a);
	proxy_fixture_close(&b);
}

static void busy_connections_are_shared_in_turn(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 8);
	for (uint32_t round = 1; round <= 3; round++) {
		for (int i = 0; i < 8; i++)
			CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, 1), PROXY_SLOT_NONE);
		for (int i = 0; i < 8; i++)
			CU_ASSERT_EQUAL(pools->connections[i].in_flight, round);
	}
	CU_ASSERT_EQUAL(pools->pools[0].opened, 8);
	CU_ASSERT_EQUAL(pools->pools[0].shared, 16);
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 24);
	// It is idle when the last one is back.
	proxy_pool_give_back(pools, 5, 2);
	proxy_pool_give_back(pools, 5, 2);
	CU_ASSERT_EQUAL(pools->pools[0].idle_count, 0);
	proxy_pool_give_back(pools, 5, 2);
	CU_ASSERT_EQUAL(pools->pools[0].idle_count, 1);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 3), 5);
	CU_ASSERT_EQUAL(pools->pools[0].reused, 1);
	proxy_fixture_close(&fixture);
}

static void a_retired_shared_connection_finishes_all_it_has(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 2);
	for (int i = 0; i < 6; i++)
		(void)proxy_pool_take(pools, 0, 1);
	CU_ASSERT_EQUAL(pools->connections[1].in_flight, 3);
	proxy_pool_retire(pools, 1, PROXY_CLOSE_ERROR);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 2), 0);
	proxy_pool_give_back(pools, 1, 3);
	proxy_pool_give_back(pools, 1, 3);
	CU_ASSERT_EQUAL(pools->states[1], PROXY_SLOT_OPEN);
	proxy_pool_give_back(pools, 1, 3);
	CU_ASSERT_EQUAL(pools->states[1], PROXY_SLOT_UNLINKED);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_ERROR], 1);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 4), 1);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 5), 1);
	proxy_fixture_close(&fixture);
}

static void retired_ones_do_not_hide_the_one_to_share(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 64);
	for (int i = 0; i < 64; i++)
		(void)proxy_pool_take(pools, 0, 1);
	for (uint16_t slot = 0; slot < 64; slot++) {
		if (slot != 40)
			proxy_pool_retire(pools, slot, PROXY_CLOSE_ERROR);
	}
	for (int i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 1), 40);
	proxy_fixture_close(&fixture);
}

static void shared_ones_past_max_age_are_left_to_finish(void)
{
	const struct proxy_settings settings = {.expire = 10, .max_age = 30};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 4);
	for (int i = 0; i < 4; i++)
		(void)proxy_pool_take(pools, 0, i < 3 ? 0 : 20);
	for (int i = 0; i < 8; i++) {
		uint16_t slot = proxy_pool_take(pools, 0, 31);

		CU_ASSERT_FATAL(slot != PROXY_SLOT_NONE);
		CU_ASSERT_EQUAL(pools->connections[slot].opened_at, 20);
	}
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 51), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 12);
	CU_ASSERT_EQUAL(pools->pools[0].open_count, 4);
	proxy_fixture_close(&fixture);
}

static void each_pool_has_its_guarantee(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 4, 80);
	CU_ASSERT_EQUAL(pools->guarantee, 10);
	for (int i = 0; i < 200; i++)
		CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, 1), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(pools->pools[0].opened, 50);
	for (uint16_t upstream = 1; upstream < 4; upstream++) {
		for (int i = 0; i < 10; i++)
			(void)proxy_pool_take(pools, upstream, 1);
		CU_ASSERT_EQUAL(pools->pools[upstream].opened, 10);
	}
	CU_ASSERT_EQUAL(pools->free_count, 0);
	proxy_fixture_close(&fixture);
}

static void slots_not_closed_yet_do_not_eat_the_guarantee(void)
{
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slot;

	proxy_fixture_open(&fixture, &settings, 4, 80);
	// A manager that is late: each take of upstream 0 uses one slot up.
	while ((slot = proxy_pool_take(pools, 0, 1)) != PROXY_SLOT_NONE)
		proxy_pool_give_back(pools, slot, 1);
	CU_ASSERT_EQUAL(pools->pools[0].opened, 50);
	for (uint16_t upstream = 1; upstream < 4; upstream++) {
		for (int i = 0; i < 10; i++)
			CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, upstream, 1), PROXY_SLOT_NONE);
		CU_ASSERT_EQUAL(pools->pools[upstream].opened, 10);
	}
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 2), 50);
	CU_ASSERT_EQUAL(pools->reserved, 10);
	proxy_fixture_close(&fixture);
}

static void ports_and_slots_are_the_same_thing(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	const struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	CU_ASSERT_EQUAL(proxy_pools_local_port(pools, 0), 20000);
	CU_ASSERT_EQUAL(proxy_pools_local_port(pools, 15), 20015);
	CU_ASSERT_EQUAL(proxy_pools_slot(pools, 20015), 15);
	CU_ASSERT_EQUAL(proxy_pools_slot(pools, 20016), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(proxy_pools_slot(pools, 19999), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(proxy_pools_slot(pools, 0), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(proxy_pools_slot(pools, 65535), PROXY_SLOT_NONE);
	proxy_fixture_close(&fixture);
}

static void refuses_ports_that_can_not_be(void)
{
	static const struct proxy_pools_options bad[] = {
		{.first_port = 20000, .port_count = 2, .lcore_count = 1},
		{.first_port = 20000, .port_count = 16, .lcore_count = 0},
		{.first_port = 65530, .port_count = 7, .lcore_count = 1},
		{.first_port = 0, .port_count = UINT16_MAX, .lcore_count = 1},
	};
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_pools_options good = {.first_port = 65533, .port_count = 3, .lcore_count = 1};
	struct proxy_fixture fixture;
	struct proxy_pools pools;

	proxy_fixture_open(&fixture, &settings, 3, 16);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(
			proxy_pools_init(&pools, fixture.set, fixture.random, &bad[i]), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(proxy_pools_init(&pools, fixture.set, fixture.random, &good), 0);
	CU_ASSERT_EQUAL(pools.guarantee, 1);
	proxy_pools_fini(&pools);
	proxy_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"ports are drawn evenly", ports_are_drawn_evenly},
	{"ports are not told by another seed", ports_are_not_told_by_another_seed},
	{"busy connections are shared in turn", busy_connections_are_shared_in_turn},
	{"a retired shared connection finishes all it has",
		a_retired_shared_connection_finishes_all_it_has},
	{"retired ones do not hide the one to share", retired_ones_do_not_hide_the_one_to_share},
	{"shared ones past max_age are left to finish",
		shared_ones_past_max_age_are_left_to_finish},
	{"each pool has its guarantee", each_pool_has_its_guarantee},
	{"slots not closed yet do not eat the guarantee",
		slots_not_closed_yet_do_not_eat_the_guarantee},
	{"ports and slots are the same thing", ports_and_slots_are_the_same_thing},
	{"refuses ports that can not be", refuses_ports_that_can_not_be},
};

UNIT_MAIN("proxy local ports", cases)
