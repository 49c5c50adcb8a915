// SPDX-License-Identifier: BSD-3-Clause
// The health of four upstreams as the management lcore keeps it, between two lcores that a test
// plays. Upstream i has port 1000 + i; it is upstream 1, which is checked by lcore 1, that fails.
#pragma once

#include "unit.h"

#include "proxy/health.h"

#include <stdlib.h>

#define HEALTH_UPSTREAMS 4
#define HEALTH_PAUSE (500 * CLOCK_MILLISECOND)
#define HEALTH_START (1000 * CLOCK_SECOND)

struct health_fixture {
	struct proxy_set *set;
	struct proxy_health *health;
	struct proxy_health_link links[2];
	uint64_t now;
	unsigned int went_down;
	unsigned int came_back;
};

static inline void health_changed(void *context, uint16_t upstream, bool is_down)
{
	struct health_fixture *fixture = context;

	CU_ASSERT_EQUAL(upstream, 1);
	*(is_down ? &fixture->went_down : &fixture->came_back) += 1;
}

// With upstreams of these ports.
static inline struct proxy_set *health_set_follow(
	const struct proxy_set *old, const uint16_t ports[], uint16_t count, uint32_t max_fails)
{
	struct proxy_upstream_template templates[HEALTH_UPSTREAMS] = {0};
	const struct proxy_group_template template = {
		.health = {.pause = HEALTH_PAUSE, .max_fails = max_fails},
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

static const uint16_t health_all_ports[HEALTH_UPSTREAMS] = {1000, 1001, 1002, 1003};

static inline void health_open(struct health_fixture *fixture, uint32_t max_fails)
{
	*fixture = (struct health_fixture){.now = HEALTH_START};
	fixture->set = health_set_follow(NULL, health_all_ports, HEALTH_UPSTREAMS, max_fails);
	fixture->health = proxy_health_create(fixture->set);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->health);
	fixture->health->changed = health_changed;
	fixture->health->context = fixture;
	for (size_t i = 0; i < BASE_ARRAY_SIZE(fixture->links); i++)
		CU_ASSERT_EQUAL_FATAL(proxy_health_link_init(&fixture->links[i]), 0);
}

static inline void health_close(struct health_fixture *fixture)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(fixture->links); i++)
		proxy_health_link_fini(&fixture->links[i]);
	proxy_health_destroy(fixture->health);
	proxy_set_destroy(fixture->set);
}

static inline void health_turn(struct health_fixture *fixture)
{
	struct proxy_health_link *const links[] = {&fixture->links[0], &fixture->links[1]};

	proxy_health_turn(fixture->health, links, 2, 2, fixture->now);
}

static inline void health_advance(struct health_fixture *fixture, uint64_t span)
{
	fixture->now += span;
	health_turn(fixture);
}

static inline void health_fail_exchange(
	struct health_fixture *fixture, size_t lcore, uint16_t upstream)
{
	proxy_health_tell_failure(&fixture->links[lcore], fixture->set, upstream);
}

// The one check that is to be sent by this lcore.
static inline bool health_take_check(
	struct health_fixture *fixture, size_t lcore, struct proxy_check *check)
{
	uint32_t word;

	if (!handle_ring_pop(&fixture->links[lcore].to_lcore, &word))
		return false;
	*check = proxy_check_of_word(word);
	return true;
}

static inline void health_tell(struct health_fixture *fixture, size_t lcore,
	struct proxy_check check, enum proxy_health_news news)
{
	CU_ASSERT_TRUE_FATAL(handle_ring_push(
		&fixture->links[lcore].to_manager, proxy_health_word(news, check)));
	health_turn(fixture);
}

// The next check of upstream 1, which is due now, ends so.
static inline void health_check(struct health_fixture *fixture, enum proxy_health_news news)
{
	struct proxy_check sent = {0};

	CU_ASSERT_TRUE_FATAL(health_take_check(fixture, 1, &sent));
	CU_ASSERT_EQUAL(sent.upstream, 1);
	health_tell(fixture, 1, sent, news);
}

static inline uint8_t health_share(const struct health_fixture *fixture)
{
	return fixture->set->upstreams[1].share;
}

// Upstream 1 goes down, with the third failed check.
static inline void health_take_down(struct health_fixture *fixture)
{
	health_fail_exchange(fixture, 0, 1);
	health_turn(fixture);
	for (int i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(health_share(fixture), PROXY_SHARE_ALL);
		health_check(fixture, PROXY_NEWS_CHECK_FAILED);
		if (i < 2)
			health_advance(fixture, HEALTH_PAUSE);
	}
	CU_ASSERT_TRUE(proxy_upstream_is_down(&fixture->set->upstreams[1]));
}

// As a reload does.
static inline void health_reload(
	struct health_fixture *fixture, const uint16_t ports[], uint16_t count, uint32_t max_fails)
{
	struct proxy_set *old = fixture->set;

	fixture->set = health_set_follow(old, ports, count, max_fails);
	proxy_health_follow(fixture->health, fixture->set);
	proxy_set_destroy(old);
}
