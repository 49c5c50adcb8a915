// SPDX-License-Identifier: BSD-3-Clause
// Sets that follow others: who keeps which number, and what pools make of it.
#include "proxy_fixture.h"

#include "base/clock.h"

#include <errno.h>

#define MANY 600 // more than the spare of a small set

// Upstreams are told by their ports; those above 100 are asked over TLS.
struct forward {
	const char *identity;
	uint16_t ports[8]; // to the first 0
};

// What is drained, by number.
struct drained {
	bool upstreams[MANY];
	bool groups[MANY];
};

static bool is_upstream_drained(void *context, uint16_t upstream)
{
	return ((struct drained *)context)->upstreams[upstream];
}

static bool is_group_drained(void *context, uint16_t group)
{
	return ((struct drained *)context)->groups[group];
}

static struct proxy_set *follow(const struct proxy_set *old, const struct forward *forwards,
	uint16_t count, const struct proxy_settings *settings, struct drained *drained)
{
	struct proxy_drain drain = {drained, is_upstream_drained, is_group_drained};
	struct proxy_upstream_template upstreams[4][8] = {0};
	struct proxy_group_template templates[4] = {0};

	for (uint16_t i = 0; i < count; i++) {
		templates[i].identity = forwards[i].identity;
		templates[i].settings = *settings;
		templates[i].upstreams = upstreams[i];
		for (uint16_t j = 0; forwards[i].ports[j]; j++) {
			upstreams[i][j].endpoint.port = forwards[i].ports[j];
			upstreams[i][j].is_tls = forwards[i].ports[j] > 100;
			upstreams[i][j].server_name = upstreams[i][j].is_tls ? "a.example" : NULL;
			templates[i].upstream_count++;
		}
	}
	return old ? proxy_set_follow(old, templates, count, &drain)
		   : proxy_set_create(templates, count);
}

static void replace(struct proxy_set **set, const struct forward *forwards, uint16_t count,
	struct drained *drained)
{
	static const struct proxy_settings settings = {.expire = CLOCK_SECOND};
	struct proxy_set *next = follow(*set, forwards, count, &settings, drained);

	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	proxy_set_destroy(*set);
	*set = next;
}

static uint16_t number_of(const struct proxy_set *set, uint16_t port)
{
	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (set->upstreams[i].presence != PROXY_FREE &&
			set->upstreams[i].endpoint.port == port)
			return i;
	}
	return PROXY_NO_NUMBER;
}

static void check_presence(
	const struct proxy_set *set, uint16_t port, uint16_t number, enum proxy_presence presence)
{
	CU_ASSERT_EQUAL_FATAL(number_of(set, port), number);
	CU_ASSERT_EQUAL(set->upstreams[number].presence, presence);
}

static void numbers_stay_and_are_taken_when_free(void)
{
	static const struct forward first[] = {{"a", {1, 2, 3}}};
	static const struct forward second[] = {{"a", {3, 4}}};
	static const struct forward third[] = {{"a", {5, 3, 4, 2}}};
	struct drained drained = {0};
	struct proxy_set *set = NULL;

	replace(&set, first, 1, &drained);
	CU_ASSERT_EQUAL(set->generation, 1);
	CU_ASSERT_EQUAL(number_of(set, 3), 2);
	replace(&set, second, 1, &drained);
	CU_ASSERT_EQUAL(set->generation, 2);
	CU_ASSERT_EQUAL(set->leaving_count, 2);
	CU_ASSERT_EQUAL(set->upstreams_used, 4);
	check_presence(set, 1, 0, PROXY_LEAVES);
	check_presence(set, 2, 1, PROXY_LEAVES);
	check_presence(set, 3, 2, PROXY_STAYS);
	check_presence(set, 4, 3, PROXY_STAYS);
	CU_ASSERT_EQUAL(set->upstreams_since[2], 1);
	CU_ASSERT_EQUAL(set->upstreams_since[3], 2);
	CU_ASSERT_EQUAL(set->groups[0].upstreams[0], 2);
	CU_ASSERT_EQUAL(set->groups[0].upstreams[1], 3);
	CU_ASSERT_EQUAL(set->groups[0].upstream_count, 2);
	// 2 comes back before it is drained, 1 is drained: its number is free for 5.
	drained.upstreams[0] = true;
	replace(&set, third, 1, &drained);
	check_presence(set, 5, 0, PROXY_STAYS);
	check_presence(set, 2, 1, PROXY_STAYS);
	CU_ASSERT_EQUAL(set->upstreams_since[0], 3);
	CU_ASSERT_EQUAL(set->upstreams_since[1], 1);
	CU_ASSERT_EQUAL(set->leaving_count, 0);
	CU_ASSERT_EQUAL(number_of(set, 1), PROXY_NO_NUMBER);
	proxy_set_destroy(set);
}

// What is asked another way, or for another name, or by another forward, is another upstream.
static void another_transport_or_forward_is_another_upstream(void)
{
	static const struct forward first[] = {{"a", {1, 101}}, {"b", {1}}};
	static const struct forward second[] = {{"b", {101, 1}}, {"a", {101}}, {"b", {7}}};
	struct drained drained = {0};
	struct proxy_set *set = NULL;

	replace(&set, first, 2, &drained);
	CU_ASSERT_EQUAL(set->upstream_count, 3);
	replace(&set, second, 3, &drained);
	CU_ASSERT_EQUAL(set->numbers[0], 1);
	CU_ASSERT_EQUAL(set->numbers[1], 0);
	// A second one of the same identity is new.
	CU_ASSERT_EQUAL(set->numbers[2], 2);
	CU_ASSERT_EQUAL(set->groups[0].upstreams[0], 1);
	CU_ASSERT_EQUAL(set->groups[1].upstreams[0], 3);
	CU_ASSERT_EQUAL(set->groups[1].upstreams[1], 2);
	CU_ASSERT_EQUAL(set->upstreams[0].presence, PROXY_LEAVES);
	CU_ASSERT_STRING_EQUAL(set->server_names[1], "a.example");
	proxy_set_destroy(set);
}

// A forward that leaves has its upstreams for as long as it, and they, are not drained.
static void a_group_leaves_with_its_upstreams(void)
{
	static const struct forward first[] = {{"a", {1, 2}}, {"b", {3}}};
	static const struct forward second[] = {{"b", {3}}};
	static const struct forward third[] = {{"c", {4, 5, 6}}, {"b", {3}}};
	struct drained drained = {0};
	struct proxy_set *set = NULL;

	replace(&set, first, 2, &drained);
	replace(&set, second, 1, &drained);
	CU_ASSERT_EQUAL(set->groups[0].presence, PROXY_LEAVES);
	CU_ASSERT_EQUAL(set->groups[0].upstream_count, 2);
	CU_ASSERT_EQUAL(set->groups[0].upstreams[1], 1);
	CU_ASSERT_EQUAL(set->leaving_count, 3);
	drained.groups[0] = true;
	drained.upstreams[0] = true;
	replace(&set, second, 1, &drained);
	CU_ASSERT_EQUAL(set->leaving_count, 3);
	drained.upstreams[1] = true;
	replace(&set, third, 2, &drained);
	CU_ASSERT_EQUAL(set->leaving_count, 0);
	CU_ASSERT_EQUAL(set->numbers[0], 0);
	CU_ASSERT_EQUAL(set->groups_since[0], 4);
	CU_ASSERT_EQUAL(number_of(set, 4), 0);
	CU_ASSERT_EQUAL(number_of(set, 5), 1);
	CU_ASSERT_EQUAL(number_of(set, 6), 3);
	proxy_set_destroy(set);
}

static void a_group_comes_back_to_its_number(void)
{
	static const struct forward first[] = {{"a", {1, 2}}, {"b", {3}}};
	static const struct forward second[] = {{"b", {3}}};
	static const struct forward third[] = {{"b", {3}}, {"a", {2}}};
	struct drained drained = {0};
	struct proxy_set *set = NULL;

	replace(&set, first, 2, &drained);
	replace(&set, second, 1, &drained);
	replace(&set, third, 2, &drained);
	CU_ASSERT_EQUAL(set->numbers[1], 0);
	check_presence(set, 2, 1, PROXY_STAYS);
	// Its other upstream has yet to be drained.
	check_presence(set, 1, 0, PROXY_LEAVES);
	CU_ASSERT_EQUAL(set->leaving_count, 1);
	proxy_set_destroy(set);
}

// A query of the group, between two attempts, may still go where nothing is on its way: to an upstream
// that left with the group, until the set in which it is of no group is followed.
static void a_group_comes_back_without_an_upstream(void)
{
	static const struct forward first[] = {{"a", {1, 2}}, {"b", {3}}};
	static const struct forward second[] = {{"b", {3}}};
	static const struct forward third[] = {{"b", {3}}, {"a", {2, 4}}};
	struct drained drained = {.upstreams = {true}};
	struct proxy_set *set = NULL;

	replace(&set, first, 2, &drained);
	replace(&set, second, 1, &drained);
	replace(&set, third, 2, &drained);
	check_presence(set, 1, 0, PROXY_LEAVES);
	check_presence(set, 4, 3, PROXY_STAYS);
	replace(&set, third, 2, &drained);
	CU_ASSERT_EQUAL(number_of(set, 1), PROXY_NO_NUMBER);
	CU_ASSERT_EQUAL(set->leaving_count, 0);
	proxy_set_destroy(set);
}

static void a_set_that_does_not_fit_is_refused(void)
{
	static struct proxy_upstream_template upstreams[MANY];
	struct drained drained = {0};
	struct proxy_drain drain = {&drained, is_upstream_drained, is_group_drained};
	struct proxy_group_template template = {.upstreams = upstreams, .upstream_count = 1};
	struct proxy_set *set = proxy_set_create(&template, 1);
	struct proxy_set *full;

	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_EQUAL(set->upstream_capacity, 1 + PROXY_SPARE_LEAST);
	for (uint16_t i = 0; i < MANY; i++)
		upstreams[i].endpoint.port = (uint16_t)(i + 1);
	// The one that leaves has a place, too.
	template.upstream_count = PROXY_SPARE_LEAST;
	full = proxy_set_follow(set, &template, 1, &drain);
	CU_ASSERT_PTR_NOT_NULL_FATAL(full);
	CU_ASSERT_EQUAL(full->upstreams_used, full->upstream_capacity);
	template.upstream_count++;
	errno = 0;
	CU_ASSERT_PTR_NULL(proxy_set_follow(full, &template, 1, &drain));
	CU_ASSERT_EQUAL(errno, ENOSPC);
	drained.upstreams[0] = true;
	proxy_set_destroy(set);
	set = proxy_set_follow(full, &template, 1, &drain);
	CU_ASSERT_PTR_NOT_NULL(set);
	proxy_set_destroy(full);
	proxy_set_destroy(set);
}

// The pools of `fixture` and their sweep go over to the set that follows.
static void adopt(struct proxy_fixture *fixture, const struct forward *forwards,
	const struct proxy_settings *settings, struct drained *drained)
{
	struct proxy_set *old = fixture->set;

	fixture->set = follow(old, forwards, 1, settings, drained);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->set);
	proxy_pools_adopt(&fixture->pools, fixture->set);
	proxy_sweep_follow(&fixture->pools, fixture->set);
	proxy_set_destroy(old);
}

// The fixture's own upstreams stand at another address: from the start they are replaced.
static void open_pools(struct proxy_fixture *fixture, const struct forward *forwards,
	const struct proxy_settings *settings, uint16_t ports)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {1, 2, 3};
	const struct proxy_pools_options options = {
		.first_port = PROXY_FIXTURE_FIRST_PORT, .port_count = ports, .lcore_count = 1};

	fixture->random = random_stream_create(seed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->random);
	fixture->set = follow(NULL, forwards, 1, settings, NULL);
	CU_ASSERT_EQUAL_FATAL(
		proxy_pools_init(&fixture->pools, fixture->set, fixture->random, &options), 0);
}

// Upstream 0 has a connection that is idle and the one returned, which is busy; upstream 1 an idle
// one.
static uint16_t open_busy_pools(struct proxy_fixture *fixture, const struct forward *forwards,
	const struct proxy_settings *settings)
{
	uint16_t idle;
	uint16_t busy;

	open_pools(fixture, forwards, settings, 16);
	idle = proxy_pool_take(&fixture->pools, 0, 1);
	busy = proxy_pool_take(&fixture->pools, 0, 1);
	proxy_pool_give_back(&fixture->pools, proxy_pool_take(&fixture->pools, 1, 1), 1);
	proxy_pool_give_back(&fixture->pools, idle, 1);
	return busy;
}

static void connections_of_who_leaves_are_closed_but_those_in_flight(void)
{
	static const struct forward first[] = {{"a", {1, 2}}};
	static const struct forward second[] = {{"a", {2}}};
	static const struct forward third[] = {{"a", {2, 9}}};
	static const struct proxy_settings settings = {.expire = 100 * CLOCK_SECOND};
	struct drained drained = {0};
	struct proxy_fixture fixture;
	const struct proxy_pool *pools;
	uint16_t busy;

	busy = open_busy_pools(&fixture, first, &settings);
	pools = fixture.pools.pools;
	adopt(&fixture, second, &settings, &drained);
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 2), 2);
	(void)proxy_fixture_manage(&fixture, 2);
	(void)proxy_fixture_manage(&fixture, 2);
	CU_ASSERT_EQUAL(pools[0].open_count, 1);
	CU_ASSERT_EQUAL(pools[0].closed[PROXY_CLOSE_RELOAD], 1);
	CU_ASSERT_EQUAL(pools[1].idle_count, 1);
	CU_ASSERT_FALSE(proxy_pool_is_drained(&fixture.pools, 0));
	CU_ASSERT_EQUAL(fixture.pools.connections[busy].in_flight, 1);
	proxy_pool_give_back(&fixture.pools, busy, 3);
	CU_ASSERT_EQUAL(pools[0].closed[PROXY_CLOSE_RELOAD], 2);
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 3), 1);
	CU_ASSERT_TRUE(proxy_pool_is_drained(&fixture.pools, 0));
	// Its number goes to the next, whose counts start anew.
	drained.upstreams[0] = true;
	adopt(&fixture, third, &settings, &drained);
	CU_ASSERT_EQUAL(number_of(fixture.set, 9), 0);
	CU_ASSERT_EQUAL(pools[0].closed[PROXY_CLOSE_RELOAD], 0);
	CU_ASSERT_EQUAL(pools[0].opened, 0);
	CU_ASSERT_EQUAL(pools[1].opened, 1);
	proxy_fixture_close(&fixture);
}

// One that comes back before it is drained goes on as if nothing had been.
static void connections_of_who_comes_back_are_kept(void)
{
	static const struct forward first[] = {{"a", {1, 2}}};
	static const struct forward second[] = {{"a", {2}}};
	static const struct proxy_settings settings = {.expire = 100 * CLOCK_SECOND};
	struct drained drained = {0};
	struct proxy_fixture fixture;
	uint16_t busy;

	open_pools(&fixture, first, &settings, 16);
	busy = proxy_pool_take(&fixture.pools, 0, 1);
	adopt(&fixture, second, &settings, &drained);
	adopt(&fixture, first, &settings, &drained);
	proxy_pool_give_back(&fixture.pools, busy, 2);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].idle_count, 1);
	CU_ASSERT_EQUAL(proxy_pool_take(&fixture.pools, 0, 3), busy);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].reused, 1);
	proxy_pool_give_back(&fixture.pools, busy, 3);
	proxy_fixture_close(&fixture);
}

static void connections_of_who_is_in_drain_are_closed_but_those_in_flight(void)
{
	static const struct forward forwards[] = {{"a", {1, 2}}};
	static const struct proxy_settings settings = {.expire = 100 * CLOCK_SECOND};
	struct proxy_fixture fixture;
	const struct proxy_pool *pools;
	uint16_t busy;

	busy = open_busy_pools(&fixture, forwards, &settings);
	pools = fixture.pools.pools;
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 2), 0);
	fixture.set->upstreams[0].share = PROXY_SHARE_DRAIN;
	proxy_sweep_look_anew(&fixture.pools);
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 2), 2);
	(void)proxy_fixture_manage(&fixture, 2);
	CU_ASSERT_EQUAL(pools[0].closed[PROXY_CLOSE_DRAIN], 1);
	CU_ASSERT_EQUAL(pools[0].open_count, 1);
	CU_ASSERT_EQUAL(pools[1].idle_count, 1);
	proxy_pool_give_back(&fixture.pools, busy, 3);
	CU_ASSERT_EQUAL(pools[0].closed[PROXY_CLOSE_DRAIN], 2);
	CU_ASSERT_EQUAL(pools[0].open_count, 0);
	proxy_fixture_close(&fixture);
}

static void new_settings_count_at_once(void)
{
	static const struct forward forwards[] = {{"a", {1}}};
	static const struct proxy_settings before = {.expire = 100 * CLOCK_SECOND};
	static const struct proxy_settings after = {
		.expire = 100 * CLOCK_SECOND, .max_age = 5 * CLOCK_SECOND, .max_idle_conns = 1};
	struct drained drained = {0};
	struct proxy_fixture fixture;
	uint16_t slots[2];

	open_pools(&fixture, forwards, &before, 16);
	for (int i = 0; i < 2; i++)
		slots[i] = proxy_pool_take(&fixture.pools, 0, 1);
	proxy_pool_give_back(&fixture.pools, slots[0], 1);
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 10 * CLOCK_SECOND), 0);
	adopt(&fixture, forwards, &after, &drained);
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 10 * CLOCK_SECOND), 2);
	// A mark that is on its way is not sent again.
	proxy_sweep_follow(&fixture.pools, fixture.set);
	CU_ASSERT_EQUAL(proxy_sweep_mark(&fixture.pools, 10 * CLOCK_SECOND), 0);
	(void)proxy_fixture_manage(&fixture, 10 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].closed[PROXY_CLOSE_MAX_AGE], 1);
	proxy_pool_give_back(&fixture.pools, slots[1], 10 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].closed[PROXY_CLOSE_MAX_AGE], 2);
	(void)proxy_fixture_manage(&fixture, 10 * CLOCK_SECOND);
	for (int i = 0; i < 2; i++)
		slots[i] = proxy_pool_take(&fixture.pools, 0, 11 * CLOCK_SECOND);
	for (int i = 0; i < 2; i++)
		proxy_pool_give_back(&fixture.pools, slots[i], 11 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(fixture.pools.pools[0].closed[PROXY_CLOSE_MAX_IDLE], 1);
	proxy_fixture_close(&fixture);
}

// Upstreams that come while one has all the local ports get theirs as these come back.
static void local_ports_are_shared_anew(void)
{
	static const struct forward first[] = {{"a", {1}}};
	static const struct forward second[] = {{"a", {1, 2, 3, 4}}};
	static const struct proxy_settings settings = {.expire = 100 * CLOCK_SECOND};
	struct drained drained = {0};
	struct proxy_fixture fixture;
	uint16_t slots[16];

	open_pools(&fixture, first, &settings, 16);
	CU_ASSERT_EQUAL(fixture.pools.guarantee, 8);
	for (int i = 0; i < 16; i++)
		slots[i] = proxy_pool_take(&fixture.pools, 0, 1);
	CU_ASSERT_EQUAL(fixture.pools.free_count, 0);
	adopt(&fixture, second, &settings, &drained);
	CU_ASSERT_EQUAL(fixture.pools.guarantee, 2);
	CU_ASSERT_EQUAL(fixture.pools.reserved, 6);
	CU_ASSERT_EQUAL(proxy_pool_take(&fixture.pools, 1, 2), PROXY_SLOT_NONE);
	for (int i = 0; i < 16; i++) {
		proxy_pool_retire(&fixture.pools, slots[i], PROXY_CLOSE_ERROR);
		proxy_pool_give_back(&fixture.pools, slots[i], 2);
	}
	CU_ASSERT_EQUAL(proxy_fixture_manage(&fixture, 2), 16);
	CU_ASSERT_EQUAL(fixture.pools.reserved, 8);
	for (uint16_t i = 1; i < 4; i++)
		CU_ASSERT_NOT_EQUAL(proxy_pool_take(&fixture.pools, i, 3), PROXY_SLOT_NONE);
	proxy_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"numbers stay, and are taken when free", numbers_stay_and_are_taken_when_free},
	{"another transport or forward is another upstream",
		another_transport_or_forward_is_another_upstream},
	{"a group leaves with its upstreams", a_group_leaves_with_its_upstreams},
	{"a group comes back to its number", a_group_comes_back_to_its_number},
	{"a group comes back without an upstream", a_group_comes_back_without_an_upstream},
	{"a set that does not fit is refused", a_set_that_does_not_fit_is_refused},
	{"connections of who leaves are closed but those in flight",
		connections_of_who_leaves_are_closed_but_those_in_flight},
	{"connections of who comes back are kept", connections_of_who_comes_back_are_kept},
	{"connections of who is in drain are closed but those in flight",
		connections_of_who_is_in_drain_are_closed_but_those_in_flight},
	{"new settings count at once", new_settings_count_at_once},
	{"local ports are shared anew", local_ports_are_shared_anew},
};

UNIT_MAIN("proxy reload", cases)
