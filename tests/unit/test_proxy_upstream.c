// SPDX-License-Identifier: BSD-3-Clause
#include "proxy_fixture.h"

#include <errno.h>

// Each upstream comes once before any comes again, whatever the policy and the start.
static void an_order_visits_each_once(void)
{
	for (enum proxy_policy policy = PROXY_POLICY_RANDOM; policy <= PROXY_POLICY_SEQUENTIAL;
		policy++) {
		for (uint16_t count = 1; count <= PROXY_FIXTURE_UPSTREAMS_MOST; count++) {
			struct proxy_settings settings = {.expire = 1};
			struct proxy_fixture fixture;
			uint16_t turn = 0;

			settings.policy = policy;
			proxy_fixture_open(&fixture, &settings, count, 64);
			for (uint32_t round = 0; round < 20; round++) {
				const struct proxy_group *group = &fixture.set->groups[0];
				struct proxy_order order =
					proxy_order_start(group, &turn, fixture.random);
				uint64_t seen = 0;

				if (policy == PROXY_POLICY_SEQUENTIAL)
					CU_ASSERT_EQUAL(order.position, 0);
				if (policy == PROXY_POLICY_ROUND_ROBIN)
					CU_ASSERT_EQUAL(order.position, round % count);
				for (uint16_t i = 0; i < count; i++) {
					CU_ASSERT_FATAL(order.position < count);
					seen |= UINT64_C(1) << order.position;
					proxy_order_next(&order, group);
				}
				CU_ASSERT_EQUAL(seen, UINT64_MAX >> (64 - count));
			}
			proxy_fixture_close(&fixture);
		}
	}
}

static void random_policy_uses_all_alike(void)
{
	struct proxy_settings settings = {.expire = 1};
	struct proxy_fixture fixture;
	uint32_t first[6] = {0};
	uint32_t second[6] = {0};
	uint16_t turn = 0;

	settings.policy = PROXY_POLICY_RANDOM;
	proxy_fixture_open(&fixture, &settings, 6, 64);
	for (int i = 0; i < 60000; i++) {
		const struct proxy_group *group = &fixture.set->groups[0];
		struct proxy_order order = proxy_order_start(group, &turn, fixture.random);

		first[order.position]++;
		proxy_order_next(&order, group);
		second[order.position]++;
	}
	// 10,000 each expected, deviation 91.
	for (int i = 0; i < 6; i++) {
		CU_ASSERT(first[i] > 9600 && first[i] < 10400);
		CU_ASSERT(second[i] > 9600 && second[i] < 10400);
	}
	proxy_fixture_close(&fixture);
}

static void sets_refuse_groups_without_or_with_too_many_upstreams(void)
{
	static struct proxy_upstream_template upstreams[PROXY_GROUP_UPSTREAMS_MOST + 1];
	static struct proxy_group_template templates[17];
	struct proxy_set *set;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(templates); i++)
		templates[i] = (struct proxy_group_template){
			.upstreams = upstreams, .upstream_count = PROXY_GROUP_UPSTREAMS_MOST};
	set = proxy_set_create(templates, 16);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_EQUAL(set->upstream_count, PROXY_UPSTREAMS_MOST);
	CU_ASSERT_EQUAL(set->groups[15].upstreams[0], 15 * PROXY_GROUP_UPSTREAMS_MOST);
	proxy_set_destroy(set);
	CU_ASSERT_PTR_NULL(proxy_set_create(templates, 17));
	CU_ASSERT_EQUAL(errno, EINVAL);
	for (uint16_t bad = 0; bad < 2; bad++) {
		errno = 0;
		templates[0].upstream_count = bad ? PROXY_GROUP_UPSTREAMS_MOST + 1 : 0;
		CU_ASSERT_PTR_NULL(proxy_set_create(templates, 1));
		CU_ASSERT_EQUAL(errno, EINVAL);
	}
}

static const struct unit_case cases[] = {
	{"an order visits each once", an_order_visits_each_once},
	{"random policy uses all alike", random_policy_uses_all_alike},
	{"sets refuse groups without, or with too many, upstreams",
		sets_refuse_groups_without_or_with_too_many_upstreams},
};

UNIT_MAIN("proxy upstreams", cases)
