// SPDX-License-Identifier: BSD-3-Clause
// A set of upstreams, and the pools of one lcore with them, for the suites of lib/proxy. Endpoint
// i is 192.0.2.1 port 1000 + i. The management lcore is played by proxy_fixture_manage().
#pragma once

#include "unit.h"

#include "proxy/pool.h"
#include "proxy/sweep.h"
#include "proxy/upstream.h"

#define PROXY_FIXTURE_UPSTREAMS_MOST 64
#define PROXY_FIXTURE_FIRST_PORT 20000

struct proxy_fixture {
	struct random_stream *random;
	struct proxy_set *set;
	struct proxy_pools pools;
};

static inline struct proxy_set *proxy_fixture_set(
	const struct proxy_settings *settings, uint16_t upstreams)
{
	static const uint8_t address[4] = {192, 0, 2, 1};
	struct proxy_upstream_template templates[PROXY_FIXTURE_UPSTREAMS_MOST] = {0};
	const struct proxy_group_template template = {
		.settings = *settings,
		.upstreams = templates,
		.upstream_count = upstreams,
	};

	for (uint16_t i = 0; i < upstreams; i++) {
		templates[i].endpoint.address = net_address_from_ipv4(address);
		templates[i].endpoint.port = (uint16_t)(1000 + i);
	}
	return proxy_set_create(&template, 1);
}

static inline void proxy_fixture_open(struct proxy_fixture *fixture,
	const struct proxy_settings *settings, uint16_t upstreams, uint16_t ports)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {1, 2, 3};
	const struct proxy_pools_options options = {
		.first_port = PROXY_FIXTURE_FIRST_PORT,
		.port_count = ports,
		.lcore_count = 1,
	};

	fixture->random = random_stream_create(seed);
	fixture->set = proxy_fixture_set(settings, upstreams);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->random);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->set);
	CU_ASSERT_EQUAL_FATAL(
		proxy_pools_init(&fixture->pools, fixture->set, fixture->random, &options), 0);
}

static inline void proxy_fixture_close(struct proxy_fixture *fixture)
{
	proxy_pools_fini(&fixture->pools);
	proxy_set_destroy(fixture->set);
	random_stream_destroy(fixture->random);
}

// Closes what was unlinked and lets the owner read that. Returns how many were closed.
static inline uint32_t proxy_fixture_manage(struct proxy_fixture *fixture, uint64_t now)
{
	struct proxy_pools *lcores[] = {&fixture->pools};
	uint16_t scratch[1024];
	uint32_t closed = 0;
	uint32_t count;

	while ((count = proxy_sweep_reap(lcores, 1, scratch, BASE_ARRAY_SIZE(scratch))))
		closed += count;
	proxy_pools_read_messages(&fixture->pools, UINT32_MAX, now);
	return closed;
}
