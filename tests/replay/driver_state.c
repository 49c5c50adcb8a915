// SPDX-License-Identifier: BSD-3-Clause
#include "driver.h"

#include <string.h>

struct pool_count {
	const char *name;
	uint64_t (*read)(const struct proxy_pool *pool, const struct proxy_upstream_counts *counts);
};

#define POOL_COUNT(function, expression)                                                           \
	static uint64_t function(                                                                  \
		const struct proxy_pool *pool, const struct proxy_upstream_counts *counts)         \
	{                                                                                          \
		(void)pool;                                                                        \
		(void)counts;                                                                      \
		return expression;                                                                 \
	}

POOL_COUNT(read_open, pool->open_count)
POOL_COUNT(read_idle, pool->idle_count)
POOL_COUNT(read_in_flight, pool->in_flight)
POOL_COUNT(read_reused, pool->reused)
POOL_COUNT(read_opened, pool->opened)
POOL_COUNT(read_shared, pool->shared)
POOL_COUNT(read_closed_expire, pool->closed[PROXY_CLOSE_EXPIRE])
POOL_COUNT(read_closed_max_age, pool->closed[PROXY_CLOSE_MAX_AGE])
POOL_COUNT(read_closed_max_idle, pool->closed[PROXY_CLOSE_MAX_IDLE])
POOL_COUNT(read_closed_error, pool->closed[PROXY_CLOSE_ERROR])
POOL_COUNT(read_closed_stop, pool->closed[PROXY_CLOSE_STOP])
POOL_COUNT(read_closed_check, pool->closed[PROXY_CLOSE_CHECK])
POOL_COUNT(read_closed_reload, pool->closed[PROXY_CLOSE_RELOAD])
POOL_COUNT(read_closed_drain, pool->closed[PROXY_CLOSE_DRAIN])
POOL_COUNT(read_sent, counts->sent)
POOL_COUNT(read_answered, counts->answered)
POOL_COUNT(read_failed_timeout, counts->failed[PROXY_FAILURE_TIMEOUT])
POOL_COUNT(read_failed_unreachable, counts->failed[PROXY_FAILURE_UNREACHABLE])
POOL_COUNT(read_failed_garbage, counts->failed[PROXY_FAILURE_GARBAGE])
POOL_COUNT(read_failed_no_path, counts->failed[PROXY_FAILURE_NO_PATH])
POOL_COUNT(read_failed_no_port, counts->failed[PROXY_FAILURE_NO_PORT])

static const struct pool_count pool_counts[] = {
	{"open", read_open},
	{"idle", read_idle},
	{"in-flight", read_in_flight},
	{"reused", read_reused},
	{"opened", read_opened},
	{"shared", read_shared},
	{"closed_expire", read_closed_expire},
	{"closed_max_age", read_closed_max_age},
	{"closed_max_idle", read_closed_max_idle},
	{"closed_error", read_closed_error},
	{"closed_stop", read_closed_stop},
	{"closed_check", read_closed_check},
	{"closed_reload", read_closed_reload},
	{"closed_drain", read_closed_drain},
	{"sent", read_sent},
	{"answered", read_answered},
	{"failed_timeout", read_failed_timeout},
	{"failed_unreachable", read_failed_unreachable},
	{"failed_garbage", read_failed_garbage},
	{"failed_no_path", read_failed_no_path},
	{"failed_no_port", read_failed_no_port},
};

// The sum over all lcores, and over all forwards that name this upstream.
static uint64_t sum_pool_count(const struct forwarder *forwarder,
	const struct net_endpoint *endpoint, const struct pool_count *count)
{
	uint64_t sum = 0;

	for (uint16_t lcore = 0; lcore < forwarder->options.lcore_count; lcore++) {
		const struct proxy_lcore *proxy = forward_lcore_proxy(forwarder->lcores[lcore]);

		for (uint16_t i = 0; i < forwarder->set->upstream_count; i++) {
			if (net_endpoint_equal(&forwarder->set->upstreams[i].endpoint, endpoint))
				sum += count->read(&proxy->pools.pools[i], &proxy->counts[i]);
		}
	}
	return sum;
}

static const struct pool_count *find_pool_count(const char *name)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(pool_counts); i++) {
		if (strcmp(pool_counts[i].name, name) == 0)
			return &pool_counts[i];
	}
	return NULL;
}

// pool ENDPOINT COUNT NUMBER ...
void driver_pool(struct driver *driver, struct scenario_words *words)
{
	struct net_endpoint endpoint = scenario_endpoint(words, 53);

	while (scenario_has_more(words)) {
		const char *name = scenario_word(words, "a count");
		const struct pool_count *count = find_pool_count(name);
		uint32_t expected = scenario_number(words, "a number", UINT32_MAX);
		uint64_t got;

		if (!count) {
			scenario_fail(words, "a pool does not count '%s'", name);
			return;
		}
		got = sum_pool_count(&driver->forwarder, &endpoint, count);
		if (got != expected)
			scenario_fail(words, "expected %s %u, got %llu", name, expected,
				(unsigned long long)got);
	}
}

static bool read_counter(const struct driver *driver, bool is_of_one, uint16_t lcore,
	const char *name, uint64_t *value)
{
	for (int i = 0; i < STATS_COUNTERS; i++) {
		enum stats_counter counter = (enum stats_counter)i;

		if (strcmp(stats_counter_name(counter), name) != 0)
			continue;
		if (is_of_one)
			*value = stats_read(
				forward_lcore_counters(driver->forwarder.lcores[lcore]), counter);
		else
			*value = forwarder_counter(&driver->forwarder, counter);
		return true;
	}
	return false;
}

// counter [lcore N] NAME NUMBER ...
void driver_counter(struct driver *driver, struct scenario_words *words)
{
	bool is_of_one = scenario_accept(words, "lcore");
	uint16_t lcore = is_of_one ? driver_read_lcore(driver, words) : 0;

	while (scenario_has_more(words)) {
		const char *name = scenario_word(words, "a counter");
		uint32_t expected = scenario_number(words, "a number", UINT32_MAX);
		uint64_t got = 0;

		if (!read_counter(driver, is_of_one, lcore, name, &got))
			scenario_fail(words, "there is no counter '%s'", name);
		else if (got != expected)
			scenario_fail(words, "expected %s %u, got %llu", name, expected,
				(unsigned long long)got);
	}
}

struct health_count {
	const char *name;
	uint64_t (*read)(
		const struct proxy_upstream *upstream, const struct proxy_health_state *state);
};

#define HEALTH_COUNT(function, expression)                                                         \
	static uint64_t function(                                                                  \
		const struct proxy_upstream *upstream, const struct proxy_health_state *state)     \
	{                                                                                          \
		(void)upstream;                                                                    \
		(void)state;                                                                       \
		return expression;                                                                 \
	}

HEALTH_COUNT(read_share, proxy_upstream_takes_none(upstream) ? 0 : upstream->share)
HEALTH_COUNT(read_drained, proxy_upstream_is_in_drain(upstream))
HEALTH_COUNT(read_checks, state->checks)
HEALTH_COUNT(read_failures, state->failures)
HEALTH_COUNT(read_fails, state->fails)

static const struct health_count health_counts[] = {
	{"share", read_share},
	{"drained", read_drained},
	{"checks", read_checks},
	{"failures", read_failures},
	{"fails", read_fails},
};

static uint64_t sum_all_down(const struct forwarder *forwarder)
{
	uint64_t sum = 0;

	for (uint16_t lcore = 0; lcore < forwarder->options.lcore_count; lcore++)
		sum += proxy_all_down(forward_lcore_proxy(forwarder->lcores[lcore]));
	return sum;
}

static void expect_health_count(
	struct driver *driver, struct scenario_words *words, uint16_t upstream, const char *name)
{
	uint32_t expected = scenario_number(words, "a number", UINT32_MAX);

	for (size_t i = 0; i < BASE_ARRAY_SIZE(health_counts); i++) {
		uint64_t got;

		if (strcmp(health_counts[i].name, name) != 0)
			continue;
		got = health_counts[i].read(&driver->forwarder.set->upstreams[upstream],
			&driver->forwarder.health->states[upstream]);
		if (got != expected)
			scenario_fail(words, "expected %s %u, got %llu", name, expected,
				(unsigned long long)got);
		return;
	}
	scenario_fail(words, "health does not count '%s'", name);
}

// The number of the first upstream there.
static uint16_t read_upstream(const struct driver *driver, struct scenario_words *words)
{
	const struct proxy_set *set = driver->forwarder.set;
	struct net_endpoint endpoint = scenario_endpoint(words, 53);

	for (uint16_t i = 0; i < set->upstream_count; i++) {
		if (net_endpoint_equal(&set->upstreams[i].endpoint, &endpoint))
			return i;
	}
	scenario_fail(words, "this is no upstream");
	return 0;
}

// drain ENDPOINT
void driver_drain(struct driver *driver, struct scenario_words *words)
{
	uint16_t upstream = read_upstream(driver, words);

	if (!words->failed && !forwarder_drain(&driver->forwarder, upstream))
		scenario_fail(words, "it is drained already");
}

// undrain ENDPOINT
void driver_undrain(struct driver *driver, struct scenario_words *words)
{
	uint16_t upstream = read_upstream(driver, words);

	if (!words->failed && !forwarder_undrain(&driver->forwarder, upstream))
		scenario_fail(words, "it is not drained");
}

// health all-down NUMBER, or health ENDPOINT COUNT NUMBER ..., of the first upstream there.
void driver_health(struct driver *driver, struct scenario_words *words)
{
	uint16_t upstream;

	if (scenario_accept(words, "all-down")) {
		uint32_t expected = scenario_number(words, "a number", UINT32_MAX);
		uint64_t got = sum_all_down(&driver->forwarder);

		if (got != expected)
			scenario_fail(words, "expected all-down %u, got %llu", expected,
				(unsigned long long)got);
		return;
	}
	upstream = read_upstream(driver, words);
	while (!words->failed && scenario_has_more(words))
		expect_health_count(driver, words, upstream, scenario_word(words, "a count"));
}

// path ADDRESS down, or: path ADDRESS up [via ADDRESS] [nic N] [vlan N] [source ADDRESS]
void driver_path(struct driver *driver, struct scenario_words *words)
{
	struct net_address upstream = scenario_address(words);
	struct net_path path = {
		.is_usable = true,
		.vlan = NET_VLAN_NONE,
		.next_hop_mac = packet_mac_of(&upstream),
		.source = driver->options.local[net_address_is_ipv4(&upstream) ? 0 : 1],
	};

	if (scenario_accept(words, "down"))
		path.is_usable = false;
	else if (!scenario_accept(words, "up"))
		scenario_fail(words, "a path is up or down");
	while (scenario_has_more(words)) {
		if (scenario_accept(words, "via")) {
			struct net_address gateway = scenario_address(words);

			path.next_hop_mac = packet_mac_of(&gateway);
		} else if (scenario_accept(words, "nic")) {
			path.port = (uint16_t)scenario_number(
				words, "a NIC port", FORWARD_PORTS_MOST - 1);
		} else if (scenario_accept(words, "vlan")) {
			path.vlan = (uint16_t)scenario_number(words, "a tag", UINT16_MAX - 1);
		} else if (scenario_accept(words, "source")) {
			path.source = scenario_address(words);
		} else {
			scenario_fail(words, "'%s' says nothing about a path",
				scenario_word(words, "a word"));
		}
	}
	path.source_mac = packet_mac_of_port(path.port);
	if (!words->failed)
		forwarder_set_path(&driver->forwarder, &upstream, &path);
}
