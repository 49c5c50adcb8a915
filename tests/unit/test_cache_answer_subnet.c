// SPDX-License-Identifier: BSD-3-Clause
// Answers for subnets: which key one is kept under, and which one a client's subnet looks up.
#include "cache_fixture.h"

#include "cache/answer_subnet.h"

static struct cache_fixture fixture;
static struct cache_key plain;

static struct dns_client_subnet ipv4(uint8_t length, uint32_t address)
{
	struct dns_client_subnet subnet = {.family = CACHE_SUBNET_IPV4, .source_length = length};

	bytes_store_u32(subnet.address, length ? address >> (32 - length) << (32 - length) : 0);
	return subnet;
}

static struct dns_client_subnet ipv6(uint8_t length)
{
	return (struct dns_client_subnet){
		.family = CACHE_SUBNET_IPV6, .source_length = length, .address = {0x20, 1}};
}

static void open_store(void)
{
	const struct cache_store_options options = cache_fixture_options(4 << 20, 1);

	cache_fixture_open(&fixture, &options);
	cache_fixture_key(&plain, 1);
}

// The key that an answer of `scope_length` to `subnet` is kept under.
static struct cache_key key_of(
	struct dns_client_subnet subnet, uint8_t scope_length, uint32_t opaque)
{
	struct dns_client_subnet scope = subnet;
	struct cache_key key = plain;

	dns_client_subnet_mask(&scope, scope_length);
	CU_ASSERT_EQUAL(cache_answer_key_narrow(&key, &subnet, &scope), opaque);
	return key;
}

static void expect_kept(
	struct dns_client_subnet subnet, uint8_t scope_length, uint8_t length, uint32_t opaque)
{
	struct cache_key key = key_of(subnet, scope_length, opaque);
	struct cache_key expected = plain;

	CU_ASSERT_EQUAL(cache_key_set_subnet(&expected, (enum cache_subnet_family)subnet.family,
				length, subnet.address),
		0);
	CU_ASSERT_EQUAL_FATAL(key.length, expected.length);
	CU_ASSERT_EQUAL(memcmp(key.bytes, expected.bytes, key.length), 0);
}

// For `seconds`, and as long past them.
static void keep(const struct cache_key *key, uint32_t opaque, uint32_t seconds)
{
	const struct cache_record record = {
		.key = key,
		.hash = cache_store_hash(fixture.store, key),
		.stored_at = cache_seconds(fixture.now),
		.expires_at = cache_seconds(fixture.now) + seconds,
		.stale_until = cache_seconds(fixture.now) + 2 * seconds,
		.opaque = opaque,
		.value = (const uint8_t *)"value",
		.value_length = 5,
	};

	CU_ASSERT_EQUAL(
		cache_store_insert(cache_store_lcore(fixture.store, 0), &record, fixture.now),
		CACHE_INSERTED);
}

static void expect_chosen(struct dns_client_subnet subnet, const struct cache_key *expected)
{
	struct cache_key key = plain;

	cache_answer_key_choose(
		&key, &subnet, fixture.store, cache_store_lcore(fixture.store, 0), fixture.now);
	CU_ASSERT_EQUAL_FATAL(key.length, expected->length);
	CU_ASSERT_EQUAL(memcmp(key.bytes, expected->bytes, key.length), 0);
}

static void scopes_are_kept_by_the_next_length(void)
{
	open_store();
	expect_kept(ipv4(24, 0xc0000200), 1, 8, 0);
	expect_kept(ipv4(24, 0xc0000200), 16, 16, 0);
	expect_kept(ipv4(24, 0xc0000200), 17, 20, 0);
	expect_kept(ipv4(24, 0xc0000200), 21, 24, 0);
	expect_kept(ipv4(32, 0xc0000201), 25, 32, 0);
	expect_kept(ipv6(56), 3, 32, 0);
	expect_kept(ipv6(56), 41, 48, 0);
	expect_kept(ipv6(128), 65, 128, 0);
	// Not beyond what was told.
	expect_kept(ipv4(22, 0xc0000200), 21, 22, 0);
	expect_kept(ipv4(22, 0xc0000200), 22, 22, 0);
	expect_kept(ipv4(7, 0xc0000200), 1, 7, 0);
	expect_kept(ipv6(56), 56, 56, 0);
	// All of a family, and who tells nothing of theirs.
	expect_kept(ipv4(24, 0xc0000200), 0, 0, CACHE_ANSWER_WIDE);
	expect_kept(ipv6(56), 0, 0, CACHE_ANSWER_WIDE);
	expect_kept(ipv4(0, 0), 0, 0, 0);
	cache_fixture_close(&fixture);
}

static void who_knows_of_no_subnets_answers_everybody(void)
{
	const struct dns_client_subnet none = {0};
	struct dns_client_subnet subnet = ipv4(24, 0xc0000200);
	struct cache_key key;

	open_store();
	key = plain;
	CU_ASSERT_EQUAL(cache_answer_key_narrow(&key, &subnet, &none), CACHE_ANSWER_WIDE);
	CU_ASSERT_EQUAL(memcmp(key.bytes, plain.bytes, plain.length), 0);
	cache_fixture_close(&fixture);
}

static bool is_kept_for_all(uint8_t length)
{
	return length == 0 || length == 8 || length == 16 || length == 20 || length == 24 ||
	       length == 32;
}

// Every length of every scope is found by whoever tells as much, and by whoever tells more unless
// it is kept by a length that only its asker has.
static void every_scope_is_found_from_within(void)
{
	for (uint8_t source = 0; source <= 32; source++) {
		for (uint8_t scope = 0; scope <= source; scope++) {
			struct dns_client_subnet asked = ipv4(source, 0xc0a85a5a);
			struct cache_key key;
			uint32_t opaque = source && !scope ? CACHE_ANSWER_WIDE : 0;

			open_store();
			key = key_of(asked, scope, opaque);
			keep(&key, opaque, 60);
			expect_chosen(asked, &key);
			if (source && is_kept_for_all(cache_key_subnet_prefix(key.bytes)))
				expect_chosen(ipv4(32, 0xc0a85a5a), &key);
			cache_fixture_close(&fixture);
		}
	}
}

static void nobody_outside_finds_it(void)
{
	struct cache_key own;
	struct cache_key key;

	open_store();
	key = key_of(ipv4(24, 0xc0a85a00), 16, 0);
	keep(&key, 0, 60);
	own = key_of(ipv4(24, 0xc0a95a00), 24, 0);
	expect_chosen(ipv4(24, 0xc0a95a00), &own);
	// Who tells less.
	own = key_of(ipv4(15, 0xc0a80000), 15, 0);
	expect_chosen(ipv4(15, 0xc0a80000), &own);
	own = key_of(ipv6(56), 56, 0);
	expect_chosen(ipv6(56), &own);
	cache_fixture_close(&fixture);
}

static void what_is_not_wide_serves_its_own_alone(void)
{
	struct cache_key own;
	struct cache_key key;

	open_store();
	own = key_of(ipv4(24, 0xc0a85a00), 24, 0);
	keep(&plain, 0, 60);
	expect_chosen(ipv4(24, 0xc0a85a00), &own);
	key = key_of(ipv4(0, 0), 0, 0);
	keep(&key, 0, 60);
	expect_chosen(ipv4(24, 0xc0a85a00), &own);
	expect_chosen(ipv4(0, 0), &key);
	keep(&plain, CACHE_ANSWER_WIDE, 60);
	expect_chosen(ipv4(24, 0xc0a85a00), &plain);
	expect_chosen(ipv6(56), &plain);
	keep(&key, CACHE_ANSWER_WIDE, 60);
	expect_chosen(ipv4(24, 0xc0a85a00), &key);
	expect_chosen(ipv6(56), &plain);
	cache_fixture_close(&fixture);
}

static void fresh_comes_before_stale_and_long_before_short(void)
{
	struct dns_client_subnet asked = ipv4(32, 0xc0a85a5a);
	struct cache_key longest;
	struct cache_key middle;
	struct cache_key shortest;

	open_store();
	longest = key_of(asked, 24, 0);
	middle = key_of(asked, 20, 0);
	shortest = key_of(asked, 8, 0);
	keep(&shortest, 0, 30);
	keep(&longest, 0, 10);
	keep(&middle, 0, 20);
	expect_chosen(asked, &longest);
	fixture.now += 15 * CLOCK_SECOND;
	expect_chosen(asked, &middle);
	// The longest is gone, the middle one is stale.
	fixture.now += 10 * CLOCK_SECOND;
	expect_chosen(asked, &shortest);
	// The two that are left are stale.
	fixture.now += 10 * CLOCK_SECOND;
	expect_chosen(asked, &middle);
	cache_fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"scopes are kept by the next length", scopes_are_kept_by_the_next_length},
	{"who knows of no subnets answers everybody", who_knows_of_no_subnets_answers_everybody},
	{"every scope is found from within", every_scope_is_found_from_within},
	{"nobody outside finds it", nobody_outside_finds_it},
	{"what is not wide serves its own alone", what_is_not_wide_serves_its_own_alone},
	{"fresh comes before stale, and long before short",
		fresh_comes_before_stale_and_long_before_short},
};

UNIT_MAIN("cache answer subnet", cases)
