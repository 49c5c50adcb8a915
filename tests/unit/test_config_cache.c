// SPDX-License-Identifier: BSD-3-Clause
// The directives `cache` and `loadbalance` of a server block.
#include "config_text.h"

#include "base/clock.h"
#include "config/reader.h"

#include <string.h>

// What a `cache` line with its block gives.
struct cache_text {
	struct config_arena arena;
	struct config_cache cache;
};

static void read_cache(struct cache_text *text, const char *directive)
{
	struct config_error error = {0};
	struct config_reader reader = {.arena = &text->arena, .error = &error};
	struct config_files files = {.arena = &text->arena};
	struct config_tokens tokens;
	struct config_lines lines;
	struct config_line line;
	int err;

	memset(text, 0, sizeof(*text));
	memset(&text->cache, 0xee, sizeof(text->cache));
	err = config_lex_text(
		&text->arena, "Corefile", directive, strlen(directive), &tokens, &error);
	CU_ASSERT_EQUAL_FATAL(err, 0);
	config_lines_init(&lines, &text->arena, &tokens, &files, &error);
	CU_ASSERT_EQUAL_FATAL(config_lines_next(&lines, &line), 0);
	err = config_read_cache(&reader, &lines, &line, &text->cache);
	if (err)
		fprintf(stderr, "\n%s\nwas refused: %s\n", directive, error.text);
	CU_ASSERT_EQUAL_FATAL(err, 0);
}

static void expect_name(const struct dns_name *name, const char *expected)
{
	char text[DNS_NAME_TEXT];

	CU_ASSERT_STRING_EQUAL(dns_name_format(name, text), expected);
}

static void without_options_it_has_the_defaults(void)
{
	struct cache_text text;

	read_cache(&text, "\n\ncache\n");
	CU_ASSERT_EQUAL(text.cache.zone_count, 0);
	CU_ASSERT_EQUAL(text.cache.success.capacity, 0);
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 3600);
	CU_ASSERT_EQUAL(text.cache.success.ttl_least, 5);
	CU_ASSERT_EQUAL(text.cache.success.disabled_count, 0);
	CU_ASSERT_EQUAL(text.cache.denial.capacity, 0);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_most, 1800);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_least, 5);
	CU_ASSERT_EQUAL(text.cache.denial.disabled_count, 0);
	CU_ASSERT_EQUAL(text.cache.size, UINT64_C(256) << 20);
	CU_ASSERT_EQUAL(text.cache.servfail_ttl, 5);
	CU_ASSERT_FALSE(text.cache.keeps_ttl);
	CU_ASSERT_EQUAL(text.cache.prefetch_amount, 0);
	CU_ASSERT_EQUAL(text.cache.prefetch_pause, 60 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.prefetch_percentage, 10);
	CU_ASSERT_EQUAL(text.cache.stale_up_to, 0);
	CU_ASSERT_EQUAL(text.cache.stale_mode, CONFIG_STALE_IMMEDIATE);
	CU_ASSERT_EQUAL(text.cache.stale_verify_timeout, 1800 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(text.cache.stale_ttl, 30);
	CU_ASSERT_EQUAL(text.cache.stale_recheck, 30 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.line, 3);
	config_arena_free(&text.arena);
}

static void a_ttl_caps_both_kinds(void)
{
	struct cache_text text;

	read_cache(&text, "cache 300");
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 300);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_most, 300);
	CU_ASSERT_EQUAL(text.cache.zone_count, 0);
	config_arena_free(&text.arena);
	read_cache(&text, "cache 2147483647");
	CU_ASSERT_EQUAL(text.cache.denial.ttl_most, 2147483647);
	config_arena_free(&text.arena);
}

static void zones_follow_the_ttl_or_stand_alone(void)
{
	struct cache_text text;

	read_cache(&text, "cache 10 Example.ORG 10.0.0.0/15");
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 10);
	CU_ASSERT_EQUAL_FATAL(text.cache.zone_count, 3);
	expect_name(&text.cache.zones[0], "example.org.");
	expect_name(&text.cache.zones[1], "0.10.in-addr.arpa.");
	expect_name(&text.cache.zones[2], "1.10.in-addr.arpa.");
	config_arena_free(&text.arena);
	// Only the first word may be the TTL.
	read_cache(&text, "cache example.org 10");
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 3600);
	CU_ASSERT_EQUAL_FATAL(text.cache.zone_count, 2);
	expect_name(&text.cache.zones[1], "10.");
	config_arena_free(&text.arena);
}

static void success_and_denial_have_capacity_ttl_and_least_ttl(void)
{
	struct cache_text text;

	read_cache(&text, "cache 100 {\nsuccess 5000\ndenial 2500 60 0\n}\n");
	CU_ASSERT_EQUAL(text.cache.success.capacity, 5000);
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 100);
	CU_ASSERT_EQUAL(text.cache.success.ttl_least, 5);
	CU_ASSERT_EQUAL(text.cache.denial.capacity, 2500);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_most, 60);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_least, 0);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nsuccess 1 7200 60\n}\n");
	CU_ASSERT_EQUAL(text.cache.success.ttl_most, 7200);
	CU_ASSERT_EQUAL(text.cache.success.ttl_least, 60);
	CU_ASSERT_EQUAL(text.cache.denial.ttl_most, 1800);
	config_arena_free(&text.arena);
}

static void prefetch_has_amount_pause_and_percentage(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\nprefetch 10\n}\n");
	CU_ASSERT_EQUAL(text.cache.prefetch_amount, 10);
	CU_ASSERT_EQUAL(text.cache.prefetch_pause, 60 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.prefetch_percentage, 10);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nprefetch 3 1m30s 90%\n}\n");
	CU_ASSERT_EQUAL(text.cache.prefetch_amount, 3);
	CU_ASSERT_EQUAL(text.cache.prefetch_pause, 90 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.prefetch_percentage, 90);
	config_arena_free(&text.arena);
}

static void serve_stale_has_defaults_of_rfc_8767(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\nserve_stale\n}\n");
	CU_ASSERT_EQUAL(text.cache.stale_up_to, 3600 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.stale_mode, CONFIG_STALE_IMMEDIATE);
	CU_ASSERT_EQUAL(text.cache.stale_ttl, 30);
	CU_ASSERT_EQUAL(text.cache.stale_recheck, 30 * CLOCK_SECOND);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nserve_stale 24h verify\n}\n");
	CU_ASSERT_EQUAL(text.cache.stale_up_to, 24 * 3600 * CLOCK_SECOND);
	CU_ASSERT_EQUAL(text.cache.stale_mode, CONFIG_STALE_VERIFY);
	CU_ASSERT_EQUAL(text.cache.stale_verify_timeout, 1800 * CLOCK_MILLISECOND);
	config_arena_free(&text.arena);
}

static void serve_stale_has_mode_timeout_ttl_and_recheck(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\nserve_stale 1h Verify 100ms 20s 1m\n}\n");
	CU_ASSERT_EQUAL(text.cache.stale_mode, CONFIG_STALE_VERIFY);
	CU_ASSERT_EQUAL(text.cache.stale_verify_timeout, 100 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(text.cache.stale_ttl, 20);
	CU_ASSERT_EQUAL(text.cache.stale_recheck, 60 * CLOCK_SECOND);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nserve_stale 0s IMMEDIATE 10s 0s\n}\n");
	CU_ASSERT_EQUAL(text.cache.stale_up_to, 0);
	CU_ASSERT_EQUAL(text.cache.stale_mode, CONFIG_STALE_IMMEDIATE);
	CU_ASSERT_EQUAL(text.cache.stale_verify_timeout, 1800 * CLOCK_MILLISECOND);
	CU_ASSERT_EQUAL(text.cache.stale_ttl, 10);
	CU_ASSERT_EQUAL(text.cache.stale_recheck, 0);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nserve_stale 1h verify 0s\n}\n");
	CU_ASSERT_EQUAL(text.cache.stale_verify_timeout, 0);
	config_arena_free(&text.arena);
}

static void servfail_is_up_to_five_minutes(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\nservfail 5m\n}\n");
	CU_ASSERT_EQUAL(text.cache.servfail_ttl, 300);
	config_arena_free(&text.arena);
	read_cache(&text, "cache {\nservfail 0\n}\n");
	CU_ASSERT_EQUAL(text.cache.servfail_ttl, 0);
	config_arena_free(&text.arena);
}

static void disable_adds_zones_or_all(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\ndisable denial a.example B.example\ndisable denial c.example\n"
			  "disable success\n}\n");
	CU_ASSERT_EQUAL_FATAL(text.cache.denial.disabled_count, 3);
	expect_name(&text.cache.denial.disabled[0], "a.example.");
	expect_name(&text.cache.denial.disabled[1], "b.example.");
	expect_name(&text.cache.denial.disabled[2], "c.example.");
	CU_ASSERT_EQUAL_FATAL(text.cache.success.disabled_count, 1);
	expect_name(&text.cache.success.disabled[0], ".");
	config_arena_free(&text.arena);
}

static void size_has_suffixes_of_1024(void)
{
	static const struct {
		const char *text;
		uint64_t size;
	} sizes[] = {
		{"cache {\nsize 1048576\n}\n", UINT64_C(1) << 20},
		{"cache {\nsize 1024K\n}\n", UINT64_C(1) << 20},
		{"cache {\nsize 1M\n}\n", UINT64_C(1) << 20},
		{"cache {\nsize 2G\n}\n", UINT64_C(2) << 30},
		{"cache {\nsize 1024G\n}\n", UINT64_C(1) << 40},
		{"cache {\nsize 2G\nsize 3M\n}\n", UINT64_C(3) << 20},
	};
	struct cache_text text;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(sizes); i++) {
		read_cache(&text, sizes[i].text);
		CU_ASSERT_EQUAL(text.cache.size, sizes[i].size);
		config_arena_free(&text.arena);
	}
}

static void keepttl_keeps_the_ttl(void)
{
	struct cache_text text;

	read_cache(&text, "cache {\nkeepttl\n}\n");
	CU_ASSERT_TRUE(text.cache.keeps_ttl);
	config_arena_free(&text.arena);
}

#define CACHE(options) ". {\ncache {\n" options "\n}\n}\n"
#define NOT_A_PERCENTAGE " is not one of 10% to 90%"

static const struct config_refusal faulty_lines[] = {
	{". {\ncache 0\n}\n", "Corefile:2: cache '0' must be more than 0"},
	{". {\ncache -5\n}\n", "Corefile:2: cache '-5' must not be negative"},
	{". {\ncache 2147483648\n}\n",
		"Corefile:2: cache '2147483648' is above 2147483647 seconds"},
	{". {\ncache 4294967296\n}\n", "Corefile:2: cache '4294967296' is above 4294967295"},
	{". {\ncache 10 a..b\n}\n", "Corefile:2: 'a..b' is not a domain name"},
	{". {\ncache 192.0.2.1\n}\n", "Corefile:2: '192.0.2.1' is an address: a prefix needs a "
				      "length, as in 192.0.2.0/24"},
	{CACHE("banana 1"), "Corefile:3: unknown option 'banana' of cache"},
	{CACHE("keepttll"),
		"Corefile:3: unknown option 'keepttll' of cache, did you mean 'keepttl'?"},
	{CACHE("keepttl {"), "Corefile:3: '{' opens one block too many"},
};

static const struct config_refusal faulty_parts[] = {
	{CACHE("success"), "Corefile:3: 'success' needs an argument"},
	{CACHE("success 0"), "Corefile:3: success '0' must be more than 0"},
	{CACHE("success -1"), "Corefile:3: success '-1' must not be negative"},
	{CACHE("success many"), "Corefile:3: success 'many' is not a number"},
	{CACHE("success 4294967296"), "Corefile:3: success '4294967296' is above 4294967295"},
	{CACHE("success 1 0"), "Corefile:3: success '0' must be more than 0"},
	{CACHE("success 1 -2"), "Corefile:3: success '-2' must not be negative"},
	{CACHE("success 1 2147483648"),
		"Corefile:3: success '2147483648' is above 2147483647 seconds"},
	{CACHE("success 1 2 -3"), "Corefile:3: success '-3' must not be negative"},
	{CACHE("success 1 2 3s"), "Corefile:3: success '3s' is not a number"},
	{CACHE("success 1 2 3 4"), "Corefile:3: too many arguments for 'success': '4'"},
	{CACHE("denial"), "Corefile:3: 'denial' needs an argument"},
	{CACHE("denial 0"), "Corefile:3: denial '0' must be more than 0"},
	{CACHE("denial 1 0"), "Corefile:3: denial '0' must be more than 0"},
	{CACHE("denial 1 2 x"), "Corefile:3: denial 'x' is not a number"},
	{CACHE("denial 1 2 3 4"), "Corefile:3: too many arguments for 'denial': '4'"},
	{CACHE("disable"), "Corefile:3: 'disable' needs an argument"},
	{CACHE("disable all"), "Corefile:3: disable 'all' is not success or denial"},
	{CACHE("disable denial a..b"), "Corefile:3: 'a..b' is not a domain name"},
	{CACHE("keepttl on"), "Corefile:3: too many arguments for 'keepttl': 'on'"},
	{CACHE("servfail"), "Corefile:3: 'servfail' needs an argument"},
	{CACHE("servfail 5"), "Corefile:3: servfail '5' needs a unit, as in '30s'"},
	{CACHE("servfail -1s"), "Corefile:3: servfail '-1s' must not be negative"},
	{CACHE("servfail 5m1s"), "Corefile:3: servfail '5m1s' is above 5m"},
	{CACHE("servfail 1500ms"),
		"Corefile:3: servfail '1500ms' is not a whole number of seconds"},
	{CACHE("servfail 2147483648s"), "Corefile:3: servfail '2147483648s' is too long"},
	{CACHE("servfail 1s 2s"), "Corefile:3: too many arguments for 'servfail': '2s'"},
	{CACHE("size"), "Corefile:3: 'size' needs an argument"},
	{CACHE("size G"), "Corefile:3: size 'G' is not a number of bytes, as in '2G'"},
	{CACHE("size 2T"), "Corefile:3: size '2T' is not a number of bytes, as in '2G'"},
	{CACHE("size 2GB"), "Corefile:3: size '2GB' is not a number of bytes, as in '2G'"},
	{CACHE("size -2G"), "Corefile:3: size '-2G' is not a number of bytes, as in '2G'"},
	{CACHE("size \"\""), "Corefile:3: size '' is not a number of bytes, as in '2G'"},
	{CACHE("size 1023K"), "Corefile:3: size '1023K' is below 1M"},
	{CACHE("size 0"), "Corefile:3: size '0' is below 1M"},
	{CACHE("size 1025G"), "Corefile:3: size '1025G' is above 1024G"},
	{CACHE("size 99999999999999999999999"),
		"Corefile:3: size '99999999999999999999999' is above 1024G"},
	{CACHE("size 1M 2M"), "Corefile:3: too many arguments for 'size': '2M'"},
};

static const struct config_refusal faulty_refreshes[] = {
	{CACHE("prefetch"), "Corefile:3: 'prefetch' needs an argument"},
	{CACHE("prefetch -1"), "Corefile:3: prefetch '-1' must not be negative"},
	{CACHE("prefetch x"), "Corefile:3: prefetch 'x' is not a number"},
	{CACHE("prefetch 1 60"), "Corefile:3: prefetch '60' needs a unit, as in '30s'"},
	{CACHE("prefetch 1 0s"), "Corefile:3: prefetch '0s' must be more than 0"},
	{CACHE("prefetch 1 -1s"), "Corefile:3: prefetch '-1s' must be more than 0"},
	{CACHE("prefetch 1 1m 10"), "Corefile:3: prefetch '10'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m 9%"), "Corefile:3: prefetch '9%'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m 91%"), "Corefile:3: prefetch '91%'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m %"), "Corefile:3: prefetch '%'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m 1x%"), "Corefile:3: prefetch '1x%'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m 0010%"), "Corefile:3: prefetch '0010%'" NOT_A_PERCENTAGE},
	{CACHE("prefetch 1 1m 10% 2"), "Corefile:3: too many arguments for 'prefetch': '2'"},
	{CACHE("serve_stale 60"), "Corefile:3: serve_stale '60' needs a unit, as in '30s'"},
	{CACHE("serve_stale -1s"), "Corefile:3: serve_stale '-1s' must not be negative"},
	{CACHE("serve_stale long"), "Corefile:3: serve_stale 'long' is not a duration"},
	{CACHE("serve_stale 9999999h"), "Corefile:3: serve_stale '9999999h' is too long"},
	{CACHE("serve_stale 1h later"),
		"Corefile:3: serve_stale 'later' is not immediate or verify"},
	{CACHE("serve_stale 1h verify -1s"), "Corefile:3: serve_stale '-1s' must not be negative"},
	{CACHE("serve_stale 1h verify x"), "Corefile:3: serve_stale 'x' is not a duration"},
	{CACHE("serve_stale 1h verify 1s 0s"), "Corefile:3: serve_stale '0s' must be more than 0"},
	{CACHE("serve_stale 1h verify 1s 1ms"),
		"Corefile:3: serve_stale '1ms' is not a whole number of seconds"},
	{CACHE("serve_stale 1h verify 1s 1s 301s"), "Corefile:3: serve_stale '301s' is above 5m"},
	{CACHE("serve_stale 1h verify 1s 1s 1s 1s"),
		"Corefile:3: too many arguments for 'serve_stale': '1s'"},
	{CACHE("serve_stale 1h immediate 0s"), "Corefile:3: serve_stale '0s' must be more than 0"},
	{CACHE("serve_stale 1h immediate 1s -1s"),
		"Corefile:3: serve_stale '-1s' must not be negative"},
	{CACHE("serve_stale 1h immediate 1s 2s 3s"),
		"Corefile:3: too many arguments for 'serve_stale': '3s'"},
};

static void faulty_lines_are_refused(void)
{
	config_refuse_each(faulty_lines, BASE_ARRAY_SIZE(faulty_lines));
}

static void faulty_parts_are_refused(void)
{
	config_refuse_each(faulty_parts, BASE_ARRAY_SIZE(faulty_parts));
}

static void faulty_refreshes_are_refused(void)
{
	config_refuse_each(faulty_refreshes, BASE_ARRAY_SIZE(faulty_refreshes));
}

static void faulty_loadbalance_is_refused(void)
{
	static const struct config_refusal refusals[] = {
		{". {\nloadbalance weighted\n}\n",
			"Corefile:2: loadbalance 'weighted' is not round_robin"},
		{". {\nloadbalance round_robin x\n}\n",
			"Corefile:2: too many arguments for 'loadbalance': 'x'"},
		{". {\nloadbalance {\nprefer 192.0.2.0/24\n}\n}\n",
			"Corefile:2: 'loadbalance' takes no block, but '{' follows"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
}

static void blocks_have_a_cache_and_rotation(void)
{
	struct config_error error = {0};
	struct config *config = config_read_text("Corefile",
		"a b {\ncache 30 {\nkeepttl\n}\nloadbalance\nforward . 192.0.2.1\n}\n"
		"c {\nforward . 192.0.2.1\n}\n",
		&error);
	const struct config_server *servers;
	size_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(servers[0].cache);
	CU_ASSERT_PTR_EQUAL(servers[0].cache, servers[1].cache);
	CU_ASSERT_TRUE(servers[0].cache->keeps_ttl);
	CU_ASSERT_TRUE(servers[0].rotates_records);
	CU_ASSERT_PTR_NULL(servers[2].cache);
	CU_ASSERT_FALSE(servers[2].rotates_records);
	config_destroy(config);
}

static const struct unit_case cases[] = {
	{"without options it has the defaults", without_options_it_has_the_defaults},
	{"a TTL caps both kinds", a_ttl_caps_both_kinds},
	{"zones follow the TTL or stand alone", zones_follow_the_ttl_or_stand_alone},
	{"success and denial have capacity, TTL and least TTL",
		success_and_denial_have_capacity_ttl_and_least_ttl},
	{"prefetch has amount, pause and percentage", prefetch_has_amount_pause_and_percentage},
	{"serve_stale has defaults of RFC 8767", serve_stale_has_defaults_of_rfc_8767},
	{"serve_stale has mode, timeout, TTL and recheck",
		serve_stale_has_mode_timeout_ttl_and_recheck},
	{"servfail is up to five minutes", servfail_is_up_to_five_minutes},
	{"disable adds zones or all", disable_adds_zones_or_all},
	{"size has suffixes of 1024", size_has_suffixes_of_1024},
	{"keepttl keeps the TTL", keepttl_keeps_the_ttl},
	{"faulty lines are refused", faulty_lines_are_refused},
	{"faulty parts are refused", faulty_parts_are_refused},
	{"faulty refreshes are refused", faulty_refreshes_are_refused},
	{"faulty loadbalance is refused", faulty_loadbalance_is_refused},
	{"blocks have a cache and rotation", blocks_have_a_cache_and_rotation},
};

UNIT_MAIN("config cache", cases)
