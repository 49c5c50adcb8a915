// SPDX-License-Identifier: BSD-3-Clause
// One thread plays owner and manager in turn, so that each interleaving is a line of the test.
#include "proxy_fixture.h"

#include <sys/mman.h>

static void closes_idle_ones_without_a_lookup(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[3];

	proxy_fixture_open(&fixture, &settings, 1, 16);
	for (int i = 0; i < 3; i++)
		slots[i] = proxy_pool_take(pools, 0, 1);
	proxy_pool_give_back(pools, slots[0], 10);
	proxy_pool_give_back(pools, slots[1], 20);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 110), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 111), 1);
	// A mark is sent once.
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 112), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 121), 1);
	// Marked is not closed: the owner has not seen it yet.
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 121), 0);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_EXPIRE], 2);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 121), 2);
	CU_ASSERT_EQUAL(pools->pools[0].open_count, 1);
	CU_ASSERT_EQUAL(pools->states[slots[0]], PROXY_SLOT_FREE);
	CU_ASSERT_EQUAL(pools->states[slots[2]], PROXY_SLOT_OPEN);
	proxy_fixture_close(&fixture);
}

static void a_marked_busy_one_takes_nothing_and_finishes(void)
{
	const struct proxy_settings settings = {.expire = 100, .max_age = 200};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 2);
	for (int i = 0; i < 4; i++)
		(void)proxy_pool_take(pools, 0, 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 202), 2);
	proxy_pools_read_messages(pools, 1, 202);
	proxy_pools_read_messages(pools, 1, 202);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 150), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 4);
	for (int i = 0; i < 4; i++)
		proxy_pool_give_back(pools, (uint16_t)(i & 1), 203);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_MAX_AGE], 2);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 204), 2);
	CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	proxy_fixture_close(&fixture);
}

// The owner unlinks while the mark is on its way, the manager closes, and the slot is opened
// again: the old mark must not touch the new connection.
static void an_old_mark_does_not_touch_a_new_connection(void)
{
	const struct proxy_settings settings = {.expire = 100};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[2];
	uint32_t count;

	proxy_fixture_open(&fixture, &settings, 1, 1);
	proxy_pool_give_back(pools, proxy_pool_take(pools, 0, 1), 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 102), 1);
	// The owner finds it stale by itself.
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 102), PROXY_SLOT_NONE);
	count = proxy_sweep_collect(pools, slots, 2);
	CU_ASSERT_EQUAL(count, 1);
	proxy_sweep_close(pools, slots, count);
	// Nothing is to be marked until the owner has read both messages.
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1000), 0);
	proxy_pools_read_messages(pools, 1, 1000);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 1000), PROXY_SLOT_NONE);
	proxy_pools_read_messages(pools, 1, 1000);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 1001), 0);
	proxy_pools_read_messages(pools, UINT32_MAX, 1001);
	proxy_pool_give_back(pools, 0, 1002);
	CU_ASSERT_EQUAL(proxy_pool_take(pools, 0, 1003), 0);
	CU_ASSERT_EQUAL(pools->pools[0].reused, 1);
	// And the new one can be marked in its turn.
	proxy_pool_give_back(pools, 0, 1004);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1104), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1105), 1);
	proxy_fixture_close(&fixture);
}

// Lines that their owner writes stay with it: no connection is looked at before it can be stale.
static void reads_no_connection_that_is_surely_good(void)
{
	enum {
		PORTS = 40000,
		HUGE_PAGE = 2 << 20 // on which a table of this size begins
	};
	const struct proxy_settings settings = {.expire = 100, .max_age = 5000};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint32_t hidden = HUGE_PAGE / sizeof(*pools->connections);

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	for (int i = 0; i < PORTS; i++)
		(void)proxy_pool_take(pools, 0, 1);
	for (uint16_t slot = 0; slot < PORTS; slot++)
		proxy_pool_give_back(pools, slot, 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 2), 0);
	CU_ASSERT_EQUAL_FATAL(mprotect(pools->connections, HUGE_PAGE, PROT_NONE), 0);
	for (uint64_t now = 3; now <= 101; now++)
		CU_ASSERT_EQUAL(proxy_sweep_mark(pools, now), 0);
	CU_ASSERT_EQUAL_FATAL(mprotect(pools->connections, HUGE_PAGE, PROT_READ | PROT_WRITE), 0);
	// All but the hidden ones are used meanwhile.
	for (uint16_t slot = 0; slot < PORTS; slot++)
		CU_ASSERT_EQUAL_FATAL(proxy_pool_take(pools, 0, 101), slot);
	for (uint32_t slot = hidden; slot < PORTS; slot++)
		proxy_pool_give_back(pools, (uint16_t)slot, 102);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 110), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 202), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 203), PORTS - hidden);
	// The others are in flight, and their age counts.
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 5001), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 5002), hidden);
	proxy_fixture_close(&fixture);
}

static void marks_in_time_what_was_opened_since_its_last_look(void)
{
	const struct proxy_settings settings = {.expire = 100, .max_age = 150};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slot;

	proxy_fixture_open(&fixture, &settings, 1, 16);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 40), 0);
	slot = proxy_pool_take(pools, 0, 41);
	proxy_pool_give_back(pools, slot, 41);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 141), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 142), 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1000), 0);
	// Closed and opened again between two looks.
	(void)proxy_fixture_manage(&fixture, 1000);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 1000), 1);
	for (int i = 0; i < 16; i++)
		(void)proxy_pool_take(pools, 0, 1001);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1100), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1151), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1152), 16);
	proxy_fixture_close(&fixture);
}

static void upstreams_keep_their_own_times(void)
{
	const struct proxy_upstream_template upstream = {.endpoint.port = 53};
	const struct proxy_group_template templates[] = {
		{.settings = {.expire = 1000}, .upstreams = &upstream, .upstream_count = 1},
		{.settings = {.expire = 10}, .upstreams = &upstream, .upstream_count = 1},
		// Used once; never idle, never too old.
		{.settings = {.expire = 0}, .upstreams = &upstream, .upstream_count = 1},
	};
	const struct proxy_pools_options options = {.port_count = 16, .lcore_count = 1};
	struct proxy_fixture fixture = {.random = random_stream_create(NULL)};
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[3];

	fixture.set = proxy_set_create(templates, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture.set);
	CU_ASSERT_EQUAL_FATAL(proxy_pools_init(pools, fixture.set, fixture.random, &options), 0);
	for (uint16_t i = 0; i < 3; i++)
		slots[i] = proxy_pool_take(pools, i, 1);
	proxy_pool_give_back(pools, slots[0], 1);
	proxy_pool_give_back(pools, slots[1], 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 2), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 11), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 12), 1);
	(void)proxy_fixture_manage(&fixture, 12);
	CU_ASSERT_EQUAL(pools->pools[1].open_count, 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1001), 0);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, 1002), 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(pools, UINT64_MAX - 1), 0);
	CU_ASSERT_EQUAL(pools->states[slots[2]], PROXY_SLOT_OPEN);
	proxy_fixture_close(&fixture);
}

static void rings_hold_a_mark_and_a_close_of_every_slot(void)
{
	enum {
		PORTS = 256
	};
	const struct proxy_settings settings = {.expire = 100, .max_age = 1000};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;
	uint16_t slots[PORTS];
	uint32_t count;

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	for (uint64_t round = 0; round < 5; round++) {
		uint64_t now = round * 10000;

		for (int i = 0; i < PORTS; i++)
			CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, now), PROXY_SLOT_NONE);
		CU_ASSERT_EQUAL(proxy_sweep_mark(pools, now + 1001), PORTS);
		for (uint16_t slot = 0; slot < PORTS; slot++) {
			proxy_pool_retire(pools, slot, PROXY_CLOSE_ERROR);
			proxy_pool_give_back(pools, slot, now + 1001);
		}
		count = proxy_sweep_collect(pools, slots, PORTS);
		CU_ASSERT_EQUAL(count, PORTS);
		proxy_sweep_close(pools, slots, count);
		proxy_pools_read_messages(pools, UINT32_MAX, now + 1001);
		CU_ASSERT_TRUE(proxy_pools_are_drained(pools));
	}
	proxy_fixture_close(&fixture);
}

static void what_does_not_fit_is_closed_next_time(void)
{
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixtures[2];
	struct proxy_pools *lcores[2];
	uint16_t scratch[10];

	for (int i = 0; i < 2; i++) {
		proxy_fixture_open(&fixtures[i], &settings, 1, 16);
		lcores[i] = &fixtures[i].pools;
		for (int j = 0; j < 16; j++)
			proxy_pool_give_back(lcores[i], proxy_pool_take(lcores[i], 0, 1), 1);
	}
	for (uint32_t left = 32; left; left -= left < 10 ? left : 10)
		CU_ASSERT_EQUAL(proxy_sweep_reap(lcores, 2, scratch, 10), left < 10 ? left : 10);
	CU_ASSERT_EQUAL(proxy_sweep_reap(lcores, 2, scratch, 10), 0);
	for (int i = 0; i < 2; i++) {
		proxy_pools_read_messages(lcores[i], UINT32_MAX, 2);
		CU_ASSERT_TRUE(proxy_pools_are_drained(lcores[i]));
		proxy_fixture_close(&fixtures[i]);
	}
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>

static void a_closed_connection_is_not_to_be_touched(void)
{
	const struct proxy_settings settings = {.expire = 0};
	struct proxy_fixture fixture;
	struct proxy_pools *pools = &fixture.pools;

	proxy_fixture_open(&fixture, &settings, 1, 1);
	CU_ASSERT_TRUE(__asan_address_is_poisoned(&pools->connections[0]));
	proxy_pool_give_back(pools, proxy_pool_take(pools, 0, 1), 1);
	CU_ASSERT_FALSE(__asan_address_is_poisoned(&pools->connections[0]));
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 2), 1);
	CU_ASSERT_TRUE(__asan_address_is_poisoned(&pools->connections[0]));
	(void)proxy_pool_take(pools, 0, 3);
	CU_ASSERT_FALSE(__asan_address_is_poisoned(&pools->connections[0]));
	proxy_fixture_close(&fixture);
}
#endif

static const struct unit_case cases[] = {
	{"closes idle ones without a lookup", closes_idle_ones_without_a_lookup},
	{"a marked busy one takes nothing, and finishes",
		a_marked_busy_one_takes_nothing_and_finishes},
	{"an old mark does not touch a new connection",
		an_old_mark_does_not_touch_a_new_connection},
	{"reads no connection that is surely good", reads_no_connection_that_is_surely_good},
	{"marks in time what was opened since its last look",
		marks_in_time_what_was_opened_since_its_last_look},
	{"upstreams keep their own times", upstreams_keep_their_own_times},
	{"rings hold a mark and a close of every slot",
		rings_hold_a_mark_and_a_close_of_every_slot},
	{"what does not fit is closed next time", what_does_not_fit_is_closed_next_time},
#ifdef __SANITIZE_ADDRESS__
	{"a closed connection is not to be touched", a_closed_connection_is_not_to_be_touched},
#endif
};

UNIT_MAIN("proxy sweep", cases)
