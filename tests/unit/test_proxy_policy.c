// SPDX-License-Identifier: BSD-3-Clause
// The policies that look at more than a number: shares, stickiness, bounds, and who is avoided.
#include "proxy_lcore_fixture.h"

#include "proxy/policy.h"

#define MILLISECOND CLOCK_MILLISECOND

static struct proxy_set *make_set(
	enum proxy_policy policy, const uint16_t weights[], uint16_t count, uint16_t left_out)
{
	static const uint8_t address[4] = {192, 0, 2, 1};
	struct proxy_upstream_template upstreams[PROXY_FIXTURE_UPSTREAMS_MOST] = {0};
	struct proxy_group_template template = {
		.settings = {.policy = policy,
			.expire = 10 * CLOCK_SECOND,
			.read_timeout = 2 * CLOCK_SECOND},
		.upstreams = upstreams,
	};

	for (uint16_t i = 0; i < count; i++) {
		struct proxy_upstream_template *upstream = &upstreams[template.upstream_count];

		if (i == left_out)
			continue;
		upstream->endpoint.address = net_address_from_ipv4(address);
		upstream->endpoint.port = (uint16_t)(1000 + i);
		upstream->weight = weights ? weights[i] : 0;
		template.upstream_count++;
	}
	return proxy_set_create(&template, 1);
}

static void policy_open(struct lcore_fixture *fixture, struct proxy_set *set)
{
	lcore_fixture_open(fixture, set, 16, 64);
}

static struct proxy_load *load(struct lcore_fixture *fixture, uint16_t upstream)
{
	return &fixture->lcore->counts[upstream].load;
}

static struct proxy_order choose(struct lcore_fixture *fixture, uint32_t question)
{
	return proxy_policy_choose(fixture->lcore, 0, question, fixture->now);
}

// The share of each upstream in so many choices, in thousandths.
static void count_shares(struct lcore_fixture *fixture, uint32_t shares[], uint32_t choices)
{
	for (uint16_t i = 0; i < fixture->set->upstream_count; i++)
		shares[i] = 0;
	for (uint32_t i = 0; i < choices; i++)
		shares[choose(fixture, i * 0x9e3779b1u).position]++;
	for (uint16_t i = 0; i < fixture->set->upstream_count; i++)
		shares[i] = (uint32_t)((uint64_t)shares[i] * 1000 / choices);
}

static void expect_about(uint32_t share, uint32_t expected, uint32_t off)
{
	CU_ASSERT(share + off >= expected && share <= expected + off);
}

static void set_share(struct lcore_fixture *fixture, uint16_t upstream, uint8_t share)
{
	fixture->set->upstreams[upstream].share = share;
}

// Whatever the first is, an order visits each once; and one upstream alone is always it.
static void orders_visit_each_once(void)
{
	for (enum proxy_policy policy = PROXY_POLICY_LEAST_OUTSTANDING;
		policy <= PROXY_POLICY_ORDERED; policy++) {
		for (uint16_t count = 1; count <= PROXY_FIXTURE_UPSTREAMS_MOST; count++) {
			struct lcore_fixture fixture;

			policy_open(&fixture, make_set(policy, NULL, count, UINT16_MAX));
			for (uint32_t round = 0; round < 10; round++) {
				struct proxy_order order = choose(&fixture, round * 0x9e3779b1u);
				uint64_t seen = 0;

				for (uint16_t i = 0; i < count; i++) {
					CU_ASSERT_FATAL(order.position < count);
					seen |= UINT64_C(1) << order.position;
					proxy_order_next(&order, &fixture.set->groups[0]);
				}
				CU_ASSERT_EQUAL(seen, UINT64_MAX >> (64 - count));
			}
			lcore_fixture_close(&fixture);
		}
	}
}

// Those that are down get nothing, in any policy; with all down some upstream is named.
static void those_down_are_passed_over(void)
{
	for (enum proxy_policy policy = PROXY_POLICY_LEAST_OUTSTANDING;
		policy <= PROXY_POLICY_ORDERED; policy++) {
		struct lcore_fixture fixture;
		uint32_t shares[4];

		policy_open(&fixture, make_set(policy, NULL, 4, UINT16_MAX));
		set_share(&fixture, 0, PROXY_SHARE_DOWN);
		set_share(&fixture, 2, PROXY_SHARE_DOWN);
		count_shares(&fixture, shares, 2000);
		// Those that draw give up after a while, and leave the rest to the exchange.
		CU_ASSERT(shares[0] <= 5);
		CU_ASSERT(shares[2] <= 5);
		expect_about(shares[1], policy == PROXY_POLICY_ORDERED ? 1000 : 500, 120);
		set_share(&fixture, 1, PROXY_SHARE_DOWN);
		set_share(&fixture, 3, PROXY_SHARE_DOWN);
		CU_ASSERT(choose(&fixture, 1).position < 4);
		lcore_fixture_close(&fixture);
	}
}

static void weights_are_shares(void)
{
	static const uint16_t weights[] = {1, 0, 7, 65, 27};
	struct lcore_fixture fixture;
	uint32_t shares[5];

	policy_open(&fixture, make_set(PROXY_POLICY_WEIGHTED, weights, 5, UINT16_MAX));
	count_shares(&fixture, shares, 200000);
	expect_about(shares[0], 10, 1);
	expect_about(shares[1], 10, 1); // 0 is 1
	expect_about(shares[2], 69, 3);
	expect_about(shares[3], 644, 5);
	expect_about(shares[4], 267, 5);
	// The others have its share by their weights.
	set_share(&fixture, 3, PROXY_SHARE_DOWN);
	count_shares(&fixture, shares, 200000);
	expect_about(shares[4], 750, 40);
	lcore_fixture_close(&fixture);
}

static void equal_weights_are_equal_shares(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[7];

	policy_open(&fixture, make_set(PROXY_POLICY_WEIGHTED, NULL, 7, UINT16_MAX));
	count_shares(&fixture, shares, 70000);
	for (int i = 0; i < 7; i++)
		expect_about(shares[i], 143, 6);
	lcore_fixture_close(&fixture);
}

static void least_outstanding_is_chosen(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[4];

	policy_open(&fixture, make_set(PROXY_POLICY_LEAST_OUTSTANDING, NULL, 4, UINT16_MAX));
	load(&fixture, 0)->in_flight = 3;
	load(&fixture, 1)->in_flight = 2;
	load(&fixture, 2)->in_flight = 9;
	load(&fixture, 3)->in_flight = 2;
	count_shares(&fixture, shares, 1000);
	CU_ASSERT_EQUAL(shares[0] + shares[2], 0);
	// Of four starts, three meet upstream 3 first.
	CU_ASSERT(shares[1] > 200 && shares[3] > 200);
	load(&fixture, 1)->in_flight = 1;
	count_shares(&fixture, shares, 1000);
	CU_ASSERT_EQUAL(shares[1], 1000);
	lcore_fixture_close(&fixture);
}

// Its measurements are worth less with time, so that it is tried again.
static void fastest_avoids_who_is_slow_for_a_while(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[3];

	policy_open(&fixture, make_set(PROXY_POLICY_FASTEST, NULL, 3, UINT16_MAX));
	for (int i = 0; i < 64; i++) {
		proxy_load_answered(load(&fixture, 0), 1 * MILLISECOND, fixture.now);
		proxy_load_answered(load(&fixture, 1), 50 * MILLISECOND, fixture.now);
		proxy_load_answered(load(&fixture, 2), 1 * MILLISECOND, fixture.now);
	}
	count_shares(&fixture, shares, 3000);
	CU_ASSERT_EQUAL(shares[1], 0);
	expect_about(shares[0], 500, 170);
	// With so many in flight at the fast ones, the slow one is worth it.
	load(&fixture, 0)->in_flight = 99;
	load(&fixture, 2)->in_flight = 99;
	count_shares(&fixture, shares, 3000);
	expect_about(shares[1], 667, 30);
	load(&fixture, 0)->in_flight = 0;
	load(&fixture, 2)->in_flight = 0;
	// Its 50 ms are worth less than 1 ms after 6 s, while the fast ones are measured anew.
	fixture.now += 7 * CLOCK_SECOND;
	for (int i = 0; i < 32; i++) {
		proxy_load_answered(load(&fixture, 0), 1 * MILLISECOND, fixture.now);
		proxy_load_answered(load(&fixture, 2), 1 * MILLISECOND, fixture.now);
	}
	count_shares(&fixture, shares, 3000);
	expect_about(shares[1], 667, 30);
	// One attempt on its way there is enough to see.
	load(&fixture, 1)->in_flight = 5;
	count_shares(&fixture, shares, 3000);
	CU_ASSERT_EQUAL(shares[1], 0);
	lcore_fixture_close(&fixture);
}

static void fastest_is_not_drawn_to_who_fails_fast(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[2];

	policy_open(&fixture, make_set(PROXY_POLICY_FASTEST, NULL, 2, UINT16_MAX));
	proxy_load_answered(load(&fixture, 0), 20 * MILLISECOND, fixture.now);
	proxy_load_answered(load(&fixture, 1), 1 * MILLISECOND, fixture.now);
	proxy_load_failed(load(&fixture, 1), 2 * CLOCK_SECOND, fixture.now);
	count_shares(&fixture, shares, 1000);
	CU_ASSERT_EQUAL(shares[0], 1000);
	lcore_fixture_close(&fixture);
}

// Nothing is known: by the number in flight.
static void fastest_starts_even(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[2];

	policy_open(&fixture, make_set(PROXY_POLICY_FASTEST, NULL, 2, UINT16_MAX));
	proxy_load_answered(load(&fixture, 0), 1 * MILLISECOND, fixture.now);
	count_shares(&fixture, shares, 1000);
	expect_about(shares[0], 500, 60);
	load(&fixture, 1)->in_flight = 1;
	count_shares(&fixture, shares, 1000);
	CU_ASSERT_EQUAL(shares[0], 1000);
	lcore_fixture_close(&fixture);
}

#define QUESTIONS 20000

static uint16_t choose_port(struct lcore_fixture *fixture, uint32_t question)
{
	uint16_t position = choose(fixture, question * 0x85ebca6bu).position;

	return fixture->set->upstreams[position].endpoint.port;
}

// Shares are even, and the same questions go the same way again.
static void hash_spreads_and_stays(void)
{
	struct lcore_fixture fixture;
	uint32_t shares[5];

	policy_open(&fixture, make_set(PROXY_POLICY_HASH, NULL, 5, UINT16_MAX));
	count_shares(&fixture, shares, QUESTIONS);
	for (int i = 0; i < 5; i++)
		expect_about(shares[i], 200, 16);
	for (uint32_t question = 0; question < 1000; question++)
		CU_ASSERT_EQUAL(choose_port(&fixture, question), choose_port(&fixture, question));
	lcore_fixture_close(&fixture);
}

// Of the questions that another upstream has, none moves; those of the one that left go to all of
// the others.
static void expect_only_its_share_moved(
	struct lcore_fixture *before, struct lcore_fixture *after, uint16_t gone)
{
	uint32_t to[5] = {0};
	uint32_t moved = 0;

	for (uint32_t question = 0; question < QUESTIONS; question++) {
		uint16_t old = choose_port(before, question);
		uint16_t new = choose_port(after, question);

		if (old != 1000 + gone) {
			CU_ASSERT_EQUAL(new, old);
			continue;
		}
		CU_ASSERT_NOT_EQUAL(new, old);
		moved++;
		to[new - 1000]++;
	}
	expect_about(moved * 1000 / QUESTIONS, 200, 16);
	for (uint16_t i = 0; i < 5; i++) {
		if (i != gone)
			expect_about(to[i] * 1000 / moved, 250, 50);
	}
}

static void hash_moves_only_the_share_of_who_leaves(void)
{
	for (uint16_t gone = 0; gone < 5; gone++) {
		struct lcore_fixture before;
		struct lcore_fixture after;

		policy_open(&before, make_set(PROXY_POLICY_HASH, NULL, 5, UINT16_MAX));
		policy_open(&after, make_set(PROXY_POLICY_HASH, NULL, 5, gone));
		expect_only_its_share_moved(&before, &after, gone);
		lcore_fixture_close(&after);
		policy_open(&after, make_set(PROXY_POLICY_HASH, NULL, 5, UINT16_MAX));
		set_share(&after, gone, PROXY_SHARE_DOWN);
		expect_only_its_share_moved(&before, &after, gone);
		lcore_fixture_close(&after);
		lcore_fixture_close(&before);
	}
}

// All ask the same: no upstream gets more than a quarter above the mean, but for the few in flight
// that nobody looks at.
static void hash_is_bounded(void)
{
	struct lcore_fixture fixture;
	uint32_t most = 0;

	policy_open(&fixture, make_set(PROXY_POLICY_HASH, NULL, 5, UINT16_MAX));
	for (uint32_t i = 0; i < 1000; i++) {
		fixture.lcore->groups[0].in_flight = i + 1;
		load(&fixture, choose(&fixture, 0x12345678).position)->in_flight++;
	}
	for (uint16_t i = 0; i < 5; i++) {
		if (load(&fixture, i)->in_flight > most)
			most = load(&fixture, i)->in_flight;
	}
	CU_ASSERT(most <= 1000 / 5 * 5 / 4 + 1);
	lcore_fixture_close(&fixture);
}

static void few_in_flight_move_no_question(void)
{
	struct lcore_fixture fixture;
	uint16_t first;

	policy_open(&fixture, make_set(PROXY_POLICY_HASH, NULL, 5, UINT16_MAX));
	first = choose(&fixture, 7).position;
	for (uint32_t i = 0; i < PROXY_HASH_BUSY; i++) {
		fixture.lcore->groups[0].in_flight = i + 1;
		CU_ASSERT_EQUAL(choose(&fixture, 7).position, first);
		load(&fixture, first)->in_flight++;
	}
	CU_ASSERT_NOT_EQUAL(choose(&fixture, 7).position, first);
	lcore_fixture_close(&fixture);
}

static void a_question_has_one_hash(void)
{
	uint8_t message[DNS_HEADER_BYTES + 16 + 4] = {0};
	uint8_t *name = message + DNS_HEADER_BYTES;
	uint32_t hash;

	memcpy(name, "\3wWw\7example\3oRg", 16);
	message[sizeof(message) - 3] = 1;
	message[sizeof(message) - 1] = 1;
	hash = proxy_question_hash(message, sizeof(message));
	memcpy(name, "\3WwW\7eXAMPLE\3OrG", 16);
	message[0] = 77; // another id
	CU_ASSERT_EQUAL(proxy_question_hash(message, sizeof(message)), hash);
	message[sizeof(message) - 3] = 28;
	CU_ASSERT_NOT_EQUAL(proxy_question_hash(message, sizeof(message)), hash);
	message[sizeof(message) - 3] = 1;
	name[1] = 'x';
	CU_ASSERT_NOT_EQUAL(proxy_question_hash(message, sizeof(message)), hash);
}

// One tries it after the pause, and when that is answered all are back.
static void ordered_leaves_out_who_fails_and_comes_back(void)
{
	struct lcore_fixture fixture;

	policy_open(&fixture, make_set(PROXY_POLICY_ORDERED, NULL, 3, UINT16_MAX));
	for (int i = 0; i < PROXY_FAILING_AFTER; i++) {
		CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
		proxy_load_failed(load(&fixture, 0), 2 * CLOCK_SECOND, fixture.now);
	}
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 1);
	fixture.now += CLOCK_SECOND;
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 1);
	fixture.now += 100 * MILLISECOND;
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 1);
	proxy_load_failed(load(&fixture, 0), 2 * CLOCK_SECOND, fixture.now);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 1);
	fixture.now += 1100 * MILLISECOND;
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
	proxy_load_answered(load(&fixture, 0), MILLISECOND, fixture.now);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
	// Single failures move nobody.
	proxy_load_failed(load(&fixture, 0), 2 * CLOCK_SECOND, fixture.now);
	proxy_load_answered(load(&fixture, 0), MILLISECOND, fixture.now);
	proxy_load_failed(load(&fixture, 0), 2 * CLOCK_SECOND, fixture.now);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 0);
	// All fail: the first that is up.
	for (uint16_t i = 0; i < 3; i++)
		load(&fixture, i)->failures = PROXY_FAILING_AFTER;
	for (uint16_t i = 0; i < 3; i++)
		load(&fixture, i)->changed_at = proxy_load_time(fixture.now);
	set_share(&fixture, 0, PROXY_SHARE_DOWN);
	CU_ASSERT_EQUAL(choose(&fixture, 0).position, 1);
	lcore_fixture_close(&fixture);
}

static void averages_follow_and_never_vanish(void)
{
	struct proxy_load load = {0};
	uint64_t now = 1000 * CLOCK_SECOND;

	proxy_load_answered(&load, 100, now);
	CU_ASSERT_EQUAL(load.round_trip, 1); // known, however fast
	proxy_load_answered(&load, 8 * 1024 * 1024, now);
	expect_about(load.round_trip, 1025, 1);
	for (int i = 0; i < 100; i++)
		proxy_load_answered(&load, 1024 * 1024, now);
	expect_about(load.round_trip, 1024, 8);
	now += UINT64_C(3) << 30;
	CU_ASSERT_EQUAL(proxy_load_round_trip(&load, now), load.round_trip >> 3);
	CU_ASSERT_EQUAL(proxy_load_round_trip(&load, now + (UINT64_C(4000) << 30)), 0);
}

static const struct unit_case cases[] = {
	{"orders visit each once", orders_visit_each_once},
	{"those down are passed over", those_down_are_passed_over},
	{"weights are shares", weights_are_shares},
	{"equal weights are equal shares", equal_weights_are_equal_shares},
	{"least outstanding is chosen", least_outstanding_is_chosen},
	{"fastest avoids who is slow, for a while", fastest_avoids_who_is_slow_for_a_while},
	{"fastest is not drawn to who fails fast", fastest_is_not_drawn_to_who_fails_fast},
	{"fastest starts even", fastest_starts_even},
	{"hash spreads, and stays", hash_spreads_and_stays},
	{"hash moves only the share of who leaves", hash_moves_only_the_share_of_who_leaves},
	{"hash is bounded", hash_is_bounded},
	{"few in flight move no question", few_in_flight_move_no_question},
	{"a question has one hash", a_question_has_one_hash},
	{"ordered leaves out who fails, and comes back",
		ordered_leaves_out_who_fails_and_comes_back},
	{"averages follow, and never vanish", averages_follow_and_never_vanish},
};

UNIT_MAIN("proxy policy", cases)
