// SPDX-License-Identifier: BSD-3-Clause
// One lcore of lib/proxy and the set of upstreams that it forwards to. Local ports are those of
// proxy_fixture.h, and time starts at LCORE_FIXTURE_START.
#pragma once

#include "proxy_fixture.h"

#include "base/clock.h"
#include "proxy/check.h"
#include "proxy/exchange.h"

#include <stdlib.h>

#define LCORE_FIXTURE_START (1000 * CLOCK_SECOND)

struct lcore_fixture {
	struct random_stream *random;
	struct proxy_set *set;
	struct proxy_lcore *lcore;
	uint64_t now;
};

static const uint8_t lcore_fixture_query[] = {
	0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0, // header: RD, one question
	3, 'W', 'w', 'w', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1, // Www.test. A IN
};

// The set may be NULL, which fails the test.
static inline struct proxy_lcore *lcore_fixture_make(
	struct proxy_set *set, struct random_stream *random, uint32_t pending_count, uint16_t ports)
{
	const struct proxy_lcore_options options = {
		.pending_count = pending_count,
		.first_port = PROXY_FIXTURE_FIRST_PORT,
		.port_count = ports,
		.lcore_count = 1,
		.now = LCORE_FIXTURE_START,
	};
	struct proxy_lcore *lcore;

	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_PTR_NOT_NULL_FATAL(random);
	lcore = proxy_lcore_create(set, random, &options);
	CU_ASSERT_PTR_NOT_NULL_FATAL(lcore);
	return lcore;
}

// There is a way to each upstream of the set.
static inline void lcore_fixture_give_paths(struct proxy_set *set)
{
	static const struct net_path path = {.is_usable = true, .vlan = NET_VLAN_NONE};
	struct net_path *old;

	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	for (uint16_t i = 0; i < set->upstream_count; i++)
		CU_ASSERT_EQUAL_FATAL(proxy_upstream_set_path(&set->upstreams[i], &path, &old), 1);
}

// The set is the fixture's from now on.
static inline void lcore_fixture_open(struct lcore_fixture *fixture, struct proxy_set *set,
	uint32_t pending_count, uint16_t ports)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {2, 7, 1};

	*fixture = (struct lcore_fixture){
		.random = random_stream_create(seed),
		.set = set,
		.now = LCORE_FIXTURE_START,
	};
	fixture->lcore = lcore_fixture_make(set, fixture->random, pending_count, ports);
}

// Nothing may be in flight any more.
static inline void lcore_fixture_close(struct lcore_fixture *fixture)
{
	CU_ASSERT_EQUAL(proxy_in_flight(fixture->lcore), 0);
	CU_ASSERT_EQUAL(proxy_checks_in_flight(fixture->lcore), 0);
	proxy_lcore_destroy(fixture->lcore);
	proxy_set_destroy(fixture->set);
	random_stream_destroy(fixture->random);
}
