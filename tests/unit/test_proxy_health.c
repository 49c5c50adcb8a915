// SPDX-License-Identifier: BSD-3-Clause
// Who is checked, and what comes of checks.
#include "proxy_health_fixture.h"

static void a_failed_exchange_starts_a_check_at_once(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 2);
	health_turn(&fixture);
	CU_ASSERT_FALSE(health_take_check(&fixture, 0, &sent));
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	// By the same lcore each time, whoever told.
	CU_ASSERT_FALSE(health_take_check(&fixture, 0, &sent));
	CU_ASSERT_TRUE_FATAL(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(sent.upstream, 1);
	CU_ASSERT_TRUE(fixture.set->upstreams[1].is_checked);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 1);
	health_fail_exchange(&fixture, 0, 2);
	health_turn(&fixture);
	CU_ASSERT_TRUE_FATAL(health_take_check(&fixture, 0, &sent));
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
	health_fail_exchange(&fixture, 0, 1);
	health_fail_exchange(&fixture, 1, 1);
	health_turn(&fixture);
	CU_ASSERT_TRUE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &other));
	// While it is checked, nobody tells; who told before that is heard in vain.
	health_fail_exchange(&fixture, 0, 1);
	CU_ASSERT_FALSE(handle_ring_pop(&fixture.links[0].to_manager, &word));
	health_tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &other));
	health_close(&fixture);
}

static void a_failed_check_is_repeated_after_the_pause(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 10);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
	health_advance(&fixture, HEALTH_PAUSE - 1);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	health_advance(&fixture, 1);
	health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].fails, 2);
	health_advance(&fixture, HEALTH_PAUSE);
	health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.health->states[1].fails, 0);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 2);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 3);
	CU_ASSERT_FALSE(fixture.set->upstreams[1].is_checked);
	// No more of them, until an exchange fails again.
	health_advance(&fixture, 100 * HEALTH_PAUSE);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	CU_ASSERT_TRUE(health_take_check(&fixture, 1, &sent));
	health_close(&fixture);
}

static void more_than_max_fails_in_a_row_are_down(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	CU_ASSERT_EQUAL(fixture.set->upstreams[0].share, PROXY_SHARE_ALL);
	health_advance(&fixture, HEALTH_PAUSE);
	health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_DOWN);
	CU_ASSERT_EQUAL(fixture.went_down, 1);
	health_close(&fixture);
}

static void a_good_check_resets_the_count(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	for (int i = 0; i < 4; i++) {
		health_fail_exchange(&fixture, 0, 1);
		health_turn(&fixture);
		health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
		health_advance(&fixture, HEALTH_PAUSE);
		health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
		health_advance(&fixture, HEALTH_PAUSE);
		health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
		CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_ALL);
	}
	CU_ASSERT_EQUAL(fixture.went_down, 0);
	health_close(&fixture);
}

static void who_comes_back_takes_more_step_by_step(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	health_advance(&fixture, HEALTH_PAUSE);
	health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.came_back, 1);
	for (uint8_t sixteenths = 1; sixteenths < PROXY_SHARE_ALL; sixteenths++) {
		CU_ASSERT_EQUAL(health_share(&fixture), sixteenths);
		health_advance(&fixture, PROXY_SHARE_STEP - 1);
		CU_ASSERT_EQUAL(health_share(&fixture), sixteenths);
		health_advance(&fixture, 1);
	}
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_ALL);
	CU_ASSERT_EQUAL(fixture.health->listed_count, 0);
	health_close(&fixture);
}

static void a_share_does_not_grow_while_there_is_doubt(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	health_take_down(&fixture);
	health_advance(&fixture, HEALTH_PAUSE);
	health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
	health_advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(health_share(&fixture), 2);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	health_check(&fixture, PROXY_NEWS_CHECK_FAILED);
	health_advance(&fixture, HEALTH_PAUSE);
	CU_ASSERT_EQUAL(health_share(&fixture), 2);
	health_check(&fixture, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(health_share(&fixture), 2);
	health_advance(&fixture, PROXY_SHARE_STEP);
	CU_ASSERT_EQUAL(health_share(&fixture), 3);
	health_close(&fixture);
}

static void a_check_that_could_not_be_sent_counts_for_nothing(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;

	health_open(&fixture, 1);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	for (int i = 0; i < 5; i++) {
		health_check(&fixture, PROXY_NEWS_CHECK_UNSENT);
		CU_ASSERT_EQUAL(fixture.health->states[1].fails, 0);
		CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
		health_advance(&fixture, HEALTH_PAUSE);
	}
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_ALL);
	health_close(&fixture);
}

// Of a check whose sender has gone nothing will be heard, and what is heard late is of no use.
static void a_lost_check_is_sent_again(void)
{
	struct health_fixture fixture;
	struct proxy_check lost = {0};
	struct proxy_check again = {0};

	health_open(&fixture, 1);
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	CU_ASSERT_TRUE_FATAL(health_take_check(&fixture, 1, &lost));
	health_advance(&fixture, PROXY_CHECK_TIME_MOST);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &again));
	health_advance(&fixture, CLOCK_SECOND);
	CU_ASSERT_TRUE_FATAL(health_take_check(&fixture, 1, &again));
	CU_ASSERT_NOT_EQUAL(lost.number, again.number);
	health_tell(&fixture, 1, lost, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	health_tell(&fixture, 1, again, PROXY_NEWS_CHECK_GOOD);
	CU_ASSERT_EQUAL(fixture.health->states[1].phase, PROXY_HEALTH_RESTS);
	// Nor is a second word about it.
	health_tell(&fixture, 1, again, PROXY_NEWS_CHECK_FAILED);
	CU_ASSERT_EQUAL(fixture.health->states[1].failures, 0);
	health_close(&fixture);
}

static void with_max_fails_zero_nobody_is_checked(void)
{
	struct health_fixture fixture;
	struct proxy_check sent;
	uint32_t word;

	health_open(&fixture, 0);
	health_fail_exchange(&fixture, 0, 1);
	CU_ASSERT_FALSE(handle_ring_pop(&fixture.links[0].to_manager, &word));
	health_tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_EXCHANGE_FAILED);
	CU_ASSERT_FALSE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(health_share(&fixture), PROXY_SHARE_ALL);
	health_close(&fixture);
}

static void words_about_nobody_do_nothing(void)
{
	struct health_fixture fixture;

	health_open(&fixture, 2);
	for (uint32_t news = 0; news < 4; news++)
		proxy_health_hear(fixture.health,
			proxy_health_word((enum proxy_health_news)news,
				(struct proxy_check){.upstream = HEALTH_UPSTREAMS}),
			fixture.now);
	health_tell(&fixture, 0, (struct proxy_check){.upstream = 1}, PROXY_NEWS_CHECK_FAILED);
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
	health_fail_exchange(&fixture, 0, 1);
	health_turn(&fixture);
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 0);
	while (handle_ring_pop(&fixture.links[1].to_lcore, &word))
		;
	health_turn(&fixture);
	CU_ASSERT_TRUE(health_take_check(&fixture, 1, &sent));
	CU_ASSERT_EQUAL(fixture.health->states[1].checks, 1);
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
};

UNIT_MAIN("proxy health", cases)
