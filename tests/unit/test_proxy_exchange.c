// SPDX-License-Identifier: BSD-3-Clause
#include "proxy_lcore_fixture.h"

#include <string.h>

#define QUESTION_END ((uint16_t)sizeof(lcore_fixture_query))

static const struct proxy_settings defaults = {
	.policy = PROXY_POLICY_SEQUENTIAL,
	.expire = 10 * CLOCK_SECOND,
	.read_timeout = 2 * CLOCK_SECOND,
};

static void exchange_open(struct lcore_fixture *fixture, const struct proxy_settings *settings,
	uint16_t upstreams, uint32_t pending_count, uint16_t ports)
{
	struct proxy_set *set = proxy_fixture_set(settings, upstreams);

	lcore_fixture_give_paths(set);
	lcore_fixture_open(fixture, set, pending_count, ports);
}

static void exchange_close(struct lcore_fixture *fixture)
{
	CU_ASSERT_EQUAL(fixture->lcore->groups[0].in_flight, 0);
	lcore_fixture_close(fixture);
}

static uint32_t start(struct lcore_fixture *fixture)
{
	uint32_t slot = 0;

	CU_ASSERT_EQUAL_FATAL(
		proxy_query_start(fixture->lcore, 0, lcore_fixture_query,
			sizeof(lcore_fixture_query), QUESTION_END, fixture->now, &slot),
		PROXY_START_GOOD);
	return slot;
}

static struct proxy_attempt attempt(struct lcore_fixture *fixture, uint32_t slot)
{
	struct proxy_attempt result;

	CU_ASSERT_TRUE_FATAL(proxy_attempt_start(fixture->lcore, slot, fixture->now, &result));
	return result;
}

// The answer that a right upstream gives, in `reply` of sizeof(lcore_fixture_query) bytes.
static void make_reply(uint8_t *reply, uint16_t id)
{
	memcpy(reply, lcore_fixture_query, sizeof(lcore_fixture_query));
	dns_bytes_set_id(reply, id);
	reply[2] |= 0x80;
	reply[3] |= 0x80;
}

static enum proxy_reply match(struct lcore_fixture *fixture, const struct net_endpoint *source,
	uint16_t port, const uint8_t *reply, size_t length, uint32_t *slot)
{
	const struct net_endpoint destination = {.port = port}; // the paths' source is zero
	struct dns_message message;

	return proxy_reply_match(
		fixture->lcore, source, &destination, reply, (uint16_t)length, &message, slot);
}

static void an_answer_finds_its_query(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt sent;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t found;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 1, 16, 16);
	slot = start(&fixture);
	sent = attempt(&fixture, slot);
	CU_ASSERT_EQUAL(sent.upstream->endpoint.port, 1000);
	CU_ASSERT_PTR_EQUAL(sent.path, fixture.set->upstreams[0].path);
	// The client's message is kept as it came.
	CU_ASSERT_EQUAL(memcmp(proxy_pending_message(&fixture.lcore->pending,
				       proxy_pending_at(&fixture.lcore->pending, slot)),
				lcore_fixture_query, sizeof(lcore_fixture_query)),
		0);
	make_reply(reply, sent.id);
	// Case is the upstream's to choose (RFC 4343).
	reply[13] = 'w';
	reply[17] = 'T';
	CU_ASSERT_EQUAL(match(&fixture, &sent.upstream->endpoint, sent.local_port, reply,
				sizeof(reply), &found),
		PROXY_REPLY_GOOD);
	CU_ASSERT_EQUAL(found, slot);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].answered, 1);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].sent, 1);
	// A second one is late, and so is one after the time is up.
	CU_ASSERT_EQUAL(match(&fixture, &sent.upstream->endpoint, sent.local_port, reply,
				sizeof(reply), &found),
		PROXY_REPLY_LATE);
	fixture.now += 10 * CLOCK_SECOND;
	CU_ASSERT_FALSE(proxy_take_expired(fixture.lcore, fixture.now, &found));
	exchange_close(&fixture);
}

static void late_and_forged_ones_are_told_apart(void)
{
	struct lcore_fixture fixture;
	struct net_endpoint source;
	struct proxy_attempt sent;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t found = 0;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	slot = start(&fixture);
	sent = attempt(&fixture, slot);
	source = sent.upstream->endpoint;
	make_reply(reply, sent.id);
	for (size_t length = 0; length < DNS_HEADER_BYTES; length++)
		CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, length, &found),
			PROXY_REPLY_SHORT);
	reply[2] &= 0x7f; // a query, not an answer
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_SHORT);
	make_reply(reply, (uint16_t)(sent.id + 1));
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_LATE);
	make_reply(reply, sent.id);
	CU_ASSERT_EQUAL(match(&fixture, &source, (uint16_t)(sent.local_port ^ 1), reply,
				sizeof(reply), &found),
		PROXY_REPLY_LATE);
	// The other upstream's port, then another address.
	source.port++;
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_FORGED);
	source = sent.upstream->endpoint;
	source.address.bytes[15] ^= 1;
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_FORGED);
	source = sent.upstream->endpoint;
	CU_ASSERT_EQUAL(proxy_reply_match(fixture.lcore, &source,
				&(struct net_endpoint){{{1}}, sent.local_port}, reply,
				sizeof(reply), &(struct dns_message){0}, &found),
		PROXY_REPLY_FORGED);
	make_reply(reply, sent.id);
	source = sent.upstream->endpoint;
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_GOOD);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void another_question_and_garbage_are_told_apart(void)
{
	struct lcore_fixture fixture;
	struct net_endpoint source;
	struct proxy_attempt sent;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t found = 0;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	slot = start(&fixture);
	sent = attempt(&fixture, slot);
	source = sent.upstream->endpoint;
	// Name, type and class of another question.
	for (size_t at = 13; at < sizeof(lcore_fixture_query); at++) {
		if (at == 16 || at == 21)
			continue; // lengths of labels: another shape, below
		make_reply(reply, sent.id);
		reply[at] ^= 0x02;
		CU_ASSERT_EQUAL(
			match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
			PROXY_REPLY_MISMATCHED);
	}
	// What can not be read fails the attempt.
	make_reply(reply, sent.id);
	for (size_t length = DNS_HEADER_BYTES; length < sizeof(lcore_fixture_query); length++) {
		found = PROXY_PENDING_NONE;
		CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, length, &found),
			PROXY_REPLY_GARBAGE);
		CU_ASSERT_EQUAL(found, slot);
	}
	reply[7] = 1; // an answer record that is not there
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_GARBAGE);
	// After all that the right one still counts.
	make_reply(reply, sent.id);
	CU_ASSERT_EQUAL(match(&fixture, &source, sent.local_port, reply, sizeof(reply), &found),
		PROXY_REPLY_GOOD);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void an_icmp_error_finds_its_query(void)
{
	struct lcore_fixture fixture;
	struct net_endpoint destination;
	struct proxy_attempt sent;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	slot = start(&fixture);
	sent = attempt(&fixture, slot);
	destination = sent.upstream->endpoint;
	CU_ASSERT_EQUAL(
		proxy_error_match(fixture.lcore, &destination, sent.local_port, sent.id), slot);
	CU_ASSERT_EQUAL(proxy_error_match(fixture.lcore, &destination, sent.local_port,
				(uint16_t)(sent.id + 1)),
		PROXY_PENDING_NONE);
	destination.port++;
	CU_ASSERT_EQUAL(proxy_error_match(fixture.lcore, &destination, sent.local_port, sent.id),
		PROXY_PENDING_NONE);
	proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_UNREACHABLE, fixture.now);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].failed[PROXY_FAILURE_UNREACHABLE], 1);
	sent = attempt(&fixture, slot);
	CU_ASSERT_EQUAL(sent.upstream->endpoint.port, 1001);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void a_timeout_goes_to_the_next_upstream_from_another_port(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt first;
	struct proxy_attempt second;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t expired;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	slot = start(&fixture);
	first = attempt(&fixture, slot);
	fixture.now += 2 * CLOCK_SECOND;
	CU_ASSERT_FALSE(proxy_take_expired(fixture.lcore, fixture.now, &expired));
	fixture.now += 3 * CLOCK_MILLISECOND;
	CU_ASSERT_TRUE(proxy_take_expired(fixture.lcore, fixture.now, &expired));
	CU_ASSERT_EQUAL(expired, slot);
	proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_TIMEOUT, fixture.now);
	second = attempt(&fixture, slot);
	CU_ASSERT_EQUAL(first.upstream->endpoint.port, 1000);
	CU_ASSERT_EQUAL(second.upstream->endpoint.port, 1001);
	CU_ASSERT_NOT_EQUAL(second.local_port, first.local_port);
	// The first upstream's answer comes after all: too late.
	make_reply(reply, first.id);
	CU_ASSERT_EQUAL(match(&fixture, &first.upstream->endpoint, first.local_port, reply,
				sizeof(reply), &expired),
		PROXY_REPLY_LATE);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].closed[PROXY_CLOSE_ERROR], 1);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].open_count, 0);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void an_answered_attempt_is_followed_by_one_to_the_same_upstream(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt first;
	struct proxy_attempt second;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t found;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	slot = start(&fixture);
	first = attempt(&fixture, slot);
	make_reply(reply, first.id);
	proxy_attempt_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].answered, 1);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].in_flight, 0);
	second = attempt(&fixture, slot);
	CU_ASSERT_PTR_EQUAL(second.upstream, first.upstream);
	// Its connection is reused, and the first attempt's answer counts no more.
	CU_ASSERT_EQUAL(second.local_port, first.local_port);
	CU_ASSERT_NOT_EQUAL(second.id, first.id);
	CU_ASSERT_EQUAL(match(&fixture, &first.upstream->endpoint, first.local_port, reply,
				sizeof(reply), &found),
		PROXY_REPLY_LATE);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->failed_attempts, 0);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].answered, 2);
	exchange_close(&fixture);
}

static void the_deadline_ends_it_whatever_is_left(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt sent;
	uint32_t expired;
	uint32_t attempts = 0;
	uint64_t started;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 2, 16, 16);
	started = fixture.now;
	slot = start(&fixture);
	while (proxy_attempt_start(fixture.lcore, slot, fixture.now, &sent)) {
		attempts++;
		while (!proxy_take_expired(fixture.lcore, fixture.now, &expired))
			fixture.now += CLOCK_MILLISECOND / 2;
		proxy_attempt_fail(fixture.lcore, expired, PROXY_FAILURE_TIMEOUT, fixture.now);
	}
	// Two of 2 s, and one that has what is left of 5 s.
	CU_ASSERT_EQUAL(attempts, 3);
	CU_ASSERT(fixture.now - started >= 5 * CLOCK_SECOND);
	CU_ASSERT(fixture.now - started < 5 * CLOCK_SECOND + 3 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->last_failure,
		PROXY_FAILURE_TIMEOUT);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].answered + fixture.lcore->counts[1].answered, 0);
	exchange_close(&fixture);
}

static void attempts_are_counted_to_their_limit(void)
{
	for (uint32_t most = 1; most <= 7; most++) {
		struct proxy_settings settings = defaults;
		struct lcore_fixture fixture;
		struct proxy_attempt sent;
		uint32_t attempts = 0;
		uint32_t slot;

		settings.max_connect_attempts = most;
		exchange_open(&fixture, &settings, 3, 16, 16);
		slot = start(&fixture);
		while (proxy_attempt_start(fixture.lcore, slot, fixture.now, &sent)) {
			CU_ASSERT_EQUAL(sent.upstream->endpoint.port, 1000 + attempts % 3);
			attempts++;
			proxy_attempt_fail(
				fixture.lcore, slot, PROXY_FAILURE_UNREACHABLE, fixture.now);
			// So that all three have room for what comes next.
			proxy_pools_read_messages(&fixture.lcore->pools, 100, fixture.now);
		}
		CU_ASSERT_EQUAL(attempts, most);
		proxy_query_finish(fixture.lcore, slot, fixture.now);
		exchange_close(&fixture);
	}
}

static void upstreams_without_a_path_are_passed_over(void)
{
	static const struct net_path unusable = {.is_usable = false};
	struct lcore_fixture fixture;
	struct proxy_attempt sent;
	struct net_path *old;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 3, 16, 16);
	CU_ASSERT_EQUAL(proxy_upstream_set_path(&fixture.set->upstreams[0], &unusable, &old), 1);
	free(old);
	CU_ASSERT_EQUAL(proxy_upstream_set_path(&fixture.set->upstreams[0], &unusable, &old), 0);
	CU_ASSERT_PTR_NULL(old);
	free(fixture.set->upstreams[1].path);
	fixture.set->upstreams[1].path = NULL;
	slot = start(&fixture);
	sent = attempt(&fixture, slot);
	CU_ASSERT_EQUAL(sent.upstream->endpoint.port, 1002);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->failed_attempts, 2);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].failed[PROXY_FAILURE_NO_PATH], 1);
	CU_ASSERT_EQUAL(fixture.lcore->counts[1].failed[PROXY_FAILURE_NO_PATH], 1);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	// With none left it is given up, and each was looked at once.
	CU_ASSERT_EQUAL(proxy_upstream_set_path(&fixture.set->upstreams[2], &unusable, &old), 1);
	free(old);
	slot = start(&fixture);
	CU_ASSERT_FALSE(proxy_attempt_start(fixture.lcore, slot, fixture.now, &sent));
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->failed_attempts, 3);
	CU_ASSERT_EQUAL(proxy_pending_at(&fixture.lcore->pending, slot)->last_failure,
		PROXY_FAILURE_NO_PATH);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void stopped_pools_give_no_port(void)
{
	struct lcore_fixture fixture;
	struct proxy_attempt sent;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 1, 16, 16);
	proxy_pools_stop(&fixture.lcore->pools);
	slot = start(&fixture);
	CU_ASSERT_FALSE(proxy_attempt_start(fixture.lcore, slot, fixture.now, &sent));
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].failed[PROXY_FAILURE_NO_PORT], 1);
	proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void max_concurrent_is_the_most_at_once(void)
{
	struct proxy_settings settings = defaults;
	struct lcore_fixture fixture;
	uint32_t slots[3];
	uint32_t more;

	settings.max_concurrent = 3;
	exchange_open(&fixture, &settings, 1, 16, 16);
	for (int i = 0; i < 3; i++)
		slots[i] = start(&fixture);
	CU_ASSERT_EQUAL(proxy_query_start(fixture.lcore, 0, lcore_fixture_query,
				sizeof(lcore_fixture_query), QUESTION_END, fixture.now, &more),
		PROXY_START_CONCURRENT);
	proxy_query_finish(fixture.lcore, slots[1], fixture.now);
	slots[1] = start(&fixture);
	for (int i = 0; i < 3; i++)
		proxy_query_finish(fixture.lcore, slots[i], fixture.now);
	exchange_close(&fixture);
}

static void a_full_table_has_no_room(void)
{
	struct lcore_fixture fixture;
	uint32_t more;

	exchange_open(&fixture, &defaults, 1, 4, 16);
	for (int i = 0; i < 4; i++)
		(void)start(&fixture);
	CU_ASSERT_EQUAL(proxy_query_start(fixture.lcore, 0, lcore_fixture_query,
				sizeof(lcore_fixture_query), QUESTION_END, fixture.now, &more),
		PROXY_START_NO_ROOM);
	for (uint32_t slot = 0; slot < 4; slot++)
		proxy_query_finish(fixture.lcore, slot, fixture.now);
	exchange_close(&fixture);
}

static void two_hundred_thousand_are_in_flight_at_once(void)
{
	enum {
		COUNT = 200000,
		PORTS = 8000
	};
	struct lcore_fixture fixture;
	uint8_t reply[sizeof(lcore_fixture_query)];
	uint32_t expired = 0;
	uint32_t found;
	uint32_t slot;

	exchange_open(&fixture, &defaults, 1, COUNT, PORTS);
	// Any port and id will do.
	for (uint32_t id = 0; id <= UINT16_MAX; id++) {
		proxy_reply_prefetch_connection(fixture.lcore, (uint16_t)(id * 3));
		proxy_reply_prefetch_query(fixture.lcore, (uint16_t)(id * 3), (uint16_t)id);
		proxy_reply_prefetch_timer(fixture.lcore, (uint16_t)(id * 3), (uint16_t)id);
	}
	for (uint32_t i = 0; i < COUNT; i++) {
		(void)attempt(&fixture, start(&fixture));
		fixture.now += CLOCK_MICROSECOND;
	}
	CU_ASSERT_EQUAL(proxy_in_flight(fixture.lcore), COUNT);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].in_flight, COUNT);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].opened, PORTS);
	// Half are answered, in no order, half time out.
	for (uint32_t i = 0; i < COUNT / 2; i++) {
		const struct proxy_pending *pending;
		uint16_t port;

		slot = (i * 7 % (COUNT / 2)) * 2;
		pending = proxy_pending_at(&fixture.lcore->pending, slot);
		port = proxy_pools_local_port(&fixture.lcore->pools, pending->connection);
		make_reply(reply, pending->id);
		proxy_reply_prefetch_connection(fixture.lcore, port);
		proxy_reply_prefetch_query(fixture.lcore, port, pending->id);
		proxy_reply_prefetch_timer(fixture.lcore, port, pending->id);
		CU_ASSERT_EQUAL_FATAL(match(&fixture, &fixture.set->upstreams[0].endpoint, port,
					      reply, sizeof(reply), &found),
			PROXY_REPLY_GOOD);
		CU_ASSERT_EQUAL_FATAL(found, slot);
		proxy_query_finish(fixture.lcore, found, fixture.now);
	}
	fixture.now += 3 * CLOCK_SECOND;
	while (proxy_take_expired(fixture.lcore, fixture.now, &slot)) {
		CU_ASSERT_EQUAL_FATAL(slot & 1, 1);
		proxy_attempt_fail(fixture.lcore, slot, PROXY_FAILURE_TIMEOUT, fixture.now);
		proxy_query_finish(fixture.lcore, slot, fixture.now);
		expired++;
	}
	CU_ASSERT_EQUAL(expired, COUNT / 2);
	CU_ASSERT_EQUAL(fixture.lcore->counts[0].answered, COUNT / 2);
	CU_ASSERT_EQUAL(fixture.lcore->pools.pools[0].in_flight, 0);
	exchange_close(&fixture);
}

static const struct unit_case cases[] = {
	{"an answer finds its query", an_answer_finds_its_query},
	{"late and forged ones are told apart", late_and_forged_ones_are_told_apart},
	{"another question and garbage are told apart",
		another_question_and_garbage_are_told_apart},
	{"an ICMP error finds its query", an_icmp_error_finds_its_query},
	{"a timeout goes to the next upstream from another port",
		a_timeout_goes_to_the_next_upstream_from_another_port},
	{"an answered attempt is followed by one to the same upstream",
		an_answered_attempt_is_followed_by_one_to_the_same_upstream},
	{"the deadline ends it, whatever is left", the_deadline_ends_it_whatever_is_left},
	{"attempts are counted to their limit", attempts_are_counted_to_their_limit},
	{"upstreams without a path are passed over", upstreams_without_a_path_are_passed_over},
	{"stopped pools give no port", stopped_pools_give_no_port},
	{"max_concurrent is the most at once", max_concurrent_is_the_most_at_once},
	{"a full table has no room", a_full_table_has_no_room},
	{"two hundred thousand are in flight at once", two_hundred_thousand_are_in_flight_at_once},
};

UNIT_MAIN("proxy exchange", cases)
