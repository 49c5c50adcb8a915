// SPDX-License-Identifier: BSD-3-Clause
#include "config_text.h"

#include "base/clock.h"
#include "base/compiler.h"

static const struct config_forward *first_forward(const struct config *config)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	CU_ASSERT_TRUE_FATAL(count > 0);
	return forwards[0];
}

static void expect_names(const struct dns_name *names, size_t count, const char *expected)
{
	char found[1024] = "";
	char text[DNS_NAME_TEXT];
	size_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s ",
			dns_name_format(&names[i], text));
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void expect_upstreams(const struct config_forward *forward, const char *expected)
{
	char found[1024] = "";
	char text[NET_ENDPOINT_TEXT];
	size_t length = 0;

	for (size_t i = 0; i < forward->upstream_count; i++)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s ",
			net_endpoint_format(&forward->upstreams[i].endpoint, text));
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void a_line_without_a_block_has_the_defaults(void)
{
	struct config *config = config_accept(". {\nforward . 192.0.2.1 192.0.2.2 192.0.2.3\n}\n");
	const struct config_forward *forward = first_forward(config);

	expect_names(forward->from, forward->from_count, ". ");
	CU_ASSERT_EQUAL(forward->except_count, 0);
	CU_ASSERT_EQUAL(forward->policy, CONFIG_POLICY_RANDOM);
	CU_ASSERT_EQUAL(forward->expire, 10 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->max_age, 0);
	CU_ASSERT_EQUAL(forward->read_timeout, 2 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->max_idle_conns, 0);
	CU_ASSERT_EQUAL(forward->max_concurrent, 0);
	CU_ASSERT_EQUAL(forward->max_connect_attempts, 6);
	CU_ASSERT_EQUAL(forward->max_fails, 2);
	CU_ASSERT_EQUAL(forward->health_check.pause, 500 * CLOCK_MILLISECOND);
	CU_ASSERT_FALSE(forward->health_check.asks_without_rd);
	expect_names(&forward->health_check.name, 1, ". ");
	CU_ASSERT_FALSE(forward->is_failfast);
	CU_ASSERT_FALSE(forward->has_source_address);
	CU_ASSERT_EQUAL(forward->hedge, 0);
	CU_ASSERT_EQUAL(forward->failover_rcodes, 0);
	CU_ASSERT_EQUAL(forward->next_rcodes, 0);
	CU_ASSERT_FALSE(forward->next_on_nodata);
	CU_ASSERT_FALSE(forward->force_tcp);
	CU_ASSERT_FALSE(forward->prefer_udp);
	CU_ASSERT_EQUAL(forward->max_inflight, 64);
	CU_ASSERT_EQUAL(forward->min_idle_conns, 0);
	CU_ASSERT_PTR_NULL(forward->tls.certificate);
	CU_ASSERT_PTR_NULL(forward->tls.key);
	CU_ASSERT_PTR_NULL(forward->tls.ca);
	config_destroy(config);
}

static void every_option_is_read(void)
{
	struct config *config = config_accept(CONFIG_OPTIONS("except A.example 192.0.2.0/23\n"
							     "expire 3s\n"
							     "max_age 1m\n"
							     "max_idle_conns 7\n"
							     "read_timeout 250ms\n"
							     "hedge 30ms\n"
							     "max_connect_attempts 0\n"
							     "policy sequential\n"
							     "max_concurrent 4294967295\n"
							     "source_address 2001:db8::5\n"
							     "max_fails 0\n"
							     "health_check 0s domain A.example "
							     "no_rec\n"
							     "failfast_all_unhealthy_upstreams\n"
							     "except b.example\n"));
	const struct config_forward *forward = first_forward(config);
	char text[NET_ADDRESS_TEXT];

	expect_names(forward->except, forward->except_count,
		"a.example. 2.0.192.in-addr.arpa. 3.0.192.in-addr.arpa. b.example. ");
	CU_ASSERT_EQUAL(forward->expire, 3 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->max_age, 60 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->max_idle_conns, 7);
	CU_ASSERT_EQUAL(forward->read_timeout, 250 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(forward->hedge, 30 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(forward->max_connect_attempts, 0);
	CU_ASSERT_EQUAL(forward->policy, CONFIG_POLICY_SEQUENTIAL);
	CU_ASSERT_EQUAL(forward->max_concurrent, UINT32_MAX);
	CU_ASSERT_EQUAL(forward->max_fails, 0);
	CU_ASSERT_EQUAL(forward->health_check.pause, 0);
	CU_ASSERT_TRUE(forward->health_check.asks_without_rd);
	expect_names(&forward->health_check.name, 1, "a.example. ");
	CU_ASSERT_TRUE(forward->is_failfast);
	CU_ASSERT_TRUE(forward->has_source_address);
	CU_ASSERT_STRING_EQUAL(net_address_format(&forward->source_address, text), "2001:db8::5");
	config_destroy(config);
}

static void the_last_of_an_option_stands(void)
{
	struct config *config = config_accept(CONFIG_OPTIONS(
		"expire 3s\nexpire 4s\nmax_age 1s\nmax_age 5s\npolicy random\npolicy round_robin\n"
		"max_idle_conns 7\nmax_idle_conns 8\nmax_connect_attempts 1\n"
		"max_connect_attempts 9\nmax_concurrent 5\nmax_concurrent 6\n"
		"source_address 192.0.2.1\nsource_address 192.0.2.2\n"
		"read_timeout 1s\nread_timeout 1ns\nmax_fails 3\nmax_fails 4294967295\n"
		"health_check 1s no_rec domain a.example\nhealth_check 2s"));
	const struct config_forward *forward = first_forward(config);

	CU_ASSERT_EQUAL(forward->expire, 4 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->max_age, 5 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(forward->policy, CONFIG_POLICY_ROUND_ROBIN);
	CU_ASSERT_EQUAL(forward->max_idle_conns, 8);
	CU_ASSERT_EQUAL(forward->max_connect_attempts, 9);
	CU_ASSERT_EQUAL(forward->max_concurrent, 6);
	CU_ASSERT_EQUAL(forward->read_timeout, 1);
	CU_ASSERT_EQUAL(forward->max_fails, UINT32_MAX);
	CU_ASSERT_EQUAL(forward->health_check.pause, 2 * CLOCK_SECOND);
	CU_ASSERT_FALSE(forward->health_check.asks_without_rd);
	expect_names(&forward->health_check.name, 1, ". ");
	CU_ASSERT_EQUAL(net_address_ipv4(&forward->source_address)[3], 2);
	config_destroy(config);
}

static void weights_belong_to_the_upstream_before(void)
{
	struct config *config = config_accept(
		". {\nforward . 192.0.2.1 192.0.2.2 weight=3 192.0.2.1 192.0.2.3 weight=65535 {\n"
		"policy weighted\n}\n}\n");
	const struct config_forward *forward = first_forward(config);

	CU_ASSERT_EQUAL_FATAL(forward->upstream_count, 3);
	CU_ASSERT_EQUAL(forward->policy, CONFIG_POLICY_WEIGHTED);
	CU_ASSERT_EQUAL(forward->upstreams[0].weight, 1);
	CU_ASSERT_EQUAL(forward->upstreams[1].weight, 3);
	CU_ASSERT_EQUAL(forward->upstreams[2].weight, 65535);
	config_destroy(config);
	config_refuse(". {\nforward . 192.0.2.1 weight=3 {\npolicy random\n}\n}\n",
		"Corefile:2: 'weight=3' needs 'policy weighted'");
	config_refuse(". {\nforward . 192.0.2.1 weight=1\n}\n",
		"Corefile:2: 'weight=1' needs 'policy weighted'");
	config_refuse(". {\nforward . weight=3 192.0.2.1 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=3' follows no new upstream");
	config_refuse(". {\nforward . 192.0.2.1 weight=3 weight=4 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=4' follows no new upstream");
	// It was named before, with another weight.
	config_refuse(". {\nforward . 192.0.2.1 192.0.2.1 weight=3 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=3' follows no new upstream");
	config_refuse(". {\nforward . 192.0.2.1 weight=0 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=0' is not a weight from 1 to 65535");
	config_refuse(". {\nforward . 192.0.2.1 weight=65536 {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=65536' is not a weight from 1 to 65535");
	config_refuse(". {\nforward . 192.0.2.1 weight= {\npolicy weighted\n}\n}\n",
		"Corefile:2: 'weight=' is not a weight from 1 to 65535");
}

static void failover_and_next_append(void)
{
	struct config *config = config_accept(
		". {\nforward . 192.0.2.1 {\nfailover servfail\nfailover BADCOOKIE Refused\n"
		"next NXDOMAIN\nnext NOERROR BADSIG\nnext_on_nodata\n}\nforward . 192.0.2.2\n}\n"
		"test {\nforward . 192.0.2.3\n}\n");
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_EQUAL(forwards[0]->failover_rcodes, 1U << 2 | 1U << 5 | 1U << 23);
	CU_ASSERT_EQUAL(forwards[0]->next_rcodes, 1U << 0 | 1U << 3 | 1U << 16);
	CU_ASSERT_TRUE(forwards[0]->next_on_nodata);
	CU_ASSERT_EQUAL(forwards[0]->block, forwards[1]->block);
	CU_ASSERT_NOT_EQUAL(forwards[1]->block, forwards[2]->block);
	config_destroy(config);
}

static void from_is_a_name_or_all_reverse_zones(void)
{
	struct config *config = config_accept(". {\nforward Example.ORG 192.0.2.1\n}\n");

	expect_names(
		first_forward(config)->from, first_forward(config)->from_count, "example.org. ");
	config_destroy(config);
	config = config_accept(". {\nforward 10.0.0.0/14 192.0.2.1\n}\n");
	expect_names(first_forward(config)->from, first_forward(config)->from_count,
		"0.10.in-addr.arpa. 1.10.in-addr.arpa. 2.10.in-addr.arpa. 3.10.in-addr.arpa. ");
	config_destroy(config);
}

static void upstreams_keep_their_order_without_duplicates(void)
{
	struct config *config = config_accept(
		". {\nforward . 192.0.2.2 192.0.2.1:5353 2001:db8::1 [2001:db8::2]:5353 "
		"[2001:db8::3] dns://192.0.2.9 dns://192.0.2.9:99 192.0.2.2:53 192.0.2.1 "
		"127.0.0.1\n}\n");

	expect_upstreams(first_forward(config),
		"192.0.2.2:53 192.0.2.1:5353 [2001:db8::1]:53 [2001:db8::2]:5353 [2001:db8::3]:53 "
		"192.0.2.9:53 192.0.2.9:99 192.0.2.1:53 127.0.0.1:53 ");
	CU_ASSERT_EQUAL(first_forward(config)->max_connect_attempts, 18);
	config_destroy(config);
}

// No limit of 15.
static void many_upstreams_are_allowed(void)
{
	char text[4096];
	size_t length = (size_t)snprintf(text, sizeof(text), ". {\nforward .");
	struct config *config;

	for (int i = 1; i <= 200; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " 192.0.2.%d", i);
	snprintf(text + length, sizeof(text) - length, "\n}\n");
	config = config_accept(text);
	CU_ASSERT_EQUAL(first_forward(config)->upstream_count, 200);
	config_destroy(config);
}

static const struct config_refusal faulty_lines[] = {
	{". {\nforward\n}\n", "Corefile:2: 'forward' needs more arguments"},
	{". {\nforward .\n}\n", "Corefile:2: 'forward' needs more arguments"},
	{". {\nforward . {\n}\n}\n", "Corefile:2: 'forward' needs more arguments"},
	{". {\nforward a..b 192.0.2.1\n}\n", "Corefile:2: 'a..b' is not a domain name"},
	{". {\nforward a.example:53 192.0.2.1\n}\n",
		"Corefile:2: 'a.example:53' is not a domain name"},
	{". {\nforward 192.0.2.1 192.0.2.2\n}\n",
		"Corefile:2: '192.0.2.1' is an address: a prefix needs a length, as in "
		"192.0.2.0/24"},
	{". {\nforward 10.0.0.0/33 192.0.2.1\n}\n",
		"Corefile:2: '10.0.0.0/33' is not a prefix: its length does not fit"},
	{". {\nforward . https://192.0.2.1/dns-query\n}\n",
		"Corefile:2: 'https://192.0.2.1/dns-query' has a path, which is not "
		"allowed"},
	{". {\nforward . quic://192.0.2.1\n}\n", "Corefile:2: 'quic://192.0.2.1' has a "
						 "scheme other than dns, tls and https"},
	{". {\nforward . ://192.0.2.1\n}\n",
		"Corefile:2: '://192.0.2.1' has a scheme other than dns, tls and https"},
	{". {\nforward . dns://\n}\n", "Corefile:2: 'dns://' names no upstream"},
	{". {\nforward . \"\"\n}\n", "Corefile:2: '' names no upstream"},
	{". {\nforward . 192.0.2.256\n}\n",
		"Corefile:2: '192.0.2.256' is not an IP address, a file or a host name"},
	{". {\nforward . one.example.5\n}\n",
		"Corefile:2: 'one.example.5' is not an IP address, a file or a host name"},
	{". {\nforward . ban!ana\n}\n",
		"Corefile:2: 'ban!ana' is not an IP address, a file or a host name"},
	{". {\nforward . .\n}\n", "Corefile:2: '.': Is a directory"},
	{". {\nforward . 192.0.2.1%lo\n}\n",
		"Corefile:2: '192.0.2.1%lo' is not an IP address, a file or a host name"},
	{". {\nforward . 192.0.2.1:0\n}\n",
		"Corefile:2: '192.0.2.1:0' has no port from 1 to 65535"},
	{". {\nforward . 192.0.2.1:65536\n}\n",
		"Corefile:2: '192.0.2.1:65536' has no port from 1 to 65535"},
	{". {\nforward . [2001:db8::1]:x\n}\n",
		"Corefile:2: '[2001:db8::1]:x' has no port from 1 to 65535"},
	{". {\nforward . 0.0.0.0\n}\n", "Corefile:2: '0.0.0.0' is not the address of a server"},
	{". {\nforward . 224.0.0.1\n}\n", "Corefile:2: '224.0.0.1' is not the address of a server"},
	{". {\nforward . ff02::1\n}\n", "Corefile:2: 'ff02::1' is not the address of a server"},
	{". {\nforward . /no/such/file\n}\n",
		"Corefile:2: '/no/such/file': No such file or directory"},
};

static void faulty_lines_are_refused(void)
{
	config_refuse_each(faulty_lines, BASE_ARRAY_SIZE(faulty_lines));
}

static const struct {
	const char *option;
	const char *error; // behind the place
} option_cases[] = {
	{"banana", "unknown option 'banana' of forward"},
	{"expires 1s", "unknown option 'expires' of forward, did you mean 'expire'?"},
	{"max_idle_con 1",
		"unknown option 'max_idle_con' of forward, did you mean 'max_idle_conns'?"},
	{"forse_tpc", "unknown option 'forse_tpc' of forward"},
	{"", NULL},
	{"resolver", "'resolver' needs an argument"},
	{"resolver one.example", "resolver 'one.example' is not an IP address"},
	{"resolver 192.0.2.1:0", "resolver '192.0.2.1:0' has no port from 1 to 65535"},
	{"resolver 0.0.0.0", "resolver '0.0.0.0' is not the address of a server"},
	{"resolver 192.0.2.1 [2001:db8::1]:53 127.0.0.53", NULL},
	{"except", "'except' needs an argument"},
	{"except a.example a..b", "'a..b' is not a domain name"},
	{"except 192.0.2.1",
		"'192.0.2.1' is an address: a prefix needs a length, as in 192.0.2.0/24"},
	{"expire", "'expire' needs an argument"},
	{"expire 1s 2s", "too many arguments for 'expire': '2s'"},
	{"expire 10", "expire '10' needs a unit, as in '30s'"},
	{"expire banana", "expire 'banana' is not a duration"},
	{"expire -1s", "expire '-1s' must not be negative"},
	{"expire 9999999h", "expire '9999999h' is too long"},
	{"expire 0", NULL},
	{"expire 0s", NULL},
	{"expire +1h30m", NULL},
	{"max_age", "'max_age' needs an argument"},
	{"max_age 1", "max_age '1' needs a unit, as in '30s'"},
	{"max_age -1ns", "max_age '-1ns' must not be negative"},
	{"max_age \"\"", "max_age '' is not a duration"},
	{"max_age 0", NULL},
	{"max_age 10s", NULL},
	{"max_age 9.999999999s", "max_age (9.999999999s) must not be less than expire (10s)"},
	{"read_timeout", "'read_timeout' needs an argument"},
	{"read_timeout 0", "read_timeout '0' must be more than 0"},
	{"read_timeout -0s", "read_timeout '-0s' must be more than 0"},
	{"read_timeout -5s", "read_timeout '-5s' must be more than 0"},
	{"max_fails", "'max_fails' needs an argument"},
	{"max_fails -3", "max_fails '-3' must not be negative"},
	{"health_check", "'health_check' needs an argument"},
	{"health_check banana", "health_check 'banana' is not a duration"},
	{"health_check -1s", "health_check '-1s' must not be negative"},
	{"health_check 1s rec", "health_check 'rec' is not no_rec or domain"},
	{"health_check 1s domain", "health_check 'domain' needs a name"},
	{"health_check 1s domain a..b", "'a..b' is not a domain name"},
	{"health_check 1s domain 10.0.0.0/9", "health_check '10.0.0.0/9' is more than one name"},
	{"failfast_all_unhealthy_upstreams x",
		"too many arguments for 'failfast_all_unhealthy_upstreams': 'x'"},
	{"max_idle_conns", "'max_idle_conns' needs an argument"},
	{"max_idle_conns -1", "max_idle_conns '-1' must not be negative"},
	{"max_idle_conns -99999999999", "max_idle_conns '-99999999999' must not be negative"},
	{"max_idle_conns 1s", "max_idle_conns '1s' is not a number"},
	{"max_idle_conns -", "max_idle_conns '-' is not a number"},
	{"max_idle_conns 4294967296", "max_idle_conns '4294967296' is above 4294967295"},
	{"max_idle_conns 1 2", "too many arguments for 'max_idle_conns': '2'"},
	{"max_concurrent", "'max_concurrent' needs an argument"},
	{"max_concurrent -1", "max_concurrent '-1' must not be negative"},
	{"max_concurrent many", "max_concurrent 'many' is not a number"},
	{"max_connect_attempts", "'max_connect_attempts' needs an argument"},
	{"max_connect_attempts -1", "max_connect_attempts '-1' must not be negative"},
	{"max_connect_attempts 1.5", "max_connect_attempts '1.5' is not a number"},
	{"policy", "'policy' needs an argument"},
	{"policy Random",
		"policy 'Random' is not random, round_robin, sequential, least_outstanding, "
		"fastest, weighted, hash or ordered"},
	{"policy least_outstanding", NULL},
	{"policy fastest", NULL},
	{"policy weighted", NULL},
	{"policy hash", NULL},
	{"policy ordered", NULL},
	{"policy random {\n}", "'{' opens one block too many"},
	{"hedge", "'hedge' needs an argument"},
	{"hedge 0", "hedge '0' must be more than 0"},
	{"hedge 50", "hedge '50' needs a unit, as in '30s'"},
	{"hedge 2s", "hedge (2s) must be less than read_timeout (2s)"},
	{"hedge 1999ms", NULL},
	{"failover", "'failover' needs an argument"},
	{"failover SERVFAIL BANANA", "failover 'BANANA' is not a response code"},
	{"failover SERVFAIL noerror", "failover 'noerror' is no failure"},
	{"failover 2", "failover '2' is not a response code"},
	{"next", "'next' needs an argument"},
	{"next NXDOMAIN 3", "next '3' is not a response code"},
	{"next_on_nodata x", "too many arguments for 'next_on_nodata': 'x'"},
	{"source_address", "'source_address' needs an argument"},
	{"source_address eth0", "source_address 'eth0' is not an IP address"},
	{"source_address 192.0.2.1:53", "source_address '192.0.2.1:53' is not an IP address"},
	{"source_address 127.0.0.1",
		"source_address '127.0.0.1' is not an address that a port can have"},
};

static void faulty_options_are_refused(void)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(option_cases); i++) {
		char text[256];
		char error[256];

		snprintf(text, sizeof(text), ". {\nforward . 192.0.2.1 {\n%s\n}\n}\n",
			option_cases[i].option);
		snprintf(error, sizeof(error), "Corefile:3: %s",
			option_cases[i].error ? option_cases[i].error : "");
		if (option_cases[i].error)
			config_refuse(text, error);
		else
			config_destroy(config_accept(text));
	}
}

static void max_age_is_compared_after_the_whole_block(void)
{
	config_refuse(CONFIG_OPTIONS("max_age 10s\nexpire 30s"),
		"Corefile:3: max_age (10s) must not be less than expire (30s)");
	config_refuse(CONFIG_OPTIONS("expire 1h\n\nmax_age 90s"),
		"Corefile:5: max_age (1m30s) must not be less than expire (1h0m0s)");
	config_refuse(CONFIG_OPTIONS("max_age 250ms"),
		"Corefile:3: max_age (250ms) must not be less than expire (10s)");
	config_destroy(config_accept(CONFIG_OPTIONS("max_age 1s\nexpire 1s")));
	config_destroy(config_accept(CONFIG_OPTIONS("max_age 1s\nexpire 0")));
	config_destroy(config_accept(CONFIG_OPTIONS("expire 30s\nmax_age 0")));
	config_destroy(config_accept(CONFIG_OPTIONS("max_age 10s\nexpire 30s\nmax_age 30s")));
}

static void hedge_is_compared_after_the_whole_block(void)
{
	config_refuse(CONFIG_OPTIONS("hedge 300ms\nread_timeout 250ms"),
		"Corefile:3: hedge (300ms) must be less than read_timeout (250ms)");
	config_destroy(config_accept(CONFIG_OPTIONS("hedge 3s\nread_timeout 4s")));
}

static void upstreams_are_bounded(void)
{
	static char text[300000];
	size_t length = (size_t)snprintf(text, sizeof(text), ". {\nforward .");

	for (int i = 0; i <= 16384; i++)
		length += (size_t)snprintf(
			text + length, sizeof(text) - length, " 10.0.%d.%d", i / 256, i % 256);
	snprintf(text + length, sizeof(text) - length, "\n}\n");
	config_refuse(text, "Corefile:2: '10.0.64.0' is beyond 16384 upstreams");
}

// Prefixes are bounded by what they stand for, not by how they are written.
static void names_are_bounded(void)
{
	static char text[16384];
	size_t length = (size_t)snprintf(text, sizeof(text), ". {\nforward . 192.0.2.1 {\nexcept");

	for (int i = 0; i < 512; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " 10.0.0.0/9");
	snprintf(text + length, sizeof(text) - length, "\n}\n}\n");
	// Two names are taken by the zone and by FROM.
	config_refuse(text, "Corefile:3: '10.0.0.0/9' is beyond 65536 names");
}

static const struct unit_case cases[] = {
	{"a line without a block has the defaults", a_line_without_a_block_has_the_defaults},
	{"every option is read", every_option_is_read},
	{"weights belong to the upstream before", weights_belong_to_the_upstream_before},
	{"failover and next append", failover_and_next_append},
	{"the last of an option stands", the_last_of_an_option_stands},
	{"from is a name or all reverse zones", from_is_a_name_or_all_reverse_zones},
	{"upstreams keep their order", upstreams_keep_their_order_without_duplicates},
	{"many upstreams are allowed", many_upstreams_are_allowed},
	{"faulty lines are refused", faulty_lines_are_refused},
	{"faulty options are refused", faulty_options_are_refused},
	{"max_age is compared after the whole block", max_age_is_compared_after_the_whole_block},
	{"hedge is compared after the whole block", hedge_is_compared_after_the_whole_block},
	{"upstreams are bounded", upstreams_are_bounded},
	{"names are bounded", names_are_bounded},
};

UNIT_MAIN("config forward", cases)
