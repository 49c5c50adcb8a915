// SPDX-License-Identifier: BSD-3-Clause
// Where queries go when some upstreams, or all, are down or on their way back.
#include "proxy_lcore_fixture.h"

#define UPSTREAMS 4
#define QUERIES 4096

struct down_fixture {
	struct random_stream *random;
	struct proxy_set *set;
	struct proxy_lcore *lcore;
	uint64_t now;
	uint32_t taken[UPSTREAMS]; // queries
};

static struct proxy_set *make_set(enum proxy_policy policy, bool is_failfast)
{
	struct proxy_upstream_template templates[UPSTREAMS] = {0};
	const struct proxy_group_template template = {
		.settings = {.policy = policy,
			.expire = 10 * CLOCK_SECOND,
			.read_timeout = 2 * CLOCK_SECOND},
		.health = {.max_fails = 2, .is_failfast = is_failfast},
		.upstreams = templates,
		.upstream_count = UPSTREAMS,
	};
	struct proxy_set *set = proxy_set_create(&template, 1);

	lcore_fixture_give_paths(set);
	return set;
}

static void down_open(struct down_fixture *fixture, enum proxy_policy policy, bool is_failfast)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {2, 7, 1};

	*fixture = (struct down_fixture){
		.random = random_stream_create(seed),
		.set = make_set(policy, is_failfast),
		.now = LCORE_FIXTURE_START,
	};
	fixture->lcore = lcore_fixture_make(fixture->set, fixture->random, 16, 64);
}

static void down_close(struct down_fixture *fixture)
{
	CU_ASSERT_EQUAL(proxy_in_flight(fixture->lcore), 0);
	proxy_lcore_destroy(fixture->lcore);
	proxy_set_destroy(fixture->set);
	random_stream_destroy(fixture->random);
}

static void set_shares(struct down_fixture *fixture, const uint8_t shares[UPSTREAMS])
{
	for (uint16_t i = 0; i < UPSTREAMS; i++)
		fixture->set->upstreams[i].share = shares[i];
}

static uint32_t start(struct down_fixture *fixture)
{
	uint32_t slot = 0;

	CU_ASSERT_EQUAL_FATAL(proxy_query_start(fixture->lcore, 0, lcore_fixture_query,
				      sizeof(lcore_fixture_query), sizeof(lcore_fixture_query),
				      fixture->now, &slot),
		PROXY_START_GOOD);
	return slot;
}

// Which upstream a query goes to, UPSTREAMS for none.
static uint16_t attempt(struct down_fixture *fixture, uint32_t slot)
{
	struct proxy_attempt made;

	if (!proxy_attempt_start(fixture->lcore, slot, fixture->now, &made))
		return UPSTREAMS;
	return (uint16_t)(made.upstream - fixture->set->upstreams);
}

// So many queries that are all answered.
static void ask(struct down_fixture *fixture, uint32_t count)
{
	for (uint16_t i = 0; i < UPSTREAMS; i++)
		fixture->taken[i] = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t slot = start(fixture);
		uint16_t upstream = attempt(fixture, slot);

		CU_ASSERT_TRUE_FATAL(upstream < UPSTREAMS);
		fixture->taken[upstream]++;
		proxy_query_finish(fixture->lcore, slot, fixture->now);
	}
}

// Ports of connections that failed come back.
static void manage(struct down_fixture *fixture)
{
	struct proxy_pools *pools = &fixture->lcore->pools;
	uint16_t scratch[64];

	(void)proxy_sweep_reap(&pools, 1, scratch, BASE_ARRAY_SIZE(scratch));
	proxy_pools_read_messages(pools, UINT32_MAX, fixture->now);
}

static void who_is_down_is_left_out(void)
{
	static const enum proxy_policy policies[] = {
		PROXY_POLICY_RANDOM, PROXY_POLICY_ROUND_ROBIN, PROXY_POLICY_SEQUENTIAL};
	struct down_fixture fixture;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(policies); i++) {
		down_open(&fixture, policies[i], false);
		set_shares(&fixture, (uint8_t[]){0, 16, 0, 16});
		ask(&fixture, QUERIES);
		CU_ASSERT_EQUAL(fixture.taken[0] + fixture.taken[2], 0);
		if (policies[i] == PROXY_POLICY_SEQUENTIAL) {
			CU_ASSERT_EQUAL(fixture.taken[1], QUERIES);
		} else {
			CU_ASSERT_TRUE(fixture.taken[1] > QUERIES / 3);
			CU_ASSERT_TRUE(fixture.taken[3] > QUERIES / 3);
		}
		down_close(&fixture);
	}
}

// It is not a failed attempt, either.
static void who_is_down_is_left_out_of_retries(void)
{
	struct down_fixture fixture;
	uint32_t slot;

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	set_shares(&fixture, (uint8_t[]){16, 0, 0, 16});
	slot = start(&fixture);
	CU_ASSERT_EQUAL(attempt(&fixture, slot), 0);
	proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_TIMEOUT, fixture.now);
	CU_ASSERT_EQUAL(attempt(&fixture, slot), 3);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->failed_attempts, 1);
	proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_TIMEOUT, fixture.now);
	CU_ASSERT_EQUAL(attempt(&fixture, slot), 0);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(proxy_all_down(fixture.lcore), 0);
	down_close(&fixture);
}

static void with_all_down_one_is_tried_at_random(void)
{
	struct down_fixture fixture;
	uint32_t taken[UPSTREAMS] = {0};

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	set_shares(&fixture, (uint8_t[]){0, 0, 0, 0});
	for (uint32_t i = 0; i < QUERIES; i++) {
		uint32_t slot = start(&fixture);
		uint16_t upstream = attempt(&fixture, slot);

		CU_ASSERT_TRUE_FATAL(upstream < UPSTREAMS);
		taken[upstream]++;
		proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_UNREACHABLE, fixture.now);
		// Exactly one.
		CU_ASSERT_EQUAL(attempt(&fixture, slot), UPSTREAMS);
		CU_ASSERT_FALSE(proxy_pending_at(&fixture.lcore->pending, slot)->met_failfast);
		proxy_query_finish(fixture.lcore, slot, fixture.now);
		manage(&fixture);
	}
	for (uint16_t i = 0; i < UPSTREAMS; i++)
		CU_ASSERT_TRUE(taken[i] > QUERIES / UPSTREAMS / 2);
	CU_ASSERT_EQUAL(proxy_all_down(fixture.lcore), QUERIES);
	down_close(&fixture);
}

static void with_failfast_none_is_tried(void)
{
	struct down_fixture fixture;
	uint32_t slot;

	down_open(&fixture, PROXY_POLICY_RANDOM, true);
	set_shares(&fixture, (uint8_t[]){0, 0, 0, 0});
	slot = start(&fixture);
	CU_ASSERT_EQUAL(attempt(&fixture, slot), UPSTREAMS);
	CU_ASSERT_TRUE(proxy_pending_at(&fixture.lcore->pending, slot)->met_failfast);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->failed_attempts, 0);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(proxy_all_down(fixture.lcore), 1);
	// One that comes back is enough.
	set_shares(&fixture, (uint8_t[]){0, 0, 1, 0});
	ask(&fixture, 64);
	CU_ASSERT_EQUAL(fixture.taken[2], 64);
	down_close(&fixture);
}

static void who_comes_back_takes_its_share(void)
{
	struct down_fixture fixture;

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	set_shares(&fixture, (uint8_t[]){4, 16, 16, 16});
	ask(&fixture, QUERIES);
	// A quarter, and what it does not take goes to the next.
	CU_ASSERT_TRUE(fixture.taken[0] > QUERIES / 5 && fixture.taken[0] < QUERIES * 3 / 10);
	CU_ASSERT_EQUAL(fixture.taken[0] + fixture.taken[1], QUERIES);
	set_shares(&fixture, (uint8_t[]){4, 0, 0, 16});
	ask(&fixture, QUERIES);
	CU_ASSERT_TRUE(fixture.taken[0] > QUERIES / 5 && fixture.taken[0] < QUERIES * 3 / 10);
	CU_ASSERT_EQUAL(fixture.taken[0] + fixture.taken[3], QUERIES);
	down_close(&fixture);
}

// It is still better than none.
static void who_comes_back_takes_all_that_nobody_else_does(void)
{
	struct down_fixture fixture;

	down_open(&fixture, PROXY_POLICY_RANDOM, false);
	set_shares(&fixture, (uint8_t[]){0, 1, 0, 0});
	ask(&fixture, QUERIES);
	CU_ASSERT_EQUAL(fixture.taken[1], QUERIES);
	set_shares(&fixture, (uint8_t[]){0, 1, 0, 1});
	ask(&fixture, QUERIES);
	CU_ASSERT_TRUE(fixture.taken[1] > QUERIES / 3);
	CU_ASSERT_TRUE(fixture.taken[3] > QUERIES / 3);
	CU_ASSERT_EQUAL(proxy_all_down(fixture.lcore), 0);
	down_close(&fixture);
}

static void who_is_in_drain_is_left_out(void)
{
	struct down_fixture fixture;
	uint32_t slot;

	down_open(&fixture, PROXY_POLICY_RANDOM, false);
	set_shares(&fixture, (uint8_t[]){16, PROXY_SHARE_DRAIN, 16, PROXY_SHARE_DRAIN});
	ask(&fixture, QUERIES);
	CU_ASSERT_EQUAL(fixture.taken[1] + fixture.taken[3], 0);
	CU_ASSERT_TRUE(fixture.taken[0] > QUERIES / 3 && fixture.taken[2] > QUERIES / 3);
	// Nor where others fail, or have a reply that is no answer.
	for (int i = 0; i < 64; i++) {
		slot = start(&fixture);
		for (int j = 0; j < 4; j++) {
			uint16_t upstream = attempt(&fixture, slot);

			CU_ASSERT_TRUE(upstream == 0 || upstream == 2);
			proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_TIMEOUT, fixture.now);
			manage(&fixture);
		}
		CU_ASSERT_TRUE(attempt(&fixture, slot) % 2 == 0);
		if (proxy_query_fail_over(fixture.lcore, slot, fixture.now))
			CU_ASSERT_TRUE(attempt(&fixture, slot) % 2 == 0);
		proxy_query_finish(fixture.lcore, slot, fixture.now);
	}
	down_close(&fixture);
}

// With all others down, one of those is tried; with nobody else there, none.
static void who_is_in_drain_is_never_tried(void)
{
	static const uint8_t in_drain[] = {
		PROXY_SHARE_DRAIN, PROXY_SHARE_DRAIN, PROXY_SHARE_DRAIN, PROXY_SHARE_DRAIN};
	struct down_fixture fixture;
	uint32_t taken[UPSTREAMS + 1] = {0};
	uint32_t slot;

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	set_shares(&fixture, (uint8_t[]){PROXY_SHARE_DRAIN, 0, PROXY_SHARE_DRAIN, 0});
	for (uint32_t i = 0; i < QUERIES; i++) {
		slot = start(&fixture);
		taken[attempt(&fixture, slot)]++;
		proxy_query_finish(fixture.lcore, slot, fixture.now);
	}
	CU_ASSERT_EQUAL(taken[1] + taken[3], QUERIES);
	CU_ASSERT_TRUE(taken[1] > QUERIES / 3 && taken[3] > QUERIES / 3);
	set_shares(&fixture, in_drain);
	slot = start(&fixture);
	CU_ASSERT_EQUAL(attempt(&fixture, slot), UPSTREAMS);
	CU_ASSERT_TRUE(proxy_pending_at(&fixture.lcore->pending, slot)->met_failfast);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(proxy_all_down(fixture.lcore), QUERIES + 1);
	down_close(&fixture);
}

// Where a reply is no answer: each upstream once, but for those that are down.
static void failover_leaves_out_who_is_down(void)
{
	struct down_fixture fixture;
	uint32_t slot;

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	set_shares(&fixture, (uint8_t[]){16, 0, 1, 0});
	for (int i = 0; i < 64; i++) {
		slot = start(&fixture);
		CU_ASSERT_EQUAL(attempt(&fixture, slot), 0);
		CU_ASSERT_TRUE_FATAL(proxy_query_fail_over(fixture.lcore, slot, fixture.now));
		CU_ASSERT_EQUAL(attempt(&fixture, slot), 2);
		CU_ASSERT_FALSE(proxy_query_fail_over(fixture.lcore, slot, fixture.now));
		proxy_query_finish(fixture.lcore, slot, fixture.now);
	}
	down_close(&fixture);
}

static bool takes_word(struct down_fixture *fixture, uint16_t upstream)
{
	uint32_t word;

	if (!handle_ring_pop(&fixture->lcore->health.to_manager, &word))
		return false;
	CU_ASSERT_EQUAL(word >> 30, PROXY_NEWS_EXCHANGE_FAILED);
	CU_ASSERT_EQUAL(proxy_check_of_word(word).upstream, upstream);
	return true;
}

static void failures_are_told(void)
{
	struct down_fixture fixture;

	down_open(&fixture, PROXY_POLICY_SEQUENTIAL, false);
	for (int failure = 0; failure < PROXY_FAILURES; failure++) {
		bool is_ours =
			failure == PROXY_FAILURE_NO_PORT || failure == PROXY_FAILURE_NO_STREAM;
		uint32_t slot = start(&fixture);

		CU_ASSERT_EQUAL(attempt(&fixture, slot), 0);
		proxy_attempt_fail(fixture.lcore, slot, (enum proxy_failure)failure, fixture.now);
		proxy_query_finish(fixture.lcore, slot, fixture.now);
		CU_ASSERT_EQUAL(takes_word(&fixture, 0), !is_ours);
		CU_ASSERT_FALSE(takes_word(&fixture, 0));
	}
	// Answers are not.
	ask(&fixture, 64);
	CU_ASSERT_FALSE(takes_word(&fixture, 0));
	down_close(&fixture);
}

static const struct unit_case cases[] = {
	{"who is down is left out", who_is_down_is_left_out},
	{"who is down is left out of retries", who_is_down_is_left_out_of_retries},
	{"with all down one is tried at random", with_all_down_one_is_tried_at_random},
	{"with failfast none is tried", with_failfast_none_is_tried},
	{"who comes back takes its share", who_comes_back_takes_its_share},
	{"who comes back takes all that nobody else does",
		who_comes_back_takes_all_that_nobody_else_does},
	{"who is in drain is left out", who_is_in_drain_is_left_out},
	{"who is in drain is never tried", who_is_in_drain_is_never_tried},
	{"failover leaves out who is down", failover_leaves_out_who_is_down},
	{"failures are told", failures_are_told},
};

UNIT_MAIN("proxy down", cases)
