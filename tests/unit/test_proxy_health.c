// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "proxy/health.h"

#include <stdlib.h>

#define UPSTREAMS 4
#define PAUSE (500 * CLOCK_MILLISECOND)
#define START (1000 * CLOCK_SECOND)

struct health_fixture {
	struct proxy_set *set;
	struct proxy_health *health;
	struct proxy_health_link links[2];
	uint64_t now;
	unsigned int went_down;
	unsigned int came_back;
};

static void changed(void *context, uint16_t upstream, bool is_down)
{
	struct health_fixture *fixture = context;

	CU_ASSERT_EQUAL(upstream, 1);
	*(is_down ? &fixture->went_down : &fixture->came_back) += 1;
}

// With upstreams of these ports.
static struct proxy_set *follow(
	const struct proxy_set *old, const uint16_t ports[], uint16_t count, uint32_t max_fails)
{
	struct proxy_upstream_template templates[UPSTREAMS] = {0};
	const struct proxy_group_template template = {
		.health = {.pause = PAUSE, .max_fails = max_fails},
		.upstreams = templates,
		.upstream_count = count,
	};
	struct proxy_set *set;

	for (uint16_t i = 0; i < count; i++)
		templates[i].endpoint.port = ports[i];
	set = old ? proxy_set_follow(old, &template, 1, NULL) : proxy_set_create(&template, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	return set;
}

static const uint16_t all_ports[UPSTREAMS] = {1000, 1001, 1002, 1003};

static void health_open(struct health_fixture *fixture, uint32_t max_fails)
{
	*fixture = (struct health_fixture){.now = START};
	fixture->set = follow(NULL, all_ports, UPSTREAMS, max_fails);
	fixture->health = proxy_health_create(fixture->set);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->health);
	fixture->health->changed = changed;
	fixture->health->context = fixture;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(fixture->links); i++)
		CU_ASSERT_EQUAL_FATAL(proxy_health_link_init(&fixture->links[i]), 0);
}

static void health_close(struct health_fixture *fixture)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(fixture->links); i++)
		proxy_health_link_fini(&fixture->links[i]);
	proxy_health_destroy(fixture->health);
	proxy_set_destroy(fixture->set);
}

static void turn(struct health_fixture *fixture)
{
	struct proxy_health_link *const links[] = {&fixture->links[0], &fixture->links[1]};

	proxy_health_turn(fixture->health, links, 2, 2, fixture->now);
}

static void advance(struct health_fixture *fixture, uint64_t span)
{
	fixture->now += span;
	turn(fixture);
}

static void fail_exchange(struct health_fixture *fixture, size_t lcore, uint16_t upstream)
{
	proxy_health_tell_failure(&fixture->links[lcore], fixture->set, upstream);
}

// The one check that is to be sent by this lcore.
static bool take_check(struct health_fixture *fixture, size_t lcore, struct proxy_check *check)
{
	uint32_t word;

	if (!handle_ring_pop(&fixture->links[lcore].to_lcore, &word))
		return false;
	*check = proxy_check_of_word(word);
	return true;
}

static void tell(struct health_fixture *fixture, size_t lcore, struct proxy_check check,
	enum proxy_health_news news)
{
	CU_ASSERT_TRUE_FATAL(handle_ring_push(
		&fixture->links[lcore].to_manager, proxy_health_word(news, check)));
	turn(fixture);
}

// The next check of upstream 1, which is due now, ends so.
static void check(struct health_fixture *fixture, enum proxy_health_news news)
{
	struct proxy_check sent = {0};

	CU_ASSERT_TRUE_FATAL(take_check(fixture, 1, &sent));
	CU_ASSERT_EQUAL(sent.upstream, 1);
	tell(fixture, 1, sent, news);
}

static uint8_t share(const struct health_fixture *fixture)
{
	return fixture->set->upstreams[1].share;
}

// Upstream 1 goes down, with the third failed check.
static void take_down(struct health_fixture *fixture)
{
	fail_exchange(fixture, 0, 1);
	turn(fixture);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(share(fixture), PROXY_SHARE_ALL);
		check(fixture, PROXY_NEWS_CHECK_FAILED);
		if (i < 2)
			advance(fixture, PAUSE);
	}
	CU_ASSERT_TRUE(proxy_upstream_is_down(&fixture->set->upstreams[1]));
}

static void a_failed_exchange_starts_a_check_at_once(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 2);
	turn(&fixture);
	CU_ASSERT_FALSE(take_check(&fixture, 0, &sent));
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	// By the same lcore each time, whoever told.
	CU_ASSERT_FALSE(take_check(&fixture, 0, &sent));
	CU_ASSERT_TRUE_FATAL(take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(sent.upstream, 1);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 1);
	fail_exchange(&fixture, 0, 2);
	turn(&fixture);
	CU_ASSERT_TRUE_FATAL(take_check(&fixture, 0, &sent));
	CU_ASSERT_EQUAL(sent.upstream, 2);
	health_close(&fixture);
}

static void checks_are_one_at_a_time(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;
	struct proxy_check other;
	uint32_t word;

	health_open(&fixture, 2);
	fail_exchange(&fixture, 0, 1);
	fail_exchange(&fixture, 1, 1);
	turn(&fixture);
	CU_ASSERT_TRUE(take_check(&fixture, 1, &sent));
	CU_ASSERT_FALSE(take_check(&fixture, 1, &other));
	// While it is checked, nobody tells; who told before that is heard in vain.
	fail_exchange(&fixture, 0, 1);
	CU_ASSERT_FALSE(handle_ring_pop(&fixture.links[0].to_manager, &word));
	tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &other));
	health_close(&fixture);
}

static void a_failed_check_is_repeated_after_the_pause(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 10);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	check(&fixture, PROXY_NEWS_CHECK_FAILED);
	advance(&fixture, PAUSE - 1);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	advance(&fixture, 1);
	check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].fails, 2);
	advance(&fixture, PAUSE);
	check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.health->states[1].fails, 0);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 2);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 3);
	CU_ASSERT_FALSE(fixture.set->upstreams[1].is_checked);
	// No more of them, until an exchange fails again.
	advance(&fixture, 100 * PAUSE);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	CU_ASSERT_TRUE(take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void more_than_max_fails_in_a_row_are_down(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	take_down(&fixture);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].share, PROXY_SHARE_ALL);
	advance(&fixture, PAUSE);
	check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DOWN);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	health_close(&fixture);
}

static void a_good_check_resets_the_count(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	for (int i = 0; i < 4; i++) {
		fail_exchange(&fixture, 0, 1);
		turn(&fixture);
		check(&fixture, PROXY_NEWS_CHECK_FAILED);
		advance(&fixture, PAUSE);
		check(&fixture, PROXY_NEWS_CHECK_FAILED);
		advance(&fixture, PAUSE);
		check(&fixture, PROXY_NEWS_CHECK_GOOD);
		CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_ALL);
	}
	CU_ASSERT_EQUAL(fixture.went_down, 0);
	health_close(&fixture);
}

static void who_comes_back_takes_more_step_by_step(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	take_down(&fixture);
	advance(&fixture, PAUSE);
	check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.came_back, 1);
	for (uint8_t sixteenths = 1; sixteenths < PROXY_SHARE_ALL; sixteenths++) {
		CU_ASSERT_EQUAL(share(&fixture), sixteenths);
		advance(&fixture, PROXY_SHARE_STEP - 1);
		CU_ASSERT_EQUAL(share(&fixture), sixteenths);
		advance(&fixture, 1);
	}
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_ALL);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	health_close(&fixture);
}

static void a_share_does_not_grow_while_there_is_doubt(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	take_down(&fixture);
	advance(&fixture, PAUSE);
	check(&fixture, PROXY_NEWS_CHECK_GOOD);
	advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(share(&fixture), 2);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	check(&fixture, PROXY_NEWS_CHECK_FAILED);
	advance(&fixture, PAUSE);
	CU_ASSERT_EQUAL(share(&fixture), 2);
	check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(share(&fixture), 2);
	advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(share(&fixture), 3);
	health_close(&fixture);
}

static void a_check_that_could_not_be_sent_counts_for_nothing(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 1);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	for (int i = 0; i < 5; i++) {
		check(&fixture, PROXY_NEWS_CHECK_UNSENT);
		CU_ASSERT_EQUAL(fixture.health->states[1].fails, 0);
		CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
		advance(&fixture, PAUSE);
	}
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_ALL);
	health_close(&fixture);
}

// Of a check whose sender has gone nothing will be heard, and what is heard late is of no use.
static void a_lost_check_is_sent_again(void)
{
	struct health_fixture fixture;
	struct proxy_check lost = {0};
	struct proxy_check again = {0};

	health_open(&fixture, 1);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	CU_ASSERT_TRUE_FATAL(take_check(&fixture, 1, &lost));
	advance(&fixture, PROXY_CHECK_TIME_MOST);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &again));
	advance(&fixture, CLOCK_SECOND);
	CU_ASSERT_TRUE_FATAL(take_check(&fixture, 1, &again));
	CU_ASSERT_NOT_EQUAL(lost.number, again.number);
	tell(&fixture, 1, lost, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	tell(&fixture, 1, again, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.health->states[1].phase, PROXY_HEALTH_RESTS);
	// Nor is a second word about it.
	tell(&fixture, 1, again, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	health_close(&fixture);
}

static void with_max_fails_zero_nobody_is_checked(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;
	uint32_t word;

	health_open(&fixture, 0);
	fail_exchange(&fixture, 0, 1);
	CU_ASSERT_FALSE(handle_ring_pop(&fixture.links[0].to_manager, &word));
	tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_ALL);
	health_close(&fixture);
}

static void words_about_nobody_do_nothing(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	for (uint32_t news = 0; news < 4; news++)
		proxy_health_hear(fixture.health,
			proxy_health_word((enum proxy_health_news)news,
				(struct proxy_check){.upstream = UPSTREAMS}),
			fixture.now);
	tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	health_close(&fixture);
}

static void a_full_ring_delays_a_check(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;
	uint32_t word;

	health_open(&fixture, 2);
	while (handle_ring_push(&fixture.links[1].to_lcore, 0))
		;
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 0);
	while (handle_ring_pop(&fixture.links[1].to_lcore, &word))
		;
	turn(&fixture);
	CU_ASSERT_TRUE(take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 1);
	health_close(&fixture);
}

// As a reload does.
static void reload(
	struct health_fixture *fixture, const uint16_t ports[], uint16_t count, uint32_t max_fails)
{
	struct proxy_set *old = fixture->set;

	fixture->set = follow(old, ports, count, max_fails);
	proxy_health_follow(fixture->health, fixture->set);
	proxy_set_destroy(old);
}

static void who_is_down_stays_down_over_a_reload(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	take_down(&fixture);
	reload(&fixture, all_ports, UPSTREAMS, 2);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DOWN);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].share, PROXY_SHARE_ALL);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	CU_ASSERT_FALSE(fixture.set->upstreams[0].is_checked);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 3);
	// It is checked on, and comes back.
	advance(&fixture, PAUSE);
	check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(share(&fixture), 1);
	advance(&fixture, PROXY_SHARE_STEP);
	reload(&fixture, all_ports, UPSTREAMS, 2);
	CU_ASSERT_EQUAL(share(&fixture), 2);
	advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(share(&fixture), 3);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.came_back, 1);
	health_close(&fixture);
}

static void a_reload_may_change_what_is_down(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 2);
	take_down(&fixture);
	// More may fail now.
	reload(&fixture, all_ports, UPSTREAMS, 5);
	CU_ASSERT_EQUAL(share(&fixture), 1);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	reload(&fixture, all_ports, UPSTREAMS, 2);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DOWN);
	// Nobody is checked any more.
	reload(&fixture, all_ports, UPSTREAMS, 0);
	CU_ASSERT_EQUAL(share(&fixture), 1);
	CU_ASSERT_FALSE(fixture.set->upstreams[1].is_checked);
	advance(&fixture, PAUSE);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void a_check_on_its_way_counts_after_a_reload(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	reload(&fixture, all_ports, UPSTREAMS, 2);
	check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 1);
	health_close(&fixture);
}

static void who_leaves_is_checked_no_more(void)
{
	static const uint16_t others[] = {1000, 1002, 1003};
	struct health_fixture fixture;
	struct proxy_check sent = {0};

	health_open(&fixture, 2);
	take_down(&fixture);
	advance(&fixture, PAUSE);
	CU_ASSERT_TRUE(take_check(&fixture, 1, &sent));
	reload(&fixture, others, BASE_ARRAY_SIZE(others), 2);
	CU_ASSERT_EQUAL_FATAL(fixture.set->upstreams[1].presence, PROXY_LEAVES);
	tell(&fixture, 1, sent, PROXY_NEWS_CHECK_GOOD);
	advance(&fixture, 100 * PAUSE);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.came_back, 0);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void who_comes_is_up(void)
{
	static const uint16_t two[] = {1000, 1001};
	static const uint16_t three[] = {1000, 1001, 1005};
	struct health_fixture fixture;

	health_open(&fixture, 2);
	reload(&fixture, two, BASE_ARRAY_SIZE(two), 2);
	take_down(&fixture);
	reload(&fixture, three, BASE_ARRAY_SIZE(three), 2);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DOWN);
	for (uint16_t i = 0; i < fixture.set->upstream_count; i++) {
		if (fixture.set->upstreams[i].endpoint.port != 1005)
			continue;
		CU_ASSERT_EQUAL(fixture.set->upstreams[i].share, PROXY_SHARE_ALL);
		CU_ASSERT_EQUAL(fixture.health->states[i].checks, 0);
	}
	health_close(&fixture);
}

static void who_is_in_drain_is_not_checked(void)
{
	struct health_fixture fixture;
	struct proxy_check sent = {0};

	health_open(&fixture, 2);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	CU_ASSERT_TRUE(take_check(&fixture, 1, &sent));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, 1));
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DRAIN);
	CU_ASSERT_FALSE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
	CU_ASSERT_TRUE(proxy_upstream_takes_none(&fixture.set->upstreams[1]));
	// Neither what comes of the check on its way, nor a query that was, says anything.
	tell(&fixture, 1, sent, PROXY_NEWS_CHECK_GOOD);
	tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	advance(&fixture, 100 * PAUSE);
	CU_ASSERT_FALSE(take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DRAIN);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	CU_ASSERT_EQUAL(fixture.went_down + fixture.came_back, 0);
	health_close(&fixture);
}

static void who_is_undrained_takes_more_step_by_step(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	take_down(&fixture);
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, 1, fixture.now));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	advance(&fixture, PAUSE);
	// What it was before is not known any more.
	CU_ASSERT_TRUE(proxy_health_undrain(fixture.health, 1, fixture.now));
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, 1, fixture.now));
	for (uint8_t sixteenths = 1; sixteenths < PROXY_SHARE_ALL; sixteenths++) {
		CU_ASSERT_EQUAL(share(&fixture), sixteenths);
		advance(&fixture, PROXY_SHARE_STEP);
	}
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_ALL);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	fail_exchange(&fixture, 0, 1);
	turn(&fixture);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_FALSE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
		check(&fixture, PROXY_NEWS_CHECK_FAILED);
		advance(&fixture, PAUSE);
	}
	CU_ASSERT_TRUE(proxy_upstream_is_down(&fixture.set->upstreams[1]));
	health_close(&fixture);
}

static void who_is_in_drain_stays_so_over_a_reload(void)
{
	static const uint16_t others[] = {1000, 1002, 1003};
	struct health_fixture fixture;

	health_open(&fixture, 2);
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, UPSTREAMS));
	CU_ASSERT_FALSE(proxy_health_undrain(fixture.health, UPSTREAMS, fixture.now));
	CU_ASSERT_TRUE(proxy_health_drain(fixture.health, 1));
	reload(&fixture, all_ports, UPSTREAMS, 2);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DRAIN);
	reload(&fixture, all_ports, UPSTREAMS, 0);
	advance(&fixture, PAUSE);
	CU_ASSERT_EQUAL(share(&fixture), PROXY_SHARE_DRAIN);
	// Who leaves and comes again is wanted.
	reload(&fixture, others, BASE_ARRAY_SIZE(others), 2);
	CU_ASSERT_FALSE(proxy_health_drain(fixture.health, 1));
	reload(&fixture, all_ports, UPSTREAMS, 2);
	CU_ASSERT_EQUAL_FATAL(fixture.set->upstreams[1].endpoint.port, 1001);
	CU_ASSERT_EQUAL(share(&fixture), 1);
	advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(share(&fixture), 2);
	health_close(&fixture);
}

static const struct unit_case cases[] = {
	{"a failed exchange starts a check at once", a_failed_exchange_starts_a_check_at_once},
	{"checks are one at a time", checks_are_one_at_a_time},
	{"a failed check is repeated after the pause", a_failed_check_is_repeated_after_the_pause},
	{"more than max_fails in a row are down", more_than_max_fails_in_a_row_are_down},
	{"a good check resets the count", a_good_check_resets_the_count},
	{"who comes back takes more step by step", who_comes_back_takes_more_step_by_step},
	{"a share does not grow while there is doubt", a_share_does_not_grow_while_there_is_doubt},
	{"a check that could not be sent counts for nothing",
		a_check_that_could_not_be_sent_counts_for_nothing},
	{"a lost check is sent again", a_lost_check_is_sent_again},
	{"with max_fails zero nobody is checked", with_max_fails_zero_nobody_is_checked},
	{"words about nobody do nothing", words_about_nobody_do_nothing},
	{"a full ring delays a check", a_full_ring_delays_a_check},
	{"who is down stays down over a reload", who_is_down_stays_down_over_a_reload},
	{"a reload may change what is down", a_reload_may_change_what_is_down},
	{"a check on its way counts after a reload", a_check_on_its_way_counts_after_a_reload},
	{"who leaves is checked no more", who_leaves_is_checked_no_more},
	{"who comes is up", who_comes_is_up},
	{"who is in drain is not checked", who_is_in_drain_is_not_checked},
	{"who is undrained takes more step by step", who_is_undrained_takes_more_step_by_step},
	{"who is in drain stays so over a reload", who_is_in_drain_stays_so_over_a_reload},
};

UNIT_MAIN("proxy health", cases)
