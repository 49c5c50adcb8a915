// SPDX-License-Identifier: BSD-3-Clause
// What a reload leaves of health.
#include "proxy_health_fixture.h"

static void who_is_down_stays_down_over_a_reload(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DOWN);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].share, PROXY_SHARE_ALL);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	CU_ASSERT_FALSE(fixture.set->upstreams[0].is_checked);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 3);
	// It is checked on, and comes back.
	health_advance(&fixture, HEALTH_PAUSE);
	health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(health_share(&fixture), 1);
	health_advance(&fixture, PROXY_SHARE_STEP);
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	CU_ASSERT_EQUAL(health_share(&fixture), 2);
	health_advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(health_share(&fixture), 3);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.came_back, 1);
	health_close(&fixture);
}

static void a_reload_may_change_what_is_down(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	// More may fail now.
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 5);
	CU_ASSERT_EQUAL(health_share(&fixture), 1);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DOWN);
	// Nobody is checked any more.
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 0);
	CU_ASSERT_EQUAL(health_share(&fixture), 1);
	CU_ASSERT_FALSE(fixture.set->upstreams[1].is_checked);
	health_advance(&fixture, HEALTH_PAUSE);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void a_check_on_its_way_counts_after_a_reload(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 1);
	health_close(&fixture);
}

static void who_leaves_is_checked_no_more(void)
{
	static const uint16_t others[] = {1000, 1002, 1003};
	struct health_fixture fixture;
	struct proxy_check sent = {0};

	health_open(&fixture, 2);
	health_take_down(&fixture);
	health_advance(&fixture, HEALTH_PAUSE);
	CU_ASSERT_TRUE(health_take_check(&fixture, 1, &sent));
	health_reload(&fixture, others, BASE_ARRAY_SIZE(others), 2);
	CU_ASSERT_EQUAL_FATAL(fixture.set->upstreams[1].presence, PROXY_LEAVES);
	health_tell(&fixture, 1, sent, PROXY_NEWS_CHECK_GOOD);
	health_advance(&fixture, 100 * HEALTH_PAUSE);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.came_back, 0);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void who_comes_is_up(void)
{
	static const uint16_t two[] = {1000, 1001};
	static const uint16_t three[] = {1000, 1001, 1005};
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_reload(&fixture, two, BASE_ARRAY_SIZE(two), 2);
	health_take_down(&fixture);
	health_reload(&fixture, three, BASE_ARRAY_SIZE(three), 2);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DOWN);
	for (uint16_t i = 0; i < fixture.set->upstream_count; i++) {
		if (fixture.set->upstreams[i].endpoint.port != 1005)
			continue;
		CU_ASSERT_EQUAL(fixture.set->upstreams[i].share, PROXY_SHARE_ALL);
		CU_ASSERT_EQUAL(fixture.health->states[i].checks, 0);
	}
	health_close(&fixture);
}

static const struct unit_case cases[] = {
	{"who is down stays down over a reload", who_is_down_stays_down_over_a_reload},
	{"a reload may change what is down", a_reload_may_change_what_is_down},
	{"a check on its way counts after a reload", a_check_on_its_way_counts_after_a_reload},
	{"who leaves is checked no more", who_leaves_is_checked_no_more},
	{"who comes is up", who_comes_is_up},
};

UNIT_MAIN("proxy health over reloads", cases)
