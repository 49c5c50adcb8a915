// SPDX-License-Identifier: BSD-3-Clause
// Local ports chosen for replies to come to the queue of the lcore that asks.
#include "proxy_fixture.h"

#define PORTS 1000
#define QUEUES 4

// A NIC that spreads by the lower bits of the destination port's lower byte, offset by the
// path's hash.
static struct net_steering *make_steering(void)
{
	struct net_steering *steering = calloc(1, sizeof(*steering));

	CU_ASSERT_PTR_NOT_NULL_FATAL(steering);
	steering->table_mask = 127;
	for (uint16_t i = 0; i < 128; i++)
		steering->queues[i] = i % QUEUES;
	for (uint32_t i = 0; i < 256; i++)
		steering->ipv4.low[i] = i;
	return steering;
}

static void set_path(struct proxy_fixture *fixture, uint16_t nic_port, uint32_t reply_hash)
{
	const struct net_path path = {
		.is_usable = true, .port = nic_port, .reply_hash = reply_hash};
	struct net_path *old;

	CU_ASSERT_EQUAL_FATAL(proxy_upstream_set_path(&fixture->set->upstreams[0], &path, &old), 1);
	free(old);
}

static uint32_t count_on_queue(
	struct proxy_fixture *fixture, uint32_t takes, uint16_t queue, uint32_t reply_hash)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < takes; i++) {
		uint16_t slot = proxy_pool_take(&fixture->pools, 0, 1);

		CU_ASSERT_NOT_EQUAL_FATAL(slot, PROXY_SLOT_NONE);
		count += (((PROXY_FIXTURE_FIRST_PORT + slot) ^ reply_hash) % QUEUES) == queue;
	}
	return count;
}

static void ports_come_to_the_own_queue(void)
{
	for (uint16_t queue = 0; queue < QUEUES; queue++) {
		struct proxy_settings settings = {.expire = 1000};
		struct net_steering *steering = make_steering();
		const struct net_steering *by_port[] = {NULL, steering};
		struct proxy_fixture fixture;

		proxy_fixture_open(&fixture, &settings, 1, PORTS);
		proxy_pools_steer(&fixture.pools, by_port, queue);
		set_path(&fixture, 1, 0x1000 + queue);
		// A chance of (3/4)^64 for each to miss: with this seed none does.
		CU_ASSERT_EQUAL(count_on_queue(&fixture, 100, queue, 0x1000 + queue), 100);
		proxy_fixture_close(&fixture);
		free(steering);
	}
}

static void used_up_queues_share_and_never_hop(void)
{
	struct proxy_settings settings = {.expire = 1000};
	struct net_steering *steering = make_steering();
	const struct net_steering *by_port[] = {steering};
	struct proxy_fixture fixture;

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	proxy_pools_steer(&fixture.pools, by_port, 2);
	set_path(&fixture, 0, 0);
	CU_ASSERT_EQUAL(count_on_queue(&fixture, PORTS, 2, 0), PORTS);
	CU_ASSERT_TRUE(fixture.pools.pools[0].opened <= PORTS / QUEUES);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].opened + fixture.pools.pools[0].shared, PORTS);
	proxy_fixture_close(&fixture);
	free(steering);
}

static void without_a_port_of_the_own_queue_another_is_taken(void)
{
	struct proxy_settings settings = {.expire = 1000};
	struct net_steering *steering = make_steering();
	const struct net_steering *by_port[] = {steering};
	struct proxy_fixture fixture;

	memset(steering->queues, 0, sizeof(steering->queues));
	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	proxy_pools_steer(&fixture.pools, by_port, 2);
	set_path(&fixture, 0, 0);
	CU_ASSERT_NOT_EQUAL(proxy_pool_take(&fixture.pools, 0, 1), PROXY_SLOT_NONE);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].opened, 1);
	proxy_fixture_close(&fixture);
	free(steering);
}

static void ports_of_a_nic_that_is_not_known_are_any(void)
{
	struct proxy_settings settings = {.expire = 1000};
	const struct net_steering *by_port[] = {NULL};
	struct proxy_fixture fixture;
	uint32_t count;

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	proxy_pools_steer(&fixture.pools, by_port, 1);
	set_path(&fixture, 0, 0);
	count = count_on_queue(&fixture, 400, 1, 0);
	CU_ASSERT_TRUE(count > 60 && count < 140);
	proxy_fixture_close(&fixture);
}

static void no_path_needs_no_steering(void)
{
	struct proxy_settings settings = {.expire = 1000};
	struct net_steering *steering = make_steering();
	const struct net_steering *by_port[] = {steering};
	struct proxy_fixture fixture;

	proxy_fixture_open(&fixture, &settings, 1, PORTS);
	proxy_pools_steer(&fixture.pools, by_port, 1);
	CU_ASSERT_NOT_EQUAL(proxy_pool_take(&fixture.pools, 0, 1), PROXY_SLOT_NONE);
	proxy_fixture_close(&fixture);
	free(steering);
}

static const struct unit_case cases[] = {
	{"ports come to the own queue", ports_come_to_the_own_queue},
	{"used up queues share and never hop", used_up_queues_share_and_never_hop},
	{"without a port of the own queue another is taken",
		without_a_port_of_the_own_queue_another_is_taken},
	{"ports of a NIC that is not known are any", ports_of_a_nic_that_is_not_known_are_any},
	{"no path needs no steering", no_path_needs_no_steering},
};

UNIT_MAIN("proxy steering", cases)
