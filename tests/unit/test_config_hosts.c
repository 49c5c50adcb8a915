// SPDX-License-Identifier: BSD-3-Clause
// Host names in TO, and the addresses that are known of them.
#include "config_text.h"

#include "base/compiler.h"

#define RESOLVER "192.0.2.53"

struct known {
	struct net_endpoint resolver;
	struct net_address addresses[8][8];
	struct config_host_addresses list[8];
	struct config_known_hosts hosts;
};

// "192.0.2.1 2001:db8::1" of a host that `resolver` 192.0.2.53 is asked for, or the system.
static void add_known(struct known *known, const char *name, bool has_resolver, const char *text)
{
	struct config_host_addresses *host = &known->list[known->hosts.count];
	struct net_address *addresses = known->addresses[known->hosts.count++];
	char copy[256];
	char *rest = copy;
	char *word;

	known->resolver.port = 53;
	CU_ASSERT_EQUAL(net_address_parse(RESOLVER, &known->resolver.address), 0);
	*host = (struct config_host_addresses){.host = {.name = name,
						       .resolvers = &known->resolver,
						       .resolver_count = has_resolver},
		.addresses = addresses};
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")))
		CU_ASSERT_EQUAL(net_address_parse(word, &addresses[host->address_count++]), 0);
	known->hosts.list = known->list;
}

static struct config *read_with(const char *text, const struct known *known)
{
	struct config_error error = {0};
	struct config *config = config_accept(text);
	struct config *again;

	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	again = config_read_again(config, &known->hosts, &error);
	if (!again)
		fprintf(stderr, "\n%s\n", error.text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	config_destroy(config);
	return again;
}

static const struct config_forward *forward_of(const struct config *config, size_t index)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	CU_ASSERT_TRUE_FATAL(count > index);
	return forwards[index];
}

// Of each upstream its endpoint, scheme where that is tls, name of its certificate, weight where that is
// not 1, and host.
static void expect_upstreams(const struct config_forward *forward, const char *expected)
{
	char found[1024] = "";
	size_t length = 0;

	for (size_t i = 0; i < forward->upstream_count; i++) {
		const struct config_upstream *upstream = &forward->upstreams[i];
		char text[NET_ENDPOINT_TEXT];
		char weight[16] = "";

		if (upstream->weight != 1)
			snprintf(weight, sizeof(weight), "*%u", upstream->weight);
		length += (size_t)snprintf(found + length, sizeof(found) - length,
			"%s%s%s%s%s%s%s ",
			upstream->is_https ? "https://"
			: upstream->is_tls ? "tls://"
					   : "",
			net_endpoint_format(&upstream->endpoint, text),
			upstream->server_name ? "%" : "",
			upstream->server_name ? upstream->server_name : "", weight,
			upstream->host ? "=" : "", upstream->host ? upstream->host->name : "");
	}
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void a_host_without_known_addresses_is_no_upstream(void)
{
	struct config *config =
		config_accept(". {\nforward . One.Example 192.0.2.9 two.example.:5353\n}\n");
	const struct config_host *const *hosts;
	size_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	expect_upstreams(forward_of(config, 0), "192.0.2.9:53 ");
	hosts = config_hosts(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_STRING_EQUAL(hosts[0]->name, "one.example");
	CU_ASSERT_STRING_EQUAL(hosts[1]->name, "two.example.");
	CU_ASSERT_STRING_EQUAL(hosts[1]->file, "Corefile");
	CU_ASSERT_EQUAL(hosts[1]->line, 2);
	CU_ASSERT_EQUAL(hosts[1]->resolver_count, 0);
	CU_ASSERT_EQUAL(forward_of(config, 0)->host_count, 2);
	CU_ASSERT_EQUAL(forward_of(config, 0)->max_connect_attempts, 2);
	config_destroy(config);
	config = config_accept(". {\nforward . one.example\n}\n");
	expect_upstreams(forward_of(config, 0), "");
	config_destroy(config);
}

static void addresses_stand_in_the_place_of_the_name(void)
{
	struct known known = {0};
	struct config *config;

	add_known(&known, "one.example", false, "192.0.2.1 2001:db8::1");
	add_known(&known, "two.example", false, "192.0.2.2 192.0.2.9");
	config = read_with(
		". {\nforward . 192.0.2.8 one.example:5353 dns://TWO.example 192.0.2.9\n}\n",
		&known);
	expect_upstreams(forward_of(config, 0),
		"192.0.2.8:53 192.0.2.1:5353=one.example [2001:db8::1]:5353=one.example "
		"192.0.2.2:53=two.example 192.0.2.9:53=two.example ");
	CU_ASSERT_EQUAL(forward_of(config, 0)->max_connect_attempts, 10);
	config_destroy(config);
}

static void hosts_are_told_apart_by_who_is_asked(void)
{
	struct known known = {0};
	struct config *config;
	size_t count;

	add_known(&known, "one.example", false, "192.0.2.1");
	add_known(&known, "one.example", true, "192.0.2.2");
	config =
		read_with(". {\nforward a.example one.example\n"
			  "forward b.example one.example {\nresolver 192.0.2.99\nresolver " RESOLVER
			  "\n}\nforward c.example one.example:54 {\nresolver " RESOLVER "\n}\n}\n",
			&known);
	expect_upstreams(forward_of(config, 0), "192.0.2.1:53=one.example ");
	expect_upstreams(forward_of(config, 1), "192.0.2.2:53=one.example ");
	expect_upstreams(forward_of(config, 2), "192.0.2.2:54=one.example ");
	(void)config_hosts(config, &count);
	CU_ASSERT_EQUAL(count, 2);
	config_destroy(config);
}

static void over_tls_the_host_is_the_name_of_the_certificate(void)
{
	struct known known = {0};
	struct config *config;

	add_known(&known, "one.example.", false, "192.0.2.1");
	add_known(&known, "one.example", false, "192.0.2.1");
	config = read_with(". {\nforward . tls://One.example. one.example\n"
			   "forward . tls://one.example%other.example:8853 tls://192.0.2.2\n"
			   "forward . tls://one.example {\ntls_servername third.example\n}\n"
			   "forward . https://one.example one.example:443\n}\n",
		&known);
	expect_upstreams(forward_of(config, 0),
		"tls://192.0.2.1:853%one.example=one.example. 192.0.2.1:53=one.example ");
	expect_upstreams(forward_of(config, 1),
		"tls://192.0.2.1:8853%other.example=one.example tls://192.0.2.2:853 ");
	expect_upstreams(forward_of(config, 2), "tls://192.0.2.1:853%third.example=one.example ");
	expect_upstreams(forward_of(config, 3),
		"https://192.0.2.1:443%one.example=one.example 192.0.2.1:443=one.example ");
	config_destroy(config);
}

static void a_weight_is_that_of_each_address(void)
{
	struct known known = {0};
	struct config *config;

	add_known(&known, "one.example", false, "192.0.2.1 192.0.2.2");
	config = read_with(
		". {\nforward . one.example weight=3 192.0.2.9 {\npolicy weighted\n}\n}\n", &known);
	expect_upstreams(forward_of(config, 0),
		"192.0.2.1:53*3=one.example 192.0.2.2:53*3=one.example 192.0.2.9:53 ");
	config_destroy(config);
	config_refuse(". {\nforward . one.example one.example weight=3 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=3' follows no new upstream");
}

static void addresses_are_bounded(void)
{
	static struct net_address addresses[16385];
	static const struct config_host_addresses host = {.host = {.name = "one.example"},
		.addresses = addresses,
		.address_count = BASE_ARRAY_SIZE(addresses)};
	const struct config_known_hosts known = {.list = &host, .count = 1};
	struct config_error error = {0};
	struct config *config = config_accept(". {\n\nforward . one.example\n}\n");

	for (size_t i = 0; i < BASE_ARRAY_SIZE(addresses); i++)
		addresses[i] = net_address_from_ipv4(
			(const uint8_t[4]){10, 0, (uint8_t)(i >> 8), (uint8_t)i});
	CU_ASSERT_PTR_NULL(config_read_again(config, &known, &error));
	CU_ASSERT_STRING_EQUAL(error.text, "Corefile:3: 'one.example' is beyond 16384 upstreams");
	config_destroy(config);
}

static void names_are_bounded(void)
{
	static char text[65536] = ". {\nforward .";
	size_t length = strlen(text);

	for (int i = 0; i <= 1000; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length, " host-%d.example", i);
	snprintf(text + length, sizeof(text) - length, "\n}\n");
	config_refuse(text, "Corefile:2: 'host-1000.example' is beyond 1000 host names");
}

static const struct config_refusal faulty_hosts[] = {
	{". {\nforward . one.example:0\n}\n",
		"Corefile:2: 'one.example:0' has no port from 1 to 65535"},
	{". {\nforward . one.example:x\n}\n",
		"Corefile:2: 'one.example:x' has no port from 1 to 65535"},
	{". {\nforward . one..example\n}\n",
		"Corefile:2: 'one..example' is not the name of a host"},
	{". {\nforward . tls://one.example%two.example {\ntls_servername three.example\n}\n}\n",
		"Corefile:3: tls_servername beside the %'two.example' of an upstream"},
	{". {\nforward . one.example {\nresolver 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 "
	 "192.0.2.6 192.0.2.7 192.0.2.8 192.0.2.9\n}\n}\n",
		"Corefile:3: too many arguments for 'resolver': '192.0.2.9'"},
};

static void faulty_hosts_are_refused(void)
{
	config_refuse_each(faulty_hosts, BASE_ARRAY_SIZE(faulty_hosts));
}

static const struct unit_case cases[] = {
	{"a host without known addresses is no upstream",
		a_host_without_known_addresses_is_no_upstream},
	{"addresses stand in the place of the name", addresses_stand_in_the_place_of_the_name},
	{"hosts are told apart by who is asked", hosts_are_told_apart_by_who_is_asked},
	{"over TLS the host is the name of the certificate",
		over_tls_the_host_is_the_name_of_the_certificate},
	{"a weight is that of each address", a_weight_is_that_of_each_address},
	{"addresses are bounded", addresses_are_bounded},
	{"names are bounded", names_are_bounded},
	{"faulty hosts are refused", faulty_hosts_are_refused},
};

UNIT_MAIN("config hosts", cases)
