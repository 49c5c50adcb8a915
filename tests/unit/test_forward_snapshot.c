// SPDX-License-Identifier: BSD-3-Clause
// Where queries are served, and what of the configuration reaches the upstreams.
#include "config_text.h"

#include <errno.h>
#include <stdlib.h>

#include "forward/snapshot.h"

#define LOCAL_MOST 2048

struct snapshot_fixture {
	struct config *config;
	struct forward_snapshot *snapshot;
};

static struct net_address make_address(const char *text)
{
	struct net_address address;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &address), 0);
	return address;
}

static void snapshot_open(struct snapshot_fixture *fixture, const char *text,
	const struct net_address *local, size_t local_count)
{
	fixture->config = config_accept(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->config);
	fixture->snapshot = forward_snapshot_create(fixture->config, local, local_count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->snapshot);
}

static void snapshot_close(struct snapshot_fixture *fixture)
{
	forward_snapshot_destroy(fixture->snapshot);
	config_destroy(fixture->config);
}

static const struct forward_listener *snapshot_find(
	const struct snapshot_fixture *fixture, const char *address, uint16_t port)
{
	const struct net_endpoint endpoint = {.address = make_address(address), .port = port};

	return forward_snapshot_find(fixture->snapshot, &endpoint);
}

// The group that a query for example.org has there; FORWARD_NO_GROUP too where nobody listens.
static uint16_t group_at(const struct snapshot_fixture *fixture, const char *address, uint16_t port)
{
	static const uint8_t name[] = "\7example\3org";
	const struct forward_listener *listener = snapshot_find(fixture, address, port);

	return listener ? forward_listener_match(listener, name, sizeof(name)).group
			: FORWARD_NO_GROUP;
}

static void test_local_addresses(void)
{
	const struct net_address local[] = {make_address("192.0.2.1"), make_address("2001:db8::1")};
	struct snapshot_fixture fixture;
	size_t count;

	snapshot_open(&fixture, ". {\nforward . 192.0.2.53\n}\n", local, 2);
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.1", 53), 0);
	CU_ASSERT_EQUAL(group_at(&fixture, "2001:db8::1", 53), 0);
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.2", 53));
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.1", 54));
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.1", 0));
	CU_ASSERT_PTR_NOT_NULL(forward_snapshot_listeners(fixture.snapshot, &count));
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_TRUE(forward_snapshot_is_local(fixture.snapshot, &local[0]));
	CU_ASSERT_TRUE(forward_snapshot_is_local(fixture.snapshot, &local[1]));
	snapshot_close(&fixture);
}

static void test_bind(void)
{
	const struct net_address local[] = {make_address("192.0.2.1"), make_address("192.0.2.2")};
	const struct net_address absent = make_address("192.0.2.9");
	struct snapshot_fixture fixture;
	size_t count;

	snapshot_open(&fixture,
		". {\nbind 192.0.2.2 192.0.2.9\nforward . 192.0.2.53\n}\n"
		".:5353 {\nforward . 192.0.2.54\n}\n",
		local, 2);
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.1", 53));
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.2", 53), 0);
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.9", 53));
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.1", 5353), 1);
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.2", 5353), 1);
	CU_ASSERT_FALSE(forward_snapshot_is_local(fixture.snapshot, &absent));
	CU_ASSERT_TRUE(forward_snapshot_is_local(fixture.snapshot, &local[0]));
	(void)forward_snapshot_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL(count, 3);
	snapshot_close(&fixture);
}

// Of two servers with the same zone and port the one bound to the address comes first, and each
// address has the zones of both.
static void test_bound_before_unbound(void)
{
	static const uint8_t other[] = "\5other\4test";
	const struct net_address local[] = {make_address("192.0.2.1"), make_address("192.0.2.2")};
	static const char *const orders[] = {
		". {\nforward . 192.0.2.53\n}\n"
		"example.org {\nbind 192.0.2.2\nforward . 192.0.2.54\n}\n",
		"example.org {\nbind 192.0.2.2\nforward . 192.0.2.54\n}\n"
		". {\nforward . 192.0.2.53\n}\n",
	};

	for (uint16_t i = 0; i < 2; i++) {
		struct snapshot_fixture fixture;
		const struct forward_listener *listener;

		snapshot_open(&fixture, orders[i], local, 2);
		CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.1", 53), i);
		CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.2", 53), 1 - i);
		listener = snapshot_find(&fixture, "192.0.2.2", 53);
		CU_ASSERT_PTR_NOT_NULL_FATAL(listener);
		CU_ASSERT_EQUAL(forward_listener_match(listener, other, sizeof(other)).group, i);
		snapshot_close(&fixture);
	}
}

static void test_no_addresses(void)
{
	struct snapshot_fixture fixture;
	const struct net_address address = make_address("192.0.2.1");
	size_t count;

	snapshot_open(&fixture, ". {\nforward . 192.0.2.53\n}\n", NULL, 0);
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.1", 53));
	CU_ASSERT_FALSE(forward_snapshot_is_local(fixture.snapshot, &address));
	(void)forward_snapshot_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL(count, 0);
	snapshot_close(&fixture);
}

static struct net_address numbered_address(uint32_t number)
{
	uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8};

	if (number % 2 == 0)
		return net_address_from_ipv4(
			(uint8_t[]){10, 0, (uint8_t)(number >> 8), (uint8_t)number});
	bytes[14] = (uint8_t)(number >> 8);
	bytes[15] = (uint8_t)number;
	return net_address_from_ipv6(bytes);
}

static void test_many_addresses(void)
{
	struct net_address local[LOCAL_MOST];
	struct snapshot_fixture fixture;
	size_t count;

	for (uint32_t i = 0; i < LOCAL_MOST; i++)
		local[i] = numbered_address(i);
	snapshot_open(&fixture, ". {\nforward . 192.0.2.53\n}\n.:5353 {\nforward . 192.0.2.54\n}\n",
		local, LOCAL_MOST);
	(void)forward_snapshot_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL(count, 2 * LOCAL_MOST);
	for (uint32_t i = 0; i < LOCAL_MOST; i++) {
		struct net_endpoint endpoint = {.address = local[i], .port = 5353};
		const struct net_address absent = numbered_address(i + LOCAL_MOST);

		CU_ASSERT_PTR_NOT_NULL(forward_snapshot_find(fixture.snapshot, &endpoint));
		CU_ASSERT_TRUE(forward_snapshot_is_local(fixture.snapshot, &local[i]));
		endpoint.address = absent;
		CU_ASSERT_PTR_NULL(forward_snapshot_find(fixture.snapshot, &endpoint));
		CU_ASSERT_FALSE(forward_snapshot_is_local(fixture.snapshot, &absent));
	}
	snapshot_close(&fixture);
}

// An address twice, as two ports can have it.
static void test_same_address_twice(void)
{
	const struct net_address local[] = {make_address("192.0.2.1"), make_address("192.0.2.1")};
	struct snapshot_fixture fixture;
	size_t count;

	snapshot_open(&fixture, ". {\nforward . 192.0.2.53\n}\n", local, 2);
	(void)forward_snapshot_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL(count, 1);
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.1", 53), 0);
	snapshot_close(&fixture);
}

// Of certificates it is only tried whether they can be read.
#define ANY_FILE "/proc/self/exe"

static void test_stream_listeners(void)
{
	const struct net_address local[] = {make_address("192.0.2.1"), make_address("192.0.2.2")};
	const struct forward_listener *listeners;
	struct snapshot_fixture fixture;
	char text[1024];
	size_t count;

	snprintf(text, sizeof(text),
		"tls://. tls://.:8853 {\nbind 192.0.2.2\nforward . 192.0.2.54\ntls %s %s\n}\n"
		". {\nforward . 192.0.2.53\n}\n",
		ANY_FILE, ANY_FILE);
	snapshot_open(&fixture, text, local, 2);
	CU_ASSERT_EQUAL(group_at(&fixture, "192.0.2.1", 53), 1);
	CU_ASSERT_PTR_NULL(snapshot_find(&fixture, "192.0.2.2", 853));
	(void)forward_snapshot_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL(count, 2);
	listeners = forward_snapshot_stream_listeners(fixture.snapshot, &count);
	CU_ASSERT_EQUAL_FATAL(count, 4);
	for (size_t i = 0; i < count; i++) {
		const struct net_endpoint *endpoint = &listeners[i].endpoint;
		bool is_tls = i >= 2;

		CU_ASSERT_EQUAL(listeners[i].tls != NULL, is_tls);
		CU_ASSERT_EQUAL(endpoint->port, i < 2 ? 53 : i == 2 ? 853 : 8853);
		CU_ASSERT_PTR_EQUAL(
			forward_snapshot_find_stream(fixture.snapshot, endpoint, is_tls),
			&listeners[i]);
		CU_ASSERT_PTR_NULL(
			forward_snapshot_find_stream(fixture.snapshot, endpoint, !is_tls));
		CU_ASSERT_EQUAL(forward_listener_match(&listeners[i], (const uint8_t *)"", 1).group,
			!is_tls);
	}
	CU_ASSERT_PTR_NULL(forward_snapshot_find_stream(
		fixture.snapshot, &(struct net_endpoint){.address = local[0], .port = 853}, true));
	CU_ASSERT_PTR_NULL(forward_snapshot_find_stream(
		fixture.snapshot, &(struct net_endpoint){.address = local[0]}, false));
	snapshot_close(&fixture);
}

static void test_proxy_set_of_streams(void)
{
	char text[1024];
	struct config *config;
	struct proxy_set *set;

	snprintf(text, sizeof(text),
		". {\nforward . 192.0.2.53 tls://192.0.2.54%%one.example tls://192.0.2.55 {\n"
		"force_tcp\nprefer_udp\nmax_inflight 7\nmin_idle_conns 3\ntls %s %s %s\n}\n"
		"forward example.org tls://192.0.2.56 https://192.0.2.57 {\ndoh_method GET\n}\n}\n",
		ANY_FILE, ANY_FILE, ANY_FILE);
	config = config_accept(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	set = forward_proxy_set_create(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_TRUE(set->groups[0].settings.force_tcp);
	CU_ASSERT_TRUE(set->groups[0].settings.prefer_udp);
	CU_ASSERT_EQUAL(set->groups[0].settings.max_inflight, 7);
	CU_ASSERT_EQUAL(set->groups[0].settings.min_idle_conns, 3);
	CU_ASSERT_STRING_EQUAL(set->groups[0].tls.certificate, ANY_FILE);
	CU_ASSERT_STRING_EQUAL(set->groups[0].tls.key, ANY_FILE);
	CU_ASSERT_STRING_EQUAL(set->groups[0].tls.ca, ANY_FILE);
	CU_ASSERT_FALSE(set->groups[1].settings.force_tcp);
	CU_ASSERT_FALSE(set->groups[1].settings.prefer_udp);
	CU_ASSERT_EQUAL(set->groups[1].settings.max_inflight, 64);
	CU_ASSERT_EQUAL(set->groups[1].settings.min_idle_conns, 0);
	CU_ASSERT_PTR_NULL(set->groups[1].tls.ca);
	CU_ASSERT_FALSE(set->upstreams[0].is_tls);
	CU_ASSERT_PTR_NULL(set->server_names[0]);
	CU_ASSERT_TRUE(set->upstreams[1].is_tls);
	CU_ASSERT_EQUAL(set->upstreams[1].endpoint.port, 853);
	CU_ASSERT_STRING_EQUAL(set->server_names[1], "one.example");
	CU_ASSERT_TRUE(set->upstreams[2].is_tls);
	CU_ASSERT_PTR_NULL(set->server_names[2]);
	CU_ASSERT_EQUAL(set->upstreams[3].group, 1);
	CU_ASSERT_TRUE(set->upstreams[3].is_tls);
	CU_ASSERT_FALSE(set->upstreams[3].is_https);
	CU_ASSERT_TRUE(set->upstreams[4].is_tls);
	CU_ASSERT_TRUE(set->upstreams[4].is_https);
	CU_ASSERT_EQUAL(set->upstreams[4].endpoint.port, 443);
	CU_ASSERT_EQUAL(set->groups[0].settings.http_method, PROXY_HTTP_POST);
	CU_ASSERT_EQUAL(set->groups[1].settings.http_method, PROXY_HTTP_GET);
	proxy_set_destroy(set);
	config_destroy(config);
}

static void test_proxy_set(void)
{
	const struct net_address source = make_address("192.0.2.7");
	struct config *config = config_accept(". {\n"
					      "forward example.org 192.0.2.53 192.0.2.54:5353 {\n"
					      "expire 7s\nmax_age 70s\nread_timeout 300ms\n"
					      "max_idle_conns 5\nmax_concurrent 6\n"
					      "max_connect_attempts 9\npolicy round_robin\n"
					      "source_address 192.0.2.7\n}\n"
					      "forward . 2001:db8::53\n}\n");
	struct proxy_set *set;
	const struct proxy_settings *settings;

	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	set = forward_proxy_set_create(config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(set);
	CU_ASSERT_EQUAL(set->group_count, 2);
	CU_ASSERT_EQUAL(set->upstream_count, 3);
	settings = &set->groups[0].settings;
	CU_ASSERT_EQUAL(settings->expire, UINT64_C(7000000000));
	CU_ASSERT_EQUAL(settings->max_age, UINT64_C(70000000000));
	CU_ASSERT_EQUAL(settings->read_timeout, UINT64_C(300000000));
	CU_ASSERT_EQUAL(settings->max_idle_conns, 5);
	CU_ASSERT_EQUAL(settings->max_concurrent, 6);
	CU_ASSERT_EQUAL(settings->max_connect_attempts, 9);
	CU_ASSERT_EQUAL(settings->policy, PROXY_POLICY_ROUND_ROBIN);
	CU_ASSERT_TRUE(set->groups[0].has_source_address);
	CU_ASSERT(net_address_equal(&set->groups[0].source_address, &source));
	CU_ASSERT_EQUAL(set->upstreams[1].endpoint.port, 5353);
	CU_ASSERT_EQUAL(set->upstreams[1].group, 0);
	settings = &set->groups[1].settings;
	CU_ASSERT_EQUAL(settings->expire, UINT64_C(10000000000));
	CU_ASSERT_EQUAL(settings->max_connect_attempts, 2);
	CU_ASSERT_EQUAL(settings->policy, PROXY_POLICY_RANDOM);
	CU_ASSERT_FALSE(set->groups[1].has_source_address);
	CU_ASSERT_EQUAL(set->upstreams[2].group, 1);
	proxy_set_destroy(set);
	config_destroy(config);
}

static const struct unit_case cases[] = {
	{"serves the addresses of the ports", test_local_addresses},
	{"serves the addresses of bind", test_bind},
	{"prefers servers bound to the address", test_bound_before_unbound},
	{"serves nothing without addresses", test_no_addresses},
	{"serves many addresses", test_many_addresses},
	{"serves an address once", test_same_address_twice},
	{"serves TCP where it serves UDP, and TLS", test_stream_listeners},
	{"makes upstream groups of forwards", test_proxy_set},
	{"makes upstreams over TCP and TLS of forwards", test_proxy_set_of_streams},
};

UNIT_MAIN("forward_snapshot", cases)
