// SPDX-License-Identifier: BSD-3-Clause
// Health checks as one lcore makes them.
#include "proxy_lcore_fixture.h"

#include "proxy/check.h"

#include <string.h>

static const struct proxy_settings defaults = {
	.expire = 10 * CLOCK_SECOND,
	.read_timeout = 2 * CLOCK_SECOND,
};

static const uint8_t root_ns[] = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};

static void check_open(struct lcore_fixture *fixture, const struct proxy_settings *settings,
	uint32_t pending_count, uint16_t ports)
{
	struct proxy_set *set = proxy_fixture_set(settings, 2);

	lcore_fixture_give_paths(set);
	lcore_fixture_open(fixture, set, pending_count, ports);
}

static bool start(struct lcore_fixture *fixture, uint16_t upstream, uint32_t *slot,
	struct proxy_attempt *attempt)
{
	const struct proxy_check check = {.upstream = upstream, .number = 77};
	struct proxy_check taken;

	CU_ASSERT_TRUE_FATAL(
		handle_ring_push(&fixture->lcore->health.to_lcore, proxy_check_word(check)));
	CU_ASSERT_TRUE_FATAL(proxy_check_take(fixture->lcore, &taken));
	CU_ASSERT_EQUAL(taken.upstream, upstream);
	CU_ASSERT_EQUAL(taken.number, 77);
	return proxy_check_start(fixture->lcore, taken, fixture->now, slot, attempt);
}

static void expect_told(
	struct lcore_fixture *fixture, uint16_t upstream, enum proxy_health_news news)
{
	uint32_t word = 0;

	CU_ASSERT_TRUE_FATAL(handle_ring_pop(&fixture->lcore->health.to_manager, &word));
	CU_ASSERT_EQUAL(word >> 30, news);
	CU_ASSERT_EQUAL(proxy_check_of_word(word).upstream, upstream);
	CU_ASSERT_EQUAL(proxy_check_of_word(word).number, 77);
	CU_ASSERT_FALSE(handle_ring_pop(&fixture->lcore->health.to_manager, &word));
}

static const uint8_t *message(struct lcore_fixture *fixture, uint32_t slot, uint16_t *length)
{
	struct proxy_pending *pending = proxy_pending_at(&fixture->lcore->pending, slot);

	*length = pending->message_length;
	return proxy_pending_message(&fixture->lcore->pending, pending);
}

static void it_asks_for_ns_of_the_root(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	uint16_t length;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 1, &slot, &attempt));
	CU_ASSERT_TRUE(proxy_slot_is_check(fixture.lcore, slot));
	CU_ASSERT_EQUAL(attempt.upstream, &fixture.set->upstreams[1]);
	CU_ASSERT_EQUAL(attempt.carrier, PROXY_CARRIER_DATAGRAM);
	CU_ASSERT_EQUAL(attempt.until, fixture.now + CLOCK_SECOND);
	CU_ASSERT_EQUAL(memcmp(message(&fixture, slot, &length), root_ns, sizeof(root_ns)), 0);
	CU_ASSERT_EQUAL(length, sizeof(root_ns));
	CU_ASSERT_EQUAL(proxy_checks_in_flight(fixture.lcore), 1);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	expect_told(&fixture, 1, PROXY_NEWS_CHECK_GOOD);
	lcore_fixture_close(&fixture);
}

static void it_asks_what_the_settings_say(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	const uint8_t *bytes;
	struct dns_name name;
	char text[260] = "";
	uint16_t length;
	uint32_t slot;

	// As long as a name may be: 3 x 64 + 62 + 1.
	for (int i = 0; i < 253; i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	CU_ASSERT_EQUAL(name.length, DNS_NAME_BYTES);
	check_open(&fixture, &defaults, 16, 16);
	fixture.set->groups[0].health.name = name;
	fixture.set->groups[0].health.asks_without_rd = true;
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	bytes = message(&fixture, slot, &length);
	CU_ASSERT_EQUAL(length, DNS_HEADER_BYTES + DNS_NAME_BYTES + 4);
	CU_ASSERT_EQUAL(bytes[2], 0);
	CU_ASSERT_EQUAL(memcmp(bytes + DNS_HEADER_BYTES, name.wire, name.length), 0);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_FAILED, fixture.now);
	expect_told(&fixture, 0, PROXY_NEWS_CHECK_FAILED);
	lcore_fixture_close(&fixture);
}

static void it_has_a_connection_of_its_own(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	struct proxy_pools *pools;
	uint16_t idle;
	uint16_t busy;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	pools = &fixture.lcore->pools;
	idle = proxy_pool_take(pools, 0, fixture.now);
	proxy_pool_give_back(pools, idle, fixture.now);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	CU_ASSERT_NOT_EQUAL(attempt.local_port, proxy_pools_local_port(pools, idle));
	// Nobody shares it.
	for (int i = 0; i < 64; i++) {
		busy = proxy_pool_take(pools, 0, fixture.now);
		CU_ASSERT_NOT_EQUAL(attempt.local_port, proxy_pools_local_port(pools, busy));
	}
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 65);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_CHECK], 1);
	CU_ASSERT_EQUAL(pools->pools[0].in_flight, 64);
	lcore_fixture_close(&fixture);
}

// Where no local port is left, it shares one.
static void without_a_port_it_shares(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	struct proxy_pools *pools;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	pools = &fixture.lcore->pools;
	for (int i = 0; i < 32; i++)
		CU_ASSERT_NOT_EQUAL(proxy_pool_take(pools, 0, fixture.now), PROXY_SLOT_NONE);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	CU_ASSERT_EQUAL(pools->pools[0].closed[PROXY_CLOSE_CHECK], 0);
	expect_told(&fixture, 0, PROXY_NEWS_CHECK_GOOD);
	proxy_pools_stop(pools);
	CU_ASSERT_FALSE(start(&fixture, 0, &slot, &attempt));
	expect_told(&fixture, 0, PROXY_NEWS_CHECK_UNSENT);
	lcore_fixture_close(&fixture);
}

static void queries_leave_it_a_slot(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	uint32_t queries[16];
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	for (int i = 0; i < 16; i++)
		CU_ASSERT_EQUAL_FATAL(proxy_query_start(fixture.lcore, 0, root_ns, sizeof(root_ns),
					      sizeof(root_ns), fixture.now, &queries[i]),
			PROXY_START_GOOD);
	CU_ASSERT_EQUAL(proxy_query_start(fixture.lcore, 0, root_ns, sizeof(root_ns),
				sizeof(root_ns), fixture.now, &slot),
		PROXY_START_NO_ROOM);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	CU_ASSERT_EQUAL(proxy_in_flight(fixture.lcore), 17);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	for (int i = 0; i < 16; i++)
		proxy_query_finish(fixture.lcore, queries[i], fixture.now);
	lcore_fixture_close(&fixture);
}

static void without_a_way_it_has_failed(void)
{
	static const struct net_path none = {.vlan = NET_VLAN_NONE};
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	struct net_path *old;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	CU_ASSERT_EQUAL(proxy_upstream_set_path(&fixture.set->upstreams[0], &none, &old), 1);
	free(old);
	CU_ASSERT_FALSE(start(&fixture, 0, &slot, &attempt));
	expect_told(&fixture, 0, PROXY_NEWS_CHECK_FAILED);
	lcore_fixture_close(&fixture);
}

static void it_goes_where_queries_go(void)
{
	struct proxy_settings settings = defaults;
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	uint32_t slot;

	settings.force_tcp = true;
	settings.read_timeout = CLOCK_MILLISECOND;
	check_open(&fixture, &settings, 16, 16);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	CU_ASSERT_EQUAL(attempt.carrier, PROXY_CARRIER_STREAM);
	// A handshake takes longer than the answer to a query.
	CU_ASSERT_EQUAL(attempt.until, fixture.now + CLOCK_SECOND);
	CU_ASSERT_TRUE(proxy_stream_attempt_is_on_way(fixture.lcore, slot, attempt.stream_attempt));
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].opened, 0);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	CU_ASSERT_FALSE(
		proxy_stream_attempt_is_on_way(fixture.lcore, slot, attempt.stream_attempt));
	fixture.set->groups[0].settings.force_tcp = false;
	fixture.set->upstreams[1].is_tls = true;
	CU_ASSERT_TRUE_FATAL(start(&fixture, 1, &slot, &attempt));
	CU_ASSERT_EQUAL(attempt.carrier, PROXY_CARRIER_STREAM);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	CU_ASSERT_EQUAL(attempt.carrier, PROXY_CARRIER_DATAGRAM);
	CU_ASSERT_EQUAL(attempt.until, fixture.now + CLOCK_MILLISECOND);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	lcore_fixture_close(&fixture);
}

static enum proxy_reply match(struct lcore_fixture *fixture, const struct proxy_attempt *attempt,
	const uint8_t *bytes, size_t length)
{
	const struct net_endpoint destination = {.port = attempt->local_port};
	uint8_t reply[64];
	struct dns_message read;
	uint32_t slot;

	memcpy(reply, bytes, length);
	dns_bytes_set_id(reply, attempt->id);
	return proxy_reply_match(fixture->lcore, &attempt->upstream->endpoint, &destination, reply,
		(uint16_t)length, &read, &slot);
}

static void anything_readable_answers_it(void)
{
	static const struct {
		uint8_t bytes[20];
		size_t length;
		enum proxy_reply expected;
	} replies[] = {
		{{0, 0, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_CHECK},
		{{0, 0, 0x81, 0x85, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_CHECK},
		// Another question, another opcode, none.
		{{0, 0, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}, 17, PROXY_REPLY_CHECK},
		{{0, 0, 0xa1, 4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_CHECK},
		{{0, 0, 0x80, 5}, 12, PROXY_REPLY_CHECK},
		// No QR, no header, cut, two questions.
		{{0, 0, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_SHORT},
		{{0, 0, 0x81, 0, 0, 1}, 11, PROXY_REPLY_SHORT},
		{{0, 0, 0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0}, 16, PROXY_REPLY_GARBAGE},
		{{0, 0, 0x81, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_GARBAGE},
		{{0, 0, 0x81, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 1}, 17, PROXY_REPLY_GARBAGE},
	};
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	for (size_t i = 0; i < BASE_ARRAY_SIZE(replies); i++)
		CU_ASSERT_EQUAL(match(&fixture, &attempt, replies[i].bytes, replies[i].length),
			replies[i].expected);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_GOOD, fixture.now);
	lcore_fixture_close(&fixture);
}

static void it_runs_out_of_time_as_a_query_does(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt attempt;
	uint32_t expired;
	uint32_t slot;

	check_open(&fixture, &defaults, 16, 16);
	CU_ASSERT_TRUE_FATAL(start(&fixture, 0, &slot, &attempt));
	CU_ASSERT_FALSE(proxy_take_expired(fixture.lcore, attempt.until - 1, &expired));
	CU_ASSERT_TRUE_FATAL(
		proxy_take_expired(fixture.lcore, attempt.until + CLOCK_SECOND / 100, &expired));
	CU_ASSERT_EQUAL(expired, slot);
	proxy_check_finish(fixture.lcore, slot, PROXY_NEWS_CHECK_FAILED, fixture.now);
	expect_told(&fixture, 0, PROXY_NEWS_CHECK_FAILED);
	lcore_fixture_close(&fixture);
}

static void a_check_of_nobody_is_not_sent(void)
{
	struct lcore_fixture fixture;
	struct proxy_check check;

	check_open(&fixture, &defaults, 16, 16);
	CU_ASSERT_FALSE(proxy_check_take(fixture.lcore, &check));
	CU_ASSERT_TRUE(handle_ring_push(&fixture.lcore->health.to_lcore,
		proxy_check_word((struct proxy_check){.upstream = 2})));
	CU_ASSERT_TRUE(handle_ring_push(&fixture.lcore->health.to_lcore,
		proxy_check_word((struct proxy_check){.upstream = 1})));
	CU_ASSERT_TRUE(proxy_check_take(fixture.lcore, &check));
	CU_ASSERT_EQUAL(check.upstream, 1);
	lcore_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"it asks for NS of the root", it_asks_for_ns_of_the_root},
	{"it asks what the settings say", it_asks_what_the_settings_say},
	{"it has a connection of its own", it_has_a_connection_of_its_own},
	{"without a port it shares", without_a_port_it_shares},
	{"queries leave it a slot", queries_leave_it_a_slot},
	{"without a way it has failed", without_a_way_it_has_failed},
	{"it goes where queries go", it_goes_where_queries_go},
	{"anything readable answers it", anything_readable_answers_it},
	{"it runs out of time as a query does", it_runs_out_of_time_as_a_query_does},
	{"a check of nobody is not sent", a_check_of_nobody_is_not_sent},
};

UNIT_MAIN("proxy check", cases)
