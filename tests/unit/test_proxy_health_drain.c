// SPDX-License-Identifier: BSD-3-Clause
// Upstreams that are in drain.
#include "proxy_health_fixture.h"

static void who_is_in_drain_is_not_checked(void)
{
	struct health_fixture fixture;
	struct proxy_check sent = {0};

	health_open(&fixture, 2);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	CU_ASSERT_TRUE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, 1));
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DRAIN);
	CU_ASSERT_FALSE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
	CU_ASSERT_TRUE(proxy_upstream_takes_none(&fixture.set->upstreams[1]));
	// Neither what comes of the check on its way, nor a query that was, says anything.
	health_tell(&fixture, 1, sent, PROXY_NEWS_CHECK_GOOD);
	health_tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	health_advance(&fixture, 100 * HEALTH_PAUSE);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DRAIN);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	CU_ASSERT_EQUAL(fixture.went_down + fixture.came_back, 0);
	health_close(&fixture);
}

static void who_is_undrained_takes_more_step_by_step(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, 1, fixture.now));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	health_advance(&fixture, HEALTH_PAUSE);
	// What it was before is not known any more.
	CU_ASSERT_TRUE(proxy_health_undrain(fixture.health, 1, fixture.now));
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, 1, fixture.now));
	for (uint8_t sixteenths = 1; sixteenths < PROXY_SHARE_ALL; sixteenths++) {
		CU_ASSERT_EQUAL(health_share(&fixture), sixteenths);
		health_advance(&fixture, PROXY_SHARE_STEP);
	}
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_ALL);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_FALSE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
		health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
		health_advance(&fixture, HEALTH_PAUSE);
	}
	CU_ASSERT_TRUE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
	health_close(&fixture);
}

static void who_is_in_drain_stays_so_over_a_reload(void)
{
	static const uint16_t others[] = {1000, 1002, 1003};
	struct health_fixture fixture;

	health_open(&fixture, 2);
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, HEALTH_UPSTREAMS));
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, HEALTH_UPSTREAMS, fixture.now));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DRAIN);
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 0);
	health_advance(&fixture, HEALTH_PAUSE);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DRAIN);
	// Who leaves and comes again is wanted.
	health_reload(&fixture, others, BASE_ARRAY_SIZE(others), 2);
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, 1));
	health_reload(&fixture, health_all_ports, HEALTH_UPSTREAMS, 2);
	CU_ASSERT_EQUAL_FATAL(fixture.set->upstreams[1].endpoint.port, 1001);
	CU_ASSERT_EQUAL(health_share(&fixture), 1);
	health_advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(health_share(&fixture), 2);
	health_close(&fixture);
}

static const struct unit_case cases[] = {
	{"who is in drain is not checked", who_is_in_drain_is_not_checked},
	{"who is undrained takes more step by step", who_is_undrained_takes_more_step_by_step},
	{"who is in drain stays so over a reload", who_is_in_drain_stays_so_over_a_reload},
};

UNIT_MAIN("proxy health of drains", cases)
